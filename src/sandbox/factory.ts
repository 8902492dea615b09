// Makes sandboxes with the best of what this machine can do, under one group subtree that carries the daemon's identity.

import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { withLimits } from '../cgroups/controllers.js'
import { type CgroupSupport, detect } from '../cgroups/detect.js'
import { Group, type Wait } from '../cgroups/group.js'
import { probeGroupName } from '../cgroups/probe-name.js'
import type { KernelTimers } from '../clock/clock.js'
import { assert } from '../domain/assert.js'
import { chooseFreezer } from '../freezer/choose.js'
import { type Freezer, type FreezerBackend, noFreezer } from '../freezer/freezer.js'
import { groupFreezer } from '../freezer/group-freezer.js'
import { Holds, sendSignal } from '../freezer/holds.js'
import { networkFreezer } from '../freezer/network-freezer.js'
import { ProcessTree } from '../freezer/process-tree.js'
import { anchoredSignalEscapes, holdFreezer, signalEscapes } from '../freezer/signal-freezer.js'
import { type Abilities, findAbilities } from './abilities.js'
import { type Containment, groupContainment, type Rooted, treeContainment } from './containment.js'
import { DutyCycles } from './duty-cycle.js'
import {
  type EnclosureWish,
  enclosureOf,
  type Isolation,
  isolationOf,
  viewOf,
} from './enclosure.js'
import { type Guardian, startGuardian } from './guardian.js'
import { bootId, ownIdentity, subtreeName } from './identity.js'
import { launchProcess, spawnProcess } from './launcher.js'
import { MemoryWatch } from './memory-watch.js'
import type { LoopbackPort, Network } from './network.js'
import { networkOf, tryNetwork } from './networks.js'
import { runProbe } from './probe.js'
import { environmentPaths, makeEnvironment, removeEnvironment } from './records.js'
import { type Allowance, Resources } from './resources.js'
import { Sandbox, type SandboxParts } from './sandbox.js'
import { type ProcessSpec, type StartedProcess, startProcess } from './spawn.js'
import { SpawnerFailure } from './spawner.js'
import { keepSpawner, type SpawnerKeeper } from './spawner-keeper.js'
import { createStorage, type Storage } from './storage.js'
import { makeSubtree, removeSubtree, type Subtree } from './subtree.js'

export interface SandboxFactoryOptions {
  readonly stateDirectory: string
  /** Takes exactly this freezer, or throws; the best that works when left out. */
  readonly freeze?: FreezerBackend | undefined
  readonly timers: KernelTimers
  /** Time that never jumps; milliseconds with fractions. */
  readonly monotonicMs: () => number
  /** What `detect` found; looked up when left out. */
  readonly support?: CgroupSupport
  /** Path of the native helper; undefined where there is none. */
  readonly helper?: string | undefined
  /** `standard`: functions are kept apart as well as this machine can; `none`: they see what the daemon's user sees. */
  readonly isolation?: 'standard' | 'none' | undefined
  /** A network for each environment, its link down while it is frozen; `relays`: what of this machine's loopback is reached there. */
  readonly network?: { readonly relays: () => readonly LoopbackPort[] } | undefined
  /** The daemon's own environment variables: where programs are. */
  readonly variables: Readonly<Record<string, string | undefined>>
}

/** What an environment is to be like. */
export interface SandboxWish extends Omit<EnclosureWish, 'tmpFolder'> {
  /**
   * Must be unique to the environment and be given to its processes as AWS_LAMBDA_LOG_STREAM_NAME: without control
   * groups it is how they are found.
   */
  readonly logStreamName: string
  /** Undefined: as much as there is. */
  readonly allowance: Allowance | undefined
  readonly tmpMb: number
  /** Private memory, when it has changed by 1 MB or more. */
  readonly memoryChanged?: (privateBytes: number) => void
}

