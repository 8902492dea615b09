// The running account of `lambda-emu start`: journal and log records → lines. Remembers how long environments were frozen, and halves of HTTP requests.

import type { JournalRecord, LogRecord, ShownRecord } from '../admin/contract.js'
import { functionNameOf } from '../domain/function.js'
import {
  type EventView,
  httpLines,
  indent,
  invocationLines,
  nameWidth,
  reloadedText,
} from './request-lines.js'
import { count, duration, escapeControls, padEnd } from './text.js'

export type { EventView } from './request-lines.js'

export interface EventLines {
  /** No lines for what nobody needs to see. */
  ofJournal(record: JournalRecord): readonly string[]
  ofLog(record: LogRecord): readonly string[]
  /** The request id, when this record alone gave no line because its request's other half may yet come. */
  waitsFor(record: JournalRecord): string | undefined
  /** The half that there is, once nobody should wait for the other any longer. */
  overdue(requestId: string): readonly string[]
}

/** How long one half of an HTTP request waits for the other. They come within a millisecond, or never. */
export const overdueMs = 1_000

type Record_<K extends ShownRecord['kind']> = Extract<ShownRecord, { kind: K }>
type Half = Record_<'http.ended'> | Record_<'invocation.ended'>

export function createEventLines(view: EventView): EventLines {
  const frozen = createFrozenTimes()
  /** By request id: the half that came first. */
  const halves = new Map<string, Half>()

  function takeHalf<K extends Half['kind']>(requestId: string, kind: K): Record_<K> | undefined {
    const half = halves.get(requestId)
    if (half?.kind !== kind) return undefined
    halves.delete(requestId)
    return half as Record_<K>
  }

  function ofInvocation(told: Record_<'invocation.ended'>): readonly string[] {
    const thawedAfterMs = frozen.take(told.env)
    const frozenForMs = told.frozenForMs ?? thawedAfterMs
    const record = frozenForMs === undefined ? told : { ...told, frozenForMs }
    const http = takeHalf(record.requestId, 'http.ended')
    if (http !== undefined) return httpLines(view, http, record)
    if (record.origin !== 'rest-api' && record.origin !== 'http-api') {
      return invocationLines(view, record)
    }
    halves.set(record.requestId, record)
    return []
  }

  function ofHttp(record: Record_<'http.ended'>): readonly string[] {
    const { requestId } = record
    if (requestId === undefined || record.functionName === undefined) return httpLines(view, record)
    const invocation = takeHalf(requestId, 'invocation.ended')
    if (invocation !== undefined) return httpLines(view, record, invocation)
    halves.set(requestId, record)
    return []
  }

  function ofShown(record: ShownRecord): readonly string[] {
    frozen.heard(record)
    if (record.kind === 'invocation.ended') return ofInvocation(record)
    if (record.kind === 'http.ended') return ofHttp(record)
    return ofIncident(view, record)
  }

  return {
    ofJournal: (record) => (isShown(record) ? ofShown(record) : []),
    ofLog: (record) => logLines(view, record),
    waitsFor: ({ requestId }) =>
      typeof requestId === 'string' && halves.has(requestId) ? requestId : undefined,
    overdue: (requestId) => {
      const half = halves.get(requestId)
      halves.delete(requestId)
      if (half === undefined) return []
      return half.kind === 'http.ended' ? httpLines(view, half) : invocationLines(view, half)
    },
  }
}

/** How long environments had been frozen when the invocation in flight thawed them. */
function createFrozenTimes() {
  const frozenAtMs = new Map<string, number>()
  const thawedAfterMs = new Map<string, number>()
  return {
    heard(record: ShownRecord): void {
      if (record.kind === 'environment.phase' && record.to === 'gone') {
        frozenAtMs.delete(record.env)
        thawedAfterMs.delete(record.env)
      }
      if (record.kind !== 'environment.suspension') return
      const { env, to, atMs } = record
      const since = frozenAtMs.get(env)
      if (to === 'frozen') frozenAtMs.set(env, atMs)
      else frozenAtMs.delete(env)
      if (to !== 'frozen' && since !== undefined) thawedAfterMs.set(env, atMs - since)
    },
    take(env: string | undefined): number | undefined {
      const forMs = env === undefined ? undefined : thawedAfterMs.get(env)
      if (env !== undefined) thawedAfterMs.delete(env)
      return forMs
    },
  }
}

type Incident = Exclude<ShownRecord, { kind: 'invocation.ended' | 'http.ended' }>

