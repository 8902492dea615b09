// Every kind of wrong input has its code, its line and an advice: one table.

import { join } from 'node:path'
import t from 'tap'
import { load } from '../../src/config/load.js'
import { EmulatorError } from '../../src/domain/emulator-error.js'
import { projectWith, templateWith } from './project.js'

interface BadInput {
  readonly claim: string
  /** File name → text; the first one is loaded. */
  readonly files: Readonly<Record<string, string>>
  readonly code?: string
  readonly message: RegExp
  readonly hint?: RegExp
}

const yaml = (text: string) => ({ 'template.yaml': text })
const json = (changes: Readonly<Record<string, unknown>>) => ({
  'template.json': templateWith(changes),
})
const own = (functions: unknown, more: object = {}) => ({
  'lambda-emu.json': JSON.stringify({ functions, ...more }, null, 1),
})
const good = { runtime: 'nodejs22.x', handler: 'index.handler', code: 'src' }

const table: readonly BadInput[] = [
  {
    claim: 'a file that ends in the middle of a list is invalid at that line',
    files: yaml('Resources:\n  Hello:\n    Type: [AWS::Serverless::Function\n'),
    message: /template\.yaml:[34]: /,
    hint: /YAML/,
  },
  {
    claim: 'wrong indentation is invalid at its line',
    files: yaml('Resources:\n  Hello:\n    Type: x\n   Other: y\n'),
    message: /template\.yaml:4: /,
  },
  {
    claim: 'a key given twice is invalid at its second line',
    files: yaml('Resources:\n  A:\n    Type: x\n  A:\n    Type: y\n'),
    message: /template\.yaml:4: /,
  },
  {
    claim: 'a broken JSON file is invalid, and the advice speaks of JSON',
    files: { 'template.json': '{\n  "Resources": {\n    "A": \n}' },
    message: /template\.json:\d: /,
    hint: /JSON/,
  },
  {
    claim: 'an unknown short tag is invalid at its line',
    files: yaml('Resources:\n  A:\n    Type: !Rfe X\n'),
    message: /template\.yaml:3: !Rfe is not a tag/,
  },
  {
    claim: 'an empty file is invalid',
    files: yaml(''),
    message: /template\.yaml:1: the file is empty/,
  },
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
    message: /code inside the template/,
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
  {
    claim: 'a lambda-emu.json without functions is invalid',
    files: { 'lambda-emu.json': '{}' },
    message: /lambda-emu\.json:1: it has no functions/,
  },
  {
    claim: 'an unknown member of lambda-emu.json is invalid, and the advice guesses the right one',
    files: own({ hello: { ...good, memoryMB: 128, timeout: 3 } }, {}),
    message: /functions\.hello\.memoryMB: there is no such member/,
    hint: /did you mean memoryMb/,
  },
  {
    claim: 'a member beside functions that nobody knows is invalid',
    files: own({ hello: good }, { port: 3001 }),
    message: /file\.port: there is no such member/,
  },
  {
    claim: 'a function in lambda-emu.json without code is invalid',
    files: own({ hello: { ...good, code: undefined } }),
    message: /functions\.hello\.code is missing/,
  },
  {
    claim: 'a list of functions in lambda-emu.json is invalid',
    files: own([good]),
    message: /functions is a list/,
  },
  {
    claim: 'a runtime that only AWS can run is refused in lambda-emu.json too',
    files: own({ hello: { ...good, runtime: 'ruby3.4' } }),
    code: 'EMU_RUNTIME_UNSUPPORTED',
    message: /ruby3\.4/,
  },
  {
    claim: 'a layer folder of lambda-emu.json that does not exist is invalid',
    files: own({ hello: { ...good, layers: ['gone'] } }),
    message: /functions\.hello\.layers: .*gone does not exist/,
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
