/* The spawner: starts the processes of environments for the daemon, whose own forks would copy its whole memory map. */
#include "helper.h"
#include "spawner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Requests come on standard input and answers go to standard output, each a socket to the daemon. On the third one
 * descriptors go to it, as Node takes them from its own child processes.
 */
#define REQUESTS STDIN_FILENO
#define ANSWERS STDOUT_FILENO
#define HANDLES 3
/* More than any start has: one that says more is not from our daemon. */
#define REQUEST_BYTES_MAX (64u * 1024 * 1024)
#define PROBLEM_BYTES_MAX 512

/* What a request starts with, in this machine's byte order; `bytes` is what follows. */
struct head {
  uint32_t bytes, kind, ticket;
};
enum { KIND_START = 1, KIND_KILL = 2 };
/* Of a start; then as many strings as it says, each with a NUL behind it. */
struct start {
  uint32_t output, channel, words, variables;
};

struct child {
  uint32_t ticket;
  pid_t pid;
  /* Where the reason comes when it cannot be started; -1 once that is settled. */
  int status;
  char problem[PROBLEM_BYTES_MAX];
  size_t problem_length;
};

struct spawner {
  pid_t daemon;
  int signals;
  struct child *children;
  struct pollfd *waits;
  size_t count, capacity;
  char *buffer;
  size_t length, room;
  /* Of descriptors that the daemon has not said to have: in the order in which they were sent. */
  uint32_t *unheard;
  size_t unheard_count, unheard_capacity;
};

/* The bytes that the command line shows. */
static char *shown, *shown_end;

static _Noreturn void end_with_daemon(void) {
  /* Every process that was started here gets its parent-death signal. */
  _exit(0);
}

static void answer(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void answer(const char *format, ...) {
  char line[PROBLEM_BYTES_MAX + 64];
  va_list values;
  va_start(values, format);
  int length = vsnprintf(line, sizeof line, format, values);
  va_end(values);
  if (length >= (int)sizeof line) length = (int)sizeof line - 1;
  if (!write_all(ANSWERS, line, (size_t)length)) end_with_daemon();
}

static void *larger(void *all, size_t size) {
  void *room = realloc(all, size);
  if (room == NULL) fail("spawner: out of memory");
  return room;
}

/* --- One start --- */

/* `from` may be the very number that is wanted. */
static void put_at(int from, int wanted) {
  if (from != wanted && dup2(from, wanted) < 0) _exit(EXIT_HELPER);
}

/* Ordinary ends of the daemon's terminal or service are the daemon's to decide on. */
static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};

struct opened {
  int output, channel, status;
};

/* Out of the way of the numbers that are given out. */
static int moved(int fd) {
  int high = fcntl(fd, F_DUPFD, STATUS + 1);
  if (high < 0) _exit(EXIT_HELPER);
  return high;
}

static _Noreturn void be_child(struct opened opened, const struct start *start, char **strings) {
  sigset_t none;
  sigemptyset(&none);
  for (size_t each = 0; each < sizeof ignored / sizeof *ignored; each++) {
    signal(ignored[each], SIG_DFL);
  }
  sigprocmask(SIG_SETMASK, &none, NULL);
  setsid();
  int status = moved(opened.status), channel = opened.channel < 0 ? -1 : moved(opened.channel);
  put_at(opened.output, STDOUT_FILENO);
  put_at(opened.output, STDERR_FILENO);
  put_at(status, STATUS);
  if (channel < 0) close(CHANNEL);
  else put_at(channel, CHANNEL);
  int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0) _exit(EXIT_HELPER);
  put_at(nothing, STDIN_FILENO);
  syscall(SYS_close_range, STATUS + 1, ~0U, 0);
  run_forked(&(struct forked){.words_count = (int)start->words,
                              .words = strings,
                              .environment = strings + start->words + 1,
                              .shown = shown,
                              .shown_end = shown_end});
}

/* A descriptor of the daemon's, as a file of our own; a log pipe without its reader must not hold us up. */
static int open_output(const struct spawner *spawner, uint32_t descriptor) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd/%u", (int)spawner->daemon, descriptor);
  int fd = open(path, O_WRONLY | O_NONBLOCK | O_APPEND | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return -1;
  int flags = fcntl(fd, F_GETFL);
  if (flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0) return fd;
  close(fd);
  return -1;
}

