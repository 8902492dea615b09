// The model's constraints on a request: required, length, range, pattern, enumeration and list
// sizes, in AWS's wording.

import { assert } from '../../domain/assert.js'
import { ServiceError } from '../errors.js'
import { shapeOf } from './json-codec.js'
import type { MemberModel, ServiceModel, ShapeModel } from './model.js'

/** Checks one value: `holds` is the quick answer, `explain` finds the words when it is no. */
interface Constraint {
  holds(value: unknown): boolean
  explain(value: unknown, path: string, problems: string[]): void
}

interface Check {
  holds(value: unknown): boolean
  /** As in "Member must …". */
  readonly rule: string
}

/**
 * Throws when the input breaks a constraint. @throws ServiceError ValidationException naming every
 * broken one.
 */
export type InputCheck = (input: Readonly<Record<string, unknown>>) => void

/**
 * Compiles the check of one operation's input; null when its shape has nothing to check.
 * Values of shapes marked sensitive are masked in the text.
 */
// UNRECORDED: validation-nested — the wording for members of lists, keys and values of maps, and
// the mask are as remembered.
export function compileInputCheck(model: ServiceModel, inputShape: string): InputCheck | null {
  const constraint = compiler(model).of({ shape: inputShape })
  if (constraint === null) return null
  return (input) => {
    if (constraint.holds(input)) return
    const problems: string[] = []
    constraint.explain(input, '', problems)
    assert(problems.length > 0, 'a broken constraint is explained')
    throw validationError(problems)
  }
}

export function validationError(problems: readonly string[]): ServiceError {
  const count = `${problems.length} validation error${problems.length === 1 ? '' : 's'}`
  return new ServiceError('ValidationException', `${count} detected: ${problems.join('; ')}`)
}

export function describeProblem(value: string, path: string, rule: string): string {
  return `${value} at '${path}' failed to satisfy constraint: ${rule}`
}

interface Compiler {
  of(member: MemberModel): Constraint | null
  readonly model: ServiceModel
}

function compiler(model: ServiceModel): Compiler {
  const known = new Map<string, Constraint | null>()
  const self: Compiler = {
    model,
    of: (member) => {
      const found = known.get(member.shape)
      if (found !== undefined) return found
      // A shape that contains itself checks itself through this stand-in.
      const later: Constraint = {
        holds: (value) => known.get(member.shape)?.holds(value) ?? true,
        explain: (value, path, problems) => known.get(member.shape)?.explain(value, path, problems),
      }
      known.set(member.shape, later)
      const made = compileShape(self, shapeOf(model, member))
      known.set(member.shape, made)
      return made
    },
  }
  return self
}

function compileShape(compile: Compiler, shape: ShapeModel): Constraint | null {
  switch (shape.type) {
    case 'structure':
      return structureConstraint(compile, shape)
    case 'list':
      return listConstraint(compile, shape)
    case 'map':
      return mapConstraint(compile, shape)
    default:
      return leafConstraint(checksOf(shape), shape.sensitive === true)
  }
}

function leafConstraint(checks: readonly Check[], sensitive: boolean): Constraint | null {
  if (checks.length === 0) return null
  return {
    holds: (value) => checks.every((check) => check.holds(value)),
    explain: (value, path, problems) => {
      for (const check of checks) {
        if (!check.holds(value))
          problems.push(describeProblem(show(value, sensitive), path, check.rule))
      }
    },
  }
}

function structureConstraint(compile: Compiler, shape: ShapeModel): Constraint | null {
  const required = new Set(shape.required ?? [])
  const members = Object.entries(shape.members ?? {})
    .map(([name, member]) => ({
      name,
      // AWS names members as its servers' Java properties: the first letter small.
      label: name.charAt(0).toLowerCase() + name.slice(1),
      required: required.has(name),
      constraint: compile.of(member),
    }))
    .filter((member) => member.required || member.constraint !== null)
  if (members.length === 0) return null
  return {
    holds: (value) => {
      const given = value as Record<string, unknown>
      for (const { name, required, constraint } of members) {
        const found = given[name]
        if (found === undefined) {
          if (required) return false
        } else if (constraint !== null && !constraint.holds(found)) return false
      }
      return true
    },
    explain: (value, path, problems) => {
      for (const { name, label, required, constraint } of members) {
        const found = (value as Record<string, unknown>)[name]
        const at = path === '' ? label : `${path}.${label}`
        if (found !== undefined) constraint?.explain(found, at, problems)
        else if (required)
          problems.push(describeProblem('Value null', at, 'Member must not be null'))
      }
    },
  }
}

function listConstraint(compile: Compiler, shape: ShapeModel): Constraint | null {
  assert(shape.member !== undefined, 'a list has a member')
  const sizes = lengthChecks(shape, (value) => (value as readonly unknown[]).length)
  const element = shapeOf(compile.model, shape.member)
  const each = compile.of(shape.member)
  if (sizes.length === 0 && each === null) return null
  const sensitive = isSensitive(compile.model, shape)
  const ownRules = leafConstraint(sizes, sensitive)
  return {
    holds: (value) =>
      (ownRules === null || ownRules.holds(value)) &&
      (each === null || (value as readonly unknown[]).every((one) => each.holds(one))),
    explain: (value, path, problems) => {
      ownRules?.explain(value, path, problems)
      const list = value as readonly unknown[]
      if (each === null || list.every((one) => each.holds(one))) return
      if (isNested(element)) {
        list.forEach((one, index) => {
          each.explain(one, `${path}.${index + 1}.member`, problems)
        })
      } else {
        const rules = rulesOf(element)
        problems.push(
          describeProblem(show(value, sensitive), path, `Member must satisfy constraint: ${rules}`),
        )
      }
    },
  }
}

