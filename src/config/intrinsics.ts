// Works out Ref, Fn::Sub and Fn::GetAtt where their value is known without AWS; everything else becomes an unresolved node.

import { functionArn } from '../domain/function.js'
import { describe, type MapNode, type SourceNode } from './source.js'

/** What names stand for in one template. */
export interface Scope {
  readonly region: string
  readonly accountId: string
  readonly stackName: string
  readonly parameters: ReadonlyMap<string, SourceNode>
  /** Logical id → type, for every resource of the template. */
  readonly resourceTypes: ReadonlyMap<string, string>
  /** Logical id of a function → its name. */
  readonly functionNames: ReadonlyMap<string, string>
}

/** The node with every intrinsic in it worked out or turned into `unresolved`. */
export function resolve(scope: Scope, node: SourceNode): SourceNode {
  switch (node.is) {
    case 'scalar':
    case 'unresolved':
      return node
    case 'list':
      return { ...node, items: node.items.map((item) => resolve(scope, item)) }
    case 'map': {
      const entries = [...node.entries].map(([name, value]): [string, SourceNode] => [
        name,
        resolve(scope, value),
      ])
      return { ...node, entries: new Map(entries) }
    }
    case 'intrinsic':
      return resolveIntrinsic(scope, node)
  }
}

type Intrinsic = Extract<SourceNode, { is: 'intrinsic' }>

function resolveIntrinsic(scope: Scope, node: Intrinsic): SourceNode {
  switch (node.name) {
    case 'Ref':
      return resolveRef(scope, node)
    case 'Fn::GetAtt':
      return resolveGetAtt(scope, node)
    case 'Fn::Sub':
      return resolveSub(scope, node)
    default:
      return unresolved(node, `${shortName(node)} is not worked out yet`)
  }
}

function resolveRef(scope: Scope, node: Intrinsic): SourceNode {
  if (node.argument.is !== 'scalar') return unresolved(node, 'Ref takes a name')
  const name = node.argument.text
  const found = lookUp(scope, name)
  return found.is === 'value' ? at(found.node, node.line) : unresolved(node, found.reason)
}

type Found =
  | { readonly is: 'value'; readonly node: SourceNode }
  | { readonly is: 'nothing'; readonly reason: string }

function lookUp(scope: Scope, name: string): Found {
  const pseudo = pseudoParameter(scope, name)
  if (pseudo !== undefined) return { is: 'value', node: text(pseudo) }
  const parameter = scope.parameters.get(name)
  if (parameter !== undefined) return parameterValue(name, parameter)
  const functionName = scope.functionNames.get(name)
  if (functionName !== undefined) return { is: 'value', node: text(functionName) }
  const type = scope.resourceTypes.get(name)
  if (type !== undefined) return { is: 'nothing', reason: `${type} exists only on AWS` }
  return { is: 'nothing', reason: `there is no parameter or resource ${name}` }
}

function parameterValue(name: string, parameter: SourceNode): Found {
  const type = parameter.is === 'map' ? parameter.entries.get('Type') : undefined
  if (type?.is === 'scalar' && type.text.startsWith('AWS::SSM::')) {
    return { is: 'nothing', reason: `parameter ${name} has its value in AWS's parameter store` }
  }
  const value = parameter.is === 'map' ? parameter.entries.get('Default') : undefined
  if (value?.is !== 'scalar') return { is: 'nothing', reason: `parameter ${name} has no Default` }
  return { is: 'value', node: value }
}

/** Source: CloudFormation user guide, pseudo parameters. NoValue is left to the callers: it removes a property. */
function pseudoParameter(scope: Scope, name: string): string | undefined {
  const china = scope.region.startsWith('cn-')
  switch (name) {
    case 'AWS::AccountId':
      return scope.accountId
    case 'AWS::Region':
      return scope.region
    case 'AWS::Partition':
      if (scope.region.startsWith('us-gov-')) return 'aws-us-gov'
      return china ? 'aws-cn' : 'aws'
    case 'AWS::URLSuffix':
      return china ? 'amazonaws.com.cn' : 'amazonaws.com'
    case 'AWS::StackName':
      return scope.stackName
    case 'AWS::StackId': {
      const id = `${scope.stackName}/00000000-0000-0000-0000-000000000000`
      return `arn:aws:cloudformation:${scope.region}:${scope.accountId}:stack/${id}`
    }
    default:
      return undefined
  }
}

