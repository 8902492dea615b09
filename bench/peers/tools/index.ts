// Every tool of the comparison, lambda-emu first.
import type { Tool } from '../tool.js'
import { architectSandbox } from './architect-sandbox.js'
import { lambdaEmu } from './lambda-emu.js'
import { lambdaLocal } from './lambda-local.js'
import { miniStack } from './ministack.js'
import { serverlessOffline } from './serverless-offline.js'

/** In the order of the table's columns. */
export const tools: readonly Tool[] = [
  lambdaEmu,
  serverlessOffline,
  miniStack,
  lambdaLocal,
  architectSandbox,
]
