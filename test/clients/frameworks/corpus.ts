// The HTTP requests that every framework answers in three ways: plain data, in the words that go over the wire.

import { bodyRequests } from './corpus-bodies.js'
import { headerRequests } from './corpus-headers.js'
import { pathRequests } from './corpus-paths.js'
import { responseRequests } from './corpus-responses.js'

export interface CorpusRequest {
  /** What is special about it: `<class>: <detail>`. Unique. */
  readonly name: string
  readonly method: string
  /** As sent, without a stage; one character a byte. */
  readonly target: string
  /** As sent, one character a byte; Host and Content-Length are added. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body?: Buffer
  /** Sent in chunks of this many bytes, without Content-Length. */
  readonly chunkBytes?: number
}

export const corpus: readonly CorpusRequest[] = [
  ...pathRequests,
  ...headerRequests,
  ...bodyRequests,
  ...responseRequests,
]

/** The first word of its name. */
export function classOf({ name }: CorpusRequest): string {
  return name.slice(0, name.indexOf(':'))
}
