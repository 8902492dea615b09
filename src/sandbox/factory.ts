// Makes sandboxes with the best freezer of this machine, under one group subtree that carries the daemon's identity.

import { mkdirSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { type CgroupSupport, detect } from '../cgroups/detect.js'
import { reasonOf } from '../cgroups/folders.js'
import { Group, type GroupParents, type Wait } from '../cgroups/group.js'
import type { KernelTimers } from '../clock/clock.js'
import { assert } from '../domain/assert.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { chooseFreezer, type FreezerChoice } from '../freezer/choose.js'
import { type FreezerBackend, noFreezer } from '../freezer/freezer.js'
import { ProcessTree } from '../freezer/process-tree.js'
import { signalEscapes, signalFreezer } from '../freezer/signal-freezer.js'
import { type Containment, groupContainment, treeContainment } from './containment.js'
import { bootId, ownIdentity, type ProcessIdentity, subtreeName } from './identity.js'
import { makeEnvironment, removeEnvironment } from './records.js'
import { Sandbox } from './sandbox.js'

export interface SandboxFactoryOptions {
  readonly stateDirectory: string
  /** Takes exactly this freezer, or throws; the best that works when left out. */
  readonly freeze?: FreezerBackend | undefined
  readonly timers: KernelTimers
  /** What `detect` found; looked up when left out. */
  readonly support?: CgroupSupport
}

export interface SandboxFactory {
  readonly backend: FreezerBackend
  readonly escapes: readonly string[]
  /** Why each better freezer was not taken. */
  readonly passedOver: readonly string[]
  /**
   * `logStreamName` must be unique to the environment and be given to its processes as
   * AWS_LAMBDA_LOG_STREAM_NAME: without control groups it is how they are found.
   * @throws EmulatorError EMU_STATE_DIRECTORY, or the error of mkdir(2) on a group.
   */
  create(id: string, names: { readonly logStreamName: string }): Sandbox
  /** Removes what the daemon's subtree was; every sandbox must be removed before. */
  close(): Promise<void>
}

let factoriesMade = 0

/** Call it once a daemon, after `sweep`. Takes about 30 ms. @throws EmulatorError EMU_FREEZER_UNAVAILABLE */
export async function createSandboxFactory(
  options: SandboxFactoryOptions,
): Promise<SandboxFactory> {
  const { stateDirectory, timers } = options
  const support = options.support ?? detect()
  const daemon = ownIdentity()
  const wait: Wait = (durationMs) => timers.sleep(durationMs)
  const probeName = `lambda-emu-probe-${daemon.pid}-${daemon.startTime}`
  const preference = options.freeze
  const choice = await chooseFreezer({ preference, support, probeName, wait })
  const parents = makeSubtree(choice, daemon)
  const boot = bootId()
  const open = new Set<Sandbox>()
  factoriesMade += 1
  const factory = factoriesMade
  // Environments of several emulators in one process have the same ids and share the daemon's subtree.
  const groupName = (id: string) => `${factory}-${id}`
  return {
    backend: choice.backend,
    escapes: escapesOf(choice.backend),
    passedOver: choice.passedOver,
    create(id, { logStreamName }) {
      const record = { id, pid: null, startTime: null, logStreamName, daemon, bootId: boot }
      makeEnvironment(stateDirectory, record)
      try {
        const containment = contain(groupName(id), logStreamName, choice.backend, parents, timers)
        const onRemoved = () => open.delete(sandbox)
        const sandbox: Sandbox = new Sandbox({
          stateDirectory,
          record,
          containment,
          wait,
          onRemoved,
        })
        open.add(sandbox)
        return sandbox
      } catch (error) {
        removeEnvironment(stateDirectory, id)
        throw error
      }
    },
    async close() {
      const ends = await Promise.allSettled([...open].map((sandbox) => sandbox.remove()))
      removeSubtree(parents)
      const failed = ends.find((end) => end.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },
  }
}

function escapesOf(backend: FreezerBackend): readonly string[] {
  if (backend === 'none') return noFreezer.escapes
  return backend === 'signal' ? signalEscapes : []
}

function contain(
  groupName: string,
  logStreamName: string,
  backend: FreezerBackend,
  parents: GroupParents | undefined,
  timers: KernelTimers,
): Containment {
  if (parents !== undefined) {
    assert(backend === 'v2' || backend === 'v1', 'only cgroup freezers need groups')
    return groupContainment(Group.make(groupName, parents), backend)
  }
  const tree = new ProcessTree(`AWS_LAMBDA_LOG_STREAM_NAME=${logStreamName}`)
  const after = (durationMs: number, run: () => void) => timers.after(durationMs, run)
  return treeContainment(tree, backend === 'none' ? noFreezer : signalFreezer(tree, after))
}

/** One folder a hierarchy, named after the daemon; the same daemon finds its own again. */
function makeSubtree(choice: FreezerChoice, daemon: ProcessIdentity): GroupParents | undefined {
  const { parents, backend } = choice
  if (parents === undefined) return undefined
  const name = subtreeName(daemon)
  const below = (folder: string) => join(folder, name)
  const subtree: GroupParents = {
    ...(parents.v2 === undefined ? {} : { v2: below(parents.v2) }),
    v1: Object.fromEntries(
      Object.entries(parents.v1 ?? {}).map(([controller, folder]) => [controller, below(folder)]),
    ),
  }
  for (const folder of foldersOf(subtree)) {
    try {
      mkdirSync(folder)
    } catch (error) {
      if (reasonOf(error) === 'EEXIST') continue
      const reason = `${folder}: ${reasonOf(error)}`
      throw new EmulatorError('EMU_FREEZER_UNAVAILABLE', { backend, reason })
    }
  }
  return subtree
}

function removeSubtree(subtree: GroupParents | undefined): void {
  for (const folder of foldersOf(subtree ?? {})) {
    try {
      rmdirSync(folder)
    } catch (error) {
      // Another factory of this process may still have environments in it, or has removed it already.
      if (!/^(EBUSY|ENOTEMPTY|ENOENT)$/.test(reasonOf(error))) throw error
    }
  }
}

function foldersOf(parents: GroupParents): string[] {
  const v1 = Object.values(parents.v1 ?? {})
  return [...new Set(parents.v2 === undefined ? v1 : [parents.v2, ...v1])]
}
