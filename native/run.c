/* Starts one process of an environment: its control groups, what it sees, who it is; then waits for its end. */
#include "sandbox.h"
#include "spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <grp.h>

#ifndef KEYCTL_JOIN_SESSION_KEYRING
#define KEYCTL_JOIN_SESSION_KEYRING 1
#endif
#ifndef LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
#define LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

_Noreturn void refuse(const struct sandbox *sandbox, const char *step, int error) {
  char line[512];
  int length = snprintf(line, sizeof line, "%s %d\n", step, error);
  if (length >= (int)sizeof line) length = (int)sizeof line - 1;
  if (sandbox->status < 0 || !write_all(sandbox->status, line, (size_t)length)) {
    fail("%s: %s", step, strerror(error));
  }
  _exit(EXIT_HELPER);
}

/* --- What is asked for --- */

static const struct {
  const char *name;
  int resource;
} resources[] = {
    {"core", RLIMIT_CORE},       {"memlock", RLIMIT_MEMLOCK}, {"nofile", RLIMIT_NOFILE},
    {"nproc", RLIMIT_NPROC},     {"stack", RLIMIT_STACK},     {"fsize", RLIMIT_FSIZE},
};

static rlim_t limit_value(const char *text) {
  return strcmp(text, "unlimited") == 0 ? RLIM_INFINITY : (rlim_t)strtoull(text, NULL, 10);
}

static void add_limit(struct sandbox *sandbox, char **words) {
  for (size_t each = 0; each < sizeof resources / sizeof *resources; each++) {
    if (strcmp(resources[each].name, words[1]) != 0) continue;
    if (sandbox->limits_count == LIMITS_MAX) fail("too many limits");
    sandbox->limits[sandbox->limits_count++] =
        (struct limit){resources[each].resource, limit_value(words[2]), limit_value(words[3])};
    return;
  }
  fail("there is no limit %s", words[1]);
}

static void add_cpus(struct sandbox *sandbox, const char *list) {
  for (const char *next = list; *next != '\0' && sandbox->cpus_count < CPUS_MAX;) {
    char *end;
    sandbox->cpus[sandbox->cpus_count++] = (int)strtol(next, &end, 10);
    if (end == next) fail("%s is no list of CPUs", list);
    next = *end == ',' ? end + 1 : end;
  }
}

static void add_join(struct sandbox *sandbox, const char *path) {
  if (sandbox->joins_count == JOINS_MAX) fail("too many control groups");
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) refuse(sandbox, path, errno);
  sandbox->joins[sandbox->joins_count++] = fd;
}

static void confine(struct sandbox *sandbox, char **words) {
  if (sandbox->own_group < 0) fail("--connects needs --group before it");
  uint16_t first = (uint16_t)atoi(words[1]), last = (uint16_t)atoi(words[2]);
  int error = confine_connects(sandbox->own_group, first, last, (uint16_t)atoi(words[3]));
  if (error != 0) refuse(sandbox, "bpf", error);
}

