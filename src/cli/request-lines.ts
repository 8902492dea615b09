// One line for each request, HTTP or direct, and a second one only for what would have been invisible. Pure.

import type { HttpEnded, InvocationEnded, ProjectReloaded } from '../admin/contract.js'
import { duration, escapeControls, fit, padEnd, padStart, type Style } from './text.js'

export interface EventView {
  readonly style: Style
  /** Escape control characters of function output. */
  readonly escape: boolean
  readonly clockTime: (epochMs: number) => string
}

/** Names longer than this push the rest of their line to the right. */
export const nameWidth = 18
/** `GET /orders/7 → orders`: longer ones push, too. */
const requestWidth = 34
/** Longer targets are cut: a query may be kilobytes. */
const targetWidthMax = 60
/** Below the function's name: the time and two spaces. */
export const indent = ' '.repeat(14)

/** A call through Lambda's API, or an event's attempt. */
export function invocationLines(view: EventView, record: InvocationEnded): readonly string[] {
  const { style } = view
  const name = padEnd(record.functionName, nameWidth)
  const status = padEnd(record.status, 7)
  const time = view.clockTime(record.atMs)
  if (record.status === 'refused') {
    const why = record.errorMessage ?? record.errorType ?? ''
    return [`${style.dim(time)}  ${name} ${style.red(status)} ${why}`.trimEnd()]
  }
  const paint = record.status === 'ok' ? style.green : style.red
  const event = record.type === 'Event' ? `event, attempt ${record.attempt}` : ''
  const rest = joined([
    padStart(duration(record.durationMs), 9),
    ...environmentParts(record),
    event,
  ])
  const first = `${style.dim(time)}  ${name} ${paint(status)} ${rest}`.trimEnd()
  return [first, ...failureLine(view, record)]
}

/** The client's view: method, target, status and the whole time; the invocation's own figures behind it. */
export function httpLines(
  view: EventView,
  http: HttpEnded,
  invocation?: InvocationEnded,
): readonly string[] {
  const { style } = view
  const target = fit(escapeControls(http.target), targetWidthMax)
  const to = http.functionName === undefined ? '' : ` → ${http.functionName}`
  const request = padEnd(`${escapeControls(http.method)} ${target}${to}`, requestWidth)
  const paint = http.status < 400 ? style.green : http.status < 500 ? style.yellow : style.red
  const rest = joined([
    padStart(duration(http.durationMs), 9),
    ...(invocation === undefined ? [] : environmentParts(invocation)),
  ])
  const time = style.dim(view.clockTime(http.atMs))
  const first = `${time}  ${request} ${paint(`${http.status}`)}  ${rest}`.trimEnd()
  const failure = invocation === undefined ? [] : failureLine(view, invocation)
  if (failure.length > 0 || http.why === undefined) return [first, ...failure]
  return [first, indent + style.dim(`↳ ${escapeControls(http.why)}`)]
}

/** A wait that is shorter explains itself: a process is started, a queue moves on. */
const toldWaitMs = 500

function environmentParts(record: InvocationEnded): readonly string[] {
  const { env, cold, initMs, frozenForMs, acceptedAtMs } = record
  // What neither init nor handler explains is time in a queue.
  const waitedMs =
    acceptedAtMs === undefined ? 0 : record.atMs - acceptedAtMs - record.durationMs - (initMs ?? 0)
  const told = waitedMs > toldWaitMs && record.type === 'RequestResponse'
  return [
    padEnd([env, cold ? 'cold' : 'warm'].filter(Boolean).join(' '), 8),
    initMs === undefined ? '' : `init ${duration(initMs)}`,
    frozenForMs === undefined || cold ? '' : `after ${duration(frozenForMs)} frozen`,
    told ? `waited ${duration(waitedMs)}` : '',
  ]
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join('  ')
}

function failureLine(view: EventView, record: InvocationEnded): readonly string[] {
  if (record.status === 'ok') return []
  const parts = [record.errorType, record.errorMessage].filter((part) => part !== undefined)
  if (parts.length === 0) return []
  const text = fit(escapeControls(parts.join(': ').replace(/\s*\n\s*/g, ' ')), 300)
  return [`${indent}↳ ${view.style.red(text)}`]
}

/** `reloaded orders, added hello, routes in 34.0 ms` */
export function reloadedText(record: ProjectReloaded): string {
  const listed = (names: readonly string[]) =>
    names.length > 4
      ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
      : names.join(', ')
  const parts = [
    record.changed.length > 0 && `reloaded ${listed(record.changed)}`,
    record.added.length > 0 && `added ${listed(record.added)}`,
    record.removed.length > 0 && `removed ${listed(record.removed)}`,
    record.apis && 'new routes or schedules',
  ].filter((part) => part !== false)
  const what = parts.length === 0 ? 'reloaded: nothing changed' : parts.join(', ')
  return `${what} in ${duration(record.tookMs)}`
}
