// What the machine can do, what an earlier daemon left on it, and the sandboxes that functions get here.

import type { EmulatorOptions, Warning } from '../admin/contract.js'
import { packageRoot } from '../admin/package-root.js'
import { detect } from '../cgroups/detect.js'
import { processUptimeMs, systemKernel } from '../clock/kernel.js'
import { createSandboxFactory, type SandboxFactory } from '../sandbox/factory.js'
import { findHelper } from '../sandbox/helper.js'
import { sweep } from '../sandbox/sweep.js'

export interface OpenedSandboxes {
  readonly sandboxes: SandboxFactory
  readonly warnings: readonly Warning[]
}

/** Cleans up after daemons that are dead first. @throws EmulatorError EMU_FREEZER_UNAVAILABLE. */
export async function openSandboxes(
  options: EmulatorOptions,
  stateDirectory: string,
): Promise<OpenedSandboxes> {
  const timers = systemKernel
  const support = detect()
  const helper = findHelper(packageRoot)
  const swept = await sweep({ stateDirectory, support, timers, helper })
  const sandboxes = await createSandboxFactory({
    stateDirectory,
    timers,
    support,
    helper,
    freeze: options.freeze,
    isolation: options.isolation,
    monotonicMs: processUptimeMs,
    variables: process.env,
  })
  const warnings = [
    ...swept.problems.map(sweepWarning),
    ...sandboxes.problems.map((message) => ({ code: 'W_GUARDIAN', property: 'guardian', message })),
  ]
  return { sandboxes, warnings }
}

function sweepWarning(problem: string): Warning {
  return { code: 'W_SWEEP', property: 'what an earlier daemon left', message: problem }
}
