// Every kind of wrong input has its code, its line and an advice: one table.

import { join } from 'node:path'
import t from 'tap'
import { load } from '../../src/config/load.js'
import { EmulatorError } from '../../src/domain/emulator-error.js'
import { type BadInput, badSources, json, yaml } from './bad-sources.js'
import { projectWith } from './project.js'

const table: readonly BadInput[] = [
  ...badSources,
  {
    claim: 'a template that is a list is invalid',
    files: yaml('- a\n- b\n'),
    message: /template\.yaml:1: template is a list/,
  },
  {
    claim: 'a template without Resources is invalid',
    files: yaml('Description: nothing\n'),
    message: /template\.yaml:1: it has no Resources/,
    hint: /Resources section/,
  },
  {
    claim: 'Resources that are a list are invalid',
    files: yaml('Resources:\n  - a\n'),
    message: /template\.yaml:2: Resources is a list/,
  },
  {
    claim: 'a resource without a Type is invalid at its line',
    files: yaml('Resources:\n  A:\n    Properties: {}\n'),
    message: /template\.yaml:2: Resources\.A has no Type/,
  },
  {
    claim: 'Properties that are a text are invalid',
    files: yaml('Resources:\n  A:\n    Type: AWS::Serverless::Function\n    Properties: text\n'),
    message: /template\.yaml:4: Resources\.A\.Properties is "text"/,
  },
  {
    claim: 'a function without Runtime is invalid',
    files: json({ Runtime: undefined }),
    message: /Resources\.Hello\.Properties\.Runtime is missing/,
    hint: /nodejs22\.x/,
  },
  {
    claim:
      'a runtime that Lambda never had is invalid at its line, and the advice gives the right form',
    files: json({ Runtime: 'node22' }),
    message: /template\.json:6: .*node22 is not a runtime of Lambda/,
    hint: /nodejs22\.x/,
  },
  {
    claim: 'a runtime that only AWS can run is refused when nothing else is there',
    files: json({ Runtime: 'java21', Handler: 'a.B::c' }),
    code: 'EMU_RUNTIME_UNSUPPORTED',
    message: /function Hello: runtime java21/,
  },
  {
    claim: 'a function without Handler is invalid',
    files: json({ Handler: undefined }),
    message: /Resources\.Hello\.Properties\.Handler is missing/,
    hint: /file\.function/,
  },
  {
    claim: 'a handler without a function name is invalid',
    files: json({ Handler: 'index' }),
    message: /handler index names no function/,
  },
  {
    claim: 'a handler with blanks is invalid',
    files: json({ Handler: 'index. handler' }),
    message: /has blanks/,
  },
  {
    claim: 'a function without code is invalid',
    files: json({ CodeUri: undefined }),
    message: /Resources\.Hello\.Properties\.CodeUri is missing/,
  },
  {
    claim: 'code that does not exist has a code of its own',
    files: json({ CodeUri: 'nowhere' }),
    code: 'EMU_CODE_NOT_FOUND',
    message: /function Hello: its code .*nowhere does not exist/,
    hint: /relative to the template/,
  },
  {
    claim: 'code that is neither a folder nor a zip file is invalid',
    files: json({ CodeUri: 'src/index.js' }),
    message: /src\/index\.js is neither a folder nor a zip/,
  },
  {
    claim: 'code on AWS is invalid when nothing else is there',
    files: json({ CodeUri: 's3://bucket/key.zip' }),
    message: /function Hello: its code is on AWS/,
    hint: /local folder/,
  },
  {
    claim: 'code inside the template is invalid when nothing else is there',
    files: json({ InlineCode: 'exports.handler = 1' }),
    message: /code inside the template cannot be run here/,
  },
  {
    claim: 'a container image is invalid when nothing else is there',
    files: json({ PackageType: 'Image' }),
    message: /container images cannot be run/,
  },
  {
    claim: 'a memory size below 128 is invalid',
    files: json({ MemorySize: 64 }),
    message: /template\.json:\d+: .*MemorySize: 64 is out/,
    hint: /from 128 to 10240/,
  },
  {
    claim: 'a memory size above 10240 is invalid',
    files: json({ MemorySize: 10241 }),
    message: /MemorySize: 10241 is out/,
  },
  {
    claim: 'a memory size that is a word is invalid',
    files: json({ MemorySize: 'much' }),
    message: /MemorySize is "much"/,
    hint: /whole number/,
  },
  {
    claim: 'a timeout of zero is invalid',
    files: json({ Timeout: 0 }),
    message: /Timeout: 0 is out/,
    hint: /from 1 to 900/,
  },
  {
    claim: 'a timeout of half a second is invalid',
    files: json({ Timeout: 0.5 }),
    message: /Timeout is 0\.5/,
  },
  {
    claim: 'an environment without Variables around its names is invalid',
    files: json({ Environment: { TABLE: 'x' } }),
    message: /Environment\.TABLE: Environment has only one member/,
    hint: /below Variables/,
  },
  {
    claim: 'a variable that is a list is invalid',
    files: json({ Environment: { Variables: { LIST: [1] } } }),
    message: /Variables\.LIST is a list/,
  },
  {
    claim: 'a reserved variable is invalid',
    files: json({ Environment: { Variables: { AWS_REGION: 'x' } } }),
    message: /AWS_REGION is reserved/,
  },
  {
    claim: 'a variable whose name has a hyphen is invalid',
    files: json({ Environment: { Variables: { 'A-B': 'x' } } }),
    message: /"A-B" cannot be the name of an environment variable/,
  },
  {
    claim: 'variables of more than 4 KB are invalid',
    files: json({ Environment: { Variables: { LARGE: 'x'.repeat(4092) } } }),
    message: /take 4097 bytes/,
    hint: /4096/,
  },
  {
    claim: 'a temporary storage of 100 MB is invalid',
    files: json({ EphemeralStorage: { Size: 100 } }),
    message: /EphemeralStorage\.Size: 100 is out/,
  },
  {
    claim: 'an unknown architecture is invalid',
    files: json({ Architectures: ['riscv'] }),
    message: /Architectures is riscv/,
    hint: /x86_64 and arm64/,
  },
  {
    claim: 'two architectures are invalid',
    files: json({ Architectures: ['x86_64', 'arm64'] }),
    message: /Architectures is x86_64, arm64/,
  },
  {
    claim: 'an unknown log format is invalid',
    files: json({ LoggingConfig: { LogFormat: 'XML' } }),
    message: /LogFormat is "XML"/,
    hint: /Text or JSON/,
  },
  {
    claim: 'an unknown log level is invalid',
    files: json({ LoggingConfig: { LogFormat: 'JSON', ApplicationLogLevel: 'LOUD' } }),
    message: /ApplicationLogLevel is "LOUD"/,
    hint: /TRACE or DEBUG or INFO/,
  },
  {
    claim: 'a system log level that only applications have is invalid',
    files: json({ LoggingConfig: { LogFormat: 'JSON', SystemLogLevel: 'ERROR' } }),
    message: /SystemLogLevel is "ERROR"/,
    hint: /DEBUG or INFO or WARN/,
  },
  {
    claim: 'a log level in Text format is invalid',
    files: json({ LoggingConfig: { LogFormat: 'Text', ApplicationLogLevel: 'INFO' } }),
    message: /ApplicationLogLevel: Lambda has no log level when the log format is Text/,
    hint: /set LogFormat to JSON/,
  },
  {
    claim: 'a log group with a space is invalid',
    files: json({ LoggingConfig: { LogGroup: 'my logs' } }),
    message: /"my logs" cannot be the name of a log group/,
  },
  {
    claim: 'a function name with a space is invalid',
    files: json({ FunctionName: 'my function' }),
    message: /"my function" cannot be the name/,
  },
  {
    claim: 'a description of 257 characters is invalid',
    files: json({ Description: 'x'.repeat(257) }),
    message: /Description: it has 257 characters/,
  },
  {
    claim: 'six layers are invalid',
    files: json({ Layers: Array.from({ length: 6 }, () => 'arn:aws:lambda:r:1:layer:x:1') }),
    message: /Layers: it names 6 layers/,
  },
  {
    claim: 'a layer that is no ARN is invalid',
    files: json({ Layers: ['my-layer'] }),
    message: /Layers\.0 is "my-layer"/,
  },
  {
    claim: 'a layer of the template without its content is invalid',
    files: yaml(`Resources:
  Deps: { Type: AWS::Serverless::LayerVersion, Properties: { ContentUri: gone } }
  A:
    Type: AWS::Serverless::Function
    Properties: { Runtime: nodejs22.x, Handler: a.b, CodeUri: src, Layers: [!Ref Deps] }
`),
    message: /template\.yaml:5: .*content .*gone of the layer does not exist/,
  },
  {
    claim: 'a handler that only AWS can work out is invalid',
    files: yaml(`Resources:
  A:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: !ImportValue handler
      CodeUri: src
`),
    message: /template\.yaml:6: .*Handler: !ImportValue handler has no value here/,
  },
  {
    claim: 'a condition that is not there is invalid at the line of the resource',
    files: yaml(`Conditions: { IsProd: !Equals [a, b] }
Resources:
  A:
    Type: AWS::DynamoDB::Table
    Condition: IsPrd
`),
    message: /template\.yaml:5: there is no condition IsPrd/,
    hint: /did you mean IsProd/,
  },
  {
    claim: 'conditions that need each other are invalid',
    files: yaml(`Conditions:
  A: !Not [!Condition B]
  B: !And [!Condition A, !Equals [a, a]]
Resources: { T: { Type: AWS::DynamoDB::Table } }
`),
    message: /template\.yaml:2: condition A → B → A needs itself/,
    hint: /circle/,
  },
  {
    claim: 'a condition that is a word is invalid',
    files: yaml('Conditions:\n  A: yes\nResources: {}\n'),
    message: /template\.yaml:2: Conditions\.A is true/,
    hint: /Fn::Equals/,
  },
  {
    claim: 'Equals of three values is invalid',
    files: yaml('Conditions:\n  A: !Equals [a, b, c]\nResources: {}\n'),
    message: /template\.yaml:2: Conditions\.A: Fn::Equals has 3 values/,
  },
  {
    claim: 'And of one condition is invalid',
    files: yaml('Conditions:\n  A: !And [!Equals [a, b]]\nResources: {}\n'),
    message: /Conditions\.A: Fn::And has 1 conditions/,
    hint: /from 2 to 10/,
  },
  {
    claim: 'Not of two conditions is invalid',
    files: yaml('Conditions:\n  A: !Not [!Equals [a, b], !Equals [a, b]]\nResources: {}\n'),
    message: /Conditions\.A: Fn::Not has 2 conditions/,
    hint: /one condition/,
  },
  {
    claim: 'Conditions that are a list are invalid',
    files: yaml('Conditions: []\nResources: {}\n'),
    message: /template\.yaml:1: template\.Conditions is a list/,
  },
  {
    claim: 'Mappings that are a text are invalid',
    files: yaml('Mappings: text\nResources: {}\n'),
    message: /template\.yaml:1: template\.Mappings is "text"/,
  },
  {
    claim: 'a loop without the transform is invalid',
    files: yaml('Resources:\n  Fn::ForEach::All:\n    - X\n    - [a]\n    - {}\n'),
    message: /template\.yaml:2: Fn::ForEach::All needs AWS::LanguageExtensions/,
    hint: /Transform/,
  },
  {
    claim: 'a loop of a wrong form is invalid',
    files: yaml('Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::All: [X, [a]]\n'),
    message: /template\.yaml:3: Fn::ForEach::All is a list/,
    hint: /name of its variable/,
  },
  {
    claim: 'a loop that gives one name twice is invalid',
    files: yaml(`Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::All: [X, [a, b], { Same: { Type: AWS::DynamoDB::Table } }]
`),
    message: /template\.yaml:3: Same comes out of a loop more than once/,
  },
  {
    claim: 'a loop over what has no value is invalid',
    files: yaml(`Transform: AWS::LanguageExtensions
Parameters: { All: { Type: CommaDelimitedList } }
Resources:
  Fn::ForEach::All: [X, !Ref All, { 'T\${X}': { Type: AWS::DynamoDB::Table } }]
`),
    message: /template\.yaml:4: Fn::ForEach::All goes over !Ref All, which has no value here/,
    hint: /--parameter/,
  },
  {
    claim: 'an included file that is not there is invalid',
    files: yaml(`Resources:
  Fn::Transform: { Name: AWS::Include, Parameters: { Location: gone.yaml } }
`),
    message: /template\.yaml:2: the included file .*gone\.yaml does not exist/,
    hint: /relative to the template/,
  },
  {
    claim: 'an included file that cannot be parsed is invalid at its own line',
    files: {
      ...yaml(`Resources:
  Fn::Transform: { Name: AWS::Include, Parameters: { Location: part.yaml } }
`),
      'part.yaml': 'A:\n  - b\n c\n',
    },
    message: /part\.yaml:3: /,
  },
  {
    claim: 'a file that includes itself is invalid',
    files: {
      ...yaml(`Resources:
  Fn::Transform: { Name: AWS::Include, Parameters: { Location: part.yaml } }
`),
      'part.yaml': 'Fn::Transform: { Name: AWS::Include, Parameters: { Location: part.yaml } }\n',
    },
    message: /template\.yaml:2: part\.yaml includes itself/,
  },
  {
    claim: 'an include without a Location is invalid',
    files: yaml('Resources:\n  Fn::Transform: { Name: AWS::Include }\n'),
    message: /template\.yaml:2: the Location of AWS::Include is missing/,
  },
  {
    claim: 'layers that are a text are invalid',
    files: json({ Layers: 'arn:aws:lambda:r:1:layer:x:1' }),
    message: /Properties\.Layers is "arn/,
    hint: /list/,
  },
  {
    claim: 'Globals that are a list are invalid',
    files: yaml('Globals: []\nResources: {}\n'),
    message: /template\.yaml:1: template\.Globals is a list/,
  },
  {
    claim: 'two functions of one name are invalid',
    files: yaml(`Resources:
  A:
    Type: AWS::Serverless::Function
    Properties: &p { Runtime: nodejs22.x, Handler: a.b, CodeUri: src, FunctionName: same }
  B:
    Type: AWS::Serverless::Function
    Properties: *p
`),
    message: /A and B are both called same/,
  },
  {
    claim: 'an anchor that does not exist is invalid',
    files: yaml('Resources:\n  A: *gone\n'),
    message: /template\.yaml:2: /,
  },
]

for (const { claim, files, code, message, hint } of table) {
  t.test(claim, async (t) => {
    const folder = projectWith(t, files)
    const [name = ''] = Object.keys(files)
    const error: unknown = await load(join(folder, name)).then(
      () => undefined,
      (thrown) => thrown,
    )
    t.ok(error instanceof EmulatorError, `it throws an EmulatorError, not ${error}`)
    if (!(error instanceof EmulatorError)) return
    t.equal(error.code, code ?? 'EMU_CONFIG_INVALID')
    t.equal(error.exitCode, 2)
    t.match(error.message, message)
    t.ok(error.hint.length > 3, 'it gives an advice')
    if (hint !== undefined) t.match(error.hint, hint)
  })
}

t.test('a path where nothing is has a code of its own', async (t) => {
  const folder = projectWith(t, {})
  await t.rejects(load(join(folder, 'gone')), { code: 'EMU_CONFIG_NOT_FOUND' })
})