static void add_child(struct spawner *spawner, struct child child) {
  if (spawner->count == spawner->capacity) {
    spawner->capacity = spawner->capacity == 0 ? 16 : 2 * spawner->capacity;
    spawner->children = larger(spawner->children, spawner->capacity * sizeof *spawner->children);
    spawner->waits = larger(spawner->waits, (spawner->capacity + 3) * sizeof *spawner->waits);
  }
  spawner->children[spawner->count++] = child;
}

/* As a message of Node's between a process and its child; false when the daemon is gone. */
static bool send_handle(struct spawner *spawner, uint32_t ticket, int fd) {
  char text[128];
  int length = snprintf(text, sizeof text,
                        "{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Socket\",\"msg\":{\"ticket\":%u}}\n",
                        ticket);
  struct iovec bytes = {.iov_base = text, .iov_len = (size_t)length};
  union {
    struct cmsghdr aligned;
    char room[CMSG_SPACE(sizeof fd)];
  } control = {0};
  struct msghdr message = {.msg_iov = &bytes,
                           .msg_iovlen = 1,
                           .msg_control = control.room,
                           .msg_controllen = sizeof control.room};
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ssize_t sent;
  do sent = sendmsg(HANDLES, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  if (sent != length) return false;
  if (spawner->unheard_count == spawner->unheard_capacity) {
    spawner->unheard_capacity = 2 * spawner->unheard_capacity + 16;
    spawner->unheard =
        larger(spawner->unheard, spawner->unheard_capacity * sizeof *spawner->unheard);
  }
  spawner->unheard[spawner->unheard_count++] = ticket;
  return true;
}

static void close_if_open(int fd) {
  if (fd >= 0) close(fd);
}

/* What could not be done; NULL when the process is there. */
static const char *try_start(struct spawner *spawner, uint32_t ticket, const struct start *start,
                             char **strings) {
  int status[2] = {-1, -1}, channel[2] = {-1, -1};
  int output = open_output(spawner, start->output);
  if (output < 0) return "the output";
  const char *problem = NULL;
  pid_t pid = -1;
  if (pipe2(status, O_CLOEXEC) != 0) problem = "pipe";
  if (problem == NULL && start->channel != 0 &&
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0) {
    problem = "socketpair";
  }
  if (problem == NULL) {
    pid = fork();
    if (pid == 0) be_child((struct opened){output, channel[1], status[1]}, start, strings);
    if (pid < 0) problem = "fork";
  }
  int error = errno;
  close(output);
  close_if_open(status[1]);
  close_if_open(channel[1]);
  if (pid < 0) close_if_open(status[0]);
  if (pid > 0) {
    fcntl(status[0], F_SETFL, O_NONBLOCK);
    /* The daemon's end: a write of more than it holds must not wait for a function that is frozen. */
    if (channel[0] >= 0) fcntl(channel[0], F_SETFL, O_NONBLOCK);
    add_child(spawner, (struct child){.ticket = ticket, .pid = pid, .status = status[0]});
    answer("started %u %d\n", ticket, (int)pid);
    if (channel[0] >= 0 && !send_handle(spawner, ticket, channel[0])) end_with_daemon();
  }
  close_if_open(channel[0]);
  errno = error;
  return problem;
}

static void fork_child(struct spawner *spawner, uint32_t ticket, const struct start *start,
                       char **strings) {
  const char *problem = try_start(spawner, ticket, start, strings);
  if (problem != NULL) answer("failed %u %s %d\n", ticket, problem, errno);
}

/* Strings of the request, a NULL behind the words and another behind the variables; NULL when it is not whole. */
static char **split(const struct start *start, char *text, size_t bytes) {
  size_t wanted = (size_t)start->words + start->variables, found = 0;
  if (start->words > bytes || start->variables > bytes || wanted > bytes) return NULL;
  char **strings = larger(NULL, (wanted + 2) * sizeof *strings);
  char **next = strings;
  for (char *end = text + bytes; found < wanted && text < end; found++) {
    char *nul = memchr(text, '\0', (size_t)(end - text));
    if (nul == NULL) break;
    if (found == start->words) *next++ = NULL;
    *next++ = text;
    text = nul + 1;
  }
  if (found == start->words && start->variables == 0) *next++ = NULL;
  *next = NULL;
  if (found == wanted) return strings;
  free(strings);
  return NULL;
}

static void take_start(struct spawner *spawner, uint32_t ticket, char *bytes, size_t count) {
  struct start start;
  if (count < sizeof start) fail("spawner: a start is cut off");
  memcpy(&start, bytes, sizeof start);
  char **strings = split(&start, bytes + sizeof start, count - sizeof start);
  if (strings == NULL) fail("spawner: a start is cut off");
  fork_child(spawner, ticket, &start, strings);
  free(strings);
}

/* Only what has not been waited for: its pid is nobody else's. */
static void take_kill(const struct spawner *spawner, uint32_t ticket) {
  for (size_t each = 0; each < spawner->count; each++) {
    if (spawner->children[each].ticket == ticket) kill(spawner->children[each].pid, SIGKILL);
  }
}

/* --- What comes in --- */

/* How many bytes the first request takes; 0 while it is not whole. */
static size_t take_request(struct spawner *spawner, char *bytes, size_t count) {
  struct head head;
  if (count < sizeof head) return 0;
  memcpy(&head, bytes, sizeof head);
  if (head.bytes > REQUEST_BYTES_MAX) fail("spawner: a request of %u bytes", head.bytes);
  if (count - sizeof head < head.bytes) return 0;
  if (head.kind == KIND_KILL) take_kill(spawner, head.ticket);
  else take_start(spawner, head.ticket, bytes + sizeof head, head.bytes);
  return sizeof head + head.bytes;
}

static void read_requests(struct spawner *spawner) {
  if (spawner->room - spawner->length < 65536) {
    spawner->room = 2 * spawner->room + 65536;
    spawner->buffer = larger(spawner->buffer, spawner->room);
  }
  ssize_t got = read(REQUESTS, spawner->buffer + spawner->length, spawner->room - spawner->length);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) end_with_daemon();
  spawner->length += (size_t)got;
  size_t taken = 0, request;
  do {
    request = take_request(spawner, spawner->buffer + taken, spawner->length - taken);
    taken += request;
  } while (request > 0);
  spawner->length -= taken;
  memmove(spawner->buffer, spawner->buffer + taken, spawner->length);
}

