// Every variable that a function's environments start with, and who set it: what `lambda-emu env <function>` shows.

import type { FunctionVariable } from '../admin/contract.js'
import type { GenerationId } from '../domain/brand.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { functionEnvironment } from '../host/function-environment.js'
import type { SummaryParts } from './summaries.js'

/** Stands for what each environment has of its own. */
const ofEachEnvironment = '(of each environment)'

/** The function's own first, then Lambda's; each sorted by name. @throws EmulatorError EMU_FUNCTION_NOT_FOUND. */
export function variablesOf(
  functionName: string,
  parts: SummaryParts,
): readonly FunctionVariable[] {
  const record = parts.engine.functions
    .all()
    .find(({ definition }) => definition.functionName === functionName)
  if (record === undefined) throw new EmulatorError('EMU_FUNCTION_NOT_FOUND', { functionName })
  const { definition } = record
  const own = definition.environment ?? {}
  const all = functionEnvironment(
    { id: '' as GenerationId, definition, version: '$LATEST' },
    {
      runtimeApi: ofEachEnvironment,
      metadataToken: ofEachEnvironment,
      logStreamName: ofEachEnvironment,
      taskRoot: '/var/task',
      runtimeDirectory: '/var/runtime',
      layersFolder: '/opt',
      programFolders: [],
      credentials: {
        accessKeyId: ofEachEnvironment,
        secretAccessKey: ofEachEnvironment,
        sessionToken: ofEachEnvironment,
      },
      lambdaEndpointUrl: parts.lambdaUrl(),
    },
  )
  return Object.entries(all)
    .map(([name, value]) => {
      const isOwn = Object.hasOwn(own, name) && own[name] === value
      const source = isOwn ? (definition.environmentOrigins?.[name] ?? record.source) : 'Lambda'
      return { name, value, source }
    })
    .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1))
}

function rank({ source }: FunctionVariable): number {
  return source === 'Lambda' ? 1 : 0
}
