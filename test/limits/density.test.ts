// Five hundred frozen Node environments at once: made, listed, idle, and every one of them there for its next call.

import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { EnvironmentSummary } from '../../src/admin/contract.js'
import { readProcess } from '../../src/procfs/process.js'
import { residentMb } from '../soak/holdings.js'
import { type Daemon, environmentsAtRest } from '../support/daemon.js'
import { startWritten } from './stage.js'

// Only against hanging.
t.setTimeout(600_000)

const wanted = 500
const atOnce = 8
const idleMs = 5_000
/** Host memory of a trivial one, with its supervisor: pages that it shares with others are counted in parts. */
const mbEachMax = 12
const daemonKbEachMax = 50

const code = `let invocations = 0
exports.handler = async () => (invocations += 1)`

const names = Array.from({ length: wanted }, (_, index) => `f${index}`)

/** What every function answers, a few calls at a time. */
async function callEach(daemon: Daemon): Promise<readonly unknown[]> {
  const rest = [...names]
  const answers: unknown[] = []
  const lane = async () => {
    for (let name = rest.shift(); name !== undefined; name = rest.shift())
      answers.push((await daemon.invoke(name, {})).body)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
  return answers
}

/** Proportional set size. MB of 2^20 bytes. */
function hostMb(pid: number): number {
  const [, kb] =
    /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')) ?? []
  return Number(kb) / 1024
}

const pidsOf = (all: readonly EnvironmentSummary[]) => all.flatMap(({ pids }) => pids)

const sum = (figures: readonly number[]) => figures.reduce((one, other) => one + other, 0)

const cpuMs = (pids: readonly number[]) =>
  sum(pids.map((pid) => readProcess(pid)?.cpuUs ?? Number.NaN)) / 1000

/** Its memory once it has swept its heap: the least that is seen while it is idle. */
async function restingMb({ pid }: Daemon): Promise<number> {
  let least = residentMb(pid)
  for (let look = 0; look < 60; look += 1) {
    await sleep(500)
    least = Math.min(least, residentMb(pid))
  }
  return least
}

t.test(`${wanted} frozen environments`, async (t) => {
  const daemon = await startWritten(
    t,
    Object.fromEntries([...names, 'alone'].map((name) => [name, { files: { 'index.js': code } }])),
  )
  // Its code is compiled and its heap has its working size before it is weighed.
  for (let call = 0; call < wanted; call += 1) await daemon.invoke('alone', {})
  const aloneMb = await restingMb(daemon)

  t.same(
    (await callEach(daemon)).filter((answer) => answer !== 1),
    [],
    'all are made and answer',
  )
  // Before they are listed, again and again until all of them rest: that makes garbage.
  const kbEach = ((await restingMb(daemon)) - aloneMb) * (1024 / wanted)
  const claim = `the daemon has ${kbEach.toFixed(0)} KB more for each than with one alone`
  t.ok(
    kbEach <= daemonKbEachMax,
    `${claim} (${aloneMb.toFixed(0)} MB), at the most ${daemonKbEachMax}`,
  )

  const all = await environmentsAtRest(daemon)
  t.equal(new Set(all.map(({ functionName }) => functionName)).size, wanted + 1, 'all are listed')

  const pids = pidsOf(all)
  const eachMb = sum(pids.map(hostMb)) / all.length
  t.ok(
    eachMb <= mbEachMax,
    `${eachMb.toFixed(1)} MB of the host’s memory each, at the most ${mbEachMax}`,
  )

  const beforeMs = cpuMs(pids)
  await sleep(idleMs)
  t.equal(cpuMs(pids) - beforeMs, 0, 'no CPU time while they are frozen')

  t.same(
    (await callEach(daemon)).filter((answer) => answer !== 2),
    [],
    'each is there for its next call',
  )
  t.same(pidsOf(await environmentsAtRest(daemon)).sort(), [...pids].sort(), 'the same processes')
})
