// The freezer with a link: processes stop first and go on last, however freezes and thaws follow one another.

import t from 'tap'
import type { Freezer } from '../../src/freezer/freezer.js'
import { networkFreezer } from '../../src/freezer/network-freezer.js'

/** Calls in their order; `answer` says of the oldest that the link is up. */
function stage() {
  const calls: string[] = []
  const waiting: (() => void)[] = []
  const processes: Freezer = {
    backend: 'v2',
    escapes: [],
    freeze: () => calls.push('stop'),
    thaw: () => calls.push('go on'),
    state: () => 'running',
  }
  const freezer = networkFreezer(processes, {
    takeDown: () => calls.push('down'),
    bringUp: (up) => {
      calls.push('up')
      waiting.push(up)
    },
  })
  return { calls, freezer, answer: () => waiting.shift()?.() }
}

t.test('processes stop before the link is down, and go on when it is up again', async (t) => {
  const { calls, freezer, answer } = stage()
  freezer.freeze()
  freezer.thaw()
  t.same(calls, ['stop', 'down', 'up'])
  answer()
  t.same(calls, ['stop', 'down', 'up', 'go on'])
})

t.test('a thaw of what was never frozen does not ask for the link', async (t) => {
  const { calls, freezer } = stage()
  freezer.thaw()
  t.same(calls, ['go on'])
})

t.test('who is frozen again before the link is up stays frozen', async (t) => {
  const { calls, freezer, answer } = stage()
  freezer.freeze()
  freezer.thaw()
  freezer.freeze()
  answer()
  t.same(calls, ['stop', 'down', 'up', 'stop', 'down'])
})

t.test('only the answer to the last thaw counts: the link was down again before', async (t) => {
  const { calls, freezer, answer } = stage()
  freezer.freeze()
  freezer.thaw()
  freezer.freeze()
  freezer.thaw()
  answer()
  t.notOk(calls.includes('go on'))
  answer()
  t.equal(calls.at(-1), 'go on')
})
