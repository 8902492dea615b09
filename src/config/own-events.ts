// The events that a function in lambda-emu.json may have: routes of one HTTP API, and schedules.

import type { ApiDefinition, HttpRoute, ScheduleDefinition } from '../domain/api.js'
import { parseSchedule } from '../domain/schedule-expression.js'
import { checkPath, checkVerb, verbOf } from './api-paths.js'
import { apiIdOf } from './physical-names.js'
import { lineOf, optionalText, present, refuse, type Section, section } from './reader.js'
import { describe, invalid } from './source.js'

/** The members that an event may have: one of them. */
export const eventMembers = ['http', 'schedule'] as const

export interface OwnEvents {
  readonly routes: readonly HttpRoute[]
  readonly schedules: readonly ScheduleDefinition[]
}

/** HTTP APIs give up after 30 s. Source: Amazon API Gateway quotas (2026). */
const httpTimeoutMs = 30_000

/**
 * The `events` of one function.
 * @throws EmulatorError EMU_CONFIG_INVALID for an event of a wrong form, an illegal path or method, or a bad expression.
 */
export function readOwnEvents(of: Section, functionName: string): OwnEvents {
  const node = present(of, 'events')
  if (node === undefined) return { routes: [], schedules: [] }
  if (node.is !== 'list') {
    const problem = `${of.where}.events is ${describe(node)}`
    return invalid(of.reading.path, node.line, problem, 'it must be a list')
  }
  const routes: HttpRoute[] = []
  const schedules: ScheduleDefinition[] = []
  for (const [index, item] of node.items.entries()) {
    const event = section(of.reading, `${of.where}.events.${index}`, item)
    refuseOtherForms(event)
    const http = optionalText(event, 'http')
    if (http !== undefined) routes.push(readRoute(event, http, functionName))
    const expression = optionalText(event, 'schedule')
    if (expression === undefined) continue
    const logicalId = `${functionName}-schedule-${schedules.length + 1}`
    schedules.push(readSchedule(event, expression, logicalId, functionName))
  }
  return { routes, schedules }
}

function refuseOtherForms(event: Section): void {
  const names = [...event.map.entries.keys()]
  const isOne = names.length === 1 && eventMembers.some((known) => known === names[0])
  if (isOne) return
  invalid(
    event.reading.path,
    event.map.line,
    `${event.where} has ${names.length === 0 ? 'no member' : names.join(', ')}`,
    'write { "http": "GET /orders/{id}" } or { "schedule": "rate(1 minute)" }',
  )
}

function readRoute(event: Section, http: string, functionName: string): HttpRoute {
  const target = {
    is: 'lambda',
    functionName,
    payloadFormatVersion: '2.0',
    timeoutMs: httpTimeoutMs,
  } as const
  if (http === '$default') return { routeKey: http, target }
  const [method = '', path = '', ...rest] = http.trim().split(/\s+/)
  if (path === '' || rest.length > 0) {
    refuse(event, 'http', {
      problem: `${JSON.stringify(http)} is no method and path`,
      advice: 'write it as GET /orders/{id}, or $default',
    })
  }
  const verb = verbOf(method)
  refuse(event, 'http', checkVerb(verb) ?? checkPath(path, 'http'))
  return { routeKey: `${verb} ${path}`, target }
}

function readSchedule(
  event: Section,
  expression: string,
  logicalId: string,
  functionName: string,
): ScheduleDefinition {
  if (expression.startsWith('at(') || parseSchedule(expression) === undefined) {
    refuse(event, 'schedule', {
      problem: `${JSON.stringify(expression)} is no schedule`,
      advice: 'write it as rate(5 minutes) or cron(0 12 * * ? *)',
    })
  }
  return { logicalId, name: logicalId, functionName, expression, enabled: true, kind: 'rule' }
}

/** A function's routes, and where they stand: for errors. */
export interface RoutesOf {
  readonly of: Section
  readonly routes: readonly HttpRoute[]
}

/**
 * All routes as one HTTP API; none when there is no route.
 * @throws EmulatorError EMU_CONFIG_INVALID when two functions have the same one.
 */
export function ownApi(given: readonly RoutesOf[]): readonly ApiDefinition[] {
  const seen = new Set<string>()
  for (const { of, routes } of given) {
    for (const { routeKey } of routes) {
      if (seen.has(routeKey)) {
        const problem = `${of.where}.events: the route ${routeKey} is there twice`
        invalid(of.reading.path, lineOf(of, 'events'), problem, 'leave one of them out')
      }
      seen.add(routeKey)
    }
  }
  const routes = given.flatMap((each) => each.routes)
  if (routes.length === 0) return []
  const logicalId = 'HttpApi'
  return [
    {
      kind: 'http',
      id: apiIdOf(logicalId),
      logicalId,
      name: logicalId,
      stageName: '$default',
      routes,
    },
  ]
}
