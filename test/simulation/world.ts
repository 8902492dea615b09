// A seeded world around the real runner and reducer: everything that can happen, happens, in random order.

import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import { assert } from '../../src/domain/assert.js'
import type { GenerationId, InvocationId } from '../../src/domain/brand.js'
import { Runner } from '../../src/host/runner.js'
import { SimulatedHost } from '../../src/host/simulated.js'
import { Journal } from '../../src/journal/journal.js'
import { checkInvariants, checkMemory } from '../../src/placement/invariants.js'
import type { Rules } from '../../src/placement/rules.js'
import {
  type EnvironmentState,
  initialState,
  type PlacementEvent,
  type PlacementRecord,
} from '../../src/placement/state.js'
import { handRefusal } from '../../src/placement/step.js'
import { invocationOf, localFigures } from '../support/placement.js'
import { happeningsOf } from './pairs.js'

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
  /** Which event met an environment in which phase and suspension. */
  readonly met: ReadonlySet<string>
  /** What waiting for memory came to: queued, placed, refused, evicted. */
  readonly memory: Readonly<Record<string, number>>
}

const functions = ['alpha', 'beta', 'gamma']
// Some of those that run at once wait for memory, in every budget.
const accountLimit = 9
const stepsBeforeStop = 300
const livelyStepsBeforeStop = 60
/** None; less than one environment's floor; one, two and four of them, or more that are small and frozen. */
const budgetsMb = [null, 40, 64, 130, 256, 300]

