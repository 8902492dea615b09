// The process tree of one environment and its /tmp: start, freeze, measure, kill, remove.

import type { Wait } from '../cgroups/group.js'
import { assert } from '../domain/assert.js'
import type { Freezer } from '../freezer/freezer.js'
import { sendSignal } from '../freezer/holds.js'
import { childrenOf, readProcess } from '../procfs/process.js'
import type { Containment } from './containment.js'
import type { Guardian } from './guardian.js'
import { identityOf } from './identity.js'
import type { Network } from './network.js'
import { memoryOfProcesses } from './process-memory.js'
import { type EnvironmentRecord, removeEnvironment, writeRecord } from './records.js'
import type { Resources } from './resources.js'
import type { OwnProcess, ProcessSpec, StartedProcess } from './spawn.js'
import type { TmpStorage } from './storage.js'
import type { View } from './view.js'

export interface Usage {
  /** Of everything that ran since the sandbox was made. */
  readonly cpuUs: number
  /** Peak anonymous memory of each live process, plus the largest file part once. */
  readonly memoryBytes: number
}

export interface SandboxParts {
  readonly stateDirectory: string
  readonly record: EnvironmentRecord
  readonly containment: Containment
  readonly freezer: Freezer
  readonly storage: TmpStorage
  readonly resources: Resources
  readonly view: View
  readonly guardian: Guardian | undefined
  /** Its own, where it has one. */
  readonly network?: Network | undefined
  /** How many processes of ours stand between the one that is started and the program. */
  readonly programDepth: 0 | 1 | 2
  /** Resolves when the process is there, before it is ready. */
  readonly launch: (spec: ProcessSpec) => Promise<StartedProcess>
  readonly wait: Wait
  readonly onRemoved: () => void
}

export class Sandbox {
  readonly id: string
  /** The folder that is the environment's /tmp; kept over kills, gone with remove. */
  readonly tmpFolder: string
  /** What is behind that folder, to be removed by nobody but `remove`. */
  readonly storage: Omit<TmpStorage, 'remove'>
  /** Under which names its processes see their folders. */
  readonly view: View
  readonly freezer: Freezer
  private readonly parts: SandboxParts
  private readonly live = new Set<StartedProcess>()
  private readonly launching = new Set<Promise<StartedProcess>>()
  private lastUsage: Usage = { cpuUs: 0, memoryBytes: 0 }
  private ending = 0
  private removing: Promise<void> | undefined
  /** Its groups are being taken away, or are gone. */
  private emptied = false

  constructor(parts: SandboxParts) {
    this.parts = parts
    this.id = parts.record.id
    this.tmpFolder = parts.storage.folder
    this.storage = parts.storage
    this.view = parts.view
    this.freezer = watchedFreezer(parts.freezer, parts.resources)
  }

  /**
   * Starts a process in a session of its own: standard input empty, both outputs to `spec.output`, no other
   * descriptor but the channel, if asked for. Paths in `spec` are the host's. It is in its control group before its first instruction.
   * @throws SpawnFailure when the program cannot be started, Error when its sandbox cannot; nothing runs then.
   */
  async start(spec: ProcessSpec): Promise<OwnProcess> {
    assert(this.removing === undefined, 'a removed sandbox starts nothing')
    assert(this.ending === 0, 'nothing is started while the sandbox is being killed')
    this.parts.resources.starting()
    const launching = this.launch(spec)
    this.launching.add(launching)
    const started = await launching.finally(() => this.launching.delete(launching))
    try {
      await started.ready
    } catch (error) {
      started.channel?.destroy()
      throw error
    }
    const { pid, exited, channel } = started
    return {
      pid,
      exited,
      kill: () => started.child.kill('SIGKILL'),
      terminate: () => this.terminate(started),
      ...(channel === undefined ? {} : { channel }),
    }
  }

  private terminate(started: StartedProcess): void {
    if (!this.live.has(started)) return
    const program = descendantOf(started.pid, this.parts.programDepth)
    if (program !== undefined) sendSignal(program, 'SIGTERM')
  }

  private async launch(spec: ProcessSpec): Promise<StartedProcess> {
    const { containment, guardian, launch } = this.parts
    const started = await launch(spec)
    const { pid } = started
    if (pid === 0) await started.ready
    this.live.add(started)
    containment.started(pid)
    this.note(pid)
    void started.exited.then(() => {
      this.live.delete(started)
      guardian?.forget(pid)
    })
    return started
  }