static void take(struct sandbox *sandbox, const char *word, char **words) {
  if (strcmp(word, "--parent") == 0) {
    sandbox->parent = (pid_t)atoi(words[1]);
  } else if (strcmp(word, "--namespaces") == 0) {
    bool root = strcmp(words[1], "root") == 0, user = strcmp(words[1], "user") == 0;
    sandbox->namespaces = root ? NAMESPACES_ROOT : user ? NAMESPACES_USER : NAMESPACES_NONE;
  } else if (strcmp(word, "--root") == 0) {
    sandbox->root = words[1];
  } else if (strcmp(word, "--join") == 0) {
    add_join(sandbox, words[1]);
  } else if (strcmp(word, "--group") == 0) {
    sandbox->own_group = open(words[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (sandbox->own_group < 0) refuse(sandbox, words[1], errno);
  } else if (strcmp(word, "--network") == 0) {
    sandbox->network = open(words[1], O_RDONLY | O_CLOEXEC);
    if (sandbox->network < 0) refuse(sandbox, words[1], errno);
  } else if (strcmp(word, "--born") == 0) {
    sandbox->born = true;
  } else if (strcmp(word, "--channel") == 0) {
    sandbox->channel = CHANNEL;
  } else if (strcmp(word, "--log") == 0) {
    sandbox->log = atoi(words[1]);
  } else if (strcmp(word, "--connects") == 0) {
    confine(sandbox, words);
  } else if (strcmp(word, "--user") == 0) {
    sandbox->has_user = true;
    sandbox->user = (uid_t)strtoul(words[1], NULL, 10);
    sandbox->group = (gid_t)strtoul(words[2], NULL, 10);
  } else if (strcmp(word, "--cpus") == 0) {
    add_cpus(sandbox, words[1]);
  } else if (strcmp(word, "--limit") == 0) {
    add_limit(sandbox, words);
  } else {
    sandbox->folder = words[1];
  }
}

static int arguments_of(const char *word) {
  static const struct {
    const char *word;
    int arguments;
  } known[] = {{"--parent", 1},   {"--namespaces", 1}, {"--root", 1}, {"--join", 1},
               {"--group", 1},    {"--born", 0},       {"--channel", 0}, {"--connects", 3},   {"--user", 2}, {"--cpus", 1},
               {"--limit", 3},    {"--chdir", 1},     {"--log", 1},  {"--network", 1}};
  for (size_t each = 0; each < sizeof known / sizeof *known; each++) {
    if (strcmp(known[each].word, word) == 0) return known[each].arguments;
  }
  return -1;
}

static void parse(struct sandbox *sandbox, int argc, char **argv) {
  int at = 0;
  while (at < argc && strcmp(argv[at], "--") != 0) {
    int arguments = arguments_of(argv[at]);
    bool mounts = arguments < 0;
    if (mounts) arguments = mount_arguments(argv[at]);
    if (arguments < 0 || at + arguments >= argc) fail("%s is not understood", argv[at]);
    if (mounts) {
      /* They stand together: the rest of the words up to `--` describes the root. */
      if (sandbox->mounts == NULL) sandbox->mounts = argv + at;
      if (argv + at != sandbox->mounts + sandbox->mounts_count) fail("mounts stand together");
      sandbox->mounts_count += 1 + arguments;
    } else {
      take(sandbox, argv[at], argv + at);
    }
    at += 1 + arguments;
  }
  if (at + 1 >= argc) fail("run needs a program after --");
  sandbox->program = argv + at + 1;
}

/* --- The program itself --- */

static void join_groups(const struct sandbox *sandbox) {
  for (int each = 0; each < sandbox->joins_count; each++) {
    if (write(sandbox->joins[each], "0", 1) != 1) refuse(sandbox, "join a control group", errno);
  }
}

static void limit_resources(const struct sandbox *sandbox) {
  for (int each = 0; each < sandbox->limits_count; each++) {
    const struct limit *wanted = &sandbox->limits[each];
    struct rlimit now, limit = {wanted->soft, wanted->hard};
    if (getrlimit(wanted->resource, &now) != 0) continue;
    /* Without the capability a limit can only be lowered. */
    if (limit.rlim_max > now.rlim_max) limit.rlim_max = now.rlim_max;
    if (limit.rlim_cur > limit.rlim_max) limit.rlim_cur = limit.rlim_max;
    if (setrlimit(wanted->resource, &limit) != 0) refuse(sandbox, "setrlimit", errno);
  }
  if (sandbox->cpus_count == 0) return;
  cpu_set_t *set = CPU_ALLOC(CPUS_MAX);
  CPU_ZERO_S(CPU_ALLOC_SIZE(CPUS_MAX), set);
  for (int each = 0; each < sandbox->cpus_count; each++) {
    CPU_SET_S(sandbox->cpus[each], CPU_ALLOC_SIZE(CPUS_MAX), set);
  }
  /* CPUs that went away since they were counted: the function sees all there are. */
  if (sched_setaffinity(0, CPU_ALLOC_SIZE(CPUS_MAX), set) != 0 && errno != EINVAL) {
    refuse(sandbox, "sched_setaffinity", errno);
  }
}

static void become_user(const struct sandbox *sandbox) {
  if (!sandbox->has_user) return;
  if (sandbox->namespaces != NAMESPACES_USER) {
    if (setgroups(0, NULL) != 0) refuse(sandbox, "setgroups", errno);
    if (setresgid(sandbox->group, sandbox->group, sandbox->group) != 0) {
      refuse(sandbox, "setresgid", errno);
    }
    if (setresuid(sandbox->user, sandbox->user, sandbox->user) != 0) {
      refuse(sandbox, "setresuid", errno);
    }
  }
}

/* Abstract sockets and signals reach only what runs in the same sandbox, where the kernel can do it. */
static void scope_with_landlock(void) {
  struct {
    uint64_t handled_access_fs, handled_access_net, scoped;
  } attributes = {0, 0, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET};
  int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
  if (rules < 0) return;
  syscall(SYS_landlock_restrict_self, rules, 0);
  close(rules);
}

static _Noreturn void become_program(const struct sandbox *sandbox) {
  /* Its own session: signals to its process group must not reach the supervisor. */
  if (setsid() < 0) refuse(sandbox, "setsid", errno);
  join_groups(sandbox);
  limit_resources(sandbox);
  become_user(sandbox);
  if (sandbox->namespaces != NAMESPACES_NONE) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) refuse(sandbox, "no_new_privs", errno);
    scope_with_landlock();
    refuse_calls();
  }
  /* Changing the user clears it, hence only here. */
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) refuse(sandbox, "parent-death signal", errno);
  if (sandbox->folder != NULL && chdir(sandbox->folder) != 0) refuse(sandbox, sandbox->folder, errno);
  if (sandbox->channel >= 0 && fcntl(sandbox->channel, F_SETFD, 0) != 0) {
    refuse(sandbox, "hand over the channel", errno);
  }
  /* The same pipe: what comes through both is read in the order in which it was written. */
  if (sandbox->log >= 0 && dup2(STDOUT_FILENO, sandbox->log) < 0) {
    refuse(sandbox, "hand over the log", errno);
  }
  execv(sandbox->program[0], sandbox->program);
  refuse(sandbox, sandbox->program[0], errno);
}

