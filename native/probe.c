/* What this machine lets a process of ours do: each ability is tried in a fork of its own. */
#include "helper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

/* The longest that one attempt may take; all run side by side, so it is that of the whole too. */
#define ATTEMPT_MS_MAX 2000

/* An id that is nobody's, out of the range that environments get. */
#define PROBE_ID 1879100000

static int result_fd = -1;

void probe_refuse_as(int error, const char *step) {
  char line[128];
  int length = snprintf(line, sizeof line, "no %s %s", probe_error_name(error), step);
  probe_remove_group();
  write_all(result_fd, line, (size_t)length);
  _exit(1);
}

void probe_refuse(const char *step) { probe_refuse_as(errno, step); }

static void agree(const char *detail) {
  char line[128];
  int length = snprintf(line, sizeof line, detail[0] == '\0' ? "yes" : "yes %s", detail);
  probe_remove_group();
  write_all(result_fd, line, (size_t)length);
  _exit(0);
}

/* Waits for that child; what it refused it has said itself. */
void probe_expect_end(pid_t child, const char *step) {
  int status = 0;
  if (waitpid(child, &status, 0) != child) probe_refuse(step);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  if (WIFEXITED(status)) {
    probe_remove_group();
    _exit(1);
  }
  probe_refuse_as(EINTR, step);
}

static void try_namespaces(const struct probe_options *options) {
  probe_mounts(options, false);
  agree("");
}

static void try_user_namespaces(const struct probe_options *options) {
  probe_mounts(options, true);
  agree("");
}

static void try_drop_user(const struct probe_options *options) {
  (void)options;
  // Raw calls, as the launcher makes them: nothing of glibc's broadcast to threads is wanted.
  if (syscall(SYS_setgroups, 0, NULL) != 0) probe_refuse("setgroups");
  if (syscall(SYS_setresgid, PROBE_ID, PROBE_ID, PROBE_ID) != 0) probe_refuse("setresgid");
  if (syscall(SYS_setresuid, PROBE_ID, PROBE_ID, PROBE_ID) != 0) probe_refuse("setresuid");
  if (geteuid() != PROBE_ID || getegid() != PROBE_ID) probe_refuse_as(EPERM, "identity");
  agree("");
}

static void try_clone_into_cgroup(const struct probe_options *options) {
  int group = probe_make_group(options);
  pid_t child = probe_clone_into(group);
  if (child < 0) probe_refuse("clone3");
  if (child == 0) {
    char own[4096] = "";
    int fd = open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, own, sizeof own - 1) < 0) probe_refuse("own-group");
    if (strstr(own, probe_group_name()) == NULL) probe_refuse_as(ENOENT, "own-group");
    _exit(0);
  }
  probe_expect_end(child, "child");
  agree("");
}

static void try_bpf_connect(const struct probe_options *options) {
  int group = probe_make_group(options);
  probe_attach_refusal(group, BPF_CGROUP_INET4_CONNECT, "connect4");
  probe_attach_refusal(group, BPF_CGROUP_INET6_CONNECT, "connect6");
  pid_t child = probe_clone_into(group);
  // Without clone3 the child would need 10 ms to join: that it could be attached has to do.
  if (child < 0 && errno == ENOSYS) agree("untried");
  if (child < 0) probe_refuse("clone3");
  if (child == 0) {
    struct sockaddr_in discard = {.sin_family = AF_INET, .sin_port = htons(9)};
    discard.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) probe_refuse("socket");
    int connected = connect(fd, (struct sockaddr *)&discard, sizeof discard);
    if (connected == 0) probe_refuse_as(EISCONN, "effect");
    if (errno != EPERM) probe_refuse("effect");
    _exit(0);
  }
  probe_expect_end(child, "child");
  agree("");
}

static void try_loop_mount(const struct probe_options *options) {
  probe_loop(options);
  agree("");
}

static void try_subreaper(const struct probe_options *options) {
  (void)options;
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) probe_refuse("prctl");
  pid_t parent = fork();
  if (parent < 0) probe_refuse("fork");
  if (parent == 0) _exit(fork() < 0 ? 1 : 0);
  // The orphan is ours only if we really became its parent.
  for (int ended = 0; ended < 2; ended++) {
    if (wait(NULL) < 0) probe_refuse("adopt");
  }
  agree("");
}

