// The process tree of one environment and its /tmp: start, freeze, measure, kill, remove.

import type { Wait } from '../cgroups/group.js'
import { assert } from '../domain/assert.js'
import type { Freezer } from '../freezer/freezer.js'
import type { Containment } from './containment.js'
import { identityOf } from './identity.js'
import { memoryOfProcesses } from './process-memory.js'
import {
  type EnvironmentRecord,
  environmentPaths,
  removeEnvironment,
  writeRecord,
} from './records.js'
import {
  type ProcessSpec,
  type SandboxedProcess,
  type StartedProcess,
  startProcess,
} from './spawn.js'

export interface Usage {
  /** Of everything that ran since the sandbox was made; with `signal`, since the last kill. */
  readonly cpuUs: number
  /** Peak anonymous memory of each live process, plus the largest file part once. */
  readonly memoryBytes: number
}

export interface SandboxParts {
  readonly stateDirectory: string
  readonly record: EnvironmentRecord
  readonly containment: Containment
  readonly wait: Wait
  readonly onRemoved: () => void
}

export class Sandbox {
  readonly id: string
  /** The environment's own folder for /tmp; kept over kills, gone with remove. */
  readonly tmpFolder: string
  readonly freezer: Freezer
  private readonly parts: SandboxParts
  private readonly live = new Set<StartedProcess>()
  private ending = 0
  private removing: Promise<void> | undefined

  constructor(parts: SandboxParts) {
    this.parts = parts
    this.id = parts.record.id
    this.tmpFolder = environmentPaths(parts.stateDirectory, this.id).tmp
    this.freezer = parts.containment.freezer
  }

  /**
   * Starts a process in a session of its own: standard input empty, both outputs to `spec.output`, no other
   * descriptor. It is in its control group before its first instruction.
   * @throws SpawnFailure when the program cannot be started; nothing runs then.
   */
  async start(spec: ProcessSpec): Promise<SandboxedProcess> {
    assert(this.removing === undefined, 'a removed sandbox starts nothing')
    assert(this.ending === 0, 'nothing is started while the sandbox is being killed')
    const { containment, record, stateDirectory } = this.parts
    const started = await startProcess(spec, containment.joinPaths)
    this.live.add(started)
    void started.exited.then(() => this.live.delete(started))
    containment.started(started.pid)
    const identity = identityOf(started.pid)
    if (identity !== undefined) writeRecord(stateDirectory, { ...record, ...identity })
    return { pid: started.pid, exited: started.exited }
  }

  usage(): Usage {
    const { containment } = this.parts
    return { cpuUs: containment.cpuUs(), memoryBytes: memoryOfProcesses(containment.pids()) }
  }

  /** Every live process of the environment, whoever started it. */
  pids(): readonly number[] {
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

  private async removeAll(): Promise<void> {
    await this.kill()
    await this.parts.containment.remove(this.parts.wait)
    removeEnvironment(this.parts.stateDirectory, this.id)
    this.parts.onRemoved()
  }

  private async killTree(): Promise<void> {
    const { containment, wait } = this.parts
    // A process that has not joined its group yet is only reached directly.
    for (const started of this.live) started.child.kill('SIGKILL')
    await containment.killAll(wait)
    await Promise.all([...this.live].map((started) => started.exited))
    // It may have joined, and forked, between the two.
    await containment.killAll(wait)
    this.freezer.thaw()
  }
}
