// What the tests of limits share: a daemon for functions written on the spot, its REPORT lines, and what others do to the machine.

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { readProcess } from '../../src/procfs/process.js'
import { type Daemon, nowMs, startDaemon, until } from '../support/daemon.js'
import { temporaryFolder, type WrittenFunction, writeProject } from '../support/in-process.js'

export interface Report {
  readonly line: string
  readonly maxMemoryUsedMb: number
  readonly durationMs: number
  readonly initDurationMs: number | undefined
  readonly status: string | undefined
  readonly errorType: string | undefined
}

/** A daemon of its own process, ended with the test. */
export function startWritten(
  t: Test,
  functions: Readonly<Record<string, WrittenFunction>>,
): Promise<Daemon> {
  const project = temporaryFolder(t)
  writeProject(project, functions)
  return startDaemon(t, { project, stateDirectory: temporaryFolder(t) })
}

/** The REPORT of a request, once it is written. */
export async function reportOf({ logs }: Daemon, requestId: string): Promise<Report> {
  const beginning = `REPORT RequestId: ${requestId}\t`
  const find = () =>
    logs.find(({ source, message }) => source === 'platform' && message.startsWith(beginning))
  await until(`${requestId} has its REPORT`, () => find() !== undefined)
  const line = find()?.message ?? ''
  const field = (name: string) => new RegExp(`\\t${name}: ([^\\t]+)`).exec(line)?.[1]
  const figure = (name: string) => Number.parseFloat(field(name) ?? 'NaN')
  const initDurationMs = figure('Init Duration')
  return {
    line,
    maxMemoryUsedMb: figure('Max Memory Used'),
    durationMs: figure('Duration'),
    initDurationMs: Number.isNaN(initDurationMs) ? undefined : initDurationMs,
    status: field('Status'),
    errorType: field('Error Type'),
  }
}

export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

const ROUNDS_MIN = 3
const ROUNDS_MAX = 9

/**
 * Three rounds of a measurement and, while their claim does not hold, two more at a time, nine at most: all of them count, so a
 * disturbance that passes is outvoted in the medians, and a change is not.
 */
export async function inRounds<Result>(
  measure: () => Promise<Result>,
  holds: (rounds: readonly Result[]) => boolean,
): Promise<readonly Result[]> {
  const rounds: Result[] = []
  while (rounds.length < ROUNDS_MIN) rounds.push(await measure())
  while (rounds.length < ROUNDS_MAX && !holds(rounds)) rounds.push(await measure(), await measure())
  return rounds
}

/** Milliseconds of CPU time that the whole machine has used since its start, in ticks of 10 ms. */
function machineCpuMs(): number {
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n')
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = line
    .replace(/^cpu +/, '')
    .split(' ')
    .map(Number)
  return (user + nice + system + irq + softIrq + steal) * 10
}

/**
 * Milliseconds that others have kept this process from running since its start, as the kernel counts them: ready to run and
 * without a processor, or on one that the host gave to another machine (its mean of all processors).
 */
export function keptWaitingMs(): number {
  const [, delayNs = '0'] = readFileSync('/proc/self/schedstat', 'latin1').split(' ')
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n')
  const stolenTicks = Number(line.replace(/^cpu +/, '').split(' ')[7] ?? 0)
  return Number(delayNs) / 1e6 + (stolenTicks * 10) / availableParallelism()
}

function ownCpuMs(daemon: Pick<Daemon, 'pid'>): number {
  const { user, system } = process.cpuUsage()
  return (user + system + (readProcess(daemon.pid)?.cpuUs ?? 0)) / 1000
}

export interface Undisturbed {
  readonly daemon: Daemon
  /** Threads that are to run at once. */
  readonly threads: number
}

/**
 * How long a test file waits in all for others to leave the processors alone; then it measures all the same: every bar
 * is held beside a reference that meets the same others.
 */
const PATIENCE_MS = 30_000
const LOOK_MS = 300
let waitedMs = 0

/**
 * The first measurement during which nobody else had the processors it needs: what others used is the machine's own
 * count less `cpuMs` of the result, the daemon and this process.
 */
export async function undisturbed<Result extends { readonly cpuMs: number }>(
  { daemon, threads }: Undisturbed,
  measure: () => Promise<Result>,
): Promise<Result> {
  const othersMax = 0.1 + Math.max(0, availableParallelism() - threads) / 2
  for (;;) {
    await calm(daemon, othersMax)
    const startedAtMs = nowMs()
    const { result, othersShare } = await beside(daemon, measure)
    if (othersShare <= othersMax || waitedMs > PATIENCE_MS) return result
    waitedMs += nowMs() - startedAtMs
  }
}

/** Waits until others use no more than so much of a processor, as long as patience lasts. */
export async function calm(daemon: Pick<Daemon, 'pid'>, othersMax: number): Promise<void> {
  while (waitedMs <= PATIENCE_MS) {
    const { othersShare } = await beside(daemon, async () => {
      await sleep(LOOK_MS)
      return { cpuMs: 0 }
    })
    if (othersShare <= othersMax) return
    waitedMs += LOOK_MS
  }
}

async function beside<Result extends { readonly cpuMs: number }>(
  daemon: Pick<Daemon, 'pid'>,
  measure: () => Promise<Result>,
): Promise<{ readonly result: Result; readonly othersShare: number }> {
  const from = { atMs: nowMs(), machineMs: machineCpuMs(), ownMs: ownCpuMs(daemon) }
  const result = await measure()
  const ownMs = ownCpuMs(daemon) - from.ownMs + result.cpuMs
  const othersMs = machineCpuMs() - from.machineMs - ownMs
  return { result, othersShare: othersMs / (nowMs() - from.atMs) }
}
