// SAM and CloudFormation templates → functions. Only what concerns functions; everything else that matters becomes a warning.

import { dirname } from 'node:path'
import { EmulatorError } from '../domain/emulator-error.js'
import { closest, runtimeStanding } from './function-checks.js'
import {
  globalsProperties,
  lambdaProperties,
  resourceStanding,
  serverlessProperties,
} from './function-properties.js'
import { isNoValue, resolve, type Scope } from './intrinsics.js'
import type { LoadedFunction, LoadOptions, Suggestion } from './loaded.js'
import {
  optionalSection,
  optionalText,
  type Reading,
  type Section,
  section,
  warn,
} from './reader.js'
import { invalid, type MapNode, type SourceNode } from './source.js'
import { type LeftOut, readTemplateFunction } from './template-function.js'

export interface TemplateContent {
  readonly functions: readonly LoadedFunction[]
  readonly suggestions: readonly Suggestion[]
}

interface Resource {
  readonly logicalId: string
  readonly type: string
  readonly of: Section
}

/**
 * @throws EmulatorError EMU_CONFIG_INVALID, EMU_CODE_NOT_FOUND; EMU_RUNTIME_UNSUPPORTED when none of its functions
 * can be run here.
 */
export function readTemplate(
  reading: Reading,
  root: SourceNode,
  options: LoadOptions,
): TemplateContent {
  const template = section(reading, 'template', root)
  const resourcesNode = template.map.entries.get('Resources')
  if (resourcesNode === undefined) {
    invalid(
      reading.path,
      1,
      'it has no Resources',
      'a template needs a Resources section with a function in it',
    )
  }
  const resources = listResources(section(reading, 'Resources', resourcesNode))
  const globals = globalFunctionProperties(reading, template)
  const scope = scopeOf(template, resources, options)
  const results = resources
    .filter(isFunction)
    .map((resource) => readFunction(scope, resources, globals, resource))
  warnOfOtherResources(reading, resources)
  const functions = results.flatMap((result) => (isLeftOut(result) ? [] : [result]))
  const leftOut = results.find(isLeftOut)
  if (functions.length === 0 && leftOut !== undefined) throw leftOut.error
  refuseSharedNames(reading, functions)
  return { functions, suggestions: readSuggestions(template) }
}

function isLeftOut(result: LoadedFunction | LeftOut): result is LeftOut {
  return 'is' in result
}

function listResources(of: Section): readonly Resource[] {
  return [...of.map.entries].flatMap(([logicalId, node]) => {
    if (logicalId.startsWith('Fn::ForEach')) {
      warn(of.reading, 'W_UNRESOLVED', `Resources.${logicalId}`, 'loops are not worked out yet')
      return []
    }
    const resource = section(of.reading, `Resources.${logicalId}`, node)
    const type = optionalText(resource, 'Type')
    if (type !== undefined) return [{ logicalId, type, of: resource }]
    return invalid(
      of.reading.path,
      resource.map.line,
      `Resources.${logicalId} has no Type`,
      'give it one, such as AWS::Serverless::Function',
    )
  })
}

function isFunction(resource: Resource): boolean {
  return resource.type === 'AWS::Serverless::Function' || resource.type === 'AWS::Lambda::Function'
}

function globalFunctionProperties(reading: Reading, template: Section): MapNode | undefined {
  const globals = optionalSection(template, 'Globals')
  const of = globals === undefined ? undefined : optionalSection(globals, 'Function')
  if (of === undefined) return undefined
  const known = new Map<string, SourceNode>()
  for (const [name, node] of of.map.entries) {
    if (globalsProperties.has(name)) {
      known.set(name, node)
      continue
    }
    const place = `Globals.Function.${name}`
    warn(reading, 'W_UNKNOWN_PROPERTY', place, unknownProperty(name, [...globalsProperties]))
  }
  return { ...of.map, entries: known }
}

function unknownProperty(name: string, known: readonly string[]): string {
  const meant = closest(name, known)
  return meant === undefined
    ? 'SAM has no such property; it has no effect'
    : `SAM has no such property; it has no effect. Did you mean ${meant}?`
}

