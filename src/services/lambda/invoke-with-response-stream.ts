// InvokeWithResponseStream: what the function writes goes to the caller as it comes, and what went wrong comes last.

import type { LambdaHandlers } from '../../aws/lambda.js'
import type {
  InvokeWithResponseStreamCompleteEvent,
  InvokeWithResponseStreamRequest,
  InvokeWithResponseStreamResponseEvent,
} from '../../aws/models/lambda.js'
import type { OperationContext } from '../../aws/serve-rest-json.js'
import type { StreamedResponse } from '../../invoke/invoker.js'
import { faultPayload, type StreamEnd, type StreamError } from '../../invoke/invoker.js'
import { recursiveInvocation, refusedInvocation } from './errors.js'
import {
  checkJson,
  clientContextText,
  eventOf,
  eventPayload,
  logResult,
  refuseNotEmulated,
} from './invoke.js'
import { type FindingParts, findInvokable, type LambdaParts } from './parts.js'

/** What a client's decoder takes in one event is limited, botocore's to 24 MB; an error may be longer. */
const chunkBytesMax = 16 * 1024 * 1024
/** Source: AWS Lambda guide: that much of an error object is kept where it is told beside the response. */
const detailsBytesMax = 256 * 1024

export type StreamingParts = FindingParts & Pick<LambdaParts, 'invoker'>

export function invokeWithResponseStream(
  parts: StreamingParts,
): LambdaHandlers['InvokeWithResponseStream'] {
  return async (input, context) => {
    refuseNotEmulated(input)
    const payload = eventPayload(input.Payload)
    const found = await findInvokable(parts, input.FunctionName, input.Qualifier, context)
    checkJson(payload)
    if (input.InvocationType === 'DryRun') return { StatusCode: 204 }
    const { event, endless } = eventOf(found, payload, context)
    if (endless) throw recursiveInvocation(event.functionArn)
    const { ClientContext: clientContext } = input
    const result = await parts.invoker.stream({
      ...event,
      logTail: input.LogType === 'Tail',
      requestId: context.requestId,
      ...(clientContext === undefined ? {} : { clientContext: clientContextText(clientContext) }),
      origin: 'invoke-api',
    })
    if (result.is === 'refused') throw refusedInvocation(result.reason, found.reference.invokedArn)
    tellContentType(result.contentType, context)
    return {
      StatusCode: 200,
      ExecutedVersion: '$LATEST',
      EventStream: { [Symbol.asyncIterator]: () => new StreamEvents(result, input) },
    }
  }
}

/** The stream has a content type of its own. Source: streams recorded on AWS (2026-09-15). */
function tellContentType(contentType: string, context: OperationContext): void {
  // A runtime may post any bytes; those that no header can carry are left out.
  context.responseHeaders['x-amzn-remapped-content-type'] = contentType.replace(
    /[^\t\x20-\x7e\x80-\xff]/g,
    '',
  )
}

/** One PayloadChunk for each piece that came, then InvokeComplete. */
class StreamEvents implements AsyncIterator<InvokeWithResponseStreamResponseEvent> {
  readonly #stream: StreamedResponse
  readonly #input: InvokeWithResponseStreamRequest
  #rest: Buffer | undefined
  #completed = false

  constructor(stream: StreamedResponse, input: InvokeWithResponseStreamRequest) {
    this.#stream = stream
    this.#input = input
  }

  async next(): Promise<IteratorResult<InvokeWithResponseStreamResponseEvent>> {
    if (this.#completed) return { done: true, value: undefined }
    const piece = this.#rest ?? (await this.#stream.read())
    if (piece !== undefined) {
      this.#rest = piece.length > chunkBytesMax ? piece.subarray(chunkBytesMax) : undefined
      return { value: { PayloadChunk: { Payload: piece.subarray(0, chunkBytesMax) } } }
    }
    this.#completed = true
    return { value: { InvokeComplete: completion(await this.#stream.ended, this.#input) } }
  }

  /** The caller has gone. */
  async return(): Promise<IteratorResult<InvokeWithResponseStreamResponseEvent>> {
    this.#completed = true
    this.#stream.leave()
    return { done: true, value: undefined }
  }
}

function completion(
  end: StreamEnd,
  input: InvokeWithResponseStreamRequest,
): InvokeWithResponseStreamCompleteEvent {
  return { ...(end.error === undefined ? {} : toldError(end.error)), ...logResult(end, input) }
}

// UNRECORDED: stream-error — the codes and details of InvokeComplete; that a runtime's late error reaches the caller is documented.
// Runtime.TruncatedResponse was seen on AWS for a function that ended in the middle. Streams recorded in September 2026 tell no
// error at all in InvokeComplete.
function toldError(error: StreamError): InvokeWithResponseStreamCompleteEvent {
  switch (error.is) {
    case 'instead':
      return { ErrorCode: 'Unhandled', ErrorDetails: details(error.payload) }
    case 'late':
      return { ErrorCode: error.errorType, ErrorDetails: details(error.payload) }
    case 'cut-off': {
      const { errorType } = error.error
      const code = errorType === 'Runtime.ExitError' ? 'Runtime.TruncatedResponse' : errorType
      return { ErrorCode: code, ErrorDetails: details(faultPayload(error.error)) }
    }
  }
}

function details(payload: Buffer): string {
  return payload.toString('utf8', 0, detailsBytesMax)
}
