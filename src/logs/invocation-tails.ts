// The tails of logs that callers asked for: cut when the log has been read up to the answer, picked up by the caller.

import type { InvocationId } from '../domain/brand.js'

interface Tail {
  readonly ready: Promise<Buffer>
  readonly resolve: (bytes: Buffer) => void
}

export class InvocationTails {
  readonly #tails = new Map<InvocationId, Tail>()

  /** From now on a tail is expected for this invocation. */
  expect(id: InvocationId): void {
    if (this.#tails.has(id)) return
    let resolve: (bytes: Buffer) => void = () => {}
    const ready = new Promise<Buffer>((resolveTail) => {
      resolve = resolveTail
    })
    this.#tails.set(id, { ready, resolve })
  }

  cut(id: InvocationId, bytes: Buffer): void {
    this.#tails.get(id)?.resolve(bytes)
  }

  /** The tail, once it has been cut; undefined when none was expected. */
  async take(id: InvocationId): Promise<Buffer | undefined> {
    const tail = this.#tails.get(id)
    const bytes = await tail?.ready
    this.#tails.delete(id)
    return bytes
  }
}
