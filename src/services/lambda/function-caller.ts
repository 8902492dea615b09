// Runs functions by name for what calls them inside this emulator: the same functions that Lambda's API shows.

import type { RequestId } from '../../domain/brand.js'
import type { Generation } from '../../domain/function.js'
import type { EventQueue } from '../../event-queue/event-queue.js'
import type { FunctionCaller } from '../../invoke/function-caller.js'
import type { Invoker } from '../../invoke/invoker.js'
import type { FunctionStore } from './functions.js'

export interface FunctionCallerParts {
  readonly functions: FunctionStore
  readonly invoker: Invoker
  readonly events: EventQueue
  readonly accountId: string
  readonly region: string
}

/** Who calls has waited for `functions.current()`, since what it is to call may have been saved with it. */
export function functionCaller(parts: FunctionCallerParts): FunctionCaller {
  return {
    async call(functionName, call) {
      const generation = await settledGeneration(parts, functionName)
      if (generation === undefined) return { is: 'absent' }
      return parts.invoker.invoke({ ...requestOf(generation), ...call, type: 'RequestResponse' })
    },
  }
}

/** Accepts an asynchronous event for a function; undefined when there is no such function. */
export async function postEvent(
  parts: FunctionCallerParts,
  functionName: string,
  payload: Buffer,
): Promise<RequestId | undefined> {
  await parts.functions.current()
  const generation = await settledGeneration(parts, functionName)
  if (generation === undefined) return undefined
  return parts.events.put({ ...requestOf(generation), payload })
}

/** A function that is being created is waited for, as Invoke does. */
async function settledGeneration(
  { functions, accountId, region }: FunctionCallerParts,
  functionName: string,
): Promise<Generation | undefined> {
  const key = { accountId, region, functionName }
  if (functions.get(key)?.generation === undefined) await functions.settled(key)
  return functions.get(key)?.generation
}

function requestOf(generation: Generation) {
  const { functionArn } = generation.definition
  return {
    functionArn,
    invokedArn: functionArn,
    version: generation.version,
    generation: generation.id,
  }
}
