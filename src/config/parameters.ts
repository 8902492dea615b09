// Parameters of a template: what was given for them or their Default, checked as CloudFormation checks them.

import { EmulatorError } from '../domain/emulator-error.js'
import { closest } from './function-checks.js'
import {
  lineOf,
  optionalInteger,
  optionalSection,
  optionalText,
  type Reading,
  type Section,
  section,
  warn,
} from './reader.js'
import { type Found, nothing, text, value } from './scope.js'
import { describe, invalid, type SourceNode } from './source.js'

/** Source: CloudFormation user guide, Parameters (2026). */
const plainTypes = ['String', 'Number', 'CommaDelimitedList', 'List<Number>', 'List<String>']

/** Everything that a parameter may say of itself. Source: as above. */
const members = [
  'Type',
  'Default',
  'AllowedValues',
  'AllowedPattern',
  'ConstraintDescription',
  'Description',
  'MinLength',
  'MaxLength',
  'MinValue',
  'MaxValue',
  'NoEcho',
]

/**
 * Name → its value.
 * @throws EmulatorError EMU_CONFIG_INVALID for a value that breaks what the template says of it; EMU_USAGE for a given
 * parameter that the template does not have.
 */
export function readParameters(
  template: Section,
  given: Readonly<Record<string, string>>,
): ReadonlyMap<string, Found> {
  const all = optionalSection(template, 'Parameters')
  const names = [...(all?.map.entries.keys() ?? [])]
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) refuseUnknown(template.reading, name, names)
  }
  if (all === undefined) return new Map()
  return new Map(
    [...all.map.entries].map(([name, node]): [string, Found] => {
      const of = section(template.reading, `Parameters.${name}`, node)
      return [name, readParameter(of, name, given[name])]
    }),
  )
}

function refuseUnknown(reading: Reading, name: string, names: readonly string[]): never {
  const meant = closest(name, names)
  const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`
  const hint = meant === undefined ? known : `did you mean ${meant}?`
  throw new EmulatorError('EMU_USAGE', {
    problem: `there is no parameter ${name} in ${reading.path}; ${hint}`,
  })
}

function readParameter(of: Section, name: string, given: string | undefined): Found {
  for (const member of of.map.entries.keys()) {
    if (members.includes(member)) continue
    const meant = closest(member, members)
    const hint = meant === undefined ? '' : ` Did you mean ${meant}?`
    const message = `a parameter has no such member; it has no effect.${hint}`
    warn(of.reading, 'W_UNKNOWN_PROPERTY', `${of.where}.${member}`, message)
  }
  const type = readType(of)
  const preset = defaultText(of)
  const stored = /^AWS::SSM::Parameter::Value<(.+)>$/.exec(type)?.[1]
  if (stored !== undefined) {
    if (given !== undefined) return value(shaped(stored, given))
    return nothing(`parameter ${name} has its value in AWS's parameter store`)
  }
  const content = given ?? preset
  if (content === undefined) return nothing(`parameter ${name} has no Default and is not given`)
  check(of, type, content, given === undefined ? 'its Default' : 'the given value')
  const node = given === undefined ? of.map.entries.get('Default') : undefined
  return value(node?.is === 'scalar' && !isList(type) ? node : shaped(type, content))
}

function readType(of: Section): string {
  const type = optionalText(of, 'Type')
  if (type === undefined) {
    return invalid(
      of.reading.path,
      of.map.line,
      `${of.where} has no Type`,
      'give it one, such as String',
    )
  }
  if (plainTypes.includes(type) || /^(List<)?AWS::[\w:<>]+$/.test(type)) return type
  const meant = closest(type, plainTypes)
  return invalid(
    of.reading.path,
    lineOf(of, 'Type'),
    `${of.where}.Type: ${type} is not a type of parameters`,
    meant === undefined
      ? `use ${plainTypes.join(', ')} or a type of AWS`
      : `did you mean ${meant}?`,
  )
}

