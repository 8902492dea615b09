// Asks the native helper what this machine lets us do; it tries each ability in a process of its own.

import { execFile } from 'node:child_process'
import { reasonOf } from '../cgroups/folders.js'

/** In the order in which they are tried. */
export const probeNames = [
  'namespaces',
  'user-namespaces',
  'drop-user',
  'clone-into-cgroup',
  'bpf-connect',
  'loop-mount',
  'subreaper',
  'parent-death-signal',
  'no-new-privs',
  'landlock-scope',
  'affinity',
  'rlimits',
  'session-keyring',
] as const
export type ProbeName = (typeof probeNames)[number]

export type ProbeResult =
  /** `detail` is mostly empty; for landlock-scope it is `abi-7`. */
  | { readonly works: true; readonly detail: string }
  /** `errno` by name, as EPERM; `step` is the call or check that was refused. */
  | { readonly works: false; readonly errno: string; readonly step: string }

export type Probes = Readonly<Record<ProbeName, ProbeResult>>

export type ProbeAnswer =
  | { readonly probes: Probes }
  /** There is no helper, or it cannot be run; in words. */
  | { readonly refused: string }

export interface ProbeOptions {
  /** Path of the helper; undefined when there is none. */
  readonly helper: string | undefined
  /** Folder of a cgroup v2 tree in which groups can be made; undefined when there is none. */
  readonly v2Root: string | undefined
}

/** The helper itself gives up after a second. */
const ANSWER_WITHIN_MS = 5_000

/** About 5 ms. Never rejects, and leaves nothing behind. */
export async function runProbe({ helper, v2Root }: ProbeOptions): Promise<ProbeAnswer> {
  if (helper === undefined) return { refused: 'there is no native helper' }
  const args = v2Root === undefined ? ['probe'] : ['probe', '--v2', v2Root]
  const limits = { env: {}, cwd: '/', timeout: ANSWER_WITHIN_MS, killSignal: 'SIGKILL' } as const
  return new Promise((resolve) => {
    execFile(helper, args, limits, (error, stdout, stderr) => {
      if (error === null) return resolve({ probes: parseProbes(stdout) })
      const said = stderr.trim().split('\n').at(-1)
      resolve({ refused: `${helper} cannot be run (${said || reasonOf(error)})` })
    })
  })
}

/** Lines `<name> yes [detail]` or `<name> no <ERRNO> <step>`; what is not among them counts as refused. */
export function parseProbes(text: string): Probes {
  const found = new Map<string, ProbeResult>()
  for (const line of text.split('\n')) {
    const [name = '', verdict, first = '', second = ''] = line.split(' ')
    if (verdict === 'yes') found.set(name, { works: true, detail: first })
    if (verdict === 'no') found.set(name, { works: false, errno: first, step: second })
  }
  const silent: ProbeResult = { works: false, errno: 'ENOSYS', step: 'probe' }
  const results = probeNames.map((name) => [name, found.get(name) ?? silent] as const)
  return Object.fromEntries(results) as Record<ProbeName, ProbeResult>
}
