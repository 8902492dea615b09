// One control group of ours over whichever hierarchies it needs: freeze, thaw, kill, read usage, remove. Knows nothing of Lambda.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ControlFiles } from './control-files.js'
import { type GroupFolders, isGone, kernelFolders, reasonOf, subfoldersOf } from './folders.js'
import { GroupLimits } from './group-limits.js'

/** Waits that many milliseconds; given by the caller, since this module owns no timers. */
export type Wait = (durationMs: number) => Promise<void>

/** Parent folders in which the group is made: one of the v2 tree, or one for each v1 controller wanted. */
export interface GroupParents {
  readonly v2?: string
  readonly v1?: Readonly<Record<string, string>>
}

export interface GroupSystem {
  readonly folders: GroupFolders
  readonly sendSignal: (pid: number, signal: NodeJS.Signals) => void
}

const kernelSystem: GroupSystem = {
  folders: kernelFolders,
  sendSignal: (pid, signal) => {
    process.kill(pid, signal)
  },
}

export type GroupState = 'running' | 'freezing' | 'frozen'

/** How long a killed group may take to be empty before that is an error: only a process stuck in the kernel needs longer. */
const EMPTY_WITHIN_MS = 30_000
const WAIT_MS_MAX = 16

/** What freezes and counts at every request goes through descriptors that are kept. */
export class Group {
  readonly name: string
  /** What the group may use, and what is counted against that. */
  readonly limits: GroupLimits
  private readonly system: GroupSystem
  /** The group's folder in the v2 tree; undefined when it has none there. */
  readonly v2Folder: string | undefined
  private readonly v1Folders: ReadonlyMap<string, string>
  private readonly freezeFile: string | undefined
  private readonly files = new ControlFiles()
  private killedAsOne = false

  private constructor(name: string, parents: GroupParents, system: GroupSystem) {
    this.name = name
    this.system = system
    this.v2Folder = parents.v2 === undefined ? undefined : join(parents.v2, name)
    const v1 = Object.entries(parents.v1 ?? {})
    this.v1Folders = new Map(v1.map(([controller, parent]) => [controller, join(parent, name)]))
    const freezer = this.v1Folders.get('freezer')
    if (this.v2Folder !== undefined) this.freezeFile = join(this.v2Folder, 'cgroup.freeze')
    else this.freezeFile = freezer === undefined ? undefined : join(freezer, 'freezer.state')
    this.limits = new GroupLimits(this.v2Folder, this.v1Folders, this.files)
  }

  /** Makes the group's folders. @throws the error of mkdir(2), leaving nothing behind. */
  static make(name: string, parents: GroupParents, system = kernelSystem): Group {
    const group = new Group(name, parents, system)
    const made: string[] = []
    try {
      for (const folder of group.folders) {
        system.folders.make(folder)
        made.push(folder)
      }
    } catch (error) {
      for (const folder of made) system.folders.remove(folder)
      throw error
    }
    return group
  }

  /** A group that is there already, perhaps in only some of the hierarchies: what a sweep finds. */
  static existing(name: string, parents: GroupParents, system = kernelSystem): Group {
    return new Group(name, parents, system)
  }

  /** Every folder of the group, one for each hierarchy. */
  get folders(): readonly string[] {
    const folders = [...this.v1Folders.values()]
    return [...new Set(this.v2Folder === undefined ? folders : [this.v2Folder, ...folders])]
  }

  /**
   * The files into which a process that has one thread writes `0` to be in the group; the freezing one comes last. By
   * `tasks` the kernel moves the writing thread alone, which takes 0.03 ms; by `cgroup.procs` it first waits for every
   * fork and exit on the machine, 7 ms and more. Source: measured on Linux 6.18; `cgroup_procs_write_start`.
   */
  get joinPaths(): readonly string[] {
    const freezing = this.v2Folder ?? this.v1Folders.get('freezer')
    const others = this.folders.filter((folder) => folder !== freezing)
    const ordered = freezing === undefined ? others : [...others, freezing]
    return ordered.map((folder) =>
      join(folder, folder === this.v2Folder ? 'cgroup.procs' : 'tasks'),
    )
  }

  /** Returns at once; the kernel stops the processes on its own. @throws the error of write(2). */
  freeze(): void {
    this.files.write(this.freezing(), this.v2Folder === undefined ? 'FROZEN' : '1')
  }

  /** Returns at once. @throws the error of write(2). */
  thaw(): void {
    this.files.write(this.freezing(), this.v2Folder === undefined ? 'THAWED' : '0')
  }

  /**
   * Whether a process can be born in the group (CLONE_INTO_CGROUP). Once `cgroup.kill` was used the kernel kills
   * whoever is, because it compares the kill with those of the parent's group; joining is safe. Source: Linux 6.18.
   */
  get canBeBornIn(): boolean {
    return this.v2Folder !== undefined && !this.killedAsOne
  }

  /** Asks the kernel. On v1 the reading itself moves FREEZING on to FROZEN. */
  state(): GroupState {
    if (this.v2Folder === undefined) {
      const word = this.files.read(this.freezing()).trim()
      return word === 'FROZEN' ? 'frozen' : word === 'FREEZING' ? 'freezing' : 'running'
    }
    if (/^frozen 1$/m.test(this.files.read(join(this.v2Folder, 'cgroup.events')))) return 'frozen'
    const wanted = this.files.read(this.freezing()).trim() === '1'
    return wanted ? 'freezing' : 'running'
  }

