// What a verb gives back, and the one envelope that --json makes of it.

import { EmulatorError, emulatorErrors, exitCodes } from '../domain/emulator-error.js'

/** Options of every verb. */
export interface GlobalArguments {
  readonly stateDir?: string
  readonly json: boolean
  readonly quiet: boolean
}

/** Stands for a lone `-` among the arguments, which yargs would make an empty text. */
export const standardInput = '\u0000stdin'

export interface ErrorReport {
  readonly code: string
  /** `user` or `machine`: ours. `aws`: what Lambda would answer. `function`: what the function did. */
  readonly category: 'user' | 'machine' | 'aws' | 'function' | 'bug'
  readonly message: string
  readonly hint: string
  readonly retryable: boolean
}

export type Outcome =
  /** The verb has written everything itself. */
  | { readonly is: 'streamed'; readonly exitCode: number }
  | {
      readonly is: 'once'
      /** For --json. */
      readonly data: unknown
      /** For people, on stdout; a line feed is added when it lacks one. */
      readonly text: string
      /** For people, on stderr, unless --quiet. */
      readonly notes?: string
      readonly error?: ErrorReport
      readonly exitCode: number
    }

export interface Envelope {
  readonly schemaVersion: 1
  readonly command: string
  readonly status: 'ok' | 'error'
  readonly data: unknown
  readonly warnings: readonly unknown[]
  readonly error: ErrorReport | null
}

export function envelope(command: string, data: unknown, error: ErrorReport | undefined): Envelope {
  const status = error === undefined ? 'ok' : 'error'
  return { schemaVersion: 1, command, status, data, warnings: [], error: error ?? null }
}

export function once(data: unknown, lines: readonly string[], notes?: string): Outcome {
  const text = lines.join('\n')
  const more = notes === undefined ? {} : { notes }
  return { is: 'once', data, text, exitCode: exitCodes.ok, ...more }
}

/** Any thrown value, as the command line reports it. @param readStack as Terminal has it. */
export function reportOf(
  error: unknown,
  readStack: (stack: string) => string = (stack) => stack,
): {
  readonly report: ErrorReport
  readonly exitCode: number
} {
  if (error instanceof EmulatorError) {
    const { code, message, hint, exitCode } = error
    const category = emulatorErrors[code].blame
    return { report: { code, category, message, hint, retryable: false }, exitCode }
  }
  const message = error instanceof Error ? readStack(error.stack ?? error.message) : String(error)
  const hint = 'this is a bug of lambda-emu; please report it with the lines above'
  return {
    report: { code: 'BUG', category: 'bug', message, hint, retryable: false },
    exitCode: exitCodes.daemon,
  }
}
