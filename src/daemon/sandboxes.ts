// What the machine can do, what an earlier daemon left on it, and the sandboxes that functions get here.

import type { EmulatorOptions, Warning } from '../admin/contract.js'
import { packageRoot } from '../admin/package-root.js'
import { detect } from '../cgroups/detect.js'
import { processUptimeMs, systemKernel } from '../clock/kernel.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { emulatorPorts } from '../http/port-range.js'
import {
  createSandboxFactory,
  type SandboxFactory,
  type SandboxFactoryOptions,
} from '../sandbox/factory.js'
import { findHelper } from '../sandbox/helper.js'
import type { LoopbackPort } from '../sandbox/network.js'
import { sweep } from '../sandbox/sweep.js'

export interface OpenedSandboxes {
  readonly sandboxes: SandboxFactory
  readonly warnings: readonly Warning[]
}

/** Cleans up after daemons that are dead first. @throws EmulatorError EMU_FREEZER_UNAVAILABLE, EMU_FREEZE_NETWORK_UNAVAILABLE, EMU_USAGE. */
export async function openSandboxes(
  options: EmulatorOptions,
  stateDirectory: string,
  /** Of the daemon's own servers, as far as they listen. */
  ownUrls: () => readonly (string | null)[],
): Promise<OpenedSandboxes> {
  const timers = systemKernel
  const support = detect()
  const helper = findHelper(packageRoot)
  const network = networkWish(options, ownUrls)
  const swept = await sweep({ stateDirectory, support, timers, helper })
  const sandboxes = await createSandboxFactory({
    stateDirectory,
    timers,
    support,
    helper,
    freeze: options.freeze,
    isolation: options.isolation,
    network,
    monotonicMs: processUptimeMs,
    variables: process.env,
  })
  const warnings = [
    ...swept.problems.map(sweepWarning),
    ...sandboxes.problems.map((message) => ({ code: 'W_GUARDIAN', property: 'guardian', message })),
  ]
  return { sandboxes, warnings }
}

function networkWish(
  { freezeNetwork, relay = [] }: EmulatorOptions,
  ownUrls: () => readonly (string | null)[],
): SandboxFactoryOptions['network'] {
  if (freezeNetwork !== true) return undefined
  for (const port of relay) checkRelayed(port)
  const declared = relay.map((port) => ({ address: '127.0.0.1', port }))
  return { relays: () => [...ownUrls().flatMap(loopbackPortOf), ...declared] }
}

/** @throws EmulatorError EMU_USAGE */
function checkRelayed(port: number): void {
  const { first, last } = emulatorPorts
  if (!Number.isInteger(port) || port < 1 || port > last)
    throw new EmulatorError('EMU_USAGE', { problem: `relay: ${port} is not a port` })
  // Runtime APIs of others, and the admin routes.
  if (port >= first)
    throw new EmulatorError('EMU_USAGE', {
      problem: `relay: ports ${first} to ${last} belong to lambda-emu, and ${port} is one of them`,
    })
}

function loopbackPortOf(url: string | null): readonly LoopbackPort[] {
  if (url === null || url === '') return []
  const { hostname, port } = new URL(url)
  return [{ address: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }]
}

function sweepWarning(problem: string): Warning {
  return { code: 'W_SWEEP', property: 'what an earlier daemon left', message: problem }
}
