// Cuts the output of one environment into lines and records, says which request they belong to, and keeps a tail for the caller.

import type { Clock } from '../clock/clock.js'
import type { LogRecord } from '../domain/log-record.js'
import { FrameSplitter } from './frame-splitter.js'
import type { LogStore } from './log-store.js'

/** How much of an invocation's log LogType Tail shows, in bytes. Source: Lambda's API model, LogResult. */
export const tailBytes = 4096
// One event of CloudWatch Logs holds at most 256 KB less 26 bytes; longer lines are cut there.
const lineBytesMax = 262_118
const newline = 0x0a
/** Most functions say less. */
const tailBytesAtFirst = 512
const lineEnd = Buffer.from([newline])

/** Who else hears what processes write. */
export interface LineListener {
  /** False: nothing need be told. */
  readonly listening: boolean
  /** @param timeMs epoch milliseconds */
  line(
    line: { readonly type: 'function' | 'extension'; readonly message: string },
    timeMs: number,
  ): void
}

export interface EnvironmentLogOptions {
  readonly functionName: string
  readonly logStreamName: string
  readonly environment: string
  readonly clock: Clock
  readonly store: LogStore
  /** Its runtime writes log records in frames, each of them one event. Default false. */
  readonly framed?: boolean
  readonly listener?: LineListener
  /** Which lines outside frames are kept. Default: all. */
  readonly keeps?: (line: string) => boolean
}

export class EnvironmentLog {
  readonly #options: EnvironmentLogOptions
  #requestId: string | undefined
  /** A line that has begun and not ended, in a buffer that is written again and again. */
  #partial: Buffer = Buffer.alloc(0)
  #partialBytes = 0
  /** A line was told before its end was written, because somebody else spoke. */
  #toldEarly = false
  readonly #tail = new ByteTail(tailBytes)
  #keepsTail = true
  readonly #frames: FrameSplitter | undefined
  #inFrame = false
  /** A line of an extension's that has begun and not ended. */
  #extensionPartial = Buffer.alloc(0)

