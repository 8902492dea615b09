// Extensions as the reducer sees them: who is waited for, and what an end of one of them ends.

import t from 'tap'
import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import type { EnvironmentId, GenerationId } from '../../src/domain/brand.js'
import type { Answer, Invocation, Outcome } from '../../src/domain/invocation.js'
import { Runner } from '../../src/host/runner.js'
import { Journal } from '../../src/journal/journal.js'
import { initialState } from '../../src/placement/state.js'
import { localProfile } from '../../src/profile/profile.js'
import { AnsweringHost } from '../support/answering-host.js'
import { invocationOf, localFigures } from '../support/placement.js'

const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:f'
const e1 = 'e1' as EnvironmentId
const timeoutMs = 3_000
const { settleWaitMs } = localFigures

const rule = (invocation: Invocation): Outcome => ({
  is: 'response',
  payload: { key: invocation.invocationId, bytes: 0 },
  contentType: 'application/json',
})

function open() {
  const kernel = new SimulatedKernel(1_000_000)
  const clock = new EmulatorClock({ mode: 'real', kernel })
  const host = new AnsweringHost({ initEnds: false })
  const state = initialState(localFigures, localProfile.accountConcurrency.value)
  const runner = new Runner({ clock, host, journal: new Journal(clock), state })
  const generation = 'g1' as GenerationId
  runner.post({ on: 'deployed', generation: { id: generation, functionArn, timeoutMs } })
  let invocations = 0
  const answers: Answer[] = []
  const submit = (): void => {
    invocations += 1
    const given = { id: `i${invocations}`, generation, acceptedAtMs: clock.nowMs() }
    runner.submit(invocationOf(functionArn, given), (answer) => answers.push(answer))
  }
  const register = (
    participant: string,
    invoked = true,
    kind: 'external-extension' | 'internal-extension' = 'external-extension',
  ) => host.tell({ on: 'registered', env: e1, participant, kind, invoked })
  const next = (participant: string) => host.tell({ on: 'asked-next', env: e1, participant })
  const exit = (participant: string, code: number, errorType?: string) => {
    const more = errorType === undefined ? {} : { errorType }
    host.tell({ on: 'exited', env: e1, participant, exit: { code, signal: null }, ...more })
  }
  const passes = async (ms: number): Promise<void> => {
    kernel.elapse(ms)
    for (let turn = 0; turn < 5; turn += 1) await null
  }
  const environment = () => state.environments[e1]
  /** One invocation is in the hands of the runtime and of the subscriber `a`; `b` did not ask for any. */
  const running = () => {
    submit()
    register('a')
    register('b', false)
    for (const participant of ['runtime', 'a', 'b']) next(participant)
  }
  return { host, answers, submit, register, next, exit, passes, environment, running }
}

t.test(
  'init is over when the runtime and every extension have asked for their first event',
  (t) => {
    const { host, submit, register, next, environment } = open()
    submit()
    register('a')
    next('a')
    t.equal(environment()?.phase.is, 'initializing')
    register('inside', true, 'internal-extension')
    next('runtime')
    t.equal(host.delivered.length, 0)
    next('inside')
    t.equal(host.delivered.length, 1)
    t.same(
      environment()?.participants.map(({ id, state }) => [id, state]),
      [
        ['runtime', 'working'],
        ['a', 'working'],
        ['inside', 'working'],
      ],
    )
    t.end()
  },
)

t.test(
  'the caller has its answer at once; the freeze waits for those that were invoked',
  async (t) => {
    const { host, answers, next, environment, running } = open()
    running()
    host.respond('e1', rule)
    t.equal(answers.length, 1)
    next('runtime')
    t.match(environment(), { phase: { is: 'busy' }, suspension: { is: 'running' } })
    next('a')
    t.match(environment(), { phase: { is: 'ready' }, suspension: { is: 'frozen' } })
  },
)

t.test('an extension may be done before the runtime has answered', async (t) => {
  const { host, next, environment, running } = open()
  running()
  next('a')
  t.equal(environment()?.phase.is, 'busy')
  host.answer('e1', rule)
  t.equal(environment()?.phase.is, 'ready')
})

t.test('a call waits a moment for an extension, and then goes elsewhere', async (t) => {
  const { host, answers, submit, next, running, passes } = open()
  running()
  host.answer('e1', rule)
  submit()
  t.same(host.started, ['e1'])
  await passes(settleWaitMs - 1)
  next('a')
  t.equal(host.delivered.length, 2, 'it was done in time')
  host.answer('e1', rule)
  submit()
  await passes(settleWaitMs)
  t.same(host.started, ['e1', 'e2'])
  submit()
  t.same(host.started, ['e1', 'e2', 'e3'], 'who comes later does not wait at all')
  t.equal(answers.length, 2)
})

t.test(
  'the deadline covers extensions: it resets the environment, and the answer stands',
  async (t) => {
    const { host, answers, running, passes, environment } = open()
    running()
    host.answer('e1', rule)
    await passes(timeoutMs)
    t.same(host.killed, ['e1'])
    t.equal(environment()?.phase.is, 'dormant')
    t.match(answers, [{ outcome: { is: 'response' } }])
  },
)

t.test('an extension that ends in an invocation ends it, in its own words', async (t) => {
  const { host, answers, exit, running, passes, environment } = open()
  running()
  exit('a', 0, 'Extension.Crash')
  await passes(0)
  t.match(answers, [
    {
      outcome: {
        is: 'fault',
        error: {
          errorType: 'Extension.Crash',
          errorMessage: 'RequestId: request-i1 Error: exit code 0',
        },
      },
    },
  ])
  t.same(host.killed, ['e1'])
  t.equal(environment()?.phase.is, 'dormant')
})

t.test('the first fatal error is told, in the words of the process that ended', async (t) => {
  const { answers, exit, running } = open()
  running()
  exit('runtime', 1, 'Extension.ExitError')
  t.match(answers, [
    {
      outcome: {
        error: {
          errorType: 'Extension.ExitError',
          errorMessage: 'RequestId: request-i1 Error: Runtime exited with error: exit status 1',
        },
      },
    },
  ])
})

t.test(
  'an extension that ends after the answer resets the environment, and nobody hears of it',
  async (t) => {
    const { host, answers, exit, running, passes } = open()
    running()
    host.answer('e1', rule)
    exit('a', 1, 'Extension.Crash')
    await passes(0)
    t.same(host.killed, ['e1'])
    t.equal(answers.length, 1)
  },
)

t.test(
  'an extension that ends in init has init tried again, and then fails the invocation',
  async (t) => {
    const { host, answers, submit, register, exit, passes } = open()
    submit()
    register('a')
    exit('a', 2, 'Extension.Crash')
    await passes(0)
    t.same(host.started, ['e1', 'e1'])
    t.equal(answers.length, 0)
    exit('a', 2, 'Extension.Crash')
    t.match(answers, [{ outcome: { error: { errorMessage: /exit status 2$/ } } }])
  },
)

t.test('an extension that ends while nobody is served resets the environment', async (t) => {
  const { host, next, exit, running, passes, environment } = open()
  running()
  host.answer('e1', rule)
  next('a')
  exit('b', 0, 'Extension.Crash')
  await passes(0)
  t.equal(environment()?.phase.is, 'dormant')
})

t.test('a registration that comes when init is over is nobody’s', async (t) => {
  const { register, running, environment } = open()
  running()
  register('late')
  t.equal(environment()?.participants.length, 3)
})
