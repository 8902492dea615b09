// Cuts the output of one environment into lines, says which request they belong to, and keeps a tail for the caller.

import type { Clock } from '../clock/clock.js'
import type { LogRecord } from '../domain/log-record.js'
import type { LogStore } from './log-store.js'

/** How much of an invocation's log LogType Tail shows, in bytes. Source: Lambda's API model, LogResult. */
export const tailBytes = 4096
// One event of CloudWatch Logs holds at most 256 KB less 26 bytes; longer lines are cut there.
const lineBytesMax = 262_118
const newline = 0x0a

export interface EnvironmentLogOptions {
  readonly functionName: string
  readonly logStreamName: string
  readonly environment: string
  readonly clock: Clock
  readonly store: LogStore
}

export class EnvironmentLog {
  readonly #options: EnvironmentLogOptions
  #requestId: string | undefined
  /** A line that has begun and not ended. */
  #partial: Buffer[] = []
  #partialBytes = 0
  /** A line was told before its end was written, because somebody else spoke. */
  #toldEarly = false
  #tail = new ByteTail(tailBytes)

  constructor(options: EnvironmentLogOptions) {
    this.#options = options
  }

  /** What the processes of the environment wrote, in order. */
  write(bytes: Buffer): void {
    this.#tail.push(bytes)
    // Python's print writes a line and its end apart: the end of a line that is told already is no empty line.
    let from = this.#toldEarly && bytes[0] === newline ? 1 : 0
    this.#toldEarly = false
    for (let at = bytes.indexOf(newline, from); at >= 0; at = bytes.indexOf(newline, from)) {
      this.#endLine(bytes.subarray(from, at))
      from = at + 1
    }
    this.#extend(bytes.subarray(from))
  }

  /** A line of the platform's own, at this place of the log. */
  platform(message: string): void {
    this.#flush()
    this.#tail.push(Buffer.from(`${message}\n`))
    this.#record('platform', message)
  }

  /** From here on lines belong to this request, and its tail begins. */
  begin(requestId: string, startLine: string): void {
    this.#flush()
    this.#requestId = requestId
    this.#tail = new ByteTail(tailBytes)
    this.platform(startLine)
  }

  /** The request is over; what comes later belongs to none until the next begins. */
  end(lines: readonly string[]): void {
    for (const line of lines) this.platform(line)
    this.#requestId = undefined
  }

  /** The last 4 KB of the request's log as they would read if `closing` ended it here. */
  tail(closing: readonly string[]): Buffer {
    const copy = this.#tail.copy()
    if (closing.length > 0 && this.#partialBytes > 0) copy.push(Buffer.from('\n'))
    for (const line of closing) copy.push(Buffer.from(`${line}\n`))
    return copy.bytes()
  }

  #extend(rest: Buffer): void {
    if (rest.length === 0) return
    // A copy: the chunk it is part of may be large and would be kept alive by it.
    this.#partial.push(Buffer.from(rest))
    this.#partialBytes += rest.length
    while (this.#partialBytes >= lineBytesMax) {
      const all = Buffer.concat(this.#partial)
      this.#partial = []
      this.#partialBytes = 0
      this.#record('function', all.subarray(0, lineBytesMax).toString())
      this.#extend(all.subarray(lineBytesMax))
    }
  }

  #endLine(rest: Buffer): void {
    this.#extend(rest)
    const line = this.#partial.length === 1 ? this.#partial[0] : Buffer.concat(this.#partial)
    this.#partial = []
    this.#partialBytes = 0
    this.#record('function', line?.toString() ?? '')
  }

  /** Text without a line end is a line once somebody else speaks. */
  #flush(): void {
    if (this.#partialBytes === 0) return
    this.#tail.push(Buffer.from('\n'))
    this.#endLine(Buffer.alloc(0))
    this.#toldEarly = true
  }

  #record(source: LogRecord['source'], message: string): void {
    const { functionName, logStreamName, environment, clock, store } = this.#options
    store.append({
      timeMs: clock.nowMs(),
      functionName,
      logStreamName,
      environment,
      ...(this.#requestId === undefined ? {} : { requestId: this.#requestId }),
      source,
      message,
    })
  }
}

/** The last bytes of what has been pushed. */
class ByteTail {
  readonly #limit: number
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return
    const kept = bytes.length > this.#limit ? bytes.subarray(bytes.length - this.#limit) : bytes
    this.#chunks.push(Buffer.from(kept))
    this.#bytes += kept.length
    while (this.#bytes - (this.#chunks[0]?.length ?? 0) >= this.#limit) {
      this.#bytes -= this.#chunks.shift()?.length ?? 0
    }
    if (this.#chunks.length > 64) this.#chunks = [Buffer.concat(this.#chunks)]
  }

  bytes(): Buffer {
    const all = Buffer.concat(this.#chunks)
    return all.length > this.#limit ? all.subarray(all.length - this.#limit) : all
  }

  copy(): ByteTail {
    const copy = new ByteTail(this.#limit)
    copy.#chunks = [...this.#chunks]
    copy.#bytes = this.#bytes
    return copy
  }
}
