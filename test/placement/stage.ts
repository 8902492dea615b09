// Placement over simulated time: a runner on a host without processes, two functions, and callers whose answers are kept.

import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import type { GenerationId } from '../../src/domain/brand.js'
import type { Answer, Invocation, Outcome } from '../../src/domain/invocation.js'
import { Runner } from '../../src/host/runner.js'
import { Journal } from '../../src/journal/journal.js'
import { checkInvariants, checkMemory } from '../../src/placement/invariants.js'
import { initialState, type PlacementFigures } from '../../src/placement/state.js'
import { AnsweringHost, type AnsweringHostOptions } from '../support/answering-host.js'
import { invocationOf, localFigures } from '../support/placement.js'

export const rule = (invocation: Invocation): Outcome => ({
  is: 'response',
  payload: { key: invocation.invocationId, bytes: 0 },
  contentType: 'application/json',
})

export interface Wish
  extends AnsweringHostOptions,
    Partial<Pick<PlacementFigures, 'budgetMb' | 'startsAtOnce'>> {
  readonly timeoutMs?: number
}

export function arnOf(name: string): string {
  return `arn:aws:lambda:us-east-1:000000000000:function:${name}`
}

/** Functions f and g; invocations are called i1, i2 … in the order of their arrival. */
export function open({
  budgetMb,
  startsAtOnce = localFigures.startsAtOnce,
  timeoutMs = 3_000,
  ...options
}: Wish) {
  const kernel = new SimulatedKernel(1_000_000)
  const clock = new EmulatorClock({ mode: 'real', kernel })
  const host = new AnsweringHost(options)
  const journal = new Journal(clock)
  const state = initialState({ ...localFigures, budgetMb, startsAtOnce }, 1_000)
  const runner = new Runner({ clock, host, journal, state })
  let generations = 0
  const newest: Record<string, GenerationId> = {}
  const deploy = (name: string): void => {
    const replaces = newest[name]
    generations += 1
    const id = `${name}${generations}` as GenerationId
    newest[name] = id
    const generation = { id, functionArn: arnOf(name), timeoutMs }
    runner.post({ on: 'deployed', generation, ...(replaces === undefined ? {} : { replaces }) })
  }
  deploy('f')
  deploy('g')
  let invocations = 0
  const outcomes: Record<string, Outcome> = {}
  const submit = (name: string): Promise<Answer> => {
    invocations += 1
    const id = `i${invocations}`
    const generation = newest[name] as GenerationId
    const invocation = invocationOf(arnOf(name), { id, generation, acceptedAtMs: clock.nowMs() })
    return new Promise((resolve) =>
      runner.submit(invocation, (answer) => {
        outcomes[id] = answer.outcome
        resolve(answer)
      }),
    )
  }
  const check = (): void => {
    checkInvariants(state)
    checkMemory(state)
  }
  /** Time passes, and what the host does in other turns has happened. */
  const passes = async (ms: number): Promise<void> => {
    kernel.elapse(ms)
    for (let turn = 0; turn < 8; turn += 1) await null
    check()
  }
  const delivered = () => host.delivered.map(({ invocationId }) => invocationId)
  return { host, journal, state, runner, newest, submit, deploy, passes, delivered, outcomes }
}
