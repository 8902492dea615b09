// What Ctrl-C does to an emulator in the foreground: the first one stops it cleanly, even while it is still starting.

import type { Emulator } from '../admin/contract.js'
import { exitCodes } from '../domain/emulator-error.js'
import type { Terminal } from './terminal.js'

export interface InterruptWatch {
  stops(emulator: Emulator): void
  /** As Ctrl-C: raw keyboards send a key in its place. */
  interrupt(): void
  release(): void
}

/** The second Ctrl-C ends the process at once. */
export function watchInterrupts(terminal: Terminal): InterruptWatch {
  let emulator: Emulator | undefined
  let interrupts = 0
  const interrupt = () => {
    interrupts += 1
    if (interrupts > 1) return terminal.exit(exitCodes.interrupted)
    void emulator?.stop()
  }
  const release = terminal.onInterrupt(interrupt)
  return {
    stops: (started) => {
      emulator = started
      if (interrupts > 0) void started.stop()
    },
    interrupt,
    release,
  }
}
