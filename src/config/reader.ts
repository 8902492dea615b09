// Reads checked values out of a source tree: every wrong type is an error at its line, every unresolved value a warning.

import type { Complaint } from './function-checks.js'
import type { LoadWarning, LoadWarningCode } from './loaded.js'
import { describe, invalid, type MapNode, type SourceNode } from './source.js'

/** One load of one file: where errors point, and where warnings gather. */
export interface Reading {
  readonly path: string
  readonly warnings: LoadWarning[]
  /** Every file that was read, the one at `path` first. Absolute. */
  readonly sources: string[]
}

/** A map inside the source, and the words that lead to it: `Resources.Hello.Properties`. */
export interface Section {
  readonly reading: Reading
  readonly where: string
  readonly map: MapNode
}

export function warn(
  reading: Reading,
  code: LoadWarningCode,
  property: string,
  message: string,
): void {
  const told = reading.warnings.some((old) => old.code === code && old.property === property)
  if (!told) reading.warnings.push({ code, property, message })
}

/** @throws EmulatorError EMU_CONFIG_INVALID when the node is no map. */
export function section(reading: Reading, where: string, node: SourceNode): Section {
  if (node.is === 'map') return { reading, where, map: node }
  return invalid(
    reading.path,
    node.line,
    `${where} is ${describe(node)}`,
    'it must be a map of names to values',
  )
}

/** The section below `name`; undefined when it is absent, empty or unresolved (which warns). */
export function optionalSection(of: Section, name: string): Section | undefined {
  const node = present(of, name)
  return node === undefined ? undefined : section(of.reading, `${of.where}.${name}`, node)
}

/** The node of `name`, unless it is absent, null or unresolved. Unresolved ones warn. */
export function present(of: Section, name: string): SourceNode | undefined {
  const node = of.map.entries.get(name)
  if (node === undefined || (node.is === 'scalar' && node.value === null)) return undefined
  if (node.is !== 'unresolved') return node
  warn(
    of.reading,
    'W_UNRESOLVED',
    `${of.where}.${name}`,
    `${node.text} has no value here (${node.reason}); the default is used`,
  )
  return undefined
}

/** @throws EmulatorError EMU_CONFIG_INVALID when it is there and is not a single value. */
export function optionalText(of: Section, name: string): string | undefined {
  const node = present(of, name)
  if (node === undefined) return undefined
  if (node.is !== 'scalar') return wrongType(of, name, node, 'a text')
  warnOfDynamicReference(of, name, node.text)
  return node.text
}

/** `{{resolve:ssm:…}}` and its like are looked up by AWS alone: the text stays as it is. */
export function warnOfDynamicReference(of: Section, name: string, text: string): void {
  const found = /\{\{resolve:(ssm|ssm-secure|secretsmanager):[^}]*\}\}/.exec(text)?.[0]
  if (found === undefined) return
  const message = `${found} is looked up only on AWS; the text is kept as it is`
  warn(of.reading, 'W_UNRESOLVED', `${of.where}.${name}`, message)
}

/** @throws EmulatorError EMU_CONFIG_INVALID when it is missing, unresolved or no single value. */
export function requiredText(of: Section, name: string, advice: string): string {
  const node = of.map.entries.get(name)
  const place = `${of.where}.${name}`
  if (node === undefined || (node.is === 'scalar' && node.value === null)) {
    return invalid(of.reading.path, of.map.line, `${place} is missing`, advice)
  }
  if (node.is === 'unresolved') {
    const problem = `${place}: ${node.text} has no value here (${node.reason})`
    return invalid(of.reading.path, node.line, problem, advice)
  }
  if (node.is !== 'scalar') return wrongType(of, name, node, 'a text')
  warnOfDynamicReference(of, name, node.text)
  return node.text
}

/** Numbers may come as text, as CloudFormation allows. */
export function optionalInteger(of: Section, name: string): number | undefined {
  const node = present(of, name)
  if (node === undefined) return undefined
  if (node.is === 'scalar' && /^-?\d+$/.test(node.text)) return Number(node.text)
  return wrongType(of, name, node, 'a whole number')
}

/** The list's texts; unresolved members warn and are left out. */
export function optionalTexts(of: Section, name: string): readonly string[] | undefined {
  const node = present(of, name)
  if (node === undefined) return undefined
  if (node.is !== 'list') return wrongType(of, name, node, 'a list')
  return node.items.flatMap((item, index) => {
    if (item.is === 'scalar' && item.value !== null) return [item.text]
    const place = `${of.where}.${name}.${index}`
    if (item.is !== 'unresolved') return wrongType(of, `${name}.${index}`, item, 'a text')
    const message = `${item.text} has no value here (${item.reason}); it is left out`
    warn(of.reading, 'W_UNRESOLVED', place, message)
    return []
  })
}

/** One of a few words. */
export function optionalChoice<T extends string>(
  of: Section,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = optionalText(of, name)
  if (text === undefined) return undefined
  const found = choices.find((choice) => choice === text)
  if (found !== undefined) return found
  return invalid(
    of.reading.path,
    lineOf(of, name),
    `${of.where}.${name} is ${JSON.stringify(text)}`,
    `it must be ${choices.join(' or ')}`,
  )
}

/** Turns a complaint into an error at the line of `name`. */
export function refuse(of: Section, name: string, complaint: Complaint | undefined): void {
  if (complaint === undefined) return
  invalid(
    of.reading.path,
    lineOf(of, name),
    `${of.where}.${name}: ${complaint.problem}`,
    complaint.advice,
  )
}

/** Line of the key, else of the map that lacks it. */
export function lineOf(of: Section, name: string): number {
  return of.map.keyLines.get(name) ?? of.map.line
}

function wrongType(of: Section, name: string, node: SourceNode, wanted: string): never {
  return invalid(
    of.reading.path,
    node.line,
    `${of.where}.${name} is ${describe(node)}`,
    `it must be ${wanted}`,
  )
}
