// The life of environments as callers notice it, over simulated time: reuse, expiry, init that takes too long, redeploy.

import t from 'tap'
import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import type { GenerationId } from '../../src/domain/brand.js'
import type { Answer, Invocation, Outcome } from '../../src/domain/invocation.js'
import { Runner } from '../../src/host/runner.js'
import { Journal } from '../../src/journal/journal.js'
import { initialState } from '../../src/placement/state.js'
import { localProfile } from '../../src/profile/profile.js'
import { AnsweringHost, type AnsweringHostOptions } from '../support/answering-host.js'
import { invocationOf, localFigures } from '../support/placement.js'

const idleLifeMs = localProfile.idleLifeMs.value
const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:f'

const rule = (invocation: Invocation): Outcome => ({
  is: 'response',
  payload: { key: invocation.invocationId, bytes: 0 },
  contentType: 'application/json',
})

function open(options: AnsweringHostOptions) {
  const kernel = new SimulatedKernel(1_000_000)
  const clock = new EmulatorClock({ mode: 'real', kernel })
  const host = new AnsweringHost(options)
  const state = initialState(localFigures, localProfile.accountConcurrency.value)
  const runner = new Runner({ clock, host, journal: new Journal(clock), state })
  let generations = 0
  let generation = '' as GenerationId
  const deploy = (): void => {
    const replaces = generation
    generations += 1
    generation = `g${generations}` as GenerationId
    runner.post({
      on: 'deployed',
      generation: { id: generation, functionArn, timeoutMs: 3_000 },
      ...(replaces === '' ? {} : { replaces }),
    })
  }
  deploy()
  let invocations = 0
  const submit = (): Promise<Answer> => {
    invocations += 1
    const id = `i${invocations}`
    const acceptedAtMs = clock.nowMs()
    const invocation = invocationOf(functionArn, { id, generation, acceptedAtMs })
    return new Promise((resolve) => runner.submit(invocation, resolve))
  }
  /** Time passes, and what the host does in other turns has happened. */
  const passes = async (ms: number): Promise<void> => {
    kernel.elapse(ms)
    for (let turn = 0; turn < 5; turn += 1) await null
  }
  return { host, state, submit, deploy, passes }
}

t.test('an environment expires ten minutes after its last use, not before', async (t) => {
  const { host, submit, passes } = open({ rule })
  await submit()
  await passes(idleLifeMs - 1)
  await submit()
  t.same(host.started, ['e1'], 'one moment before, it is reused')
  await passes(idleLifeMs - 1)
  t.same(host.removed, [], 'every use begins the time anew')
  await passes(1)
  t.same(host.removed, ['e1'])
  await submit()
  t.same(host.started, ['e1', 'e2'], 'the next call gets a new one')
})

t.test('the most recently used environment is taken first', async (t) => {
  const { host, submit, passes } = open({})
  const calls = [submit(), submit(), submit()]
  await passes(1)
  t.same(host.busy(), ['e1', 'e2', 'e3'], 'one each for calls at once')
  for (const env of ['e2', 'e3', 'e1']) host.answer(env, rule)
  await Promise.all(calls)
  const next = [submit(), submit()]
  t.same(host.busy(), ['e1', 'e3'], 'the one used last, then the one before')
  for (const env of ['e1', 'e3']) host.answer(env, rule)
  await Promise.all(next)
  t.same(host.started, ['e1', 'e2', 'e3'], 'and no new one')
})

t.test(
  'an init of over ten seconds is begun again inside the invocation, within its timeout',
  async (t) => {
    const { host, submit, passes } = open({ initEnds: false })
    const call = submit()
    await passes(localProfile.initLimitMs.value - 1)
    t.same(host.killed, [])
    await passes(1)
    t.same(host.killed, ['e1'])
    t.same(host.started, ['e1', 'e1'], 'the same environment, so that /tmp is kept')
    await passes(2_999)
    t.same(host.killed, ['e1'])
    await passes(1)
    const { outcome } = await call
    t.match(outcome, {
      is: 'fault',
      error: { errorType: 'Sandbox.Timedout', errorMessage: /Task timed out after 3\.00 seconds$/ },
    })
  },
)

t.test('a redeploy ends idle environments at once and busy ones when they are done', async (t) => {
  const { host, submit, deploy, passes } = open({})
  const first = submit()
  const second = submit()
  await passes(1)
  host.answer('e2', rule)
  await second
  deploy()
  t.same(host.removed, ['e2'], 'the idle one')
  const third = submit()
  await passes(1)
  t.same(host.busy(), ['e1', 'e3'], 'new code runs in a new one')
  host.answer('e1', rule)
  t.match((await first).outcome, { is: 'response' }, 'the call in flight ends on the old code')
  t.same(host.removed, ['e2', 'e1'])
  host.answer('e3', rule)
  await third
})

t.test(
  'a call that comes while an environment is reset waits for it, and meets its /tmp',
  async (t) => {
    const { host, submit, passes } = open({})
    const hangs = submit()
    await passes(0)
    await passes(3_000)
    t.match((await hangs).outcome, { is: 'fault', error: { errorType: 'Sandbox.Timedout' } })
    const after = submit()
    await passes(1)
    t.same(host.started, ['e1', 'e1'])
    host.answer('e1', rule)
    t.match((await after).outcome, { is: 'response' })
  },
)
