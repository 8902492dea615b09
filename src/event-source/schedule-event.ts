// What a function gets when a schedule is due: the scheduled event of EventBridge, or the schedule's own input. Pure.

import type { ScheduleDefinition } from '../domain/api.js'

export interface ScheduleOccasion {
  /** When the schedule was due: epoch milliseconds. */
  readonly dueMs: number
  /** Unique to this firing: a UUID. */
  readonly id: string
  readonly accountId: string
  readonly region: string
}

/** The payload as JSON text. An input is handed on exactly as it is written. */
export function scheduledPayload(schedule: ScheduleDefinition, occasion: ScheduleOccasion): string {
  if (schedule.kind === 'rule') {
    // Source: recorded by LocalStack's test_events_schedule; a target's Input replaces the whole event.
    return schedule.input ?? JSON.stringify(ruleEvent(schedule, occasion))
  }
  if (schedule.input === undefined) return JSON.stringify(schedulerEvent(schedule, occasion))
  return withContext(schedule.input, schedule, occasion)
}

/** Of an EventBridge rule or of a schedule in the scheduler's default group. */
export function scheduleArn(
  { kind, name }: ScheduleDefinition,
  { accountId, region }: Pick<ScheduleOccasion, 'accountId' | 'region'>,
): string {
  return kind === 'rule'
    ? `arn:aws:events:${region}:${accountId}:rule/${name}`
    : `arn:aws:scheduler:${region}:${accountId}:schedule/default/${name}`
}

/** To the second, as AWS writes times of schedules. */
function toTheSecond(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19)}Z`
}

function ruleEvent(schedule: ScheduleDefinition, occasion: ScheduleOccasion) {
  const { id, accountId, region, dueMs } = occasion
  return {
    version: '0',
    id,
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: accountId,
    time: toTheSecond(dueMs),
    region,
    resources: [scheduleArn(schedule, occasion)],
    detail: {},
  }
}

// UNRECORDED: scheduler-event — what EventBridge Scheduler sends to a target without Input.
function schedulerEvent(schedule: ScheduleDefinition, occasion: ScheduleOccasion) {
  return { ...ruleEvent(schedule, occasion), source: 'aws.scheduler', detail: '{}' }
}

// UNRECORDED: scheduler-context — the form of the values that stand for context attributes in a scheduler's Input.
function withContext(input: string, schedule: ScheduleDefinition, occasion: ScheduleOccasion) {
  const values: Readonly<Record<string, string>> = {
    'schedule-arn': scheduleArn(schedule, occasion),
    'scheduled-time': toTheSecond(occasion.dueMs),
    'execution-id': occasion.id.replaceAll('-', '').slice(0, 16),
    'attempt-number': '1',
  }
  return input.replace(/<aws\.scheduler\.([a-z-]+)>/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? (values[name] ?? whole) : whole,
  )
}
