/* The network of one environment: a namespace, a pair of veth interfaces as its one link, and the process that keeps both. */
#include "network.h"
#include "spawner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The environment's end, by the name that it has there. */
#define INSIDE_NAME "eth0"
/* Two addresses, and no other in their network. Source: RFC 3021. */
#define PREFIX_BITS 31

_Noreturn void refuse_network(const struct network *network, const char *step, int error) {
  char line[256];
  int length = snprintf(line, sizeof line, "network: %s %d\n", step, error);
  if (length >= (int)sizeof line) length = (int)sizeof line - 1;
  if (!write_all(network->status, line, (size_t)length)) fail("%s: %s", step, strerror(error));
  _exit(EXIT_HELPER);
}

/* --- Messages to the kernel, with their attributes --- */

struct message {
  struct nlmsghdr header;
  char body[1024];
};

static void begin(struct message *message, uint16_t type, uint16_t flags, const void *body,
                  size_t length) {
  memset(message, 0, sizeof *message);
  message->header.nlmsg_type = type;
  message->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
  message->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(length);
  memcpy(NLMSG_DATA(&message->header), body, length);
}

static struct rtattr *add(struct message *message, uint16_t type, const void *data, size_t length) {
  size_t at = NLMSG_ALIGN(message->header.nlmsg_len);
  struct rtattr *attribute = (struct rtattr *)((char *)message + at);
  attribute->rta_type = type;
  attribute->rta_len = (uint16_t)RTA_LENGTH(length);
  if (length > 0) memcpy(RTA_DATA(attribute), data, length);
  message->header.nlmsg_len = (uint32_t)(at + RTA_ALIGN(attribute->rta_len));
  return attribute;
}

/* What is added up to the end of it lies within. */
static struct rtattr *open_nest(struct message *message, uint16_t type) {
  return add(message, type, NULL, 0);
}

static void close_nest(struct message *message, struct rtattr *nest) {
  nest->rta_len = (uint16_t)((char *)message + message->header.nlmsg_len - (char *)nest);
}

/* 0, or errno. */
static int ask(int netlink, struct message *message) {
  struct {
    struct nlmsghdr header;
    struct nlmsgerr error;
    char rest[2048];
  } answer;
  if (send(netlink, message, message->header.nlmsg_len, 0) < 0) return errno;
  for (;;) {
    ssize_t got = recv(netlink, &answer, sizeof answer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got >= (ssize_t)(sizeof answer.header + sizeof answer.error) &&
        answer.header.nlmsg_type == NLMSG_ERROR) {
      return -answer.error.error;
    }
  }
}

/* --- The link --- */

static int index_of(int control, const char *name) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  return ioctl(control, SIOCGIFINDEX, &request) == 0 ? request.ifr_ifindex : 0;
}

static int flags_of(int control, const char *name) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  return ioctl(control, SIOCGIFFLAGS, &request) == 0 ? request.ifr_flags & 0xffff : 0;
}

/* 0, or errno. */
static int set_up(int control, const char *name, bool up) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl(control, SIOCGIFFLAGS, &request) != 0) return errno;
  request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
  return ioctl(control, SIOCSIFFLAGS, &request) == 0 ? 0 : errno;
}

static int make_pair(const struct network *network) {
  static const struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
  struct message message;
  int namespace = NETWORK;
  begin(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &any, sizeof any);
  add(&message, IFLA_IFNAME, network->interface, strlen(network->interface) + 1);
  struct rtattr *kind = open_nest(&message, IFLA_LINKINFO);
  add(&message, IFLA_INFO_KIND, "veth", 4);
  struct rtattr *data = open_nest(&message, IFLA_INFO_DATA);
  struct rtattr *peer = add(&message, VETH_INFO_PEER, &any, sizeof any);
  add(&message, IFLA_IFNAME, INSIDE_NAME, sizeof INSIDE_NAME);
  add(&message, IFLA_NET_NS_FD, &namespace, sizeof namespace);
  close_nest(&message, peer);
  close_nest(&message, data);
  close_nest(&message, kind);
  return ask(network->outside_netlink, &message);
}

static void remove_index(const struct network *network, int index) {
  const struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = index};
  struct message message;
  if (index == 0) return;
  begin(&message, RTM_DELLINK, 0, &link, sizeof link);
  ask(network->outside_netlink, &message);
}

