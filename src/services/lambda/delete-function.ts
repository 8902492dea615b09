// DeleteFunction: the function is gone at once; what it is running ends as the placement sees fit.

import type { LambdaHandlers } from '../../aws/lambda.js'
import { invalidParameter } from './errors.js'
import { findFunction, type LambdaParts } from './parts.js'

export function deleteFunction(parts: LambdaParts): LambdaHandlers['DeleteFunction'] {
  return ({ FunctionName, Qualifier }, context) => {
    const { reference } = findFunction(parts, FunctionName, Qualifier, context)
    // UNRECORDED: delete-latest — the text for $LATEST, which has no life of its own.
    if (reference.qualifier !== undefined) {
      throw invalidParameter('$LATEST version cannot be deleted without deleting the function.')
    }
    parts.functions.delete(reference)
    // Source: recorded answer test_function_lifecycle, delete_response.
    return { StatusCode: 204 }
  }
}
