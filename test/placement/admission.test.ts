// The memory budget as callers notice it, over simulated time: who waits, who goes first, who is given up, who is refused.

import t from 'tap'
import type { GenerationId } from '../../src/domain/brand.js'
import { arnOf, open, rule } from './stage.js'

const refused = { is: 'refused', reason: 'MemoryBudgetExceeded' } as const

t.test('with memory for three, ten callers are served in the order they came', async (t) => {
  const { host, state, journal, submit, passes, delivered } = open({ budgetMb: 192 })
  const calls = Array.from({ length: 10 }, () => submit('f'))
  await passes(0)
  t.same(state.queue, ['i4', 'i5', 'i6', 'i7', 'i8', 'i9', 'i10'], 'seven wait')
  t.equal(state.memory.chargedMb, 192)
  t.equal(state.slots.total, 10, 'on AWS they would be running: each has its slot')
  const queued = journal.tail(100).filter(({ kind }) => kind === 'invocation.queued')
  t.match(queued[6], { waiting: 7, budgetMb: 192, chargedMb: 192, environments: 3 })
  while (delivered().length < 10 || host.busy().length > 0) {
    host.answer(host.busy()[0] as string, rule)
    await passes(1)
  }
  t.ok((await Promise.all(calls)).every(({ outcome }) => outcome.is === 'response'))
  t.same(delivered(), ['i1', 'i2', 'i3', 'i4', 'i5', 'i6', 'i7', 'i8', 'i9', 'i10'])
  t.same(host.started, ['e1', 'e2', 'e3'], 'in three environments')
  t.equal(state.slots.total, 0)
})

t.test('frozen, an environment is charged what it was measured to hold', async (t) => {
  const { host, state, submit, passes } = open({ budgetMb: 192, rule })
  await Promise.all([submit('f'), submit('f'), submit('f')])
  await passes(1)
  t.equal(state.memory.chargedMb, 192, 'the floor, before anything is measured')
  for (const env of ['e1', 'e2', 'e3']) host.measure(env, 20.2)
  t.equal(state.memory.chargedMb, 63)
  host.measure('e1', 0)
  t.equal(state.memory.chargedMb, 63, 'what cannot be measured is as it was')
  await Promise.all([submit('g'), submit('g')])
  await passes(1)
  t.same(host.removed, [], 'two more fit in, and nobody is given up')
  host.measure('e1', 150)
  t.equal(state.memory.chargedMb, 150 + 42 + 128)
  t.equal(state.memory.overMb, 128, 'that cannot be undone')
})

t.test('the environment idle for longest makes room, and only as many as it takes', async (t) => {
  const { host, state, submit, passes } = open({ budgetMb: 192, killEnds: false })
  const [first, second, third] = [submit('f'), submit('f'), submit('f')]
  await passes(1)
  for (const env of ['e2', 'e1', 'e3']) {
    host.answer(env, rule)
    await passes(1)
  }
  await Promise.all([first, second, third])
  const other = submit('g')
  await passes(1)
  t.same(host.killed, ['e2'], 'the one used least recently')
  t.same(state.queue, ['i4'], 'which it waits for')
  submit('g')
  await passes(1)
  t.same(host.killed, ['e2'], 'for the second in the queue nothing is given up')
  host.dead('e2')
  await passes(1)
  t.same(host.started.at(-1), 'e4')
  t.same(host.killed, ['e2', 'e1'], 'now it is the first')
  host.dead('e1')
  await passes(1)
  host.answer('e4', rule)
  t.match((await other).outcome, { is: 'response' })
})

t.test('who comes later takes nothing that others wait for', async (t) => {
  const { host, state, submit, passes, delivered } = open({ budgetMb: 128, killEnds: false })
  submit('f')
  submit('f')
  await passes(1)
  submit('g')
  submit('f')
  t.same(state.queue, ['i3', 'i4'])
  host.answer('e1', rule)
  await passes(1)
  t.same(host.killed, ['e1'], 'the first that waits has no use for it but its room')
  submit('f')
  host.answer('e2', rule)
  await passes(1)
  t.same(
    delivered(),
    ['i1', 'i2', 'i4'],
    'its room is enough: the second is served, not the newcomer',
  )
  t.same(state.queue, ['i3', 'i5'])
  host.dead('e1')
  await passes(1)
  t.same(delivered(), ['i1', 'i2', 'i4', 'i3'])
})

t.test('one that waited for an environment in vain has kept its place', async (t) => {
  const { host, state, submit, passes, delivered } = open({ budgetMb: 64 })
  submit('f')
  await passes(1)
  host.respond('e1', rule)
  submit('f')
  submit('g')
  t.same(state.queue, ['i3'], 'the second waits for the environment that is about to be free')
  await passes(50)
  t.same(state.queue, ['i2', 'i3'], 'it took too long')
  host.next('e1')
  await passes(1)
  t.same(delivered(), ['i1', 'i2'])
})

t.test('an environment that somebody waited for goes to who came first', async (t) => {
  const { host, state, runner, submit, passes, delivered } = open({ budgetMb: 64 })
  runner.post({ on: 'limits', account: 1_000, reserved: { [arnOf('f')]: 1 } })
  submit('f')
  await passes(1)
  submit('g')
  host.respond('e1', rule)
  submit('f')
  t.same(state.queue, ['i2'], 'the last has no slot yet, and waits for this one')
  host.next('e1')
  await passes(1)
  t.same(delivered(), ['i1', 'i2'])
  t.same(state.queue, ['i3'])
})

