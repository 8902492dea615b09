// One line of a function's log, as plain data.

export interface LogRecord {
  /** Epoch milliseconds on the emulator's clock. */
  readonly timeMs: number
  readonly functionName: string
  readonly logStreamName: string
  /** Environment id. */
  readonly environment: string
  readonly requestId?: string
  /** `platform`: INIT_START, START, END, REPORT and their kin. */
  readonly source: 'platform' | 'function' | 'extension'
  /** Without the line end. */
  readonly message: string
}
