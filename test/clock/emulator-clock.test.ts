// The clock's rules: it stands still when idle, flows while something is held, and fires timers in their order.

import t from 'tap'
import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import type { EmulatorMs, TimerKey } from '../../src/domain/brand.js'

const key = (name: string): TimerKey => name as TimerKey
const at = (clock: EmulatorClock, ms: number): EmulatorMs => (clock.nowMs() + ms) as EmulatorMs

function virtual() {
  const kernel = new SimulatedKernel(1_000)
  const clock = new EmulatorClock({ mode: 'virtual', kernel, startMs: 50_000 })
  // `advance` waits for turns of the event loop, which the simulated kernel must be told to take.
  const advance = async (ms: number) => {
    const done = clock.advance(ms)
    let ended = false
    void done.finally(() => {
      ended = true
    })
    while (!ended) {
      kernel.elapse(kernel.untilNextMs() ?? 0)
      await null
    }
    return done
  }
  return { kernel, clock, advance }
}

t.test('an idle virtual clock stands still, whatever the host does', async (t) => {
  const { kernel, clock } = virtual()
  kernel.elapse(3_600_000)
  t.equal(clock.nowMs(), 50_000)
})

t.test('while something is held time flows at rate 1', async (t) => {
  const { kernel, clock } = virtual()
  const first = clock.hold('one')
  const second = clock.hold('two')
  kernel.elapse(70)
  first()
  first()
  kernel.elapse(30)
  second()
  kernel.elapse(500)
  t.equal(clock.nowMs(), 50_100)
})

t.test('a real clock always flows, and never goes back', async (t) => {
  const kernel = new SimulatedKernel(1_000)
  const clock = new EmulatorClock({ mode: 'real', kernel })
  let last = clock.nowMs()
  for (let turn = 0; turn < 50; turn += 1) {
    const release = clock.hold('work')
    kernel.elapse(turn)
    release()
    t.ok(clock.nowMs() >= last)
    last = clock.nowMs()
  }
})

t.test('timers fire in order of due time, then of arming, with their due time', async (t) => {
  const { clock, advance } = virtual()
  const fired: [string, number][] = []
  const arm = (name: string, ms: number) =>
    clock.arm(key(name), at(clock, ms), 'background', (due) => fired.push([name, due]))
  arm('late', 300)
  arm('second', 100)
  arm('third', 100)
  arm('first', 50)
  arm('never', 200)
  clock.disarm(key('never'))
  const report = await advance(1_000)
  t.same(fired, [
    ['first', 50_050],
    ['second', 50_100],
    ['third', 50_100],
    ['late', 50_300],
  ])
  t.same(report, { nowMs: 51_000, overrunMs: 0, timersFired: 4 })
})

t.test('a timer that arms another keeps the spacing', async (t) => {
  const { clock, advance } = virtual()
  const fired: number[] = []
  const again = (due: EmulatorMs): void => {
    fired.push(due - 50_000)
    clock.arm(key('schedule'), (due + 60_000) as EmulatorMs, 'background', again)
  }
  clock.arm(key('schedule'), at(clock, 60_000), 'background', again)
  await advance(300_000)
  t.same(fired, [60_000, 120_000, 180_000, 240_000, 300_000])
})

t.test('arming a key again replaces the timer', async (t) => {
  const { clock, advance } = virtual()
  const fired: string[] = []
  clock.arm(key('one'), at(clock, 10), 'background', () => fired.push('old'))
  clock.arm(key('one'), at(clock, 20), 'background', () => fired.push('new'))
  await advance(100)
  t.same(fired, ['new'])
})

t.test('a second advance waits for the first', async (t) => {
  const { kernel, clock } = virtual()
  const both = Promise.all([clock.advance(100), clock.advance(50)])
  let ended = false
  void both.finally(() => {
    ended = true
  })
  while (!ended) {
    kernel.elapse(kernel.untilNextMs() ?? 0)
    await null
  }
  t.same(
    (await both).map(({ nowMs }) => nowMs),
    [50_100, 50_150],
  )
})

t.test(
  'idle with a simulated delay that a client waits for, the clock jumps to the earliest timer',
  async (t) => {
    const { kernel, clock } = virtual()
    const fired: string[] = []
    clock.arm(key('expiry'), at(clock, 5_000), 'background', () => fired.push('expiry'))
    clock.arm(key('creation'), at(clock, 9_000), 'wait', () => fired.push('creation'))
    clock.arm(key('later'), at(clock, 20_000), 'background', () => fired.push('later'))
    for (let turn = 0; turn < 10; turn += 1) kernel.elapse(0)
    t.same(fired, ['expiry', 'creation'])
    t.equal(clock.nowMs(), 59_000)
  },
)

t.test('no jump while something runs, and none for background timers', async (t) => {
  const { kernel, clock } = virtual()
  const fired: string[] = []
  const release = clock.hold('a function runs')
  clock.arm(key('creation'), at(clock, 9_000), 'wait', () => fired.push('creation'))
  kernel.elapse(100)
  t.same(fired, [])
  release()
  kernel.elapse(0)
  t.same(fired, ['creation'])
  clock.arm(key('expiry'), at(clock, 5_000), 'background', () => fired.push('expiry'))
  kernel.elapse(60_000)
  t.same(fired, ['creation'])
})

t.test('what is left until a deadline is the same on the function’s clock', async (t) => {
  const { kernel, clock, advance } = virtual()
  await advance(3_600_000)
  const deadline = at(clock, 3_000)
  t.equal(clock.toFunctionEpochMs(deadline) - kernel.nowMs(), 3_000)
})