static void try_parent_death_signal(const struct probe_options *options) {
  (void)options;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) probe_refuse("pipe");
  pid_t parent = fork();
  if (parent < 0) probe_refuse("fork");
  if (parent == 0) {
    int armed[2];
    if (pipe2(armed, O_CLOEXEC) != 0) probe_refuse("pipe");
    pid_t child = fork();
    if (child < 0) probe_refuse("fork");
    if (child == 0) {
      alarm(ATTEMPT_MS_MAX / 1000 + 1);
      // Its own result would keep the reader waiting for an end that must come from the signal.
      close(result_fd);
      if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0) write_all(armed[1], "a", 1);
      close(armed[1]);
      for (;;) pause();
    }
    close(armed[1]);
    char byte;
    if (read(armed[0], &byte, 1) == 1) _exit(0);
    kill(child, SIGKILL);
    probe_refuse_as(ENOTSUP, "prctl");
  }
  close(ends[1]);
  probe_expect_end(parent, "parent");
  char byte;
  // End of file: the last process that held the other end is dead.
  if (read(ends[0], &byte, 1) != 0) probe_refuse("death");
  agree("");
}

static void try_no_new_privs(const struct probe_options *options) {
  (void)options;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) probe_refuse("prctl");
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1) probe_refuse_as(ENOTSUP, "effect");
  agree("");
}

static int listen_abstract(struct sockaddr_un *address, socklen_t *length) {
  address->sun_family = AF_UNIX;
  int name = snprintf(address->sun_path + 1, sizeof address->sun_path - 1,
                      "lambda-emu-probe-%d", (int)getpid());
  *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)name);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) probe_refuse("socket");
  if (bind(fd, (struct sockaddr *)address, *length) != 0) probe_refuse("bind");
  if (listen(fd, 1) != 0) probe_refuse("listen");
  return fd;
}

static void try_landlock_scope(const struct probe_options *options) {
  (void)options;
  // Of landlock.h in Linux 6.12, which the headers that we are compiled with may be older than.
  const struct {
    uint64_t handled_fs, handled_net, scoped;
  } rules = {.scoped = 3 /* abstract Unix sockets, signals */};
  long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1 /* asks for the version */);
  if (abi < 0) probe_refuse("version");
  char detail[32];
  snprintf(detail, sizeof detail, "abi-%ld", abi);
  if (abi < 6) probe_refuse_as(ENOTSUP, detail);
  struct sockaddr_un address = {0};
  socklen_t length;
  listen_abstract(&address, &length);
  long ruleset = syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0);
  if (ruleset < 0) probe_refuse("create");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) probe_refuse("no-new-privs");
  if (syscall(SYS_landlock_restrict_self, (int)ruleset, 0) != 0) probe_refuse("restrict");
  int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (client < 0) probe_refuse("socket");
  if (connect(client, (struct sockaddr *)&address, length) == 0 || errno != EPERM)
    probe_refuse_as(ENOTSUP, "socket-effect");
  if (kill(getppid(), 0) == 0 || errno != EPERM) probe_refuse_as(ENOTSUP, "signal-effect");
  agree(detail);
}

static void try_affinity(const struct probe_options *options) {
  (void)options;
  cpu_set_t all, one;
  if (sched_getaffinity(0, sizeof all, &all) != 0) probe_refuse("get");
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++) {
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  }
  if (sched_setaffinity(0, sizeof one, &one) != 0) probe_refuse("set");
  if (sched_getaffinity(0, sizeof all, &all) != 0 || !CPU_EQUAL(&all, &one))
    probe_refuse_as(ENOTSUP, "effect");
  agree("");
}

static void try_rlimits(const struct probe_options *options) {
  (void)options;
  struct rlimit files, processes;
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || getrlimit(RLIMIT_NPROC, &processes) != 0)
    probe_refuse("get");
  const struct rlimit lower = {.rlim_cur = 64, .rlim_max = 64}, higher = {128, 128};
  if (setrlimit(RLIMIT_NPROC, &lower) != 0) probe_refuse("lower-processes");
  if (setrlimit(RLIMIT_NOFILE, &lower) != 0) probe_refuse("lower-files");
  // Functions are no superuser: whoever can drop to another user does so before it counts.
  if (geteuid() == 0 && syscall(SYS_setresuid, PROBE_ID, PROBE_ID, PROBE_ID) != 0) errno = 0;
  if (setrlimit(RLIMIT_NOFILE, &higher) == 0) probe_refuse_as(ENOTSUP, "raising-files");
  if (setrlimit(RLIMIT_NPROC, &higher) == 0) probe_refuse_as(ENOTSUP, "raising-processes");
  agree("");
}

