// The event types that SAM knows for a function: which have an effect here, and what to do about the others.

import { meantOf } from './globals.js'
import { optionalSection, type Section, warn } from './reader.js'

/** Read by apis.ts: routes and schedules. */
const honouredTypes: readonly string[] = ['Api', 'HttpApi', 'Schedule', 'ScheduleV2']

/** Type → the source that `lambda-emu events` makes a sample of, if it does. Source: aws-sam-translator 1.115. */
const otherTypes: Readonly<Record<string, string | undefined>> = {
  CloudWatchEvent: 'eventbridge',
  EventBridgeRule: 'eventbridge',
  SQS: 'sqs',
  SNS: 'sns',
  S3: 's3',
  DynamoDB: 'dynamodb',
  Kinesis: 'kinesis',
  CloudWatchLogs: 'cloudwatch-logs',
  Cognito: 'cognito',
  MSK: undefined,
  MQ: undefined,
  SelfManagedKafka: undefined,
  DocumentDB: undefined,
  IoTRule: undefined,
  AlexaSkill: undefined,
}

/** Warns of every event of a function that nothing here sends. */
export function warnOfOtherEvents(properties: Section, functionName: string): void {
  const events = optionalSection(properties, 'Events')
  if (events === undefined) return
  for (const [name, node] of events.map.entries) {
    const type = node.is === 'map' ? node.entries.get('Type') : undefined
    if (type?.is !== 'scalar' || honouredTypes.includes(type.text)) continue
    const place = `${events.where}.${name}`
    if (type.text in otherTypes) {
      warn(events.reading, 'W_NOT_EMULATED', place, advice(type.text, functionName))
      continue
    }
    const known = [...honouredTypes, ...Object.keys(otherTypes)]
    const message = `SAM has no event type ${type.text}; it has no effect.${meantOf(type.text, known)}`
    warn(events.reading, 'W_UNKNOWN_PROPERTY', `${place}.Type`, message)
  }
}

function advice(type: string, functionName: string): string {
  const sample = otherTypes[type]
  const how =
    sample === undefined
      ? `call the function yourself: lambda-emu invoke ${functionName}`
      : `send one yourself: lambda-emu events ${sample} | lambda-emu invoke ${functionName} -`
  return `${type} events are not emulated yet; ${how}`
}