/** Up to which throw of the dice each thing happens; what is left is a deployment. */
const seldomByHand = { submit: 0.22, host: 0.9, time: 0.97, hand: 0.985, budget: 0.988 }
const oftenByHand = { submit: 0.2, host: 0.6, time: 0.8, hand: 0.94, budget: 0.95 }

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
  readonly #met = new Set<string>()
  readonly #lively: boolean
  readonly #memory: Record<string, number> = { queued: 0, placed: 0, refused: 0, evicted: 0 }
  /** Who waits for memory, as the journal tells it. */
  readonly #waiting = new Map<InvocationId, string>()
  #evicted: EnvironmentState | undefined
  #bug: unknown
  #generations = 0
  #invocations = 0
  #draining = false

  /** @param lively users and time do more of what happens, and processes less */
  constructor(seed: number, rules?: Rules, lively = false) {
    this.#lively = lively
    this.#random = seededRandom(seed)
    this.#host = new SimulatedHost((count) => this.#choose(count), lively)
    const journal = new Journal(this.#clock)
    journal.listen((entry) => this.#observe(entry as unknown as PlacementRecord))
    this.#runner = new Runner({
      clock: this.#clock,
      host: this.#host,
      journal,
      state: initialState({ ...localFigures, budgetMb: 130, startsAtOnce: 1 }, accountLimit),
      ...(rules === undefined ? {} : { rules }),
      onStep: (event) => this.#meet(event),
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

  /** Runs until the reducer has taken `steps` steps, lets everything be served, and stops in the middle of more. */
  async run(steps: number): Promise<WorldReport> {
    await this.#happenUntil(steps)
    await this.#drain()
    const more = this.#lively ? livelyStepsBeforeStop : stepsBeforeStop
    await this.#happenUntil(this.#runner.steps + more)
    await this.#end()
    return {
      steps: this.#runner.steps,
      invocations: this.#invocations,
      outcomes: this.#outcomes,
      phases: this.#phases,
      met: this.#met,
      memory: this.#memory,
    }
  }

  async #happenUntil(steps: number): Promise<void> {
    while (this.#runner.steps < steps) {
      this.#somethingHappens()
      // Commands that took longer come back as promises.
      await null
      await null
      this.#check()
    }
  }

  #observe(record: PlacementRecord): void {
    switch (record.kind) {
      case 'environment.phase':
        this.#phases.add(`${record.from} → ${record.to}`)
        if (record.why === 'evicted' && record.to === 'shutting-down') {
          this.#count('evicted')
          this.#evicted = this.#runner.state.environments[record.env]
        }
        return
      case 'invocation.queued':
        this.#count('queued')
        this.#waiting.set(record.invocation, record.functionArn)
        return
      case 'invocation.placed':
        return this.#placed(record)
      case 'invocation.refused':
        assert(!this.#draining, `I8: ${record.invocation} is served when nothing more comes`)
        return this.#count('refused')
      default:
        return
    }
  }

  #meet(event: PlacementEvent): void {
    const { state } = this.#runner
    for (const [env, happening] of happeningsOf(state, event)) {
      const environment = state.environments[env]
      if (environment === undefined) continue
      this.#met.add(`${environment.phase.is} ${environment.suspension.is} ${happening}`)
    }
  }

  #count(what: string): void {
    this.#memory[what] = (this.#memory[what] ?? 0) + 1
  }

  #placed({ invocation, start }: Extract<PlacementRecord, { kind: 'invocation.placed' }>): void {
    if (this.#waiting.delete(invocation)) this.#count('placed')
    const placed = this.#runner.state.invocations[invocation]
    assert(placed !== undefined, `${invocation} is known when it is placed`)
    for (const [id, functionArn] of this.#waiting) {
      if (start === 'warm' && functionArn !== placed.invocation.functionArn) continue
      const other = this.#runner.state.invocations[id]
      if (other?.waiting === undefined) continue
      assert(
        other.arrival > placed.arrival,
        `I10: ${invocation} (${start}) does not overtake ${id}`,
      )
    }
  }

  #choose(count: number): number {
    return Math.floor(this.#random() * count)
  }

  #somethingHappens(): void {
    const dice = this.#random()
    const until = this.#lively ? oftenByHand : seldomByHand
    if (dice < until.submit) this.#submit()
    else if (dice < until.host) {
      if (!this.#host.happen()) this.#passTime()
    } else if (dice < until.time) this.#passTime()
    else if (dice < until.hand) this.#byHand()
    else if (dice < until.budget) this.#changeBudget()
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
        this.#waiting.delete(invocationId)
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
    if (newest !== undefined && newest !== null && this.#choose(3) === 0) {
      this.#newest.set(name, null)
      this.#runner.post({ on: 'deleted', generation: newest })
    } else this.#deploy(name)
  }

  #changeBudget(): void {
    const budgetMb = budgetsMb[this.#choose(budgetsMb.length)] ?? null
    this.#runner.post({ on: 'budget', budgetMb })
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
    checkMemory(this.#runner.state)
    this.#checkEviction()
    for (const environment of this.#environments()) {
      if (environment.phase.is === 'busy' || environment.phase.is === 'initializing') {
        assert(
          !this.#host.frozen(environment.id),
          `I2: ${environment.id} is ${environment.phase.is} while its processes are frozen`,
        )
      }
    }
  }

  /** Without the environment given up last there would not have been room enough: none is given up for nothing. */
  #checkEviction(): void {
    const evicted = this.#evicted
    this.#evicted = undefined
    const { memory, figures } = this.#runner.state
    if (evicted?.phase.is !== 'shutting-down' || memory.budgetMb === null) return
    const leftMb = memory.chargedMb - memory.comingMb + evicted.chargedMb
    assert(
      leftMb + figures.environmentFloorMb > memory.budgetMb,
      `I10: ${evicted.id} had to be given up`,
    )
  }

  /** When arrivals stop, whoever waits is served: by what happens, not because time passes. */
  async #drain(): Promise<void> {
    this.#draining = true
    for (let turn = 0; turn < 100_000 && this.#unanswered.size > 0; turn += 1) {
      if (!this.#host.happen()) this.#passTime()
      await null
      await null
      this.#check()
    }
    assert(this.#unanswered.size === 0, `I8: ${[...this.#unanswered]} are served in the end`)
    this.#draining = false
  }

  /** When faults and arrivals stop, all work ends: nothing is left open, held or unanswered. */
  async #end(): Promise<void> {
    this.#runner.post({ on: 'stopping' })
    await null
    await null
    const ended = (): boolean =>
      this.#host.remaining() === 0 && this.#runner.state.open.every((open) => open === null)
    for (let turn = 0; turn < 100_000 && !ended(); turn += 1) {
      if (!this.#host.happen()) this.#passTime()
      await null
      await null
      this.#check()
    }
    const { state } = this.#runner
    assert(this.#host.remaining() === 0, 'I8: no environment is left')
    assert(this.#unanswered.size === 0, `I8: ${[...this.#unanswered]} have their answer`)
    assert(
      state.open.every((open) => open === null),
      'I8: no command is open',
    )
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
