// How many environments are started at the same time, over simulated time: who waits for a turn, and what serves it sooner.

import t from 'tap'
import { open, rule } from './stage.js'

const turnMs = 100

t.test('so many are started at once, the next one when one is up', async (t) => {
  const { host, state, journal, submit, passes } = open({ startsAtOnce: 2, initEnds: false })
  for (let call = 0; call < 4; call += 1) void submit('f')
  await passes(0)
  t.same(
    [host.started, state.queue],
    [
      ['e1', 'e2'],
      ['i3', 'i4'],
    ],
  )
  t.equal(state.slots.total, 4, 'on AWS they would be running: each has its slot')
  const [queued] = journal.tail(100).filter(({ kind }) => kind === 'invocation.queued')
  t.match(queued, { invocation: 'i3', why: 'starts', waiting: 1 })
  host.next('e1')
  await passes(0)
  t.same([host.started, state.queue], [['e1', 'e2', 'e3'], ['i4']])
})

t.test('a start that takes long counts no longer', async (t) => {
  const { host, submit, passes } = open({ startsAtOnce: 1, initEnds: false })
  for (let call = 0; call < 3; call += 1) void submit('f')
  await passes(turnMs - 1)
  t.same(host.started, ['e1'])
  await passes(1)
  t.same(host.started, ['e1', 'e2'])
  host.next('e1')
  await passes(0)
  t.same(host.started, ['e1', 'e2'], 'its end counts for nothing then')
  await passes(turnMs)
  t.same(host.started, ['e1', 'e2', 'e3'])
})

t.test('who waits for a turn takes an environment that becomes free', async (t) => {
  const { host, state, submit, passes, delivered } = open({ startsAtOnce: 1, initEnds: false })
  void submit('f')
  await passes(turnMs)
  host.next('e1')
  void submit('g')
  void submit('f')
  await passes(0)
  t.same([host.started, state.queue], [['e1', 'e2'], ['i3']])
  host.answer('e1', rule)
  await passes(0)
  t.same(delivered(), ['i1', 'i3'])
  await passes(turnMs)
  t.same(host.started, ['e1', 'e2'], 'and nothing is started for it any more')
})

t.test('nobody is refused for lack of a turn, however long it takes', async (t) => {
  const { host, state, submit, passes } = open({ startsAtOnce: 1, initEnds: false, timeoutMs: 500 })
  for (let call = 0; call < 20; call += 1) void submit('f')
  for (let turn = 0; turn < 18; turn += 1) await passes(turnMs)
  t.equal(host.started.length, 19)
  t.same(state.queue, ['i20'])
})

t.test('who lacks both memory and a turn waits for memory, with an end', async (t) => {
  const { host, state, submit, passes, outcomes } = open({
    startsAtOnce: 1,
    budgetMb: 64,
    timeoutMs: 2_000,
  })
  void submit('f')
  void submit('g')
  await passes(999)
  t.same([host.started, state.queue], [['e1'], ['i2']])
  await passes(1)
  t.same(outcomes, { i2: { is: 'refused', reason: 'MemoryBudgetExceeded' } })
})
