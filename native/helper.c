/* The one static program beside Node: what a process must do between fork and exec, or when the daemon is dead. */
#include "helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Noreturn void fail(const char *format, ...) {
  va_list values;
  va_start(values, format);
  fputs("lambda-emu-helper: ", stderr);
  vfprintf(stderr, format, values);
  fputc('\n', stderr);
  va_end(values);
  exit(EXIT_HELPER);
}

bool write_all(int fd, const void *bytes, size_t length) {
  const char *next = bytes;
  while (length > 0) {
    ssize_t written = write(fd, next, length);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    next += written;
    length -= (size_t)written;
  }
  return true;
}

int write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  ssize_t written = write(fd, text, strlen(text));
  int error = written < 0 ? errno : 0;
  close(fd);
  return error;
}

int make_folders(const char *path, unsigned mode) {
  /* Most often its parents are there, and it is too. */
  if (mkdir(path, mode) == 0 || errno == EEXIST) return 0;
  if (errno != ENOENT) return errno;
  char folder[PATH_MAX];
  size_t length = strlen(path);
  if (length >= sizeof folder) return ENAMETOOLONG;
  memcpy(folder, path, length + 1);
  for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (mkdir(folder, mode) != 0 && errno != EEXIST) return errno;
    *slash = '/';
  }
  if (mkdir(folder, mode) != 0 && errno != EEXIST) return errno;
  return 0;
}

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
} verbs[] = {
    {"run", verb_run},
    {"spawner", verb_spawner},
    {"guard", verb_guard},
    {"probe", verb_probe},
    {"storage", verb_storage},
};

int main(int argc, char **argv) {
  if (argc >= 2) {
    for (size_t each = 0; each < sizeof verbs / sizeof *verbs; each++) {
      if (strcmp(argv[1], verbs[each].name) == 0) return verbs[each].run(argc - 2, argv + 2);
    }
  }
  fail("the verbs are run, spawner, guard, probe and storage");
}