function resolveGetAtt(scope: Scope, node: Intrinsic): SourceNode {
  const path = getAttPath(node.argument)
  if (path === undefined) return unresolved(node, 'GetAtt takes a resource and an attribute')
  const found = attribute(scope, path)
  return found.is === 'value' ? at(found.node, node.line) : unresolved(node, found.reason)
}

/** `X.Arn`, or `[X, Arn]`. */
function getAttPath(argument: SourceNode): string | undefined {
  if (argument.is === 'scalar') return argument.text
  if (argument.is !== 'list') return undefined
  const parts = argument.items.map((item) => (item.is === 'scalar' ? item.text : undefined))
  return parts.includes(undefined) ? undefined : parts.join('.')
}

function attribute(scope: Scope, path: string): Found {
  const [logicalId = '', ...rest] = path.split('.')
  const name = rest.join('.')
  const functionName = scope.functionNames.get(logicalId)
  if (functionName !== undefined && name === 'Arn') {
    return { is: 'value', node: text(functionArn(scope.region, scope.accountId, functionName)) }
  }
  const type = scope.resourceTypes.get(logicalId)
  if (type === 'AWS::IAM::Role' && name === 'Arn') {
    return { is: 'value', node: text(`arn:aws:iam::${scope.accountId}:role/${logicalId}`) }
  }
  if (type === undefined) return { is: 'nothing', reason: `there is no resource ${logicalId}` }
  return { is: 'nothing', reason: `${name} of ${type} exists only on AWS` }
}

function resolveSub(scope: Scope, node: Intrinsic): SourceNode {
  const [template, variables] = subParts(node.argument)
  if (template === undefined) return unresolved(node, 'Sub takes a text')
  let reason: string | undefined
  const filled = template.replace(/\$\{(!?)([^}]*)\}/g, (_, bang: string, inside: string) => {
    if (bang !== '') return `\${${inside}}`
    const found = substitute(scope, variables, inside.trim())
    if (found.is === 'value' && found.node.is === 'scalar') return found.node.text
    reason ??= found.is === 'nothing' ? found.reason : `\${${inside}} is not a text`
    return ''
  })
  return reason === undefined ? at(text(filled), node.line) : unresolved(node, reason)
}

function subParts(argument: SourceNode): [string | undefined, MapNode | undefined] {
  if (argument.is === 'scalar') return [argument.text, undefined]
  if (argument.is !== 'list') return [undefined, undefined]
  const [template, variables] = argument.items
  return [
    template?.is === 'scalar' ? template.text : undefined,
    variables?.is === 'map' ? variables : undefined,
  ]
}

function substitute(scope: Scope, variables: MapNode | undefined, name: string): Found {
  const own = variables?.entries.get(name)
  if (own !== undefined) {
    const node = resolve(scope, own)
    return node.is === 'unresolved' ? { is: 'nothing', reason: node.reason } : { is: 'value', node }
  }
  return name.includes('.') ? attribute(scope, name) : lookUp(scope, name)
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

function shortName(node: Intrinsic): string {
  return `!${node.name.replace('Fn::', '')}`
}

function unresolved(node: Intrinsic, reason: string): SourceNode {
  const argument = node.argument.is === 'scalar' ? node.argument.text : describe(node.argument)
  return { is: 'unresolved', line: node.line, text: `${shortName(node)} ${argument}`, reason }
}

function text(value: string): SourceNode {
  return { is: 'scalar', line: 1, value, text: value }
}

/** A value counts as standing where it is used, so that errors point there. */
function at(node: SourceNode, line: number): SourceNode {
  return { ...node, line }
}
