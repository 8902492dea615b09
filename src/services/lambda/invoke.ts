// Invoke: from the request's headers and body to the one way to run a function, and from its result to the answer.

import { ServiceError } from '../../aws/errors.js'
import { type LambdaHandlers, lambdaError } from '../../aws/lambda.js'
import type { InvocationRequest, InvocationResponse } from '../../aws/models/lambda.js'
import type { OperationContext } from '../../aws/serve-rest-json.js'
import { assert } from '../../domain/assert.js'
import type { AcceptedEvent } from '../../event-queue/event-queue.js'
import type { InvokeResult, Invoker } from '../../invoke/invoker.js'
import {
  notEmulatedMember,
  recursionReason,
  recursiveInvocation,
  refusedInvocation,
} from './errors.js'
import { continueChain } from './lineage.js'
import { type FindingParts, type FoundFunction, findInvokable, type LambdaParts } from './parts.js'

/** Source: API reference, Invoke, ClientContext: "up to 3,583 bytes of base64-encoded data". */
const clientContextBytesMax = 3_583
/** Source: Lambda quotas, asynchronous payload 1 MB. */
const eventBytesMax = 1_048_576
/** Source: API reference, Invoke, LogType: "the last 4 KB of the execution log". */
const logTailBytesMax = 4_096

// UNRECORDED: empty-payload — that a body without a byte reaches the function as {}.
const emptyEvent = Buffer.from('{}')

export type InvokeParts = FindingParts & Pick<LambdaParts, 'events'> & { readonly invoker: Invoker }

export function invoke(parts: InvokeParts): LambdaHandlers['Invoke'] {
  return async (input, context) => {
    refuseNotEmulated(input)
    const type = input.InvocationType ?? 'RequestResponse'
    const payload = eventPayload(input.Payload)
    if (type === 'Event') checkEventSize(payload)
    const found = await findInvokable(parts, input.FunctionName, input.Qualifier, context)
    checkJson(payload)
    switch (type) {
      case 'DryRun':
        return { StatusCode: 204 }
      case 'Event':
        return accept(parts, found, payload, context)
      case 'RequestResponse':
        return run(parts, found, payload, input, context)
    }
  }
}

/** @throws ServiceError 501 for what a request may ask for and is not emulated. */
export function refuseNotEmulated(
  input: Pick<InvocationRequest, 'TenantId' | 'DurableExecutionName'>,
): void {
  if (input.TenantId !== undefined) {
    throw notEmulatedMember('tenant isolation', 'leave TenantId out')
  }
  if (input.DurableExecutionName !== undefined) {
    throw notEmulatedMember('durable executions', 'leave DurableExecutionName out')
  }
}

/** What the function gets of a request's body. */
export function eventPayload(given: Uint8Array | undefined): Buffer {
  if (given === undefined || given.length === 0) return emptyEvent
  return Buffer.from(given.buffer, given.byteOffset, given.byteLength)
}

// UNRECORDED: event-too-large — the text of an asynchronous payload over 1 MB; its form is that of the recorded 413.
function checkEventSize(payload: Buffer): void {
  if (payload.length <= eventBytesMax) return
  throw new ServiceError(
    'RequestEntityTooLargeException',
    `Request must be smaller than ${eventBytesMax} bytes for the InvokeFunction operation`,
    { status: 413 },
  )
}

// UNRECORDED: payload-not-json — the reason after the colon is Node's, not that of AWS's parser.
/** @throws ServiceError InvalidRequestContentException */
export function checkJson(payload: Buffer): void {
  if (payload === emptyEvent) return
  try {
    JSON.parse(payload.toString('utf8'))
  } catch (error) {
    throw lambdaError(
      'InvalidRequestContentException',
      `Could not parse request body into json: ${(error as Error).message}`,
    )
  }
}

// UNRECORDED: client-context — the texts for a client context that is too long or no base64 of JSON.
/** Decoded. @throws ServiceError InvalidRequestContentException */
export function clientContextText(given: string): string {
  if (Buffer.byteLength(given) > clientContextBytesMax) {
    throw lambdaError(
      'InvalidRequestContentException',
      `Client context must be less than or equal to ${clientContextBytesMax} bytes.`,
    )
  }
  const text = Buffer.from(given, 'base64').toString('utf8')
  try {
    JSON.parse(text)
  } catch {
    throw lambdaError(
      'InvalidRequestContentException',
      'Client context must be a valid Base64-encoded JSON object.',
    )
  }
  return text
}

/** The event as it runs, and whether it closes an endless chain of invocations. */
export function eventOf(
  { record, reference }: FoundFunction,
  payload: Buffer,
  context: OperationContext,
): { readonly event: AcceptedEvent; readonly endless: boolean } {
  const { generation, definition } = record
  assert(generation !== undefined, 'a function that is Active has a generation')
  const { functionArn } = definition
  const chain = continueChain(oneHeader(context, 'x-amzn-trace-id'), functionArn)
  const { traceHeader, endless } = chain
  const event = {
    functionArn,
    invokedArn: reference.invokedArn,
    version: generation.version,
    generation: generation.id,
    payload,
    ...(traceHeader === undefined ? {} : { traceHeader }),
  }
  return { event, endless }
}

function oneHeader({ headers }: OperationContext, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}

/** An event that closes an endless loop is accepted as any other, and dropped. */
async function accept(
  { events }: InvokeParts,
  found: FoundFunction,
  payload: Buffer,
  context: OperationContext,
): Promise<InvocationResponse> {
  const { event, endless } = eventOf(found, payload, context)
  const requestId = endless
    ? events.refuse(event, recursionReason(event.functionArn))
    : events.put(event)
  context.responseHeaders['x-amzn-requestid'] = await requestId
  return { StatusCode: 202 }
}

async function run(
  parts: InvokeParts,
  found: FoundFunction,
  payload: Buffer,
  input: InvocationRequest,
  context: OperationContext,
): Promise<InvocationResponse> {
  const { ClientContext: clientContext } = input
  const { event, endless } = eventOf(found, payload, context)
  if (endless) throw recursiveInvocation(event.functionArn)
  const result = await parts.invoker.invoke({
    ...event,
    type: 'RequestResponse',
    logTail: input.LogType === 'Tail',
    requestId: context.requestId,
    ...(clientContext === undefined ? {} : { clientContext: clientContextText(clientContext) }),
    origin: 'invoke-api',
  })
  context.responseHeaders['x-amzn-requestid'] = result.requestId
  if (result.is === 'refused') {
    throw refusedInvocation(result.reason, found.reference.invokedArn)
  }
  return {
    StatusCode: 200,
    ExecutedVersion: '$LATEST',
    Payload: result.payload,
    ...(result.is === 'function-error' ? { FunctionError: 'Unhandled' } : {}),
    ...logResult(result, input),
  }
}

/** The end of the log, as the answer has it. */
export function logResult(
  { logTail }: Pick<InvokeResult, 'logTail'>,
  input: Pick<InvocationRequest, 'LogType'>,
): { readonly LogResult?: string } {
  if (input.LogType !== 'Tail' || logTail === undefined) return {}
  return { LogResult: logTail.subarray(-logTailBytesMax).toString('base64') }
}
