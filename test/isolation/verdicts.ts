// What the escape probe tries, what is to come of it at each level, and the table that says so.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../support/paths.js'
import { type LevelName, levels } from './levels.js'

export type Verdict = 'refused' | 'allowed'

export interface Outcome {
  readonly verdict: Verdict | 'broken'
  /** What it got, or what it was refused with. */
  readonly how: string
}

export type Told = Partial<Record<LevelName, Readonly<Record<string, Outcome>>>>

export interface Attempt {
  readonly id: string
  /** As the table has it. */
  readonly what: string
  readonly expected: (level: LevelName) => Verdict
  /** For the table, where the verdict is the machine's. */
  readonly shown?: (level: LevelName) => string | undefined
}

const openOnly = (level: LevelName): Verdict => (level === 'none' ? 'allowed' : 'refused')
const never = (): Verdict => 'refused'

function attempt(id: string, what: string, expected = openOnly): Attempt {
  return { id, what, expected }
}

/** Capability 24, without which nobody raises a limit. */
function mayRaiseLimits(): boolean {
  const [, set = '0'] = /^CapEff:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return ((BigInt(`0x${set}`) >> 24n) & 1n) === 1n
}

export const attempts: readonly Attempt[] = [
  attempt('daemon-variables', 'read the variables of the emulator or of any process'),
  attempt('daemon-memory', 'read the memory of the emulator or of any process'),
  attempt('home-credentials', 'read ~/.aws/credentials'),
  attempt('shadow', 'read /etc/shadow'),
  attempt('agent-socket', 'use the SSH agent'),
  attempt('host-socket', 'use a socket below /run, as docker.sock'),
  attempt('state-directory', "read the emulator's state directory, token included"),
  attempt('session-keys', "find a key of the user's session", never),
  attempt('other-tmp', "read another environment's /tmp"),
  attempt('other-processes', 'see processes that are not its own'),
  attempt('abstract-sockets', 'use abstract sockets of the machine or of another function'),
  attempt('other-runtime-api', "reach another environment's Runtime API, in 36 ways"),
  attempt('other-events', "get another function's event by asking for it there"),
  attempt('loopback-scan', 'find a Runtime API by trying all ports'),
  attempt('admin-routes', 'use the admin routes'),
  attempt('write-outside', 'write anywhere but to /tmp and harmless devices'),
  attempt('write-code', 'write to its own code'),
  attempt('unfreeze-itself', 'find, mount or write a control group'),
  {
    ...attempt('raise-limits', 'raise its limits', (level) =>
      level === 'none' && mayRaiseLimits() ? 'allowed' : 'refused',
    ),
    shown: (level) => (level === 'none' ? 'as you' : undefined),
  },
  attempt('mount', 'mount something'),
  attempt('user-namespace', 'make a namespace'),
  attempt('undo-read-only', 'unmount or remount /var/task, also in a namespace of its own'),
  attempt('trace-others', 'trace its init, or any process that is not its own'),
  attempt('signal-others', 'signal the emulator, another function or its init'),
  attempt('kill-everybody', 'kill everybody at once'),
  attempt('setuid-programs', 'become root by a setuid program'),
  attempt('inherited-descriptors', 'find an open descriptor that is not its own', never),
  attempt('raw-devices', 'open or make memory and disk devices'),
  attempt('load-bpf', 'load BPF'),
  attempt('stay-alive', 'keep a process alive when its environment ends', never),
  attempt('spoil-tmp', 'keep its /tmp from being removed, or have a link followed', never),
]

/** In Markdown, its columns aligned. */
export function tableOf(told: Told): string {
  const heads = ['a function that tries to …', ...levels.map(({ title }) => title)]
  const rows = attempts.map(({ id, what, shown }) => [
    what,
    ...levels.map(({ name }) => shown?.(name) ?? told[name]?.[id]?.verdict ?? 'not tried'),
  ])
  const widths = heads.map((head, at) =>
    Math.max(head.length, ...rows.map((row) => row[at]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`
  const rule = widths.map((width) => '-'.repeat(width))
  return [line(heads), line(rule), ...rows.map(line)].join('\n')
}

const begin = '<!-- verdicts: written by the escape probe -->'
const end = '<!-- /verdicts -->'

/** Whether docs/isolation.md has this very table; with LAMBDA_EMU_WRITE_DOCS=1 it is written there first. */
export function checkDocument(table: string): boolean {
  const path = join(repositoryRoot, 'docs/isolation.md')
  const text = readFileSync(path, 'utf8')
  const [before = '', rest = ''] = text.split(begin)
  const [, after = ''] = rest.split(end)
  const wanted = `${before}${begin}\n${table}\n${end}${after}`
  if (process.env.LAMBDA_EMU_WRITE_DOCS === '1') writeFileSync(path, wanted)
  return readFileSync(path, 'utf8') === wanted
}
