// Runs a program under a filter of system calls like the one that container engines put around theirs by default.

#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#else
#error "this machine's number is not known"
#endif

#define NAMESPACES                                                                                 \
  (CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |       \
   CLONE_NEWCGROUP)

// Refused with EPERM to programs without CAP_SYS_ADMIN. Source: Docker's documentation, seccomp profiles.
static const unsigned int refused[] = {
    SYS_unshare,     SYS_setns,        SYS_mount,          SYS_umount2,         SYS_pivot_root,
    SYS_open_tree,   SYS_move_mount,   SYS_fsopen,         SYS_fsconfig,        SYS_fsmount,
    SYS_fspick,      SYS_mount_setattr, SYS_bpf,           SYS_perf_event_open, SYS_keyctl,
    SYS_add_key,     SYS_request_key,  SYS_swapon,         SYS_swapoff,         SYS_reboot,
    SYS_sethostname, SYS_setdomainname, SYS_init_module,   SYS_finit_module,    SYS_delete_module,
    SYS_kexec_load,  SYS_quotactl,     SYS_acct,           SYS_userfaultfd,     SYS_vhangup,
};
#define REFUSED (sizeof refused / sizeof *refused)

static struct sock_filter load(size_t offset)
{
  return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned int)offset);
}

// Where `test` holds of `value` the next instruction is taken, and else the one after `more` others.
static struct sock_filter when(unsigned short test, unsigned int value, unsigned char more)
{
  return (struct sock_filter)BPF_JUMP((unsigned short)(BPF_JMP | test | BPF_K), value, 0, more);
}

static const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

static struct sock_filter refuse(int error)
{
  return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned int)error);
}

static int build(struct sock_filter *program)
{
  int count = 0;

  program[count++] = load(offsetof(struct seccomp_data, arch));
  // Programs of another kind have other numbers; nothing here is one.
  program[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0);
  program[count++] = refuse(ENOSYS);
  program[count++] = load(offsetof(struct seccomp_data, nr));
  for (size_t i = 0; i < REFUSED; i++) {
    program[count++] = when(BPF_JEQ, refused[i], 1);
    program[count++] = refuse(EPERM);
  }
  // Its flags are behind a pointer, which no filter can follow: programs fall back to clone.
  program[count++] = when(BPF_JEQ, SYS_clone3, 1);
  program[count++] = refuse(ENOSYS);
  program[count++] = when(BPF_JEQ, SYS_clone, 3);
  program[count++] = load(offsetof(struct seccomp_data, args));
  program[count++] = when(BPF_JSET, NAMESPACES, 1);
  program[count++] = refuse(EPERM);
  program[count++] = allow;
  return count;
}

int main(int argc, char **argv)
{
  struct sock_filter program[2 * REFUSED + 16];
  struct sock_fprog filter = {.filter = program};

  if (argc < 2) {
    fprintf(stderr, "container-filter: program and arguments are missing\n");
    return 2;
  }
  filter.len = (unsigned short)build(program);
  // Engines set the filter before they drop their rights; whoever has none left must give up new ones.
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) != 0) {
    fprintf(stderr, "container-filter: %s\n", strerror(errno));
    return 1;
  }
  execvp(argv[1], argv + 1);
  fprintf(stderr, "container-filter: %s: %s\n", argv[1], strerror(errno));
  return 127;
}
