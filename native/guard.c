/* The guardian: waits for the daemon's death, then ends and removes everything that the daemon had. */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define GROUPS_MAX 32
#define LINE_MAX_BYTES 128
#define PAUSE_MS_MAX 16
/* Then whoever is outside of the groups has its turn: a look at every process costs much more than this one. */
#define GROUP_TRIES 50
/* What does not go in that time is stuck in the kernel; the next start's sweep tries it again. */
#define PATIENCE_MS 10000
/* What was just being started or mounted at the daemon's death is seen only when that is done. */
#define QUIET_MS 500

struct guard {
  struct identity daemon;
  const char *state;
  const char *groups[GROUPS_MAX];
  size_t groups_count;
  char prefix[32];
  struct identities roots;
  struct marks marks;
  char *boot_id;
};

static unsigned long long number_argument(const char *text) {
  const char *end;
  unsigned long long number = 0;
  if (text == NULL || !read_number(text, &end, &number) || *end != '\0') {
    fail("guard: %s is not a number", text == NULL ? "nothing" : text);
  }
  return number;
}

static const char *path_argument(const char *text) {
  if (text == NULL || text[0] != '/') fail("guard: a path is absolute");
  return text;
}

/* What follows the daemon in the name of its groups: nothing, or - and the number of its pid namespace. */
static const char *mark_of(const struct guard *guard, const char *folder) {
  char name[64];
  struct identity daemon = guard->daemon;
  int length =
      snprintf(name, sizeof name, "/lambda-emu-%d-%llu", (int)daemon.pid, daemon.start_time);
  const char *last = strrchr(folder, '/');
  return strncmp(last, name, (size_t)length) == 0 ? last + length : NULL;
}

/* Whatever else goes wrong, a group that does not carry the daemon's name is never touched. */
static void check_group(const struct guard *guard, const char *folder) {
  const char *mark = mark_of(guard, folder);
  const char *digits = mark != NULL && *mark == '-' ? mark + 1 : "";
  bool marked = *digits != '\0' && digits[strspn(digits, "0123456789")] == '\0';
  if (mark == NULL || (*mark != '\0' && !marked)) {
    fail("guard: %s is not a group of that daemon", folder);
  }
}

static void read_arguments(struct guard *guard, int argc, char **argv) {
  for (int each = 0; each < argc; each++) {
    const char *option = argv[each];
    const char *value = each + 1 < argc ? argv[++each] : NULL;
    if (strcmp(option, "--state") == 0) {
      guard->state = path_argument(value);
    } else if (strcmp(option, "--group") == 0) {
      if (guard->groups_count == GROUPS_MAX) fail("guard: at most %d groups", GROUPS_MAX);
      guard->groups[guard->groups_count++] = path_argument(value);
    } else if (strcmp(option, "--factory") == 0) {
      snprintf(guard->prefix, sizeof guard->prefix, "%llu-", number_argument(value));
    } else if (strcmp(option, "--daemon") == 0) {
      guard->daemon.pid = (pid_t)number_argument(value);
      guard->daemon.start_time = number_argument(each + 1 < argc ? argv[++each] : NULL);
    } else {
      fail("guard: there is no option %s", option);
    }
  }
  if (guard->state == NULL || guard->daemon.pid <= 1 || guard->prefix[0] == '\0') {
    fail("guard: needs --state, --daemon and --factory");
  }
  for (size_t each = 0; each < guard->groups_count; each++) {
    check_group(guard, guard->groups[each]);
  }
}

/* Nothing that ends the daemon or its terminal may end its guardian, and it holds nothing open. */
static void stand_apart(void) {
  static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
  for (size_t each = 0; each < sizeof ignored / sizeof *ignored; each++) {
    signal(ignored[each], SIG_IGN);
  }
  /* EPERM says that it is the leader of a session already. */
  if (setsid() < 0 && errno != EPERM) fail("guard: setsid: %s", strerror(errno));
  if (chdir("/") != 0) fail("guard: chdir: %s", strerror(errno));
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    rlim_t before = files.rlim_cur;
    if (syscall(SYS_close_range, 3U, ~0U, 0U) != 0) {
      for (rlim_t fd = 3; fd < before && fd < 65536; fd++) close((int)fd);
    }
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  prctl(PR_SET_NAME, "lambda-emu-guard");
}

/* Whether the daemon lives to hear it or not, the work is the same. */
static void say_ready(void) {
  (void)write_all(STDOUT_FILENO, "ready\n", 6);
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) fail("guard: /dev/null: %s", strerror(errno));
  if (dup2(nothing, STDOUT_FILENO) < 0 || dup2(nothing, STDERR_FILENO) < 0) {
    fail("guard: dup2: %s", strerror(errno));
  }
  close(nothing);
}

static void forget(struct identities *roots, pid_t pid) {
  size_t kept = 0;
  for (size_t each = 0; each < roots->count; each++) {
    if (roots->all[each].pid != pid) roots->all[kept++] = roots->all[each];
  }
  roots->count = kept;
}

