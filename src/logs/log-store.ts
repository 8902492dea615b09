// The last lines of every function, and whoever listens for new ones.

import type { LogRecord } from '../domain/log-record.js'

interface FunctionLog {
  records: LogRecord[]
  bytes: number
}

// A storm of output must not grow the daemon; a durable log comes with its own store.
const bytesKeptPerFunction = 4 * 1024 * 1024

export class LogStore {
  readonly #functions = new Map<string, FunctionLog>()
  readonly #listeners = new Set<(record: LogRecord) => void>()

  append(record: LogRecord): void {
    const log = this.#functions.get(record.functionName) ?? { records: [], bytes: 0 }
    this.#functions.set(record.functionName, log)
    log.records.push(record)
    log.bytes += weightOf(record)
    if (log.bytes > bytesKeptPerFunction) dropOldHalf(log)
    for (const listener of this.#listeners) listener(record)
  }

  /** What is kept, oldest first; of one function, or of all in order of time. */
  read(functionName?: string, sinceMs = 0): readonly LogRecord[] {
    const logs =
      functionName === undefined
        ? [...this.#functions.values()]
        : [this.#functions.get(functionName) ?? { records: [] }]
    const found = logs.flatMap(({ records }) => records.filter(({ timeMs }) => timeMs >= sinceMs))
    return logs.length === 1 ? found : found.sort((a, b) => a.timeMs - b.timeMs)
  }

  /** Calls `listener` for every record from now on; returns the way to stop. */
  listen(listener: (record: LogRecord) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}

/** An entry costs memory beside its text: empty lines must not be free. */
function weightOf(record: LogRecord): number {
  return record.message.length + 256
}

function dropOldHalf(log: FunctionLog): void {
  let dropped = 0
  let bytes = 0
  while (bytes < bytesKeptPerFunction / 2) {
    const record = log.records[dropped]
    if (record === undefined) break
    bytes += weightOf(record)
    dropped += 1
  }
  log.records.splice(0, dropped)
  log.bytes -= bytes
}
