// Which freezer this machine gets: the best one that was seen to stop, continue and kill a real process.

import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { CgroupSupport, HierarchySupport } from '../cgroups/detect.js'
import { reasonOf } from '../cgroups/folders.js'
import { Group, type GroupParents, type Wait } from '../cgroups/group.js'
import { EmulatorError } from '../domain/emulator-error.js'
import type { FreezerBackend } from './freezer.js'

export interface FreezerChoice {
  readonly backend: FreezerBackend
  /** Where the groups of environments go; undefined for `signal` and `none`. */
  readonly parents: GroupParents | undefined
  /** Why each better backend was not taken: `v2: no cgroup2 mount`. */
  readonly passedOver: readonly string[]
}

export interface ChooseOptions {
  /** Takes exactly this one, or throws. */
  readonly preference?: FreezerBackend | undefined
  readonly support: CgroupSupport
  /** Name of the group in which backends are tried; unique to this process. */
  readonly probeName: string
  readonly wait: Wait
}

type Verdict = { readonly parents: GroupParents | undefined } | { readonly refused: string }

/** @throws EmulatorError EMU_FREEZER_UNAVAILABLE when the demanded backend, or any at all, cannot be had. */
export async function chooseFreezer(options: ChooseOptions): Promise<FreezerChoice> {
  const { preference } = options
  if (preference === 'none') return { backend: 'none', parents: undefined, passedOver: [] }
  const passedOver: string[] = []
  const candidates = preference === undefined ? (['v2', 'v1', 'signal'] as const) : [preference]
  for (const backend of candidates) {
    const verdict = await tryBackend(backend, options)
    if ('parents' in verdict) return { backend, parents: verdict.parents, passedOver }
    passedOver.push(`${backend}: ${verdict.refused}`)
  }
  const reason = passedOver.join('; ')
  throw new EmulatorError('EMU_FREEZER_UNAVAILABLE', { backend: preference ?? 'auto', reason })
}

async function tryBackend(
  backend: 'v2' | 'v1' | 'signal',
  options: ChooseOptions,
): Promise<Verdict> {
  if (backend === 'signal') {
    if (existsSync('/proc/self/stat') && existsSync('/proc/loadavg')) return { parents: undefined }
    return { refused: 'there is no /proc to find processes in' }
  }
  const parents = backend === 'v2' ? v2Parents(options.support) : v1Parents(options.support)
  if ('refused' in parents) return parents
  const refused = await probe(parents.parents, options)
  return refused === undefined ? parents : { refused }
}

function v2Parents({ v2 }: CgroupSupport): { parents: GroupParents } | { refused: string } {
  if (v2 === undefined) return { refused: 'no cgroup v2 hierarchy is mounted' }
  if (v2.root === undefined) return { refused: `no group can be made (${v2.reason})` }
  if (!v2.can.freeze) return { refused: 'its groups have no cgroup.freeze (Linux before 5.2)' }
  return { parents: { v2: v2.root } }
}

/** cpuacct comes along where it can be had: v1 counts CPU time nowhere else. */
function v1Parents({ v1 }: CgroupSupport): { parents: GroupParents } | { refused: string } {
  const freezer = v1.freezer
  if (freezer === undefined) return { refused: 'no v1 freezer hierarchy is mounted' }
  if (freezer.root === undefined) return { refused: `no group can be made (${freezer.reason})` }
  const cpuacct: HierarchySupport | undefined = v1.cpuacct
  if (cpuacct?.root === undefined) return { parents: { v1: { freezer: freezer.root } } }
  return { parents: { v1: { freezer: freezer.root, cpuacct: cpuacct.root } } }
}

const PROBE_ROUNDS_MAX = 200
/** For one shell to die; a tree that is no control group at all never says that it did. */
const PROBE_DIES_WITHIN_MS = 2_000

/** Puts one waiting shell into a group, freezes, thaws and kills it. Returns what went wrong. About 20 ms. */
async function probe(parents: GroupParents, options: ChooseOptions): Promise<string | undefined> {
  try {
    const group = Group.make(options.probeName, parents)
    // Waits for a line that never comes; if this process dies, end of file ends it.
    const script = 'for procs do echo $$ >"$procs" || exit 1; done; read -r line'
    const child = spawn('/bin/sh', ['-c', script, 'sh', ...group.joinPaths], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {},
    })
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.once('error', () => resolve())
    })
    try {
      return await exercise(group, child.pid, options.wait)
    } finally {
      child.kill('SIGKILL')
      await group.killAll(options.wait, PROBE_DIES_WITHIN_MS)
      await ended
      await group.remove(options.wait)
    }
  } catch (error) {
    return error instanceof Error ? error.message : reasonOf(error)
  }
}

async function exercise(
  group: Group,
  pid: number | undefined,
  wait: Wait,
): Promise<string | undefined> {
  const until = async (done: () => boolean) => {
    for (let round = 0; round < PROBE_ROUNDS_MAX && !done(); round++) await wait(1)
    return done()
  }
  if (pid === undefined) return 'no shell could be started'
  if (!(await until(() => group.procs().includes(pid)))) return 'a process cannot join a group'
  group.freeze()
  if (!(await until(() => group.state() === 'frozen'))) return 'a process does not freeze'
  group.thaw()
  return (await until(() => group.state() === 'running')) ? undefined : 'a process does not thaw'
}
