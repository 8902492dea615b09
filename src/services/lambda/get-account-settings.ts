// GetAccountSettings: the limits of the account and region, and what is used of them.

import type { LambdaHandlers } from '../../aws/lambda.js'
import { unzippedBytesMax } from '../../packages/zip-plan.js'
import type { LambdaParts } from './parts.js'

// Source: Lambda quotas: 50 MB zipped, 300 GB of code and layers in a region.
const zippedBytesMax = 52_428_800
const totalCodeBytesMax = 322_122_547_200

export function getAccountSettings(parts: LambdaParts): LambdaHandlers['GetAccountSettings'] {
  return (_input, context) => {
    const records = parts.functions.list(context)
    const concurrency = parts.profile.accountConcurrency.value
    return {
      AccountLimit: {
        TotalCodeSize: totalCodeBytesMax,
        CodeSizeUnzipped: unzippedBytesMax,
        CodeSizeZipped: zippedBytesMax,
        ConcurrentExecutions: concurrency,
        UnreservedConcurrentExecutions: concurrency,
      },
      AccountUsage: {
        TotalCodeSize: records.reduce((sum, { definition }) => sum + definition.code.sizeBytes, 0),
        FunctionCount: records.length,
      },
    }
  }
}
