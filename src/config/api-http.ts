// AWS::Serverless::HttpApi and events of type HttpApi → an HTTP API with its routes.

import type { HttpApi, HttpRoute } from '../domain/api.js'
import { readHttpCors } from './api-cors.js'
import type { FunctionEvent } from './api-events.js'
import { type Guard, guardsOf, readApiAuth, warnOfGuards } from './api-guards.js'
import { checkPath, verbOf } from './api-paths.js'
import { httpEventProperties, mentions, sortProperties } from './api-properties.js'
import { claimRoute, guardPlace, leftOutRoute, readVerb } from './api-rest.js'
import { type ApiSource, nameOf } from './api-source.js'
import { textMap } from './api-values.js'
import { ranged } from './function-settings.js'
import { apiIdOf } from './physical-names.js'
import {
  optionalChoice,
  optionalSection,
  optionalText,
  refuse,
  requiredText,
  type Section,
  warn,
} from './reader.js'

/** Source: API Gateway developer guide, "Quotas" of HTTP APIs (2026). */
const timeoutMs = { min: 50, max: 30_000, byDefault: 30_000 }

/** @throws EmulatorError EMU_CONFIG_INVALID for what SAM or API Gateway would refuse. */
export function readHttpApi(
  source: ApiSource,
  events: readonly FunctionEvent[],
  given: { readonly stackName: string },
): HttpApi {
  const { of, logicalId } = source
  const guards: Guard[] = []
  const routes = readRoutes(source, events, guards)
  warnOfGuards(of.reading, guardPlace(source, events), guards)
  const stageVariables = textMap(optionalSection(of, 'StageVariables'))
  const cors = readHttpCors(of)
  return {
    kind: 'http',
    id: apiIdOf(logicalId),
    logicalId,
    name: nameOf(of, given.stackName),
    stageName: readStageName(of),
    ...(Object.keys(stageVariables).length === 0 ? {} : { stageVariables }),
    ...(source.recordedOnly.length === 0 ? {} : { recordedOnly: source.recordedOnly }),
    routes,
    ...(cors === undefined ? {} : { cors }),
  }
}

function readStageName(of: Section): string {
  const name = optionalText(of, 'StageName') ?? '$default'
  if (name !== '$default' && !/^[A-Za-z0-9_-]{1,128}$/.test(name)) {
    refuse(of, 'StageName', {
      problem: `${JSON.stringify(name)} cannot be the name of a stage`,
      advice: 'use $default, or at most 128 letters, digits, hyphens and underscores',
    })
  }
  return name
}

function readRoutes(
  source: ApiSource,
  events: readonly FunctionEvent[],
  guards: Guard[],
): readonly HttpRoute[] {
  const auth = readApiAuth(source.of, 'http')
  const places = new Map<string, string>()
  const routes: HttpRoute[] = []
  for (const event of events) {
    sortProperties(event.of, httpEventProperties)
    const routeKey = readRouteKey(event.of)
    claimRoute(source, event, routeKey, places)
    routes.push({ routeKey, target: readTarget(event) })
    guards.push(...guardsOf(event.of, routeKey, auth))
  }
  return routes
}

/** Without Path and Method it is the route for everything that no other route takes. */
function readRouteKey(of: Section): string {
  const path = optionalText(of, 'Path') ?? ''
  const method = optionalText(of, 'Method') ?? ''
  if (path === '' && method === '') return '$default'
  if (path === '$default' && verbOf(method) === 'ANY') return '$default'
  const written = requiredText(of, 'Path', 'write the path, such as /orders/{id}')
  refuse(of, 'Path', checkPath(written, 'http'))
  return `${readVerb(of)} ${written}`
}

function readTarget(event: FunctionEvent): HttpRoute['target'] {
  const { of, functionName } = event
  const timeout = ranged(of, 'TimeoutInMillis', timeoutMs)
  // YAML takes 2.0 without quotes for the number 2.
  const version = optionalChoice(of, 'PayloadFormatVersion', ['1.0', '2.0', '1', '2'] as const)
  if (mentions(of.map.entries.get('RouteSettings'), /^Throttling/)) {
    const message = 'throttling is not emulated yet; requests get through without'
    warn(of.reading, 'W_NOT_EMULATED', `${of.where}.RouteSettings`, message)
  }
  if (functionName === undefined) return leftOutRoute(event)
  return {
    is: 'lambda',
    functionName,
    payloadFormatVersion: version?.startsWith('1') ? '1.0' : '2.0',
    timeoutMs: timeout,
  }
}
