// What Ref and Fn::GetAtt give for resources whose name can be known without AWS: one table by type of resource.

import { createHash } from 'node:crypto'
import { functionArn } from '../domain/function.js'
import { partitionOf, urlSuffixOf } from './pseudo-parameters.js'
import { type Found, nothing, type Scope, text, value } from './scope.js'

interface Named {
  readonly scope: Scope
  readonly logicalId: string
  readonly name: string
}

type Derive = (of: Named) => string

interface Naming {
  /** The property with the name; missing when no property has it. */
  readonly property?: string
  /** The name of one that has none; missing: AWS makes one up that nobody can know. */
  readonly unnamed?: (scope: Scope, logicalId: string) => string
  /** A name that has no value here counts as none. */
  readonly lenient?: true
  readonly ref: Derive
  readonly attributes?: Readonly<Record<string, Derive>>
}

const byName: Derive = ({ name }) => name

/** CloudFormation puts twelve random characters behind it. */
const fromStack = (scope: Scope, logicalId: string): string => `${scope.stackName}-${logicalId}`

function arn(service: string, before = '', after = ''): Derive {
  return ({ scope, name }) =>
    `arn:${partitionOf(scope.region)}:${service}:${scope.region}:${scope.accountId}:${before}${name}${after}`
}

const functionNaming: Naming = {
  property: 'FunctionName',
  lenient: true,
  unnamed: (_, logicalId) => logicalId,
  ref: byName,
  attributes: {
    Arn: ({ scope, name }) => functionArn(scope.region, scope.accountId, name),
  },
}

const table: Naming = {
  property: 'TableName',
  unnamed: fromStack,
  ref: byName,
  attributes: { Arn: arn('dynamodb', 'table/') },
}

/** Source: CloudFormation, AWS::SQS::Queue; a queue that is first-in-first-out ends in .fifo. */
const queue: Naming = {
  property: 'QueueName',
  unnamed: (scope, logicalId) => fifo(scope, logicalId, 'FifoQueue'),
  ref: queueUrl,
  attributes: { Arn: arn('sqs'), QueueName: byName, QueueUrl: queueUrl },
}

function queueUrl({ scope, name }: Named): string {
  return `https://sqs.${scope.region}.${urlSuffixOf(scope.region)}/${scope.accountId}/${name}`
}

function fifo(scope: Scope, logicalId: string, property: string): string {
  const node = scope.property(logicalId, property)
  const ordered = node?.is === 'scalar' && node.text === 'true'
  return `${fromStack(scope, logicalId)}${ordered ? '.fifo' : ''}`
}

const topic: Naming = {
  property: 'TopicName',
  unnamed: (scope, logicalId) => fifo(scope, logicalId, 'FifoTopic'),
  ref: arn('sns'),
  attributes: { TopicArn: arn('sns'), TopicName: byName },
}

const bucket: Naming = {
  property: 'BucketName',
  unnamed: (scope, logicalId) => fromStack(scope, logicalId).toLowerCase(),
  ref: byName,
  attributes: {
    Arn: ({ scope, name }) => `arn:${partitionOf(scope.region)}:s3:::${name}`,
    DomainName: ({ scope, name }) => `${name}.s3.${urlSuffixOf(scope.region)}`,
    RegionalDomainName: ({ scope, name }) =>
      `${name}.s3.${scope.region}.${urlSuffixOf(scope.region)}`,
  },
}

const role: Naming = {
  property: 'RoleName',
  unnamed: (_, logicalId) => logicalId,
  ref: byName,
  attributes: {
    Arn: ({ scope, logicalId, name }) => {
      const path = scope.property(logicalId, 'Path')
      const folder = path?.is === 'scalar' && path.text.startsWith('/') ? path.text : '/'
      return `arn:${partitionOf(scope.region)}:iam::${scope.accountId}:role${folder}${name}`
    },
  },
}

const stateMachine = (property: string): Naming => ({
  property,
  ref: arn('states', 'stateMachine:'),
  attributes: { Arn: arn('states', 'stateMachine:'), Name: byName },
})

const layer: Naming = {
  property: 'LayerName',
  lenient: true,
  unnamed: (_, logicalId) => logicalId,
  ref: arn('lambda', 'layer:', ':1'),
}

const apiRef: Derive = ({ logicalId }) => apiIdOf(logicalId)

const restApi: Naming = {
  unnamed: (_, logicalId) => logicalId,
  ref: apiRef,
  attributes: { RestApiId: apiRef },
}

const httpApi: Naming = {
  unnamed: (_, logicalId) => logicalId,
  ref: apiRef,
  attributes: {
    ApiId: apiRef,
    ApiEndpoint: ({ scope, logicalId }) =>
      `https://${apiIdOf(logicalId)}.execute-api.${scope.region}.${urlSuffixOf(scope.region)}`,
  },
}

