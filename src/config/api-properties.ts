// Which properties of APIs, of their events and of schedules have an effect here, which are only kept, and which are not emulated.

import type { Standing } from './function-properties.js'
import { meantOf } from './globals.js'
import { type Section, warn } from './reader.js'
import type { SourceNode } from './source.js'

export type PropertyTable = Readonly<Record<string, Standing>>

/** AWS::Serverless::Api. Source: AWS SAM specification and its transform (2026). */
export const restApiProperties: PropertyTable = {
  Name: 'honoured',
  StageName: 'honoured',
  Variables: 'honoured',
  BinaryMediaTypes: 'honoured',
  Cors: 'honoured',
  GatewayResponses: 'honoured',
  Auth: 'honoured',
  MethodSettings: 'honoured',
  Tags: 'recorded',
  PropagateTags: 'recorded',
  Description: 'recorded',
  EndpointConfiguration: 'recorded',
  EndpointAccessMode: 'recorded',
  SecurityPolicy: 'recorded',
  TracingEnabled: 'recorded',
  AccessLogSetting: 'recorded',
  OpenApiVersion: 'recorded',
  Models: 'recorded',
  FailOnWarnings: 'recorded',
  AlwaysDeploy: 'recorded',
  Mode: 'recorded',
  ApiKeySourceType: 'recorded',
  DisableExecuteApiEndpoint: 'recorded',
  MinimumCompressionSize: 'not-emulated',
  CacheClusterEnabled: 'not-emulated',
  CacheClusterSize: 'not-emulated',
  CanarySetting: 'not-emulated',
  Domain: 'not-emulated',
  Policy: 'not-emulated',
  DefinitionBody: 'not-emulated',
  DefinitionUri: 'not-emulated',
  MergeDefinitions: 'not-emulated',
}

/** AWS::Serverless::HttpApi. Source: as above. */
export const httpApiProperties: PropertyTable = {
  Name: 'honoured',
  StageName: 'honoured',
  StageVariables: 'honoured',
  CorsConfiguration: 'honoured',
  Auth: 'honoured',
  DefaultRouteSettings: 'honoured',
  RouteSettings: 'honoured',
  Tags: 'recorded',
  PropagateTags: 'recorded',
  Description: 'recorded',
  AccessLogSettings: 'recorded',
  FailOnWarnings: 'recorded',
  DisableExecuteApiEndpoint: 'recorded',
  Domain: 'not-emulated',
  DefinitionBody: 'not-emulated',
  DefinitionUri: 'not-emulated',
}

/** What Globals.Api may hold. Source: aws-sam-translator, Globals (2026). */
export const restApiGlobals: ReadonlySet<string> = new Set([
  'Auth',
  'Name',
  'DefinitionUri',
  'CacheClusterEnabled',
  'CacheClusterSize',
  'MergeDefinitions',
  'Variables',
  'EndpointConfiguration',
  'MethodSettings',
  'BinaryMediaTypes',
  'MinimumCompressionSize',
  'Cors',
  'GatewayResponses',
  'AccessLogSetting',
  'CanarySetting',
  'TracingEnabled',
  'OpenApiVersion',
  'Domain',
  'AlwaysDeploy',
  'PropagateTags',
  'SecurityPolicy',
  'EndpointAccessMode',
])

/** What Globals.HttpApi may hold. Source: as above. */
export const httpApiGlobals: ReadonlySet<string> = new Set([
  'Auth',
  'AccessLogSettings',
  'StageVariables',
  'Tags',
  'CorsConfiguration',
  'DefaultRouteSettings',
  'Domain',
  'RouteSettings',
  'FailOnWarnings',
  'PropagateTags',
])

/** An event of type Api. */
export const restEventProperties: PropertyTable = {
  Path: 'honoured',
  Method: 'honoured',
  RestApiId: 'honoured',
  TimeoutInMillis: 'honoured',
  Auth: 'honoured',
  RequestModel: 'honoured',
  ResponseTransferMode: 'honoured',
  RequestParameters: 'recorded',
  Stage: 'recorded',
}

/** An event of type HttpApi. */
export const httpEventProperties: PropertyTable = {
  Path: 'honoured',
  Method: 'honoured',
  ApiId: 'honoured',
  TimeoutInMillis: 'honoured',
  PayloadFormatVersion: 'honoured',
  Auth: 'honoured',
  RouteSettings: 'honoured',
  Stage: 'recorded',
}

/** An event of type Schedule. */
export const scheduleProperties: PropertyTable = {
  Schedule: 'honoured',
  Name: 'honoured',
  Enabled: 'honoured',
  State: 'honoured',
  Input: 'honoured',
  RuleName: 'recorded',
  Description: 'recorded',
  DeadLetterConfig: 'recorded',
  RetryPolicy: 'recorded',
}

/** An event of type ScheduleV2. */
export const schedulerProperties: PropertyTable = {
  ScheduleExpression: 'honoured',
  ScheduleExpressionTimezone: 'honoured',
  Name: 'honoured',
  OmitName: 'honoured',
  State: 'honoured',
  Input: 'honoured',
  FlexibleTimeWindow: 'honoured',
  Description: 'recorded',
  GroupName: 'recorded',
  KmsKeyArn: 'recorded',
  RoleArn: 'recorded',
  PermissionsBoundary: 'recorded',
  DeadLetterConfig: 'recorded',
  RetryPolicy: 'recorded',
  StartDate: 'not-emulated',
  EndDate: 'not-emulated',
}

const notEmulated: Readonly<Record<string, string>> = {
  DefinitionBody: 'routes of an OpenAPI document are not emulated yet; those of events are served',
  DefinitionUri: 'routes of an OpenAPI document are not emulated yet; those of events are served',
  Domain: 'custom domains are not emulated yet; the API answers at its own address',
}

/**
 * Warns of what has no effect, and gives the names of what is only recorded.
 * @param placeOf Where a property stands in the source, for the warning.
 */
export function sortProperties(
  of: Section,
  table: PropertyTable,
  placeOf: (name: string) => string = (name) => `${of.where}.${name}`,
): readonly string[] {
  const recorded: string[] = []
  for (const name of of.map.entries.keys()) {
    switch (table[name]) {
      case 'honoured':
        break
      case 'recorded':
        recorded.push(name)
        break
      case 'not-emulated': {
        const message = notEmulated[name] ?? 'not emulated yet; it has no effect here'
        warn(of.reading, 'W_NOT_EMULATED', placeOf(name), message)
        break
      }
      case undefined: {
        const message = `AWS knows no such property; it has no effect.${meantOf(name, Object.keys(table))}`
        warn(of.reading, 'W_UNKNOWN_PROPERTY', placeOf(name), message)
        break
      }
    }
  }
  return recorded
}

/** Whether a property of that name is anywhere below the node. */
export function mentions(node: SourceNode | undefined, name: RegExp): boolean {
  switch (node?.is) {
    case 'list':
      return node.items.some((item) => mentions(item, name))
    case 'map':
      return [...node.entries].some(([key, value]) => name.test(key) || mentions(value, name))
    case 'scalar':
    case 'unresolved':
    case 'intrinsic':
    case undefined:
      return false
  }
}
