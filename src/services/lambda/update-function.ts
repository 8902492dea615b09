// UpdateFunctionCode and UpdateFunctionConfiguration: the answer is InProgress, the old generation serves until it is over.

import type { LambdaHandlers } from '../../aws/lambda.js'
import { functionConfiguration } from './configuration.js'
import { revisionMismatch } from './errors.js'
import type { FunctionRecord } from './functions.js'
import { findFunction, findSettled, type LambdaParts, refusePublish, storeCode } from './parts.js'
import { architectureOf, wishToChange } from './wish.js'

export function updateFunctionCode(parts: LambdaParts): LambdaHandlers['UpdateFunctionCode'] {
  return async (input, context) => {
    refusePublish(input.Publish, input.PublishTo)
    findFunction(parts, input.FunctionName, undefined, context)
    const code = await storeCode(parts, input)
    const { record, reference } = await findSettled(parts, input.FunctionName, context)
    checkRevision(record, input.RevisionId)
    const architecture = architectureOf(input.Architectures) ?? record.definition.architecture
    const definition = { ...record.definition, code, architecture }
    if (input.DryRun === true) return functionConfiguration({ ...record, definition })
    return functionConfiguration(
      parts.functions.update(reference, { definition, recorded: record.recorded }),
    )
  }
}

export function updateFunctionConfiguration(
  parts: LambdaParts,
): LambdaHandlers['UpdateFunctionConfiguration'] {
  return async (input, context) => {
    const { record, reference } = await findSettled(parts, input.FunctionName, context)
    checkRevision(record, input.RevisionId)
    const wish = wishToChange(record, input)
    return functionConfiguration(parts.functions.update(reference, wish))
  }
}

/** @throws ServiceError PreconditionFailedException when the caller knows another state than the latest. */
function checkRevision(record: FunctionRecord, revisionId: string | undefined): void {
  if (revisionId !== undefined && revisionId !== record.revisionId) throw revisionMismatch()
}
