// What Lambda's API needs beside its generated model: typed handlers, typed errors, limits of the
// request size.

import { ServiceError } from './errors.js'
import type { LambdaErrorName, LambdaErrors, LambdaOperations } from './models/lambda.js'
import type { BodyLimits, HandlersOf } from './serve-rest-json.js'

export type LambdaHandlers = HandlersOf<LambdaOperations>

/**
 * Bytes of a synchronous invocation's payload. Source: Lambda quotas, "Invocation payload": 6 MB.
 */
export const invokePayloadBytesMax = 6_291_456

/**
 * Request sizes beyond which Lambda answers 413.
 * Source: CreateFunction recorded from AWS; Invoke and UpdateFunctionCode from AWS's documentation and the open agent
 */
// UNRECORDED: request-limits — limits of every other operation; PublishLayerVersion takes a zip as
// CreateFunction does.
export const lambdaBodyLimits: BodyLimits = {
  normalBytes: invokePayloadBytesMax,
  operations: {
    Invoke: { bytes: invokePayloadBytesMax, wireName: 'InvokeFunction' },
    CreateFunction: { bytes: 70_167_211 },
    UpdateFunctionCode: { bytes: 69_905_067 },
    PublishLayerVersion: { bytes: 70_167_211 },
  },
}

type Extra<Name extends LambdaErrorName> = Omit<LambdaErrors[Name], 'Type' | 'message' | 'Message'>

/**
 * An error of Lambda's, with its own members checked by type:
 * `lambdaError('TooManyRequestsException', text, { Reason })`.
 */
export function lambdaError<Name extends LambdaErrorName>(
  name: Name,
  message: string,
  members: Extra<Name> = {} as Extra<Name>,
): ServiceError {
  return new ServiceError(name, message, { members: members as Readonly<Record<string, unknown>> })
}
