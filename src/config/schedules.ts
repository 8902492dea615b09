// Events of type Schedule and ScheduleV2 → the rules and schedules that call functions at certain times.

import type { ScheduleDefinition } from '../domain/api.js'
import { isTimeZone, parseSchedule } from '../domain/schedule-expression.js'
import type { FunctionEvent } from './api-events.js'
import { scheduleProperties, schedulerProperties, sortProperties } from './api-properties.js'
import { optionalFlag } from './api-values.js'
import {
  optionalChoice,
  optionalSection,
  optionalText,
  refuse,
  requiredText,
  type Section,
  warn,
} from './reader.js'

/** @throws EmulatorError EMU_CONFIG_INVALID for what SAM, EventBridge or its Scheduler would refuse. */
export function readSchedules(events: readonly FunctionEvent[]): readonly ScheduleDefinition[] {
  return events.flatMap((event): readonly ScheduleDefinition[] => {
    switch (event.type) {
      case 'Schedule':
        return orLeftOut(event, readRule(event.of))
      case 'ScheduleV2':
        return orLeftOut(event, readScheduler(event.of))
      default:
        return []
    }
  })
}

/** What an event says itself. */
type Read = Omit<ScheduleDefinition, 'logicalId' | 'name' | 'functionName'> & {
  readonly name: string | undefined
}

function orLeftOut(event: FunctionEvent, { name, ...read }: Read): readonly ScheduleDefinition[] {
  const { functionId, functionName } = event
  if (functionName === undefined) {
    const message = `function ${functionId} is left out, and its schedule with it`
    warn(event.of.reading, 'W_ROUTE_LEFT_OUT', event.place, message)
    return []
  }
  // As SAM calls the resource that it makes.
  const logicalId = `${functionId}${event.name}`
  return [{ logicalId, name: name ?? logicalId, functionName, ...read }]
}

function readRule(of: Section): Read {
  sortProperties(of, scheduleProperties)
  const expression = readExpression(of, 'Schedule', 'rule')
  const enabled = optionalFlag(of, 'Enabled')
  const states = ['ENABLED', 'DISABLED', 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS'] as const
  const state = optionalChoice(of, 'State', states)
  if (enabled !== undefined && state !== undefined) {
    refuse(of, 'State', {
      problem: 'Enabled says it too',
      advice: 'leave one of State and Enabled out',
    })
  }
  const input = readInput(of)
  return {
    kind: 'rule',
    name: optionalText(of, 'Name'),
    expression,
    enabled: enabled ?? state !== 'DISABLED',
    ...(input === undefined ? {} : { input }),
  }
}

function readScheduler(of: Section): Read {
  sortProperties(of, schedulerProperties)
  const expression = readExpression(of, 'ScheduleExpression', 'scheduler')
  const timeZone = optionalText(of, 'ScheduleExpressionTimezone')
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    refuse(of, 'ScheduleExpressionTimezone', {
      problem: `${JSON.stringify(timeZone)} is no time zone`,
      advice: 'write a name of the IANA database, such as Europe/Berlin',
    })
  }
  const name = optionalText(of, 'Name')
  if (name !== undefined && optionalFlag(of, 'OmitName') === true) {
    refuse(of, 'Name', { problem: 'OmitName is true', advice: 'leave one of the two out' })
  }
  const window = optionalSection(of, 'FlexibleTimeWindow')
  if (window !== undefined && optionalChoice(window, 'Mode', ['OFF', 'FLEXIBLE']) === 'FLEXIBLE') {
    const message =
      'flexible windows are not emulated yet; the function is called at their beginning'
    warn(of.reading, 'W_NOT_EMULATED', window.where, message)
  }
  const input = readInput(of)
  return {
    kind: 'scheduler',
    name,
    expression,
    enabled: optionalChoice(of, 'State', ['ENABLED', 'DISABLED']) !== 'DISABLED',
    ...(input === undefined ? {} : { input }),
    ...(timeZone === undefined ? {} : { timeZone }),
  }
}

function readExpression(of: Section, name: string, kind: ScheduleDefinition['kind']): string {
  const examples = 'rate(5 minutes) or cron(0 18 ? * MON-FRI *)'
  const expression = requiredText(of, name, `write it as ${examples}`)
  const schedule = parseSchedule(expression)
  if (schedule === undefined) {
    refuse(of, name, {
      problem: `${JSON.stringify(expression)} is not a schedule that EventBridge takes`,
      advice: adviceFor(expression) ?? `write it as ${examples}`,
    })
  } else if (schedule.is === 'at' && kind === 'rule') {
    refuse(of, name, {
      problem: 'at(…) is for EventBridge Scheduler only',
      advice: 'make it an event of type ScheduleV2',
    })
  }
  return expression
}

/** For the slips that are made most. */
function adviceFor(expression: string): string | undefined {
  const rate = /^rate\(\s*(\d+)\s+(minute|hour|day)s?\s*\)$/i.exec(expression.trim())
  if (rate !== null && Number(rate[1]) > 0) {
    const unit = rate[2]?.toLowerCase() ?? ''
    return `write rate(${Number(rate[1])} ${unit}${Number(rate[1]) === 1 ? '' : 's'})`
  }
  const fields = /^cron\((.*)\)$/.exec(expression)?.[1]?.trim().split(/ +/)
  if (fields === undefined) return undefined
  if (fields.length !== 6) {
    return 'cron has six fields: minutes, hours, day of month, month, day of week, year'
  }
  if ((fields[2] === '?') === (fields[4] === '?')) {
    return 'exactly one of day of month and day of week must be ?'
  }
  return undefined
}

function readInput(of: Section): string | undefined {
  const input = optionalText(of, 'Input')
  // Scheduler fills its placeholders in before the text has to be JSON.
  if (input === undefined || /<aws\.scheduler\.[a-z-]+>/.test(input)) return input
  try {
    JSON.parse(input)
  } catch {
    refuse(of, 'Input', {
      problem: 'it is not JSON',
      advice: `write JSON inside a text, such as '{"name": "value"}'`,
    })
  }
  return input
}
