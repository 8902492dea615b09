// When a change counts as over, on a clock that moves when it is told to.

import t from 'tap'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import { Gathering, gatheredMsMax, quietMs } from '../../src/watch/gathering.js'

function arrange() {
  const kernel = new SimulatedKernel(1_000)
  const overAtMs: number[] = []
  const gathering = new Gathering({
    timers: kernel,
    monotonicMs: () => kernel.monotonicMs(),
    over: () => overAtMs.push(kernel.monotonicMs() - 1_000),
  })
  return { kernel, gathering, overAtMs }
}

t.test('a save that nobody waits for is over when it has been quiet for long enough', async (t) => {
  const { kernel, gathering, overAtMs } = arrange()
  gathering.note('/a', false)
  kernel.elapse(30)
  gathering.note('/a', false)
  kernel.elapse(quietMs.relaxed - 1)
  t.same(overAtMs, [])
  t.equal(gathering.sinceMs, 1_000)
  kernel.elapse(1)
  t.same(overAtMs, [30 + quietMs.relaxed])
  t.equal(gathering.sinceMs, undefined)
})

t.test('a save that somebody waits for is over within milliseconds', async (t) => {
  const { kernel, gathering, overAtMs } = arrange()
  gathering.note('/a.new', false)
  gathering.note('/a', false)
  kernel.elapse(1)
  gathering.hurry()
  gathering.hurry()
  kernel.elapse(quietMs.hurried)
  t.same(overAtMs, [quietMs.hurried])
})

t.test('what has been quiet already does not wait once more', async (t) => {
  const { kernel, gathering, overAtMs } = arrange()
  gathering.note('/a', false)
  kernel.elapse(quietMs.hurried + 10)
  gathering.hurry()
  kernel.elapse(0)
  t.same(overAtMs, [quietMs.hurried + 10])
})

t.test('what is written while somebody waits is waited for, too', async (t) => {
  const { kernel, gathering, overAtMs } = arrange()
  gathering.note('/a', false)
  gathering.hurry()
  kernel.elapse(quietMs.hurried - 1)
  gathering.note('/a', false)
  kernel.elapse(quietMs.hurried - 1)
  t.same(overAtMs, [])
  kernel.elapse(1)
  t.same(overAtMs, [2 * quietMs.hurried - 1])
})

t.test('hundreds of files are one change, also for somebody who waits', async (t) => {
  const { kernel, gathering, overAtMs } = arrange()
  gathering.hurry()
  for (let file = 0; file < 500; file += 1) {
    gathering.note(`/${file}`, false)
    if (file === 20) gathering.hurry()
    kernel.elapse(file < 10 ? 0 : 3)
  }
  t.same(overAtMs, [])
  kernel.elapse(quietMs.relaxed)
  t.equal(overAtMs.length, 1)
})

t.test('an installation pauses for longer', async (t) => {
  const { kernel, gathering, overAtMs } = arrange()
  gathering.note('/node_modules/a', true)
  gathering.hurry()
  kernel.elapse(quietMs.installing - 1)
  gathering.note('/node_modules/.package-lock.json', true)
  kernel.elapse(quietMs.installing - 1)
  t.same(overAtMs, [])
  kernel.elapse(1)
  t.equal(overAtMs.length, 1)
})

t.test('a file that is written without end does not keep the rest back', async (t) => {
  const { kernel, gathering, overAtMs } = arrange()
  for (let atMs = 0; atMs < 2 * gatheredMsMax; atMs += 10) {
    gathering.note('/debug.log', false)
    kernel.elapse(10)
  }
  t.equal(overAtMs[0], gatheredMsMax)
})

t.test('a change after the end of one is another, and nothing comes after close', async (t) => {
  const { kernel, gathering, overAtMs } = arrange()
  gathering.note('/a', false)
  gathering.hurry()
  kernel.elapse(quietMs.hurried)
  gathering.note('/a', false)
  kernel.elapse(quietMs.hurried)
  t.equal(overAtMs.length, 1, 'nobody waits for the second')
  kernel.elapse(quietMs.relaxed)
  t.equal(overAtMs.length, 2)
  gathering.note('/a', false)
  gathering.close()
  kernel.elapse(10_000)
  t.equal(overAtMs.length, 2)
})
