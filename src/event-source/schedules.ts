// Fires the schedules of a project: keeps one timer of the emulator's clock for each, and posts the event when it is due.

import type { Clock } from '../clock/clock.js'
import type { ScheduleDefinition } from '../domain/api.js'
import { assert } from '../domain/assert.js'
import type { EmulatorMs, RequestId, TimerKey } from '../domain/brand.js'
import { nextFiring, parseSchedule, type Schedule } from '../domain/schedule-expression.js'
import type { Journal } from '../journal/journal.js'
import { scheduledPayload } from './schedule-event.js'

export interface SchedulesParts {
  readonly clock: Clock
  readonly journal: Pick<Journal, 'append'>
  /** Hands an asynchronous event to a function; undefined when there is no such function. */
  readonly post: (functionName: string, payload: Buffer) => Promise<RequestId | undefined>
  readonly accountId: string
  readonly region: string
  /** A UUID. */
  readonly newId: () => string
}

export interface UpcomingFiring {
  readonly logicalId: string
  /** Undefined when it will not fire again. */
  readonly nextAtMs: EmulatorMs | undefined
}

interface Entry {
  definition: ScheduleDefinition
  readonly schedule: Schedule
  readonly timing: string
  nextAtMs: EmulatorMs | undefined
}

export class Schedules {
  readonly #parts: SchedulesParts
  readonly #entries = new Map<string, Entry>()

  constructor(parts: SchedulesParts) {
    this.#parts = parts
  }

  /**
   * These are the schedules from now on. One whose times did not change keeps its next firing, whatever else of it did.
   * A rate counts from the moment when it is set first. Expressions have been checked when the project was loaded.
   */
  set(definitions: readonly ScheduleDefinition[]): void {
    const wanted = new Set(definitions.map(({ logicalId }) => logicalId))
    for (const logicalId of this.#entries.keys()) {
      if (!wanted.has(logicalId)) this.#remove(logicalId)
    }
    for (const definition of definitions) this.#put(definition)
  }

  /** In the order in which they were set. */
  upcoming(): readonly UpcomingFiring[] {
    return [...this.#entries.values()].map(({ definition, nextAtMs }) => ({
      logicalId: definition.logicalId,
      nextAtMs,
    }))
  }

  /** No schedule fires any more. */
  close(): void {
    this.set([])
  }

  #put(definition: ScheduleDefinition): void {
    const { logicalId } = definition
    const timing = timingOf(definition)
    const known = this.#entries.get(logicalId)
    if (known?.timing === timing) {
      known.definition = definition
      return
    }
    if (known !== undefined) this.#remove(logicalId)
    const schedule = parseSchedule(definition.expression)
    assert(schedule !== undefined, `${definition.expression} has been checked`)
    const entry: Entry = { definition, schedule, timing, nextAtMs: undefined }
    this.#entries.set(logicalId, entry)
    if (definition.enabled) this.#armAfter(entry, this.#parts.clock.nowMs())
  }

  #remove(logicalId: string): void {
    this.#entries.delete(logicalId)
    this.#parts.clock.disarm(timerKey(logicalId))
  }

  #armAfter(entry: Entry, afterMs: number): void {
    const { schedule, definition } = entry
    const next = nextFiring(schedule, afterMs, definition.timeZone)
    entry.nextAtMs = next as EmulatorMs | undefined
    if (entry.nextAtMs === undefined) return
    this.#parts.clock.arm(
      timerKey(definition.logicalId),
      entry.nextAtMs,
      'background',
      (dueMs) => void this.#fire(entry, dueMs),
    )
  }

  async #fire(entry: Entry, dueMs: EmulatorMs): Promise<void> {
    const { clock, journal, post, newId, accountId, region } = this.#parts
    const { definition } = entry
    const { functionName } = definition
    this.#armAfter(entry, passed(entry.schedule, dueMs, clock.nowMs()))
    const payload = scheduledPayload(definition, { dueMs, id: newId(), accountId, region })
    const requestId = await post(functionName, Buffer.from(payload))
    const about = { schedule: definition.name, functionName, dueMs }
    if (requestId === undefined) journal.append({ kind: 'schedule.missed', ...about })
    else journal.append({ kind: 'schedule.fired', ...about, requestId })
  }
}

/** What was missed while the machine slept is not made up for; a rate keeps its beat all the same. */
function passed(schedule: Schedule, dueMs: number, nowMs: number): number {
  const lateMs = Math.max(0, nowMs - dueMs)
  if (schedule.is !== 'rate') return dueMs + lateMs
  return dueMs + Math.floor(lateMs / schedule.everyMs) * schedule.everyMs
}

/** What decides when a schedule fires. */
function timingOf({ kind, name, expression, timeZone, enabled }: ScheduleDefinition): string {
  return JSON.stringify([kind, name, expression, timeZone, enabled])
}

function timerKey(logicalId: string): TimerKey {
  return `schedule:${logicalId}` as TimerKey
}
