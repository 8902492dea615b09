// What many measurements of one thing come to: medians, quantiles and spreads. Pure.

import { assert } from '../src/domain/assert.js'

/** How far apart the rounds of one figure are. */
export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

/** The value below which `part` (0 to 1) of the values lie: one of them, none in between. */
export function quantile(values: Iterable<number>, part: number): number {
  const sorted = Float64Array.from(values).sort()
  assert(sorted.length > 0, 'there is something to take a quantile of')
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] as number
}

/** The middle value; of an even number of them the mean of the two in the middle. */
export function median(values: Iterable<number>): number {
  const sorted = Float64Array.from(values).sort()
  assert(sorted.length > 0, 'there is something to take a median of')
  const middle = sorted.length >> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

export function spreadOf(values: readonly number[]): Spread {
  return { min: Math.min(...values), median: median(values), max: Math.max(...values) }
}