/** @throws EmulatorError EMU_CONFIG_INVALID for a Default that is no text or number. */
function defaultText(of: Section): string | undefined {
  const node = of.map.entries.get('Default')
  if (node === undefined) return undefined
  if (node.is === 'scalar') return node.text
  return invalid(
    of.reading.path,
    node.line,
    `${of.where}.Default is ${describe(node)}`,
    'it must be a text or a number; write a list as one text with commas',
  )
}

function isList(type: string): boolean {
  return type === 'CommaDelimitedList' || type.startsWith('List<')
}

function shaped(type: string, content: string): SourceNode {
  if (!isList(type)) return text(content)
  return { is: 'list', line: 1, items: itemsOf(content).map(text) }
}

function itemsOf(content: string): readonly string[] {
  return content === '' ? [] : content.split(',').map((item) => item.trim())
}

/** @throws EmulatorError EMU_CONFIG_INVALID, with what is allowed. */
function check(of: Section, type: string, content: string, which: string): void {
  const hidden = optionalText(of, 'NoEcho') === 'true'
  const parts = isList(type) ? itemsOf(content) : [content]
  for (const part of parts) {
    const allowed =
      numberRule(of, type, part) ??
      allowedValues(of, part) ??
      lengthRule(of, type, part) ??
      patternRule(of, part)
    if (allowed === undefined) continue
    const shown = hidden ? '' : ` ${JSON.stringify(part)}`
    invalid(
      of.reading.path,
      of.map.keyLines.get('Default') ?? of.map.line,
      `${of.where}: ${which}${shown} is not allowed`,
      optionalText(of, 'ConstraintDescription') ?? allowed,
    )
  }
}

// Each rule gives what would be allowed, or nothing when all is well.

function numberRule(of: Section, type: string, part: string): string | undefined {
  if (!/^(List<)?Number>?$/.test(type)) return undefined
  const number = Number(part)
  if (part.trim() === '' || Number.isNaN(number)) return 'give a number'
  const min = optionalNumber(of, 'MinValue')
  const max = optionalNumber(of, 'MaxValue')
  if (min !== undefined && number < min) return `give a number from ${min}`
  return max !== undefined && number > max ? `give a number up to ${max}` : undefined
}

function optionalNumber(of: Section, name: string): number | undefined {
  const written = optionalText(of, name)
  const number = Number(written)
  if (written === undefined || !Number.isNaN(number))
    return written === undefined ? written : number
  return invalid(
    of.reading.path,
    lineOf(of, name),
    `${of.where}.${name} is ${JSON.stringify(written)}`,
    'it must be a number',
  )
}

function allowedValues(of: Section, part: string): string | undefined {
  const node = of.map.entries.get('AllowedValues')
  if (node === undefined) return undefined
  if (node.is !== 'list') {
    const problem = `${of.where}.AllowedValues is ${describe(node)}`
    return invalid(of.reading.path, node.line, problem, 'it must be a list')
  }
  const texts = node.items.map((item) => (item.is === 'scalar' ? item.text : ''))
  return texts.includes(part) ? undefined : `allowed are ${texts.join(', ')}`
}

function lengthRule(of: Section, type: string, part: string): string | undefined {
  if (type !== 'String') return undefined
  const min = optionalInteger(of, 'MinLength')
  const max = optionalInteger(of, 'MaxLength')
  if (min !== undefined && part.length < min) return `give at least ${min} characters`
  return max !== undefined && part.length > max ? `give at most ${max} characters` : undefined
}

/** The whole value must match, as Java's `matches` does. */
function patternRule(of: Section, part: string): string | undefined {
  const pattern = optionalText(of, 'AllowedPattern')
  if (pattern === undefined) return undefined
  const compiled = compile(pattern)
  if (compiled === undefined) {
    const message = `${pattern} cannot be checked here: it is Java's syntax`
    warn(of.reading, 'W_UNRESOLVED', `${of.where}.AllowedPattern`, message)
    return undefined
  }
  return compiled.test(part) ? undefined : `it must match ${pattern}`
}

function compile(pattern: string): RegExp | undefined {
  try {
    return new RegExp(`^(?:${pattern})$`)
  } catch {
    // Java knows possessive quantifiers and inline flags; JavaScript does not.
    return undefined
  }
}
