// Every operation of Lambda's API that is emulated; the others are answered 501 by whoever serves the model.

import type { LambdaHandlers } from '../../aws/lambda.js'
import { createFunction } from './create-function.js'
import { deleteFunction } from './delete-function.js'
import { getAccountSettings } from './get-account-settings.js'
import { getFunction, getFunctionConfiguration } from './get-function.js'
import { invoke } from './invoke.js'
import { invokeWithResponseStream } from './invoke-with-response-stream.js'
import { listFunctions } from './list-functions.js'
import type { LambdaParts } from './parts.js'
import { updateFunctionCode, updateFunctionConfiguration } from './update-function.js'

export function lambdaHandlers(parts: LambdaParts): Partial<LambdaHandlers> {
  return {
    CreateFunction: createFunction(parts),
    DeleteFunction: deleteFunction(parts),
    GetAccountSettings: getAccountSettings(parts),
    GetFunction: getFunction(parts),
    GetFunctionConfiguration: getFunctionConfiguration(parts),
    Invoke: invoke(parts),
    InvokeWithResponseStream: invokeWithResponseStream(parts),
    ListFunctions: listFunctions(parts),
    UpdateFunctionCode: updateFunctionCode(parts),
    UpdateFunctionConfiguration: updateFunctionConfiguration(parts),
  }
}