export interface SandboxFactory {
  readonly backend: FreezerBackend
  readonly abilities: Abilities
  readonly isolation: Isolation
  /** Whether a process cleans up when this one is killed. */
  readonly guarded: boolean
  readonly escapes: readonly string[]
  /** Whether each environment has a network of its own. */
  readonly networked: boolean
  /** Why each better freezer was not taken. */
  readonly passedOver: readonly string[]
  /** What should have worked here and did not, one sentence each. */
  readonly problems: readonly string[]
  /** @throws EmulatorError EMU_STATE_DIRECTORY, or the error of mkdir(2) on a group. */
  create(id: string, wish: SandboxWish): Promise<Sandbox>
  /** Removes what the daemon's subtree was, and every sandbox that is left. */
  close(): Promise<void>
}

let factoriesMade = 0
let sandboxesMade = 0

/** Call it once a daemon, after `sweep`. Takes about 50 ms. @throws EmulatorError EMU_FREEZER_UNAVAILABLE */
export async function createSandboxFactory(
  options: SandboxFactoryOptions,
): Promise<SandboxFactory> {
  const support = options.support ?? detect()
  factoriesMade += 1
  const factory = factoriesMade
  const problems: string[] = []
  // It must be there before the first group is, and comes up while the machine is tried.
  const guarding = startedGuardian(options, { support, factory }, problems)
  const spawning = keptSpawner(options)
  const machine = await tryMachine(options, support).catch(async (error: unknown) => {
    await (await guarding)?.close()
    await (await spawning)?.close()
    throw error
  })
  const { choice, abilities, isolation, subtree } = machine
  const [guardian, spawner] = await Promise.all([guarding, spawning])
  try {
    if (options.network !== undefined) await tryNetwork(choice.backend, { isolation, spawner })
  } catch (error) {
    removeSubtree(subtree)
    await Promise.all([guardian?.close(), spawner?.close()])
    throw error
  }
  const maker = new SandboxMaker({
    options,
    abilities,
    isolation,
    backend: choice.backend,
    subtree,
    guardian,
    spawner,
    // Environments of several emulators in one process have the same ids and share the daemon's subtree.
    groupName: (id) => `${factory}-${id}`,
  })
  return {
    backend: choice.backend,
    abilities,
    isolation,
    guarded: guardian !== undefined,
    escapes: maker.escapes,
    networked: options.network !== undefined,
    passedOver: choice.passedOver,
    problems,
    create: (id, wish) => maker.create(id, wish),
    async close() {
      await maker.close()
      removeSubtree(subtree)
      await Promise.all([guardian?.close(), spawner?.close()])
    },
  }
}

async function tryMachine(options: SandboxFactoryOptions, support: CgroupSupport) {
  const { timers, helper, variables } = options
  const wait: Wait = (durationMs) => timers.sleep(durationMs)
  // By this name the guardian knows it too.
  const probeName = probeGroupName()
  // Neither knows of the other, and both wait for processes.
  const probing = runProbe({ helper, v2Root: support.v2?.root })
  const choice = await chooseFreezer({ preference: options.freeze, support, probeName, wait })
  const known = { freezer: choice, probe: await probing }
  const { abilities, findings } = await findAbilities({ helper, support, timers, variables, known })
  const wanted = options.isolation ?? 'standard'
  const isolation = isolationOf(abilities, { helper, wanted, freezer: choice.backend })
  const roots = withLimits(choice.parents ?? {}, findings.limits)
  return {
    choice,
    abilities,
    isolation,
    subtree: makeSubtree(roots, choice.backend, ownIdentity()),
  }
}

/** A helper that is broken in whatever way must not hold up the start for longer. */
const READY_WITHIN_MS = 5_000

/** What starts processes without a fork of this one. Never rejects. */
function keptSpawner({
  helper,
  timers,
}: SandboxFactoryOptions): Promise<SpawnerKeeper | undefined> {
  if (helper === undefined) return Promise.resolve(undefined)
  return keepSpawner({ helper, timers, readyWithinMs: READY_WITHIN_MS })
}

