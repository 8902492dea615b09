// The moment of one seed: a daemon is started, put under load, and is there to be killed when the moment has come.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { FreezeBackend } from '../../src/admin/contract.js'
import { begin, type Daemon, nowMs, type StartingDaemon } from '../support/daemon.js'
import { temporaryFolder } from '../support/functions.js'
import { backendOf, draws, type Load, load, loadedProject } from './load.js'
import { markName } from './machine.js'
import { Traces } from './traces.js'

/** `starting`: the daemon itself. `mounting`: first cold starts. `cold`: more. `late`: much is frozen, reset, expired. */
const kinds = ['starting', 'mounting', 'cold', 'timeout', 'late'] as const
export type MomentKind = (typeof kinds)[number]

export interface Place {
  readonly project: string
  readonly stateDirectory: string
  readonly mark: string
  /** Of its daemons, beside the mark. */
  readonly variables?: Readonly<Record<string, string>>
  readonly traces: Traces
  /** How long a daemon takes from its start until it is ready. */
  readonly startMs: number
}

export interface Moment {
  readonly seed: number
  readonly kind: MomentKind
  readonly freeze: FreezeBackend
  readonly starting: StartingDaemon
  /** Undefined while it starts. */
  readonly daemon: Daemon | undefined
  readonly running: Load | undefined
  /** Of the last look at it. */
  readonly processes: number
}

/** @returns a place for daemons, once one has started there and stopped. */
export async function arrangePlace(
  t: Test,
  name: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Place> {
  const mark = `${name}-${process.pid}-${nowMs()}`
  const project = loadedProject(t, mark)
  const stateDirectory = temporaryFolder(t)
  const traces = new Traces({ stateDirectory, mark })
  const place = { project, stateDirectory, mark, variables, traces, startMs: 0 }
  const startedAtMs = nowMs()
  const daemon = await start(place, 'v2').ready
  const startMs = nowMs() - startedAtMs
  await daemon.stop()
  return { ...place, startMs }
}

export function kindOf(seed: number): MomentKind {
  return kinds[Math.floor(seed / 3) % kinds.length] ?? 'cold'
}

export function start(place: Place, freeze: FreezeBackend): StartingDaemon {
  const { project, stateDirectory, mark, traces } = place
  const variables = { ...place.variables, [markName]: mark }
  const starting = begin({ project, stateDirectory, freeze, variables })
  traces.follow(starting.pid)
  // Who is killed before it is ready is meant to be.
  starting.ready.catch(() => {})
  return starting
}

/** Resolves at the moment. */
export async function momentOf(
  place: Place,
  seed: number,
  started?: StartingDaemon,
): Promise<Moment> {
  const draw = draws(seed)
  const freeze = backendOf(seed)
  const kind = kindOf(seed)
  const starting = started ?? start(place, freeze)
  const moment = { seed, kind, freeze, starting }
  if (kind === 'starting') {
    await sleep(draw() * place.startMs)
    return { ...moment, daemon: undefined, running: undefined, processes: place.traces.look() }
  }
  const daemon = await starting.ready
  const running = load(daemon, draw)
  if (kind === 'mounting') await sleep(draw() * 120)
  if (kind === 'cold') await sleep(draw() * 700)
  if (kind === 'timeout') {
    const patientMs = nowMs() + 12_000
    while (countOf(daemon, 'timeout') === 0 && nowMs() < patientMs) await sleep(5)
    await sleep(draw() * 300)
  }
  if (kind === 'late') await sleep(1_500 + draw() * 2_000)
  return { ...moment, daemon, running, processes: place.traces.look() }
}

export function countOf({ journal }: Daemon, status: string): number {
  return journal.filter((each) => each.kind === 'invocation.ended' && each.status === status).length
}

/** What has happened under the load, so that a test can say that all of it did. */
export interface Seen {
  processes: number
  answers: number
  coldStarts: number
  timeouts: number
  outOfMemory: number
  expiries: number
  freezes: number
}

export function nothingSeen(): Seen {
  return {
    ...{ processes: 0, answers: 0, coldStarts: 0, timeouts: 0 },
    ...{ outOfMemory: 0, expiries: 0, freezes: 0 },
  }
}

export function count(seen: Seen, { daemon, running, processes }: Moment): void {
  seen.processes += processes
  if (daemon === undefined || running === undefined) return
  const times = (kind: string, member: string, value: string) =>
    daemon.journal.filter((each) => each.kind === kind && each[member] === value).length
  seen.answers += running.answered()
  seen.coldStarts += times('invocation.placed', 'start', 'cold')
  seen.timeouts += countOf(daemon, 'timeout')
  seen.outOfMemory += times('invocation.ended', 'errorType', 'Runtime.OutOfMemory')
  seen.expiries += times('environment.phase', 'to', 'shutting-down')
  seen.freezes += times('environment.suspension', 'to', 'frozen')
}

export interface Killed {
  readonly moment: Moment
  /** What was still there of it after the time that is promised. */
  readonly left: readonly string[]
  readonly tookMs: number
  /** The moment and its outcome in words, for the name of an assertion. */
  readonly what: string
}

/** Ends the daemon of a seed with SIGKILL at its moment, and waits until nothing of it is left. `begun` is told of the daemon. */
export async function killAtMoment(
  place: Place,
  seed: number,
  begun: (starting: StartingDaemon) => void,
): Promise<Killed> {
  const moment = await momentOf(place, seed)
  const { kind, freeze, processes, starting } = moment
  begun(starting)
  const killedAtMs = nowMs()
  process.kill(starting.pid, 'SIGKILL')
  const { left, tookMs } = await place.traces.gone(killedAtMs)
  await starting.exited
  await moment.running?.ended
  const what = `seed ${seed}, ${freeze}, ${kind}: ${processes} processes gone in ${tookMs.toFixed(0)} ms`
  return { moment, left, tookMs, what }
}

/** At the end of the test whatever daemon is still there is stopped. */
export function endAfter(t: Test, current: () => StartingDaemon | undefined): void {
  t.teardown(async () => {
    const last = current()
    if (last === undefined) return
    const daemon = await last.ready.catch(() => undefined)
    await daemon?.stop()
  })
}