void remove_link(const struct network *network) {
  remove_index(network, network->index);
}

/* No address of its own making: nobody asked for one, and nothing of it is to be seen on the host. */
static void leave_out_ipv6(int netlink, int index) {
  const struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = index};
  const uint8_t none = IN6_ADDR_GEN_MODE_NONE;
  struct message message;
  begin(&message, RTM_SETLINK, 0, &link, sizeof link);
  struct rtattr *families = open_nest(&message, IFLA_AF_SPEC);
  struct rtattr *family = open_nest(&message, AF_INET6);
  add(&message, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof none);
  close_nest(&message, family);
  close_nest(&message, families);
  /* A kernel without IPv6 has none anyway. */
  ask(netlink, &message);
}

static int add_address(int netlink, int index, struct in_addr address) {
  const struct ifaddrmsg wanted = {.ifa_family = AF_INET,
                                   .ifa_prefixlen = PREFIX_BITS,
                                   .ifa_scope = RT_SCOPE_UNIVERSE,
                                   .ifa_index = (uint32_t)index};
  struct message message;
  begin(&message, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &wanted, sizeof wanted);
  add(&message, IFA_LOCAL, &address, sizeof address);
  add(&message, IFA_ADDRESS, &address, sizeof address);
  return ask(netlink, &message);
}

static int add_default_route(const struct network *network) {
  static const struct rtmsg wanted = {.rtm_family = AF_INET,
                                      .rtm_table = RT_TABLE_MAIN,
                                      .rtm_protocol = RTPROT_STATIC,
                                      .rtm_scope = RT_SCOPE_UNIVERSE,
                                      .rtm_type = RTN_UNICAST};
  struct message message;
  begin(&message, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &wanted, sizeof wanted);
  add(&message, RTA_GATEWAY, &network->outside, sizeof network->outside);
  return ask(network->inside_netlink, &message);
}

void take_link_down(const struct network *network) {
  /* This end: with the other one the host's route would go, and what is sent here would leave the machine. */
  set_up(network->inside_control, INSIDE_NAME, false);
}

/* The other end learns of it a moment later; what is sent before is lost, and sent again after 200 ms. */
static void wait_for_carrier(const struct network *network) {
  static const struct timespec pause = {.tv_nsec = 20000};
  for (int tries = 0; tries < 1000; tries++) {
    if ((flags_of(network->outside_control, network->interface) & IFF_RUNNING) != 0) return;
    nanosleep(&pause, NULL);
  }
}

void bring_link_up(const struct network *network) {
  set_up(network->inside_control, INSIDE_NAME, true);
  add_default_route(network);
  wait_for_carrier(network);
}

static void make_link(struct network *network) {
  int error = make_pair(network);
  if (error == EEXIST) {
    /* Of an environment that was killed: nobody else has the port that both names are made of. */
    remove_index(network, index_of(network->outside_control, network->interface));
    error = make_pair(network);
  }
  if (error != 0) refuse_network(network, "veth", error);
  int outside = index_of(network->outside_control, network->interface);
  network->index = outside;
  int inside = index_of(network->inside_control, INSIDE_NAME);
  leave_out_ipv6(network->outside_netlink, outside);
  leave_out_ipv6(network->inside_netlink, inside);
  error = add_address(network->outside_netlink, outside, network->outside);
  if (error == 0) error = add_address(network->inside_netlink, inside, network->inside);
  if (error != 0) refuse_network(network, "address", error);
  error = set_up(network->outside_control, network->interface, true);
  if (error == 0) error = set_up(network->inside_control, INSIDE_NAME, true);
  if (error != 0) refuse_network(network, "link up", error);
  error = add_default_route(network);
  if (error != 0) refuse_network(network, "route", error);
  wait_for_carrier(network);
}

/* --- The namespace --- */

static void open_sockets(const struct network *network, int *netlink, int *control) {
  *netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  *control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (*netlink < 0 || *control < 0) refuse_network(network, "socket", errno);
}

