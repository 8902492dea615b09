// What a function's memory size buys on this machine. Pure.

import type { FunctionDefinition } from '../domain/function.js'
import { cpuQuota, cpuShare } from '../profile/cpu.js'
import type { Allowance } from '../sandbox/resources.js'

const bytesPerMb = 1024 * 1024
/** Processes and threads. Source: AWS Lambda guide, quotas. */
const tasksMax = 1_024

/** @param cpuAllotted false with --no-cpu: memory is limited all the same. */
export function allowanceOf(
  { memoryMb }: Pick<FunctionDefinition, 'memoryMb'>,
  cpuAllotted: boolean,
): Allowance {
  const cpu = cpuAllotted ? { quota: cpuQuota(memoryMb), share: cpuShare(memoryMb) } : undefined
  return { memoryBytes: memoryMb * bytesPerMb, cpu, tasksMax }
}
