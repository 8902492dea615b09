/* What the parts of an environment's network share: the namespace with its one link, and the relays into it. */
#ifndef LAMBDA_EMU_NETWORK_H
#define LAMBDA_EMU_NETWORK_H

#include "helper.h"

#include <netinet/in.h>
#include <sys/socket.h>

#define RELAYS_MAX 256

/* One port of this machine's loopback that is at the same address in there. */
struct relay {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } address;
  socklen_t length;
  /* The Runtime API is no peer: it has the event there before the thaw. */
  bool prompt;
  int listener;
};

struct network {
  /* Errors go there as one line; the daemon's orders come on the channel. */
  int status;
  /* Of the end on the host. */
  const char *interface;
  struct in_addr inside, outside;
  struct relay relays[RELAYS_MAX];
  int relays_count;
  /* Sockets of the two namespaces, which stay theirs wherever this process is. */
  int inside_netlink, outside_netlink, inside_control, outside_control;
  /* Number of the end on the host: a later one of that name is not ours. 0 before there is one. */
  int index;
};

/* Makes the namespace, under the descriptor NETWORK, with its link up; this process is back on the host. Ends it when it cannot. */
void make_network(struct network *network);

/* The environment's end of the link: routes go with it and come back. */
void take_link_down(const struct network *network);
/* Returns when what is sent goes through. */
void bring_link_up(const struct network *network);

void remove_link(const struct network *network);

/* Pumps until `control` says that it is over: see relay.c. */
void serve_relays(const struct network *network, int control);

/* Ends the process; what could not be done, and the errno, are read by the daemon. */
_Noreturn void refuse_network(const struct network *network, const char *step, int error);

#endif
