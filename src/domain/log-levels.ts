// Which lines of a function's log are kept, by their level: the words that Lambda's API has for it.

/** From the most detailed on. Source: AWS Lambda guide, log level filtering, as everything here. */
export const applicationLogLevels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const
export type ApplicationLogLevel = (typeof applicationLogLevels)[number]

/** From the most detailed on. */
export const systemLogLevels = ['DEBUG', 'INFO', 'WARN'] as const
export type SystemLogLevel = (typeof systemLogLevels)[number]

/** Only logs in JSON format have levels. */
export interface LogLevels {
  /** Of what the function writes. */
  readonly application: ApplicationLogLevel
  /** Of what Lambda itself writes. */
  readonly system: SystemLogLevel
}

export const defaultLogLevels: LogLevels = { application: 'INFO', system: 'INFO' }
