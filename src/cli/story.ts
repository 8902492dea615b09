// One invocation or environment told in words, out of the journal. Pure.

import type {
  EnvironmentMoved,
  EnvironmentPhase,
  EnvironmentSuspended,
  HttpEnded,
  InvocationEnded,
  JournalRecord,
  ShownRecord,
} from '../admin/contract.js'
import { functionNameOf } from '../domain/function.js'
import { isShown } from './event-lines.js'
import { count, duration, escapeControls } from './text.js'

/** What happened, when. */
export interface Step {
  readonly atMs: number
  readonly text: string
}

export interface Story {
  readonly title: string
  readonly steps: readonly Step[]
}

interface Placed {
  readonly atMs: number
  readonly invocation: string
  readonly env: string
  readonly start: 'warm' | 'cold' | 'dormant'
}

type Shown = ShownRecord & JournalRecord

/** Ids in the journal that begin with `text`: of invocations, or of the HTTP request, which a client sees. */
export function requestIdsLike(text: string, journal: readonly JournalRecord[]): readonly string[] {
  const found = new Set<string>()
  const fits = (id: unknown) =>
    typeof id === 'string' && (id === text || (text.length >= 4 && id.startsWith(text)))
  for (const { requestId, gatewayRequestId } of journal) {
    const own = requestId ?? gatewayRequestId
    if (typeof own !== 'string' || !(fits(requestId) || fits(gatewayRequestId))) continue
    if (requestId === text || gatewayRequestId === text) return [own]
    found.add(own)
  }
  return [...found]
}

/** Every attempt of one request, and the HTTP request around it. */
export function storyOfRequest(requestId: string, journal: readonly JournalRecord[]): Story {
  const own = journal
    .filter((each) => (each.requestId ?? each.gatewayRequestId) === requestId)
    .filter(isShown)
  const http = own.find((each): each is Shown & HttpEnded => each.kind === 'http.ended')
  const ended = own.filter(
    (each): each is Shown & InvocationEnded => each.kind === 'invocation.ended',
  )
  const last = ended.at(-1)
  const name = last?.functionName ?? http?.functionName
  const outcome = last === undefined ? 'did not reach a function' : `${last.status}`
  const title = `request ${requestId}${name === undefined ? '' : ` to ${name}`}: ${outcome}`
  const steps = [
    ...(http === undefined ? [] : httpSteps(http)),
    ...ended.flatMap((each) => attemptSteps(each, journal)),
    ...own.flatMap(eventSteps),
  ]
  return { title, steps: inOrder(steps) }
}

function inOrder(steps: readonly Step[]): readonly Step[] {
  return [...steps].sort((a, b) => a.atMs - b.atMs)
}

function httpSteps(http: HttpEnded): readonly Step[] {
  const request = `${escapeControls(http.method)} ${escapeControls(http.target)}`
  const why = http.why === undefined ? '' : `: ${escapeControls(http.why)}`
  const api = http.api === undefined ? '' : ` for API ${http.api}`
  return [
    { atMs: http.atMs - http.durationMs, text: `${request} came in${api}` },
    {
      atMs: http.atMs,
      text: `the client had status ${http.status} after ${duration(http.durationMs)}${why}`,
    },
  ]
}

