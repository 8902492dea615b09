// One API of a template before its routes: its properties with Globals merged in, and where each of them stands.

import {
  type ApiKind,
  type ApisGiven,
  httpKind,
  restKind,
  type TemplateResource,
} from './api-events.js'
import {
  httpApiGlobals,
  httpApiProperties,
  mentions,
  restApiGlobals,
  restApiProperties,
  sortProperties,
} from './api-properties.js'
import { globalProperties, mergeMaps } from './globals.js'
import { resolve } from './intrinsics.js'
import { optionalSection, optionalText, type Section, section, warn } from './reader.js'
import { invalid, type MapNode, type SourceNode } from './source.js'

export interface ApiSource {
  readonly logicalId: string
  /** Its properties, worked out. */
  readonly of: Section
  /** Properties that are kept and have no effect. */
  readonly recordedOnly: readonly string[]
  /** Where a property stands: below the resource, or in Globals. */
  readonly placeOf: (name: string) => string
}

/** What Globals gives to APIs of that kind; warns once of properties that SAM does not know. */
export function globalsOf(given: ApisGiven, kind: ApiKind): MapNode | undefined {
  return kind === restKind
    ? globalProperties(given.template, 'Api', restApiGlobals)
    : globalProperties(given.template, 'HttpApi', httpApiGlobals)
}

/** An API that stands in the template; warns of every property without effect. */
export function explicitApi(
  given: ApisGiven,
  kind: ApiKind,
  globals: MapNode | undefined,
  resource: TemplateResource,
): ApiSource {
  const where = `Resources.${resource.logicalId}.Properties`
  const written = resource.of.map.entries.get('Properties') ?? emptyMap(resource.of.map.line)
  const own = written.is === 'map' ? written : resolve(given.scope, written)
  const ownMap = section(given.reading, where, own).map
  const inherited = withoutIgnored(resource, globals)
  const merged = inherited === undefined ? ownMap : mergeMaps(inherited, ownMap)
  const placeOf = (name: string) =>
    ownMap.entries.has(name) ? `${where}.${name}` : `Globals.${kind.eventType}.${name}`
  // An empty list of properties may be written as nothing; its errors still want a line.
  const of = section(given.reading, where, resolve(given.scope, merged))
  return sorted(kind, resource.logicalId, of, placeOf)
}

/** The API that SAM makes for events that name none: all that it has comes from Globals. */
export function implicitApi(
  given: ApisGiven,
  kind: ApiKind,
  globals: MapNode | undefined,
): ApiSource {
  const where = `Globals.${kind.eventType}`
  const resolved = resolve(given.scope, globals ?? emptyMap(1))
  const of = section(given.reading, where, resolved)
  return sorted(kind, kind.implicitId, of, (name) => `${where}.${name}`)
}

function sorted(
  kind: ApiKind,
  logicalId: string,
  of: Section,
  placeOf: (name: string) => string,
): ApiSource {
  const table = kind === httpKind ? httpApiProperties : restApiProperties
  const recorded = [...sortProperties(of, table, placeOf)]
  for (const name of ['MethodSettings', 'DefaultRouteSettings', 'RouteSettings']) {
    const node = of.map.entries.get(name)
    if (node === undefined) continue
    if (mentions(node, /^(Throttling|Caching|CacheTtl)/)) {
      const message = 'throttling and caching are not emulated yet; requests get through without'
      warn(of.reading, 'W_NOT_EMULATED', placeOf(name), message)
    } else recorded.push(name)
  }
  return { logicalId, of, recordedOnly: recorded, placeOf }
}

/** As SAM names it: its Name, else the title of its OpenAPI document, which is the stack's name where SAM writes it. */
export function nameOf(of: Section, stackName: string): string {
  const document = optionalSection(of, 'DefinitionBody')
  const info = document === undefined ? undefined : optionalSection(document, 'info')
  const title = info === undefined ? undefined : optionalText(info, 'title')
  return optionalText(of, 'Name') ?? title ?? stackName
}

/** IgnoreGlobals of a resource: `*`, or the properties that it does not want. */
function withoutIgnored(
  resource: TemplateResource,
  globals: MapNode | undefined,
): MapNode | undefined {
  const ignored = resource.of.map.entries.get('IgnoreGlobals')
  if (globals === undefined || ignored === undefined) return globals
  if (ignored.is === 'scalar' && ignored.text === '*') return undefined
  if (ignored.is === 'list' && ignored.items.every((item) => item.is === 'scalar')) {
    const names = ignored.items.map((item) => (item.is === 'scalar' ? item.text : ''))
    const kept = [...globals.entries].filter(([name]) => !names.includes(name))
    return { ...globals, entries: new Map(kept) }
  }
  return invalid(
    resource.of.reading.path,
    ignored.line,
    `Resources.${resource.logicalId}.IgnoreGlobals is neither * nor a list of names`,
    "write '*' or a list of properties of Globals",
  )
}

function emptyMap(line: number): SourceNode & MapNode {
  return { is: 'map', line, entries: new Map(), keyLines: new Map() }
}
