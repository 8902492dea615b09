/* Which loopback ports an environment may connect to: two small BPF programs on its control group. */
#include "sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(to, from, offset) \
  ((struct bpf_insn){BPF_LDX | BPF_MEM | BPF_W, to, from, offset, 0})
#define STORE(to, offset, from) \
  ((struct bpf_insn){BPF_STX | BPF_MEM | BPF_W, to, from, offset, 0})
#define MOVE(to, from) ((struct bpf_insn){BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0})
#define SET(to, value) ((struct bpf_insn){BPF_ALU | BPF_MOV | BPF_K, to, 0, 0, (int32_t)(value)})
#define AND(to, value) ((struct bpf_insn){BPF_ALU | BPF_AND | BPF_K, to, 0, 0, (int32_t)(value)})
#define SWAP16(to) ((struct bpf_insn){BPF_ALU | BPF_END | BPF_TO_BE, to, 0, 0, 16})
/* 32-bit comparisons: addresses above 127.255.255.255 must not be sign-extended. */
#define JUMP(how, with, value, over) \
  ((struct bpf_insn){BPF_JMP32 | (how) | BPF_K, with, 0, over, (int32_t)(value)})
#define SKIP(over) ((struct bpf_insn){BPF_JMP | BPF_JA, 0, 0, over, 0})
#define RETURN ((struct bpf_insn){BPF_JMP | BPF_EXIT, 0, 0, 0, 0})

#define IP4 offsetof(struct bpf_sock_addr, user_ip4)
#define IP6(word) (int16_t)(offsetof(struct bpf_sock_addr, user_ip6) + 4 * (word))
#define PORT offsetof(struct bpf_sock_addr, user_port)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FIRST_OCTET 0xff
#define OCTET_127 0x7f
#else
#define FIRST_OCTET 0xff000000
#define OCTET_127 0x7f000000
#endif

/* Where a runtime on AWS finds its Runtime API. Source: recorded answer test_introspection_invoke. */
#define API_ADDRESS 0xa9fe6401u
#define API_PORT 9001

struct program {
  struct bpf_insn code[48];
  int length;
};

static void add(struct program *program, struct bpf_insn instruction) {
  program->code[program->length++] = instruction;
}

/* With the address in r2 (or known to be loopback) and the port in r3, both as on the wire: allow or refuse. */
static void decide_port(struct program *program, uint16_t first, uint16_t last, uint16_t own) {
  add(program, SWAP16(BPF_REG_3));
  add(program, SET(BPF_REG_0, 1));
  add(program, JUMP(BPF_JLT, BPF_REG_3, first, 3));
  add(program, JUMP(BPF_JGT, BPF_REG_3, last, 2));
  add(program, JUMP(BPF_JEQ, BPF_REG_3, own, 1));
  add(program, SET(BPF_REG_0, 0));
  add(program, RETURN);
}

/* r2 is the IPv4 address, kept at `offset` of the context: leads the API's own address to our port. */
static void lead_to_api(struct program *program, int16_t offset, uint16_t own) {
  add(program, JUMP(BPF_JNE, BPF_REG_2, htonl(API_ADDRESS), 7));
  add(program, JUMP(BPF_JNE, BPF_REG_3, htons(API_PORT), 6));
  add(program, SET(BPF_REG_4, htonl(0x7f000001)));
  add(program, STORE(BPF_REG_6, offset, BPF_REG_4));
  add(program, SET(BPF_REG_4, htons(own)));
  add(program, STORE(BPF_REG_6, PORT, BPF_REG_4));
  add(program, SET(BPF_REG_0, 1));
  add(program, RETURN);
}

static void allow(struct program *program) {
  add(program, SET(BPF_REG_0, 1));
  add(program, RETURN);
}

/* 127.0.0.0/8 and 0.0.0.0, which the kernel takes for it, are loopback; everything else is free. */
static void decide_ip4(struct program *program, uint16_t first, uint16_t last, uint16_t own) {
  add(program, JUMP(BPF_JEQ, BPF_REG_2, 0, 5));
  add(program, MOVE(BPF_REG_4, BPF_REG_2));
  add(program, AND(BPF_REG_4, FIRST_OCTET));
  add(program, JUMP(BPF_JEQ, BPF_REG_4, OCTET_127, 2));
  allow(program);
  decide_port(program, first, last, own);
}

static void connect4(struct program *program, uint16_t first, uint16_t last, uint16_t own) {
  add(program, MOVE(BPF_REG_6, BPF_REG_1));
  add(program, LOAD(BPF_REG_2, BPF_REG_6, IP4));
  add(program, LOAD(BPF_REG_3, BPF_REG_6, PORT));
  lead_to_api(program, IP4, own);
  decide_ip4(program, first, last, own);
}

/* An IPv6 socket reaches IPv4 as ::ffff:a.b.c.d, and loopback as ::1 and ::. */
static void connect6(struct program *program, uint16_t first, uint16_t last, uint16_t own) {
  add(program, MOVE(BPF_REG_6, BPF_REG_1));
  add(program, LOAD(BPF_REG_3, BPF_REG_6, PORT));
  add(program, LOAD(BPF_REG_2, BPF_REG_6, IP6(0)));
  add(program, JUMP(BPF_JNE, BPF_REG_2, 0, 7));
  add(program, LOAD(BPF_REG_2, BPF_REG_6, IP6(1)));
  add(program, JUMP(BPF_JNE, BPF_REG_2, 0, 5));
  add(program, LOAD(BPF_REG_5, BPF_REG_6, IP6(2)));
  add(program, LOAD(BPF_REG_2, BPF_REG_6, IP6(3)));
  add(program, JUMP(BPF_JEQ, BPF_REG_5, htonl(0xffff), 15));
  add(program, JUMP(BPF_JNE, BPF_REG_5, 0, 1));
  add(program, SKIP(2));
  allow(program);
  add(program, JUMP(BPF_JEQ, BPF_REG_2, 0, 3));
  add(program, JUMP(BPF_JEQ, BPF_REG_2, htonl(1), 2));
  allow(program);
  decide_port(program, first, last, own);
  /* Reached only by the jump above: an IPv4 address in the last word. */
  lead_to_api(program, IP6(3), own);
  decide_ip4(program, first, last, own);
}

static int call_bpf(int command, union bpf_attr *attributes) {
  return (int)syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

static int attach(int group, enum bpf_attach_type where, const struct program *program) {
  static const char license[] = "Apache-2.0";
  union bpf_attr load;
  memset(&load, 0, sizeof load);
  load.prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR;
  load.expected_attach_type = where;
  load.insns = (uintptr_t)program->code;
  load.insn_cnt = (uint32_t)program->length;
  load.license = (uintptr_t)license;
  int loaded = call_bpf(BPF_PROG_LOAD, &load);
  if (loaded < 0) return errno;
  union bpf_attr attach;
  memset(&attach, 0, sizeof attach);
  attach.target_fd = (uint32_t)group;
  attach.attach_bpf_fd = (uint32_t)loaded;
  attach.attach_type = where;
  /* Without flags: the group's next start replaces it. */
  int error = call_bpf(BPF_PROG_ATTACH, &attach) == 0 ? 0 : errno;
  close(loaded);
  return error;
}

int confine_connects(int group, uint16_t first, uint16_t last, uint16_t own) {
  struct program program = {.length = 0};
  connect4(&program, first, last, own);
  int error = attach(group, BPF_CGROUP_INET4_CONNECT, &program);
  if (error != 0) return error;
  program.length = 0;
  connect6(&program, first, last, own);
  return attach(group, BPF_CGROUP_INET6_CONNECT, &program);
}
