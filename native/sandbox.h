/* What `run` is told: who the program is in its sandbox, what it sees, and what it may use. */
#ifndef LAMBDA_EMU_SANDBOX_H
#define LAMBDA_EMU_SANDBOX_H

#include "helper.h"

#include <sys/resource.h>
#include <sys/types.h>

enum namespaces { NAMESPACES_NONE, NAMESPACES_ROOT, NAMESPACES_USER };

#define JOINS_MAX 8
#define LIMITS_MAX 16
#define CPUS_MAX 1024

struct limit {
  int resource;
  rlim_t soft, hard;
};

struct sandbox {
  enum namespaces namespaces;
  pid_t parent;
  /* Errors go there as one line; closed when the program runs. */
  int status;
  /* The program's own way to the daemon, which it inherits under this number; -1 for none. */
  int channel;
  /* Where the program has its output once more, for log records in frames; -1: nowhere. */
  int log;
  /* Open files of the control groups that the program joins, by a 0 in each. */
  int joins[JOINS_MAX];
  int joins_count;
  /* The folder of its v2 group, -1 for none, and whether it is born there. */
  int own_group;
  bool born;
  /* An empty folder of the host on which the new root is built. */
  const char *root;
  /* The words that describe the new root, as they stand in the command line: see filesystem.c. */
  char **mounts;
  int mounts_count;
  /* For files that only their owner may read: see open_owner_namespace; -1 for none. */
  int owner_namespace;
  /* The network namespace that it is in; -1: the host's. */
  int network;
  uid_t user;
  gid_t group;
  bool has_user;
  int cpus[CPUS_MAX];
  int cpus_count;
  struct limit limits[LIMITS_MAX];
  int limits_count;
  const char *folder;
  char **program;
};

/* Ends the process; the daemon reads what could not be done, and the errno, from the status descriptor. */
_Noreturn void refuse(const struct sandbox *sandbox, const char *step, int error);

/* The words that filesystem.c takes, and how many arguments each has; -1 for any other word. */
int mount_arguments(const char *word);

/* For `--bind-owner`. While /proc still shows this process and its children under the pids that they have here. */
void open_owner_namespace(struct sandbox *sandbox);

/* Builds the new root out of `mounts` and moves into it. Inside a mount namespace of its own. */
void enter_root(const struct sandbox *sandbox);

/*
 * No namespaces, no mounts, no BPF from here on, for this process and everything below it. After no_new_privs.
 * A kernel that cannot do it leaves them to what the namespaces themselves allow.
 */
void refuse_calls(void);

/*
 * Lets the processes of a v2 group reach, of the loopback ports from `first` to `last`, only `own`, and leads
 * 169.254.100.1:9001 there. 0, or errno.
 */
int confine_connects(int group, uint16_t first, uint16_t last, uint16_t own);

#endif