function attemptSteps(ended: InvocationEnded, journal: readonly JournalRecord[]): readonly Step[] {
  const { env, acceptedAtMs, frozenForMs, initMs } = ended
  const placed = placedOf(ended, journal)
  const attempt = ended.type === 'Event' ? ` (asynchronous, attempt ${ended.attempt})` : ''
  const startedAtMs = placed?.atMs ?? ended.atMs - ended.durationMs - (initMs ?? 0)
  const steps: Step[] = []
  if (acceptedAtMs !== undefined) {
    steps.push({ atMs: acceptedAtMs, text: `${ended.functionName} was asked for${attempt}` })
  }
  steps.push(...queueSteps(ended, journal))
  if (env !== undefined) {
    const waitedMs = acceptedAtMs === undefined ? 0 : startedAtMs - acceptedAtMs
    const waited = waitedMs < 1 ? 'at once' : `after ${duration(waitedMs)}`
    steps.push({ atMs: startedAtMs, text: `${waited} ${startText(ended, placed, journal)}` })
  }
  if (frozenForMs !== undefined && !ended.cold) {
    const text = `${env} was thawed: its processes had stood still for ${duration(frozenForMs)}`
    steps.push({ atMs: startedAtMs, text })
  }
  if (initMs !== undefined) {
    const text = `its init phase took ${duration(initMs)}`
    steps.push({ atMs: ended.atMs - ended.durationMs, text })
  }
  steps.push({ atMs: ended.atMs, text: endText(ended) })
  return [...steps, ...afterwards(ended, journal)]
}

function placedOf(ended: InvocationEnded, journal: readonly JournalRecord[]): Placed | undefined {
  const found = journal.findLast(
    (each) =>
      each.kind === 'invocation.placed' &&
      (ended.invocation === undefined
        ? each.env === ended.env && each.atMs <= ended.atMs
        : each.invocation === ended.invocation),
  )
  return found as Placed | undefined
}

function queueSteps(ended: InvocationEnded, journal: readonly JournalRecord[]): readonly Step[] {
  return journal
    .filter(
      ({ kind, invocation }) => kind === 'invocation.queued' && invocation === ended.invocation,
    )
    .map(({ atMs, waiting, budgetMb, why }) => ({
      atMs,
      text:
        why === 'starts'
          ? 'it had to wait: other environments were being started'
          : `it had to wait for memory: the budget of ${String(budgetMb)} MB was used up, ${count(Number(waiting), 'invocation')} waiting`,
    }))
}

/** Which environment took it, and for a cold start why there was no warm one. */
function startText(
  ended: InvocationEnded,
  placed: Placed | undefined,
  journal: readonly JournalRecord[],
): string {
  const { env, functionName, cold } = ended
  if (placed?.start === 'dormant') {
    return `${env} took it: its processes had ended, and are started again with the same /tmp`
  }
  if (!cold) return `${env} took it: a warm environment`
  const others = environmentsAt(functionName, ended, placed?.atMs ?? ended.atMs, journal)
  const why =
    others.length === 0
      ? `${functionName} had no environment`
      : others.every(({ to }) => to === 'busy' || to === 'initializing')
        ? `all its environments were busy: ${others.map(({ env: id }) => id).join(', ')}`
        : `none could take it: ${others.map(({ env: id, to }) => `${id} ${to}`).join(', ')}`
  return `${env} was started for it: a cold start, because ${why}`
}

/** The other environments of the function in that moment, as far as the journal goes back. */
function environmentsAt(
  functionName: string,
  ended: InvocationEnded,
  atMs: number,
  journal: readonly JournalRecord[],
): readonly { readonly env: string; readonly to: EnvironmentPhase }[] {
  const phases = new Map<string, EnvironmentPhase>()
  for (const record of journal) {
    if (!isMove(record) || record.env === ended.env || record.atMs > atMs) continue
    if (functionNameOf(record.functionArn) !== functionName) continue
    if (record.to === 'gone') phases.delete(record.env)
    else phases.set(record.env, record.to)
  }
  return [...phases].map(([env, to]) => ({ env, to }))
}

function isMove(record: JournalRecord): record is EnvironmentMoved & JournalRecord {
  return record.kind === 'environment.phase'
}

function isSuspension(record: JournalRecord): record is EnvironmentSuspended & JournalRecord {
  return record.kind === 'environment.suspension'
}

