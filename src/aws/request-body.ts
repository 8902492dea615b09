// Reads a request's body whole, up to the operation's limit, without copying one that came in one
// piece.

import type { Readable } from 'node:stream'
import { ServiceError } from './errors.js'

export interface BodyLimit {
  readonly bytes: number
  /** As the error's text names it. */
  readonly operation: string
}

type Done = (error: Error | null, body?: Buffer) => void

/**
 * Calls `done` once, with the body or with RequestEntityTooLargeException (413; text from
 * fixtures/recorded/aws-recorded-answers.json, test_oversized_request_create_lambda). What is over the limit is
 * read to its end and thrown away: a client that is still sending when the connection closes would
 * see a broken pipe, not the answer.
 */
export function readWholeBody(
  stream: Readable,
  contentLength: string | undefined,
  limit: BodyLimit,
  done: Done,
): void {
  const chunks: Buffer[] = []
  let receivedBytes = 0
  const announcedBytes = contentLength === undefined ? 0 : Number(contentLength)
  let tooLarge = announcedBytes > limit.bytes
  const finish = (error: Error | null, body?: Buffer) => {
    stream.off('data', onData).off('end', onEnd).off('error', onLeft).off('close', onLeft)
    done(error, body)
  }
  const onData = (chunk: Buffer) => {
    receivedBytes += chunk.length
    if (receivedBytes > limit.bytes) tooLarge = true
    if (tooLarge) chunks.length = 0
    else chunks.push(chunk)
  }
  const onEnd = () => {
    if (tooLarge) return finish(requestTooLarge(limit))
    const [only] = chunks
    finish(
      null,
      chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, receivedBytes),
    )
  }
  const onLeft = () => finish(clientLeft())
  stream.on('data', onData).on('end', onEnd).on('error', onLeft).on('close', onLeft)
}

/** The refusal of a body that is over its limit. */
export function requestTooLarge(limit: BodyLimit): ServiceError {
  return new ServiceError(
    'RequestEntityTooLargeException',
    `Request must be smaller than ${limit.bytes} bytes for the ${limit.operation} operation`,
    { status: 413 },
  )
}

/** Nobody reads this answer. */
function clientLeft(): ServiceError {
  return new ServiceError(
    'RequestAbortedException',
    'the client left before its request was complete',
  )
}
