// The last lines of every function, and whoever listens for new ones.

import { assert } from '../domain/assert.js'
import type { LogRecord } from '../domain/log-record.js'

// Neither a storm of output nor many functions may grow the daemon; a durable log comes with its own store.
const bytesKeptPerFunction = 4 * 1024 * 1024
const bytesKept = 6 * 1024 * 1024
const pageBytes = 64 * 1024
/** There may be hundreds of functions that say next to nothing. */
const firstPageBytes = 4 * 1024
const longPageBytes = 256 * 1024

/** `json` is the record's text, which is made anyway. */
export type LogListener = (record: LogRecord, json: string) => void

export class LogStore {
  readonly #functions = new Map<string, KeptRecords>()
  readonly #endListeners = new Set<(requestId: string) => void>()
  readonly #listeners = new Set<LogListener>()
  #bytes = 0

  append(record: LogRecord): void {
    const json = JSON.stringify(record)
    this.#keep(record.functionName, json)
    for (const listener of this.#listeners) listener(record, json)
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
  listen(listener: LogListener): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** All that the log of this request will have is there. */
  end(requestId: string): void {
    for (const listener of this.#endListeners) listener(requestId)
  }

  /** Calls `listener` at each end from now on; returns the way to stop. */
  listenForEnds(listener: (requestId: string) => void): () => void {
    this.#endListeners.add(listener)
    return () => {
      this.#endListeners.delete(listener)
    }
  }

  #keep(functionName: string, json: string): void {
    const kept = this.#functions.get(functionName) ?? new KeptRecords()
    this.#functions.set(functionName, kept)
    const line = `${json}\n`
    const bytes = Buffer.byteLength(line)
    if (!kept.hasRoomFor(bytes)) kept.add(this.#pageFor(bytes, kept))
    kept.write(line)
  }

  /** While a limit is passed the function itself, or whoever has most, gives its oldest page; nobody gives the only one. */
  #pageFor(needed: number, kept: KeptRecords): Page {
    const wanted = pageBytesFor(needed, kept.bytes)
    let freed: Page | undefined
    for (;;) {
      const giver = this.#giver(wanted, kept)
      const oldest = giver?.giveOldest()
      if (oldest === undefined) break
      this.#bytes -= oldest.bytes.length
      if (oldest.bytes.length >= wanted) freed = oldest
    }
    const bytes = freed?.bytes ?? Buffer.alloc(wanted)
    this.#bytes += bytes.length
    return { bytes, used: 0 }
  }

  #giver(wanted: number, kept: KeptRecords): KeptRecords | undefined {
    if (kept.bytes + wanted > bytesKeptPerFunction) return kept
    return this.#bytes + wanted > bytesKept ? largestOf(this.#functions.values()) : undefined
  }
}

/** Of few sizes, so that a page that is given back fits the next one: long ones for long lines, small ones at first. */
function pageBytesFor(needed: number, keptAlready: number): number {
  if (needed > pageBytes / 4) return Math.ceil(needed / longPageBytes) * longPageBytes
  let bytes = firstPageBytes
  while (bytes < pageBytes && bytes < Math.max(needed, keptAlready)) bytes *= 2
  return bytes
}

function largestOf(all: Iterable<KeptRecords>): KeptRecords | undefined {
  let largest: KeptRecords | undefined
  for (const each of all) if (largest === undefined || each.bytes > largest.bytes) largest = each
  return largest
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

  get bytes(): number {
    return this.#bytes
  }

  hasRoomFor(bytes: number): boolean {
    const last = this.#pages.at(-1)
    return last !== undefined && last.used + bytes <= last.bytes.length
  }

  add(page: Page): void {
    this.#pages.push(page)
    this.#bytes += page.bytes.length
  }

  /** There is room for it. */
  write(line: string): void {
    const last = this.#pages.at(-1)
    assert(last !== undefined, 'a page was added')
    last.used += last.bytes.write(line, last.used)
  }

  /** Undefined when the page that is being written is the only one. */
  giveOldest(): Page | undefined {
    if (this.#pages.length < 2) return undefined
    const oldest = this.#pages.shift()
    this.#bytes -= oldest?.bytes.length ?? 0
    return oldest
  }

  all(): LogRecord[] {
    const lines = this.#pages.flatMap(({ bytes, used }) =>
      bytes.toString('utf8', 0, used).split('\n'),
    )
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as LogRecord)
  }
}
