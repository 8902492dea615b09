/* Attempts of the probe that take many calls: mounts in namespaces, a loop device, groups, BPF. */
#include "helper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

/* <sys/mount.h> and <linux/mount.h> cannot be had together everywhere: these are the two calls. */
int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);
#define DETACH 2

/* The user that Lambda shows to functions. Source: AWS Lambda, `id` in a function. */
#define SHOWN_ID 993

const char *probe_error_name(int error) {
  static const struct {
    int error;
    const char *name;
  } names[] = {
      {EPERM, "EPERM"},     {ENOENT, "ENOENT"},   {ESRCH, "ESRCH"},           {EINTR, "EINTR"},
      {EIO, "EIO"},         {ENXIO, "ENXIO"},     {EBADF, "EBADF"},           {EAGAIN, "EAGAIN"},
      {ENOMEM, "ENOMEM"},   {EACCES, "EACCES"},   {EFAULT, "EFAULT"},         {ENOTBLK, "ENOTBLK"},
      {EBUSY, "EBUSY"},     {EEXIST, "EEXIST"},   {ENODEV, "ENODEV"},         {ENOTDIR, "ENOTDIR"},
      {EINVAL, "EINVAL"},   {ENFILE, "ENFILE"},   {EMFILE, "EMFILE"},         {ENOTTY, "ENOTTY"},
      {ENOSPC, "ENOSPC"},   {EROFS, "EROFS"},     {ENOSYS, "ENOSYS"},         {EUSERS, "EUSERS"},
      {ENOTSUP, "ENOTSUP"}, {EISCONN, "EISCONN"}, {ETIMEDOUT, "ETIMEDOUT"},   {EDQUOT, "EDQUOT"},
      {E2BIG, "E2BIG"},     {ECHILD, "ECHILD"},   {EOVERFLOW, "EOVERFLOW"},
      {ENAMETOOLONG, "ENAMETOOLONG"},             {EAFNOSUPPORT, "EAFNOSUPPORT"},
      {ENETUNREACH, "ENETUNREACH"},               {ECONNREFUSED, "ECONNREFUSED"},
  };
  for (size_t each = 0; each < sizeof names / sizeof *names; each++) {
    if (names[each].error == error) return names[each].name;
  }
  static char number[16];
  snprintf(number, sizeof number, "E%d", error);
  return number;
}

static void write_map(const char *path, unsigned shown, unsigned own) {
  char line[64];
  snprintf(line, sizeof line, "%u %u 1", shown, own);
  int error = write_file(path, line);
  if (error != 0) probe_refuse_as(error, path + strlen("/proc/self/"));
}

static void map_user(uid_t uid, gid_t gid) {
  int error = write_file("/proc/self/setgroups", "deny");
  if (error != 0) probe_refuse_as(error, "setgroups");
  write_map("/proc/self/uid_map", SHOWN_ID, uid);
  write_map("/proc/self/gid_map", SHOWN_ID, gid);
}

/* The first process of the new namespaces: builds a root of its own and moves into it. */
static _Noreturn void build_root(const struct probe_options *options) {
  if (mount(NULL, "/", NULL, 1 << 14 /* recursive */ | 1 << 18 /* private */, NULL) != 0)
    probe_refuse("private");
  if (mount("tmpfs", options->tmp, "tmpfs", 2 | 4 /* nosuid, nodev */, "mode=0755") != 0)
    probe_refuse("tmpfs");
  if (chdir(options->tmp) != 0) probe_refuse("chdir");
  umask(0);
  if (mkdir("usr", 0755) != 0 || mkdir("proc", 0755) != 0) probe_refuse("mkdir");
  if (mount("/usr", "usr", NULL, 1 << 12 /* bind */ | 1 << 14, NULL) != 0) probe_refuse("bind");
  struct mount_attr read_only = {
      .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
  };
  if (syscall(SYS_mount_setattr, AT_FDCWD, "usr", 0x8000 /* AT_RECURSIVE */, &read_only,
              sizeof read_only) != 0)
    probe_refuse("mount_setattr");
  struct statvfs bound;
  if (statvfs("usr", &bound) != 0) probe_refuse("read-only");
  if ((bound.f_flag & ST_RDONLY) == 0) probe_refuse_as(ENOTSUP, "read-only");
  if (mount("proc", "proc", "proc", 2 | 4 | 8 /* nosuid, nodev, noexec */, NULL) != 0)
    probe_refuse("proc");
  if (syscall(SYS_pivot_root, ".", ".") != 0) probe_refuse("pivot_root");
  if (umount2(".", DETACH) != 0) probe_refuse("detach-root");
  if (chdir("/") != 0) probe_refuse("chdir");
  // Of the old root nothing may be seen any more, and of processes only this one.
  if (access("/proc/1/stat", R_OK) != 0) probe_refuse("new-root");
  if (access("/etc", F_OK) == 0) probe_refuse_as(EEXIST, "new-root");
  _exit(0);
}

void probe_mounts(const struct probe_options *options, bool own_user_namespace) {
  unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | SIGCHLD;
  if (own_user_namespace) flags |= CLONE_NEWUSER;
  uid_t uid = geteuid();
  gid_t gid = getegid();
  // clone(2) like fork(2): flags alone, the stack is shared copy-on-write.
  long child = syscall(SYS_clone, flags, 0, 0, 0, 0);
  if (child < 0) probe_refuse("clone");
  if (child == 0) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) probe_refuse("parent-death-signal");
    if (own_user_namespace) map_user(uid, gid);
    build_root(options);
  }
  probe_expect_end((pid_t)child, "child");
}

