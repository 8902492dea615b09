// Works out every intrinsic function whose value is known without AWS; every other becomes an unresolved node.

import { attribute, lookUp } from './references.js'
import { at, type Found, firstUnresolved, nothing, type Scope, text, value } from './scope.js'
import { describe, type IntrinsicName, invalid, type MapNode, type SourceNode } from './source.js'
import {
  base64,
  cidr,
  findInMap,
  join,
  length,
  type Result,
  select,
  split,
  toJsonString,
  zones,
} from './value-functions.js'

export type { Scope } from './scope.js'

export type Intrinsic = Extract<SourceNode, { is: 'intrinsic' }>

/**
 * The node with every intrinsic in it worked out or turned into `unresolved`. AWS::NoValue takes its list item or map
 * entry away; standing alone it becomes null.
 * @throws EmulatorError EMU_CONFIG_INVALID for a function whose arguments CloudFormation would refuse.
 */
export function resolve(scope: Scope, node: SourceNode): SourceNode {
  return kept(scope, node) ?? { is: 'scalar', line: node.line, value: null, text: '' }
}

/** As `resolve`; undefined is AWS::NoValue. */
function kept(scope: Scope, node: SourceNode): SourceNode | undefined {
  switch (node.is) {
    case 'scalar':
    case 'unresolved':
      return node
    case 'list': {
      const items = node.items.map((item) => kept(scope, item))
      return { ...node, items: items.filter((item) => item !== undefined) }
    }
    case 'map':
      return keptMap(scope, node)
    case 'intrinsic':
      return resolveIntrinsic(scope, node)
  }
}

function keptMap(scope: Scope, node: MapNode): MapNode {
  const entries = new Map<string, SourceNode>()
  for (const [name, inner] of node.entries) {
    const resolved = kept(scope, inner)
    if (resolved !== undefined) entries.set(name, resolved)
  }
  return { ...node, entries }
}

function resolveIntrinsic(scope: Scope, node: Intrinsic): SourceNode | undefined {
  switch (node.name) {
    case 'Ref':
      return isNoValue(node) ? undefined : finish(scope, node, ref(scope, node))
    case 'Fn::If':
      return choose(scope, node)
    case 'Fn::GetAtt':
      return finish(scope, node, getAtt(scope, node))
    case 'Fn::Sub':
      return finish(scope, node, sub(scope, node))
    case 'Fn::ImportValue':
      return finish(scope, node, importValue(scope, node))
    case 'Fn::Transform':
      return unresolved(node, 'macros run only on AWS')
    default:
      return finish(scope, node, call(scope, node))
  }
}

/** Functions that only need their arguments. */
function call(scope: Scope, node: Intrinsic): Result {
  const argument = () => resolve(scope, node.argument)
  switch (node.name) {
    case 'Fn::Join':
      return join(argument())
    case 'Fn::Split':
      return split(argument())
    case 'Fn::Select':
      return select(argument())
    case 'Fn::FindInMap':
      return findInMap(argument(), scope.mappings)
    case 'Fn::Base64':
      return base64(argument())
    case 'Fn::Cidr':
      return cidr(argument())
    case 'Fn::GetAZs':
      return zones(argument(), scope.region)
    case 'Fn::Length':
      return extension(scope, node) ?? length(argument())
    case 'Fn::ToJsonString':
      return extension(scope, node) ?? toJsonString(argument())
    default:
      return misplaced(scope, node)
  }
}

/** @throws EmulatorError EMU_CONFIG_INVALID without the transform that brings the function. */
function extension(scope: Scope, node: Intrinsic): undefined {
  if (scope.languageExtensions) return undefined
  return invalid(
    scope.path,
    node.line,
    `${node.name} needs AWS::LanguageExtensions`,
    'add it to Transform, before AWS::Serverless-2016-10-31',
  )
}

const conditionFunctions: readonly IntrinsicName[] = [
  'Condition',
  'Fn::And',
  'Fn::Equals',
  'Fn::Not',
  'Fn::Or',
]

function misplaced(scope: Scope, node: Intrinsic): never {
  const isCondition = conditionFunctions.includes(node.name)
  return invalid(
    scope.path,
    node.line,
    isCondition ? `${node.name} cannot stand here` : `there is no function ${node.name}`,
    isCondition ? 'write it below Conditions and choose with Fn::If' : 'check its spelling',
  )
}

/** @throws EmulatorError EMU_CONFIG_INVALID for arguments that are wrong. */
function finish(scope: Scope, node: Intrinsic, result: Result): SourceNode {
  switch (result.is) {
    case 'value':
      return at(result.node, node.line)
    case 'nothing':
      return unresolved(node, result.reason)
    case 'wrong':
      return refuseArguments(scope, node, result.takes)
  }
}

