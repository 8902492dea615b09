/*
 * The relays of one environment: what connects to a port in there is connected to the same port of this machine's loopback.
 * While the environment is frozen nothing is carried, and what came meanwhile arrives a moment after the thaw: as from a peer
 * on the other side of the link.
 */
#include "network.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES 65536
/* One that carries much lets the others have a turn. */
#define PIECES_AT_ONCE 8
#define CONNECTIONS_MAX 2048
/* A peer that got no answer sends again: Linux 200 ms after the first time, and later and later. A figure of ours. */
#define HELD_MS 50

/* Orders of the daemon, one byte each, and the answer to the second. */
enum { ORDER_FREEZE = 'f', ORDER_THAW = 't' };

/* One direction. */
struct way {
  int from, to;
  /* What could not be sent yet; nothing is read before it is. */
  char *rest;
  size_t rest_length, rest_at;
  /* Its end was reached, and passed on. */
  bool ended;
};

struct connection {
  int inside, outside;
  struct way out, in;
  bool connecting, prompt, broken;
  /* What came during the freeze waits until then; 0: nothing waits. */
  int64_t held_until_ms;
};

struct relays {
  const struct network *network;
  int control;
  bool frozen;
  struct connection *connections[CONNECTIONS_MAX];
  int count, count_max;
  struct pollfd waits[1 + RELAYS_MAX + 2 * CONNECTIONS_MAX];
};

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- One connection --- */

