// ListFunctions: a page at a time, in the order of names.

import type { LambdaHandlers } from '../../aws/lambda.js'
import { listedConfiguration } from './configuration.js'
import { invalidParameter } from './errors.js'
import type { LambdaParts } from './parts.js'

/** Source: API reference, ListFunctions: it "returns up to 50 functions". */
const pageSizeMax = 50

export function listFunctions(parts: LambdaParts): LambdaHandlers['ListFunctions'] {
  return (input, context) => {
    // It selects the replicas of Lambda@Edge functions, and there are none here.
    if (input.MasterRegion !== undefined) return { Functions: [] }
    const after = input.Marker === undefined ? undefined : nameIn(input.Marker)
    const left = parts.functions
      .list(context)
      .filter(({ definition }) => after === undefined || definition.functionName > after)
    const page = left.slice(0, Math.min(input.MaxItems ?? pageSizeMax, pageSizeMax))
    const last = page.at(-1)
    // UNRECORDED: listed-versions — that ListFunctions with ALL puts the version into FunctionArn.
    const qualifier = input.FunctionVersion === 'ALL' ? '$LATEST' : undefined
    return {
      Functions: page.map((record) => listedConfiguration(record, qualifier)),
      ...(last !== undefined && left.length > page.length
        ? { NextMarker: markerAfter(last.definition.functionName) }
        : {}),
    }
  }
}

const markerPrefix = 'after:'

function markerAfter(functionName: string): string {
  return Buffer.from(`${markerPrefix}${functionName}`).toString('base64')
}

// UNRECORDED: bad-marker — the text for a marker that no answer gave.
function nameIn(marker: string): string {
  const text = Buffer.from(marker, 'base64').toString('utf8')
  if (!text.startsWith(markerPrefix)) throw invalidParameter('Invalid pagination token')
  return text.slice(markerPrefix.length)
}
