// Drives the reducer: events in, commands out to the host, the clock, the callers and the journal.

import type { Clock, Release } from '../clock/clock.js'
import { assert, assertNever } from '../domain/assert.js'
import type { CommandId, EmulatorMs, EnvironmentId, InvocationId } from '../domain/brand.js'
import type { Answer, Invocation } from '../domain/invocation.js'
import type { Journal } from '../journal/journal.js'
import { placementRules, type Rules } from '../placement/rules.js'
import type { Command, HostCommand, PlacementEvent, PlacementState } from '../placement/state.js'
import { step } from '../placement/step.js'
import { type Host, HostError } from './host.js'

type WithoutTime<E> = E extends unknown ? Omit<E, 'atMs'> : never
export type RunnerEvent = WithoutTime<PlacementEvent>

export interface RunnerParts {
  readonly clock: Clock
  readonly host: Host
  readonly journal: Journal
  readonly state: PlacementState
  readonly rules?: Rules
  /** Called with each event before its step is taken. */
  readonly onStep?: (event: PlacementEvent) => void
  /** Called when the reducer or a handler of ours throws: our bug. Rethrows by default. */
  readonly onBug?: (error: unknown) => void
}

export class Runner {
  readonly state: PlacementState
  readonly #parts: RunnerParts
  readonly #rules: Rules
  readonly #inbox: RunnerEvent[] = []
  readonly #callers = new Map<InvocationId, (answer: Answer) => void>()
  #draining = false
  #release: Release | undefined
  #openCommands = 0
  #steps = 0
  #stopped: (() => void) | undefined

  constructor(parts: RunnerParts) {
    this.#parts = parts
    this.state = parts.state
    this.#rules = parts.rules ?? placementRules
    parts.host.report((event) => this.post(event))
  }

  /** How many steps the reducer has taken. */
  get steps(): number {
    return this.#steps
  }

  /** Submits an invocation; `answered` is called exactly once, maybe before this returns. */
  submit(invocation: Invocation, answered: (answer: Answer) => void): void {
    this.#callers.set(invocation.invocationId, answered)
    this.post({ on: 'submitted', invocation })
  }

  /** Queues an event and, unless a step is being taken, works until the inbox is empty. */
  post(event: RunnerEvent): void {
    this.#inbox.push(event)
    if (this.#draining) return
    this.#draining = true
    try {
      for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift())
        this.#takeSafely(next)
    } finally {
      this.#draining = false
      this.#holdWhileRunning()
      this.#tellStopped()
    }
  }

  /** Refuses what waits, ends what runs; resolves when no environment is left. */
  async stop(): Promise<void> {
    this.post({ on: 'stopping' })
    await new Promise<void>((resolve) => {
      this.#stopped = resolve
      this.#tellStopped()
    })
  }

  #tellStopped(): void {
    if (this.#stopped === undefined || Object.keys(this.state.environments).length > 0) return
    this.#stopped()
    this.#stopped = undefined
  }

  /** A bug in one step is told, and the rest of the inbox is served: stopping must still get through. */
  #takeSafely(event: RunnerEvent): void {
    try {
      this.#take(event)
    } catch (error) {
      this.#bug(error)
    }
  }

  #take(event: RunnerEvent): void {
    this.#steps += 1
    // Made for this step alone: no copy of it is needed.
    const timed = event as PlacementEvent & { atMs: EmulatorMs }
    timed.atMs = this.#parts.clock.nowMs()
    this.#parts.onStep?.(timed)
    for (const command of step(this.state, timed, this.#rules)) this.#carryOut(command)
  }

  #carryOut(command: Command): void {
    const { clock, journal } = this.#parts
    switch (command.do) {
      case 'start':
      case 'deliver':
      case 'freeze':
      case 'thaw':
      case 'kill':
      case 'remove':
        return this.#perform(command)
      case 'arm':
        return clock.arm(command.timer, command.atMs, command.kind, () =>
          this.post({ on: 'timer', timer: command.timer }),
        )
      case 'disarm':
        return clock.disarm(command.timer)
      case 'answer':
        return this.#answer(command.invocation, command)
      case 'journal':
        return journal.append(command.record)
      default:
        return assertNever(command)
    }
  }

  #answer(id: InvocationId, command: Extract<Command, { do: 'answer' }>): void {
    const answered = this.#callers.get(id)
    assert(answered !== undefined, `somebody waits for invocation ${id}`)
    this.#callers.delete(id)
    const env: EnvironmentId | undefined = command.env
    answered({
      invocationId: id,
      outcome: command.outcome,
      ...(env === undefined ? {} : { environment: env }),
    })
  }

  #perform(command: HostCommand): void {
    this.#openCommands += 1
    let pending: undefined | Promise<void>
    try {
      pending = this.#parts.host.perform(command)
    } catch (error) {
      return this.#ended(command.id, error)
    }
    if (pending === undefined) return this.#ended(command.id)
    pending.then(
      () => this.#ended(command.id),
      (error: unknown) => this.#ended(command.id, error),
    )
  }

  #ended(command: CommandId, error?: unknown): void {
    this.#openCommands -= 1
    if (error === undefined) return this.post({ on: 'done', command })
    if (!(error instanceof HostError)) return this.#bug(error)
    this.post({
      on: 'failed',
      command,
      error: { errorType: error.errorType, errorMessage: error.message },
    })
  }

  #bug(error: unknown): void {
    if (this.#parts.onBug === undefined) throw error
    this.#parts.onBug(error)
  }

  // Clock rule 2: while anything runs, time flows at rate 1. Decided from reducer state alone.
  #holdWhileRunning(): void {
    const running = this.#openCommands > 0 || this.state.running > 0
    if (running && this.#release === undefined) this.#release = this.#parts.clock.hold('running')
    if (!running && this.#release !== undefined) {
      const release = this.#release
      this.#release = undefined
      release()
    }
  }
}
