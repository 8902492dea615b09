// SAM and CloudFormation templates → functions, APIs and schedules; everything else that matters becomes a warning.

import type { ApiDefinition, ScheduleDefinition } from '../domain/api.js'
import { readApis } from './apis.js'
import { globalsProperties, resourceStanding } from './function-properties.js'
import { isLeftOut, readFunction } from './function-resource.js'
import { globalProperties, warnOfUnknownGlobals } from './globals.js'
import { expandIncludes } from './includes.js'
import type { Scope } from './intrinsics.js'
import type { LoadedFunction, LoadOptions, Suggestion } from './loaded.js'
import { expandLoops } from './loops.js'
import { readParameters } from './parameters.js'
import { refOf } from './physical-names.js'
import { optionalText, type Reading, type Section, section, warn } from './reader.js'
import type { Found } from './scope.js'
import { invalid, type SourceNode } from './source.js'
import { assetPath } from './template-function.js'
import {
  baseScope,
  checkConditions,
  fullScope,
  isFunction,
  listResources,
  type Resource,
  sortByCondition,
} from './template-resources.js'

export interface TemplateContent {
  readonly functions: readonly LoadedFunction[]
  readonly apis: readonly ApiDefinition[]
  readonly schedules: readonly ScheduleDefinition[]
  readonly suggestions: readonly Suggestion[]
}

/**
 * @throws EmulatorError EMU_CONFIG_INVALID, EMU_CODE_NOT_FOUND; EMU_USAGE for a parameter that the template does not
 * have; EMU_RUNTIME_UNSUPPORTED when none of its functions can be run here.
 */
export function readTemplate(
  reading: Reading,
  root: SourceNode,
  options: LoadOptions,
): TemplateContent {
  const written = section(reading, 'template', root)
  warnOfMacros(written)
  const parameters = readParameters(written, options.parameters ?? {})
  const template = writtenOut(written, parameters, options)
  const base = baseScope(template, parameters, options)
  checkConditions(template, base)
  const sorted = sortByCondition(base, listResources(resourcesOf(template)))
  const scope = fullScope(base, sorted)
  const resources = sorted.there
  const functions = readFunctions(template, scope, resources, options)
  warnOfOtherResources(reading, resources)
  warnOfUnknownGlobals(template)
  const events = readApis({ scope, reading, template, resources, functions })
  return { functions, ...events, suggestions: readSuggestions(template) }
}

/** With included files in their places, and loops unrolled. */
function writtenOut(
  written: Section,
  parameters: ReadonlyMap<string, Found>,
  options: LoadOptions,
): Section {
  const { reading } = written
  const included = expandIncludes(baseScope(written, parameters, options), reading, written.map)
  const scope = baseScope({ ...written, map: included }, parameters, options)
  return section(reading, 'template', expandLoops(scope, included))
}

/** AWS's own transforms are carried out here, or concern nothing that is. */
function warnOfMacros({ reading, map }: Section): void {
  const node = map.entries.get('Transform')
  const names = node?.is === 'list' ? node.items : node === undefined ? [] : [node]
  for (const name of names) {
    if (name.is !== 'scalar' || name.value === null || name.text.startsWith('AWS::')) continue
    const message = `the macro ${name.text} runs only on AWS; what it would change stays as it is`
    warn(reading, 'W_UNRESOLVED', 'Transform', message)
  }
}

function resourcesOf(template: Section): Section {
  const node = template.map.entries.get('Resources')
  if (node !== undefined) return section(template.reading, 'Resources', node)
  return invalid(
    template.reading.path,
    1,
    'it has no Resources',
    'a template needs a Resources section with a function in it',
  )
}

/** When none of the functions can be run here, the first one's error is thrown. */
function readFunctions(
  template: Section,
  scope: Scope,
  resources: readonly Resource[],
  options: LoadOptions,
): readonly LoadedFunction[] {
  const given = {
    scope,
    globals: globalProperties(template, 'Function', globalsProperties),
    layerContents: layerContents(scope, resources),
    inlineCodeFolder: options.inlineCodeFolder,
  }
  const results = resources.filter(isFunction).map((resource) => readFunction(given, resource))
  const functions = results.flatMap((result) => (isLeftOut(result) ? [] : [result]))
  const leftOut = results.find(isLeftOut)
  if (functions.length === 0 && leftOut !== undefined) throw leftOut.error
  refuseSharedNames(template.reading, functions)
  return functions
}

/** What a Ref of a layer of this template gives → where its content is, as written. */
function layerContents(scope: Scope, resources: readonly Resource[]): ReadonlyMap<string, string> {
  const contents = new Map<string, string>()
  for (const { logicalId, type, of } of resources) {
    if (!type.endsWith('::LayerVersion')) continue
    const arn = refOf(scope, logicalId, type)
    const content = assetPath(of) ?? layerContent(scope, logicalId, type)
    if (arn.is === 'value' && arn.node.is === 'scalar' && content !== undefined) {
      contents.set(arn.node.text, content)
    }
  }
  return contents
}

function layerContent(scope: Scope, logicalId: string, type: string): string | undefined {
  const name = type.startsWith('AWS::Serverless') ? 'ContentUri' : 'Content'
  const node = scope.property(logicalId, name)
  const local = node?.is === 'scalar' && node.value !== null && !/^(s3|https?):/.test(node.text)
  return local ? node.text : undefined
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
