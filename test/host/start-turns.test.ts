// The turns of starts: in order, one in a turn of the event loop, none late without need.

import t from 'tap'
import { StartTurns } from '../../src/host/start-turns.js'

function stage() {
  const turns: (() => void)[] = []
  const starts = new StartTurns({ nextTurn: (run) => void turns.push(run) })
  const begun: number[] = []
  const settled = () => new Promise(setImmediate)
  return {
    begun,
    /** A turn of the event loop goes by. */
    turn: async () => {
      turns.shift()?.()
      await settled()
    },
    come: async (...each: readonly number[]) => {
      for (const start of each) void starts.next().then(() => void begun.push(start))
      await settled()
    },
    turns: () => turns.length,
  }
}

t.test('the first goes at once, each other one in a turn of its own, in order', async (t) => {
  const { begun, come, turn, turns } = stage()
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
