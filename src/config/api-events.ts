// The events of a template's functions that come over HTTP or by the clock: found, and matched with their API.

import { resolve, type Scope } from './intrinsics.js'
import type { LoadedFunction } from './loaded.js'
import { apiIdOf } from './physical-names.js'
import {
  lineOf,
  optionalSection,
  type Reading,
  requiredText,
  type Section,
  warn,
} from './reader.js'
import { describe, invalid, type MapNode, type SourceNode } from './source.js'

/** A resource of the template that is there: its Condition, if it has one, is true. */
export interface TemplateResource {
  readonly logicalId: string
  readonly type: string
  /** The resource as written. */
  readonly of: Section
}

export interface ApisGiven {
  readonly scope: Scope
  readonly reading: Reading
  readonly template: Section
  readonly resources: readonly TemplateResource[]
  /** Those that are not left out. */
  readonly functions: readonly LoadedFunction[]
}

export interface FunctionEvent {
  readonly type: string
  /** Its key below Events. */
  readonly name: string
  /** `Resources.Hello.Properties.Events.Get`. */
  readonly place: string
  /** Its Properties, worked out; empty when it has none. */
  readonly of: Section
  /** Its Properties as written. */
  readonly written: MapNode | undefined
  readonly functionId: string
  /** Undefined: the function is left out. */
  readonly functionName: string | undefined
}

/**
 * All events of functions, in the order of the template.
 * @throws EmulatorError EMU_CONFIG_INVALID when an event is no map, or has no Type.
 */
export function functionEvents(given: ApisGiven): readonly FunctionEvent[] {
  return given.resources
    .filter(({ type }) => type === 'AWS::Serverless::Function')
    .flatMap((resource) => eventsOf(given, resource))
}

function eventsOf(given: ApisGiven, { logicalId, of }: TemplateResource): readonly FunctionEvent[] {
  const properties = of.map.entries.get('Properties')
  const wanted = isMap(properties) ? onlyEvents(properties) : properties
  const resolved = wanted === undefined ? undefined : resolve(given.scope, wanted)
  // Anything else is for whoever reads the function to complain of.
  if (!isMap(resolved)) return []
  const where = `Resources.${logicalId}.Properties`
  const events = optionalSection({ reading: given.reading, where, map: resolved }, 'Events')
  if (events === undefined) return []
  const functionName = given.functions.find((each) => each.logicalId === logicalId)?.functionName
  return [...events.map.entries.keys()].flatMap((name) => {
    const event = optionalSection(events, name)
    if (event === undefined) return []
    const written = memberOf(memberOf(memberOf(properties, 'Events'), name), 'Properties')
    return [
      {
        type: requiredText(event, 'Type', 'name the kind of event, such as Api or HttpApi'),
        name,
        place: event.where,
        of: optionalSection(event, 'Properties') ?? emptySection(event, 'Properties'),
        written: isMap(written) ? written : undefined,
        functionId: logicalId,
        functionName,
      },
    ]
  })
}

function onlyEvents(properties: MapNode): MapNode {
  const entries = [...properties.entries].filter(([name]) => name === 'Events')
  return { ...properties, entries: new Map(entries) }
}

function isMap(node: SourceNode | undefined): node is MapNode {
  return node?.is === 'map'
}

function memberOf(node: SourceNode | undefined, name: string): SourceNode | undefined {
  return isMap(node) ? node.entries.get(name) : undefined
}

function emptySection(of: Section, name: string): Section {
  const map: MapNode = { is: 'map', line: of.map.line, entries: new Map(), keyLines: new Map() }
  return { reading: of.reading, where: `${of.where}.${name}`, map }
}

/** How one kind of API is named in templates. */
export interface ApiKind {
  readonly eventType: 'Api' | 'HttpApi'
  readonly resourceType: 'AWS::Serverless::Api' | 'AWS::Serverless::HttpApi'
  /** The plain CloudFormation resource, which is not emulated yet. */
  readonly rawType: 'AWS::ApiGateway::RestApi' | 'AWS::ApiGatewayV2::Api'
  /** The property of an event that names its API. */
  readonly idProperty: 'RestApiId' | 'ApiId'
  /** Made by SAM for events that name none. */
  readonly implicitId: 'ServerlessRestApi' | 'ServerlessHttpApi'
}

