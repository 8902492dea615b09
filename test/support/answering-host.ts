// A host without processes, whose functions answer by a rule or when the test says so: for tests of what stands before it.

import type { EnvironmentId } from '../../src/domain/brand.js'
import type { Invocation, Outcome } from '../../src/domain/invocation.js'
import type { Host, HostEvent } from '../../src/host/host.js'
import type { HostCommand } from '../../src/placement/state.js'

export type AnswerRule = (invocation: Invocation) => Outcome

export interface AnsweringHostOptions {
  /** Answers at once; when it is missing the test calls `answer`. */
  readonly rule?: AnswerRule
  /** False: the runtime never asks for its first event. */
  readonly initEnds?: boolean
  /** False: killing takes until the test calls `dead`. */
  readonly killEnds?: boolean
}

export class AnsweringHost implements Host {
  readonly delivered: Invocation[] = []
  readonly started: EnvironmentId[] = []
  readonly killed: EnvironmentId[] = []
  readonly removed: EnvironmentId[] = []
  readonly #options: AnsweringHostOptions
  readonly #inHand = new Map<EnvironmentId, Invocation>()
  readonly #dying = new Map<EnvironmentId, () => void>()
  #report: (event: HostEvent) => void = () => {}

  constructor(options: AnsweringHostOptions) {
    this.#options = options
  }

  report(listener: (event: HostEvent) => void): void {
    this.#report = listener
  }

  /** Environments that have an event in hand, the oldest first. */
  busy(): EnvironmentId[] {
    return [...this.#inHand.keys()]
  }

  /** The function in this environment answers, and its runtime asks for the next event. */
  answer(env: string, rule: AnswerRule): void {
    this.respond(env, rule)
    this.next(env)
  }

  /** The function in this environment answers; its runtime is not done yet. */
  respond(env: string, rule: AnswerRule): void {
    const id = env as EnvironmentId
    const invocation = this.#inHand.get(id)
    if (invocation === undefined) throw new Error(`${env} has no event in hand`)
    this.#inHand.delete(id)
    const outcome = rule(invocation)
    this.#report({ on: 'answered', env: id, invocation: invocation.invocationId, outcome })
  }

  /** The runtime in this environment asks for the next event. */
  next(env: string): void {
    this.#report({ on: 'asked-next', env: env as EnvironmentId, participant: 'runtime' })
  }

  /** Anything else that a host may tell, as what its extensions do. */
  tell(event: HostEvent): void {
    this.#report(event)
  }

  /** Its processes have this much private memory. */
  measure(env: string, privateMb: number): void {
    this.#report({ on: 'measured', env: env as EnvironmentId, privateMb })
  }

  /** The processes of an environment that was killed are gone at last. */
  dead(env: string): void {
    const gone = this.#dying.get(env as EnvironmentId)
    if (gone === undefined) throw new Error(`${env} is not being killed`)
    this.#dying.delete(env as EnvironmentId)
    gone()
  }

  perform(command: HostCommand): undefined | Promise<void> {
    const { env } = command
    const { rule, initEnds = true, killEnds = true } = this.#options
    switch (command.do) {
      case 'start':
        this.started.push(env)
        if (initEnds) queueMicrotask(() => this.next(env))
        return undefined
      case 'deliver':
        this.delivered.push(command.invocation)
        this.#inHand.set(env, command.invocation)
        if (rule !== undefined) queueMicrotask(() => this.answer(env, rule))
        return undefined
      case 'kill':
        this.killed.push(env)
        this.#inHand.delete(env)
        if (killEnds) return undefined
        return new Promise((resolve) => this.#dying.set(env, resolve))
      case 'remove':
        this.removed.push(env)
        return undefined
      case 'freeze':
      case 'thaw':
        return undefined
    }
  }
}
