// The resources of a template: which there are once conditions are worked out, and what names stand for.

import { conditionsOf } from './conditions.js'
import { resolve } from './intrinsics.js'
import type { LoadOptions } from './loaded.js'
import { refOf } from './physical-names.js'
import { optionalSection, optionalText, type Section, section, warn } from './reader.js'
import type { Found, Scope } from './scope.js'
import { invalid, type MapNode, type SourceNode } from './source.js'

export interface Resource {
  readonly logicalId: string
  readonly type: string
  /** As written. */
  readonly of: Section
}

export function isFunction({ type }: Pick<Resource, 'type'>): boolean {
  return type === 'AWS::Serverless::Function' || type === 'AWS::Lambda::Function'
}

/** @throws EmulatorError EMU_CONFIG_INVALID for a resource that is no map or has no Type. */
export function listResources(of: Section): readonly Resource[] {
  return [...of.map.entries].map(([logicalId, node]) => {
    const resource = section(of.reading, `Resources.${logicalId}`, node)
    const type = optionalText(resource, 'Type')
    if (type !== undefined) return { logicalId, type, of: resource }
    return invalid(
      of.reading.path,
      resource.map.line,
      `Resources.${logicalId} has no Type`,
      'give it one, such as AWS::Serverless::Function',
    )
  })
}

/**
 * Parameters, pseudo parameters, mappings and conditions: everything that needs no resource.
 * @throws EmulatorError EMU_CONFIG_INVALID for Mappings or Conditions that are no maps.
 */
export function baseScope(
  template: Section,
  parameters: ReadonlyMap<string, Found>,
  options: LoadOptions,
): Scope {
  const conditions = optionalSection(template, 'Conditions')?.map.entries ?? new Map()
  const scope: Scope = {
    path: template.reading.path,
    region: options.region ?? 'us-east-1',
    accountId: options.accountId ?? '000000000000',
    stackName: 'local',
    parameters,
    resourceTypes: new Map(),
    absentResources: new Map(),
    functionNames: new Map(),
    implicitApis: new Set(),
    mappings: optionalSection(template, 'Mappings')?.map,
    importValues: options.importValues ?? {},
    languageExtensions: hasLanguageExtensions(template),
    truth: conditionsOf({ path: template.reading.path, conditions, scope: () => scope }),
    property: () => undefined,
  }
  return scope
}

function hasLanguageExtensions(template: Section): boolean {
  const node = template.map.entries.get('Transform')
  const names = node?.is === 'list' ? node.items : node === undefined ? [] : [node]
  return names.some((name) => name.is === 'scalar' && name.text === 'AWS::LanguageExtensions')
}

/**
 * Works every condition out, so that a wrong one is told even when nothing uses it.
 * @throws EmulatorError EMU_CONFIG_INVALID for an unknown or circular condition, or one of a wrong form.
 */
export function checkConditions(template: Section, scope: Scope): void {
  const conditions = optionalSection(template, 'Conditions')
  for (const [name, node] of conditions?.map.entries ?? []) scope.truth(name, node.line)
}

interface Sorted {
  readonly there: readonly Resource[]
  /** Logical id → its false condition. */
  readonly absent: ReadonlyMap<string, string>
}

/** Those whose Condition is false are not there. One that cannot be worked out warns, and is taken for true. */
export function sortByCondition(scope: Scope, resources: readonly Resource[]): Sorted {
  const absent = new Map<string, string>()
  for (const { logicalId, of } of resources) {
    const name = optionalText(of, 'Condition')
    if (name === undefined) continue
    const truth = scope.truth(name, of.map.keyLines.get('Condition') ?? of.map.line)
    if (truth.is === 'known' && !truth.value) absent.set(logicalId, name)
    if (truth.is === 'known') continue
    const message = `${name} has no value here (${truth.reason}); the resource is loaded in any case`
    warn(of.reading, 'W_UNRESOLVED', `${of.where}.Condition`, message)
  }
  return { there: resources.filter(({ logicalId }) => !absent.has(logicalId)), absent }
}

/** The base scope, and what the names of resources stand for. */
export function fullScope(base: Scope, { there, absent }: Sorted): Scope {
  const functionNames = new Map<string, string>()
  const scope: Scope = {
    ...base,
    resourceTypes: new Map(there.map(({ logicalId, type }) => [logicalId, type])),
    absentResources: absent,
    functionNames,
    implicitApis: implicitApis(there),
    property: propertyReader(there, () => scope),
  }
  for (const { logicalId, type } of there.filter(isFunction)) {
    const name = refOf(scope, logicalId, type)
    if (name.is === 'value' && name.node.is === 'scalar') {
      functionNames.set(logicalId, name.node.text)
    }
  }
  return scope
}

/** Each property is worked out once; one that needs itself has no value. */
function propertyReader(resources: readonly Resource[], scope: () => Scope): Scope['property'] {
  const properties = new Map(
    resources.map(({ logicalId, of }): [string, MapNode | undefined] => {
      const node = of.map.entries.get('Properties')
      return [logicalId, node?.is === 'map' ? node : undefined]
    }),
  )
  const known = new Map<string, SourceNode>()
  const open = new Set<string>()
  return (logicalId, name) => {
    const written = properties.get(logicalId)?.entries.get(name)
    if (written === undefined) return undefined
    const place = `${logicalId}.${name}`
    const before = known.get(place)
    if (before !== undefined) return before
    if (open.has(place)) {
      const reason = `${place} needs itself`
      return { is: 'unresolved', line: written.line, text: `!Ref ${logicalId}`, reason }
    }
    open.add(place)
    const node = resolve(scope(), written)
    open.delete(place)
    known.set(place, node)
    return node
  }
}

/** SAM makes these for events that name no API. Source: AWS SAM, generated resources. */
function implicitApis(resources: readonly Resource[]): ReadonlySet<string> {
  const declared = new Set(resources.map(({ logicalId }) => logicalId))
  const made = new Set<string>()
  for (const { type, of } of resources) {
    if (type !== 'AWS::Serverless::Function') continue
    for (const event of eventsOf(of)) {
      const kind = textOf(event, 'Type')
      const properties = event.entries.get('Properties')
      const named = (name: string) => properties?.is === 'map' && properties.entries.has(name)
      if (kind === 'Api' && !named('RestApiId')) made.add('ServerlessRestApi')
      if (kind === 'HttpApi' && !named('ApiId')) made.add('ServerlessHttpApi')
    }
  }
  return new Set([...made].filter((name) => !declared.has(name)))
}

function eventsOf(of: Section): readonly MapNode[] {
  const properties = of.map.entries.get('Properties')
  const events = properties?.is === 'map' ? properties.entries.get('Events') : undefined
  return events?.is === 'map'
    ? [...events.entries.values()].filter((node) => node.is === 'map')
    : []
}

function textOf(node: MapNode, name: string): string | undefined {
  const found = node.entries.get(name)
  return found?.is === 'scalar' ? found.text : undefined
}
