/* Taking away what a dead daemon left on disk: mounts, folders, records, pipes; never what a later daemon put there. */
#include "guard-record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RECORD_BYTES_MAX (64u << 10)
#define MOUNTS_BYTES_MAX (64u << 20)
/* Each level holds a descriptor open: what lies deeper is moved up first. */
#define DEPTH_MAX 64

struct mount {
  char *point;
  int id;
};

struct mounts {
  struct mount *all;
  size_t count, capacity;
};

struct dirent *next_entry(DIR *entries) {
  struct dirent *entry = readdir(entries);
  while (entry != NULL && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)) {
    entry = readdir(entries);
  }
  return entry;
}

static int open_at_once(int parent, const char *name, int flags) {
  struct open_how how = {
      .flags = (unsigned)(flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
      .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
  };
  int fd = (int)syscall(SYS_openat2, parent, name, &how, sizeof how);
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return fd;
  /* Kernels before 5.6, and containers that hide it: another device tells most mounts. */
  struct stat above, found;
  fd = openat(parent, name, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  bool known = fstat(parent, &above) == 0 && fstat(fd, &found) == 0;
  if (known && above.st_dev == found.st_dev) return fd;
  close(fd);
  errno = EXDEV;
  return -1;
}

/* Through the descriptor, so that no link can take the name's place meanwhile. */
static void open_up(int fd) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  if (chmod(path, 0700) != 0) return;
}

/* Opens a folder in another one: never through a symbolic link, never into another mount. -1 and errno. */
static int open_folder(int parent, const char *name) {
  int fd = open_at_once(parent, name, O_RDONLY);
  if (fd < 0 && errno == EACCES) {
    int closed = open_at_once(parent, name, O_PATH);
    if (closed < 0) return -1;
    open_up(closed);
    close(closed);
    fd = open_at_once(parent, name, O_RDONLY);
  }
  struct stat found;
  if (fd >= 0 && fstat(fd, &found) == 0 && (found.st_mode & 0700) != 0700) open_up(fd);
  return fd;
}

/* An ordinary folder of the state directory, whoever may have made a link of it; -1 when it is not there. */
static int open_place(const struct places *places, const char *name) {
  int state = open(places->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (state < 0) return -1;
  int fd = openat(state, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  close(state);
  return fd;
}

static DIR *entries_of(int fd) {
  int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *entries = copy < 0 ? NULL : fdopendir(copy);
  if (entries == NULL && copy >= 0) close(copy);
  return entries;
}

static bool read_record(int environments, const char *name, struct record *record) {
  size_t length;
  struct stat found;
  int fd = openat(environments, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  bool plain = fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
  char *text = plain ? read_all(fd, RECORD_BYTES_MAX, &length) : NULL;
  close(fd);
  bool whole = text != NULL && parse_record(text, length, record);
  free(text);
  return whole;
}

static bool is_of_daemon(const struct places *places, const struct record *record) {
  return record->daemon.pid == places->daemon.pid &&
         record->daemon.start_time == places->daemon.start_time &&
         strcmp(record->boot_id, places->boot_id) == 0;
}

static bool is_ours(const struct places *places, int environments, const char *id) {
  char name[NAME_MAX + 1];
  struct record record;
  if (snprintf(name, sizeof name, "%s.json", id) >= (int)sizeof name) return false;
  return read_record(environments, name, &record) && is_of_daemon(places, &record);
}

/* The id before `.json` or `.json.new`; false for any other name. */
static bool id_of(const char *name, const char **suffix, char id[NAME_MAX + 1]) {
  static const char allowed[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  size_t length = strlen(name);
  *suffix = ".json";
  if (length > 9 && strcmp(name + length - 9, ".json.new") == 0) *suffix = ".json.new";
  else if (length <= 5 || strcmp(name + length - 5, ".json") != 0) return false;
  length -= strlen(*suffix);
  memcpy(id, name, length);
  id[length] = '\0';
  return strspn(id, allowed) == length && id[0] != '.' && id[0] != '-';
}

static void add_mark(struct marks *marks, const char *log_stream_name) {
  char mark[sizeof MARK_NAME + sizeof((struct record *)0)->log_stream_name];
  if (log_stream_name[0] == '\0') return;
  snprintf(mark, sizeof mark, MARK_NAME "%s", log_stream_name);
  for (size_t each = 0; each < marks->count; each++) {
    if (strcmp(marks->all[each], mark) == 0) return;
  }
  marks->all = room_for_one(marks->all, marks->count, &marks->capacity, sizeof *marks->all);
  char *kept = strdup(mark);
  if (kept != NULL) marks->all[marks->count++] = kept;
}

static void add_root(struct identities *roots, struct identity root) {
  for (size_t each = 0; each < roots->count; each++) {
    struct identity known = roots->all[each];
    if (known.pid == root.pid && known.start_time == root.start_time) return;
  }
  if (root.pid > 1) add_identity(roots, root);
}

void read_environments(const struct places *places, struct marks *marks, struct identities *roots) {
  char id[NAME_MAX + 1];
  const char *suffix;
  struct record record;
  int environments = open_place(places, "environments");
  DIR *entries = environments < 0 ? NULL : entries_of(environments);
  for (struct dirent *entry; entries != NULL && (entry = next_entry(entries)) != NULL;) {
    if (!id_of(entry->d_name, &suffix, id)) continue;
    if (!read_record(environments, entry->d_name, &record)) continue;
    if (!is_of_daemon(places, &record)) continue;
    add_mark(marks, record.log_stream_name);
    add_root(roots, record.root);
  }
  if (entries != NULL) closedir(entries);
  if (environments >= 0) close(environments);
}

static bool names_daemon(const char *name, struct identity daemon) {
  char start[64];
  int length = snprintf(start, sizeof start, "%d-%llu-", (int)daemon.pid, daemon.start_time);
  return strncmp(name, start, (size_t)length) == 0;
}

/* mountinfo writes space, tab, newline and backslash as three octal digits. */
static void decode_octal(char *text) {
  char *into = text;
  for (const char *from = text; *from != '\0'; from++) {
    if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && strspn(from + 1, "01234567") >= 3) {
      *into++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 3;
    } else {
      *into++ = *from;
    }
  }
  *into = '\0';
}

/* The path below `<state>/<place>/`; NULL when it is not below. */
static const char *below(const struct places *places, const char *place, const char *path) {
  size_t state = strlen(places->state), more = strlen(place);
  if (strncmp(path, places->state, state) != 0 || path[state] != '/') return NULL;
  path += state + 1;
  if (strncmp(path, place, more) != 0 || path[more] != '/') return NULL;
  return path + more + 1;
}

static int deepest_first(const void *left, const void *right) {
  size_t one = strlen(((const struct mount *)left)->point);
  size_t other = strlen(((const struct mount *)right)->point);
  return one == other ? 0 : one < other ? 1 : -1;
}

static void add_mount(struct mounts *mounts, const struct places *places, char *line) {
  char *rest = NULL, *fields[5];
  for (int each = 0; each < 5; each++) {
    fields[each] = strtok_r(each == 0 ? line : NULL, " ", &rest);
    if (fields[each] == NULL) return;
  }
  decode_octal(fields[4]);
  if (!below(places, "environments", fields[4]) && !below(places, "storage", fields[4])) return;
  mounts->all = room_for_one(mounts->all, mounts->count, &mounts->capacity, sizeof *mounts->all);
  char *point = strdup(fields[4]);
  if (point != NULL) mounts->all[mounts->count++] = (struct mount){point, atoi(fields[0])};
}

/* Mounts below environments and storages, the deepest first. */
static struct mounts read_mounts(const struct places *places) {
  struct mounts mounts = {0};
  size_t length;
  char *rest = NULL, *text = read_file("/proc/self/mountinfo", MOUNTS_BYTES_MAX, &length);
  if (text == NULL) return mounts;
  for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    add_mount(&mounts, places, line);
  }
  free(text);
  if (mounts.count > 1) qsort(mounts.all, mounts.count, sizeof *mounts.all, deepest_first);
  return mounts;
}

static void free_mounts(struct mounts *mounts) {
  for (size_t each = 0; each < mounts->count; each++) free(mounts->all[each].point);
  free(mounts->all);
}

/* By the mount's own number: at the same path a later daemon may have mounted something by now. */
static void detach(const struct mount *mount) {
  char path[64];
  size_t length;
  int fd = open(mount->point, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return;
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  char *text = read_file(path, 4096, &length);
  const char *id = text == NULL ? NULL : strstr(text, "mnt_id:");
  if (id != NULL && atoi(id + strlen("mnt_id:")) == mount->id) {
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    umount2(path, MNT_DETACH);
  }
  free(text);
  close(fd);
}

static bool is_ours_by_path(const struct places *places, int environments, const char *path) {
  char id[NAME_MAX + 1];
  const char *rest = below(places, "storage", path);
  if (rest != NULL) return names_daemon(rest, places->daemon);
  rest = below(places, "environments", path);
  size_t length = rest == NULL ? 0 : strcspn(rest, "/");
  if (environments < 0 || length == 0 || length >= sizeof id) return false;
  memcpy(id, rest, length);
  id[length] = '\0';
  return is_ours(places, environments, id);
}

size_t end_mounts(const struct places *places) {
  size_t ours = 0;
  /* In this order: a record that is ours after the mounts were listed was ours while they were. */
  struct mounts mounts = read_mounts(places);
  int environments = open_place(places, "environments");
  for (size_t each = 0; each < mounts.count; each++) {
    if (!is_ours_by_path(places, environments, mounts.all[each].point)) continue;
    detach(&mounts.all[each]);
    ours++;
  }
  if (environments >= 0) close(environments);
  free_mounts(&mounts);
  return ours;
}

struct removal {
  /* The folder that is emptied, and how many have been moved up into it. */
  int top;
  unsigned moved;
};

static void empty_folder(struct removal *removal, int fd, int depth);

static void move_up(struct removal *removal, int parent, const char *name) {
  char place[64];
  snprintf(place, sizeof place, ".deep-%d-%u", (int)getpid(), removal->moved);
  if (renameat(parent, name, removal->top, place) == 0) removal->moved++;
}

static void remove_entry(struct removal *removal, int parent, const char *name, int depth) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return;
  if (unlinkat(parent, name, AT_REMOVEDIR) == 0) return;
  if (depth == DEPTH_MAX) {
    move_up(removal, parent, name);
    return;
  }
  int fd = open_folder(parent, name);
  if (fd < 0) return;
  empty_folder(removal, fd, depth + 1);
  close(fd);
  unlinkat(parent, name, AT_REMOVEDIR);
}

static void empty_folder(struct removal *removal, int fd, int depth) {
  DIR *entries = entries_of(fd);
  if (entries == NULL) return;
  for (struct dirent *entry; (entry = next_entry(entries)) != NULL;) {
    remove_entry(removal, fd, entry->d_name, depth);
  }
  closedir(entries);
}

/* Everything below the folder, however deep. */
static void empty_tree(int fd) {
  struct removal removal = {.top = fd};
  for (unsigned before = ~0U; before != removal.moved;) {
    before = removal.moved;
    empty_folder(&removal, fd, 0);
  }
}

static bool is_there(int folder, const char *name) {
  struct stat found;
  return fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Taken out of the way first and read again there: a later daemon's record by the same name is put back. */
static void remove_record(const struct places *places, int environments, const char *name) {
  char taken[NAME_MAX + 1];
  struct record record;
  int length = snprintf(taken, sizeof taken, "%s.gone-%d", name, (int)getpid());
  if (length >= (int)sizeof taken || renameat(environments, name, environments, taken) != 0) return;
  if (!read_record(environments, taken, &record) || !is_of_daemon(places, &record)) {
    linkat(environments, taken, environments, name, 0);
  }
  unlinkat(environments, taken, 0);
}

/*
 * Ids are given again by the next daemon. It writes its record before it makes its folder: so a folder that was
 * opened before the record was found to be ours is ours too, whatever comes to its name later.
 */
static size_t remove_environment(const struct places *places, int environments, const char *id,
                                 const char *suffix) {
  char name[NAME_MAX + 1];
  struct record record;
  struct stat opened, named;
  if (snprintf(name, sizeof name, "%s%s", id, suffix) >= (int)sizeof name) return 0;
  int folder = open_folder(environments, id);
  bool missing = folder < 0 && errno == ENOENT;
  bool strange = folder < 0 && (errno == ELOOP || errno == ENOTDIR);
  bool ours = read_record(environments, name, &record) && is_of_daemon(places, &record);
  /* A link or a file in the folder's place: without AT_REMOVEDIR this takes no folder. */
  if (ours && strange) missing = unlinkat(environments, id, 0) == 0 || errno == ENOENT;
  bool same = folder >= 0 && fstat(folder, &opened) == 0;
  if (ours && same) {
    empty_tree(folder);
    same = fstatat(environments, id, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
    if (!same || unlinkat(environments, id, AT_REMOVEDIR) == 0) missing = true;
  }
  if (folder >= 0) close(folder);
  if (!ours) return 0;
  if (missing) remove_record(places, environments, name);
  return missing ? 0 : 1;
}

static size_t remove_environments(const struct places *places, int environments) {
  char id[NAME_MAX + 1];
  const char *suffix;
  size_t left = 0;
  DIR *entries = entries_of(environments);
  if (entries == NULL) return 0;
  for (struct dirent *entry; (entry = next_entry(entries)) != NULL;) {
    if (!id_of(entry->d_name, &suffix, id)) continue;
    left += remove_environment(places, environments, id, suffix);
  }
  closedir(entries);
  return left;
}

/* Storages, pipes and snapshots carry the daemon's pid and start time in their names, so no later daemon has the same. */
static size_t remove_named(const struct places *places, int folder) {
  size_t left = 0;
  DIR *entries = entries_of(folder);
  if (entries == NULL) return 0;
  for (struct dirent *entry; (entry = next_entry(entries)) != NULL;) {
    if (!names_daemon(entry->d_name, places->daemon)) continue;
    if (unlinkat(folder, entry->d_name, 0) == 0) continue;
    int fd = open_folder(folder, entry->d_name);
    if (fd >= 0) {
      empty_tree(fd);
      close(fd);
      unlinkat(folder, entry->d_name, AT_REMOVEDIR);
    }
    if (is_there(folder, entry->d_name)) left++;
  }
  closedir(entries);
  return left;
}

size_t remove_files(const struct places *places) {
  static const char *const named[] = {"storage/templates", "storage", "pipes", "snapshots"};
  size_t left = 0;
  int environments = open_place(places, "environments");
  if (environments >= 0) {
    left += remove_environments(places, environments);
    close(environments);
  }
  for (size_t each = 0; each < sizeof named / sizeof *named; each++) {
    int folder = open_place(places, named[each]);
    if (folder < 0) continue;
    left += remove_named(places, folder);
    close(folder);
  }
  return left;
}
