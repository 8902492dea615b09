// What the sandbox can have on this machine, line by line: what is used, and why nothing better. Decided from attempts alone.

import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type LimitPlaces, limitControllers } from '../cgroups/controllers.js'
import type { CgroupSupport } from '../cgroups/detect.js'
import { probeGroupName } from '../cgroups/probe-name.js'
import type { KernelTimers } from '../clock/clock.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { chooseFreezer, type FreezerChoice } from '../freezer/choose.js'
import type { FreezerBackend } from '../freezer/freezer.js'
import { type ProbeAnswer, type ProbeName, runProbe } from './probe.js'

/** One line: the choice, and every better one with why it was refused, best first. */
export interface Ability<Choice extends string> {
  readonly choice: Choice
  readonly better: readonly { readonly choice: Choice; readonly refused: string }[]
}

export interface Abilities {
  readonly freeze: Ability<FreezerBackend>
  /** `duty-cycle`: stopped and continued by us. `none`: as much as there is. */
  readonly cpu: Ability<'quota' | 'duty-cycle' | 'none'>
  /** `sampled`: looked at every now and then, ended when it is over. */
  readonly memory: Ability<'cgroup' | 'sampled' | 'none'>
  /** How many processes and threads there may be. */
  readonly processes: Ability<'cgroup' | 'none'>
  /**
   * `namespaces`: mount and pid namespaces as root, and a user id for each environment.
   * `user-namespaces`: the same file system, under the id of whoever started the daemon.
   */
  readonly filesystem: Ability<'namespaces' | 'user-namespaces' | 'none'>
  /** What keeps an environment from another one's Runtime API. */
  readonly runtimeApi: Ability<'bpf' | 'host-name' | 'none'>
  /** Where /tmp is. */
  readonly storage: Ability<'loop' | 'folder'>
  /** Whether a process cleans up when the daemon is killed. */
  readonly guardian: Ability<'yes' | 'no'>
  /** Whether functions are started by the native helper. */
  readonly launcher: Ability<'yes' | 'no'>
}

/** What was tried, before anything is decided from it. */
export interface Findings {
  readonly freezer: Pick<FreezerChoice, 'backend' | 'passedOver'>
  readonly limits: LimitPlaces
  readonly probe: ProbeAnswer
  /** Whether there is a /proc to see processes in. */
  readonly procfs: boolean
  /** mkfs.ext4; undefined when there is none. */
  readonly makeFileSystem: string | undefined
}

export interface FindOptions {
  /** Path of the helper; undefined when there is none. */
  readonly helper: string | undefined
  readonly support: CgroupSupport
  readonly timers: Pick<KernelTimers, 'sleep'>
  /** What has been found already is not tried again. */
  readonly known?: Partial<Findings>
  readonly variables: Readonly<Record<string, string | undefined>>
}

export interface Found {
  readonly abilities: Abilities
  readonly findings: Findings
}

/** Tries everything: about 30 ms, most of it for the freezer. Never rejects for what the machine lacks. */
export async function findAbilities(options: FindOptions): Promise<Found> {
  const { helper, support, known } = options
  const [freezer, probe] = await Promise.all([
    known?.freezer ?? tryFreezers(options),
    known?.probe ?? runProbe({ helper, v2Root: support.v2?.root }),
  ])
  const findings: Findings = {
    freezer,
    probe,
    limits: known?.limits ?? limitControllers(support),
    procfs: known?.procfs ?? existsSync('/proc/self/stat'),
    makeFileSystem: known?.makeFileSystem ?? findProgram('mkfs.ext4', options.variables),
  }
  return { abilities: decideAbilities(findings), findings }
}

let triesSoFar = 0

async function tryFreezers({ support, timers }: FindOptions): Promise<Findings['freezer']> {
  const wait = (durationMs: number) => timers.sleep(durationMs)
  triesSoFar += 1
  const probeName = probeGroupName(triesSoFar)
  try {
    return await chooseFreezer({ support, wait, probeName })
  } catch (error) {
    if (!(error instanceof EmulatorError)) throw error
    const reasons = error.message.slice(error.message.indexOf(': ') + 2)
    return { backend: 'none', passedOver: reasons.split('; ') }
  }
}

/** On the PATH, or where only a superuser's PATH leads. */
export function findProgram(
  name: string,
  variables: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const folders = (variables.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return [...folders, '/usr/sbin', '/sbin']
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK)
        return true
      } catch {
        // Not here; the next folder may have it.
        return false
      }
    })
}

/** Pure. The rules, one a line of `Abilities`. */
export function decideAbilities(findings: Findings): Abilities {
  const { freezer, limits, procfs, makeFileSystem } = findings
  const lacks = (...names: ProbeName[]) => refusalOf(findings, names)
  const noProcfs = procfs ? undefined : 'there is no /proc to see processes in'
  const filesystem = best(
    [
      ['namespaces', lacks('namespaces', 'drop-user')],
      ['user-namespaces', lacks('user-namespaces')],
    ],
    'none',
  )
  const launcher = lacks('subreaper', 'parent-death-signal', 'no-new-privs')
  // The name stands in a hosts file that only the environment's own mount namespace shows.
  const ownHosts = filesystem.choice === 'none' ? 'there is no file system of its own' : undefined
  const image = makeFileSystem === undefined ? 'mkfs.ext4 is not installed' : undefined
  return {
    freeze: { choice: freezer.backend, better: freezer.passedOver.map(passedOver) },
    cpu: best(
      [
        ['quota', refusedPlace(limits.cpu)],
        ['duty-cycle', noProcfs],
      ],
      'none',
    ),
    memory: best(
      [
        ['cgroup', refusedPlace(limits.memory)],
        ['sampled', noProcfs],
      ],
      'none',
    ),
    processes: best([['cgroup', refusedPlace(limits.pids)]], 'none'),
    filesystem,
    runtimeApi: best(
      [
        ['bpf', lacks('bpf-connect')],
        ['host-name', ownHosts],
      ],
      'none',
    ),
    storage: best([['loop', lacks('loop-mount') ?? image]], 'folder'),
    guardian: best([['yes', lacks()]], 'no'),
    launcher: best([['yes', launcher]], 'no'),
  }
}

/** The first that is not refused, or else `last`. */
function best<Choice extends string>(
  tries: readonly (readonly [Choice, string | undefined])[],
  last: Choice,
): Ability<Choice> {
  const better: { choice: Choice; refused: string }[] = []
  for (const [choice, refused] of tries) {
    if (refused === undefined) return { choice, better }
    better.push({ choice, refused })
  }
  return { choice: last, better }
}

function refusalOf({ probe }: Findings, names: readonly ProbeName[]): string | undefined {
  if ('refused' in probe) return probe.refused
  for (const name of names) {
    const result = probe.probes[name]
    if (!result.works) return `${name}: ${result.errno} at ${result.step}`
  }
  return undefined
}

function refusedPlace(place: LimitPlaces['cpu']): string | undefined {
  return 'refused' in place ? place.refused : undefined
}

/** `v2: no group can be made (…)`, as the choice of a freezer tells it. */
function passedOver(text: string): { choice: FreezerBackend; refused: string } {
  const end = text.indexOf(': ')
  return { choice: text.slice(0, end) as FreezerBackend, refused: text.slice(end + 2) }
}
