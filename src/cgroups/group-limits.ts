// What one control group may use, and what the kernel counts against that: CPU quota, memory, tasks. Knows nothing of Lambda.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type ControlFiles, readOnce, writeOnce } from './control-files.js'
import { isGone, subfoldersOf } from './folders.js'

export type LimitController = 'cpu' | 'memory' | 'pids'

/** The file that sets the limit, and whose presence says that the controller is on the group. */
export const limitFiles: Readonly<Record<LimitController, Readonly<Record<1 | 2, string>>>> = {
  cpu: { 1: 'cpu.cfs_quota_us', 2: 'cpu.max' },
  memory: { 1: 'memory.limit_in_bytes', 2: 'memory.max' },
  pids: { 1: 'pids.max', 2: 'pids.max' },
}

/** CPU time for each period, both in microseconds. */
export interface CpuQuota {
  readonly quotaUs: number
  readonly periodUs: number
}

/** Source: Linux, kernel/sched/core.c; 999 µs was seen to be refused. */
const QUOTA_US_MIN = 1_000
const PERIOD_US_MIN = 1_000
const PERIOD_US_MAX = 1_000_000

interface Place {
  readonly version: 1 | 2
  readonly folder: string
}

/** Setters throw when `has` denies the controller; getters are then undefined. */
export class GroupLimits {
  private readonly places = new Map<LimitController, Place>()

  constructor(
    private readonly v2Folder: string | undefined,
    private readonly v1Folders: ReadonlyMap<string, string>,
    private readonly files: ControlFiles,
  ) {}

  has(controller: LimitController): boolean {
    return this.placeOf(controller) !== undefined
  }

  /** As the kernel has it now; undefined without the controller. */
  cpuQuota(): CpuQuota | 'none' | undefined {
    const place = this.placeOf('cpu')
    if (place === undefined) return undefined
    const { quotaUs, periodUs } = quotaOf(place)
    return quotaUs < 0 ? 'none' : { quotaUs, periodUs }
  }

  /**
   * Each write gives the group a full quota at once, so one that is set already is not written again.
   * @throws RangeError for what no kernel takes; the error of write(2).
   */
  setCpuQuota(wanted: CpuQuota | 'none'): void {
    const place = this.demand('cpu')
    if (wanted !== 'none') checkQuota(wanted)
    for (const [file, text] of quotaWrites(place.version, quotaOf(place), wanted)) {
      writeOnce(join(place.folder, file), text)
    }
  }

  /**
   * Memory of everything in the group, without any swap beside it.
   * @throws RangeError; EBUSY when more than that is in use and cannot be taken back: the old limit then stays
   * and nothing is killed. v1 says so itself; v2 would kill instead, so that what cannot be taken back is read before.
   */
  setMemoryLimit(limitBytes: number): void {
    const place = this.demand('memory')
    checkCount(limitBytes, 'memory limit')
    const file = (name: string) => join(place.folder, name)
    if (place.version === 2) {
      const heldBytes = this.anonymousBytes() ?? 0
      if (heldBytes > limitBytes) throw busy(file('memory.max'), heldBytes)
      writeIfThere(file('memory.swap.max'), '0')
      writeOnce(file('memory.max'), String(limitBytes))
      return
    }
    writeIfThere(file('memory.swappiness'), '0')
    const memsw = 'memory.memsw.limit_in_bytes'
    const withSwap = existsSync(file(memsw)) ? Number(readOnce(file(memsw))) : undefined
    const writes = ['memory.limit_in_bytes', ...(withSwap === undefined ? [] : [memsw])]
    // The limit with swap may never be below the one without.
    if (withSwap !== undefined && limitBytes > withSwap) writes.reverse()
    for (const name of writes) writeOnce(file(name), String(limitBytes))
  }

  /** Most processes and threads at a time, together; a fork beyond says EAGAIN. @throws RangeError; the error of write(2). */
  setPidsMax(count: number): void {
    const { folder } = this.demand('pids')
    checkCount(count, 'number of tasks')
    writeOnce(join(folder, 'pids.max'), String(count))
  }

  /**
   * Processes that the kernel killed for want of memory, ever. A count of a reused group does not start at 0:
   * compare. Undefined without the controller, or on v1 before Linux 4.13.
   */
  oomKills(): number | undefined {
    const place = this.placeOf('memory')
    if (place === undefined) return undefined
    if (place.version === 2)
      return countOf(readOnce(join(place.folder, 'memory.events')), 'oom_kill')
    // v1 counts a kill where the process was, which may be a group that a function made below its own.
    const counts = [place.folder, ...subfoldersOf(place.folder)].map((folder) =>
      countOf(readIfThere(join(folder, 'memory.oom_control')) ?? '', 'oom_kill'),
    )
    if (counts[0] === undefined) return undefined
    return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
  }

