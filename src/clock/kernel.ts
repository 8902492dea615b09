// The host's own time and chance: the only place that reads them.

import { createHash, randomBytes, randomUUID } from 'node:crypto'
import type { KernelMs } from '../domain/brand.js'
import type { KernelTimers, KernelTurns, Release } from './clock.js'

export interface Kernel extends KernelTimers, KernelTurns {
  nowMs(): KernelMs
  monotonicMs(): number
}

export const systemKernel: Kernel = {
  nowMs: () => Date.now() as KernelMs,
  monotonicMs: () => performance.now(),
  nextTurn: (run) => {
    setImmediate(run)
  },
  sleep: (durationMs) =>
    new Promise((resolve) => {
      setTimeout(resolve, durationMs)
    }),
  after: (durationMs, run): Release => {
    const timer = setTimeout(run, durationMs)
    return () => clearTimeout(timer)
  },
}

/** How long this process has been running. */
export function processUptimeMs(): number {
  return process.uptime() * 1000
}

/** Where identifiers and draws come from. */
export interface Chance {
  uuid(): string
  /** Lower-case hexadecimal digits. */
  hex(digits: number): string
}

export const systemChance: Chance = {
  uuid: () => randomUUID(),
  hex: (digits) => {
    if (stock.length < digits) stock = randomBytes(stockBytes).toString('hex')
    if (stock.length < digits) return randomBytes(digits).toString('hex').slice(0, digits)
    const drawn = stock.slice(0, digits)
    stock = stock.slice(digits)
    return drawn
  },
}

// A draw of its own for each identifier costs as much as a system call.
const stockBytes = 2_048
let stock = ''

/** The same identifiers for the same seed: a hash of seed and ordinal, never a stream shared between uses. */
export function seededChance(seed: string): Chance {
  let ordinal = 0
  const next = (): string => {
    ordinal += 1
    return createHash('sha256').update(`${seed}:${ordinal}`).digest('hex')
  }
  return {
    uuid: () => {
      const h = next()
      return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`
    },
    hex: (digits) => {
      let text = ''
      while (text.length < digits) text += next()
      return text.slice(0, digits)
    },
  }
}
