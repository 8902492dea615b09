// CreateFunction: unpacks the code and enters the function, which is Pending in the answer.

import { resolveFunctionReference } from '../../aws/arn.js'
import type { LambdaHandlers } from '../../aws/lambda.js'
import { functionConfiguration } from './configuration.js'
import { functionExists, invalidParameter, notEmulatedMember } from './errors.js'
import { checkNewName } from './limits.js'
import { type LambdaParts, refusePublish, storeCode } from './parts.js'
import { wishToCreate } from './wish.js'

export function createFunction(parts: LambdaParts): LambdaHandlers['CreateFunction'] {
  return async (input, context) => {
    const reference = resolveFunctionReference(input.FunctionName, undefined, context)
    const { accountId, region, functionName, qualifier } = reference
    // UNRECORDED: create-with-qualifier — the text for a new function that is named with a version.
    if (qualifier !== undefined) throw invalidParameter(`${input.FunctionName} names a version`)
    checkNewName(functionName)
    refusePublish(input.Publish, input.PublishTo)
    if (input.PackageType === 'Image') {
      throw notEmulatedMember('container images', 'send a zip as Code.ZipFile')
    }
    if (input.TenancyConfig !== undefined) {
      throw notEmulatedMember('TenancyConfig', 'leave it out')
    }
    if (input.CodeSigningConfigArn !== undefined) {
      throw notEmulatedMember('code signing', 'leave CodeSigningConfigArn out')
    }
    const key = { accountId, region, functionName }
    if (parts.functions.get(key) !== undefined) throw functionExists(functionName)
    const code = await storeCode(parts, input.Code)
    const wish = wishToCreate(key, input, code)
    // Another request may have taken the name while the code was unpacked.
    if (parts.functions.get(key) !== undefined) throw functionExists(functionName)
    return functionConfiguration(parts.functions.create(wish))
  }
}