  constructor(options: EnvironmentLogOptions) {
    this.#options = options
    if (options.framed !== true) return
    this.#frames = new FrameSplitter({
      onPlain: (bytes) => this.#plain(bytes),
      onFrameBegin: () => this.#beginFrame(),
      onFrameData: (bytes) => this.#extendFrame(bytes),
      onFrameEnd: () => this.#endFrame(),
    })
  }

  /** What the processes of the environment wrote, in order. */
  write(bytes: Buffer): void {
    if (this.#frames === undefined) this.#plain(bytes)
    else this.#frames.push(bytes)
  }

  #plain(bytes: Buffer): void {
    // Where lines may be left out, each goes there when it is known to stay.
    if (this.#keepsTail && this.#options.keeps === undefined) this.#tail.push(bytes)
    // Python's print writes a line and its end apart: the end of a line that is told already is no empty line.
    let from = this.#toldEarly && bytes[0] === newline ? 1 : 0
    this.#toldEarly = false
    for (let at = bytes.indexOf(newline, from); at >= 0; at = bytes.indexOf(newline, from)) {
      this.#endLine(bytes.subarray(from, at))
      from = at + 1
    }
    this.#extend(bytes.subarray(from))
  }

  /** What the external extensions wrote, in order among themselves. It is in nobody's tail. */
  writeExtension(bytes: Buffer): void {
    let rest = Buffer.concat([this.#extensionPartial, bytes])
    for (;;) {
      const end = rest.subarray(0, lineBytesMax).indexOf(newline)
      if (end < 0 && rest.length < lineBytesMax) break
      const length = end < 0 ? lineBytesMax : end
      this.#record('extension', rest.toString('utf8', 0, length))
      rest = rest.subarray(end < 0 ? length : length + 1)
    }
    this.#extensionPartial = rest
  }

  /** Nothing more comes from the extensions: what has begun is a line. */
  endExtension(): void {
    if (this.#extensionPartial.length > 0) this.writeExtension(lineEnd)
  }

  /** A line of the platform's own, at this place of the log. */
  platform(message: string): void {
    this.#flush()
    this.#pushTail(message)
    this.#record('platform', message)
  }

  /** From here on lines belong to this request, and its tail begins, where somebody wants it. */
  begin(requestId: string, lines: readonly string[], keepsTail = true): void {
    this.#flush()
    this.#requestId = requestId
    this.#keepsTail = keepsTail
    this.#tail.clear()
    for (const line of lines) this.platform(line)
  }

  /** The request is over; what comes later belongs to none until the next begins. */
  end(lines: readonly string[]): void {
    for (const line of lines) this.platform(line)
    this.#flush()
    if (this.#requestId !== undefined) this.#options.store.end(this.#requestId)
    this.#requestId = undefined
  }

  /** The last 4 KB of the request's log as they would read if `closing` ended it here; without it where no tail is kept. */
  tail(closing: readonly string[]): Buffer {
    const copy = this.#tail.copy()
    const begun = this.#begun()
    if (begun !== undefined && this.#keeps(begun)) copy.push(Buffer.from(begun))
    if (closing.length > 0 && this.#partialBytes > 0 && !copy.endsLine) copy.push(lineEnd)
    for (const line of closing) copy.push(Buffer.from(`${line}\n`))
    return copy.bytes()
  }

  /** The line that has begun, where it is not in the tail yet. */
  #begun(): string | undefined {
    const waits = this.#options.keeps !== undefined && !this.#inFrame && this.#partialBytes > 0
    return waits ? this.#partialText() : undefined
  }

  #keeps(line: string): boolean {
    return this.#options.keeps?.(line) ?? true
  }

  #pushTail(line: string): void {
    if (this.#keepsTail) this.#tail.push(Buffer.from(`${line}\n`))
  }

  #beginFrame(): void {
    this.#flushLine()
    this.#inFrame = true
  }

  #extendFrame(bytes: Buffer): void {
    if (this.#keepsTail) this.#tail.push(bytes)
    this.#extend(bytes)
  }

  /** A record may hold line ends; the last one is none of its own, and an empty one is none. */
  #endFrame(): void {
    const text = this.#partialText()
    this.#partialBytes = 0
    this.#inFrame = false
    if (text === '') return
    if (this.#keepsTail && !this.#tail.endsLine) this.#tail.push(lineEnd)
    this.#record('function', text.endsWith('\n') ? text.slice(0, -1) : text)
  }

  #extend(rest: Buffer): void {
    for (let from = 0; from < rest.length; ) {
      const taken = Math.min(rest.length - from, lineBytesMax - this.#partialBytes)
      this.#reserve(this.#partialBytes + taken)
      rest.copy(this.#partial, this.#partialBytes, from, from + taken)
      this.#partialBytes += taken
      from += taken
      if (this.#partialBytes === lineBytesMax) this.#recordPartial()
    }
  }

  #reserve(bytes: number): void {
    this.#partial = withRoom(this.#partial, this.#partialBytes, bytes, lineBytesMax)
  }

  #endLine(rest: Buffer): void {
    // Most lines come in one piece, and need no copy.
    if (this.#partialBytes === 0 && rest.length < lineBytesMax)
      return this.#recordLine(rest.toString())
    this.#extend(rest)
    this.#recordPartial()
  }

  #recordPartial(): void {
    const text = this.#partialText()
    this.#partialBytes = 0
    if (this.#inFrame) this.#record('function', text)
    else this.#recordLine(text)
  }

  #partialText(): string {
    return this.#partial.toString('utf8', 0, this.#partialBytes)
  }

  #recordLine(line: string): void {
    if (!this.#keeps(line)) return
    if (this.#options.keeps !== undefined) this.#pushTail(line)
    this.#record('function', line)
  }

  /** What has begun is a line or a record of its own once somebody else speaks. */
  #flush(): void {
    this.#frames?.flush()
    this.#flushLine()
  }

  #flushLine(): void {
    if (this.#partialBytes === 0) return
    if (this.#options.keeps === undefined) this.#tail.push(lineEnd)
    this.#endLine(Buffer.alloc(0))
    this.#toldEarly = true
  }

  #record(source: LogRecord['source'], message: string): void {
    const { functionName, logStreamName, environment, clock, store, listener } = this.#options
    const timeMs = clock.nowMs()
    store.append({
      timeMs,
      functionName,
      logStreamName,
      environment,
      ...(this.#requestId === undefined ? {} : { requestId: this.#requestId }),
      source,
      message,
    })
    if (listener?.listening === true && source !== 'platform')
      listener.line({ type: source, message }, timeMs)
  }
}

/** The same, or a larger one with its first `used` bytes: it grows by doubling, up to `most`. */
function withRoom(kept: Buffer, used: number, bytes: number, most: number): Buffer {
  if (bytes <= kept.length) return kept
  const larger = Buffer.alloc(Math.min(most, Math.max(bytes, 2 * kept.length)))
  kept.copy(larger, 0, 0, used)
  return larger
}

/** The last bytes of what has been pushed. */
class ByteTail {
  readonly #limit: number
  #kept: Buffer
  #length = 0

  constructor(limit: number) {
    this.#limit = limit
    this.#kept = Buffer.alloc(Math.min(limit, tailBytesAtFirst))
  }

  push(bytes: Buffer): void {
    const limit = this.#limit
    const wanted = Math.min(limit, this.#length + bytes.length)
    this.#kept = withRoom(this.#kept, this.#length, wanted, limit)
    const added = bytes.length > limit ? bytes.subarray(bytes.length - limit) : bytes
    const over = this.#length + added.length - limit
    if (over > 0) {
      this.#kept.copyWithin(0, over, this.#length)
      this.#length -= over
    }
    added.copy(this.#kept, this.#length)
    this.#length += added.length
  }

  clear(): void {
    this.#length = 0
  }

  /** Nothing of a line has begun. */
  get endsLine(): boolean {
    return this.#length === 0 || this.#kept[this.#length - 1] === newline
  }

  /** The caller's own. */
  bytes(): Buffer {
    return Buffer.from(this.#kept.subarray(0, this.#length))
  }

  copy(): ByteTail {
    const copy = new ByteTail(this.#limit)
    copy.push(this.#kept.subarray(0, this.#length))
    return copy
  }
}
