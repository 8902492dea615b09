// One function resource of a template, its properties already merged and resolved → one LoadedFunction.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { EmulatorError } from '../domain/emulator-error.js'
import { runtimeFamily } from '../domain/function.js'
import { limits } from './function-checks.js'
import { commonSettings, existingCode, ranged, readVariables } from './function-settings.js'
import type { LoadedFunction } from './loaded.js'
import { readLogging, templateLoggingNames } from './logging-settings.js'
import {
  lineOf,
  optionalChoice,
  optionalSection,
  optionalText,
  optionalTexts,
  present,
  refuse,
  type Section,
  section,
  warn,
} from './reader.js'
import { describe, invalid, type SourceNode } from './source.js'

export interface TemplateFunction {
  /** Its Properties. */
  readonly of: Section
  readonly logicalId: string
  readonly resource: Section
  readonly recordedOnly: readonly string[]
  /** Folder of the template. */
  readonly base: string
  readonly accountId: string
  /** ARN of a layer in the same template → path of its content, as written. */
  readonly layerContents: ReadonlyMap<string, string>
  /** Where code inside the template is written to; absolute. */
  readonly inlineCodeFolder: string | undefined
}

/** A function that is left out with a warning, and the error to throw if nothing is left. */
export interface LeftOut {
  readonly is: 'left-out'
  readonly error: EmulatorError
}

const names = {
  functionName: 'FunctionName',
  runtime: 'Runtime',
  handler: 'Handler',
  memoryMb: 'MemorySize',
  timeoutSeconds: 'Timeout',
  description: 'Description',
} as const

/** @throws EmulatorError EMU_CONFIG_INVALID and EMU_CODE_NOT_FOUND. */
export function readTemplateFunction(given: TemplateFunction): LoadedFunction | LeftOut {
  const { of, logicalId } = given
  const code = findCode(given)
  if (code.is === 'left-out') return code
  const common = commonSettings(of, names, logicalId)
  const environment = readEnvironment(of)
  return {
    logicalId,
    ...common,
    codePath: existingCode(of, code.property, common.functionName, given.base, code.written),
    ephemeralStorageMb: ephemeralStorageMb(of),
    architecture: architecture(of),
    ...(environment === undefined ? {} : { environment }),
    role: role(given),
    layers: readLayers(given),
    ...readLogging(optionalSection(of, 'LoggingConfig'), templateLoggingNames),
    tracingMode: tracingMode(of),
    recordedOnly: given.recordedOnly,
    origin: { path: of.reading.path, line: given.resource.map.line },
  }
}

interface FoundCode {
  readonly is: 'code'
  readonly property: string
  readonly written: string
}

function findCode(given: TemplateFunction): FoundCode | LeftOut {
  const { of } = given
  if (optionalText(of, 'PackageType') === 'Image' || of.map.entries.has('ImageUri')) {
    return leftOut(given, 'PackageType', 'container images cannot be run here yet', 'use a zip')
  }
  if (present(of, 'InlineCode') !== undefined) {
    return inlineCode(given, 'InlineCode', optionalText(of, 'InlineCode') ?? '')
  }
  const asset = assetPath(given.resource)
  if (asset !== undefined) return { is: 'code', property: 'Metadata', written: asset }
  const property = of.map.entries.has('CodeUri') ? 'CodeUri' : 'Code'
  const node = of.map.entries.get(property)
  if (node?.is === 'map' && node.entries.has('ZipFile')) {
    const zipFile = optionalText(section(of.reading, `${of.where}.${property}`, node), 'ZipFile')
    return inlineCode(given, property, zipFile)
  }
  const remote = node?.is === 'scalar' && /^(s3|https?):\/\//.test(node.text)
  if (remote || node?.is === 'map') {
    const advice = 'name a local folder or zip file'
    return leftOut(given, property, 'its code is on AWS and not on this machine', advice)
  }
  if (node?.is === 'scalar' && node.value !== null) {
    return { is: 'code', property, written: node.text }
  }
  const wanted = given.resource.map.entries.get('Type')
  const name = wanted?.is === 'scalar' && wanted.text.includes('Serverless') ? 'CodeUri' : 'Code'
  const state = node === undefined ? 'is missing' : `is ${describe(node)}`
  return invalid(
    of.reading.path,
    lineOf(of, property),
    `${of.where}.${name} ${state}`,
    'name the folder or zip file with the code, relative to the template',
  )
}

/** Source: CloudFormation, AWS::Lambda::Function Code: the text is put into a file called index. */
const inlineFileNames = { nodejs: 'index.js', python: 'index.py', provided: undefined } as const

/** Writes code that stands in the template to a file of its own, unless it is there already. */
function inlineCode(
  given: TemplateFunction,
  property: string,
  code: string | undefined,
): FoundCode | LeftOut {
  const { inlineCodeFolder, logicalId } = given
  const family = runtimeFamily(optionalText(given.of, 'Runtime') ?? '')
  const fileName = family === undefined ? undefined : inlineFileNames[family]
  if (code === undefined || inlineCodeFolder === undefined) {
    const problem = 'code inside the template cannot be run here'
    return leftOut(given, property, problem, 'write the code to a file and name its folder')
  }
  if (fileName === undefined) {
    const problem = 'code inside the template can only be of nodejs or python'
    return leftOut(given, property, problem, 'write the code to a file and name its folder')
  }
  const folder = join(inlineCodeFolder, logicalId)
  const path = join(folder, fileName)
  mkdirSync(folder, { recursive: true })
  // A file that is written anew looks changed to whoever watches it.
  if (!existsSync(path) || readFileSync(path, 'utf8') !== code) writeFileSync(path, code)
  return { is: 'code', property, written: folder }
}

