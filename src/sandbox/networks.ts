// Where networks of environments come from: whether they can be had here, and who starts the process that keeps one.

import { assert } from '../domain/assert.js'
import { EmulatorError } from '../domain/emulator-error.js'
import type { FreezerBackend } from '../freezer/freezer.js'
import type { Isolation, RuntimeApiAccess } from './enclosure.js'
import { launchNetwork } from './launcher.js'
import { linkOfPort, Network, type NetworkParts, trialLink } from './network.js'
import type { StartedProcess } from './spawn.js'
import { SpawnerFailure } from './spawner.js'
import type { SpawnerKeeper } from './spawner-keeper.js'

/** Makes one and takes it away. @throws EmulatorError EMU_FREEZE_NETWORK_UNAVAILABLE */
export async function tryNetwork(backend: FreezerBackend, starter: NetworkStarter): Promise<void> {
  const refuse = (reason: string) => new EmulatorError('EMU_FREEZE_NETWORK_UNAVAILABLE', { reason })
  if (backend === 'none') throw refuse('nothing is frozen')
  const { namespaces } = starter.isolation
  if (namespaces === 'none') throw refuse('functions have no namespaces')
  if (namespaces === 'user') throw refuse('their namespaces are not made by root')
  const trial = new Network({
    addresses: trialLink(process.pid),
    runtimeApi: undefined,
    relays: () => [],
    launch: (words, output) => startNetwork(starter, words, output),
    onLost: () => {},
  })
  try {
    await trial.namespace()
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error))
  } finally {
    await trial.close()
  }
}

export interface NetworkStarter {
  readonly isolation: Isolation
  readonly spawner: SpawnerKeeper | undefined
}

async function startNetwork(
  { isolation: { helper }, spawner }: NetworkStarter,
  words: readonly string[],
  output: number,
): Promise<StartedProcess> {
  assert(helper !== undefined, 'namespaces are the helper’s')
  const current = spawner?.current
  const alone = { helper, spawner: undefined }
  if (current === undefined) return launchNetwork(alone, words, output)
  return launchNetwork({ helper, spawner: current }, words, output).catch((error: unknown) => {
    if (error instanceof SpawnerFailure) return launchNetwork(alone, words, output)
    throw error
  })
}

/** It is made when the first process is. */
export function networkOf(
  { port, ports, hostName }: RuntimeApiAccess,
  parts: NetworkStarter & Pick<NetworkParts, 'relays' | 'onLost'>,
): Network {
  const { isolation, spawner, relays, onLost } = parts
  return new Network({
    addresses: linkOfPort(port, ports.first),
    runtimeApi: { address: hostName?.address ?? '127.0.0.1', port },
    relays,
    launch: (words, output) => startNetwork({ isolation, spawner }, words, output),
    onLost,
  })
}
