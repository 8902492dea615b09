// Tells the bytes that a function wrote from the marks that the daemon wrote into the same pipe, wherever chunks are cut.

import { assert } from '../domain/assert.js'

const MARK_END = 0x0a

/** A mark is the token, the id and a newline. */
export function encodeMark(token: string, id: string): Buffer {
  assert(!/[\n\0]/.test(id), 'the id of a mark is one line')
  return Buffer.from(`\0${token}${id}\n`, 'latin1')
}

export interface MarkListeners {
  readonly onData: (bytes: Buffer) => void
  readonly onMark: (id: string) => void
}

/** Holds back at most the beginning of one mark. The token begins with NUL, so ordinary text is never held back. */
export class MarkSplitter {
  private readonly start: Buffer
  private readonly listeners: MarkListeners
  private held: Buffer = Buffer.alloc(0)

  /** `token` is hexadecimal and unguessable: who knows it can forge marks. */
  constructor(token: string, listeners: MarkListeners) {
    assert(/^[0-9a-f]{16,}$/.test(token), 'a mark token is at least 16 hexadecimal digits')
    // Not of Node's pool: a few bytes that stay would hold 8 KB of it.
    this.start = Buffer.allocUnsafeSlow(1 + token.length)
    this.start.write(`\0${token}`, 'latin1')
    this.listeners = listeners
  }

  push(chunk: Buffer): void {
    const bytes = this.held.length === 0 ? chunk : Buffer.concat([this.held, chunk])
    this.held = Buffer.alloc(0)
    let from = 0
    for (;;) {
      const at = bytes.indexOf(this.start, from)
      const end = at < 0 ? -1 : bytes.indexOf(MARK_END, at + this.start.length)
      if (end < 0) {
        const keepFrom = at < 0 ? this.possibleStart(bytes, from) : at
        this.emit(bytes, from, keepFrom)
        this.held = Buffer.from(bytes.subarray(keepFrom))
        return
      }
      this.emit(bytes, from, at)
      this.listeners.onMark(bytes.toString('latin1', at + this.start.length, end))
      from = end + 1
    }
  }

  /** Whether the next byte pushed begins something new. */
  get holdsNothing(): boolean {
    return this.held.length === 0
  }

  /** Nothing more comes: what looked like the beginning of a mark was the function's own. */
  end(): void {
    const { held } = this
    this.held = Buffer.alloc(0)
    this.emit(held, 0, held.length)
  }

  private emit(bytes: Buffer, from: number, to: number): void {
    if (to > from) this.listeners.onData(bytes.subarray(from, to))
  }

  /** Where a token may begin that the next chunk completes: only its first byte is NUL, so only the last NUL counts. */
  private possibleStart(bytes: Buffer, from: number): number {
    const at = bytes.lastIndexOf(0)
    if (at < from || bytes.length - at >= this.start.length) return bytes.length
    return bytes.subarray(at).equals(this.start.subarray(0, bytes.length - at)) ? at : bytes.length
  }
}