export const restKind: ApiKind = {
  eventType: 'Api',
  resourceType: 'AWS::Serverless::Api',
  rawType: 'AWS::ApiGateway::RestApi',
  idProperty: 'RestApiId',
  implicitId: 'ServerlessRestApi',
}

export const httpKind: ApiKind = {
  eventType: 'HttpApi',
  resourceType: 'AWS::Serverless::HttpApi',
  rawType: 'AWS::ApiGatewayV2::Api',
  idProperty: 'ApiId',
  implicitId: 'ServerlessHttpApi',
}

/**
 * The events of that kind, by the logical id of the API that they belong to. One whose API is not there warns and is
 * left out.
 * @throws EmulatorError EMU_CONFIG_INVALID when an event names no API of this template.
 */
export function eventsByApi(
  given: ApisGiven,
  events: readonly FunctionEvent[],
  kind: ApiKind,
): ReadonlyMap<string, readonly FunctionEvent[]> {
  const byApi = new Map<string, FunctionEvent[]>()
  for (const event of events) {
    if (event.type !== kind.eventType) continue
    const logicalId = apiOf(given, event, kind)
    if (logicalId === undefined) continue
    const others = byApi.get(logicalId) ?? []
    byApi.set(logicalId, [...others, event])
  }
  return byApi
}

function apiOf(given: ApisGiven, event: FunctionEvent, kind: ApiKind): string | undefined {
  const { idProperty, implicitId } = kind
  const resolved = event.of.map.entries.get(idProperty)
  if (resolved === undefined) return implicitId
  const named = referenced(event.written?.entries.get(idProperty)) ?? byId(given, resolved, kind)
  if (named === implicitId) return implicitId
  const resource = given.resources.find(({ logicalId }) => logicalId === named)
  if (resource?.type === kind.resourceType) return resource.logicalId
  const condition = named === undefined ? undefined : given.scope.absentResources.get(named)
  if (condition !== undefined)
    return leaveOut(event, `API ${named} is not there: ${condition} is false`)
  if (resource?.type === kind.rawType) return leaveOut(event, `${kind.rawType} is not emulated yet`)
  const place = `${event.of.where}.${idProperty}`
  const problem =
    resource === undefined
      ? `${place} is ${named ?? describe(resolved)}, and there is no such API in this template`
      : `${place} is ${resource.logicalId}, which is ${resource.type}`
  return invalid(
    given.reading.path,
    lineOf(event.of, idProperty),
    problem,
    adviceFor(given, resource, kind),
  )
}

function adviceFor(
  given: ApisGiven,
  resource: TemplateResource | undefined,
  kind: ApiKind,
): string {
  const other = kind === restKind ? httpKind : restKind
  if (resource?.type === other.resourceType) return `make it an event of type ${other.eventType}`
  const known = given.resources
    .filter(({ type }) => type === kind.resourceType)
    .map(({ logicalId }) => `!Ref ${logicalId}`)
  const choice =
    known.length === 0
      ? `add a resource of type ${kind.resourceType}`
      : `write ${known.join(' or ')}`
  return `${choice}, or leave ${kind.idProperty} out`
}

/** SAM takes `!Ref Name` and the bare name. */
function referenced(node: SourceNode | undefined): string | undefined {
  if (node?.is === 'scalar') return node.text
  const isRef = node?.is === 'intrinsic' && node.name === 'Ref'
  return isRef && node.argument.is === 'scalar' ? node.argument.text : undefined
}

/** Behind another function, such as `!If`, there is the id that `!Ref` gave. */
function byId(given: ApisGiven, node: SourceNode, kind: ApiKind): string | undefined {
  if (node.is !== 'scalar') return undefined
  const known = [kind.implicitId, ...given.resources.map(({ logicalId }) => logicalId)]
  return known.find((logicalId) => apiIdOf(logicalId) === node.text)
}

function leaveOut(event: FunctionEvent, reason: string): undefined {
  warn(event.of.reading, 'W_ROUTE_LEFT_OUT', event.place, `${reason}; the route is left out`)
  return undefined
}
