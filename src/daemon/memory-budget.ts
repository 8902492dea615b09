// How much of this machine's memory environments may take together.

import type { EmulatorOptions } from '../admin/contract.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { availableMemoryMb } from '../procfs/available-memory.js'

/** Less than one environment needs would be no budget. */
const budgetMbMin = 64
/** The rest is for the user's editor, browser and databases. */
const shareOfAvailable = 0.7

/** Megabytes. @throws EmulatorError EMU_USAGE for what is no budget. */
export function memoryBudgetOf(
  { memoryBudgetMb }: Pick<EmulatorOptions, 'memoryBudgetMb'>,
  availableMb = availableMemoryMb(),
): number {
  if (memoryBudgetMb === undefined)
    return Math.max(budgetMbMin, Math.floor(availableMb * shareOfAvailable))
  if (!Number.isInteger(memoryBudgetMb) || memoryBudgetMb < budgetMbMin) {
    throw new EmulatorError('EMU_USAGE', {
      problem: `a memory budget of ${memoryBudgetMb} is not a whole number of MB from ${budgetMbMin} on`,
    })
  }
  return memoryBudgetMb
}
