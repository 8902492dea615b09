// The loopback ports that belong to emulators: Runtime APIs and admin listeners, which functions may not reach.

import { assert } from '../domain/assert.js'

/**
 * Above the ports that Linux hands out by default (32768 to 60999), so that servers of the user are not in it.
 * The same for every emulator on a machine: an environment of one cannot reach the Runtime APIs of another.
 */
export const emulatorPorts = { first: 61_000, last: 65_535 } as const

/** Binds a server to a port; rejects with the error of listen(2). */
export type Bind = (port: number) => Promise<void>

export interface PortRange {
  /** Binds to the next free port of the range. @throws the error of listen(2) when no port of the range is free. */
  listen(bind: Bind): Promise<void>
}

/** `start` in [0, 1): where to begin looking, so that several emulators do not try the same ports. */
export function portRange(start: number): PortRange {
  assert(start >= 0 && start < 1, 'a start is a fraction')
  const count = emulatorPorts.last - emulatorPorts.first + 1
  let next = Math.floor(start * count)
  return {
    async listen(bind) {
      for (let tries = 1; ; tries += 1) {
        const port = emulatorPorts.first + next
        next = (next + 1) % count
        try {
          return await bind(port)
        } catch (error) {
          const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
          if (!taken || tries === count) throw error
        }
      }
    },
  }
}
