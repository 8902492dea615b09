// Lambda's own refusals of control-plane and invoke requests: one function a text, each with its source.

import { ServiceError } from '../../aws/errors.js'
import { lambdaError } from '../../aws/lambda.js'
import { EmulatorError } from '../../domain/emulator-error.js'
import type { RefusalReason } from '../../domain/invocation.js'

export function invalidParameter(message: string): ServiceError {
  return lambdaError('InvalidParameterValueException', message)
}

/** Source: what CloudFormation passed on from Lambda, as public reports of 2023 and later show it. */
export function logLevelInText(): ServiceError {
  return invalidParameter(
    'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the LogFormat to "JSON" and try again.',
  )
}

/** Source: recorded answers test_ops_on_nonexisting_fn, test_invoke_exceptions; with a qualifier test_ops_with_arn_qualifier_mismatch. */
export function functionNotFound(arn: string): ServiceError {
  return lambdaError('ResourceNotFoundException', `Function not found: ${arn}`)
}

// UNRECORDED: function-exists — the text of a name that is taken.
export function functionExists(functionName: string): ServiceError {
  return lambdaError('ResourceConflictException', `Function already exist: ${functionName}`)
}

/** Source: AWS Lambda guide, troubleshooting invocation. */
export function functionPending(state: string): ServiceError {
  return lambdaError(
    'ResourceConflictException',
    `The operation cannot be performed at this time. The function is currently in the following state: ${state}`,
  )
}

// UNRECORDED: recursive-invocation — the text; the name, the status and the count are Lambda's.
export function recursiveInvocation(functionArn: string): ServiceError {
  return lambdaError('RecursiveInvocationException', recursionReason(functionArn))
}

export function recursionReason(functionArn: string): string {
  return `Lambda has detected ${functionArn} being invoked in a recursive loop with other Lambda functions, and has stopped it.`
}

// UNRECORDED: update-in-progress — the text of an update that meets another.
export function updateInProgress(functionArn: string): ServiceError {
  return lambdaError(
    'ResourceConflictException',
    `The operation cannot be performed at this time. An update is in progress for resource: ${functionArn}`,
  )
}

// UNRECORDED: revision-mismatch — the text of a RevisionId that is not the latest.
export function revisionMismatch(): ServiceError {
  return lambdaError(
    'PreconditionFailedException',
    'The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id',
  )
}

/** The source of code, or the setting, is real and lambda-emu has no such thing yet. The name is ours. */
export function notEmulatedMember(member: string, advice: string): ServiceError {
  return new ServiceError(
    'NotEmulatedException',
    `lambda-emu does not emulate ${member} yet: ${advice}`,
    {
      status: 501,
    },
  )
}

// UNRECORDED: zip-unreadable — the text of a zip that cannot be unpacked.
const unreadableZip =
  'Could not unzip uploaded file. Please check your file, then try to upload again.'

/** What the code store refuses, as Lambda would say it. The text for size: recorded answer test_oversized_lambda. */
export function refusedZip(error: unknown): unknown {
  if (!(error instanceof EmulatorError)) return error
  switch (error.code) {
    case 'EMU_ZIP_TOO_LARGE':
      return invalidParameter('Unzipped size must be smaller than 262144000 bytes')
    case 'EMU_ZIP_INVALID':
    case 'EMU_ZIP_ESCAPES':
      // AWS gives no reason; ours follows, because it saves the user the search.
      return invalidParameter(`${unreadableZip} (${error.message})`)
    default:
      return error
  }
}

// UNRECORDED: memory-budget — AWS has no such limit: its name, status and Reason are those of the account's limit.
const memoryBudgetText =
  'Rate Exceeded. lambda-emu: the memory budget of this machine is used by environments that are still running, ' +
  'and this invocation has waited for it in vain. `lambda-emu status` shows the budget; ' +
  '`lambda-emu start --memory-budget MB` raises it.'

// UNRECORDED: throttled — the text of a 429; its members are the model's.
/** What the caller of Invoke gets for an invocation that never ran. */
export function refusedInvocation(reason: RefusalReason, invokedArn: string): ServiceError {
  switch (reason) {
    case 'ConcurrentInvocationLimitExceeded':
    case 'ReservedFunctionConcurrentInvocationLimitExceeded':
      return lambdaError('TooManyRequestsException', 'Rate Exceeded.', { Reason: reason })
    case 'MemoryBudgetExceeded':
      return lambdaError('TooManyRequestsException', memoryBudgetText, {
        Reason: 'ConcurrentInvocationLimitExceeded',
      })
    case 'FunctionDeleted':
      return functionNotFound(invokedArn)
    case 'EmulatorStopping':
      return lambdaError('ServiceException', 'lambda-emu is stopping')
  }
}