/* 0 when all of it is sent, 1 when something is left, -1 when the other side is gone. */
static int send_rest(struct way *way) {
  while (way->rest_length > 0) {
    ssize_t sent = send(way->to, way->rest + way->rest_at, way->rest_length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN ? 1 : -1;
    way->rest_at += (size_t)sent;
    way->rest_length -= (size_t)sent;
  }
  free(way->rest);
  way->rest = NULL;
  return 0;
}

static int send_piece(struct way *way, const char *bytes, size_t length) {
  ssize_t sent;
  do sent = send(way->to, bytes, length, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent < 0 && errno != EAGAIN) return -1;
  size_t taken = sent < 0 ? 0 : (size_t)sent;
  if (taken == length) return 0;
  way->rest = malloc(length - taken);
  if (way->rest == NULL) return -1;
  memcpy(way->rest, bytes + taken, length - taken);
  way->rest_at = 0;
  way->rest_length = length - taken;
  return 1;
}

/* As much as there is; false when the connection is broken. */
static bool carry(struct way *way) {
  static char piece[PIECE_BYTES];
  if (way->rest_length > 0) {
    int left = send_rest(way);
    if (left != 0) return left > 0;
  }
  for (int pieces = 0; pieces < PIECES_AT_ONCE && !way->ended; pieces++) {
    ssize_t got = recv(way->from, piece, sizeof piece, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) {
      way->ended = true;
      /* ENOTCONN: the other side has ended too. */
      shutdown(way->to, SHUT_WR);
      return true;
    }
    int left = send_piece(way, piece, (size_t)got);
    if (left != 0) return left > 0;
  }
  return true;
}

/* Its other side gets a reset, and no end that looks like one that was meant. */
static void reset(int fd) {
  const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static void close_connection(struct connection *connection) {
  if (connection->broken) {
    reset(connection->inside);
    reset(connection->outside);
  }
  close(connection->inside);
  close(connection->outside);
  free(connection->out.rest);
  free(connection->in.rest);
  free(connection);
}

static void finish_connecting(struct connection *connection) {
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(connection->outside, SOL_SOCKET, SO_ERROR, &error, &length);
  connection->connecting = false;
  if (error != 0) connection->broken = true;
}

static void open_connection(struct relays *relays, const struct relay *relay) {
  static const int yes = 1;
  int inside = accept4(relay->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (inside < 0) return;
  const int kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
  int outside = socket(relay->address.any.sa_family, kind, 0);
  struct connection *connection = outside < 0 ? NULL : calloc(1, sizeof *connection);
  if (connection == NULL) {
    reset(inside);
    close(inside);
    if (outside >= 0) close(outside);
    return;
  }
  setsockopt(inside, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  setsockopt(outside, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  *connection = (struct connection){.inside = inside,
                                    .outside = outside,
                                    .out = {.from = inside, .to = outside},
                                    .in = {.from = outside, .to = inside},
                                    .connecting = true,
                                    .prompt = relay->prompt};
  int connected = connect(outside, &relay->address.any, relay->length);
  if (connected == 0) connection->connecting = false;
  else if (errno != EINPROGRESS) connection->broken = true;
  relays->connections[relays->count++] = connection;
}

/* --- Freeze and thaw --- */

/* What is there now came while the environment was frozen. */
static void hold_what_came(struct relays *relays) {
  int64_t until_ms = now_ms() + HELD_MS;
  for (int each = 0; each < relays->count; each++) {
    struct connection *connection = relays->connections[each];
    if (connection->connecting || connection->in.ended) continue;
    if (connection->prompt) {
      /* The event is there before the function runs. */
      if (!carry(&connection->in)) connection->broken = true;
      continue;
    }
    struct pollfd came = {.fd = connection->outside, .events = POLLIN};
    if (poll(&came, 1, 0) > 0) connection->held_until_ms = until_ms;
  }
}

/* False when the daemon has gone, or has closed this network. */
static bool take_orders(struct relays *relays) {
  char orders[64];
  ssize_t got = recv(relays->control, orders, sizeof orders, MSG_DONTWAIT);
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  for (ssize_t each = 0; each < got; each++) {
    if (orders[each] == ORDER_FREEZE && !relays->frozen) {
      relays->frozen = true;
      take_link_down(relays->network);
    } else if (orders[each] == ORDER_THAW) {
      if (relays->frozen) {
        bring_link_up(relays->network);
        hold_what_came(relays);
        relays->frozen = false;
      }
      if (send(relays->control, orders + each, 1, MSG_NOSIGNAL) < 0) return false;
    }
  }
  return got > 0;
}

/* --- All of them --- */

/* A descriptor of which nothing is wanted is left out: its hangup would be told again and again. */
static struct pollfd wait_of(int fd, bool reads, bool writes) {
  short events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
  return (struct pollfd){.fd = events == 0 ? -1 : fd, .events = events};
}

static void add_waits(const struct connection *connection, struct pollfd *waits) {
  const struct way *out = &connection->out, *in = &connection->in;
  bool carries = !connection->connecting, held = connection->held_until_ms != 0;
  waits[0] = wait_of(connection->inside, carries && !out->ended && out->rest_length == 0,
                     in->rest_length > 0);
  waits[1] = wait_of(connection->outside,
                     carries && !held && !in->ended && in->rest_length == 0,
                     connection->connecting || out->rest_length > 0);
}

/* Milliseconds until something that is held may go on; -1 for ever. */
static int next_release(struct relays *relays) {
  int64_t next_ms = -1, at_ms = 0;
  for (int each = 0; each < relays->count; each++) {
    struct connection *connection = relays->connections[each];
    if (connection->held_until_ms == 0) continue;
    if (at_ms == 0) at_ms = now_ms();
    int64_t left_ms = connection->held_until_ms - at_ms;
    if (left_ms <= 0) connection->held_until_ms = 0;
    else if (next_ms < 0 || left_ms < next_ms) next_ms = left_ms;
  }
  return (int)next_ms;
}

static size_t gather_waits(struct relays *relays) {
  const struct network *network = relays->network;
  size_t count = 0;
  relays->waits[count++] = (struct pollfd){.fd = relays->control, .events = POLLIN};
  if (relays->frozen) return count;
  bool room = relays->count < relays->count_max;
  for (int each = 0; each < network->relays_count; each++) {
    relays->waits[count++] = wait_of(network->relays[each].listener, room, false);
  }
  for (int each = 0; each < relays->count; each++, count += 2) {
    add_waits(relays->connections[each], relays->waits + count);
  }
  return count;
}

static void serve_connection(struct connection *connection, const struct pollfd *waits) {
  bool inside = waits[0].revents != 0, outside = waits[1].revents != 0;
  if (connection->connecting) {
    if (outside) finish_connecting(connection);
    return;
  }
  bool held = connection->held_until_ms != 0;
  if (((inside || outside) && !carry(&connection->out)) ||
      ((inside || outside) && !held && !carry(&connection->in))) {
    connection->broken = true;
  }
}

static void drop_finished(struct relays *relays) {
  for (int each = relays->count - 1; each >= 0; each--) {
    struct connection *connection = relays->connections[each];
    bool done = connection->out.ended && connection->in.ended;
    bool left = connection->out.rest_length + connection->in.rest_length > 0;
    if (!connection->broken && (!done || left)) continue;
    close_connection(connection);
    relays->connections[each] = relays->connections[--relays->count];
  }
}

/* Two descriptors each, beside the few that are open: a listener that cannot accept would be told of for ever. */
static int connections_max(const struct network *network) {
  struct rlimit files = {.rlim_cur = 1024};
  getrlimit(RLIMIT_NOFILE, &files);
  rlim_t others = 32 + (rlim_t)network->relays_count;
  rlim_t room = files.rlim_cur > others ? (files.rlim_cur - others) / 2 : 1;
  return room > CONNECTIONS_MAX ? CONNECTIONS_MAX : (int)room;
}

void serve_relays(const struct network *network, int control) {
  static struct relays relays;
  relays.network = network;
  relays.control = control;
  relays.count_max = connections_max(network);
  for (;;) {
    int timeout_ms = relays.frozen ? -1 : next_release(&relays);
    size_t waits = gather_waits(&relays);
    if (poll(relays.waits, waits, timeout_ms) < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return;
    }
    bool frozen = relays.frozen;
    if (relays.waits[0].revents != 0 && !take_orders(&relays)) return;
    if (frozen || relays.frozen) continue;
    struct pollfd *next = relays.waits + 1 + network->relays_count;
    int before = relays.count;
    for (int each = 0; each < before; each++, next += 2) {
      serve_connection(relays.connections[each], next);
    }
    for (int each = 0; each < network->relays_count; each++) {
      if (relays.waits[1 + each].revents == 0) continue;
      while (relays.count < relays.count_max) {
        int count = relays.count;
        open_connection(&relays, &network->relays[each]);
        if (relays.count == count) break;
      }
    }
    drop_finished(&relays);
  }
}