t.test('to thaw an environment needs room, too', async (t) => {
  const { host, state, submit, passes, delivered } = open({ budgetMb: 150 })
  submit('f')
  submit('g')
  await passes(1)
  host.measure('e1', 30)
  host.measure('e2', 30)
  host.answer('e1', rule)
  await passes(1)
  t.equal(state.memory.chargedMb, 94)
  host.measure('e2', 110)
  submit('f')
  await passes(1)
  t.same([delivered(), state.queue], [['i1', 'i2'], ['i3']], '30 are 64 when it runs')
  host.measure('e2', 86)
  await passes(1)
  t.same(delivered(), ['i1', 'i2', 'i3'], 'room appears when less is measured')
})

t.test('one environment may always run, however small the budget', async (t) => {
  const { host, submit, passes, delivered } = open({ budgetMb: 10 })
  submit('f')
  submit('g')
  await passes(1)
  t.same(host.started, ['e1'])
  host.answer('e1', rule)
  await passes(1)
  t.same([host.removed, host.started], [['e1'], ['e1', 'e2']])
  host.answer('e2', rule)
  await passes(1)
  submit('g')
  await passes(1)
  t.same(delivered(), ['i1', 'i2', 'i3'])
})

t.test('while nothing at all moves it gives up after half its timeout', async (t) => {
  const { journal, state, submit, passes, outcomes } = open({ budgetMb: 128, timeoutMs: 10_000 })
  submit('f')
  submit('f')
  await passes(100)
  submit('f')
  await passes(4_999)
  t.same(state.queue, ['i3'])
  await passes(1)
  t.match(outcomes, { i3: refused })
  t.match(journal.tail(1), [{ kind: 'invocation.refused', waitedMs: 5_000, environments: 2 }])
  t.equal(state.slots.total, 2)
})

t.test('when something has moved it waits as long as its timeout', async (t) => {
  const { host, state, submit, passes, outcomes } = open({ budgetMb: 64, timeoutMs: 10_000 })
  submit('f')
  await passes(0)
  submit('f')
  submit('f')
  await passes(3_000)
  host.answer('e1', rule)
  await passes(2_001)
  t.same(state.queue, ['i3'])
  await passes(4_998)
  t.same(state.queue, ['i3'])
  await passes(1)
  t.match(outcomes, { i1: { is: 'response' }, i3: refused })
})

t.test('an environment that is still being initialized is no standstill', async (t) => {
  const { state, submit, passes } = open({ budgetMb: 64, timeoutMs: 10_000, initEnds: false })
  submit('f')
  submit('f')
  await passes(9_999)
  t.same(state.queue, ['i2'])
  await passes(1)
  t.same(state.queue, [])
})

t.test('nobody waits for more than 30 seconds', async (t) => {
  const { state, submit, passes, outcomes } = open({ budgetMb: 64, timeoutMs: 900_000 })
  submit('f')
  await passes(0)
  submit('f')
  await passes(29_999)
  t.same(state.queue, ['i2'])
  await passes(1)
  t.match(outcomes, { i2: refused })
})

t.test('the limits of concurrency answer at once: who waits for memory counts', async (t) => {
  const { state, runner, submit, passes, outcomes } = open({ budgetMb: 64 })
  runner.post({ on: 'limits', account: 1_000, reserved: { [arnOf('f')]: 2 } })
  submit('f')
  submit('f')
  submit('f')
  await passes(0)
  t.same(state.queue, ['i2'])
  t.match(outcomes, {
    i3: { is: 'refused', reason: 'ReservedFunctionConcurrentInvocationLimitExceeded' },
  })
})

t.test(
  'who waits moves on to the new code, and is refused when the function is gone',
  async (t) => {
    const { host, state, runner, newest, submit, deploy, passes, outcomes } = open({ budgetMb: 64 })
    submit('f')
    submit('f')
    submit('g')
    await passes(0)
    deploy('f')
    const [first] = state.queue
    t.equal(first === undefined ? undefined : state.invocations[first]?.generation, newest.f)
    host.answer('e1', rule)
    await passes(1)
    t.equal(host.delivered.at(-1)?.invocationId, 'i2')
    const [busy] = host.busy()
    t.equal(busy === undefined ? undefined : state.environments[busy]?.generation, newest.f)
    runner.post({ on: 'deleted', generation: newest.g as GenerationId })
    t.match(outcomes, { i3: { is: 'refused', reason: 'FunctionDeleted' } })
    t.same([state.queue, state.slots.total], [[], 1])
  },
)

t.test('stopping refuses who waits', async (t) => {
  const { state, runner, submit, passes, outcomes } = open({ budgetMb: 64 })
  submit('f')
  submit('f')
  await passes(0)
  await runner.stop()
  t.match(outcomes, {
    i1: { is: 'refused', reason: 'EmulatorStopping' },
    i2: { is: 'refused', reason: 'EmulatorStopping' },
  })
  t.same([state.queue, state.slots.total, state.memory.chargedMb], [[], 0, 0])
})
