// The host of real processes: sends each command to the environment it is for.

import { assert, assertNever } from '../domain/assert.js'
import type { EnvironmentId, GenerationId } from '../domain/brand.js'
import type { Generation } from '../domain/function.js'
import type { HostCommand } from '../placement/state.js'
import { asHostError, type Host, type HostEvent } from './host.js'
import type { HostParts } from './host-parts.js'
import { LiveEnvironment } from './live-environment.js'
import { LogShare } from './log-share.js'

export interface RealHostParts extends Omit<HostParts, 'logShare'> {
  readonly generationOf: (id: GenerationId) => Generation
}

export class RealHost implements Host {
  readonly #parts: RealHostParts & HostParts
  readonly #environments = new Map<EnvironmentId, LiveEnvironment>()
  #report: (event: HostEvent) => void = () => {}

  constructor(parts: RealHostParts) {
    const { timers, clock } = parts
    const logShare = new LogShare({ timers, monotonicMs: () => clock.monotonicMs() })
    this.#parts = { ...parts, logShare }
  }

  report(listener: (event: HostEvent) => void): void {
    this.#report = listener
  }

  environment(id: EnvironmentId): LiveEnvironment | undefined {
    return this.#environments.get(id)
  }

  perform(command: HostCommand): undefined | Promise<void> {
    try {
      return this.#perform(command)?.catch((error: unknown) => {
        throw asHostError(error)
      })
    } catch (error) {
      throw asHostError(error)
    }
  }

  #perform(command: HostCommand): undefined | Promise<void> {
    switch (command.do) {
      case 'start':
        return this.#of(command).start(command)
      case 'deliver':
        this.#known(command.env).deliver(command)
        return undefined
      case 'freeze':
        return this.#known(command.env).freeze()
      case 'thaw':
        this.#known(command.env).thaw()
        return undefined
      case 'kill':
        return this.#environments.get(command.env)?.kill(command)
      case 'remove':
        return this.#remove(command.env)
      default:
        return assertNever(command)
    }
  }

  #of(command: Extract<HostCommand, { do: 'start' }>): LiveEnvironment {
    const known = this.#environments.get(command.env)
    if (known !== undefined) return known
    const environment = new LiveEnvironment(
      command.env,
      this.#parts.generationOf(command.generation),
      this.#parts,
      (event) => this.#report(event),
    )
    this.#environments.set(command.env, environment)
    return environment
  }

  #known(id: EnvironmentId): LiveEnvironment {
    const environment = this.#environments.get(id)
    assert(environment !== undefined, `environment ${id} has been started`)
    return environment
  }

  async #remove(id: EnvironmentId): Promise<void> {
    const environment = this.#environments.get(id)
    try {
      await environment?.remove()
    } finally {
      this.#environments.delete(id)
    }
  }
}
