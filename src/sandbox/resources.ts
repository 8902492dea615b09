// What one environment may use: memory, tasks and, once init has ended, CPU; by the kernel's limits, or by ours where it has none.

import type { Group } from '../cgroups/group.js'
import type { CpuQuota } from '../cgroups/group-limits.js'
import type { WatchedMemory } from './memory-watch.js'

/** What a function's memory size buys. */
export interface Allowance {
  readonly memoryBytes: number
  /** Undefined: as much CPU as there is. `share` is the same as a part of one CPU. */
  readonly cpu: { readonly quota: CpuQuota; readonly share: number } | undefined
  /** Processes and threads together. */
  readonly tasksMax: number
}

/** Stands in for the kernel where it has no CPU quota: stops and continues the processes. See DutyCycle. */
export interface Throttle {
  run(): void
  rest(): void
  end(): void
}

export interface ResourcesParts {
  readonly group: Group | undefined
  readonly allowance: Allowance | undefined
  /** Undefined where the group has a quota, or none is wanted. */
  readonly throttle: Throttle | undefined
  /** Begins to watch the memory of processes about to be started; `exceeded` when it ended one of them. */
  readonly watch: ((exceeded: () => void) => WatchedMemory) | undefined
}

export class Resources {
  readonly #parts: ResourcesParts
  #initialized = false
  #oomKillsBefore = 0
  #watched: WatchedMemory | undefined
  #exceeded = false

  /** Sets what holds from the first instruction on. @throws the error of write(2) on a control file. */
  constructor(parts: ResourcesParts) {
    this.#parts = parts
    const { group, allowance } = parts
    if (group === undefined || allowance === undefined) return
    if (group.limits.has('memory')) group.limits.setMemoryLimit(allowance.memoryBytes)
    if (group.limits.has('pids')) group.limits.setPidsMax(allowance.tasksMax)
  }

  starting(): void {
    this.#oomKillsBefore = this.#oomKills()
    this.#exceeded = false
    this.#watched?.close()
    this.#watched = this.#parts.watch?.(() => {
      this.#exceeded = true
    })
    this.#watched?.run()
  }

  /** The quota is set once and never touched around a freeze: each write would give the group a full one. */
  initialized(): void {
    if (this.#initialized) return
    this.#initialized = true
    const { group, allowance, throttle } = this.#parts
    if (allowance?.cpu === undefined) return
    if (group?.limits.has('cpu')) group.limits.setCpuQuota(allowance.cpu.quota)
    else throttle?.run()
  }

  frozen(): void {
    this.#parts.throttle?.rest()
    this.#watched?.rest()
  }

  /** Before the processes go on: who is in debt gets nothing out of a thaw. */
  thawing(): void {
    if (this.#initialized) this.#parts.throttle?.run()
    this.#watched?.run()
  }

  /** The processes are gone; the next ones begin with an init, which is not throttled. */
  ended(): void {
    this.#parts.throttle?.end()
    this.#watched?.rest()
    if (this.#initialized && this.#parts.group?.limits.has('cpu'))
      this.#parts.group.limits.setCpuQuota('none')
    this.#initialized = false
  }

  /** What was killed so far did not end the function: who dies later does not die of that. */
  outlived(): void {
    this.#oomKillsBefore = this.#oomKills()
    this.#exceeded = false
  }

  ranOutOfMemory(): boolean {
    return this.#oomKills() > this.#oomKillsBefore || this.#exceeded
  }

  /** What the group itself counts without page cache, and what was seen between measurements; all there is, once it ran out. */
  memoryPeakBytes(): number {
    if (this.ranOutOfMemory()) return this.#parts.allowance?.memoryBytes ?? 0
    const own = this.#parts.group?.limits.anonymousBytes() ?? 0
    return Math.max(own, this.#watched?.peakBytes ?? 0)
  }

  close(): void {
    this.#watched?.close()
  }

  #oomKills(): number {
    return this.#parts.group?.limits.oomKills() ?? 0
  }
}