/* One line says of one descriptor that the daemon has it, or that it has not: then nobody can use what has the other end. */
static void read_handle_lines(struct spawner *spawner) {
  static char line[256];
  static size_t length;
  char bytes[1024];
  ssize_t got = read(HANDLES, bytes, sizeof bytes);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got <= 0) end_with_daemon();
  for (ssize_t each = 0; each < got; each++) {
    if (bytes[each] != '\n') {
      if (length < sizeof line - 1) line[length++] = bytes[each];
      continue;
    }
    line[length] = '\0';
    length = 0;
    bool had = strstr(line, "\"NODE_HANDLE_ACK\"") != NULL;
    if ((!had && strstr(line, "\"NODE_HANDLE_NACK\"") == NULL) || spawner->unheard_count == 0) {
      continue;
    }
    if (!had) {
      take_kill(spawner, spawner->unheard[0]);
      answer("unheard %u\n", spawner->unheard[0]);
    }
    spawner->unheard_count--;
    memmove(spawner->unheard, spawner->unheard + 1,
            spawner->unheard_count * sizeof *spawner->unheard);
  }
}

static void settle(struct child *child) {
  close(child->status);
  child->status = -1;
  size_t length = child->problem_length;
  while (length > 0 && child->problem[length - 1] == '\n') length--;
  if (length == 0) answer("runs %u\n", child->ticket);
  else answer("refused %u %.*s\n", child->ticket, (int)length, child->problem);
}

/* Until the other ends are closed: by the program's start, or by an end before it. */
static void read_status(struct child *child) {
  char rest[64];
  for (;;) {
    size_t left = sizeof child->problem - child->problem_length;
    char *to = left == 0 ? rest : child->problem + child->problem_length;
    ssize_t got = read(child->status, to, left == 0 ? sizeof rest : left);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return settle(child);
    if (left > 0) child->problem_length += (size_t)got;
  }
}