function mapConstraint(compile: Compiler, shape: ShapeModel): Constraint | null {
  assert(shape.key !== undefined && shape.value !== undefined, 'a map has keys and values')
  const sizes = lengthChecks(shape, (value) => Object.keys(value as object).length)
  const [keyShape, valueShape] = [
    shapeOf(compile.model, shape.key),
    shapeOf(compile.model, shape.value),
  ]
  const [key, each] = [compile.of(shape.key), compile.of(shape.value)]
  if (sizes.length === 0 && key === null && each === null) return null
  const sensitive = isSensitive(compile.model, shape)
  const ownRules = leafConstraint(sizes, sensitive)
  const keysHold = (value: object) =>
    key === null || Object.keys(value).every((one) => key.holds(one))
  const valuesHold = (value: object) =>
    each === null || Object.values(value).every((one) => each.holds(one))
  return {
    holds: (value) =>
      (ownRules === null || ownRules.holds(value)) &&
      keysHold(value as object) &&
      valuesHold(value as object),
    explain: (value, path, problems) => {
      ownRules?.explain(value, path, problems)
      const shown = show(value, sensitive)
      if (!keysHold(value as object)) {
        const rule = `Map keys must satisfy constraint: ${rulesOf(keyShape)}`
        problems.push(describeProblem(shown, path, rule))
      }
      if (valuesHold(value as object)) return
      if (isNested(valueShape)) {
        for (const [name, one] of Object.entries(value as object)) {
          each?.explain(one, `${path}.${name}.member`, problems)
        }
      } else {
        const rule = `Map value must satisfy constraint: ${rulesOf(valueShape)}`
        problems.push(describeProblem(shown, path, rule))
      }
    },
  }
}

function isNested(shape: ShapeModel): boolean {
  return shape.type === 'structure' || shape.type === 'list' || shape.type === 'map'
}

function rulesOf(shape: ShapeModel): string {
  return `[${checksOf(shape)
    .map((check) => check.rule)
    .join(', ')}]`
}

function checksOf(shape: ShapeModel): readonly Check[] {
  switch (shape.type) {
    case 'string':
      return stringChecks(shape)
    case 'blob':
      return lengthChecks(shape, (value) => (value as Uint8Array).length)
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
    case 'float':
    case 'double':
      return rangeChecks(shape)
    default:
      return []
  }
}

function stringChecks(shape: ShapeModel): readonly Check[] {
  const checks = [...lengthChecks(shape, (value) => characters(value as string))]
  if (shape.pattern !== undefined) {
    const pattern = compilePattern(shape.pattern)
    checks.push({
      holds: (value) => pattern.test(value as string),
      rule: `Member must satisfy regular expression pattern: ${shape.pattern}`,
    })
  }
  if (shape.enum !== undefined) {
    const allowed = new Set<unknown>(shape.enum)
    checks.push({
      holds: (value) => allowed.has(value),
      rule: `Member must satisfy enum value set: [${shape.enum.join(', ')}]`,
    })
  }
  return checks
}

/**
 * Characters as AWS counts them: code points. Texts without surrogates, nearly all, need no walk.
 */
function characters(text: string): number {
  if (!/[\ud800-\udbff]/.test(text)) return text.length
  let count = 0
  for (const _ of text) count += 1
  return count
}

/**
 * The model's patterns are Java's: with `u` \p{L} means letters; a few are not valid with it and
 * are taken plainly.
 */
export function compilePattern(pattern: string): RegExp {
  const anchored = `^(?:${pattern})$`
  try {
    return new RegExp(anchored, 'u')
  } catch {
    return new RegExp(anchored)
  }
}

function lengthChecks(shape: ShapeModel, lengthOf: (value: unknown) => number): readonly Check[] {
  const { min, max } = shape
  const checks: Check[] = []
  if (min !== undefined && min > 0) {
    checks.push({
      holds: (value) => lengthOf(value) >= min,
      rule: `Member must have length greater than or equal to ${min}`,
    })
  }
  if (max !== undefined) {
    checks.push({
      holds: (value) => lengthOf(value) <= max,
      rule: `Member must have length less than or equal to ${max}`,
    })
  }
  return checks
}

function rangeChecks(shape: ShapeModel): readonly Check[] {
  const { min, max } = shape
  const checks: Check[] = []
  if (min !== undefined) {
    checks.push({
      holds: (value) => (value as number) >= min,
      rule: `Member must have value greater than or equal to ${min}`,
    })
  }
  if (max !== undefined) {
    checks.push({
      holds: (value) => (value as number) <= max,
      rule: `Member must have value less than or equal to ${max}`,
    })
  }
  return checks
}

/**
 * Whether printing a value of this shape could print a secret: it, or something in it, is marked
 * sensitive.
 */
function isSensitive(
  model: ServiceModel,
  shape: ShapeModel,
  seen = new Set<ShapeModel>(),
): boolean {
  if (shape.sensitive === true) return true
  if (seen.has(shape)) return false
  seen.add(shape)
  const inner = [shape.member, shape.key, shape.value, ...Object.values(shape.members ?? {})]
  return inner.some(
    (member) => member !== undefined && isSensitive(model, shapeOf(model, member), seen),
  )
}

const shownCharactersMax = 1000

function show(value: unknown, sensitive: boolean): string {
  if (sensitive) return "Value '***sensitiveInformation***'"
  return `Value '${javaText(value).slice(0, shownCharactersMax)}'`
}

/** As Java prints it: [a, b] and {key=value}. */
function javaText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(javaText).join(', ')}]`
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, each]) => `${key}=${javaText(each)}`)
    return `{${entries.join(', ')}}`
  }
  return String(value)
}
