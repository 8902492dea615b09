// A terminal for tests: keeps what was written, and stands for a process whose signals and library the test holds.

import type { SandboxStatus } from '../../src/admin/contract.js'
import type { Terminal } from '../../src/cli/terminal.js'

export interface Stage extends Terminal {
  readonly out: () => string
  readonly err: () => string
  readonly interrupt: (signal?: NodeJS.Signals) => void
  readonly exits: readonly number[]
}

export function stage(changes: Partial<Terminal> = {}): Stage {
  const out: string[] = []
  const err: string[] = []
  const listeners = new Set<(signal?: NodeJS.Signals) => void>()
  const exits: number[] = []
  return {
    program: 'lambda-emu',
    workingFolder: process.cwd(),
    variables: {},
    stdin: (async function* () {})(),
    stdout: { write: (text) => void out.push(text), isTerminal: false, columns: 80 },
    stderr: { write: (text) => void err.push(text), isTerminal: false, columns: 80 },
    sleep: async () => {},
    pause: () => new Promise(() => {}),
    uptimeMs: () => 200,
    onInterrupt: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    sharesKeyboard: false,
    run: () => ({
      kill: () => {},
      ended: Promise.resolve({ is: 'not-started', reason: 'this test runs nothing' }),
    }),
    exit: (code) => void exits.push(code),
    loadLibrary: () => Promise.reject(new Error('this test starts nothing')),
    out: () => out.join(''),
    err: () => err.join(''),
    interrupt: (signal = 'SIGINT') => {
      for (const listener of [...listeners]) listener(signal)
    },
    exits,
    ...changes,
  }
}

/** What `status` tells of a machine that can do everything. */
export const completeSandbox: SandboxStatus = {
  isolation: 'standard',
  filesystem: 'namespaces',
  runtimeApi: 'bpf',
  cpu: 'quota',
  memory: 'cgroup',
  storage: 'loop',
  guardian: 'yes',
}