function scopeOf(template: Section, resources: readonly Resource[], options: LoadOptions): Scope {
  const parameters = optionalSection(template, 'Parameters')?.map.entries ?? new Map()
  const scope: Scope = {
    region: options.region ?? 'us-east-1',
    accountId: options.accountId ?? '000000000000',
    stackName: 'local',
    parameters,
    resourceTypes: new Map(resources.map(({ logicalId, type }) => [logicalId, type])),
    functionNames: new Map(),
  }
  const functionNames = resources
    .filter(isFunction)
    .map((resource): [string, string] => [resource.logicalId, plainName(scope, resource)])
  return { ...scope, functionNames: new Map(functionNames) }
}

/** SAM and CloudFormation make up a name where none is given; here it is the logical id. */
function plainName(scope: Scope, resource: Resource): string {
  const properties = resource.of.map.entries.get('Properties')
  const node = properties?.is === 'map' ? properties.entries.get('FunctionName') : undefined
  const name = node === undefined ? undefined : resolve(scope, node)
  return name?.is === 'scalar' && name.value !== null ? name.text : resource.logicalId
}

function readFunction(
  scope: Scope,
  resources: readonly Resource[],
  globals: MapNode | undefined,
  resource: Resource,
): LoadedFunction | LeftOut {
  const serverless = resource.type === 'AWS::Serverless::Function'
  const { reading } = resource.of
  const where = `Resources.${resource.logicalId}`
  const written = resource.of.map.entries.get('Properties')
  const own: MapNode =
    written === undefined
      ? { is: 'map', line: resource.of.map.line, entries: new Map(), keyLines: new Map() }
      : section(reading, `${where}.Properties`, written).map
  const merged = serverless && globals !== undefined ? mergeMaps(globals, own) : own
  const properties = resolve(scope, withoutNoValues(merged))
  const of = section(reading, `${where}.Properties`, properties)
  if (resource.of.map.entries.has('Condition')) {
    const message = 'conditions are not worked out yet; the function is loaded in any case'
    warn(reading, 'W_UNRESOLVED', `${where}.Condition`, message)
  }
  const recordedOnly = sortProperties(of, own, serverless ? serverlessProperties : lambdaProperties)
  const result = readTemplateFunction({
    of,
    logicalId: resource.logicalId,
    resource: resource.of,
    recordedOnly,
    base: dirname(reading.path),
    accountId: scope.accountId,
    layerContent: (node) => layerContent(scope, resources, node),
    layerNodes: layerNodes(merged),
  })
  if (!isLeftOut(result) && runtimeStanding(result.runtime) === 'runnable') return result
  const error = isLeftOut(result)
    ? result.error
    : new EmulatorError('EMU_RUNTIME_UNSUPPORTED', {
        functionName: result.functionName,
        runtime: result.runtime,
      })
  warn(reading, 'W_FUNCTION_LEFT_OUT', where, `${error.message}; it is left out`)
  return { is: 'left-out', error }
}

/** Maps merge, lists append (Globals first), everything else is overridden. Source: AWS SAM, Globals section. */
function mergeMaps(globals: MapNode, own: MapNode): MapNode {
  const entries = new Map(globals.entries)
  for (const [name, node] of own.entries) {
    const inherited = entries.get(name)
    entries.set(name, inherited === undefined ? node : mergeNodes(inherited, node))
  }
  return { ...own, entries, keyLines: new Map([...globals.keyLines, ...own.keyLines]) }
}

function mergeNodes(inherited: SourceNode, own: SourceNode): SourceNode {
  if (inherited.is === 'map' && own.is === 'map') return mergeMaps(inherited, own)
  if (inherited.is === 'list' && own.is === 'list') {
    return { ...own, items: [...inherited.items, ...own.items] }
  }
  return own
}

function withoutNoValues(node: MapNode): MapNode {
  const entries = [...node.entries]
    .filter(([, value]) => !isNoValue(value))
    .map(([name, value]): [string, SourceNode] => [
      name,
      value.is === 'map' ? withoutNoValues(value) : value,
    ])
  return { ...node, entries: new Map(entries) }
}

