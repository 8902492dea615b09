// Good input: where a project's functions are found, and what becomes of every property.

import { readFileSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { fileMembers, functionMembers } from '../../src/config/lambda-emu-file.js'
import { load } from '../../src/config/load.js'
import { eventMembers } from '../../src/config/own-events.js'
import { refuseWarnings } from '../../src/config/strict.js'
import { repositoryRoot } from '../support/paths.js'
import { projectWith, templateWith } from './project.js'

t.test('a function gets the defaults of AWS', async (t) => {
  const folder = projectWith(t, { 'template.json': templateWith({}) })
  const { functions, warnings, project } = await load(folder)
  t.equal(project, folder)
  t.same(warnings, [])
  t.same(functions, [
    {
      logicalId: 'Hello',
      functionName: 'Hello',
      runtime: 'nodejs22.x',
      handler: 'index.handler',
      description: '',
      memoryMb: 128,
      timeoutSeconds: 3,
      codePath: join(folder, 'src'),
      ephemeralStorageMb: 512,
      architecture: 'x86_64',
      role: 'arn:aws:iam::000000000000:role/HelloRole',
      layers: [],
      logFormat: 'Text',
      tracingMode: 'PassThrough',
      recordedOnly: [],
      origin: { path: join(folder, 'template.json'), line: 3 },
    },
  ])
})

t.test('Globals come first: maps merge, lists append, values are overridden', async (t) => {
  const folder = projectWith(t, {
    'layer-a/x': '',
    'layer-b/x': '',
    'template.yaml': `
Globals:
  Function:
    Runtime: python3.12
    MemorySize: 512
    Timeout: 30
    Environment: { Variables: { ONE: global, TWO: global } }
    Layers: [!Ref LayerA]
Resources:
  LayerA: { Type: AWS::Serverless::LayerVersion, Properties: { ContentUri: layer-a } }
  LayerB: { Type: AWS::Serverless::LayerVersion, Properties: { ContentUri: layer-b } }
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      CodeUri: src
      Timeout: 5
      Environment: { Variables: { TWO: own, THREE: own } }
      Layers: [!Ref LayerB]
`,
  })
  const { functions, warnings } = await load(folder)
  const [hello] = functions
  t.same(warnings, [])
  t.equal(hello?.runtime, 'python3.12')
  t.equal(hello?.memoryMb, 512)
  t.equal(hello?.timeoutSeconds, 5)
  t.same(hello?.environment, { ONE: 'global', TWO: 'own', THREE: 'own' })
  t.same(hello?.layers, [join(folder, 'layer-a'), join(folder, 'layer-b')])
})

t.test('references and texts with references are worked out', async (t) => {
  const folder = projectWith(t, {
    'template.yaml': `
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Stage: { Type: String, Default: dev }
  Memory: { Type: Number, Default: 256 }
Resources:
  Other:
    Type: AWS::Lambda::Function
    Properties: { FunctionName: !Sub 'other-\${Stage}', Runtime: nodejs22.x, Handler: a.b, Code: src }
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: ./src
      MemorySize: !Ref Memory
      Role: !GetAtt HelloRole.Arn
      Environment:
        Variables:
          REGION_NAME: !Ref AWS::Region
          OTHER_NAME: !Ref Other
          OTHER_ARN: !GetAtt Other.Arn
          LONG_FORM: { 'Fn::Sub': ['\${a}-\${AWS::AccountId}-\${!kept}', { a: { Ref: Stage } }] }
          ACCOUNT: 012345678901
          ENABLED: yes
          REMOVED: !Ref AWS::NoValue
          COUNT: 3
  HelloRole: { Type: AWS::IAM::Role, Properties: {} }
`,
  })
  const { functions, warnings } = await load(folder, {
    region: 'eu-west-1',
    accountId: '123456789012',
  })
  t.same(warnings, [])
  const hello = functions.find(({ logicalId }) => logicalId === 'Hello')
  t.equal(hello?.memoryMb, 256)
  t.equal(hello?.role, 'arn:aws:iam::123456789012:role/HelloRole')
  t.same(hello?.recordedOnly, ['Role'])
  t.same(hello?.environment, {
    REGION_NAME: 'eu-west-1',
    OTHER_NAME: 'other-dev',
    OTHER_ARN: 'arn:aws:lambda:eu-west-1:123456789012:function:other-dev',
    LONG_FORM: `dev-123456789012-\${kept}`,
    ACCOUNT: '012345678901',
    ENABLED: 'true',
    COUNT: '3',
  })
})

t.test('whatever has no value or no effect here is a warning with its place', async (t) => {
  const folder = projectWith(t, {
    'template.yaml': `
Parameters:
  Secret: { Type: String }
Conditions: { InProduction: !Equals [!Ref Secret, x] }
Globals:
  Functions: {}
  Function: { Memmory: 1, VpcConfig: {} }
Resources:
  Table: { Type: AWS::DynamoDB::Table, Properties: {} }
  Machine: { Type: AWS::Serverless::StateMachine, Properties: {} }
  Java:
    Type: AWS::Serverless::Function
    Properties: { Runtime: java21, Handler: a.B::c, CodeUri: src }
  Hello:
    Type: AWS::Serverless::Function
    Condition: InProduction
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: src
      Timout: 3
      Policies: []
      Tags: { a: b }
      Events:
        Get: { Type: Api, Properties: { Path: /, Method: get } }
        Queue: { Type: SQS, Properties: { Queue: x } }
        Typing: { Type: Schedul }
      MemorySize: !FindInMap [a, b, c]
      Environment:
        Variables: { TABLE: !GetAtt Table.StreamArn, SECRET: !Ref Secret, BOTH: !Sub '\${Table}-\${Nobody}' }
      Layers: ['arn:aws:lambda:us-east-1:1:layer:tools:3', !Ref Gone]
`,
  })
  const { functions, warnings } = await load(folder)
  t.same(
    functions.map(({ logicalId }) => logicalId),
    ['Hello'],
  )
  t.same(functions[0]?.recordedOnly, ['Policies', 'Tags'])
  t.same(functions[0]?.environment, {})
  t.equal(functions[0]?.memoryMb, 128)
  const hello = 'Resources.Hello.Properties'
  t.same(
    warnings.map(({ code, property }) => `${code} ${property}`).sort(),
    [
      `W_FUNCTION_LEFT_OUT Resources.Java`,
      `W_LAYER_NOT_LOCAL ${hello}.Layers.0`,
      `W_NOT_EMULATED Resources.Machine`,
      `W_NOT_EMULATED ${hello}.Events.Queue`,
      `W_UNKNOWN_PROPERTY ${hello}.Events.Typing.Type`,
      `W_UNKNOWN_PROPERTY Globals.Functions`,
      `W_NOT_EMULATED Globals.Function.VpcConfig`,
      `W_NOT_EMULATED Resources.Table`,
      `W_UNKNOWN_PROPERTY ${hello}.Timout`,
      `W_UNKNOWN_PROPERTY Globals.Function.Memmory`,
      `W_UNRESOLVED Resources.Hello.Condition`,
      `W_UNRESOLVED ${hello}.Environment.Variables.BOTH`,
      `W_UNRESOLVED ${hello}.Environment.Variables.SECRET`,
      `W_UNRESOLVED ${hello}.Environment.Variables.TABLE`,
      `W_UNRESOLVED ${hello}.Layers.1`,
      `W_UNRESOLVED ${hello}.MemorySize`,
    ].sort(),
  )
  const typing = warnings.find(({ property }) => property === `${hello}.Timout`)
  t.match(typing?.message, /Did you mean Timeout\?/)
  const queue = warnings.find(({ property }) => property === `${hello}.Events.Queue`)
  t.match(queue?.message, /lambda-emu events sqs \| lambda-emu invoke Hello -/)
})

t.test('a folder is searched for template.yaml first and lambda-emu.json last', async (t) => {
  const own = JSON.stringify({
    functions: { own: { runtime: 'python3.12', handler: 'a.b', code: 'src' } },
  })
  const both = projectWith(t, { 'template.yml': templateWith({}), 'lambda-emu.json': own })
  t.equal((await load(both)).sourcePath, join(both, 'template.yml'))
  const only = projectWith(t, { 'lambda-emu.json': own })
  t.same(
    (await load(only)).functions.map(({ functionName }) => functionName),
    ['own'],
  )
})

t.test('a folder without a source is an empty project', async (t) => {
  const folder = projectWith(t, {})
  t.same(await load(folder), {
    project: folder,
    functions: [],
    apis: [],
    schedules: [],
    sources: [],
    warnings: [],
    suggestions: [],
  })
})

t.test('what sam build left is read while it is newer than the template', async (t) => {
  const built = '.aws-sam/build/template.yaml'
  const folder = projectWith(t, {
    'template.yaml': templateWith({}),
    [built]: templateWith({ CodeUri: 'Hello' }),
    '.aws-sam/build/Hello/index.js': '',
  })
  utimesSync(join(folder, 'template.yaml'), 1000, 1000)
  const { functions, project, sources } = await load(folder)
  t.equal(project, folder)
  t.equal(functions[0]?.codePath, join(folder, '.aws-sam/build/Hello'))
  t.same(sources, [join(folder, built), join(folder, 'template.yaml')])
  utimesSync(join(folder, built), 500, 500)
  t.equal((await load(folder)).functions[0]?.codePath, join(folder, 'src'))
})

t.test('code that CDK or sam build placed on this disk is taken from the metadata', async (t) => {
  const folder = projectWith(t, {
    'asset.1/index.js': '',
    'template.json': JSON.stringify({
      Resources: {
        Hello: {
          Type: 'AWS::Lambda::Function',
          Metadata: { 'aws:asset:path': 'asset.1' },
          Properties: {
            Runtime: 'nodejs22.x',
            Handler: 'index.handler',
            Code: { S3Bucket: { 'Fn::Sub': 'bucket' }, S3Key: 'key.zip' },
          },
        },
      },
    }),
  })
  t.equal((await load(folder)).functions[0]?.codePath, join(folder, 'asset.1'))
})

t.test('JSON may be indented with tabs', async (t) => {
  const text = JSON.stringify(JSON.parse(templateWith({})), null, '\t')
  const folder = projectWith(t, { 'template.json': text })
  t.equal((await load(folder)).functions.length, 1)
})

t.test('a lambda-emu.json gives all that a function can have', async (t) => {
  const hello = {
    runtime: 'nodejs22.x',
    handler: 'index.handler',
    code: 'src',
    memoryMb: 256,
    timeoutSeconds: 10,
    environment: { ONE: 'x', NUMBER: 3, FLAG: true },
    description: 'd',
    role: 'arn:aws:iam::1:role/r',
    ephemeralStorageMb: 1024,
    architecture: 'arm64',
    layers: ['layer'],
  }
  const folder = projectWith(t, {
    'layer/x': '',
    'lambda-emu.json': JSON.stringify({ $schema: 'x', functions: { hello } }),
  })
  const { functions, warnings } = await load(folder)
  t.same(warnings, [])
  t.same(
    functions,
    [
      {
        ...hello,
        logicalId: 'hello',
        functionName: 'hello',
        environment: { ONE: 'x', NUMBER: '3', FLAG: 'true' },
        environmentOrigins: {
          ONE: 'lambda-emu.json',
          NUMBER: 'lambda-emu.json',
          FLAG: 'lambda-emu.json',
        },
        code: undefined,
        codePath: join(folder, 'src'),
        layers: [join(folder, 'layer')],
        logFormat: 'Text',
        tracingMode: 'PassThrough',
        recordedOnly: ['role'],
        origin: { path: join(folder, 'lambda-emu.json'), line: 1 },
      },
    ].map(({ code: _, ...rest }) => rest),
  )
})

t.test('the published schema knows the members that the reader knows', (t) => {
  const path = join(repositoryRoot, 'src/config/lambda-emu.schema.json')
  const schema = JSON.parse(readFileSync(path, 'utf8'))
  t.same(Object.keys(schema.properties), fileMembers)
  t.same(Object.keys(schema.definitions.function.properties), functionMembers)
  t.same(Object.keys(schema.definitions.event.properties), eventMembers)
  t.end()
})

t.test('code inside a template is written to a file, once', async (t) => {
  const folder = projectWith(t, {
    'template.yaml': `
Resources:
  Node:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      InlineCode: !Sub "exports.handler = async () => '\${AWS::Region}'"
  Python:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Code:
        ZipFile: |
          def handler(event, context):
              return 1
  Own:
    Type: AWS::Lambda::Function
    Properties: { Runtime: provided.al2023, Handler: x, Code: { ZipFile: abc } }
`,
  })
  const inlineCodeFolder = join(folder, 'state/inline')
  const { functions, warnings } = await load(folder, { inlineCodeFolder })
  const node = join(inlineCodeFolder, 'Node')
  t.same(
    functions.map(({ codePath }) => codePath),
    [node, join(inlineCodeFolder, 'Python')],
  )
  t.equal(readFileSync(join(node, 'index.js'), 'utf8'), "exports.handler = async () => 'us-east-1'")
  const python = readFileSync(join(inlineCodeFolder, 'Python/index.py'), 'utf8')
  t.equal(python, 'def handler(event, context):\n    return 1\n')
  t.same(
    warnings.map(({ code, property }) => `${code} ${property}`),
    ['W_FUNCTION_LEFT_OUT Resources.Own'],
  )
  utimesSync(join(node, 'index.js'), 1000, 1000)
  await load(folder, { inlineCodeFolder })
  t.equal(statSync(join(node, 'index.js')).mtimeMs, 1_000_000)
})

t.test('a Ref of a layer is its local content, whatever way it takes', async (t) => {
  const folder = projectWith(t, {
    'layer/x': '',
    'asset.2/x': '',
    'template.yaml': `
Parameters: { Which: { Type: String, Default: a } }
Conditions: { UsesA: !Equals [!Ref Which, a] }
Resources:
  A: { Type: AWS::Serverless::LayerVersion, Properties: { ContentUri: layer, LayerName: !Ref Which } }
  B:
    Type: AWS::Lambda::LayerVersion
    Metadata: { 'aws:asset:path': asset.2 }
    Properties: { Content: { S3Bucket: b, S3Key: k } }
  OnAws: { Type: AWS::Lambda::LayerVersion, Properties: { Content: { S3Bucket: b, S3Key: k } } }
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: src
      Layers: [!If [UsesA, !Ref A, !Ref B], !Sub '\${B}', !Ref OnAws]
`,
  })
  const { functions, warnings } = await load(folder)
  t.same(functions[0]?.layers, [
    join(folder, 'layer'),
    join(folder, 'asset.2'),
    'arn:aws:lambda:us-east-1:000000000000:layer:OnAws:1',
  ])
  t.same(
    warnings.map(({ code, property }) => `${code} ${property}`),
    ['W_LAYER_NOT_LOCAL Resources.Hello.Properties.Layers.2'],
  )
})

t.test('with --strict warnings are one error that lists them', async (t) => {
  const folder = projectWith(t, { 'template.json': templateWith({ VpcConfig: {}, Timout: 3 }) })
  const project = await load(folder)
  t.throws(() => refuseWarnings(project), {
    code: 'EMU_STRICT',
    exitCode: 2,
    message: /2 warnings .*\n {2}W_NOT_EMULATED .*VpcConfig: .*\n {2}W_UNKNOWN_PROPERTY .*Timout: /,
  })
  const good = await load(projectWith(t, { 'template.json': templateWith({}) }))
  t.equal(refuseWarnings(good), undefined)
})
