/* What the attempts of the probe share: how one is refused, and those that take many calls. */
#ifndef LAMBDA_EMU_PROBE_H
#define LAMBDA_EMU_PROBE_H

#include <stdbool.h>
#include <sys/types.h>

struct probe_options {
  /* Folder of a cgroup v2 tree in which groups can be made; NULL when there is none. */
  const char *v2;
  /* An existing folder that mounts of a namespace of our own may cover. */
  const char *tmp;
};

/* Says at which step this attempt failed, with errno or the given error, and ends it. */
_Noreturn void probe_refuse(const char *step);
_Noreturn void probe_refuse_as(int error, const char *step);

/* The name of an errno, as EPERM. */
const char *probe_error_name(int error);

/* Waits for a child of the attempt; ends the attempt when the child did not end well. */
void probe_expect_end(pid_t child, const char *step);

/* All that the file system of a sandbox is made of, in namespaces of its own. */
void probe_mounts(const struct probe_options *options, bool own_user_namespace);

/* A loop device over a file in memory, and the right to mount from it. */
void probe_loop(const struct probe_options *options);

/*
 * Makes the group of this attempt below --v2 and opens its folder. It is named after this process:
 * a sweep of the emulator finds it, should nobody remove it.
 */
int probe_make_group(const struct probe_options *options);

/* The name of the group that was made. */
const char *probe_group_name(void);

/* Removes that group, if one was made; whatever was in it must have been waited for. */
void probe_remove_group(void);

/* Removes the group of an attempt that was killed before it could do so. */
void probe_sweep_groups(const struct probe_options *options, pid_t attempt);

/* fork(2) into a group; -1 and errno when it cannot be had. */
pid_t probe_clone_into(int group);

/* Attaches a program that refuses every connect(2) of the group. */
void probe_attach_refusal(int group, int attach_type, const char *step);

#endif
