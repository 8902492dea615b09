// Frozen means frozen: between invokes no timer, thread or child ticks and no CPU time is used, with every backend.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { EnvironmentSummary } from '../../src/admin/contract.js'
import { detect } from '../../src/cgroups/detect.js'
import { isStopped, readProcess } from '../../src/procfs/process.js'
import {
  type Daemon,
  environmentsAtRest,
  startDaemon,
  tmpFolderOf,
  until,
} from '../support/daemon.js'
import { nodeFunction, projectOf, pythonFunction, temporaryFolder } from '../support/functions.js'
import { type Freezer, mode, thorough } from '../support/modes.js'

// Only against hanging.
t.setTimeout(400_000)

const tickers = ['own', 'setsid', 'double'] as const
const languages = ['node', 'python'] as const
const backends = mode.freezers
const [best] = backends
/** Functions of which ten environments each stand beside the tickers. */
const crowds = thorough ? 5 : 2
const support = detect()

const betweenMs = thorough ? 5_000 : 2_000
const handlerMs = 500
/** A tick comes every 100 ms at most; the children also start a process for each. */
const ticksMin = 2
const ticksMax = (flightMs: number) => Math.ceil(flightMs / 100) + 2

interface Ticking {
  readonly daemon: Daemon
  readonly backend: Freezer
  readonly language: string
  readonly tmp: string
  readonly logStreamName: string
  readonly flightMs: number
}

function startTickers(t: Test, freeze: Freezer, sleepers: number): Promise<Daemon> {
  const crowd = Array.from({ length: sleepers }, (_, index) => [
    `sleeper${index}`,
    index % 2 === 0 ? nodeFunction('sleeper') : pythonFunction('sleeper'),
  ])
  const functions = {
    node: nodeFunction('ticker', { timeoutSeconds: 30 }),
    python: pythonFunction('ticker', { timeoutSeconds: 30 }),
    ...Object.fromEntries(crowd),
  }
  const project = projectOf(t, functions)
  return startDaemon(t, { project, stateDirectory: temporaryFolder(t), freeze })
}

async function invokeTicker(daemon: Daemon, backend: Freezer, language: string): Promise<Ticking> {
  const answer = await daemon.invoke(language, { sleepMs: handlerMs })
  const { logStreamName } = answer.body as { readonly logStreamName: string }
  const flightMs = answer.answeredAtMs - answer.sentAtMs
  const tmp = await tmpFolderOf(daemon, logStreamName)
  return { daemon, backend, language, flightMs, tmp, logStreamName }
}

/** Times of the ticks so far, in order; none when nothing has ticked. Epoch milliseconds. */
function ticksOf(ticking: Ticking, ticker: string): readonly number[] {
  const path = join(ticking.tmp, `ticks-${ticker}`)
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'latin1').split('\n').filter(Boolean)
  return lines.map((line) => Number(line) / 1e6)
}

/** Asks the kernel, not the daemon, whether nothing of the environment can run. */
function standsStill({ id, pids }: EnvironmentSummary, backend: Freezer): boolean {
  if (backend === 'signal') {
    const processes = pids.map(readProcess).filter((each) => each !== undefined)
    return processes.every(isStopped)
  }
  const [pid] = pids
  const hierarchy = backend === 'v2' ? support.v2 : support.v1.freezer
  const line = backend === 'v2' ? /^0::(.*)$/m : /^\d+:freezer:(.*)$/m
  const path = line.exec(readFileSync(`/proc/${pid}/cgroup`, 'latin1'))?.[1] ?? ''
  const folder = join(hierarchy?.mountPoint ?? '', path)
  if (!folder.endsWith(id)) throw new Error(`${id} is not in a group of its own: ${folder}`)
  if (backend === 'v1')
    return (
      readFileSync(join(folder, 'freezer.state'), 'latin1') === 'FROZEN\n' ||
      pids.every(isHeldByFreezer)
    )
  return /^frozen 1$/m.test(readFileSync(join(folder, 'cgroup.events'), 'latin1'))
}

/**
 * The v1 freezer says FREEZING as long as a thread waits for the child that it made by vfork, which is frozen: both show
 * as D, as every frozen thread does, and whoever can still run shows as S or R.
 */
function isHeldByFreezer(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) =>
    /\) [DZX] /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')),
  )
}

