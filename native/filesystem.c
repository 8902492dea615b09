/* The root that a function sees: a read-only tmpfs with only what it may see bound into it. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif

static const struct {
  const char *word;
  int arguments;
} words[] = {
    {"--folder", 2},      /* path, mode in octal */
    {"--bind", 2},        /* source, target: read-only */
    {"--bind-owner", 3},  /* source, target, owner: read-only, the owner's files as the function's user's */
    {"--bind-writable", 2},
    {"--device", 1},      /* a device file of the host, at the same path */
    {"--link", 2},        /* text, path */
    {"--file", 3},        /* path, mode in octal, text */
    {"--proc", 1},        /* path */
    {"--cover", 1},       /* an existing folder: an empty one in its place */
    {"--seal", 1},        /* the folder that covers: read-only from here on */
};

int mount_arguments(const char *word) {
  for (size_t each = 0; each < sizeof words / sizeof *words; each++) {
    if (strcmp(words[each].word, word) == 0) return words[each].arguments;
  }
  return -1;
}

/* The path inside the new root that is still a folder of the old one. */
static void place(const struct sandbox *sandbox, const char *path, char result[PATH_MAX]) {
  int length = snprintf(result, PATH_MAX, "%s%s", sandbox->root, path);
  if (length >= PATH_MAX) refuse(sandbox, path, ENAMETOOLONG);
}

static void make_parents(const struct sandbox *sandbox, const char *path) {
  char parent[PATH_MAX];
  snprintf(parent, sizeof parent, "%s", path);
  char *slash = strrchr(parent, '/');
  if (slash == NULL || slash == parent) return;
  *slash = '\0';
  int error = make_folders(parent, 0755);
  /* What is bound read-only cannot be extended: the caller says what is missing. */
  if (error != 0 && error != EROFS && error != EACCES) refuse(sandbox, parent, error);
}

/*
 * /tmp outlives the processes of an environment. What they left there in the way of our paths goes: a link of theirs
 * could lead out of the new root. What is bound read-only is the host's own.
 */
static void clear_way(const struct sandbox *sandbox, const char *path) {
  static const char writable[] = "/tmp/";
  char way[PATH_MAX];
  if (strncmp(path, writable, sizeof writable - 1) != 0) return;
  place(sandbox, path, way);
  char *slash = way + strlen(sandbox->root) + sizeof writable - 2;
  while (slash != NULL) {
    struct stat found;
    slash = strchr(slash + 1, '/');
    if (slash != NULL) *slash = '\0';
    if (lstat(way, &found) != 0) return;
    if (!S_ISDIR(found.st_mode) && unlink(way) != 0 && errno != EROFS && errno != EBUSY) {
      refuse(sandbox, path, errno);
    }
    if (slash != NULL) *slash = '/';
  }
}

/* An existing mount point of the same kind as the source. */
static void make_mount_point(const struct sandbox *sandbox, const char *source, const char *target) {
  struct stat wanted, found;
  if (stat(source, &wanted) != 0) refuse(sandbox, source, errno);
  if (stat(target, &found) == 0) return;
  make_parents(sandbox, target);
  if (S_ISDIR(wanted.st_mode)) {
    if (mkdir(target, 0755) != 0 && errno != EEXIST) refuse(sandbox, target, errno);
    return;
  }
  int fd = open(target, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  if (fd < 0) refuse(sandbox, target, errno);
  close(fd);
}

/* A user namespace in which `owner` of the disk is the function's user; -1 when there can be none. */
static int make_owner_namespace(const struct sandbox *sandbox, uid_t owner) {
  int ready[2];
  if (pipe2(ready, O_CLOEXEC) != 0) return -1;
  pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
  if (child == 0) {
    char byte;
    close(ready[1]);
    _exit(read(ready[0], &byte, 1) < 0);
  }
  close(ready[0]);
  int namespace = -1;
  if (child > 0) {
    char path[64], map[64];
    snprintf(map, sizeof map, "%u %u 1", owner, sandbox->user);
    snprintf(path, sizeof path, "/proc/%d/uid_map", child);
    int error = write_file(path, map);
    snprintf(path, sizeof path, "/proc/%d/gid_map", child);
    snprintf(map, sizeof map, "0 %u 1", sandbox->group);
    if (error == 0) error = write_file(path, map);
    snprintf(path, sizeof path, "/proc/%d/ns/user", child);
    if (error == 0) namespace = open(path, O_RDONLY | O_CLOEXEC);
  }
  close(ready[1]);
  if (child > 0) waitpid(child, NULL, 0);
  return namespace;
}

void open_owner_namespace(struct sandbox *sandbox) {
  for (int at = 0; at < sandbox->mounts_count;) {
    char **words = sandbox->mounts + at;
    if (strcmp(words[0], "--bind-owner") == 0) {
      sandbox->owner_namespace = make_owner_namespace(sandbox, (uid_t)strtoul(words[3], NULL, 10));
      return;
    }
    at += 1 + mount_arguments(words[0]);
  }
}

struct binding {
  const char *source, *target;
  uint64_t attributes;
  /* The owner's files show as the function's user's. */
  bool as_owner;
};

/* The attributes are set while nobody can see the copy, so that it is never writable for an instant. */
static void bind_tree(const struct sandbox *sandbox, const struct binding *binding) {
  make_mount_point(sandbox, binding->source, binding->target);
  int tree = (int)syscall(SYS_open_tree, AT_FDCWD, binding->source,
                          OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (tree < 0) refuse(sandbox, binding->source, errno);
  struct mount_attr attributes = {.attr_set = binding->attributes, .propagation = MS_PRIVATE};
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
              sizeof attributes) != 0) {
    refuse(sandbox, binding->source, errno);
  }
  if (binding->as_owner && sandbox->owner_namespace >= 0) {
    struct mount_attr mapped = {.attr_set = MOUNT_ATTR_IDMAP,
                                .userns_fd = (uint64_t)sandbox->owner_namespace};
    /* A file system that cannot do it shows its files as they are: the function then says what it may not read. */
    syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &mapped, sizeof mapped);
  }
  if (syscall(SYS_move_mount, tree, "", AT_FDCWD, binding->target, MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    refuse(sandbox, binding->target, errno);
  }
  close(tree);
}