/** Source: CloudFormation resource reference, "Return values" of each type (2026). */
const namings: Readonly<Record<string, Naming>> = {
  'AWS::Serverless::Function': functionNaming,
  'AWS::Lambda::Function': functionNaming,
  'AWS::DynamoDB::Table': table,
  'AWS::DynamoDB::GlobalTable': table,
  'AWS::Serverless::SimpleTable': table,
  'AWS::SQS::Queue': queue,
  'AWS::SNS::Topic': topic,
  'AWS::S3::Bucket': bucket,
  'AWS::IAM::Role': role,
  'AWS::Serverless::LayerVersion': layer,
  'AWS::Lambda::LayerVersion': layer,
  'AWS::Serverless::Api': restApi,
  'AWS::ApiGateway::RestApi': restApi,
  'AWS::Serverless::HttpApi': httpApi,
  'AWS::ApiGatewayV2::Api': httpApi,
  'AWS::ApiGateway::Stage': { property: 'StageName', ref: byName },
  'AWS::ApiGatewayV2::Stage': { property: 'StageName', ref: byName },
  'AWS::StepFunctions::StateMachine': stateMachine('StateMachineName'),
  'AWS::Serverless::StateMachine': stateMachine('Name'),
  'AWS::Logs::LogGroup': {
    property: 'LogGroupName',
    unnamed: fromStack,
    ref: byName,
    attributes: { Arn: arn('logs', 'log-group:', ':*') },
  },
  'AWS::Kinesis::Stream': {
    property: 'Name',
    unnamed: fromStack,
    ref: byName,
    attributes: { Arn: arn('kinesis', 'stream/') },
  },
  'AWS::KinesisFirehose::DeliveryStream': {
    property: 'DeliveryStreamName',
    unnamed: fromStack,
    ref: byName,
    attributes: { Arn: arn('firehose', 'deliverystream/') },
  },
  'AWS::Events::EventBus': {
    property: 'Name',
    ref: byName,
    attributes: { Arn: arn('events', 'event-bus/'), Name: byName },
  },
  'AWS::Events::Rule': {
    property: 'Name',
    unnamed: fromStack,
    ref: byName,
    attributes: { Arn: arn('events', 'rule/') },
  },
  'AWS::SSM::Parameter': { property: 'Name', ref: byName },
  'AWS::ECR::Repository': {
    property: 'RepositoryName',
    ref: byName,
    attributes: { Arn: arn('ecr', 'repository/') },
  },
  'AWS::ECS::Cluster': {
    property: 'ClusterName',
    ref: byName,
    attributes: { Arn: arn('ecs', 'cluster/') },
  },
  'AWS::KMS::Alias': { property: 'AliasName', ref: byName },
}

/** What GetAtt repeats from the resource's own properties. */
const repeated: Readonly<Record<string, readonly string[]>> = {
  'AWS::SSM::Parameter': ['Value', 'Type'],
}

/** What `Ref` of a resource that is there gives. */
export function refOf(scope: Scope, logicalId: string, type: string): Found {
  const naming = namings[type]
  if (naming === undefined) return nothing(`${type} exists only on AWS`)
  const named = nameOf(scope, logicalId, type, naming)
  return named.is === 'nothing' ? named : value(text(naming.ref({ scope, logicalId, ...named })))
}

/** What `Fn::GetAtt` of a resource that is there gives. */
export function attributeOf(
  scope: Scope,
  logicalId: string,
  type: string,
  attribute: string,
): Found {
  if (repeated[type]?.includes(attribute) === true) {
    const node = scope.property(logicalId, attribute)
    if (node?.is === 'unresolved') return nothing(node.reason)
    if (node !== undefined) return value(node)
  }
  const naming = namings[type]
  const derive = naming?.attributes?.[attribute]
  if (naming === undefined || derive === undefined) {
    return nothing(`${attribute} of ${type} exists only on AWS`)
  }
  const named = nameOf(scope, logicalId, type, naming)
  return named.is === 'nothing' ? named : value(text(derive({ scope, logicalId, ...named })))
}

type NameFound =
  | { readonly is: 'name'; readonly name: string }
  | { readonly is: 'nothing'; readonly reason: string }

function nameOf(scope: Scope, logicalId: string, type: string, naming: Naming): NameFound {
  const { property } = naming
  const node = property === undefined ? undefined : scope.property(logicalId, property)
  if (node?.is === 'unresolved' && naming.lenient !== true) {
    return { is: 'nothing', reason: node.reason }
  }
  if (node?.is === 'scalar' && node.value !== null) return { is: 'name', name: node.text }
  if (naming.unnamed !== undefined) {
    return { is: 'name', name: naming.unnamed(scope, logicalId) }
  }
  return { is: 'nothing', reason: `${type} without ${property} gets its name on AWS` }
}

/**
 * What stands for API Gateway's id of an API: ten lower-case letters and digits, the first a letter, always the same for
 * the same logical id.
 */
export function apiIdOf(logicalId: string): string {
  const digest = createHash('sha256').update(logicalId).digest('hex')
  const digits = BigInt(`0x${digest}`).toString(36).padStart(50, '0')
  return `${digits.replace(/^\d+/, '')}0000000000`.slice(0, 10)
}
