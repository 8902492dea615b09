// What was seen of the daemons of one state directory while they lived, and what is still there of it.

import { setTimeout as sleep } from 'node:timers/promises'
import { isDead, readProcess } from '../../src/procfs/process.js'
import { identityOf, type ProcessIdentity } from '../../src/sandbox/identity.js'
import { nowMs } from '../support/daemon.js'
import {
  familyOf,
  filesLeft,
  groupsOf,
  linksOf,
  listeners,
  listenersOf,
  loopDevicesOn,
  mountsBelow,
  nameOf,
  processesWith,
  type Signs,
} from './machine.js'

/** What the project promises. */
export const GONE_WITHIN_MS = 2_000
const LOOK_EVERY_MS = 20

export class Traces {
  readonly #stateDirectory: string
  readonly #mark: string
  readonly #daemons: ProcessIdentity[] = []
  readonly #sockets = new Set<string>()
  readonly #ports = new Set<number>()
  /** The processes that keep networks: they carry no sign. */
  readonly #keepers: ProcessIdentity[] = []

  constructor(given: { readonly stateDirectory: string; readonly mark: string }) {
    this.#stateDirectory = given.stateDirectory
    this.#mark = given.mark
  }

  /** Right after its start. */
  follow(pid: number): void {
    const identity = identityOf(pid)
    if (identity === undefined) throw new Error('a daemon that was just started is there')
    this.#daemons.push(identity)
  }

  /** Notes the sockets of the last daemon. @returns how many processes there are, itself included. */
  look(): number {
    const daemon = this.#daemons.at(-1)
    if (daemon === undefined) throw new Error('a daemon is followed')
    const listening = listeners()
    for (const inode of listenersOf(daemon.pid)) {
      this.#sockets.add(inode)
      this.#ports.add(listening.get(inode) ?? 0)
    }
    for (const pid of familyOf(daemon.pid)) {
      const identity = nameOf(pid) === 'lambda-emu-net' ? identityOf(pid) : undefined
      if (identity !== undefined) this.#keepers.push(identity)
    }
    return processesWith(this.#signs()).length
  }

  /** Its guardian, by the name that it gives itself. */
  guardianOf(daemon: number): number | undefined {
    return [...familyOf(daemon)].find((pid) => nameOf(pid) === 'lambda-emu-guar')
  }

  /** What is left, one phrase each. `next`: a daemon that was started since; it has served nothing. */
  left(next?: number): string[] {
    const signs = this.#signs(next)
    const nextIdentity = next === undefined ? undefined : identityOf(next)
    const listening = listeners()
    const isOfNext = (path: string) =>
      nextIdentity !== undefined && path.includes(`/${nextIdentity.pid}-${nextIdentity.startTime}-`)
    const found = processesWith(signs)
    // In this order: a child that the next one starts meanwhile is not found at all.
    const nextFamily = next === undefined ? new Set<number>() : familyOf(next)
    return [
      ...found
        .filter((pid) => !nextFamily.has(pid) && !isDead(readProcess(pid)))
        .map((pid) => `process ${pid} (${nameOf(pid)})`),
      ...this.#keepers
        .filter(({ pid, startTime }) => identityOf(pid)?.startTime === startTime)
        .filter(({ pid }) => !isDead(readProcess(pid)))
        .map(({ pid }) => `network of process ${pid}`),
      ...linksOf(signs.daemons, this.#ports).map((name) => `link ${name}`),
      ...groupsOf(signs).map((path) => `group ${path}`),
      ...mountsBelow(this.#stateDirectory).map((path) => `mount ${path}`),
      ...loopDevicesOn(this.#stateDirectory).map((line) => `loop device ${line}`),
      ...[...signs.sockets]
        .filter((inode) => listening.has(inode))
        .map((inode) => `listening port ${listening.get(inode)}`),
      ...filesLeft(this.#stateDirectory)
        .filter((path) => !isOfNext(path))
        .map((path) => `file ${path}`),
    ]
  }

  /** Waits until nothing is left, and says how long that took since `sinceMs`; at the most as long as is promised. */
  async gone(
    sinceMs: number,
  ): Promise<{ readonly left: readonly string[]; readonly tookMs: number }> {
    for (;;) {
      const left = this.left()
      const tookMs = nowMs() - sinceMs
      if (left.length === 0 || tookMs > GONE_WITHIN_MS) return { left, tookMs }
      await sleep(LOOK_EVERY_MS)
    }
  }

  #signs(next?: number): Signs {
    return {
      stateDirectory: this.#stateDirectory,
      mark: this.#mark,
      daemons: this.#daemons.filter(({ pid }) => pid !== next),
      sockets: this.#sockets,
    }
  }
}