  /** Pids in the group and below it. 0 stands for a process of a pid namespace that this one cannot see. */
  procs(): number[] {
    const top = this.v2Folder ?? this.v1Folders.get('freezer') ?? this.folders[0]
    if (top === undefined) return []
    return [...subfoldersOf(top), top].flatMap(pidsIn)
  }

  populated(): boolean {
    const events = this.v2Folder === undefined ? undefined : join(this.v2Folder, 'cgroup.events')
    if (events === undefined || !existsSync(events)) return this.procs().length > 0
    try {
      return /^populated 1$/m.test(this.files.read(events))
    } catch (error) {
      if (isGone(error)) return false
      throw error
    }
  }

  /**
   * Kills whatever is in the group now, frozen or not; returns before it is dead.
   * v2 `cgroup.kill` cannot be outrun by forks. v1 stops them first, and must thaw afterwards: a task that
   * is frozen there does not even die of SIGKILL. Forks may outrun one round of that: `killAll` repeats it.
   */
  kill(): void {
    if (this.v2Folder !== undefined && existsSync(join(this.v2Folder, 'cgroup.kill'))) {
      this.files.write(join(this.v2Folder, 'cgroup.kill'), '1')
      this.killedAsOne = true
      return
    }
    const freezes = this.freezeFile !== undefined
    if (freezes) this.freeze()
    for (const pid of this.procs()) this.signalKill(pid)
    if (freezes) this.thaw()
    this.thawSubfolders()
  }

  /**
   * Kills until nothing is left. Another may remove the group meanwhile, as a guardian does beside a sweep: only an
   * empty one can be. @throws Error when something does not die in `withinMs`.
   */
  async killAll(wait: Wait, withinMs = EMPTY_WITHIN_MS): Promise<void> {
    let waitedMs = 0
    for (let pauseMs = 1; this.populated(); pauseMs = Math.min(pauseMs * 2, WAIT_MS_MAX)) {
      if (waitedMs > withinMs) {
        throw new Error(`processes ${this.procs().join(' ')} of ${this.name} do not die`)
      }
      try {
        this.kill()
      } catch (error) {
        if (!isGone(error)) throw error
      }
      await wait(pauseMs)
      waitedMs += pauseMs
    }
  }

  /** CPU time used by everything that ever ran in the group; undefined when no hierarchy of it counts. Microseconds. */
  cpuUs(): number | undefined {
    const cpuacct = this.v1Folders.get('cpuacct')
    if (cpuacct !== undefined) return Number(this.files.read(join(cpuacct, 'cpuacct.usage'))) / 1000
    if (this.v2Folder === undefined) return undefined
    const match = /^usage_usec (\d+)$/m.exec(this.files.read(join(this.v2Folder, 'cpu.stat')))
    return match === null ? undefined : Number(match[1])
  }

  /** Memory charged now; undefined when no memory controller is on the group. */
  memoryBytes(): number | undefined {
    const v1 = this.v1Folders.get('memory')
    if (v1 !== undefined) return Number(this.files.read(join(v1, 'memory.usage_in_bytes')))
    const v2 = this.v2Folder === undefined ? undefined : join(this.v2Folder, 'memory.current')
    return v2 !== undefined && existsSync(v2) ? Number(this.files.read(v2)) : undefined
  }

  /**
   * Removes the folders, children first, each once it is empty. Closes what is kept open.
   * The kernel says EBUSY until the last task is fully gone, so that is waited for.
   * @throws the error of rmdir(2) when it still says so after 30 s.
   */
  async remove(wait: Wait): Promise<void> {
    this.close()
    for (const folder of this.folders.flatMap((top) => [...subfoldersOf(top), top])) {
      let waitedMs = 0
      for (let pauseMs = 1; !this.removed(folder, waitedMs > EMPTY_WITHIN_MS); ) {
        await wait(pauseMs)
        waitedMs += pauseMs
        pauseMs = Math.min(pauseMs * 2, WAIT_MS_MAX)
      }
    }
  }

  /** Gives back the kept descriptors; the next use opens them again. */
  close(): void {
    this.files.close()
  }

  private removed(folder: string, lastTry: boolean): boolean {
    try {
      this.system.folders.remove(folder)
      return true
    } catch (error) {
      if (isGone(error)) return true
      if (reasonOf(error) === 'EBUSY' && !lastTry) return false
      throw error
    }
  }

  /** A function that runs as root can have made groups below its own and frozen them itself. */
  private thawSubfolders(): void {
    const freezer = this.v2Folder ?? this.v1Folders.get('freezer')
    if (freezer === undefined) return
    const [file, word] =
      this.v2Folder === undefined ? ['freezer.state', 'THAWED'] : ['cgroup.freeze', '0']
    for (const folder of subfoldersOf(freezer)) writeFileSync(join(folder, file), word)
  }

  private freezing(): string {
    if (this.freezeFile !== undefined) return this.freezeFile
    throw new Error(`group ${this.name} is in no hierarchy that freezes`)
  }

  private signalKill(pid: number): void {
    // 0 would address our own process group.
    if (pid <= 0) return
    try {
      this.system.sendSignal(pid, 'SIGKILL')
    } catch (error) {
      if (reasonOf(error) !== 'ESRCH') throw error
    }
  }
}

function pidsIn(folder: string): number[] {
  try {
    const text = readFileSync(join(folder, 'cgroup.procs'), 'latin1')
    return text.split('\n').filter(Boolean).map(Number)
  } catch (error) {
    if (isGone(error)) return []
    throw error
  }
}
