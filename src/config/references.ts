// Ref and Fn::GetAtt by name: parameters, pseudo parameters and resources, as far as their value is known without AWS.

import { closest } from './function-checks.js'
import { attributeOf, refOf } from './physical-names.js'
import { partitionOf, pseudoParameter } from './pseudo-parameters.js'
import { type Found, nothing, type Scope, text, value } from './scope.js'

/** What `Ref` of this name gives. */
export function lookUp(scope: Scope, name: string): Found {
  const pseudo = pseudoParameter(scope, name)
  if (pseudo !== undefined) return value(pseudo)
  const parameter = scope.parameters.get(name)
  if (parameter !== undefined) return parameter
  const type = scope.resourceTypes.get(name)
  if (type !== undefined) return refOf(scope, name, type)
  const condition = scope.absentResources.get(name)
  if (condition !== undefined) return nothing(`${name} is not there: ${condition} is false`)
  if (name.includes('.')) return attribute(scope, name)
  return generatedBySam(scope, name) ?? nothing(unknown(scope, name))
}

/** What `Fn::GetAtt` of `LogicalId.Attribute` gives. */
export function attribute(scope: Scope, path: string): Found {
  const [logicalId = '', ...rest] = path.split('.')
  const name = rest.join('.')
  const type = scope.resourceTypes.get(logicalId)
  if (type !== undefined) {
    return samAttribute(scope, logicalId, type, name) ?? attributeOf(scope, logicalId, type, name)
  }
  const condition = scope.absentResources.get(logicalId)
  if (condition !== undefined) return nothing(`${logicalId} is not there: ${condition} is false`)
  if (name === 'ApiEndpoint' && scope.implicitApis.has(logicalId)) {
    return attributeOf(scope, logicalId, 'AWS::Serverless::HttpApi', name)
  }
  const made = name === 'Arn' ? generatedRole(scope, logicalId) : undefined
  if (made === undefined) return nothing(unknown(scope, logicalId))
  const partition = partitionOf(scope.region)
  return value(text(`arn:${partition}:iam::${scope.accountId}:role/${made}`))
}

function unknown(scope: Scope, name: string): string {
  const known = [...scope.parameters.keys(), ...scope.resourceTypes.keys()]
  const meant = closest(name, known)
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`
  return `there is no parameter or resource ${name}${hint}`
}

/** `!Ref MyApi.Stage`: SAM takes it for the stage that it makes. */
function samAttribute(
  scope: Scope,
  logicalId: string,
  type: string,
  name: string,
): Found | undefined {
  if (name !== 'Stage') return undefined
  if (type === 'AWS::Serverless::HttpApi')
    return stageOf(scope, logicalId) ?? value(text('$default'))
  return type === 'AWS::Serverless::Api' ? stageOf(scope, logicalId) : undefined
}

function stageOf(scope: Scope, logicalId: string): Found | undefined {
  const node = scope.property(logicalId, 'StageName')
  if (node?.is === 'unresolved') return nothing(node.reason)
  return node?.is === 'scalar' && node.value !== null ? value(node) : undefined
}

/** Resources that stand in no template because SAM makes them. Source: AWS SAM, generated CloudFormation resources. */
function generatedBySam(scope: Scope, name: string): Found | undefined {
  if (scope.implicitApis.has(name)) {
    const http = name === 'ServerlessHttpApi'
    return refOf(scope, name, `AWS::Serverless::${http ? 'HttpApi' : 'Api'}`)
  }
  if (name === 'ServerlessRestApiProdStage' && scope.implicitApis.has('ServerlessRestApi')) {
    return value(text('Prod'))
  }
  const made = generatedRole(scope, name)
  return made === undefined ? generatedStage(scope, name) : value(text(made))
}

/** `<Function>Role`, unless the function names a role of its own. */
function generatedRole(scope: Scope, name: string): string | undefined {
  if (!name.endsWith('Role')) return undefined
  const logicalId = name.slice(0, -'Role'.length)
  if (scope.resourceTypes.get(logicalId) !== 'AWS::Serverless::Function') return undefined
  return scope.property(logicalId, 'Role') === undefined ? name : undefined
}

/** `<Api><StageName>Stage` of a REST API; `<Api>ApiGatewayDefaultStage` of an HTTP API. */
function generatedStage(scope: Scope, name: string): Found | undefined {
  if (!name.endsWith('Stage')) return undefined
  const http = /^(.+)ApiGatewayDefaultStage$/.exec(name)?.[1]
  const declared = http === undefined ? undefined : scope.resourceTypes.get(http)
  if (
    http !== undefined &&
    (declared === 'AWS::Serverless::HttpApi' || scope.implicitApis.has(http))
  )
    return value(text('$default'))
  for (const [logicalId, type] of scope.resourceTypes) {
    if (!/^AWS::Serverless::(Http)?Api$/.test(type) || !name.startsWith(logicalId)) continue
    const stage = stageOf(scope, logicalId)
    if (stage?.is !== 'value' || stage.node.is !== 'scalar') continue
    if (name === `${logicalId}${stage.node.text}Stage`) return stage
  }
  return undefined
}
