// The processes of one network namespace: found by the namespace's number, measured, and ended by their ids.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** A network namespace made for one tool, and the one of the machine, in which nothing is ever ended. */
export interface Network {
  readonly own: string
  readonly machine: string
}

/** The network namespace of a process, as /proc names it; undefined when the process is gone. */
export function networkOf(pid: number | 'self'): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    return undefined
  }
}

/** The parent of a process; undefined when the process is gone. */
export function parentOf(pid: number): number | undefined {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch {
    return undefined
  }
}

/** Every living process in a network namespace, but for `except`. */
export function processesIn(network: string, except: readonly number[] = []): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => !except.includes(pid) && networkOf(pid) === network && !isDead(pid))
}

/**
 * Memory of all `pids` together in MB. Pages of a file that several of them map count once, as much of it as the one holds that
 * has most; what is not of a file counts for each. The kernel's Pss would not do: it depends on who else runs the same program.
 */
export function memoryMb(pids: readonly number[]): number {
  const files = new Map<string, number>()
  let sumKb = 0
  for (const pid of pids) {
    const own = mappedKb(pid)
    sumKb += own.anonymousKb
    for (const [file, kb] of own.files) files.set(file, Math.max(kb, files.get(file) ?? 0))
  }
  for (const kb of files.values()) sumKb += kb
  return sumKb / 1024
}

/** Resident memory of one process: by file (device and inode), and what belongs to no file. */
function mappedKb(pid: number): { anonymousKb: number; files: Map<string, number> } {
  const files = new Map<string, number>()
  let anonymousKb = 0
  let file: string | undefined
  let residentKb = 0
  for (const line of mappings(pid)) {
    const [, device, inode] = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ (\S+) (\d+)/.exec(line) ?? []
    if (inode !== undefined) file = inode === '0' ? undefined : `${device}:${inode}`
    const [, field, kb] = /^(Rss|Anonymous): +(\d+) kB/.exec(line) ?? []
    if (field === 'Rss') residentKb = Number(kb)
    if (field !== 'Anonymous') continue
    anonymousKb += file ? Number(kb) : residentKb
    if (file) files.set(file, (files.get(file) ?? 0) + residentKb - Number(kb))
  }
  return { anonymousKb, files }
}

function mappings(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')
  } catch {
    return [] // It ended meanwhile.
  }
}

/** Kernel's USER_HZ: CPU time in /proc counts in hundredths of a second. Source: proc(5), sysconf(_SC_CLK_TCK) on Linux. */
const tickMs = 10

/** CPU time of all `pids` so far, in ms, with that of their children that ended and were waited for. */
export function cpuMs(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      // utime, stime, cutime, cstime are fields 14 to 17 of stat; the first two fields are cut off.
      for (const field of fields.slice(11, 15)) ticks += Number(field)
    } catch {
      // It ended meanwhile.
    }
  }
  return ticks * tickMs
}

/** Waits until no process is left in the namespace, for up to `timeoutMs`; gives those that are. */
export async function waitUntilEmpty(
  network: string,
  except: readonly number[],
  timeoutMs: number,
): Promise<number[]> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const left = processesIn(network, except)
    if (left.length === 0 || performance.now() > end) return left
    await delay(20)
  }
}

/**
 * Kills whatever is left in the namespace, each by its id, and does not wait; gives how many there were. Throws rather than touch
 * the machine's own processes.
 */
export function killAll({ own, machine }: Network, except: readonly number[]): number {
  if (!own || !machine || own === machine) throw new Error('this is the network of the machine')
  const left = processesIn(own, except)
  for (const pid of left) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It ended meanwhile.
    }
  }
  return left.length
}

/** Kills whatever is left in the namespace and waits for its end; gives how many there were. */
export async function endAll(network: Network, except: readonly number[]): Promise<number> {
  const left = killAll(network, except)
  await waitUntilEmpty(network.own, except, 5_000)
  return left
}

function isDead(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return true
  }
}