/** What stands for itself: one record, its lines. */
function ofIncident(view: EventView, record: Incident): readonly string[] {
  const { style } = view
  switch (record.kind) {
    case 'environment.suspension':
      return record.to === 'frozen' ? [indent + style.cyan(`${record.env} frozen`)] : []
    case 'environment.phase': {
      const { env, to, why } = record
      // Whoever asked for the stop knows.
      const silent = why === undefined || why === 'stopping'
      if (silent || (to !== 'resetting' && to !== 'shutting-down')) return []
      return [indent + style.dim(`${env} ${to}: ${why}`)]
    }
    case 'environment.trouble': {
      const { env, command, problem } = record
      return [indent + style.yellow(`${env} could not ${command}: ${problem}`)]
    }
    case 'environment.tmp-overfull': {
      const { env, usedMb, sizeMb } = record
      const least = usedMb < 2 * sizeMb ? '' : 'at least '
      const text = `${env} has ${least}${usedMb} MB in /tmp, more than its ${sizeMb} MB: on AWS that write fails with ENOSPC`
      return [eventLine(view, record, style.yellow(text))]
    }
    case 'invocation.queued': {
      // Once for a burst: the queue was empty. A turn to start comes soon, and is worth no line.
      if (record.waiting > 1 || record.why === 'starts') return []
      const text = `waits for memory: ${budgetUse(record)}; ${record.waiting} waiting (--memory-budget)`
      return [eventLine(view, named(record), style.yellow(text))]
    }
    case 'invocation.refused': {
      const waited = `after ${duration(record.waitedMs)} of waiting for memory`
      const text = `refused ${waited}: ${budgetUse(record)} (--memory-budget)`
      return [eventLine(view, named(record), style.red(text))]
    }
    case 'event.retry': {
      const wait = duration(Math.max(0, record.nextAtMs - record.atMs))
      const text = `attempt ${record.attempt} of this event comes in ${wait}`
      return [eventLine(view, record, style.yellow(text))]
    }
    case 'event.dropped':
      return [eventLine(view, record, style.red(`event given up: ${record.reason}`))]
    case 'project.reloaded':
      return [`${style.dim(view.clockTime(record.atMs))}  ${style.green(reloadedText(record))}`]
    case 'project.reload-failed': {
      const { code, message, hint } = record
      const head = `${style.dim(view.clockTime(record.atMs))}  ${style.red(`not reloaded: ${code}`)} ${message}`
      return [head, ...(hint === '' ? [] : [indent + style.dim(hint)])]
    }
    case 'schedule.fired':
      return [eventLine(view, record, style.dim(`called by schedule ${record.schedule}`))]
  }
}

const shownKinds: ReadonlySet<string> = new Set<ShownRecord['kind']>([
  'invocation.ended',
  'environment.suspension',
  'environment.phase',
  'environment.trouble',
  'environment.tmp-overfull',
  'invocation.queued',
  'invocation.refused',
  'event.retry',
  'event.dropped',
  'http.ended',
  'project.reloaded',
  'project.reload-failed',
  'schedule.fired',
])

export function isShown(record: JournalRecord): record is ShownRecord & JournalRecord {
  return shownKinds.has(record.kind)
}

interface BudgetUse {
  readonly budgetMb: number | null
  readonly environments: number
}

function budgetUse({ budgetMb, environments }: BudgetUse): string {
  return `budget ${budgetMb ?? 0} MB is used by ${count(environments, 'environment')}`
}

function named(record: { readonly atMs: number; readonly functionArn: string }) {
  return { atMs: record.atMs, functionName: functionNameOf(record.functionArn) }
}

function eventLine(
  view: EventView,
  record: { readonly atMs: number; readonly functionName: string },
  text: string,
): string {
  const name = padEnd(record.functionName, nameWidth)
  return `${view.style.dim(view.clockTime(record.atMs))}  ${name} ${text}`
}

/** Only what the function and its extensions wrote; START, END and REPORT say again what the invocation's line says. */
function logLines(view: EventView, record: LogRecord): readonly string[] {
  if (record.source === 'platform') return []
  const mark = view.style.dim(`${writerOf(record)} │`)
  return messageLines(record.message, view.escape).map((line) => `${indent}${mark} ${line}`)
}

/** The environment, and whether its extensions wrote the line. */
export function writerOf({ environment, source }: LogRecord): string {
  return source === 'extension' ? `${environment} extension` : environment
}

/** Lambda's Node runtime writes a carriage return for each line feed inside a message. */
export function messageLines(message: string, escaped: boolean): readonly string[] {
  const lines = message.replace(/(\r\n|\r|\n)$/, '').split(/\r\n|\r|\n/)
  return escaped ? lines.map(escapeControls) : lines
}
