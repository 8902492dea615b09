// The last lines of every function, and whoever listens for new ones.

import type { LogRecord } from '../domain/log-record.js'

// A storm of output must not grow the daemon; a durable log comes with its own store.
const bytesKeptPerFunction = 4 * 1024 * 1024
const pageBytes = 256 * 1024

export class LogStore {
  readonly #functions = new Map<string, KeptRecords>()
  readonly #listeners = new Set<(record: LogRecord) => void>()

  append(record: LogRecord): void {
    const kept = this.#functions.get(record.functionName) ?? new KeptRecords()
    this.#functions.set(record.functionName, kept)
    kept.push(record)
    for (const listener of this.#listeners) listener(record)
  }

  /** What is kept, oldest first; of one function, or of all in order of time. */
  read(functionName?: string, sinceMs = 0): readonly LogRecord[] {
    const wanted =
      functionName === undefined
        ? [...this.#functions.values()]
        : [this.#functions.get(functionName) ?? new KeptRecords()]
    const found = wanted.flatMap((kept) => kept.all().filter(({ timeMs }) => timeMs >= sinceMs))
    return wanted.length === 1 ? found : found.sort((a, b) => a.timeMs - b.timeMs)
  }

  /** Calls `listener` for every record from now on; returns the way to stop. */
  listen(listener: (record: LogRecord) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }
}

interface Page {
  readonly bytes: Buffer
  used: number
}

/**
 * Records as lines of JSON in a few pages that are used again and again. As objects they would live just long enough
 * to be moved to the old part of the heap: a storm of output then costs 80 MB. Source: measured.
 */
class KeptRecords {
  readonly #pages: Page[] = []
  #bytes = 0

  push(record: LogRecord): void {
    const line = `${JSON.stringify(record)}\n`
    const needed = Buffer.byteLength(line)
    const page = this.#pageFor(needed)
    page.used += page.bytes.write(line, page.used)
  }

  all(): LogRecord[] {
    const lines = this.#pages.flatMap(({ bytes, used }) =>
      bytes.toString('utf8', 0, used).split('\n'),
    )
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as LogRecord)
  }

  #pageFor(needed: number): Page {
    const last = this.#pages.at(-1)
    if (last !== undefined && last.used + needed <= last.bytes.length) return last
    const page = this.#freed(needed) ?? {
      bytes: Buffer.alloc(Math.max(pageBytes, needed)),
      used: 0,
    }
    this.#pages.push(page)
    this.#bytes += page.bytes.length
    return page
  }

  /** The oldest pages go once there are enough; one of them, to be written again. */
  #freed(needed: number): Page | undefined {
    let freed: Page | undefined
    while (this.#bytes + Math.max(pageBytes, needed) > bytesKeptPerFunction) {
      const oldest = this.#pages.shift()
      if (oldest === undefined) break
      this.#bytes -= oldest.bytes.length
      if (oldest.bytes.length >= needed) freed = { bytes: oldest.bytes, used: 0 }
    }
    return freed
  }
}
