// What carries commands out and tells what happened: the seam between decisions and effects.

import { AssertionError } from '../domain/assert.js'
import type { HostCommand, PlacementEvent } from '../placement/state.js'

type WithoutTime<E> = E extends unknown ? Omit<E, 'atMs'> : never

/** What a host reports of its own accord. The runner adds the time. */
export type HostEvent = WithoutTime<
  Extract<
    PlacementEvent,
    { on: 'registered' | 'asked-next' | 'answered' | 'init-error' | 'exited' | 'measured' }
  >
>

/** A command that cannot be carried out; becomes the `failed` event. */
export class HostError extends Error {
  override readonly name = 'HostError'
  readonly errorType: string

  constructor(errorType: string, message: string) {
    super(message)
    this.errorType = errorType
  }
}

/** What went wrong with an effect, as the reducer takes it; an assertion stays what it is: our bug. */
export function asHostError(error: unknown): unknown {
  if (error instanceof HostError || error instanceof AssertionError) return error
  return new HostError('Sandbox.Failure', error instanceof Error ? error.message : String(error))
}

export interface Host {
  /**
   * Carries one command out; those of one environment in the order they come. Returns nothing when it is already done; a promise when it takes longer.
   * @throws HostError, or rejects with it, when it cannot be done.
   */
  perform(command: HostCommand): undefined | Promise<void>
  /** Called once, before the first command. */
  report(listener: (event: HostEvent) => void): void
}
