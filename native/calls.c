/* System calls that only help a function out of its sandbox: refused by a seccomp filter. */
#include "sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
/* In clone(2) the lowest byte is a signal. */
#define NAMESPACES                                                                         \
  (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |           \
   CLONE_NEWPID | CLONE_NEWNET)

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error the numbers of the calls are known for x86_64 and aarch64
#endif

/* Above it lie the numbers of x32, which are others and have no table here. */
#define NUMBER_MAX 0x3fffffff

/* Mounts, namespaces, programs for the kernel. Numbers from 424 on are the same everywhere. */
static const int refused[] = {
    SYS_mount,         SYS_umount2,
    SYS_pivot_root,    SYS_setns,
    SYS_bpf,           SYS_perf_event_open,
    SYS_open_by_handle_at,
    428 /* open_tree */, 429 /* move_mount */,
    430 /* fsopen */,    431 /* fsconfig */,
    432 /* fsmount */,   433 /* fspick */,
    442 /* mount_setattr */,
};
#define CALL_CLONE3 435

struct filter {
  struct sock_filter code[64];
  unsigned short length;
};

static void add(struct filter *filter, struct sock_filter instruction) {
  filter->code[filter->length++] = instruction;
}

static void load(struct filter *filter, size_t offset) {
  add(filter, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void answer(struct filter *filter, uint32_t what) {
  add(filter, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, what));
}

/* The next instruction runs when the test of the loaded word holds, and is skipped otherwise. */
static void when(struct filter *filter, uint16_t test, uint32_t value) {
  add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, value, 0, 1));
}

/* With the call's number loaded, and loaded again after it. */
static void refuse_flags(struct filter *filter, int call, uint32_t flags) {
  /* The flags are the first argument; those that matter are in its lower half. */
  const size_t lower = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4;
  add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4));
  load(filter, offsetof(struct seccomp_data, args[0]) + lower);
  when(filter, BPF_JSET, flags);
  answer(filter, SECCOMP_RET_ERRNO | EPERM);
  load(filter, offsetof(struct seccomp_data, nr));
}

static void write_filter(struct filter *filter) {
  load(filter, offsetof(struct seccomp_data, arch));
  add(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0));
  answer(filter, SECCOMP_RET_ERRNO | ENOSYS);
  load(filter, offsetof(struct seccomp_data, nr));
  when(filter, BPF_JGT, NUMBER_MAX);
  answer(filter, SECCOMP_RET_ERRNO | ENOSYS);
  /* Its flags lie in memory; without it everybody takes clone(2). */
  when(filter, BPF_JEQ, CALL_CLONE3);
  answer(filter, SECCOMP_RET_ERRNO | ENOSYS);
  refuse_flags(filter, SYS_clone, NAMESPACES);
  refuse_flags(filter, SYS_unshare, NAMESPACES | CLONE_NEWTIME);
  for (size_t each = 0; each < sizeof refused / sizeof *refused; each++) {
    when(filter, BPF_JEQ, (uint32_t)refused[each]);
    answer(filter, SECCOMP_RET_ERRNO | EPERM);
  }
  answer(filter, SECCOMP_RET_ALLOW);
}

void refuse_calls(void) {
  struct filter filter = {.length = 0};
  write_filter(&filter);
  struct sock_fprog program = {.len = filter.length, .filter = filter.code};
  /* Not slowed by what guards against speculation: the filter keeps no secret from the function. */
  unsigned flags = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0) return;
  /* A kernel without it still has the namespaces. */
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