  /** Init has ended: from here on the environment has only the CPU that its memory buys. */
  initialized(): void {
    this.parts.resources.initialized()
  }

  usage(): Usage {
    // What counts it is being taken away.
    if (this.removing !== undefined) return this.lastUsage
    const { containment, resources } = this.parts
    const memoryBytes = Math.max(memoryOfProcesses(containment.pids()), resources.memoryPeakBytes())
    this.lastUsage = { cpuUs: containment.cpuUs(), memoryBytes }
    return this.lastUsage
  }

  /** Whether something in it was killed for want of memory since its processes were started, or since `outlived`. */
  ranOutOfMemory(): boolean {
    return this.parts.resources.ranOutOfMemory()
  }

  /** An invocation has ended well, whoever was killed in it: what dies later does not die of that. */
  outlived(): void {
    // What counts it is being taken away.
    if (this.removing === undefined) this.parts.resources.outlived()
  }

  /** Without control groups its processes are also told by their variables: each of them needs them. */
  get foundByVariables(): boolean {
    return this.parts.containment.group === undefined
  }

  /** Where the daemon reaches what listens inside; undefined: at the loopback that all share. */
  get address(): string | undefined {
    return this.parts.network?.address
  }

  /** After a thaw: when the daemon can reach it at its address, at once where that is always so. */
  whenReachable(run: () => void): void {
    const { network } = this.parts
    if (network === undefined) run()
    else network.whenUp(run)
  }

  /** Ends what was started, as a crash does: the next start finds another network. */
  networkLost(): void {
    if (this.removing !== undefined) return
    for (const started of this.live) started.child.kill('SIGKILL')
  }

  /** Every live process of the environment, whoever started it. */
  pids(): readonly number[] {
    if (this.removing !== undefined) return []
    return this.parts.containment.pids()
  }

  /**
   * Ends the whole tree, frozen or not. When it resolves everything is dead, what `start` started is reaped
   * (init reaps the orphans, at its own pace), and the sandbox can start again, thawed. @throws Error when a process does not die in 30 s.
   */
  async kill(): Promise<void> {
    this.ending += 1
    try {
      await this.killTree()
    } finally {
      this.ending -= 1
    }
  }

  /** Kills, then takes away the groups, /tmp and the record. Calling it again waits for the same end. */
  remove(): Promise<void> {
    this.removing ??= this.removeAll().catch((error: unknown) => {
      // What held it back may be over at the next try, at the latest when the daemon stops.
      this.removing = undefined
      throw error
    })
    return this.removing
  }

  private note(pid: number): void {
    const identity = identityOf(pid)
    if (identity === undefined) return
    writeRecord(this.parts.stateDirectory, { ...this.parts.record, ...identity })
    this.parts.guardian?.watch(identity)
  }

  private async removeAll(): Promise<void> {
    await this.kill()
    this.emptied = true
    this.parts.resources.close()
    // First: a thaw that waits for the link writes into the group.
    await this.parts.network?.close()
    await this.parts.containment.remove(this.parts.wait)
    await this.parts.storage.remove()
    removeEnvironment(this.parts.stateDirectory, this.id)
    this.parts.onRemoved()
  }

  private async killTree(): Promise<void> {
    const { containment, wait, resources } = this.parts
    await Promise.allSettled(this.launching)
    // A process that has not joined its group yet is only reached directly.
    for (const started of this.live) started.child.kill('SIGKILL')
    await containment.killAll(wait)
    await Promise.all([...this.live].map((started) => started.exited))
    // It may have joined, and forked, between the two.
    await containment.killAll(wait)
    // Another end may have overtaken this one.
    if (this.emptied) return
    resources.ended()
    this.parts.freezer.thaw()
  }
}

/** The program below its supervisor, and below its init where there is one: the first that each of them has started. */
function descendantOf(pid: number, depth: number): number | undefined {
  let found: number | undefined = pid
  for (let each = 0; each < depth && found !== undefined; each += 1) {
    const parent = readProcess(found)
    found = parent === undefined ? undefined : childrenOf(parent)[0]
  }
  return found
}

/** While it is frozen nothing is allotted and nothing measured. */
function watchedFreezer(freezer: Freezer, resources: Resources): Freezer {
  return {
    backend: freezer.backend,
    escapes: freezer.escapes,
    freeze() {
      freezer.freeze()
      resources.frozen()
    },
    thaw() {
      resources.thawing()
      freezer.thaw()
    },
    state: () => freezer.state(),
  }
}