/** For people: program, state and what it waits for in the kernel, of every thread. */
function statesOf(pids: readonly number[]): string {
  return pids
    .map((pid) => {
      const threads = readdirSync(`/proc/${pid}/task`).map((thread) => {
        const [, name, state] =
          /\((.*)\) (\S)/.exec(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1')) ?? []
        return `${name}:${state}:${readFileSync(`/proc/${pid}/task/${thread}/wchan`, 'latin1')}`
      })
      return `${pid}(${threads.join(' ')})`
    })
    .join(' ')
}

/** utime, stime and those of reaped children, of every process of every environment, in ticks. */
function cpuTicks(environments: readonly EnvironmentSummary[]): Record<string, string> {
  const figures: Record<string, string> = {}
  for (const pid of environments.flatMap(({ pids }) => pids)) {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    figures[pid] = fields.slice(11, 15).join(' ')
  }
  return figures
}

function cpuMs(environments: readonly EnvironmentSummary[]): Record<string, number | undefined> {
  return Object.fromEntries(environments.map((each) => [each.id, each.cpuMs]))
}

/** Without groups a waiting tree is read whole only every fourth time it is asked for (src/freezer/process-tree.ts). */
const readingsUntilWhole = 4

async function wholeCpuMs(daemon: Daemon) {
  let environments = await daemon.admin.environments()
  for (let reading = 1; reading < readingsUntilWhole; reading += 1)
    environments = await daemon.admin.environments()
  return cpuMs(environments)
}

async function restOf(daemon: Daemon, backend: Freezer) {
  await environmentsAtRest(daemon)
  let environments: readonly EnvironmentSummary[] = []
  // Asked for anew each time: some process may end on the way to the stop, and its pid become another's.
  let moving: readonly string[] = []
  try {
    await until('the kernel has stopped them all', async () => {
      environments = await daemon.admin.environments()
      const others = environments.filter((each) => !standsStill(each, backend))
      moving = others.map(({ id, functionName, pids }) => `${id} ${functionName} ${statesOf(pids)}`)
      return others.length === 0
    })
  } catch (error) {
    throw new Error(`${backend} does not stop ${moving.join('; ')}`, { cause: error })
  }
  return environments
}

/** 10 calls at once of each function of the crowd, one function after another. */
async function fillWithSleepers(daemon: Daemon): Promise<number> {
  const streams = new Set<string>()
  for (let index = 0; index < crowds; index += 1) {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => daemon.invoke(`sleeper${index}`, { sleepMs: 1_000 })),
    )
    for (const { body } of answers)
      streams.add((body as { readonly logStreamName: string }).logStreamName)
  }
  return streams.size
}

t.test('nothing ticks between invokes, and everything ticks during the next', async (t) => {
  const daemons = await Promise.all(
    backends.map((backend) => startTickers(t, backend, backend === best ? crowds : 0)),
  )
  const daemonOf = (backend: Freezer): Daemon => daemons[backends.indexOf(backend)] as Daemon
  const filled = await fillWithSleepers(daemonOf(best))
  t.equal(filled, 10 * crowds, `${best}: ${filled} sleepers are there beside the tickers`)
  const tickings: Ticking[] = []
  for (const backend of backends) {
    const { freezer } = await daemonOf(backend).admin.status()
    t.equal(freezer.backend, backend, `status says ${backend}`)
    const calls = languages.map((each) => invokeTicker(daemonOf(backend), backend, each))
    tickings.push(...(await Promise.all(calls)))
  }

  const rests = await Promise.all(backends.map((each) => restOf(daemonOf(each), each)))
  t.equal(rests[0]?.length, filled + 2, `${best}: all ${filled + 2} environments are frozen`)
  const all = rests.flat()
  const before = {
    ticks: tickings.map((each) => tickers.map((ticker) => ticksOf(each, ticker))),
    cpuTicks: cpuTicks(all),
    cpuMs: await Promise.all(daemons.map(wholeCpuMs)),
  }
  // The wait is the point: whatever could run in it would.
  await sleep(betweenMs)
  for (const [index, ticking] of tickings.entries()) {
    for (const [which, ticker] of tickers.entries()) {
      const what = `${ticking.backend} ${ticking.language} ${ticker}`
      const then = before.ticks[index]?.[which] ?? []
      t.ok(then.length >= ticksMin, `${what}: ticked ${then.length} times at first`)
      t.same(ticksOf(ticking, ticker), then, `${what}: made no tick in ${betweenMs} ms`)
    }
  }
  t.same(cpuTicks(all), before.cpuTicks, `no CPU time: ${pidCount(all)} processes, /proc`)
  const afterCpuMs = await Promise.all(daemons.map(wholeCpuMs))
  t.same(afterCpuMs, before.cpuMs, 'no CPU time: all environments, by their groups')

  const again = await Promise.all(
    tickings.map((each) => invokeTicker(each.daemon, each.backend, each.language)),
  )
  await Promise.all(backends.map((each) => restOf(daemonOf(each), each)))
  for (const [index, ticking] of tickings.entries()) {
    t.equal(again[index]?.logStreamName, ticking.logStreamName, 'the same environment')
    for (const [which, ticker] of tickers.entries()) {
      const ticks = ticksOf(ticking, ticker)
      const more = ticks.length - (before.ticks[index]?.[which]?.length ?? 0)
      const what = `${ticking.backend} ${ticking.language} ${ticker}`
      t.ok(more >= ticksMin, `${what}: ticked ${more} times during the next invoke`)
      t.ok(more <= ticksMax(again[index]?.flightMs ?? 0), `${what}: and made none up`)
    }
  }
})

function pidCount(environments: readonly EnvironmentSummary[]): number {
  return environments.reduce((sum, { pids }) => sum + pids.length, 0)
}

t.test('without --freeze the best is taken that there is', async (t) => {
  const project = projectOf(t, { node: nodeFunction('ticker') })
  const daemon = await startDaemon(t, { project, stateDirectory: temporaryFolder(t) })
  const { freezer } = await daemon.admin.status()
  t.equal(freezer.backend, best)
  t.equal(freezer.wanted, mode.freeze ?? null)
})
