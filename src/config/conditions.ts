// Conditions of a template: each is worked out once, when something asks for it.

import { closest } from './function-checks.js'
import { resolve } from './intrinsics.js'
import { firstUnresolved, type Scope, type Truth } from './scope.js'
import { describe, invalid, type SourceNode } from './source.js'

/** How CloudFormation may be asked for the truth of a name. */
export type TruthOf = Scope['truth']

export interface ConditionsGiven {
  /** Of the template. */
  readonly path: string
  readonly conditions: ReadonlyMap<string, SourceNode>
  /** Parameters, pseudo parameters and mappings: a condition cannot look at resources. */
  readonly scope: () => Scope
}

export function conditionsOf(given: ConditionsGiven): TruthOf {
  const known = new Map<string, Truth>()
  const open: string[] = []
  return (name, line) => {
    const before = known.get(name)
    if (before !== undefined) return before
    const node = given.conditions.get(name)
    if (node === undefined) return refuseUnknown(given, name, line)
    if (open.includes(name)) {
      const circle = [...open.slice(open.indexOf(name)), name].join(' → ')
      return invalid(given.path, node.line, `condition ${circle} needs itself`, 'break the circle')
    }
    open.push(name)
    const truth = evaluate(given.scope(), node, `Conditions.${name}`)
    open.pop()
    known.set(name, truth)
    return truth
  }
}

function refuseUnknown(given: ConditionsGiven, name: string, line: number): never {
  const names = [...given.conditions.keys()]
  const meant = closest(name, names)
  const known = names.length === 0 ? 'the template has no Conditions' : `known: ${names.join(', ')}`
  return invalid(
    given.path,
    line,
    `there is no condition ${name}`,
    meant === undefined ? known : `did you mean ${meant}?`,
  )
}

function evaluate(scope: Scope, node: SourceNode, where: string): Truth {
  const form = formOf(node)
  if (form === undefined) return refuse(scope, node, where)
  const { name, argument } = form
  switch (name) {
    case 'Condition':
      if (argument.is !== 'scalar') return refuse(scope, node, where)
      return scope.truth(argument.text, argument.line)
    case 'Fn::Equals':
      return equals(scope, argument, where)
    case 'Fn::Not': {
      const [inner] = operands(scope, argument, where, { name, min: 1, max: 1 })
      if (inner?.is !== 'known') return inner ?? refuse(scope, node, where)
      return { is: 'known', value: !inner.value }
    }
    case 'Fn::And':
      return combine(operands(scope, argument, where, { name, min: 2, max: 10 }), false)
    case 'Fn::Or':
      return combine(operands(scope, argument, where, { name, min: 2, max: 10 }), true)
    default:
      return refuse(scope, node, where)
  }
}

interface Form {
  readonly name: string
  readonly argument: SourceNode
}

/** In JSON `{ "Condition": "Name" }` looks like any map. */
function formOf(node: SourceNode): Form | undefined {
  if (node.is === 'intrinsic') return node
  if (node.is !== 'map' || node.entries.size !== 1) return undefined
  const argument = node.entries.get('Condition')
  return argument === undefined ? undefined : { name: 'Condition', argument }
}

function refuse(scope: Scope, node: SourceNode, where: string): never {
  return invalid(
    scope.path,
    node.line,
    `${where} is ${describe(node)}`,
    'a condition is Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition',
  )
}

interface Count {
  readonly name: string
  readonly min: number
  readonly max: number
}

function operands(
  scope: Scope,
  argument: SourceNode,
  where: string,
  count: Count,
): readonly Truth[] {
  const items = argument.is === 'list' ? argument.items : []
  if (items.length < count.min || items.length > count.max) {
    const wanted = count.min === count.max ? 'one condition' : 'from 2 to 10 conditions'
    return invalid(
      scope.path,
      argument.line,
      `${where}: ${count.name} has ${items.length} conditions`,
      `it takes a list of ${wanted}`,
    )
  }
  return items.map((item, index) => evaluate(scope, item, `${where}.${index}`))
}

/** One operand with the `deciding` value is enough, whatever the others come to. */
function combine(truths: readonly Truth[], deciding: boolean): Truth {
  if (truths.some((truth) => truth.is === 'known' && truth.value === deciding)) {
    return { is: 'known', value: deciding }
  }
  return truths.find((truth) => truth.is === 'nothing') ?? { is: 'known', value: !deciding }
}

function equals(scope: Scope, argument: SourceNode, where: string): Truth {
  const items = argument.is === 'list' ? argument.items : []
  const [left, right] = items.map((item) => resolve(scope, item))
  if (items.length !== 2 || left === undefined || right === undefined) {
    const problem = `${where}: Fn::Equals has ${items.length} values`
    return invalid(scope.path, argument.line, problem, 'it takes a list of two values')
  }
  const missing = firstUnresolved(left) ?? firstUnresolved(right)
  if (missing !== undefined) {
    return { is: 'nothing', reason: `${missing.text}: ${missing.reason}` }
  }
  return { is: 'known', value: asText(left) === asText(right) }
}

/** Values are compared as texts: 1 and "1" are the same to CloudFormation. */
function asText(node: SourceNode): string {
  if (node.is === 'scalar') return `=${node.text}`
  if (node.is === 'list') return JSON.stringify(node.items.map(asText))
  return node.is === 'map'
    ? JSON.stringify([...node.entries].map(([name, inner]) => [name, asText(inner)]).sort())
    : ''
}