static void reap(struct spawner *spawner) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    for (size_t each = 0; each < spawner->count; each++) {
      struct child *child = &spawner->children[each];
      if (child->pid != pid) continue;
      if (child->status >= 0) read_status(child);
      if (child->status >= 0) settle(child);
      bool signalled = WIFSIGNALED(status);
      answer("ended %u %s %d\n", child->ticket, signalled ? "signal" : "code",
             signalled ? WTERMSIG(status) : WEXITSTATUS(status));
      *child = spawner->children[--spawner->count];
      break;
    }
  }
}

static void serve(struct spawner *spawner) {
  for (;;) {
    size_t count = spawner->count;
    spawner->waits[0] = (struct pollfd){.fd = REQUESTS, .events = POLLIN};
    spawner->waits[1] = (struct pollfd){.fd = spawner->signals, .events = POLLIN};
    spawner->waits[2] = (struct pollfd){.fd = HANDLES, .events = POLLIN};
    for (size_t each = 0; each < count; each++) {
      spawner->waits[each + 3] =
          (struct pollfd){.fd = spawner->children[each].status, .events = POLLIN};
    }
    if (poll(spawner->waits, count + 3, -1) < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      fail("spawner: poll: %s", strerror(errno));
    }
    for (size_t each = 0; each < count; each++) {
      struct child *child = &spawner->children[each];
      if (spawner->waits[each + 3].revents != 0 && child->status >= 0) read_status(child);
    }
    struct signalfd_siginfo info;
    if (spawner->waits[1].revents != 0 && read(spawner->signals, &info, sizeof info) > 0) {
      reap(spawner);
    }
    if (spawner->waits[2].revents != 0) read_handle_lines(spawner);
    if (spawner->waits[0].revents != 0) read_requests(spawner);
  }
}

/* --- The start of the spawner itself --- */

/* Without the daemon's descriptors in a /proc of our own pid namespace nothing can be started here. */
static void check_proc(pid_t daemon) {
  char path[64], self[32];
  snprintf(path, sizeof path, "/proc/%d/fd", (int)daemon);
  ssize_t length = readlink("/proc/self", self, sizeof self - 1);
  self[length < 0 ? 0 : length] = '\0';
  DIR *descriptors = opendir(path);
  if (atoi(self) != (int)getpid() || descriptors == NULL) fail("spawner: cannot see the daemon");
  closedir(descriptors);
}

static void listen_to_signals(struct spawner *spawner) {
  sigset_t waited;
  sigemptyset(&waited);
  sigaddset(&waited, SIGCHLD);
  for (size_t each = 0; each < sizeof ignored / sizeof *ignored; each++) {
    signal(ignored[each], SIG_IGN);
  }
  sigprocmask(SIG_BLOCK, &waited, NULL);
  spawner->signals = signalfd(-1, &waited, SFD_CLOEXEC | SFD_NONBLOCK);
  if (spawner->signals < 0) fail("spawner: signalfd: %s", strerror(errno));
}

int verb_spawner(int argc, char **argv) {
  struct spawner spawner = {.daemon = argc == 1 ? (pid_t)atoi(argv[0]) : 0};
  if (spawner.daemon <= 0) fail("use spawner <pid of the daemon>");
  shown = argv[-2];
  shown_end = argv[0] + strlen(argv[0]);
  syscall(SYS_close_range, HANDLES + 1, ~0U, 0U);
  if (fcntl(HANDLES, F_SETFD, FD_CLOEXEC) != 0) fail("spawner: no way for descriptors");
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail("spawner: %s", strerror(errno));
  if (getppid() != spawner.daemon) return EXIT_HELPER;
  prctl(PR_SET_NAME, "lambda-emu-spawn");
  check_proc(spawner.daemon);
  listen_to_signals(&spawner);
  spawner.capacity = 16;
  spawner.children = larger(NULL, spawner.capacity * sizeof *spawner.children);
  spawner.waits = larger(NULL, (spawner.capacity + 3) * sizeof *spawner.waits);
  answer("ready\n");
  serve(&spawner);
  return 0;
}
