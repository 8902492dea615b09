// The library: an emulator in this process, for tests and for the command line.

import type { Emulator, EmulatorOptions } from './admin/contract.js'
import type { Diagnosis } from './admin/diagnosis.js'
import { compose } from './daemon/compose.js'
import { diagnoseMachine } from './daemon/diagnose.js'

export type {
  Emulator,
  EmulatorOptions,
  EnvironmentSummary,
  FunctionSummary,
  JournalRecord,
  LogRecord,
  Status,
  Warning,
} from './admin/contract.js'
export type { Diagnosis } from './admin/diagnosis.js'
export { EmulatorError, type EmulatorErrorCode } from './domain/emulator-error.js'

/**
 * Starts an emulator: loads the project, sweeps what a dead one left, listens on loopback.
 * @throws EmulatorError for whatever is wrong with the configuration or the machine; nothing is left behind then.
 */
export function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  return compose(options)
}

/** Tries out what this machine can do for functions; nothing of it stays. Takes about 100 ms; rejects for no machine. */
export function diagnose(
  options: { readonly stateDirectory?: string | undefined } = {},
): Promise<Diagnosis> {
  return diagnoseMachine(process.env, options.stateDirectory)
}
