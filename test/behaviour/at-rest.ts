// Waits until the kernel, and not only the emulator, says that a function's only environment stands still.

import type { EnvironmentSummary } from '../../src/admin/contract.js'
import { frozenBy } from '../modes/outside.js'
import { until } from '../support/daemon.js'
import type { RunningEmulator } from '../support/in-process.js'

export async function atRest(
  { emulator }: RunningEmulator,
  functionName: string,
): Promise<EnvironmentSummary> {
  let resting: EnvironmentSummary | undefined
  await until(`${functionName} stands still`, () => {
    const found = emulator.environments().filter((each) => each.functionName === functionName)
    const [environment] = found
    if (environment === undefined || found.length > 1) return false
    if (environment.suspension !== 'frozen' || frozenBy(environment) === undefined) return false
    resting = environment
    return true
  })
  if (resting === undefined) throw new Error(`${functionName} has no environment`)
  return resting
}