  /**
   * Memory that no file on a disk stands behind: heaps, stacks, shared memory, tmpfs; up to 0.5 MB behind the truth,
   * since the kernel counts in batches. Page cache, which fills any limit once files are written, is not in it. Bytes.
   */
  anonymousBytes(): number | undefined {
    const place = this.placeOf('memory')
    if (place === undefined) return undefined
    const text = this.files.read(join(place.folder, 'memory.stat'))
    const names = place.version === 2 ? ['anon', 'shmem'] : ['total_rss', 'total_shmem']
    // v1 `rss` has no shared memory in it: seen with 30 MB of tmpfs on Linux 6.18.
    return names.reduce((sum, name) => sum + (countOf(text, name) ?? 0), 0)
  }

  /** How long processes of the group stood still for want of quota, summed over processors. Microseconds. */
  throttledUs(): number | undefined {
    const place = this.placeOf('cpu')
    if (place === undefined) return undefined
    const text = readOnce(join(place.folder, 'cpu.stat'))
    if (place.version === 2) return countOf(text, 'throttled_usec')
    const throttledNs = countOf(text, 'throttled_time')
    return throttledNs === undefined ? undefined : throttledNs / 1_000
  }

  private demand(controller: LimitController): Place {
    const place = this.placeOf(controller)
    if (place !== undefined) return place
    throw new Error(`the group has no ${controller} controller`)
  }

  /** Only what was found is remembered: on v2 a controller can be enabled later. */
  private placeOf(controller: LimitController): Place | undefined {
    const held = this.places.get(controller)
    if (held !== undefined) return held
    const candidates = [
      { version: 1 as const, folder: this.v1Folders.get(controller) },
      { version: 2 as const, folder: this.v2Folder },
    ]
    for (const { version, folder } of candidates) {
      if (folder === undefined) continue
      if (!existsSync(join(folder, limitFiles[controller][version]))) continue
      const place = { version, folder }
      this.places.set(controller, place)
      return place
    }
    return undefined
  }
}

/**
 * The writes that lead from one quota to another, in an order in which the state between is legal and no looser
 * than both. `quotaUs` of the current one is -1 for none. v2 takes both figures at once.
 */
export function quotaWrites(
  version: 1 | 2,
  current: CpuQuota,
  wanted: CpuQuota | 'none',
): readonly (readonly [file: string, text: string])[] {
  const limited = current.quotaUs >= 0
  if (wanted === 'none') {
    if (!limited) return []
    return [version === 2 ? ['cpu.max', 'max'] : ['cpu.cfs_quota_us', '-1']]
  }
  const samePeriod = wanted.periodUs === current.periodUs
  if (samePeriod && wanted.quotaUs === current.quotaUs) return []
  if (version === 2) return [['cpu.max', `${wanted.quotaUs} ${wanted.periodUs}`]]
  const quota = ['cpu.cfs_quota_us', String(wanted.quotaUs)] as const
  const period = ['cpu.cfs_period_us', String(wanted.periodUs)] as const
  if (samePeriod) return [quota]
  if (wanted.quotaUs === current.quotaUs) return [period]
  return !limited || wanted.periodUs > current.periodUs ? [period, quota] : [quota, period]
}

function quotaOf({ version, folder }: Place): CpuQuota {
  if (version === 2) {
    const [quota, period] = readOnce(join(folder, 'cpu.max')).trim().split(' ')
    return { quotaUs: quota === 'max' ? -1 : Number(quota), periodUs: Number(period) }
  }
  const figure = (name: string) => Number(readOnce(join(folder, name)))
  return { quotaUs: figure('cpu.cfs_quota_us'), periodUs: figure('cpu.cfs_period_us') }
}

function checkQuota({ quotaUs, periodUs }: CpuQuota): void {
  if (!Number.isInteger(quotaUs) || quotaUs < QUOTA_US_MIN) {
    throw new RangeError(`a CPU quota is at least ${QUOTA_US_MIN} whole µs, not ${quotaUs}`)
  }
  const legal = periodUs >= PERIOD_US_MIN && periodUs <= PERIOD_US_MAX
  if (!Number.isInteger(periodUs) || !legal) {
    throw new RangeError(
      `a period is ${PERIOD_US_MIN} to ${PERIOD_US_MAX} whole µs, not ${periodUs}`,
    )
  }
}

function checkCount(count: number, what: string): void {
  if (Number.isSafeInteger(count) && count > 0) return
  throw new RangeError(`a ${what} is a whole number above 0, not ${count}`)
}

function busy(path: string, heldBytes: number): Error {
  const error = new Error(`EBUSY: ${heldBytes} bytes are in use that cannot be taken back, ${path}`)
  return Object.assign(error, { code: 'EBUSY' })
}

/** The figure after a name at the start of a line. */
function countOf(text: string, name: string): number | undefined {
  const match = new RegExp(`^${name} (\\d+)$`, 'm').exec(text)
  return match === null ? undefined : Number(match[1])
}

function readIfThere(path: string): string | undefined {
  try {
    return readOnce(path)
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

function writeIfThere(path: string, text: string): void {
  if (existsSync(path)) writeOnce(path, text)
}
