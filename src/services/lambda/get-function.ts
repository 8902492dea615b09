// GetFunction and GetFunctionConfiguration.

import type { LambdaHandlers } from '../../aws/lambda.js'
import { functionConfiguration } from './configuration.js'
import { findFunction, type LambdaParts } from './parts.js'

export function getFunction(parts: LambdaParts): LambdaHandlers['GetFunction'] {
  return ({ FunctionName, Qualifier }, context) => {
    const { record, reference } = findFunction(parts, FunctionName, Qualifier, context)
    const location = parts.codeLocation(record)
    const { tags } = record.recorded
    return {
      Configuration: functionConfiguration(record, reference.qualifier),
      Code: { RepositoryType: 'S3', ...(location === undefined ? {} : { Location: location }) },
      ...(tags === undefined ? {} : { Tags: tags }),
    }
  }
}

export function getFunctionConfiguration(
  parts: LambdaParts,
): LambdaHandlers['GetFunctionConfiguration'] {
  return ({ FunctionName, Qualifier }, context) => {
    const { record, reference } = findFunction(parts, FunctionName, Qualifier, context)
    return functionConfiguration(record, reference.qualifier)
  }
}
