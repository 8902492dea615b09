// A host whose functions answer by a rule, at once and without processes: for tests of what stands before it.

import type { Invocation, Outcome } from '../../src/domain/invocation.js'
import type { Host, HostEvent } from '../../src/host/host.js'
import type { HostCommand } from '../../src/placement/state.js'

export class AnsweringHost implements Host {
  readonly delivered: Invocation[] = []
  readonly #answer: (invocation: Invocation) => Outcome
  #report: (event: HostEvent) => void = () => {}

  constructor(answer: (invocation: Invocation) => Outcome) {
    this.#answer = answer
  }

  report(listener: (event: HostEvent) => void): void {
    this.#report = listener
  }

  perform(command: HostCommand): undefined | Promise<void> {
    const { env } = command
    const next = (): void => this.#report({ on: 'asked-next', env, participant: 'runtime' })
    if (command.do === 'start') queueMicrotask(next)
    if (command.do === 'deliver') {
      const { invocation } = command
      this.delivered.push(invocation)
      queueMicrotask(() => {
        const outcome = this.#answer(invocation)
        this.#report({ on: 'answered', env, invocation: invocation.invocationId, outcome })
        next()
      })
    }
    return undefined
  }
}