static void listen_inside(struct network *network) {
  static const int yes = 1;
  for (int each = 0; each < network->relays_count; each++) {
    struct relay *relay = &network->relays[each];
    const int kind = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    relay->listener = socket(relay->address.any.sa_family, kind, 0);
    if (relay->listener < 0) refuse_network(network, "socket", errno);
    setsockopt(relay->listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(relay->listener, &relay->address.any, relay->length) != 0 ||
        listen(relay->listener, SOMAXCONN) != 0) {
      refuse_network(network, "listen", errno);
    }
  }
}

void make_network(struct network *network) {
  /* That number is given to nothing else meanwhile. */
  if (dup3(network->status, NETWORK, O_CLOEXEC) < 0) refuse_network(network, "dup", errno);
  open_sockets(network, &network->outside_netlink, &network->outside_control);
  int host = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (host < 0) refuse_network(network, "/proc/self/ns/net", errno);
  if (unshare(CLONE_NEWNET) != 0) refuse_network(network, "unshare", errno);
  int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  /* Whoever is started in here comes through this number. */
  if (own < 0 || dup3(own, NETWORK, O_CLOEXEC) < 0) {
    refuse_network(network, "/proc/self/ns/net", errno);
  }
  close(own);
  open_sockets(network, &network->inside_netlink, &network->inside_control);
  int error = set_up(network->inside_control, "lo", true);
  if (error != 0) refuse_network(network, "lo", error);
  listen_inside(network);
  if (setns(host, CLONE_NEWNET) != 0) refuse_network(network, "setns", errno);
  close(host);
  make_link(network);
}

/* --- The process --- */

static void take_relay(struct network *network, char **words, bool prompt) {
  if (network->relays_count == RELAYS_MAX) refuse_network(network, "relays", E2BIG);
  struct relay *relay = &network->relays[network->relays_count++];
  in_port_t port = htons((uint16_t)atoi(words[2]));
  *relay = (struct relay){.prompt = prompt, .listener = -1};
  if (inet_pton(AF_INET, words[1], &relay->address.v4.sin_addr) == 1) {
    relay->address.v4.sin_family = AF_INET;
    relay->address.v4.sin_port = port;
    relay->length = sizeof relay->address.v4;
  } else if (inet_pton(AF_INET6, words[1], &relay->address.v6.sin6_addr) == 1) {
    relay->address.v6.sin6_family = AF_INET6;
    relay->address.v6.sin6_port = port;
    relay->length = sizeof relay->address.v6;
  } else {
    refuse_network(network, words[1], EINVAL);
  }
}

static void parse(struct network *network, int argc, char **argv) {
  static const struct {
    const char *word;
    int arguments;
  } known[] = {{"--interface", 1}, {"--inside", 1}, {"--outside", 1}, {"--api", 2}, {"--relay", 2}};
  for (int at = 0; at < argc;) {
    char **words = argv + at;
    int arguments = -1;
    for (size_t each = 0; each < sizeof known / sizeof *known; each++) {
      if (strcmp(known[each].word, words[0]) == 0) arguments = known[each].arguments;
    }
    if (arguments < 0 || at + arguments >= argc) refuse_network(network, words[0], EINVAL);
    if (strcmp(words[0], "--interface") == 0) network->interface = words[1];
    if (strcmp(words[0], "--inside") == 0) inet_pton(AF_INET, words[1], &network->inside);
    if (strcmp(words[0], "--outside") == 0) inet_pton(AF_INET, words[1], &network->outside);
    if (arguments == 2) take_relay(network, words, strcmp(words[0], "--api") == 0);
    at += 1 + arguments;
  }
  if (network->interface == NULL || strlen(network->interface) >= IFNAMSIZ) {
    refuse_network(network, "--interface", EINVAL);
  }
}

/* Two descriptors for each connection that is relayed. */
static void raise_limits(void) {
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

_Noreturn void keep_network(int argc, char **argv) {
  static struct network network;
  network.status = STATUS;
  parse(&network, argc, argv);
  prctl(PR_SET_NAME, "lambda-emu-net");
  /* No parent-death signal: it ends when the daemon's end of the channel is closed, and has a link to remove then. */
  signal(SIGPIPE, SIG_IGN);
  raise_limits();
  make_network(&network);
  /* The daemon learns by that that it is there. */
  close(STATUS);
  serve_relays(&network, CHANNEL);
  remove_link(&network);
  _exit(0);
}
