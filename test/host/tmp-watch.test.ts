// A /tmp without a size of its own: looked at after invocations, seldom, and told of once.

import t from 'tap'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import { TmpWatch } from '../../src/host/tmp-watch.js'

function arrange({ enforced = false, tookMs = 0 } = {}) {
  const kernel = new SimulatedKernel()
  const seen = { usedMb: 0, looks: 0, told: [] as number[] }
  let nowMs = 0
  const watch = new TmpWatch({
    storage: {
      enforced,
      sizeMb: 512,
      usedMb: async () => {
        seen.looks += 1
        nowMs += tookMs
        return seen.usedMb
      },
    },
    timers: kernel,
    monotonicMs: () => nowMs,
    overfull: (usedMb) => seen.told.push(usedMb),
  })
  const pass = async (durationMs: number): Promise<void> => {
    nowMs += durationMs
    kernel.elapse(durationMs)
    // What a look found is known a few turns later.
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve()
  }
  return { watch, seen, pass }
}

t.test('what is over the size is told once, however often it is written', async (t) => {
  const { watch, seen, pass } = arrange()
  seen.usedMb = 600.2
  for (let round = 0; round < 3; round += 1) {
    watch.written()
    await pass(2_000)
  }
  t.same(seen, { usedMb: 600.2, looks: 1, told: [600] })
})

t.test('it is looked at once a second at most, and the last write is not missed', async (t) => {
  const { watch, seen, pass } = arrange()
  watch.written()
  await pass(0)
  t.equal(seen.looks, 1)
  seen.usedMb = 513
  watch.written()
  watch.written()
  await pass(900)
  t.equal(seen.looks, 1)
  await pass(100)
  t.same(seen, { usedMb: 513, looks: 2, told: [513] })
})

t.test('a full one is not over its size', async (t) => {
  const { watch, seen, pass } = arrange()
  seen.usedMb = 512
  watch.written()
  await pass(0)
  t.same(seen, { usedMb: 512, looks: 1, told: [] })
})

t.test('what takes long to count is counted seldom', async (t) => {
  const { watch, seen, pass } = arrange({ tookMs: 200 })
  watch.written()
  await pass(0)
  watch.written()
  await pass(3_700)
  t.equal(seen.looks, 1)
  await pass(200)
  t.equal(seen.looks, 2)
})

t.test('where the kernel enforces the size, and after the end, nobody looks', async (t) => {
  const enforced = arrange({ enforced: true })
  enforced.watch.written()
  await enforced.pass(5_000)
  t.equal(enforced.seen.looks, 0)
  const closed = arrange()
  closed.watch.written()
  closed.watch.close()
  closed.watch.written()
  await closed.pass(5_000)
  t.equal(closed.seen.looks, 0)
})