/* Born in its v2 group where the kernel can: joining costs a wait of some milliseconds. */
static pid_t fork_program(const struct sandbox *sandbox) {
  if (sandbox->born) {
    struct clone_args how = {.flags = CLONE_INTO_CGROUP,
                             .exit_signal = SIGCHLD,
                             .cgroup = (uint64_t)sandbox->own_group};
    return (pid_t)syscall(SYS_clone3, &how, sizeof how);
  }
  return fork();
}

/* What only the program is to hold, so that the daemon sees its end. */
static void let_go_of_daemon(const struct sandbox *sandbox) {
  close(sandbox->status);
  close(CHANNEL);
}

static pid_t start_program(const struct sandbox *sandbox) {
  pid_t program = fork_program(sandbox);
  if (program < 0) refuse(sandbox, "fork", errno);
  if (program == 0) become_program(sandbox);
  let_go_of_daemon(sandbox);
  return program;
}

/* --- Those who wait for it --- */

static char *program_name, *words_begin, *words_end;

/* What stands in the command line (paths of the host, the API's secret name) is nothing for the function to read. */
static void forget_words(void) {
  if (words_begin != NULL) memset(words_begin, 0, (size_t)(words_end - words_begin));
}

static void let_go_of_output(void) {
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) return;
  for (int fd = 0; fd <= 2; fd++) dup2(nothing, fd);
  close(nothing);
}

/* Reaps whoever ends until the program has; its wait status. */
static int wait_for(pid_t program) {
  for (;;) {
    int status;
    pid_t ended = waitpid(-1, &status, 0);
    if (ended == program) return status;
    if (ended < 0 && errno != EINTR) return W_EXITCODE(EXIT_HELPER, 0);
  }
}

/* Ends as the program has ended, so that whoever waits for this process learns of it. */
static _Noreturn void end_as(int status) {
  if (!WIFSIGNALED(status)) _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_HELPER);
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  signal(WTERMSIG(status), SIG_DFL);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_UNBLOCK, &all, NULL);
  kill(getpid(), WTERMSIG(status));
  _exit(128 + WTERMSIG(status));
}

/* The first process of a pid namespace: when it ends, the kernel ends everything else in there. */
static _Noreturn void be_init(struct sandbox *sandbox, int alive, int result) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) refuse(sandbox, "parent-death signal", errno);
  /* The supervisor may have died before that. */
  struct pollfd hung = {.fd = alive, .events = POLLIN};
  if (poll(&hung, 1, 0) > 0) _exit(EXIT_HELPER);
  prctl(PR_SET_NAME, "lambda-emu-init");
  if (sandbox->network >= 0 && setns(sandbox->network, CLONE_NEWNET) != 0) {
    refuse(sandbox, "enter the network", errno);
  }
  enter_root(sandbox);
  pid_t program = start_program(sandbox);
  /* The function sees this process: not even where the helper lies is its business. */
  words_begin = program_name;
  forget_words();
  let_go_of_output();
  int status = wait_for(program);
  write_all(result, &status, sizeof status);
  _exit(0);
}

