// The tails of logs that callers asked for: cut when the log has been read up to the answer, picked up by the caller.

import { assert } from '../domain/assert.js'
import type { InvocationId } from '../domain/brand.js'

interface Tail {
  readonly ready: Promise<Buffer>
  readonly resolve: (bytes: Buffer) => void
}

export class InvocationTails {
  readonly #tails = new Map<InvocationId, Tail>()

  /** Says what the tail of an invocation is; dropped unless somebody takes it. */
  cut(id: InvocationId, bytes: Buffer): void {
    this.#tails.get(id)?.resolve(bytes)
  }

  /** Before the invocation can end: its tail will be taken. */
  expect(id: InvocationId): void {
    let resolve: (bytes: Buffer) => void = () => {}
    const ready = new Promise<Buffer>((resolveTail) => {
      resolve = resolveTail
    })
    this.#tails.set(id, { ready, resolve })
  }

  /** The tail, once it has been cut. */
  async take(id: InvocationId): Promise<Buffer> {
    const tail = this.#tails.get(id)
    assert(tail !== undefined, `a tail of ${id} is expected`)
    const bytes = await tail.ready
    this.#tails.delete(id)
    return bytes
  }

  /** The invocation has no log: it never reached an environment. */
  forget(id: InvocationId): void {
    this.#tails.delete(id)
  }
}