/** Without it the next start cleans up after a crash. Never rejects. */
async function startedGuardian(
  { helper, stateDirectory, timers }: SandboxFactoryOptions,
  { support, factory }: { readonly support: CgroupSupport; readonly factory: number },
  problems: string[],
): Promise<Guardian | undefined> {
  // Whatever is in a pid namespace ends with its first process: there its guardian would end too.
  if (helper === undefined || process.pid === 1) return undefined
  const daemon = ownIdentity()
  const groupFolders = rootsOf(support).map((root) => join(root, subtreeName(daemon)))
  const patience = new AbortController()
  const rest = timers.after(READY_WITHIN_MS, () => patience.abort())
  const giveUp = patience.signal
  try {
    return await startGuardian({ helper, stateDirectory, daemon, groupFolders, factory, giveUp })
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    problems.push(`if the emulator is killed, only its next start cleans up: ${reason}`)
    return undefined
  } finally {
    rest()
  }
}

/** Every folder in which groups of ours can be. */
function rootsOf({ v2, v1 }: CgroupSupport): readonly string[] {
  return [...new Set([v2, ...Object.values(v1)].flatMap((hierarchy) => hierarchy?.root ?? []))]
}

interface MakerParts {
  readonly options: SandboxFactoryOptions
  readonly abilities: Abilities
  readonly isolation: Isolation
  readonly backend: FreezerBackend
  readonly subtree: Subtree
  readonly guardian: Guardian | undefined
  readonly spawner: SpawnerKeeper | undefined
  readonly groupName: (id: string) => string
}

class SandboxMaker {
  readonly escapes: readonly string[]
  readonly #parts: MakerParts
  readonly #storage: Storage
  readonly #dutyCycles: DutyCycles
  readonly #watch: MemoryWatch
  readonly #open = new Set<Sandbox>()
  readonly #record: { readonly daemon: ReturnType<typeof ownIdentity>; readonly bootId: string }

  constructor(parts: MakerParts) {
    this.#parts = parts
    const { options, isolation } = parts
    const { stateDirectory, helper, timers, monotonicMs } = options
    this.#storage = createStorage({ stateDirectory, helper, kind: isolation.storage, timers })
    this.#dutyCycles = new DutyCycles({ timers, monotonicMs, cpus: availableParallelism() })
    this.#watch = new MemoryWatch(timers)
    this.#record = { daemon: ownIdentity(), bootId: bootId() }
    this.escapes = escapesOf(parts.backend, isolation)
  }

