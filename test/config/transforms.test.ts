// Fn::ForEach and AWS::Include: what stands in their places afterwards.

import { join } from 'node:path'
import t from 'tap'
import { load } from '../../src/config/load.js'
import { projectWith } from './project.js'

const extensions = 'Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]'

t.test('a loop over resources gives a function for each value', async (t) => {
  const folder = projectWith(t, {
    'template.yaml': `${extensions}
Resources:
  Fn::ForEach::Functions:
    - Name
    - [orders, e-mail]
    - \${Name}:
        Type: AWS::IAM::Role
      Do&{Name}:
        Type: AWS::Serverless::Function
        Properties:
          FunctionName: !Sub 'do-\${Name}'
          Runtime: nodejs22.x
          Handler: index.handler
          CodeUri: src
          Environment: { Variables: { PLAIN: 'x-\${Name}', REFERRED: !Ref Name } }
`,
  })
  const { functions, warnings } = await load(folder)
  t.same(warnings, [])
  t.same(
    functions.map(({ logicalId, functionName, environment }) => [
      logicalId,
      functionName,
      environment,
    ]),
    [
      ['Doorders', 'do-orders', { PLAIN: 'x-orders', REFERRED: 'orders' }],
      ['Doemail', 'do-e-mail', { PLAIN: 'x-e-mail', REFERRED: 'e-mail' }],
    ],
  )
})

t.test(
  'loops stand in each other, in properties, and go over parameters and mappings',
  async (t) => {
    const folder = projectWith(t, {
      'template.yaml': `${extensions}
Parameters: { Stages: { Type: CommaDelimitedList, Default: 'dev, prod' } }
Mappings: { Colours: { dev: { All: [red] }, prod: { All: [green, blue] } } }
Conditions:
  Fn::ForEach::C:
    - Stage
    - !Ref Stages
    - Is\${Stage}: !Equals ['\${Stage}', dev]
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: src
      Environment:
        Variables:
          Fn::ForEach::Outer:
            - Stage
            - !Ref Stages
            - IS_\${Stage}: !If ['Is\${Stage}', yes, no]
              Fn::ForEach::Inner:
                - Colour
                - !FindInMap [Colours, !Ref Stage, All]
                - \${Stage}_\${Colour}: set
`,
    })
    const { functions, warnings } = await load(folder)
    t.same(warnings, [])
    t.same(functions[0]?.environment, {
      IS_dev: 'true',
      dev_red: 'set',
      IS_prod: 'false',
      prod_green: 'set',
      prod_blue: 'set',
    })
  },
)

const hello = `  Hello:
    Type: AWS::Serverless::Function
    Properties: { Runtime: nodejs22.x, Handler: index.handler, CodeUri: src }
`

t.test(
  'an included file stands in the place of the macro, and is a source of the project',
  async (t) => {
    const folder = projectWith(t, {
      'parts/properties.yaml': `Runtime: python3.12\nHandler: !Sub "\${AWS::Region}.handler"\nMemorySize: 512\n`,
      'parts/resources.json': '{"Included":{"Type":"AWS::DynamoDB::Table"}}',
      'template.yaml': `
Parameters: { Place: { Type: String, Default: parts } }
Resources:
  Fn::Transform: { Name: AWS::Include, Parameters: { Location: parts/resources.json } }
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Fn::Transform: { Name: AWS::Include, Parameters: { Location: !Sub './\${Place}/properties.yaml' } }
      MemorySize: 256
      CodeUri: src
      Environment: { Variables: { TABLE: !Ref Included } }
`,
    })
    const { functions, sources } = await load(folder)
    t.match(functions[0], {
      runtime: 'python3.12',
      handler: 'us-east-1.handler',
      memoryMb: 256,
      environment: { TABLE: 'local-Included' },
    })
    t.same(sources, [
      join(folder, 'template.yaml'),
      join(folder, 'parts/resources.json'),
      join(folder, 'parts/properties.yaml'),
    ])
  },
)

t.test(
  'a file on AWS is not included, and other macros have no effect: both are told',
  async (t) => {
    const folder = projectWith(t, {
      'template.yaml': `
Resources:
  Fn::Transform: { Name: AWS::Include, Parameters: { Location: 's3://bucket/x.yaml' } }
${hello.replace('CodeUri: src', 'CodeUri: src, "Fn::Transform": { Name: Mine }')}`,
    })
    const { functions, warnings } = await load(folder)
    t.equal(functions.length, 1)
    t.same(
      warnings.map(({ code, property }) => `${code} ${property}`),
      [
        'W_UNRESOLVED Resources.Hello.Properties.Fn::Transform',
        'W_UNRESOLVED Resources.Fn::Transform',
      ],
    )
  },
)

t.test('a template may include at its top', async (t) => {
  const folder = projectWith(t, {
    'more.yaml': 'Mappings: { Sizes: { a: { b: 1024 } } }\n',
    'template.yaml': `
Transform: [{ Name: AWS::Include, Parameters: { Location: more.yaml } }]
Resources:
${hello.replace('CodeUri: src', 'CodeUri: src, MemorySize: !FindInMap [Sizes, a, b]')}`,
  })
  t.equal((await load(folder)).functions[0]?.memoryMb, 1024)
})

t.test('a macro of the account is told, a transform of AWS is not', async (t) => {
  const folder = projectWith(t, {
    'template.yaml': `
Transform: [AWS::Serverless-2016-10-31, Mine]
Resources:
${hello}`,
  })
  const { warnings } = await load(folder)
  t.same(
    warnings.map(({ code, property }) => `${code} ${property}`),
    ['W_UNRESOLVED Transform'],
  )
  t.match(warnings[0]?.message, /the macro Mine runs only on AWS/)
})
