// Where the bytes of events and answers are while the reducer moves only their names about.

import { assert } from '../domain/assert.js'
import type { PayloadRef } from '../domain/invocation.js'

export class PayloadStore {
  readonly #bytes = new Map<string, Buffer>()

  put(key: string, bytes: Buffer): PayloadRef {
    this.#bytes.set(key, bytes)
    return { key, bytes: bytes.length }
  }

  get(ref: PayloadRef): Buffer {
    const bytes = this.#bytes.get(ref.key)
    assert(bytes !== undefined, `payload ${ref.key} is kept until it is dropped`)
    return bytes
  }

  take(ref: PayloadRef): Buffer {
    const bytes = this.get(ref)
    this.#bytes.delete(ref.key)
    return bytes
  }

  drop(ref: PayloadRef): void {
    this.#bytes.delete(ref.key)
  }

  get size(): number {
    return this.#bytes.size
  }
}