/** Warns of what has no effect, and gives the names of what is only recorded. */
function sortProperties(
  of: Section,
  own: MapNode,
  table: Readonly<Record<string, 'honoured' | 'recorded' | 'not-emulated'>>,
): readonly string[] {
  const recorded: string[] = []
  for (const [name, node] of of.map.entries) {
    // What Globals gives to every function is said once.
    const place = own.entries.has(name) ? `${of.where}.${name}` : `Globals.Function.${name}`
    switch (table[name]) {
      case 'honoured':
        break
      case 'recorded':
        recorded.push(name)
        break
      case 'not-emulated':
        warn(of.reading, 'W_NOT_EMULATED', place, notEmulated(name, node))
        break
      case undefined: {
        const meant = closest(name, Object.keys(table))
        const hint = meant === undefined ? '' : ` Did you mean ${meant}?`
        const message = `AWS knows no such property; it has no effect.${hint}`
        warn(of.reading, 'W_UNKNOWN_PROPERTY', place, message)
        break
      }
    }
  }
  return recorded
}

function notEmulated(name: string, node: SourceNode): string {
  if (name !== 'Events' || node.is !== 'map') return 'not emulated yet; it has no effect here'
  const names = [...node.entries.keys()].join(', ')
  return `event sources are not emulated yet (${names}); call the function with invoke`
}

function warnOfOtherResources(reading: Reading, resources: readonly Resource[]): void {
  for (const { logicalId, type } of resources.filter((resource) => !isFunction(resource))) {
    const standing = resourceStanding(type)
    if (standing === 'silent') continue
    const message =
      standing === 'not-emulated'
        ? `${type} is not emulated yet`
        : `${type} is not part of this emulator; functions reach only what you run yourself`
    warn(reading, 'W_NOT_EMULATED', `Resources.${logicalId}`, message)
  }
}

/** The written Layers, before references are worked out: a Ref to a layer of this template is local content. */
function layerNodes(properties: MapNode): readonly SourceNode[] {
  const node = properties.entries.get('Layers')
  return node?.is === 'list' ? node.items : []
}

/** Where the content of a layer of the same template is; undefined for anything else. */
function layerContent(
  scope: Scope,
  resources: readonly Resource[],
  node: SourceNode,
): string | undefined {
  if (node.is !== 'intrinsic' || node.name !== 'Ref' || node.argument.is !== 'scalar') {
    return undefined
  }
  const name = node.argument.text
  const resource = resources.find(({ logicalId }) => logicalId === name)
  if (resource === undefined || !resource.type.endsWith('::LayerVersion')) return undefined
  const properties = resource.of.map.entries.get('Properties')
  const key = resource.type.startsWith('AWS::Serverless') ? 'ContentUri' : 'Content'
  const written = properties?.is === 'map' ? properties.entries.get(key) : undefined
  const content = written === undefined ? undefined : resolve(scope, written)
  return content?.is === 'scalar' && content.value !== null ? content.text : undefined
}

function refuseSharedNames(reading: Reading, functions: readonly LoadedFunction[]): void {
  const seen = new Map<string, string>()
  for (const { functionName, logicalId, origin } of functions) {
    const first = seen.get(functionName)
    if (first !== undefined) {
      invalid(
        reading.path,
        origin.line,
        `${first} and ${logicalId} are both called ${functionName}`,
        'give each function a name of its own',
      )
    }
    seen.set(functionName, logicalId)
  }
}

/** Metadata.LambdaEmu.Try: what `start` proposes. */
function readSuggestions(template: Section): readonly Suggestion[] {
  const metadata = template.map.entries.get('Metadata')
  const ours = metadata?.is === 'map' ? metadata.entries.get('LambdaEmu') : undefined
  const list = ours?.is === 'map' ? ours.entries.get('Try') : undefined
  if (list?.is !== 'list') return []
  return list.items.map((item, index) => {
    const of = section(template.reading, `Metadata.LambdaEmu.Try.${index}`, item)
    return { command: optionalText(of, 'Command') ?? '', see: optionalText(of, 'See') ?? '' }
  })
}
