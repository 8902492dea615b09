// When an idle daemon collects its garbage, and that V8 really does.

import t from 'tap'
import { sweepWhenIdle } from '../../src/cli/idle-sweep.js'

function arrange() {
  const waiting: { run: () => void; cancelled: boolean }[] = []
  const state = { total: 0, sweeps: 0 }
  const release = sweepWhenIdle({
    timers: {
      after: (_durationMs, run) => {
        const timer = { run, cancelled: false }
        waiting.push(timer)
        return () => {
          timer.cancelled = true
        }
      },
    },
    invocations: () => state.total,
    collect: () => {
      state.sweeps += 1
    },
  })
  const look = (times: number) => {
    for (let time = 0; time < times; time += 1) waiting.shift()?.run()
  }
  return { state, look, release, waiting }
}

t.test('what a start leaves is swept four times, and then there is nothing to sweep', async (t) => {
  const { state, look } = arrange()
  look(10)
  t.equal(state.sweeps, 4)
})

t.test('nothing is swept while calls come, and it is once they have stopped', async (t) => {
  const { state, look } = arrange()
  for (let round = 0; round < 10; round += 1) {
    state.total += 1
    look(1)
  }
  t.equal(state.sweeps, 0)
  look(5)
  t.equal(state.sweeps, 4)
  state.total += 1
  look(5)
  t.equal(state.sweeps, 8)
})

t.test('a release ends it', async (t) => {
  const { look, release, waiting } = arrange()
  look(3)
  release()
  t.same(
    waiting.map(({ cancelled }) => cancelled),
    [true],
  )
})

t.test("V8's own collector frees what nobody holds", async (t) => {
  let looked: () => void = () => {}
  const timers = {
    after: (_durationMs: number, run: () => void) => {
      looked = run
      return () => {}
    },
  }
  const freed = new WeakRef({ some: 'garbage' })
  sweepWhenIdle({ timers, invocations: () => 0 })
  // What a WeakRef has just shown is kept to the end of the turn.
  await new Promise((resolve) => setImmediate(resolve))
  looked()
  t.equal(freed.deref(), undefined)
})
