/* Ending the processes of a dead daemon's environments: by control group, by descent, and by what they carry. */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PROCS_BYTES_MAX (16u << 20)
#define ENVIRON_BYTES_MAX (16u << 20)
/* Rounds of looking while anything new turns up or runs on, and of killing a group that cannot be held still. */
#define LOOKS_MAX 10
#define KILLS_MAX 8

struct process {
  struct identity identity;
  pid_t parent;
  char state;
  unsigned long long threads;
};

void *room_for_one(void *all, size_t count, size_t *capacity, size_t size) {
  if (count < *capacity) return all;
  *capacity = *capacity == 0 ? 64 : *capacity * 2;
  void *grown = reallocarray(all, *capacity, size);
  if (grown == NULL) fail("guard: out of memory");
  return grown;
}

bool read_number(const char *text, const char **end, unsigned long long *number) {
  unsigned long long sum = 0;
  const char *next = text;
  for (; *next >= '0' && *next <= '9'; next++) {
    unsigned digit = (unsigned)(*next - '0');
    if (sum > (ULLONG_MAX - digit) / 10) return false;
    sum = sum * 10 + digit;
  }
  *end = next;
  *number = sum;
  return next != text;
}

char *read_all(int fd, size_t limit, size_t *length) {
  size_t count = 0, capacity = 4096;
  char *text = malloc(capacity);
  while (text != NULL) {
    ssize_t bytes = read(fd, text + count, capacity - count - 1);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0 || count + (size_t)bytes > limit) break;
    count += (size_t)bytes;
    if (bytes == 0) {
      text[count] = '\0';
      *length = count;
      return text;
    }
    if (capacity - count > 1) continue;
    capacity *= 2;
    char *grown = realloc(text, capacity);
    if (grown == NULL) break;
    text = grown;
  }
  free(text);
  return NULL;
}

char *read_file(const char *path, size_t limit, size_t *length) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return NULL;
  char *text = read_all(fd, limit, length);
  close(fd);
  return text;
}

void add_identity(struct identities *identities, struct identity identity) {
  identities->all = room_for_one(identities->all, identities->count, &identities->capacity,
                                 sizeof *identities->all);
  identities->all[identities->count++] = identity;
}

/* The name (field 2) may hold spaces and parentheses, so fields are counted from its last `)`. */
static bool read_process(pid_t pid, struct process *process) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return false;
  text[length] = '\0';
  const char *field = strrchr(text, ')');
  if (field == NULL || field[1] != ' ') return false;
  process->identity.pid = pid;
  field += 2;
  process->state = *field;
  for (int number = 3; field != NULL && number <= 22; number++) {
    if (number == 4) process->parent = (pid_t)strtol(field, NULL, 10);
    if (number == 20) process->threads = strtoull(field, NULL, 10);
    if (number == 22) process->identity.start_time = strtoull(field, NULL, 10);
    field = strchr(field, ' ');
    if (field != NULL) field++;
  }
  return field != NULL;
}

/* A zombie with threads left is a process whose main thread has ended; the others run on. */
static bool is_dead(const struct process *process) {
  return process->state == 'X' || (process->state == 'Z' && process->threads <= 1);
}

bool is_alive(struct identity identity) {
  struct process found;
  if (!read_process(identity.pid, &found)) return false;
  return found.identity.start_time == identity.start_time && !is_dead(&found);
}

static void send_to(struct identity identity, int signal_number) {
  struct process found;
  if (!read_process(identity.pid, &found)) return;
  if (found.identity.start_time == identity.start_time) kill(identity.pid, signal_number);
}

static bool has_member(const struct identities *members, pid_t pid) {
  for (size_t each = 0; each < members->count; each++) {
    if (members->all[each].pid == pid) return is_alive(members->all[each]);
  }
  return false;
}

static bool carries_mark(pid_t pid, const struct marks *marks) {
  char path[64];
  size_t length;
  if (marks->count == 0) return false;
  snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
  char *block = read_file(path, ENVIRON_BYTES_MAX, &length);
  if (block == NULL) return false;
  bool found = false;
  for (size_t at = 0; at < length && !found; at += strlen(block + at) + 1) {
    if (strncmp(block + at, MARK_NAME, sizeof MARK_NAME - 1) != 0) continue;
    for (size_t each = 0; each < marks->count && !found; each++) {
      found = strcmp(block + at, marks->all[each]) == 0;
    }
  }
  free(block);
  return found;
}

/* One look at every process. Whoever belongs to the members is stopped and joins them; returns how many did. */
static size_t find_members(struct identities *members, const struct marks *marks) {
  size_t before = members->count;
  DIR *processes = opendir("/proc");
  if (processes == NULL) return 0;
  for (struct dirent *entry; (entry = next_entry(processes)) != NULL;) {
    unsigned long long pid;
    const char *end;
    struct process found;
    if (!read_number(entry->d_name, &end, &pid) || *end != '\0') continue;
    if (pid <= 1 || (pid_t)pid == getpid()) continue;
    if (!read_process((pid_t)pid, &found) || is_dead(&found)) continue;
    if (has_member(members, (pid_t)pid)) continue;
    if (!has_member(members, found.parent) && !carries_mark((pid_t)pid, marks)) continue;
    send_to(found.identity, SIGSTOP);
    add_identity(members, found.identity);
  }
  closedir(processes);
  return members->count - before;
}