static void write_text(const struct sandbox *sandbox, const char *path, mode_t mode,
                       const char *text) {
  int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
  if (fd < 0 || !write_all(fd, text, strlen(text)) || fchmod(fd, mode) != 0) {
    refuse(sandbox, path, errno);
  }
  close(fd);
}

/* A file of ours; over one that is bound already it is bound itself. */
static void make_file(const struct sandbox *sandbox, const char *path, mode_t mode,
                      const char *text) {
  struct stat found;
  if (lstat(path, &found) != 0) {
    make_parents(sandbox, path);
    write_text(sandbox, path, mode, text);
    return;
  }
  char unseen[PATH_MAX];
  place(sandbox, "/.file", unseen);
  write_text(sandbox, unseen, mode, text);
  bind_tree(sandbox, &(struct binding){.source = unseen,
                                       .target = path,
                                       .attributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID});
  if (unlink(unseen) != 0) refuse(sandbox, unseen, errno);
}

static void cover(const struct sandbox *sandbox, const char *target) {
  if (mount("links", target, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m") != 0) {
    refuse(sandbox, target, errno);
  }
}

static void seal(const struct sandbox *sandbox, const char *target) {
  const unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
  if (mount(NULL, target, NULL, flags, NULL) != 0) refuse(sandbox, target, errno);
}

static void make(const struct sandbox *sandbox, char **words) {
  const char *word = words[0];
  const uint64_t safe = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  char target[PATH_MAX];
  bool second = strncmp(word, "--bind", 6) == 0 || strcmp(word, "--link") == 0;
  place(sandbox, words[second ? 2 : 1], target);
  clear_way(sandbox, words[second ? 2 : 1]);
  struct binding binding = {.source = words[1], .target = target, .attributes = safe};
  if (strcmp(word, "--folder") == 0) {
    int error = make_folders(target, 0755);
    if (error != 0) refuse(sandbox, words[1], error);
    if (chmod(target, (mode_t)strtoul(words[2], NULL, 8)) != 0) refuse(sandbox, words[1], errno);
  } else if (strcmp(word, "--bind") == 0) {
    binding.attributes |= MOUNT_ATTR_RDONLY;
    bind_tree(sandbox, &binding);
  } else if (strcmp(word, "--bind-owner") == 0) {
    binding.attributes |= MOUNT_ATTR_RDONLY;
    binding.as_owner = true;
    bind_tree(sandbox, &binding);
  } else if (strcmp(word, "--bind-writable") == 0) {
    bind_tree(sandbox, &binding);
  } else if (strcmp(word, "--device") == 0) {
    binding.attributes = MOUNT_ATTR_NOSUID;
    bind_tree(sandbox, &binding);
  } else if (strcmp(word, "--link") == 0) {
    make_parents(sandbox, target);
    if (symlink(words[1], target) != 0) refuse(sandbox, words[2], errno);
  } else if (strcmp(word, "--cover") == 0) {
    cover(sandbox, target);
  } else if (strcmp(word, "--seal") == 0) {
    seal(sandbox, target);
  } else if (strcmp(word, "--file") == 0) {
    make_file(sandbox, target, (mode_t)strtoul(words[2], NULL, 8), words[3]);
  } else {
    int error = make_folders(target, 0755);
    if (error != 0) refuse(sandbox, words[1], error);
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (mount("proc", target, "proc", flags, NULL) != 0) refuse(sandbox, "mount proc", errno);
  }
}

void enter_root(const struct sandbox *sandbox) {
  umask(0);
  /* Nothing that is mounted here may show on the host. */
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) refuse(sandbox, "private /", errno);
  if (mount("lambda", sandbox->root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m") != 0) {
    refuse(sandbox, "mount tmpfs", errno);
  }
  for (int at = 0; at < sandbox->mounts_count;) {
    make(sandbox, sandbox->mounts + at);
    at += 1 + mount_arguments(sandbox->mounts[at]);
  }
  if (chdir(sandbox->root) != 0) refuse(sandbox, sandbox->root, errno);
  if (syscall(SYS_pivot_root, ".", ".") != 0) refuse(sandbox, "pivot_root", errno);
  /* The old root lies over the new one now. */
  if (umount2(".", MNT_DETACH) != 0) refuse(sandbox, "umount old root", errno);
  if (chdir("/") != 0) refuse(sandbox, "chdir /", errno);
  seal(sandbox, "/");
  umask(022);
}
