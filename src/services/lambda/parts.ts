// What the handlers of Lambda's API work with, and the two steps that most of them begin with.

import { type ResolvedFunctionReference, resolveFunctionReference } from '../../aws/arn.js'
import type { OperationContext } from '../../aws/serve-rest-json.js'
import type { CodePackage } from '../../domain/function.js'
import type { EventQueue } from '../../event-queue/event-queue.js'
import type { Invoker, StreamingInvoker } from '../../invoke/invoker.js'
import type { CodeStore } from '../../packages/code-store.js'
import type { Profile } from '../../profile/profile.js'
import {
  functionNotFound,
  functionPending,
  invalidParameter,
  notEmulatedMember,
  refusedZip,
  updateInProgress,
} from './errors.js'
import { type FunctionRecord, type FunctionStore, inTransition } from './functions.js'

export interface LambdaParts {
  readonly functions: FunctionStore
  readonly codeStore: CodeStore
  readonly invoker: Invoker & StreamingInvoker
  readonly events: EventQueue
  readonly profile: Profile
  /** Where a client can fetch the function's zip; undefined when nothing serves it. */
  readonly codeLocation: (record: FunctionRecord) => string | undefined
  /** What a request does that meets a function in a transition: wait for its end, or be refused as AWS refuses it. */
  readonly whileInTransition: 'wait' | 'refuse'
}

/** What finding a function takes. */
export type FindingParts = Pick<LambdaParts, 'functions' | 'whileInTransition'>

export interface FoundFunction {
  readonly record: FunctionRecord
  readonly reference: ResolvedFunctionReference
}

/**
 * The function that a request names. Its only version is $LATEST.
 * @throws ServiceError ResourceNotFoundException, InvalidParameterValueException.
 */
export function findFunction(
  { functions }: FindingParts,
  name: string,
  qualifier: string | undefined,
  context: OperationContext,
): FoundFunction {
  const reference = resolveFunctionReference(name, qualifier, context)
  const record = functions.get(reference)
  const known = reference.qualifier === undefined || reference.qualifier === '$LATEST'
  if (record === undefined || !known) throw functionNotFound(reference.invokedArn)
  return { record, reference }
}

/** Finds a function that may be changed: no create or update of it is under way. */
export function findSettled(
  parts: FindingParts,
  name: string,
  context: OperationContext,
): Promise<FoundFunction> {
  const find = () => findFunction(parts, name, undefined, context)
  return waited(parts, find, (record) => !inTransition(record))
}

/** Finds a function that can be run, in the state in which it was saved: during an update the old generation serves. */
export async function findInvokable(
  parts: FindingParts,
  name: string,
  qualifier: string | undefined,
  context: OperationContext,
): Promise<FoundFunction> {
  await parts.functions.current()
  const find = () => findFunction(parts, name, qualifier, context)
  return waited(parts, find, (record) => record.generation !== undefined)
}

/** Looks again after every wait: the function may be gone, or another request may have been quicker. */
async function waited(
  parts: FindingParts,
  find: () => FoundFunction,
  isReady: (record: FunctionRecord) => boolean,
): Promise<FoundFunction> {
  for (;;) {
    const found = find()
    if (isReady(found.record)) return found
    if (parts.whileInTransition === 'refuse') throw transitionRefusal(found.record)
    await parts.functions.settled(found.reference)
  }
}

function transitionRefusal({ state, definition }: FunctionRecord): Error {
  return state === 'Pending' ? functionPending(state) : updateInProgress(definition.functionArn)
}

interface CodeSource {
  readonly ZipFile?: Uint8Array | undefined
  readonly S3Bucket?: string | undefined
  readonly S3Key?: string | undefined
  readonly ImageUri?: string | undefined
}

// UNRECORDED: no-code — the text of a request without any code.
/**
 * Unpacks the code of a request.
 * @throws ServiceError InvalidParameterValueException for a zip that Lambda refuses; 501 for code that is elsewhere.
 */
export async function storeCode(
  { codeStore }: LambdaParts,
  source: CodeSource,
): Promise<CodePackage> {
  if (source.S3Bucket !== undefined || source.S3Key !== undefined) {
    throw notEmulatedMember('code in S3', 'send the package itself as ZipFile')
  }
  if (source.ImageUri !== undefined) {
    throw notEmulatedMember('container images', 'send a zip as ZipFile')
  }
  if (source.ZipFile === undefined) {
    throw invalidParameter('Please provide a source for function code.')
  }
  try {
    return await codeStore.storeZip(source.ZipFile)
  } catch (error) {
    throw refusedZip(error)
  }
}

/** @throws ServiceError 501 when a version shall be published. */
export function refusePublish(publish: boolean | undefined, publishTo: string | undefined): void {
  if (publish === true || publishTo !== undefined) {
    throw notEmulatedMember('published versions', 'leave Publish out; $LATEST can be invoked')
  }
}
