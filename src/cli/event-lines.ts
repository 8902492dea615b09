// The running account of `lambda-emu start`: journal and log records → lines. Remembers only how long environments were frozen.

import type { JournalRecord, LogRecord, ShownRecord } from '../admin/contract.js'
import { functionNameOf } from '../domain/function.js'
import { count, duration, escapeControls, fit, padEnd, padStart, type Style } from './text.js'

export interface EventView {
  readonly style: Style
  /** Escape control characters of function output. */
  readonly escape: boolean
  readonly clockTime: (epochMs: number) => string
}

export interface EventLines {
  /** No lines for what nobody needs to see. */
  ofJournal(record: JournalRecord): readonly string[]
  ofLog(record: LogRecord): readonly string[]
}

/** Names longer than this push the rest of their line to the right. */
const nameWidth = 18
/** Below the function's name: the time and two spaces. */
const indent = ' '.repeat(14)

export function createEventLines(view: EventView): EventLines {
  const frozenAtMs = new Map<string, number>()
  /** How long an environment had been frozen when the invocation in flight thawed it. */
  const thawedAfterMs = new Map<string, number>()

  function ofSuspension(record: Extract<ShownRecord, { kind: 'environment.suspension' }>) {
    const { env, to, atMs } = record
    const since = frozenAtMs.get(env)
    if (to === 'frozen') {
      frozenAtMs.set(env, atMs)
      return [indent + view.style.cyan(`${env} frozen`)]
    }
    if (since !== undefined) thawedAfterMs.set(env, atMs - since)
    frozenAtMs.delete(env)
    return []
  }

  function ofMove(record: Extract<ShownRecord, { kind: 'environment.phase' }>) {
    if (record.to === 'gone') {
      frozenAtMs.delete(record.env)
      thawedAfterMs.delete(record.env)
    }
    const shown = record.to === 'resetting' || record.to === 'shutting-down'
    // Whoever asked for the stop knows.
    if (!shown || record.why === undefined || record.why === 'stopping') return []
    return [indent + view.style.dim(`${record.env} ${record.to}: ${record.why}`)]
  }

  function ofShown(record: ShownRecord): readonly string[] {
    switch (record.kind) {
      case 'invocation.ended': {
        const { env } = record
        const frozenMs =
          record.frozenForMs ?? (env === undefined ? undefined : thawedAfterMs.get(env))
        if (env !== undefined) thawedAfterMs.delete(env)
        return invocationLines(view, record, frozenMs)
      }
      case 'environment.suspension':
        return ofSuspension(record)
      case 'environment.phase':
        return ofMove(record)
      case 'environment.trouble': {
        const { env, command, problem } = record
        return [indent + view.style.yellow(`${env} could not ${command}: ${problem}`)]
      }
      case 'environment.tmp-overfull': {
        const { env, usedMb, sizeMb } = record
        const least = usedMb < 2 * sizeMb ? '' : 'at least '
        const text = `${env} has ${least}${usedMb} MB in /tmp, more than its ${sizeMb} MB: on AWS that write fails with ENOSPC`
        return [eventLine(view, record, view.style.yellow(text))]
      }
      case 'invocation.queued': {
        // Once for a burst: the queue was empty.
        if (record.waiting > 1) return []
        const text = `waits for memory: ${budgetUse(record)}; ${record.waiting} waiting (--memory-budget)`
        return [eventLine(view, named(record), view.style.yellow(text))]
      }
      case 'invocation.refused': {
        const waited = `after ${duration(record.waitedMs)} of waiting for memory`
        const text = `refused ${waited}: ${budgetUse(record)} (--memory-budget)`
        return [eventLine(view, named(record), view.style.red(text))]
      }
      case 'event.retry': {
        const wait = duration(Math.max(0, record.nextAtMs - record.atMs))
        const text = `attempt ${record.attempt} of this event comes in ${wait}`
        return [eventLine(view, record, view.style.yellow(text))]
      }
      case 'event.dropped':
        return [eventLine(view, record, view.style.red(`event given up: ${record.reason}`))]
      case 'http.ended':
      case 'project.reloaded':
      case 'project.reload-failed':
      case 'schedule.fired':
        return []
    }
  }

  return {
    ofJournal: (record) => (isShown(record) ? ofShown(record) : []),
    ofLog: (record) => logLines(view, record),
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
])

function isShown(record: JournalRecord): record is ShownRecord & JournalRecord {
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

type Ended = Extract<ShownRecord, { kind: 'invocation.ended' }>

function invocationLines(
  view: EventView,
  record: Ended,
  frozenMs: number | undefined,
): readonly string[] {
  const { style } = view
  const name = padEnd(record.functionName, nameWidth)
  const status = padEnd(record.status, 7)
  const time = view.clockTime(record.atMs)
  if (record.status === 'refused') {
    const why = record.errorMessage ?? record.errorType ?? ''
    return [`${style.dim(time)}  ${name} ${style.red(status)} ${why}`.trimEnd()]
  }
  const paint = record.status === 'ok' ? style.green : style.red
  const parts = [
    padStart(duration(record.durationMs), 9),
    padEnd([record.env, record.cold ? 'cold' : 'warm'].filter(Boolean).join(' '), 8),
    record.initMs === undefined ? '' : `init ${duration(record.initMs)}`,
    frozenMs === undefined || record.cold ? '' : `after ${duration(frozenMs)} frozen`,
    record.type === 'Event' ? `event, attempt ${record.attempt}` : '',
  ]
  const rest = parts.filter((part) => part !== '').join('  ')
  const first = `${style.dim(time)}  ${name} ${paint(status)} ${rest}`.trimEnd()
  const message = failureText(record)
  return message === undefined ? [first] : [first, `${indent}↳ ${style.red(message)}`]
}

function failureText(record: Ended): string | undefined {
  if (record.status === 'ok') return undefined
  const parts = [record.errorType, record.errorMessage].filter((part) => part !== undefined)
  if (parts.length === 0) return undefined
  return fit(escapeControls(parts.join(': ').replace(/\s*\n\s*/g, ' ')), 300)
}

function eventLine(
  view: EventView,
  record: { readonly atMs: number; readonly functionName: string },
  text: string,
): string {
  const name = padEnd(record.functionName, nameWidth)
  return `${view.style.dim(view.clockTime(record.atMs))}  ${name} ${text}`
}

/** Only what the function itself wrote; START, END and REPORT say again what the invocation's line says. */
function logLines(view: EventView, record: LogRecord): readonly string[] {
  if (record.source === 'platform') return []
  const mark = view.style.dim(`${record.environment} │`)
  return messageLines(record.message, view.escape).map((line) => `${indent}${mark} ${line}`)
}

/** Lambda's Node runtime writes a carriage return for each line feed inside a message. */
export function messageLines(message: string, escaped: boolean): readonly string[] {
  const lines = message.replace(/(\r\n|\r|\n)$/, '').split(/\r\n|\r|\n/)
  return escaped ? lines.map(escapeControls) : lines
}
