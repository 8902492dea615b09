/* What the parts of the guardian share: who is who, what is known of the dead daemon, and what each part ends. */
#ifndef LAMBDA_EMU_GUARD_H
#define LAMBDA_EMU_GUARD_H

#include "helper.h"

#include <dirent.h>
#include <sys/types.h>

/* How a process is known that has left its parents: src/sandbox/factory.ts asks for this variable. */
#define MARK_NAME "AWS_LAMBDA_LOG_STREAM_NAME="

/* Pid and field 22 of /proc/<pid>/stat: together one process, and never a later one with the same pid. */
struct identity {
  pid_t pid;
  unsigned long long start_time;
};

struct identities {
  struct identity *all;
  size_t count, capacity;
};

/* Entries of an environment block, `AWS_LAMBDA_LOG_STREAM_NAME=<name>`, each of one dead environment. */
struct marks {
  char **all;
  size_t count, capacity;
};

/* Where the daemon's environments are on disk. */
struct places {
  /* Without symbolic links in it, as mount points are shown. */
  const char *state;
  struct identity daemon;
  const char *boot_id;
};

/* Room for one more. Memory that cannot be had ends the program. */
void *room_for_one(void *all, size_t count, size_t *capacity, size_t size);

/* Digits only, and no more than fit; `end` is set behind them. */
bool read_number(const char *text, const char **end, unsigned long long *number);

/* Everything up to `limit` bytes, a NUL behind it; NULL when it cannot be read or is longer. To be freed. */
char *read_all(int fd, size_t limit, size_t *length);
char *read_file(const char *path, size_t limit, size_t *length);

void add_identity(struct identities *identities, struct identity identity);

/* Whether that very process is there; a zombie whose threads have ended too is not. */
bool is_alive(struct identity identity);

/*
 * Stops, then kills the roots, whatever descends from them, and whoever carries a mark. Returns how many
 * were alive: call it until there is none.
 */
size_t end_processes(const struct identities *roots, const struct marks *marks);

/* Kills whatever is in the groups of `folder` whose names start with `prefix`, and in the groups below these. */
void kill_groups(const char *folder, const char *prefix);

/* Kills whatever is in this very group. */
void kill_own(const char *folder);

/* Removes those groups, then the folder if it is empty. Returns how many could not be removed yet. */
size_t remove_groups(const char *folder, const char *prefix);

/* Adds the marks and the recorded processes of the daemon's environments that are not known yet. */
void read_environments(const struct places *places, struct marks *marks, struct identities *roots);

/* Detaches the mounts of the daemon's environments and storages. Returns how many there were. */
size_t end_mounts(const struct places *places);

/* Removes records, folders, storages and pipes of the daemon. Returns how many could not be removed yet. */
size_t remove_files(const struct places *places);

/* The next entry but `.` and `..`; NULL at the end. */
struct dirent *next_entry(DIR *entries);

#endif