/* /dev/loopN, or where /dev does not show it a node of our own with the same number. */
static int open_loop(long number) {
  char path[64];
  snprintf(path, sizeof path, "/dev/loop%ld", number);
  int device = open(path, O_RDWR | O_CLOEXEC);
  if (device >= 0 || errno != ENOENT) return device;
  snprintf(path, sizeof path, "/tmp/lambda-emu-probe-%d-loop", (int)getpid());
  if (mknod(path, S_IFBLK | 0600, makedev(7, (unsigned)number)) != 0) return -1;
  device = open(path, O_RDWR | O_CLOEXEC);
  int error = errno;
  unlink(path);
  errno = error;
  return device;
}

static int take_loop(int control, const struct loop_config *config) {
  // Between asking for a free device and taking it another process may be quicker.
  for (int tries = 0; tries < 8; tries++) {
    long number = ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) probe_refuse("get-free");
    int device = open_loop(number);
    if (device < 0) probe_refuse("open-loop");
    if (ioctl(device, LOOP_CONFIGURE, config) == 0) return device;
    if (errno != EBUSY) probe_refuse("configure");
    close(device);
  }
  probe_refuse_as(EBUSY, "configure");
}

void probe_loop(const struct probe_options *options) {
  int image = memfd_create("lambda-emu-probe", MFD_CLOEXEC);
  if (image < 0 || ftruncate(image, 1 << 20) != 0) probe_refuse("image");
  int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) probe_refuse("loop-control");
  struct loop_config config = {.fd = (unsigned)image, .info.lo_flags = LO_FLAGS_AUTOCLEAR};
  int device = take_loop(control, &config);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", device);
  // Nothing is on it, so EINVAL is what somebody hears who may mount; it goes no further than that.
  int mounted = mount(path, options->tmp, "ext4", 1 | 1 << 15 /* read-only, silent */, NULL);
  int error = errno;
  if (mounted == 0) umount2(options->tmp, DETACH);
  if (ioctl(device, LOOP_CLR_FD, 0) != 0) probe_refuse("detach");
  if (mounted != 0 && error != EINVAL) probe_refuse_as(error, "mount");
}

static char group_path[PATH_MAX];
static const char *group_name = "";
/* Forks of the attempt end on their own: the group is not theirs to remove. */
static pid_t group_owner;

/* Field 22 of /proc/self/stat, which follows the name in parentheses; 0 when it cannot be read. */
static unsigned long long own_start_time(void) {
  char text[1024] = "";
  int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  char *field = length < 0 ? NULL : strrchr(text, ')');
  for (int each = 2; field != NULL && each < 22; each++) field = strchr(field + 1, ' ');
  return field == NULL ? 0 : strtoull(field + 1, NULL, 10);
}

int probe_make_group(const struct probe_options *options) {
  if (options->v2 == NULL) probe_refuse_as(ENOENT, "v2-folder");
  int length = snprintf(group_path, sizeof group_path, "%s/lambda-emu-probe-%d-%llu", options->v2,
                        (int)getpid(), own_start_time());
  if (length >= (int)sizeof group_path) probe_refuse_as(ENAMETOOLONG, "v2-folder");
  if (mkdir(group_path, 0755) != 0) probe_refuse("make-group");
  group_owner = getpid();
  group_name = strrchr(group_path, '/') + 1;
  int group = open(group_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (group < 0) probe_refuse("open-group");
  return group;
}

const char *probe_group_name(void) { return group_name; }

static void remove_group(const char *path) {
  // Busy until the last process in it is wholly gone.
  for (int tries = 0; rmdir(path) != 0 && errno == EBUSY && tries < 500; tries++)
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

void probe_remove_group(void) {
  if (group_owner == getpid()) remove_group(group_path);
}

void probe_sweep_groups(const struct probe_options *options, pid_t attempt) {
  char prefix[64], path[PATH_MAX];
  snprintf(prefix, sizeof prefix, "lambda-emu-probe-%d-", (int)attempt);
  DIR *folder = options->v2 == NULL ? NULL : opendir(options->v2);
  if (folder == NULL) return;
  for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
    if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0) continue;
    if (snprintf(path, sizeof path, "%s/%s", options->v2, entry->d_name) < (int)sizeof path)
      remove_group(path);
  }
  closedir(folder);
}

pid_t probe_clone_into(int group) {
  struct clone_args wish = {
      .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)group};
  long child = syscall(SYS_clone3, &wish, sizeof wish);
  if (child == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
    probe_refuse("parent-death-signal");
  return (pid_t)child;
}

void probe_attach_refusal(int group, int attach_type, const char *step) {
  // return 0: refused with EPERM.
  const struct bpf_insn program[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT},
  };
  union bpf_attr load = {.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR};
  load.insn_cnt = sizeof program / sizeof *program;
  load.insns = (uint64_t)(uintptr_t)program;
  load.license = (uint64_t)(uintptr_t) "Apache-2.0";
  load.expected_attach_type = (unsigned)attach_type;
  long loaded = syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
  if (loaded < 0) probe_refuse("load");
  union bpf_attr attach = {.target_fd = (unsigned)group};
  attach.attach_bpf_fd = (unsigned)loaded;
  attach.attach_type = (unsigned)attach_type;
  if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) != 0) probe_refuse(step);
}