static void try_session_keyring(const struct probe_options *options) {
  (void)options;
  if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0) probe_refuse("join");
  agree("");
}

static const struct {
  const char *name;
  void (*attempt)(const struct probe_options *options);
} abilities[] = {
    {"namespaces", try_namespaces},
    {"user-namespaces", try_user_namespaces},
    {"drop-user", try_drop_user},
    {"clone-into-cgroup", try_clone_into_cgroup},
    {"bpf-connect", try_bpf_connect},
    {"loop-mount", try_loop_mount},
    {"subreaper", try_subreaper},
    {"parent-death-signal", try_parent_death_signal},
    {"no-new-privs", try_no_new_privs},
    {"landlock-scope", try_landlock_scope},
    {"affinity", try_affinity},
    {"rlimits", try_rlimits},
    {"session-keyring", try_session_keyring},
};

#define ABILITIES (sizeof abilities / sizeof *abilities)

struct running {
  pid_t pid;
  int fd;
  int error;
};

static struct running start(size_t each, const struct probe_options *options) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return (struct running){-1, -1, errno};
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    result_fd = ends[1];
    // The probe itself may be killed: then nothing of it may stay.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) probe_refuse("parent-death-signal");
    alarm(ATTEMPT_MS_MAX / 1000);
    abilities[each].attempt(options);
    _exit(1);
  }
  int error = child < 0 ? errno : 0;
  close(ends[1]);
  return (struct running){child, ends[0], error};
}

static int left_ms(const struct timespec *began) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  long passed = (now.tv_sec - began->tv_sec) * 1000 + (now.tv_nsec - began->tv_nsec) / 1000000;
  return passed >= ATTEMPT_MS_MAX ? 0 : (int)(ATTEMPT_MS_MAX - passed);
}

/* Prints one line; ends whatever has not answered by then. */
static void finish(const char *name, struct running running, const struct timespec *began,
                   const struct probe_options *options) {
  char result[128] = "";
  if (running.pid < 0) {
    printf("%s no %s fork\n", name, probe_error_name(running.error));
    if (running.fd >= 0) close(running.fd);
    return;
  }
  struct pollfd answer = {.fd = running.fd, .events = POLLIN};
  bool late = poll(&answer, 1, left_ms(began)) == 0;
  if (late) kill(running.pid, SIGKILL);
  ssize_t length = late ? 0 : read(running.fd, result, sizeof result - 1);
  if (length > 0) printf("%s %s\n", name, result);
  else printf("%s no %s %s\n", name, late ? "ETIMEDOUT" : "EINTR", "attempt");
  close(running.fd);
  // A process stuck in the kernel is left to it: a probe never hangs.
  for (int tries = 0; waitpid(running.pid, NULL, WNOHANG) == 0; tries++) {
    if (tries == ATTEMPT_MS_MAX) break;
    if (tries == ATTEMPT_MS_MAX / 2) kill(running.pid, SIGKILL);
    nanosleep(&(struct timespec){.tv_nsec = tries < 20 ? 50000 : 1000000}, NULL);
  }
  if (length <= 0) probe_sweep_groups(options, running.pid);
}

int verb_probe(int argc, char **argv) {
  struct probe_options options = {.v2 = NULL, .tmp = "/tmp"};
  for (int each = 0; each < argc; each += 2) {
    bool valued = each + 1 < argc;
    if (valued && strcmp(argv[each], "--v2") == 0) options.v2 = argv[each + 1];
    else if (valued && strcmp(argv[each], "--tmp") == 0) options.tmp = argv[each + 1];
    else fail("probe takes --v2 <folder> and --tmp <folder>");
  }
  struct timespec began;
  clock_gettime(CLOCK_MONOTONIC, &began);
  struct running running[ABILITIES];
  for (size_t each = 0; each < ABILITIES; each++) running[each] = start(each, &options);
  for (size_t each = 0; each < ABILITIES; each++)
    finish(abilities[each].name, running[each], &began, &options);
  return 0;
}
