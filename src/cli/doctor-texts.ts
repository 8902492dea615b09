// The words of `lambda-emu doctor`: for each choice what is used, how good it is, and what one loses with it.

import type { AbilityName } from '../admin/diagnosis.js'

export type Mark = 'full' | 'reduced' | 'none'

export interface ChoiceText {
  readonly mark: Mark
  readonly used: string
  /** Empty when nothing is lost. */
  readonly lost: string
}

export const titles: Readonly<Record<AbilityName, string>> = {
  freeze: 'freeze',
  cpu: 'CPU',
  memory: 'memory',
  processes: 'processes',
  filesystem: 'files',
  runtimeApi: 'Runtime API',
  storage: '/tmp',
  launcher: 'start',
  guardian: 'guardian',
}

function full(used: string): ChoiceText {
  return { mark: 'full', used, lost: '' }
}

function reduced(used: string, lost: string): ChoiceText {
  return { mark: 'reduced', used, lost }
}

function none(used: string, lost: string): ChoiceText {
  return { mark: 'none', used, lost }
}

/** By ability and choice. Source of the figures: measured; as in docs/doctor.md. */
export const texts: Readonly<Record<AbilityName, Readonly<Record<string, ChoiceText>>>> = {
  freeze: {
    v2: full('cgroup v2: every process stands still between requests'),
    v1: full('cgroup v1: every process stands still between requests'),
    signal: reduced(
      'SIGSTOP to every process of an environment',
      'a process can notice the thaw (SIGCONT), and a fork just then runs on for 1 ms',
    ),
    none: none(
      'not at all',
      'background work goes on between requests, which it does not on Lambda',
    ),
  },
  cpu: {
    quota: full('given out by the kernel, in proportion to memory'),
    'duty-cycle': reduced(
      'given out by stopping and continuing',
      'shares hold within ±10 %, and never go below 5 %',
    ),
    none: none('not limited', 'a small function is as fast as a large one'),
  },
  memory: {
    cgroup: full('limited by the kernel'),
    sampled: reduced(
      'looked at 20 times a second, and ended when over the limit',
      'a quick burst passes the limit before it is seen',
    ),
    none: none('not limited', 'a function never runs out of memory before this machine does'),
  },
  processes: {
    cgroup: full('limited by the kernel'),
    none: none('not limited', 'a fork bomb is not stopped at 1,024 processes'),
  },
  filesystem: {
    namespaces: full('a file system, process list and user id of its own'),
    'user-namespaces': reduced(
      'a file system and process list of its own, under your user id',
      'environments share your user id: only namespaces keep them apart',
    ),
    none: none(
      'those of this machine',
      "a function can see this machine's files and processes as you do",
    ),
  },
  runtimeApi: {
    bpf: full("closed to other environments' processes by the kernel"),
    'host-name': reduced(
      'kept apart by a secret name in its hosts file',
      'whoever learns the name of another environment can speak for it',
    ),
    none: none(
      'open to every process here',
      'a function that looks for it can speak for another environment',
    ),
  },
  storage: {
    loop: full('a file system of the configured size'),
    folder: reduced('a folder on this disk', 'its size is watched and not enforced'),
  },
  launcher: {
    yes: full('by the native helper'),
    no: none('through a shell', 'nothing is isolated, and joining a cgroup costs some 10 ms'),
  },
  guardian: {
    yes: full('cleans up if the emulator is killed'),
    no: none(
      'there is none',
      'if the emulator is killed, functions go on until it is started again',
    ),
  },
}
