// A response on its way from a runtime to its caller: a few pieces at most are kept, and whoever writes waits for whoever reads.

import { assert } from '../domain/assert.js'

/** A figure of ours: past it the writer waits. A piece that is longer is taken whole. */
const keptBytesMax = 64 * 1024

const ignore = (): void => {}

export class ResponseStream {
  #pieces: Buffer[] = []
  #keptBytes = 0
  /** Nothing more comes. */
  #ended = false
  /** Nobody reads any more. */
  #left = false
  #begun = false
  #resolveOpened: (contentType: string | undefined) => void = ignore
  #reader: ((piece: Buffer | undefined) => void) | undefined
  #writer: (() => void) | undefined
  /** Its content type; undefined when it ends without a beginning. */
  readonly opened: Promise<string | undefined>

  constructor() {
    this.opened = new Promise((resolve) => {
      this.#resolveOpened = resolve
    })
  }

  get hasBegun(): boolean {
    return this.#begun
  }

  begin(contentType: string): void {
    assert(!this.#begun || this.#ended, 'a response begins once')
    this.#begun = true
    this.#resolveOpened(contentType)
  }

  /** Returns false when no more is wanted until the listener of `onRoom` is called. What comes after the end is dropped. */
  take(piece: Buffer): boolean {
    if (this.#ended || this.#left || piece.length === 0) return true
    const reader = this.#reader
    if (reader !== undefined) {
      this.#reader = undefined
      reader(piece)
      return true
    }
    this.#pieces.push(piece)
    this.#keptBytes += piece.length
    return this.#keptBytes < keptBytesMax
  }

  /** Calls the listener once, when there is room again. */
  onRoom(listener: () => void): void {
    this.#writer = listener
  }

  /** What was kept is read to its end all the same. */
  end(): void {
    this.#ended = true
    this.#resolveOpened(undefined)
    this.#makeRoom()
    this.#tellReader()
  }

  /** The next piece; undefined at the end. One at a time is asked for. */
  read(): Promise<Buffer | undefined> {
    assert(this.#reader === undefined, 'one piece at a time is asked for')
    const piece = this.#pieces.shift()
    if (piece === undefined) {
      if (this.#ended || this.#left) return Promise.resolve(undefined)
      return new Promise((resolve) => {
        this.#reader = resolve
      })
    }
    this.#keptBytes -= piece.length
    if (this.#keptBytes < keptBytesMax) this.#makeRoom()
    return Promise.resolve(piece)
  }

  /** The caller has gone. The function goes on, and what it writes is dropped. Source: AWS Lambda guide, response streaming. */
  leave(): void {
    this.#left = true
    this.#pieces = []
    this.#keptBytes = 0
    this.#makeRoom()
    this.#tellReader()
  }

  #makeRoom(): void {
    const writer = this.#writer
    this.#writer = undefined
    writer?.()
  }

  #tellReader(): void {
    const reader = this.#reader
    this.#reader = undefined
    reader?.(undefined)
  }
}
