// How often a chain of requests has come through the same function: what stops one that invokes itself without end. Pure.

import { createHash } from 'node:crypto'

/** Source: AWS Lambda guide, recursive loop detection: about 16 in one chain. */
const invocationsInChainMax = 16

export interface Chain {
  /** The trace header to go on with; undefined when the caller gave none. */
  readonly traceHeader: string | undefined
  /** The function has been invoked too often in this chain: it is not run once more. */
  readonly endless: boolean
}

/**
 * The chain is told by the trace header, which SDKs inside a function pass on, and counted in its `Lineage` member:
 * `1:<function>:<count>` for each function, separated by `|`. Source: recalled; the form is Lambda's own business.
 */
export function continueChain(traceHeader: string | undefined, functionArn: string): Chain {
  // Only what a traced request has caused is part of a chain.
  if (traceHeader === undefined || !/(^|;)\s*Parent=/.test(traceHeader))
    return { traceHeader, endless: false }
  const members = traceHeader.split(';').filter((member) => member.trim() !== '')
  const counts = lineageOf(members.find(isLineage))
  const key = createHash('sha256').update(functionArn).digest('hex').slice(0, 8)
  const count = (counts.get(key) ?? 0) + 1
  counts.set(key, count)
  const lineage = [...counts].map(([each, times]) => `1:${each}:${times}`).join('|')
  const others = members.filter((member) => !isLineage(member))
  return {
    traceHeader: [...others, `Lineage=${lineage}`].join(';'),
    endless: count > invocationsInChainMax,
  }
}

function isLineage(member: string): boolean {
  return member.trim().startsWith('Lineage=')
}

/** What is not of our form is another's and counts for nothing. */
function lineageOf(member: string | undefined): Map<string, number> {
  const entries = (member?.trim().slice('Lineage='.length) ?? '').split('|')
  const counts = new Map<string, number>()
  for (const entry of entries) {
    const [, key, count] = /^1:([0-9a-f]{8}):(\d{1,5})$/.exec(entry) ?? []
    if (key !== undefined) counts.set(key, Number(count))
  }
  return counts
}
