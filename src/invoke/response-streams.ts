// The streams of the responses that are on their way: opened by who invokes, written to by the environment that runs it.

import { assert } from '../domain/assert.js'
import type { InvocationId } from '../domain/brand.js'
import { ResponseStream } from './response-stream.js'

export class ResponseStreams {
  readonly #streams = new Map<InvocationId, ResponseStream>()

  /** Before the invocation can run. */
  open(id: InvocationId): ResponseStream {
    const stream = new ResponseStream()
    this.#streams.set(id, stream)
    return stream
  }

  get(id: InvocationId): ResponseStream {
    const stream = this.#streams.get(id)
    assert(stream !== undefined, `a stream of ${id} has been opened`)
    return stream
  }

  /** The invocation has ended. */
  close(id: InvocationId): void {
    this.#streams.delete(id)
  }

  get size(): number {
    return this.#streams.size
  }
}
