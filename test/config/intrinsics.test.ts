// Every intrinsic function, good and broken, as the value of an environment variable.

import { join } from 'node:path'
import t, { type Test } from 'tap'
import { load } from '../../src/config/load.js'
import type { LoadOptions } from '../../src/config/loaded.js'
import { EmulatorError } from '../../src/domain/emulator-error.js'
import {
  attributes,
  choices,
  extensions,
  type Row,
  references,
  texts,
  withoutExtensions,
} from './intrinsics-table.js'
import { projectWith } from './project.js'

const sections = `
Parameters:
  Stage: { Type: String, Default: dev }
  Port: { Type: Number, Default: 8080 }
  Empty: { Type: String }
  Zones: { Type: CommaDelimitedList, Default: 'a, b,c' }
Mappings:
  Sizes:
    dev: { Memory: 128, Hosts: [one, two] }
Conditions:
  IsDev: !Equals [!Ref Stage, dev]
  IsProd: !Equals [!Ref Stage, prod]
  Unknown: !Equals [!Ref Empty, x]
`

const resources = `
  Orders: { Type: AWS::DynamoDB::Table, Properties: { TableName: orders } }
  Unnamed: { Type: AWS::DynamoDB::Table }
  Simple: { Type: AWS::Serverless::SimpleTable }
  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: jobs } }
  Fifo: { Type: AWS::SQS::Queue, Properties: { FifoQueue: true } }
  Topic: { Type: AWS::SNS::Topic, Properties: { TopicName: !Sub '\${Stage}-news' } }
  Bucket: { Type: AWS::S3::Bucket }
  Role: { Type: AWS::IAM::Role, Properties: { RoleName: runner, Path: /team/ } }
  LogGroup: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: /aws/x } }
  Machine: { Type: AWS::StepFunctions::StateMachine, Properties: { StateMachineName: flow } }
  Bus: { Type: AWS::Events::EventBus, Properties: { Name: bus } }
  Setting: { Type: AWS::SSM::Parameter, Properties: { Name: /a/b, Type: String, Value: !Ref Stage } }
  Vpc: { Type: AWS::EC2::VPC }
  NamedByNobody: { Type: AWS::S3::Bucket, Properties: { BucketName: !Ref Empty } }
  Circle: { Type: AWS::S3::Bucket, Properties: { BucketName: !Sub '\${Circle}-x' } }
  OnlyProd: { Type: AWS::S3::Bucket, Condition: IsProd }
  Layer: { Type: AWS::Serverless::LayerVersion, Properties: { LayerName: deps, ContentUri: src } }
  Rest: { Type: AWS::Serverless::Api, Properties: { StageName: !Ref Stage } }
  Http: { Type: AWS::Serverless::HttpApi }
  Other:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: other
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: src
      Events:
        Get: { Type: Api, Properties: { Path: /, Method: get } }
        Post: { Type: HttpApi, Properties: { Path: /, Method: post } }
`

const transform = 'Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]'

function template(expression: string, extensions: boolean): string {
  return `${extensions ? transform : ''}${sections}
Resources:${resources}
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: src
      Environment:
        Variables:
          VALUE: ${expression}
`
}

const options: LoadOptions = {
  region: 'eu-west-1',
  accountId: '123456789012',
  importValues: { 'net-dev': 'vpc-1' },
}

function check(row: Row, extended: boolean): void {
  const { claim, expression, gives, unresolved, removed, invalid, hint } = row
  t.test(`${claim}: ${expression}`, async (t) => {
    const folder = projectWith(t, { 'template.yaml': template(expression, extended) })
    if (invalid !== undefined) {
      const error = await failure(t, folder)
      t.match(error.message, invalid)
      t.match(error.message, /template\.yaml:\d+: /)
      if (hint !== undefined) t.match(error.hint, hint)
      return
    }
    const { functions, warnings } = await load(folder, options)
    const hello = functions.find(({ logicalId }) => logicalId === 'Hello')
    t.equal(hello?.environment?.VALUE, gives)
    const told = warnings.filter(({ property }) => property.includes('Hello'))
    t.equal(told.length, unresolved === undefined ? 0 : 1, JSON.stringify(told))
    if (unresolved !== undefined) {
      t.equal(told[0]?.code, 'W_UNRESOLVED')
      t.match(told[0]?.message, unresolved)
    }
    t.equal(removed === true, gives === undefined && unresolved === undefined)
  })
}

async function failure(t: Test, folder: string): Promise<EmulatorError> {
  const thrown: unknown = await load(folder, options).then(
    () => undefined,
    (error) => error,
  )
  t.ok(thrown instanceof EmulatorError, `it throws an EmulatorError, not ${thrown}`)
  const error = thrown as EmulatorError
  t.equal(error.code, 'EMU_CONFIG_INVALID')
  return error
}

for (const row of [...references, ...attributes, ...texts, ...choices]) check(row, false)
for (const row of extensions) check(row, true)
for (const row of withoutExtensions) check(row, false)

t.test('the ids of APIs are the same wherever they are referred to', async (t) => {
  const expression = `!Sub 'https://\${ServerlessRestApi}.execute-api.\${AWS::Region}.\${AWS::URLSuffix}/Prod/'`
  const folder = projectWith(t, { 'template.yaml': template(expression, false) })
  const { functions, apis } = await load(folder, options)
  const rest = apis.find(({ logicalId }) => logicalId === 'ServerlessRestApi')
  t.match(rest?.id, /^[a-z][a-z0-9]{9}$/)
  const url = functions.find(({ logicalId }) => logicalId === 'Hello')?.environment?.VALUE
  t.equal(url, `https://${rest?.id}.execute-api.eu-west-1.amazonaws.com/Prod/`)
})

t.test('NoValue takes list items and map entries away, however deep', async (t) => {
  const folder = projectWith(t, {
    'layer/x': '',
    'template.yaml': `
Conditions: { Never: !Equals [a, b] }
Resources:
  Deps: { Type: AWS::Serverless::LayerVersion, Properties: { ContentUri: layer } }
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: src
      MemorySize: !If [Never, 512, !Ref AWS::NoValue]
      Layers: [!If [Never, !Ref Gone, !Ref AWS::NoValue], !Ref Deps, !Ref AWS::NoValue]
      Environment: !If [Never, { Variables: { A: a } }, !Ref AWS::NoValue]
`,
  })
  const { functions, warnings } = await load(folder)
  t.same(warnings, [])
  t.equal(functions[0]?.memoryMb, 128)
  t.same(functions[0]?.layers, [join(folder, 'layer')])
  t.equal(functions[0]?.environment, undefined)
})
