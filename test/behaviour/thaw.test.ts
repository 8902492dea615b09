// What timers that fell due in a freeze do after the thaw. Real freezes.

import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { nowMs } from '../support/daemon.js'
import { startWith, type WrittenFunction } from '../support/in-process.js'
import { atRest } from './at-rest.js'

// Only against hanging.
t.setTimeout(120_000)

/** Between two ticks of every timer. */
const everyMs = 100
/** Long enough for a timer that catches up to be told from one that does not. */
const frozenMs = 1_500

const nodeTimers = `
const ticks = { interval: [], chain: [], once: [], signal: [] }
const now = () => performance.timeOrigin + performance.now()
let clocks
exports.handler = async ({ everyMs }) => {
  if (clocks === undefined) {
    setInterval(() => ticks.interval.push(now()), everyMs)
    const chain = () => setTimeout(() => { ticks.chain.push(now()); chain() }, everyMs)
    chain()
    setTimeout(() => ticks.once.push(now()), everyMs)
    AbortSignal.timeout(everyMs).addEventListener('abort', () => ticks.signal.push(now()))
    clocks = { wallMs: Date.now(), monotonicMs: performance.now() }
    return
  }
  const passed = { wallMs: Date.now() - clocks.wallMs, monotonicMs: performance.now() - clocks.monotonicMs }
  await new Promise((resolve) => setTimeout(resolve, everyMs))
  return { ticks, passed }
}`

const pythonTimers = `
import threading, time
ticks = {'timer': [], 'sleep': [], 'deadline': []}
clocks = None

def note(name):
    ticks[name].append(time.time() * 1000)

def handler(event, context):
    global clocks
    every = event['everyMs'] / 1000
    if clocks is None:
        def chain():
            note('timer')
            again()
        def again():
            timer = threading.Timer(every, chain)
            timer.daemon = True
            timer.start()
        def sleeps():
            while True:
                time.sleep(every)
                note('sleep')
        def keeps_up():
            due = time.monotonic()
            while True:
                due += every
                time.sleep(max(0, due - time.monotonic()))
                note('deadline')
        again()
        for loop in (sleeps, keeps_up):
            threading.Thread(target=loop, daemon=True).start()
        clocks = (time.time(), time.monotonic())
        return
    passed = {'wallMs': (time.time() - clocks[0]) * 1000, 'monotonicMs': (time.monotonic() - clocks[1]) * 1000}
    time.sleep(every)
    return {'ticks': ticks, 'passed': passed}
`

const functions: Readonly<Record<string, WrittenFunction>> = {
  nodeTimers: { files: { 'index.js': nodeTimers } },
  node24Timers: { files: { 'index.js': nodeTimers }, runtime: 'nodejs24.x' },
  pythonTimers: { files: { 'app.py': pythonTimers }, runtime: 'python3.12' },
}

interface Told {
  readonly ticks: Readonly<Record<string, readonly number[]>>
  readonly passed: { readonly wallMs: number; readonly monotonicMs: number }
}

interface Thawed extends Told {
  /** From here on it stood still, until it was sent for. Epoch milliseconds. */
  readonly restAtMs: number
  readonly sentAtMs: number
}

/** How often it ticked in less than one period from its first tick after that time on. */
function burst(ticks: readonly number[], fromMs: number): number {
  const later = ticks.filter((atMs) => atMs >= fromMs)
  const [firstMs = 0] = later
  return later.filter((atMs) => atMs < firstMs + 0.9 * everyMs).length
}

t.test('timers after a freeze tick as on a machine that was paused', async (t) => {
  const emu = await startWith(t, functions)
  const thawed = async (name: string): Promise<Thawed> => {
    await emu.emulator.invoke(name, { everyMs })
    await atRest(emu, name)
    const restAtMs = nowMs()
    // The wait is the point.
    await sleep(frozenMs)
    const sentAtMs = nowMs()
    const { payload } = await emu.emulator.invoke(name, { everyMs })
    return { ...(payload as Told), restAtMs, sentAtMs }
  }
  const names = ['nodeTimers', 'node24Timers', 'pythonTimers']
  const all = await Promise.all(names.map(thawed))
  for (const [index, { ticks, passed, restAtMs, sentAtMs }] of all.entries()) {
    const name = names[index] ?? ''
    for (const [clock, ms] of Object.entries(passed))
      t.ok(ms >= frozenMs, `${name}: ${clock} went on in the freeze, ${ms.toFixed(0)} ms`)
    const drift = Math.abs(passed.wallMs - passed.monotonicMs)
    t.ok(drift < 50, `${name}: both clocks by the same, within ${drift.toFixed(1)} ms`)
    for (const [timer, times] of Object.entries(ticks)) {
      const meanwhile = times.filter((atMs) => atMs >= restAtMs && atMs < sentAtMs)
      t.same(meanwhile, [], `${name}: ${timer} never ticks in the freeze`)
      const firedBefore = times.some((atMs) => atMs < restAtMs)
      const count = burst(times, sentAtMs)
      if (timer === 'deadline')
        t.ok(count >= 0.8 * (frozenMs / everyMs), `${name}: ${timer} caught up: ${count}`)
      else if (!firedBefore || !['once', 'signal'].includes(timer))
        t.equal(count, 1, `${name}: ${timer} ticks once, and makes nothing up`)
    }
  }
})