  async create(id: string, wish: SandboxWish): Promise<Sandbox> {
    const { options, guardian } = this.#parts
    const { stateDirectory, timers } = options
    const { logStreamName } = wish
    const record = { id, pid: null, startTime: null, logStreamName, ...this.#record }
    const storage = await this.#storage.take(wish.tmpMb)
    try {
      makeEnvironment(stateDirectory, record)
      const { containment, freezer, holds } = this.#contain(id, logStreamName)
      const network = this.#network(wish, () => sandbox.networkLost())
      const resources = new Resources({
        group: containment.group,
        allowance: wish.allowance,
        throttle: this.#throttle(wish, containment, holds),
        watch: this.#watcher(wish, containment),
      })
      const sandbox: Sandbox = new Sandbox({
        stateDirectory,
        record,
        containment,
        freezer: network === undefined ? freezer : networkFreezer(freezer, network),
        storage,
        resources,
        guardian,
        network,
        programDepth: programDepth(this.#parts.isolation),
        view: viewOf(this.#parts.isolation, wish.view, storage.folder),
        launch: this.#launcher(id, { containment, storage, network }, wish),
        wait: (durationMs) => timers.sleep(durationMs),
        onRemoved: () => this.#open.delete(sandbox),
      })
      this.#open.add(sandbox)
      return sandbox
    } catch (error) {
      removeEnvironment(stateDirectory, id)
      await storage.remove()
      throw error
    }
  }

  async close(): Promise<void> {
    const ends = await Promise.allSettled([...this.#open].map((sandbox) => sandbox.remove()))
    await this.#storage.close()
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  #contain(
    id: string,
    logStreamName: string,
  ): { containment: Containment; freezer: Freezer; holds: Holds } {
    const { backend, subtree, groupName, isolation } = this.#parts
    const { timers } = this.#parts.options
    const rooted = rootedBy(isolation)
    const tree = new ProcessTree(`AWS_LAMBDA_LOG_STREAM_NAME=${logStreamName}`)
    const group =
      subtree.folders.length === 0 ? undefined : Group.make(groupName(id), subtree.parents)
    const bySignal = backend === 'signal'
    const containment =
      group === undefined
        ? treeContainment(tree, rooted)
        : groupContainment(group, bySignal ? { tree, rooted } : undefined)
    const holds = new Holds(containment.stops, (durationMs, run) => timers.after(durationMs, run))
    if (backend === 'none') return { containment, holds, freezer: noFreezer }
    if (bySignal) return { containment, holds, freezer: holdFreezer(holds) }
    assert(group !== undefined, 'a cgroup freezer has a group')
    return { containment, holds, freezer: groupFreezer(group, backend) }
  }

  #throttle({ allowance }: SandboxWish, containment: Containment, holds: Holds) {
    if (allowance?.cpu === undefined || containment.group?.limits.has('cpu')) return undefined
    return this.#dutyCycles.make({
      share: allowance.cpu.share,
      cpuUs: () => containment.cpuUs(),
      stop: () => holds.hold('throttled'),
      continue: () => holds.release('throttled'),
    })
  }

  #watcher({ allowance, memoryChanged }: SandboxWish, containment: Containment) {
    if (allowance === undefined) return undefined
    const limited = containment.group?.limits.has('memory') === true
    return (exceeded: () => void) =>
      this.#watch.watch({
        pids: () => containment.pids(),
        limitBytes: limited ? undefined : allowance.memoryBytes,
        changed: (privateBytes) => memoryChanged?.(privateBytes),
        exceeded: ({ largestPid }) => {
          exceeded()
          sendSignal(largestPid, 'SIGKILL')
        },
      })
  }

  /** Of its own; it is made when the first process is. */
  #network({ runtimeApi }: SandboxWish, onLost: () => void): Network | undefined {
    const { options, isolation, spawner } = this.#parts
    const { network } = options
    if (network === undefined || runtimeApi === undefined) return undefined
    const { relays } = network
    return networkOf(runtimeApi, { isolation, spawner, relays, onLost })
  }

  #launcher(
    id: string,
    of: Pick<SandboxParts, 'storage' | 'network' | 'containment'>,
    wish: SandboxWish,
  ) {
    const { containment, storage, network } = of
    const { isolation, options, spawner } = this.#parts
    const { helper } = isolation
    const { joinPaths, v2Folder } = containment
    if (helper === undefined) return async (spec: ProcessSpec) => startProcess(spec, joinPaths)
    sandboxesMade += 1
    const address = network?.address
    const parts = { isolation, ordinal: sandboxesMade, joinPaths, v2Folder, address }
    const { root: rootFolder } = environmentPaths(options.stateDirectory, id)
    return async (spec: ProcessSpec): Promise<StartedProcess> => {
      // Made for each start: it is some kilobytes, and most environments start once.
      const own = enclosureOf({ ...parts, rootFolder }, { ...wish, tmpFolder: storage.folder })
      const enclosure = network === undefined ? own : { ...own, network: await network.namespace() }
      const born = containment.group?.canBeBornIn === true
      const current = spawner?.current
      if (current === undefined) return launchProcess(helper, spec, enclosure, born)
      return spawnProcess(current, spec, enclosure, born).catch((error: unknown) => {
        if (error instanceof SpawnerFailure) return launchProcess(helper, spec, enclosure, born)
        throw error
      })
    }
  }
}

/** Started by the helper, a process has a supervisor above it, and with namespaces an init between. */
function rootedBy({ helper, namespaces }: Isolation): Rooted {
  const depth = programDepth({ helper, namespaces })
  if (depth === 0) return (tree, pid) => tree.addRoot(pid)
  return (tree, pid) => tree.addAnchor(pid, depth)
}

function programDepth({ helper, namespaces }: Pick<Isolation, 'helper' | 'namespaces'>): 0 | 1 | 2 {
  if (helper === undefined) return 0
  return namespaces === 'none' ? 1 : 2
}

function escapesOf(backend: FreezerBackend, { helper }: Isolation): readonly string[] {
  if (backend === 'none') return noFreezer.escapes
  if (backend !== 'signal') return []
  return helper === undefined ? signalEscapes : anchoredSignalEscapes
}
