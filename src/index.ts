// The library: an emulator in this process, for tests and for the command line.

import type { Emulator, EmulatorOptions } from './admin/contract.js'
import type { Diagnosis } from './admin/diagnosis.js'
import type { LibraryEmulator } from './admin/library.js'
import { compose } from './daemon/compose.js'
import { diagnoseMachine } from './daemon/diagnose.js'
import { startLibraryEmulator } from './daemon/library.js'

export type {
  Emulator,
  EmulatorOptions,
  EnvironmentSummary,
  FunctionSummary,
  JournalRecord,
  LogRecord,
  ShownRecord,
  Status,
  Warning,
} from './admin/contract.js'
export type { Diagnosis } from './admin/diagnosis.js'
export type {
  ClockAdvance,
  ClockView,
  InvocationReport,
  InvokeAnswer,
  InvokeOptions,
  LibraryEmulator,
  RecordOf,
  WaitOptions,
} from './admin/library.js'
export { EmulatorError, type EmulatorErrorCode } from './domain/emulator-error.js'

/**
 * Starts an emulator in this process, for tests and other programs. It listens on loopback, on free ports unless others are
 * asked for, and keeps what it needs in a temporary folder unless `stateDirectory` is given: any number of them run side by
 * side. `stop` leaves nothing behind; neither does the end of this process, however it comes.
 * @throws EmulatorError for whatever is wrong with the configuration or the machine; nothing is left behind then.
 */
export function startEmulator(options: EmulatorOptions = {}): Promise<LibraryEmulator> {
  return startLibraryEmulator(options)
}

/**
 * Starts the emulator of a project as `lambda-emu start` does: one at a time, where the command line finds it.
 * @throws EmulatorError as `startEmulator`.
 */
export function startDaemon(options: EmulatorOptions = {}): Promise<Emulator> {
  return compose(options)
}

/** Tries out what this machine can do for functions; nothing of it stays. Takes about 100 ms; rejects for no machine. */
export function diagnose(
  options: { readonly stateDirectory?: string | undefined } = {},
): Promise<Diagnosis> {
  return diagnoseMachine(process.env, options.stateDirectory)
}