function refuseArguments(scope: Scope, node: Intrinsic, takes: string): never {
  return invalid(
    scope.path,
    node.line,
    `the arguments of ${node.name} are wrong`,
    `${node.name} takes ${takes}`,
  )
}

function ref(scope: Scope, node: Intrinsic): Result {
  if (node.argument.is !== 'scalar') {
    return { is: 'wrong', takes: 'the name of a parameter or resource' }
  }
  return lookUp(scope, node.argument.text)
}

/** `X.Arn`, or `[X, Arn]`; the attribute of a list may be worked out, the resource may not. */
function getAtt(scope: Scope, node: Intrinsic): Result {
  const takes = 'a resource and an attribute'
  if (node.argument.is === 'scalar') {
    const path = node.argument.text
    return path.includes('.') ? attribute(scope, path) : { is: 'wrong', takes }
  }
  if (node.argument.is !== 'list' || node.argument.items.length < 2) return { is: 'wrong', takes }
  const parts = node.argument.items.map((item) => resolve(scope, item))
  const missing = parts.map(firstUnresolved).find((part) => part !== undefined)
  if (missing !== undefined) return nothing(missing.reason)
  const texts = parts.map((part) => (part.is === 'scalar' ? part.text : undefined))
  return texts.includes(undefined) ? { is: 'wrong', takes } : attribute(scope, texts.join('.'))
}

function importValue(scope: Scope, node: Intrinsic): Result {
  const name = resolve(scope, node.argument)
  if (name.is === 'unresolved') return nothing(name.reason)
  if (name.is !== 'scalar') return { is: 'wrong', takes: 'the name of an export' }
  const found = scope.importValues[name.text]
  if (found !== undefined) return value(text(found))
  return nothing(`the export ${name.text} of another stack is not given`)
}

/** The branch that is taken; the other one need not have a value. */
function choose(scope: Scope, node: Intrinsic): SourceNode | undefined {
  const takes = 'the name of a condition and two values'
  if (node.argument.is !== 'list') return refuseArguments(scope, node, takes)
  const [name, then, otherwise, ...rest] = node.argument.items
  if (name?.is !== 'scalar' || then === undefined || otherwise === undefined || rest.length > 0) {
    return refuseArguments(scope, node, takes)
  }
  const truth = scope.truth(name.text, name.line)
  if (truth.is === 'nothing') return unresolved(node, truth.reason, name.text)
  return kept(scope, truth.value ? then : otherwise)
}

function sub(scope: Scope, node: Intrinsic): Result {
  const { template, variables } = subParts(scope, node)
  let reason: string | undefined
  const filled = template.replace(/\$\{(!?)([^}]*)\}/g, (_, bang: string, inside: string) => {
    if (bang !== '') return `\${${inside}}`
    const found = substitute(scope, variables, inside.trim())
    if (found.is === 'value' && found.node.is === 'scalar') return found.node.text
    reason ??= found.is === 'nothing' ? found.reason : `\${${inside}} is not a text`
    return ''
  })
  return reason === undefined ? value(text(filled)) : nothing(reason)
}

interface SubParts {
  readonly template: string
  readonly variables: MapNode | undefined
}

/** A text, or a list of a text and a map of its variables. */
function subParts(scope: Scope, node: Intrinsic): SubParts {
  const { argument } = node
  if (argument.is === 'scalar') return { template: argument.text, variables: undefined }
  const [template, variables] = argument.is === 'list' ? argument.items : []
  if (template?.is !== 'scalar' || variables?.is !== 'map') {
    return refuseArguments(scope, node, 'a text, or a text and a map of its variables')
  }
  return { template: template.text, variables }
}

function substitute(scope: Scope, variables: MapNode | undefined, name: string): Found {
  const own = variables?.entries.get(name)
  if (own === undefined) return lookUp(scope, name)
  const node = resolve(scope, own)
  return node.is === 'unresolved' ? nothing(node.reason) : value(node)
}

/** `{ Ref: AWS::NoValue }`: CloudFormation then acts as if the property were not there. */
export function isNoValue(node: SourceNode): boolean {
  return (
    node.is === 'intrinsic' &&
    node.name === 'Ref' &&
    node.argument.is === 'scalar' &&
    node.argument.text === 'AWS::NoValue'
  )
}

function unresolved(node: Intrinsic, reason: string, shown?: string): SourceNode {
  const argument =
    shown ?? (node.argument.is === 'scalar' ? node.argument.text : describe(node.argument))
  const name = `!${node.name.replace('Fn::', '')}`
  return { is: 'unresolved', line: node.line, text: `${name} ${argument}`, reason }
}
