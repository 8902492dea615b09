// The runner: what hosts cannot do becomes an answer, what must not happen becomes a bug, and stopping ends all.

import t from 'tap'
import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import { AssertionError } from '../../src/domain/assert.js'
import type { GenerationId } from '../../src/domain/brand.js'
import type { Answer } from '../../src/domain/invocation.js'
import { asHostError, type Host, HostError } from '../../src/host/host.js'
import { Runner } from '../../src/host/runner.js'
import { Journal } from '../../src/journal/journal.js'
import type { HostCommand } from '../../src/placement/state.js'
import { initialState } from '../../src/placement/state.js'
import { invocationOf, localFigures } from '../support/placement.js'

const generation = 'g1' as GenerationId
const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:f'

const invocation = (id: string) => invocationOf(functionArn, { id, generation })

function open(perform: (command: HostCommand) => undefined | Promise<void>) {
  const clock = new EmulatorClock({ mode: 'real', kernel: new SimulatedKernel() })
  const host: Host = { perform, report: () => {} }
  const bugs: unknown[] = []
  const runner = new Runner({
    clock,
    host,
    journal: new Journal(clock),
    state: initialState(localFigures, 1_000),
    onBug: (error) => bugs.push(error),
  })
  runner.post({ on: 'deployed', generation: { id: generation, functionArn, timeoutMs: 3_000 } })
  const submit = (id: string) =>
    new Promise<Answer>((resolve) => runner.submit(invocation(id), resolve))
  return { runner, submit, bugs }
}

t.test(
  'an environment that cannot be started is tried once more, then the caller hears why',
  async (t) => {
    const done: string[] = []
    const { submit, bugs, runner } = open((command) => {
      done.push(command.do)
      if (command.do === 'start')
        return Promise.reject(new HostError('Sandbox.Failure', 'too many open files'))
      return undefined
    })
    const answer = await submit('i1')
    t.match(answer.outcome, {
      is: 'fault',
      error: { errorType: 'Sandbox.Failure', errorMessage: 'too many open files' },
    })
    t.same(done, ['start', 'kill', 'start', 'kill'])
    t.same(bugs, [])
    t.equal(runner.state.slots.total, 0)
  },
)

t.test('an error that no host may throw is a bug, told once', async (t) => {
  const { runner, bugs } = open(() => {
    throw new TypeError('of ours')
  })
  runner.submit(invocation('i1'), () => {})
  t.match(bugs, [{ message: 'of ours' }])
})

t.test('errors of the machine become host errors, assertions stay assertions', async (t) => {
  const machine = asHostError(Object.assign(new Error('EMFILE: too many'), { code: 'EMFILE' }))
  t.ok(machine instanceof HostError)
  const bug = new AssertionError('ours')
  t.equal(asHostError(bug), bug)
})

t.test('stopping refuses who waits, and resolves when no environment is left', async (t) => {
  const { runner, submit } = open(() => Promise.resolve())
  const waiting = submit('i1')
  await runner.stop()
  t.match((await waiting).outcome, { is: 'refused', reason: 'EmulatorStopping' })
  t.same(runner.state.environments, {})
  t.match((await submit('i2')).outcome, { is: 'refused', reason: 'EmulatorStopping' })
})