function endText(ended: InvocationEnded): string {
  const took = `after ${duration(ended.durationMs)}`
  const memory =
    ended.maxMemoryUsedMb === undefined ? '' : `, ${ended.maxMemoryUsedMb} MB of memory at most`
  const error = [ended.errorType, ended.errorMessage]
    .filter((part) => part !== undefined)
    .join(': ')
  const said = error === '' ? '' : `: ${escapeControls(error.replace(/\s*\n\s*/g, ' '))}`
  switch (ended.status) {
    case 'ok':
      return `it was done ${took}${memory}`
    case 'error':
      return `the function failed ${took}${memory}${said}`
    case 'timeout':
      return `it was ended ${took}, the function's timeout${memory}; its processes were killed${said}`
    case 'fault':
      return `the platform ended it ${took}${memory}${said}`
    case 'refused':
      return `it was refused and never ran${said}`
  }
}

/** What became of its environment, until something else was asked of it. */
function afterwards(ended: InvocationEnded, journal: readonly JournalRecord[]): readonly Step[] {
  if (ended.env === undefined) return []
  const later = journal.filter((each) => each.env === ended.env && each.atMs >= ended.atMs)
  const next = later.find(
    (each) => each.kind === 'invocation.placed' && each.invocation !== ended.invocation,
  )
  const own = later.filter((each) => next === undefined || each.atMs < next.atMs)
  const frozen = own.find((each) => isSuspension(each) && each.to === 'frozen')
  const steps = own.flatMap(lifeSteps).filter(({ text }) => !text.endsWith(' thawed'))
  if (next === undefined || frozen === undefined) return steps
  const forMs = duration(next.atMs - frozen.atMs)
  return [
    ...steps,
    { atMs: next.atMs, text: `${ended.env} was taken again, after ${forMs} frozen` },
  ]
}

function eventSteps(record: Shown): readonly Step[] {
  if (record.kind === 'schedule.fired') {
    return [{ atMs: record.atMs, text: `schedule ${record.schedule} was due` }]
  }
  if (record.kind === 'event.retry') {
    const wait = duration(Math.max(0, record.nextAtMs - record.atMs))
    return [{ atMs: record.atMs, text: `attempt ${record.attempt} follows in ${wait}` }]
  }
  if (record.kind !== 'event.dropped') return []
  return [{ atMs: record.atMs, text: `the event was given up: ${record.reason}` }]
}

/** Everything that the journal knows of one environment; undefined for nothing. */
export function storyOfEnvironment(
  env: string,
  journal: readonly JournalRecord[],
): Story | undefined {
  const own = journal.filter((each) => each.env === env)
  const [first] = own
  if (first === undefined) return undefined
  const arn = own.find(({ functionArn }) => typeof functionArn === 'string')?.functionArn
  const name = typeof arn === 'string' ? ` of ${functionNameOf(arn)}` : ''
  const steps = own.flatMap((record): readonly Step[] => {
    if (!isShown(record) || record.kind !== 'invocation.ended') return lifeSteps(record)
    const frozen =
      record.frozenForMs === undefined ? '' : ` (thawed after ${duration(record.frozenForMs)})`
    const init = record.initMs === undefined ? '' : `, init ${duration(record.initMs)}`
    const text = `request ${record.requestId}${frozen}: ${record.status} in ${duration(record.durationMs)}${init}`
    return [{ atMs: record.atMs, text }]
  })
  return { title: `environment ${env}${name}`, steps: inOrder(steps) }
}

/** Moves and suspensions worth a word. */
function lifeSteps(record: JournalRecord): readonly Step[] {
  const { atMs } = record
  if (isSuspension(record)) {
    if (record.to === 'frozen') return [{ atMs, text: `${record.env} frozen` }]
    return record.to === 'running' ? [{ atMs, text: `${record.env} thawed` }] : []
  }
  if (record.kind === 'environment.trouble') {
    const text = `${String(record.env)} could not ${String(record.command)}: ${String(record.problem)}`
    return [{ atMs, text }]
  }
  if (!isMove(record)) return []
  const told = ['created', 'initializing', 'resetting', 'dormant', 'shutting-down', 'gone']
  if (!told.includes(record.to)) return []
  const why = record.why === undefined ? '' : `: ${record.why}`
  return [{ atMs, text: `${record.env} ${record.to}${why}` }]
}
