// A seeded world around the real runner and reducer: everything that can happen, happens, in random order.

import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import { assert } from '../../src/domain/assert.js'
import type { GenerationId, InvocationId } from '../../src/domain/brand.js'
import { Runner } from '../../src/host/runner.js'
import { SimulatedHost } from '../../src/host/simulated.js'
import { Journal } from '../../src/journal/journal.js'
import { checkInvariants } from '../../src/placement/invariants.js'
import type { Rules } from '../../src/placement/rules.js'
import { type EnvironmentState, initialState } from '../../src/placement/state.js'
import { handRefusal } from '../../src/placement/step.js'
import { invocationOf, localFigures } from '../support/placement.js'

/** mulberry32: 32 bits of state are plenty to replay a run. */
export function seededRandom(seed: number): () => number {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = a
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export interface WorldReport {
  readonly steps: number
  readonly invocations: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly phases: ReadonlySet<string>
}

const functions = ['alpha', 'beta', 'gamma']
const accountLimit = 6

export class World {
  readonly #random: () => number
  readonly #kernel = new SimulatedKernel(1_000_000)
  readonly #clock = new EmulatorClock({ mode: 'real', kernel: this.#kernel })
  readonly #host: SimulatedHost
  readonly #runner: Runner
  readonly #newest = new Map<string, GenerationId | null>()
  readonly #unanswered = new Set<InvocationId>()
  readonly #outcomes: Record<string, number> = {}
  readonly #phases = new Set<string>()
  #bug: unknown
  #generations = 0
  #invocations = 0

  constructor(seed: number, rules?: Rules) {
    this.#random = seededRandom(seed)
    this.#host = new SimulatedHost((count) => this.#choose(count))
    const journal = new Journal(this.#clock)
    journal.listen((entry) => {
      if (entry.kind === 'environment.phase') this.#phases.add(`${entry.from} → ${entry.to}`)
    })
    this.#runner = new Runner({
      clock: this.#clock,
      host: this.#host,
      journal,
      state: initialState(localFigures, accountLimit),
      ...(rules === undefined ? {} : { rules }),
      onBug: (error) => {
        this.#bug ??= error
      },
    })
    this.#runner.post({
      on: 'limits',
      account: accountLimit,
      reserved: { [arnOf('gamma')]: 2 },
    })
    for (const name of functions) this.#deploy(name)
  }

  /** Runs until the reducer has taken `steps` steps, then lets everything end and checks that it did. */
  async run(steps: number): Promise<WorldReport> {
    while (this.#runner.steps < steps) {
      this.#somethingHappens()
      // Commands that took longer come back as promises.
      await null
      await null
      this.#check()
    }
    await this.#end()
    return {
      steps: this.#runner.steps,
      invocations: this.#invocations,
      outcomes: this.#outcomes,
      phases: this.#phases,
    }
  }

  #choose(count: number): number {
    return Math.floor(this.#random() * count)
  }

  #somethingHappens(): void {
    const dice = this.#random()
    if (dice < 0.22) this.#submit()
    else if (dice < 0.9) {
      if (!this.#host.happen()) this.#passTime()
    } else if (dice < 0.97) this.#passTime()
    else if (dice < 0.985) this.#byHand()
    else this.#redeploy()
  }

  #submit(): void {
    const name = functions[this.#choose(functions.length)] as string
    const generation = this.#newest.get(name)
    if (generation === undefined || generation === null) return
    this.#invocations += 1
    const invocationId = `i${this.#invocations}` as InvocationId
    this.#unanswered.add(invocationId)
    this.#runner.submit(
      invocationOf(arnOf(name), {
        id: invocationId,
        generation,
        acceptedAtMs: this.#clock.nowMs(),
      }),
      (answer) => {
        assert(this.#unanswered.delete(invocationId), `${invocationId} is answered once`)
        assert(
          answer.outcome.is !== 'response' || answer.outcome.payload.key === invocationId,
          `${invocationId} gets its own answer`,
        )
        const { is } = answer.outcome
        this.#outcomes[is] = (this.#outcomes[is] ?? 0) + 1
      },
    )
  }

  #passTime(): void {
    const untilMs = this.#kernel.untilNextMs()
    if (untilMs === undefined || this.#choose(3) === 0) this.#kernel.elapse(this.#choose(40))
    else this.#kernel.elapse(untilMs)
  }

  #deploy(name: string): void {
    this.#generations += 1
    const id = `g${this.#generations}` as GenerationId
    const replaces = this.#newest.get(name)
    this.#newest.set(name, id)
    this.#runner.post({
      on: 'deployed',
      generation: { id, functionArn: arnOf(name), timeoutMs: 3_000 },
      ...(replaces === undefined || replaces === null ? {} : { replaces }),
    })
  }

  #redeploy(): void {
    const name = functions[this.#choose(functions.length)] as string
    const newest = this.#newest.get(name)
    if (newest !== undefined && newest !== null && this.#choose(6) === 0) {
      this.#newest.set(name, null)
      this.#runner.post({ on: 'deleted', generation: newest })
    } else this.#deploy(name)
  }

  #environments(): EnvironmentState[] {
    return Object.values(this.#runner.state.environments)
  }

  #byHand(): void {
    const verbs = ['freeze', 'thaw', 'expire'] as const
    const events = { freeze: 'user-froze', thaw: 'user-thawed', expire: 'user-expired' } as const
    const verb = verbs[this.#choose(3)] ?? 'freeze'
    const able = this.#environments().filter((env) => handRefusal(env, verb) === undefined)
    const chosen = able[this.#choose(able.length)]
    if (chosen !== undefined) this.#runner.post({ on: events[verb], env: chosen.id })
  }

  #check(): void {
    if (this.#bug !== undefined) throw this.#bug
    checkInvariants(this.#runner.state)
    for (const environment of this.#environments()) {
      if (environment.phase.is === 'busy' || environment.phase.is === 'initializing') {
        assert(
          !this.#host.frozen(environment.id),
          `I2: ${environment.id} is ${environment.phase.is} while its processes are frozen`,
        )
      }
    }
  }

  /** When faults and arrivals stop, all work ends: nothing is left open, held or unanswered. */
  async #end(): Promise<void> {
    this.#runner.post({ on: 'stopping' })
    const ended = (): boolean =>
      this.#host.remaining() === 0 && Object.keys(this.#runner.state.open).length === 0
    for (let turn = 0; turn < 100_000 && !ended(); turn += 1) {
      if (!this.#host.happen()) this.#passTime()
      await null
      await null
      this.#check()
    }
    const { state } = this.#runner
    assert(this.#host.remaining() === 0, 'I8: no environment is left')
    assert(this.#unanswered.size === 0, `I8: ${[...this.#unanswered]} have their answer`)
    assert(Object.keys(state.open).length === 0, 'I8: no command is open')
    assert(state.slots.total === 0, 'I8: no slot is held')
    assert(state.running === 0, 'I8: nothing runs')
    assert(Object.keys(state.invocations).length === 0, 'I8: no invocation is remembered')
  }
}

function arnOf(name: string): string {
  return `arn:aws:lambda:us-east-1:000000000000:function:${name}`
}

/** The command that runs one seed again. */
export function replayCommand(seed: number, steps: number): string {
  return `npm run --silent build && LAMBDA_EMU_SEED=${seed} LAMBDA_EMU_STEPS=${steps} node dist/test/simulation/placement.test.js`
}
