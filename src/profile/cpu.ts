// CPU by memory: how much of a processor a function may use, and how many processors it sees. Figures with their sources.

import { assert } from '../domain/assert.js'

/** Memory that comes with one whole vCPU. Source: AWS Lambda guide, "Configure Lambda function memory". */
const MEMORY_MB_PER_VCPU = 1_769
/** Source: AWS Lambda guide, quotas: the smallest function. Below 89 MB the kernel's smallest quota would be too much. */
const MEMORY_MB_MIN = 128

/**
 * The period in which a quota is handed out. Short below 1,024 MB: a function that was throttled waits no longer
 * than it must; 100 ms from there, since 20 ms loses 7–11 % to the kernel's 4 ms ticks. Source: measured with
 * one spinning thread on Linux 6.18 at HZ=250: 128 MB −3.1 %, 512 MB −3.5 %, 1,024 MB −6.6 %, 1,769 MB −11 %
 * at 20 ms; −0.8…+1.5 % at 100 ms from 1,024 MB on. What AWS takes is not documented.
 */
const SHORT_PERIOD_US = 20_000
const LONG_PERIOD_US = 100_000
const LONG_PERIOD_FROM_MB = 1_024

/** Part of one vCPU, linear in memory: 0.07 at 128 MB, 1 at 1,769 MB, 5.79 at 10,240 MB. Source: AWS Lambda guide, "Memory". */
export function cpuShare(memoryMb: number): number {
  assert(memoryMb >= MEMORY_MB_MIN, `a function has at least ${MEMORY_MB_MIN} MB`)
  return memoryMb / MEMORY_MB_PER_VCPU
}

/** CPU time for each period that makes `cpuShare`. Microseconds, whole. */
export function cpuQuota(memoryMb: number): {
  readonly quotaUs: number
  readonly periodUs: number
} {
  const periodUs = memoryMb < LONG_PERIOD_FROM_MB ? SHORT_PERIOD_US : LONG_PERIOD_US
  return { quotaUs: Math.round(periodUs * cpuShare(memoryMb)), periodUs }
}

export type VisibleCpuTable = 'measured' | 're-invent-2020'

/** Most memory at which so many are visible. */
type Row = readonly [memoryMbMax: number, cpus: number]

const sharedRows: readonly Row[] = [
  [5_307, 3],
  [7_076, 4],
  [8_845, 5],
  [Number.POSITIVE_INFINITY, 6],
]
const visibleCpuRows: Readonly<Record<VisibleCpuTable, readonly Row[]>> = {
  // Source: /proc/cpuinfo read on Lambda at each size, github.com/rwnx/lambda-cpuinfo. [page]
  measured: [[3_008, 2], ...sharedRows],
  // Source: the table shown at re:Invent 2020 with the 10 GB sizes. [page]
  're-invent-2020': [[1_769, 1], [3_538, 2], ...sharedRows],
}

/** Processors that a function sees, which is not what it may use: at 128 MB it sees 2 and has 0.07 of one. */
export function visibleCpus(memoryMb: number, table: VisibleCpuTable = 'measured'): number {
  assert(memoryMb >= MEMORY_MB_MIN, `a function has at least ${MEMORY_MB_MIN} MB`)
  const row = visibleCpuRows[table].find(([memoryMbMax]) => memoryMb <= memoryMbMax)
  assert(row !== undefined, 'the last row has no end')
  return row[1]
}
