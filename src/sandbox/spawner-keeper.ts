// Keeps a spawner at hand: another one when it has ended, and none when spawners do not live here.

import type { KernelTimers } from '../clock/clock.js'
import { type Spawner, startSpawner } from './spawner.js'

export interface SpawnerKeeper {
  /** Undefined while there is none: then this process starts what is to be started itself. */
  readonly current: Spawner | undefined
  /** Ends it. Resolves at its end; none comes after it. */
  close(): Promise<void>
}

export interface KeeperOptions {
  readonly helper: string
  readonly timers: Pick<KernelTimers, 'after'>
  /** What says nothing for so long is ended. */
  readonly readyWithinMs: number
}

/** As many may end before their time; more of them would not live either. */
const LOST_MAX = 3

/** Resolves when there is a spawner, or when none comes up. Never rejects. */
export async function keepSpawner(options: KeeperOptions): Promise<SpawnerKeeper> {
  const keeper = new Keeper(options)
  await keeper.renew()
  return keeper
}

class Keeper implements SpawnerKeeper {
  current: Spawner | undefined
  readonly #options: KeeperOptions
  #renewing: Promise<void> | undefined
  #lost = 0
  #closed = false

  constructor(options: KeeperOptions) {
    this.#options = options
  }

  /** What cannot be had is done without, only slower. */
  renew(): Promise<void> {
    this.#renewing = this.#start().catch(() => {})
    return this.#renewing
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#renewing
    await this.current?.close()
  }

  async #start(): Promise<void> {
    const { helper, timers, readyWithinMs } = this.#options
    const patience = new AbortController()
    const rest = timers.after(readyWithinMs, () => patience.abort())
    const spawner = await startSpawner({ helper, giveUp: patience.signal }).finally(rest)
    this.current = spawner
    void spawner.ended.then(() => {
      this.current = undefined
      this.#lost += 1
      if (!this.#closed && this.#lost < LOST_MAX) void this.renew()
    })
  }
}
