// AWS::Serverless::Api and events of type Api → a REST API with its resources and methods.

import type { RestApi, RestMethod } from '../domain/api.js'
import { type Preflight, readRestCors } from './api-cors.js'
import type { FunctionEvent } from './api-events.js'
import { readGatewayResponses } from './api-gateway-responses.js'
import { type Guard, guardsOf, guardsOfAll, readApiAuth, warnOfGuards } from './api-guards.js'
import { checkPath, checkVerb, ParameterPlaces, verbOf, withoutSlashAtEnd } from './api-paths.js'
import { restEventProperties, sortProperties } from './api-properties.js'
import { type ApiSource, nameOf } from './api-source.js'
import { textMap } from './api-values.js'
import { ranged } from './function-settings.js'
import { apiIdOf } from './physical-names.js'
import {
  lineOf,
  optionalChoice,
  optionalSection,
  optionalTexts,
  refuse,
  requiredText,
  type Section,
  warn,
} from './reader.js'
import { invalid } from './source.js'

/**
 * API Gateway's least and its default; more than the default is to be asked for, and no more than a function may run.
 * Source: API Gateway developer guide, "Quotas" (2026).
 */
const timeoutMs = { min: 50, max: 900_000, byDefault: 29_000 }

/** By path, then by verb. */
type Tree = Map<string, Map<string, RestMethod>>

/** @throws EmulatorError EMU_CONFIG_INVALID for what SAM or API Gateway would refuse. */
export function readRestApi(
  source: ApiSource,
  events: readonly FunctionEvent[],
  given: { readonly stackName: string; readonly stageName?: string },
): RestApi {
  const { of, logicalId } = source
  const guards: Guard[] = [...guardsOfAll(of)]
  const tree = readTree(source, events, guards)
  warnOfGuards(of.reading, guardPlace(source, events), guards)
  addPreflights(tree, readRestCors(of))
  const stageVariables = textMap(optionalSection(of, 'Variables'))
  const binaryMediaTypes = optionalTexts(of, 'BinaryMediaTypes') ?? []
  return {
    kind: 'rest',
    id: apiIdOf(logicalId),
    logicalId,
    name: nameOf(of, given.stackName),
    stageName: given.stageName ?? readStageName(of),
    ...(Object.keys(stageVariables).length === 0 ? {} : { stageVariables }),
    ...(source.recordedOnly.length === 0 ? {} : { recordedOnly: source.recordedOnly }),
    // Media types were once names of JSON pointers, where a slash is written so.
    binaryMediaTypes: binaryMediaTypes.map((type) => type.replaceAll('~1', '/')),
    resources: [...tree].map(([path, methods]) => ({ path, methods: Object.fromEntries(methods) })),
    gatewayResponses: readGatewayResponses(of),
  }
}

/** Where the one warning of authorizers points: to the API's Auth, or to the first event that has one. */
export function guardPlace(source: ApiSource, events: readonly FunctionEvent[]): string {
  if (source.of.map.entries.has('Auth')) return source.placeOf('Auth')
  const first = events.find(
    ({ of }) => of.map.entries.has('Auth') || of.map.entries.has('RequestModel'),
  )
  if (first === undefined) return source.placeOf('Auth')
  return `${first.of.where}.${first.of.map.entries.has('Auth') ? 'Auth' : 'RequestModel'}`
}

function readStageName(of: Section): string {
  const name = requiredText(of, 'StageName', 'a REST API needs a stage, such as StageName: Prod')
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(name)) {
    refuse(of, 'StageName', {
      problem: `${JSON.stringify(name)} cannot be the name of a stage`,
      advice: 'use letters, digits, hyphens and underscores, at most 128',
    })
  }
  return name
}

function readTree(source: ApiSource, events: readonly FunctionEvent[], guards: Guard[]): Tree {
  const auth = readApiAuth(source.of, 'rest')
  const parameters = new ParameterPlaces()
  const places = new Map<string, string>()
  const tree: Tree = new Map()
  for (const event of events) {
    const { of } = event
    sortProperties(of, restEventProperties)
    const path = readPath(of)
    const verb = readVerb(of)
    const rivals = parameters.add(path)
    if (rivals !== undefined) {
      refuse(of, 'Path', {
        problem: `${rivals.parameter} and ${rivals.first} both stand below ${rivals.path}`,
        advice: 'a REST API takes one parameter at each place: give both the same name',
      })
    }
    const methods = tree.get(path) ?? new Map<string, RestMethod>()
    claimRoute(source, event, `${verb} ${path}`, places)
    tree.set(path, methods.set(verb, readMethod(event)))
    guards.push(...guardsOf(of, `${verb} ${path}`, auth))
  }
  return tree
}

function readPath(of: Section): string {
  const path = requiredText(of, 'Path', 'write the path, such as /orders/{id}')
  refuse(of, 'Path', checkPath(path, 'rest'))
  return withoutSlashAtEnd(path)
}

/** @throws EmulatorError EMU_CONFIG_INVALID when it is missing, or none that API Gateway routes. */
export function readVerb(of: Section): string {
  const verb = verbOf(requiredText(of, 'Method', 'write the method, such as get or any'))
  refuse(of, 'Method', checkVerb(verb))
  return verb
}

/**
 * Remembers where a route stands first.
 * @throws EmulatorError EMU_CONFIG_INVALID when another event of the same API has it.
 */
export function claimRoute(
  source: ApiSource,
  event: FunctionEvent,
  route: string,
  places: Map<string, string>,
): void {
  const first = places.get(route)
  if (first !== undefined) {
    invalid(
      event.of.reading.path,
      lineOf(event.of, 'Path'),
      `${event.place}: ${source.logicalId} has ${route} already, from ${first}`,
      'change the path or the method of one of the two events',
    )
  }
  places.set(route, event.place)
}

function readMethod(event: FunctionEvent): RestMethod {
  const { of, functionName } = event
  const timeout = ranged(of, 'TimeoutInMillis', timeoutMs)
  const modes = ['BUFFERED', 'STREAM', 'RESPONSE_STREAM'] as const
  const mode = optionalChoice(of, 'ResponseTransferMode', modes) ?? 'BUFFERED'
  if (mode !== 'BUFFERED') {
    const message = 'streamed responses are not emulated yet; the response comes in one piece'
    warn(of.reading, 'W_NOT_EMULATED', `${of.where}.ResponseTransferMode`, message)
  }
  if (functionName === undefined) return leftOutRoute(event)
  return { is: 'lambda', functionName, timeoutMs: timeout }
}

/** The route of a function that cannot be run: it is there, and says so. */
export function leftOutRoute(event: FunctionEvent): {
  readonly is: 'not-emulated'
  readonly reason: string
} {
  const reason = `function ${event.functionId} is left out`
  const message = `${reason}; the route answers 501`
  warn(event.of.reading, 'W_ROUTE_LEFT_OUT', event.place, message)
  return { is: 'not-emulated', reason }
}

function addPreflights(tree: Tree, preflight: Preflight | undefined): void {
  if (preflight === undefined) return
  for (const methods of tree.values()) {
    if (!methods.has('OPTIONS')) methods.set('OPTIONS', preflight([...methods.keys()]))
  }
}