static void map_user(const struct sandbox *sandbox, uid_t own_user, gid_t own_group) {
  char map[64];
  int error = write_file("/proc/self/setgroups", "deny");
  if (error != 0 && error != ENOENT) refuse(sandbox, "setgroups deny", error);
  snprintf(map, sizeof map, "%u %u 1", sandbox->user, own_user);
  error = write_file("/proc/self/uid_map", map);
  if (error != 0) refuse(sandbox, "uid_map", error);
  snprintf(map, sizeof map, "%u %u 1", sandbox->group, own_group);
  error = write_file("/proc/self/gid_map", map);
  if (error != 0) refuse(sandbox, "gid_map", error);
}

static _Noreturn void run_in_namespaces(struct sandbox *sandbox) {
  int alive[2], result[2];
  if (pipe2(alive, O_CLOEXEC) != 0 || pipe2(result, O_CLOEXEC) != 0) {
    refuse(sandbox, "pipe", errno);
  }
  open_owner_namespace(sandbox);
  uid_t own_user = geteuid();
  gid_t own_group = getegid();
  unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | SIGCHLD;
  if (sandbox->namespaces == NAMESPACES_USER) flags |= CLONE_NEWUSER;
  pid_t init = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
  if (init < 0) refuse(sandbox, "clone", errno);
  if (init == 0) {
    close(alive[1]);
    close(result[0]);
    if (sandbox->namespaces == NAMESPACES_USER) map_user(sandbox, own_user, own_group);
    be_init(sandbox, alive[0], result[1]);
  }
  let_go_of_daemon(sandbox);
  close(result[1]);
  forget_words();
  let_go_of_output();
  int status;
  bool known = read(result[0], &status, sizeof status) == sizeof status;
  int last;
  while (waitpid(init, &last, 0) < 0 && errno == EINTR) continue;
  end_as(known ? status : last);
}

/* --- Without namespaces: this process adopts what the program leaves behind, and ends it --- */

static void kill_children(void) {
  char path[64], list[65536];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t length = read(fd, list, sizeof list - 1);
  close(fd);
  if (length <= 0) return;
  list[length] = '\0';
  for (char *next = list, *end; *next != '\0'; next = end) {
    long pid = strtol(next, &end, 10);
    if (end == next) return;
    if (pid > 0) kill((pid_t)pid, SIGKILL);
    while (*end == ' ') end++;
  }
}

/* Grandchildren become children as their parents die. */
static void end_all(void) {
  do kill_children();
  while (waitpid(-1, NULL, 0) > 0 || errno == EINTR);
}

static void on_death_of_daemon(int signal) {
  (void)signal;
  end_all();
  _exit(EXIT_HELPER);
}

static _Noreturn void run_here(struct sandbox *sandbox) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) refuse(sandbox, "subreaper", errno);
  signal(SIGTERM, on_death_of_daemon);
  if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0) refuse(sandbox, "parent-death signal", errno);
  pid_t program = start_program(sandbox);
  let_go_of_output();
  int status = wait_for(program);
  end_all();
  end_as(status);
}

static _Noreturn void run(int argc, char **argv) {
  /* Opened as further descriptors by whoever started this process; everything above is none of ours. */
  struct sandbox sandbox = {.status = STATUS, .channel = -1, .log = -1, .own_group = -1, .owner_namespace = -1,
                            .network = -1};
  syscall(SYS_close_range, CHANNEL, ~0U, CLOSE_RANGE_CLOEXEC);
  if (fcntl(STATUS, F_GETFD) < 0) sandbox.status = -1;
  if (argc > 0 && strcmp(argv[0], "network") == 0) keep_network(argc - 1, argv + 1);
  parse(&sandbox, argc, argv);
  prctl(PR_SET_NAME, "lambda-emu-run");
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) refuse(&sandbox, "parent-death signal", errno);
  if (sandbox.parent != 0 && getppid() != sandbox.parent) _exit(EXIT_HELPER);
  /* Keys of the user's session are none of the function's. */
  syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL, 0, 0, 0);
  if (sandbox.namespaces == NAMESPACES_NONE) run_here(&sandbox);
  run_in_namespaces(&sandbox);
}

_Noreturn void run_forked(const struct forked *forked) {
  static const char name[] = "lambda-emu-run";
  environ = forked->environment;
  program_name = forked->shown;
  words_begin = forked->shown;
  words_end = forked->shown_end;
  forget_words();
  if (words_end - words_begin >= (ptrdiff_t)sizeof name) {
    memcpy(words_begin, name, sizeof name);
    words_begin += sizeof name;
  }
  run(forked->words_count, forked->words);
}

int verb_run(int argc, char **argv) {
  /* The helper's own name and the verb stand before the words. */
  program_name = argv[-2];
  words_begin = argv[0];
  words_end = argv[argc - 1] + strlen(argv[argc - 1]);
  run(argc, argv);
}
