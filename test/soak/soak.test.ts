// One daemon under minutes of load, then left alone: no call failed, and it holds again what it held at its start.

import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { draws } from '../faults/load.js'
import { nowMs } from '../support/daemon.js'
import { closedLoop, openModel, type Totals } from './calls.js'
import { type SoakDaemon, startSoakDaemon } from './daemon.js'
import { soakFunctions, twoFunctions } from './functions.js'
import { differences, type Holdings, holdingsOf, residentMb } from './holdings.js'

// Only against hanging.
t.setTimeout(1_800_000)

/** Seconds of each step. The short form has the same steps. */
const forms = {
  long: { capacity: 10, closed: 60, open: 600 },
  short: { capacity: 4, closed: 12, open: 45 },
} as const
const short = process.env.LAMBDA_EMU_SOAK === 'short'
const seconds = short ? forms.short : forms.long
const seed = Number(process.env.LAMBDA_EMU_SEED ?? 1)

/** Of the throughput that sixteen callers reach. */
const openShare = 0.6
/** What the daemon may have more than at its start. */
const grownMbMax = 25
/** A start that changes nothing for so long is over. */
const startPauseMs = 2_000
/** How long what was used may take to be given back. */
const givenBackWithinMs = 60_000

const names = Object.keys(soakFunctions({}))
const draw = draws(seed)
const startedAtMs = nowMs()

function say(text: string): void {
  process.stderr.write(`${((nowMs() - startedAtMs) / 1_000).toFixed(0).padStart(4)} s  ${text}\n`)
}

function anyOf(list: readonly string[]): string {
  return list[Math.floor(draw() * list.length)] ?? ''
}

function shown({ calls, tookMs, latencyMs, inFlightMax }: Totals): string {
  const { p50, p99, max } = latencyMs
  const perSecond = ((calls / tookMs) * 1_000).toFixed(0)
  const latencies = `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, longest ${max.toFixed(0)} ms`
  return `${calls} calls, ${perSecond} a second, ${latencies}, ${inFlightMax} at once`
}

/** Waits until nothing is said to differ any more; what differs still when time is up. */
async function settled(look: () => readonly string[]): Promise<readonly string[]> {
  const endsAtMs = nowMs() + givenBackWithinMs
  for (;;) {
    const left = look()
    if (left.length === 0 || nowMs() > endsAtMs) return left
    await sleep(200)
  }
}

/** Ready is not the end of a start: programs are looked for and files are begun to be watched after it. */
async function startedUp(daemon: SoakDaemon): Promise<Holdings> {
  for (let last = holdingsOf(daemon); ; ) {
    await sleep(startPauseMs)
    const now = holdingsOf(daemon)
    if (differences(last, now).length === 0) return now
    last = now
  }
}

/** What it holds when one function has run and its environment has expired: with the first a stock is laid in for the next. */
async function holdingsAtStart(t: Test, daemon: SoakDaemon, before: Holdings): Promise<Holdings> {
  const once = { lambdaUrl: daemon.lambdaUrl, durationMs: 1, callers: 1, tell: () => {} }
  const { calls, failures } = await closedLoop({ ...once, choose: () => names[0] ?? '' })
  t.same([calls, failures], [1, []], 'the first call is answered')
  await expireAll(daemon)
  let now = before
  await settled(() => {
    const last = now
    now = holdingsOf(daemon)
    // The stock of /tmp is laid in some time after the start that used it.
    return now.mounts.length === before.mounts.length ? ['no stock'] : differences(last, now)
  })
  const laidIn = /^more (mounts|loopDevices|files): .*\/state\/(environments|storage|pipes)\b/
  const grown = differences(before, now).filter((each) => !laidIn.test(each))
  t.same(grown, [], 'but for the stock nothing is held')
  return now
}

async function expireAll({ admin }: SoakDaemon): Promise<void> {
  for (;;) {
    const found = await admin.environments()
    if (found.length === 0) return
    const idle = found.filter(({ phase }) => phase === 'ready' || phase === 'dormant')
    // Whoever is being settled or has just expired refuses: it is looked at again.
    await Promise.allSettled(idle.map(({ id }) => admin.act('expire', id)))
    await sleep(50)
  }
}

t.test(`no call fails, and nothing is kept; LAMBDA_EMU_SEED=${seed}`, async (t) => {
  const daemon = await startSoakDaemon(t)
  const before = await startedUp(daemon)
  const startMb = residentMb(daemon.pid)
  say(`ready, ${startMb.toFixed(1)} MB, ${names.length} functions`)
  const holdings = await holdingsAtStart(t, daemon, before)
  say(`one call was answered, ${residentMb(daemon.pid).toFixed(1)} MB`)
  const begin = (what: string, forSeconds: number) => {
    say(`${what} for ${forSeconds} s`)
    const tell = (calls: number, inFlight: number) => {
      const memory = daemon.ended() ?? `${residentMb(daemon.pid).toFixed(0)} MB`
      say(`  ${calls} calls, ${inFlight} in flight, ${memory}`)
    }
    return { lambdaUrl: daemon.lambdaUrl, durationMs: forSeconds * 1_000, tell }
  }
  const judge = (t: Test, totals: Totals, what: string) => {
    say(`${what}: ${shown(totals)}`)
    t.equal(daemon.ended(), undefined, `the daemon lives after ${what}`)
    t.same(totals.failures, [], `${what}: ${totals.failed} of ${totals.calls} calls failed`)
    t.ok(totals.calls > 0, `${what}: ${shown(totals)}`)
  }

  let perSecond = 0
  await t.test('sixteen callers of all functions give the capacity', async (t) => {
    const load = { callers: 16, choose: () => anyOf(names) }
    const measured: number[] = []
    for (const what of ['warm-up', 'capacity', 'capacity again', 'capacity once more']) {
      const totals = await closedLoop({ ...begin(what, seconds.capacity), ...load })
      judge(t, totals, what)
      if (what !== 'warm-up') measured.push((totals.calls / totals.tookMs) * 1_000)
    }
    // The machine has it all the time.
    perSecond = Math.min(...measured) * openShare
  })
  for (const callers of [16, 64]) {
    const what = `${callers} callers`
    await t.test(`${what} of a Node and a Python function get every answer`, async (t) => {
      const choose = (caller: number) => twoFunctions[caller % twoFunctions.length] ?? ''
      const load = { ...begin(what, seconds.closed), callers, choose }
      judge(t, await closedLoop(load), what)
    })
  }
  await t.test('at 60 % of the capacity every arrival is answered', async (t) => {
    const what = `arrivals at ${perSecond.toFixed(0)} a second`
    const choose = () => anyOf(names)
    const load = { ...begin(what, seconds.open), perSecond, draw, choose }
    judge(t, await openModel(load), what)
  })
  await t.test(
    'when its environments have expired it holds what it held at its start',
    async (t) => {
      const usedMb = residentMb(daemon.pid)
      await expireAll(daemon)
      say('all environments have expired')
      t.same(await settled(() => differences(holdings, holdingsOf(daemon))), [])
      const grownMb = () => residentMb(daemon.pid) - startMb
      await settled(() => (grownMb() <= grownMbMax ? [] : ['memory']))
      const memory = `${startMb.toFixed(1)} MB at its start, ${usedMb.toFixed(1)} after the load`
      const claim = `${memory}: ${grownMb().toFixed(1)} MB more at the end`
      say(claim)
      t.ok(grownMb() <= grownMbMax, claim)
    },
  )
  await t.test('it ends well', async (t) => {
    t.equal(await daemon.stop(), 0)
  })
})