static bool stand_still(const struct identities *members) {
  for (size_t each = 0; each < members->count; each++) {
    struct process found;
    if (!read_process(members->all[each].pid, &found)) continue;
    if (strchr("TtZX", found.state) == NULL) return false;
  }
  return true;
}

size_t end_processes(const struct identities *roots, const struct marks *marks) {
  static struct identities members;
  members.count = 0;
  for (size_t each = 0; each < roots->count; each++) {
    if (!is_alive(roots->all[each])) continue;
    send_to(roots->all[each], SIGSTOP);
    add_identity(&members, roots->all[each]);
  }
  /* A child whose parent dies before it was seen could not be found by descent any more: hence stop, look, kill. */
  for (int looks = 0; looks < LOOKS_MAX; looks++) {
    if (find_members(&members, marks) > 0) continue;
    if (stand_still(&members)) break;
    struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
  }
  for (size_t each = 0; each < members.count; each++) send_to(members.all[each], SIGKILL);
  return members.count;
}

/* 0 stands for a process of a pid namespace that this one cannot see, and would address our own group. */
static size_t kill_procs(const char *procs) {
  size_t length, killed = 0;
  char *text = read_file(procs, PROCS_BYTES_MAX, &length);
  if (text == NULL) return 0;
  const char *next = text;
  for (unsigned long long pid; read_number(next, &next, &pid); next += *next == '\n') {
    if (pid <= 1 || (pid_t)pid == getpid()) continue;
    if (kill((pid_t)pid, SIGKILL) == 0) killed++;
  }
  free(text);
  return killed;
}

/* `folder` is a buffer of PATH_MAX bytes that holds a path of `length`; it holds the same again afterwards. */
static int write_control(char *folder, size_t length, const char *file, const char *text) {
  if (length + strlen(file) >= PATH_MAX) return ENAMETOOLONG;
  strcpy(folder + length, file);
  int error = write_file(folder, text);
  folder[length] = '\0';
  return error;
}

/* v2 `cgroup.kill` cannot be outrun by forks. A v1 task that is frozen does not even die of SIGKILL: hence the thaw. */
static size_t kill_group(char *folder, size_t length) {
  if (write_control(folder, length, "/cgroup.kill", "1") == 0) return 0;
  if (write_control(folder, length, "/cgroup.freeze", "1") == ENOENT) {
    write_control(folder, length, "/freezer.state", "FROZEN");
  }
  if (length + sizeof "/cgroup.procs" > PATH_MAX) return 0;
  for (int kills = 0; kills < KILLS_MAX; kills++) {
    strcpy(folder + length, "/cgroup.procs");
    size_t killed = kill_procs(folder);
    folder[length] = '\0';
    if (killed == 0) break;
  }
  write_control(folder, length, "/freezer.state", "THAWED");
  return 0;
}

static size_t remove_group(char *folder, size_t length) {
  (void)length;
  return rmdir(folder) == 0 || errno == ENOENT ? 0 : 1;
}

typedef size_t (*group_visit)(char *folder, size_t length);

/* Visits the groups below, the deepest first; only those of the prefix at the first level. Returns the visits' sum. */
static size_t visit_below(char *folder, size_t length, const char *prefix, group_visit visit) {
  size_t sum = 0;
  DIR *entries = opendir(folder);
  if (entries == NULL) return 0;
  for (struct dirent *entry; (entry = next_entry(entries)) != NULL;) {
    size_t more = strlen(entry->d_name) + 1;
    if (entry->d_type != DT_DIR || length + more >= PATH_MAX) continue;
    if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0) continue;
    folder[length] = '/';
    strcpy(folder + length + 1, entry->d_name);
    sum += visit_below(folder, length + more, "", visit);
    sum += visit(folder, length + more);
    folder[length] = '\0';
  }
  closedir(entries);
  return sum;
}

void kill_groups(const char *folder, const char *prefix) {
  char path[PATH_MAX];
  size_t length = strlen(folder);
  if (length >= sizeof path) return;
  memcpy(path, folder, length + 1);
  visit_below(path, length, prefix, kill_group);
}

void kill_own(const char *folder) {
  char path[PATH_MAX];
  size_t length = strlen(folder);
  if (length >= sizeof path) return;
  memcpy(path, folder, length + 1);
  kill_group(path, length);
}

size_t remove_groups(const char *folder, const char *prefix) {
  char path[PATH_MAX];
  size_t length = strlen(folder);
  if (length >= sizeof path) return 0;
  memcpy(path, folder, length + 1);
  size_t left = visit_below(path, length, prefix, remove_group);
  if (left > 0 || rmdir(folder) == 0 || errno != EBUSY) return left;
  /* Two links are the folder's own name and its `.`; more are groups of another factory of the same daemon. */
  struct stat found;
  return stat(folder, &found) == 0 && found.st_nlink == 2 ? 1 : 0;
}