/* True for `bye`. A line that is none of the three says nothing. */
static bool take_line(struct guard *guard, const char *line) {
  unsigned long long pid, start_time;
  const char *rest;
  if (strcmp(line, "bye") == 0) return true;
  if (strncmp(line, "gone ", 5) == 0) {
    if (read_number(line + 5, &rest, &pid) && *rest == '\0') forget(&guard->roots, (pid_t)pid);
  } else if (strncmp(line, "pid ", 4) == 0) {
    if (!read_number(line + 4, &rest, &pid) || *rest != ' ') return false;
    if (!read_number(rest + 1, &rest, &start_time) || *rest != '\0') return false;
    if (pid <= 1 || pid > INT_MAX) return false;
    forget(&guard->roots, (pid_t)pid);
    add_identity(&guard->roots, (struct identity){(pid_t)pid, start_time});
  }
  return false;
}

/* Whole lines only: the daemon may die in the middle of one, and half a number is another process. */
static bool take_bytes(struct guard *guard, const char *bytes, size_t count) {
  static char line[LINE_MAX_BYTES];
  static size_t length;
  for (size_t each = 0; each < count; each++) {
    if (bytes[each] != '\n') {
      if (length < sizeof line) line[length++] = bytes[each];
      continue;
    }
    bool whole = length < sizeof line;
    if (whole) line[length] = '\0';
    length = 0;
    if (whole && take_line(guard, line)) return true;
  }
  return false;
}

/* The pipe's end may be delayed by a copy that somebody else holds; the process itself cannot be mistaken. */
static int open_daemon(struct identity daemon) {
  int fd = (int)syscall(SYS_pidfd_open, daemon.pid, 0U);
  if (fd < 0 || is_alive(daemon)) return fd;
  close(fd);
  return -1;
}

/* Returns true after a `bye`, false when the daemon is dead. What it wrote before its death is read first. */
static bool ends_in_peace(struct guard *guard) {
  char bytes[4096];
  struct pollfd waits[2] = {
      {.fd = STDIN_FILENO, .events = POLLIN},
      {.fd = open_daemon(guard->daemon), .events = POLLIN},
  };
  for (;;) {
    if (poll(waits, 2, -1) < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return false;
    }
    if (waits[0].revents == 0) return false;
    ssize_t count = read(STDIN_FILENO, bytes, sizeof bytes);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count <= 0) return false;
    if (take_bytes(guard, bytes, (size_t)count)) return true;
  }
}

static void pause_for(long pause_ms) {
  struct timespec pause = {.tv_nsec = pause_ms * 1000000L};
  nanosleep(&pause, NULL);
}

/* Beside the groups of environments there may be one in which the daemon was just trying what works. */
static size_t end_probe(const struct guard *guard, const char *group) {
  char probe[PATH_MAX];
  int parent = (int)(strrchr(group, '/') - group);
  int length = snprintf(probe, sizeof probe, "%.*s/lambda-emu-probe-%d-%llu%s", parent, group,
                        (int)guard->daemon.pid, guard->daemon.start_time, mark_of(guard, group));
  if (length >= (int)sizeof probe) return 0;
  kill_own(probe);
  return remove_groups(probe, "");
}

/* How many of the groups are still there. Each is tried for a moment: what they hold dies by itself now. */
static size_t end_groups(const struct guard *guard, bool dead) {
  size_t left = 0;
  for (int tries = 0; tries < GROUP_TRIES; tries++) {
    left = 0;
    for (size_t each = 0; each < guard->groups_count; each++) {
      kill_groups(guard->groups[each], guard->prefix);
      left += remove_groups(guard->groups[each], guard->prefix);
      if (dead) left += end_probe(guard, guard->groups[each]);
    }
    if (left == 0) break;
    pause_for(2);
  }
  return left;
}

/* Returns how much was still there. Records go last: without them nobody would find what is left. */
static size_t clean_once(struct guard *guard) {
  char state[PATH_MAX];
  bool dead = !is_alive(guard->daemon);
  bool on_disk = dead && guard->boot_id != NULL && realpath(guard->state, state) != NULL;
  struct places places = {state, guard->daemon, guard->boot_id};
  size_t left = dead ? 0 : 1;
  if (on_disk) read_environments(&places, &guard->marks, &guard->roots);
  left += end_groups(guard, dead);
  left += end_processes(&guard->roots, &guard->marks);
  if (on_disk) left += end_mounts(&places);
  if (left > 0 || !on_disk) return left;
  return remove_files(&places);
}

static long long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Others may be at the same work: another guardian of the same daemon, or the sweep of the next start. */
static int clean_up(struct guard *guard) {
  size_t length;
  guard->boot_id = read_file("/proc/sys/kernel/random/boot_id", 128, &length);
  if (guard->boot_id != NULL) guard->boot_id[strcspn(guard->boot_id, "\n")] = '\0';
  /* What is to be killed may keep every CPU busy. An ordinary user is refused, and waits for its turn. */
  setpriority(PRIO_PROCESS, 0, -10);
  long long begin_ms = now_ms(), quiet_since_ms = begin_ms;
  size_t left = 1;
  for (int pause_ms = 1; now_ms() - begin_ms < PATIENCE_MS;) {
    left = clean_once(guard);
    if (left > 0) quiet_since_ms = now_ms();
    if (left == 0 && now_ms() - quiet_since_ms >= QUIET_MS) break;
    pause_for(pause_ms);
    if (pause_ms < PAUSE_MS_MAX) pause_ms *= 2;
  }
  return left == 0 ? 0 : EXIT_HELPER;
}

int verb_guard(int argc, char **argv) {
  struct guard guard = {0};
  read_arguments(&guard, argc, argv);
  stand_apart();
  say_ready();
  if (ends_in_peace(&guard)) return 0;
  return clean_up(&guard);
}
