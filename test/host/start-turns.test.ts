// The turns of starts: few at a time, in order, one in a turn of the event loop, none late without need.

import t from 'tap'
import { StartTurns } from '../../src/host/start-turns.js'

function stage(most: number) {
  const turns: (() => void)[] = []
  const timers = new Set<() => void>()
  const starts = new StartTurns(most, {
    nextTurn: (run) => void turns.push(run),
    sleep: () => Promise.resolve(),
    after: (_durationMs, run) => {
      timers.add(run)
      return () => void timers.delete(run)
    },
  })
  const begun: number[] = []
  const over = new Map<number, () => void>()
  const settled = () => new Promise(setImmediate)
  return {
    begun,
    timers,
    /** Ends it. */
    end: (start: number) => over.get(start)?.(),
    /** So many turns of the event loop go by. */
    turn: async (times = 1) => {
      for (let time = 0; time < times; time += 1) turns.shift()?.()
      await settled()
    },
    come: async (...each: readonly number[]) => {
      for (const start of each) {
        void starts.next().then((release) => {
          over.set(start, release)
          begun.push(start)
        })
      }
      await settled()
    },
    turns: () => turns.length,
  }
}

t.test('the first goes at once, each other one in a turn of its own, in order', async (t) => {
  const { begun, come, turn, turns } = stage(10)
  await come(1, 2, 3)
  t.same(begun, [1])
  await turn()
  t.same(begun, [1, 2])
  await turn()
  t.same(begun, [1, 2, 3])
  await turn()
  t.equal(turns(), 0, 'no turn is asked for when nobody waits')
  await come(4)
  t.same(begun, [1, 2, 3, 4], 'and a later one goes at once')
})

t.test('no more than so many at a time: the next goes when one is over', async (t) => {
  const { begun, come, turn, end, timers } = stage(2)
  await come(1, 2, 3, 4)
  await turn(5)
  t.same(begun, [1, 2])
  end(2)
  await turn(5)
  t.same(begun, [1, 2, 3])
  end(2)
  await turn(5)
  t.same(begun, [1, 2, 3], 'one is over once')
  end(1)
  end(3)
  await turn(5)
  t.same(begun, [1, 2, 3, 4])
  t.equal(timers.size, 1, 'what is over is timed no longer')
})

t.test('a start that takes long counts no longer', async (t) => {
  const { begun, come, turn, end, timers } = stage(1)
  await come(1, 2, 3)
  await turn(5)
  t.same(begun, [1])
  for (const timer of [...timers]) timer()
  await turn(5)
  t.same(begun, [1, 2])
  end(1)
  await turn(5)
  t.same(begun, [1, 2], 'its end counts for nothing then')
})