/** Written by CDK and `sam build` beside code that the template itself places in a bucket. */
export function assetPath(resource: Section): string | undefined {
  const metadata = resource.map.entries.get('Metadata')
  const path = metadata?.is === 'map' ? metadata.entries.get('aws:asset:path') : undefined
  return path?.is === 'scalar' && path.value !== null ? path.text : undefined
}

function leftOut(given: TemplateFunction, name: string, problem: string, advice: string): LeftOut {
  const { of } = given
  const error = new EmulatorError('EMU_CONFIG_INVALID', {
    path: `${of.reading.path}:${lineOf(of, name)}`,
    problem: `function ${given.logicalId}: ${problem}`,
    advice,
  })
  return { is: 'left-out', error }
}

function readEnvironment(of: Section): Readonly<Record<string, string>> | undefined {
  const environment = optionalSection(of, 'Environment')
  if (environment === undefined) return undefined
  const stray = [...environment.map.entries.keys()].find((name) => name !== 'Variables')
  if (stray !== undefined) {
    refuse(environment, stray, {
      problem: 'Environment has only one member, Variables',
      advice: `put ${stray} below Variables`,
    })
  }
  const variables = optionalSection(environment, 'Variables')
  return variables === undefined ? {} : readVariables(variables)
}

function ephemeralStorageMb(of: Section): number {
  const storage = optionalSection(of, 'EphemeralStorage')
  return storage === undefined
    ? limits.ephemeralStorageMb.byDefault
    : ranged(storage, 'Size', limits.ephemeralStorageMb)
}

function architecture(of: Section): 'x86_64' | 'arm64' {
  const list = optionalTexts(of, 'Architectures') ?? []
  const first = list[0] ?? 'x86_64'
  if (list.length <= 1 && (first === 'x86_64' || first === 'arm64')) return first
  return invalid(
    of.reading.path,
    lineOf(of, 'Architectures'),
    `${of.where}.Architectures is ${list.join(', ')}`,
    'it must hold one of x86_64 and arm64',
  )
}

function tracingMode(of: Section): 'PassThrough' | 'Active' {
  const config = optionalSection(of, 'TracingConfig')
  if (config !== undefined) {
    return optionalChoice(config, 'Mode', ['PassThrough', 'Active']) ?? 'PassThrough'
  }
  const choices = ['PassThrough', 'Active', 'Disabled'] as const
  return optionalChoice(of, 'Tracing', choices) === 'Active' ? 'Active' : 'PassThrough'
}

/** SAM makes a role named after the function when the template gives none. */
function role(given: TemplateFunction): string {
  const node = given.of.map.entries.get('Role')
  if (node?.is === 'scalar' && node.value !== null) return node.text
  return `arn:aws:iam::${given.accountId}:role/${given.logicalId}Role`
}

function readLayers(given: TemplateFunction): readonly string[] {
  const { of, layerContents } = given
  const node = present(of, 'Layers')
  if (node === undefined) return []
  if (node.is !== 'list') {
    const problem = `${of.where}.Layers is ${describe(node)}`
    return invalid(of.reading.path, node.line, problem, 'it must be a list')
  }
  if (node.items.length > limits.layers) {
    refuse(of, 'Layers', {
      problem: `it names ${node.items.length} layers`,
      advice: `Lambda takes at most ${limits.layers}`,
    })
  }
  return node.items.flatMap((item, index) => {
    const content = item.is === 'scalar' ? layerContents.get(item.text) : undefined
    return content === undefined
      ? remoteLayer(given, index, item)
      : [localLayer(given, item, content)]
  })
}

function localLayer(given: TemplateFunction, written: SourceNode, content: string): string {
  const path = resolve(given.base, content)
  if (existsSync(path)) return path
  return invalid(
    given.of.reading.path,
    written.line,
    `${given.of.where}.Layers: the content ${path} of the layer does not exist`,
    'check its ContentUri; it is relative to the template',
  )
}

function remoteLayer(given: TemplateFunction, index: number, node: SourceNode): readonly string[] {
  const { reading, where } = given.of
  const place = `${where}.Layers.${index}`
  if (node.is === 'unresolved') {
    const message = `${node.text} has no value here (${node.reason}); the layer is left out`
    warn(reading, 'W_UNRESOLVED', place, message)
    return []
  }
  if (node.is === 'scalar' && /^arn:[^:]+:lambda:.*:layer:[^:]+:\d+$/.test(node.text)) {
    const message = `${node.text} is on AWS and not on this machine; /opt lacks its content`
    warn(reading, 'W_LAYER_NOT_LOCAL', place, message)
    return [node.text]
  }
  return invalid(
    reading.path,
    node.line,
    `${place} is ${describe(node)}`,
    'name the ARN of a layer version, or !Ref a layer of this template',
  )
}
