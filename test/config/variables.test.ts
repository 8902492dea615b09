// Environment variables from beside a project: read from files, laid over those of the source.

import { join } from 'node:path'
import t from 'tap'
import { load } from '../../src/config/load.js'
import { parseDotEnv, readDotEnvFile, readEnvVarsFile } from '../../src/config/variable-files.js'
import type { VariableLayer } from '../../src/domain/variable-layer.js'
import { projectWith } from './project.js'

const dotEnv: readonly (readonly [line: string, value: string | undefined])[] = [
  ['A=plain', 'plain'],
  ['A = spaced out  ', 'spaced out'],
  ['export A=exported', 'exported'],
  ['  A=indented', 'indented'],
  ['A=', ''],
  ['A=x # comment', 'x'],
  ['A=x#y', 'x#y'],
  ['A=#nothing', ''],
  ['# A=comment', undefined],
  ['A=a=b', 'a=b'],
  ['A="x # y" # comment', 'x # y'],
  ['A=\'single \\n "kept"\'', 'single \\n "kept"'],
  ['A="line\\nbreak\\t\\"q\\" \\\\ \\d"', 'line\nbreak\t"q" \\ \\d'],
  ['A=`both \' and "`', 'both \' and "'],
  ['A="two\nlines"', 'two\nlines'],
  ['A=\'{\n  "a": 1\n}\'', '{\n  "a": 1\n}'],
  ['A=$HOME', '$HOME'],
  ['A=x\r\nB=y', 'x'],
  ['\uFEFFA=x', 'x'],
  ['A=1\nA=2', '2'],
]

for (const [line, value] of dotEnv) {
  t.test(`${JSON.stringify(line)} sets A to ${JSON.stringify(value)}`, (t) => {
    t.equal(parseDotEnv('.env', line).A, value)
    t.end()
  })
}

const badDotEnv: readonly (readonly [text: string, message: RegExp])[] = [
  ['A=1\nB', /\.env:2: "B" sets no variable/],
  ['1A=x', /\.env:1: "1A=x" sets no variable/],
  ['A=1\n\nB="open\nC=2', /\.env:3: the value of B has no closing "/],
  ["A='x' y", /\.env:1: "y" stands behind the value of A/],
  ['A="two\nlines" y', /\.env:2: "y" stands behind the value of A/],
]

for (const [text, message] of badDotEnv) {
  t.test(`${JSON.stringify(text)} is refused at its line`, (t) => {
    t.throws(() => parseDotEnv('.env', text), { code: 'EMU_CONFIG_INVALID', message })
    t.end()
  })
}

t.test("SAM's file for --env-vars has variables for all and for single functions", async (t) => {
  const folder = projectWith(t, {
    'env.json': '{"Parameters":{"ALL":"x"},"Hello":{"ONE":1,"YES":true}}',
    'flat.json': '{"ALL":"x"}',
    'list.json': '{"Hello":\n ["ONE"]}',
    'deep.json': '{"Hello":{\n"ONE":{"a":1}}}',
  })
  t.same(await readEnvVarsFile(join(folder, 'env.json'), 'source'), {
    source: 'source',
    common: { ALL: 'x' },
    byFunction: { Hello: { ONE: '1', YES: 'true' } },
  })
  t.same(await readEnvVarsFile(join(folder, 'flat.json'), 'source'), {
    source: 'source',
    common: { ALL: 'x' },
    byFunction: {},
  })
  const invalid = (message: RegExp) => ({ code: 'EMU_CONFIG_INVALID', message })
  const read = (name: string) => readEnvVarsFile(join(folder, name), 'source')
  await t.rejects(read('list.json'), invalid(/list\.json:2: Hello is a list/))
  await t.rejects(read('deep.json'), invalid(/deep\.json:2: Hello\.ONE is a map/))
  await t.rejects(read('gone.json'), invalid(/gone\.json:1: the file does not exist/))
})

t.test('a .env file that is not there, or is a folder, is refused', async (t) => {
  const folder = projectWith(t, {})
  const gone = readDotEnvFile(join(folder, '.env'), '.env')
  await t.rejects(gone, { code: 'EMU_CONFIG_INVALID', message: /\.env:1: the file does not exist/ })
  const read = readDotEnvFile(join(folder, 'src'), '.env')
  await t.rejects(read, { code: 'EMU_CONFIG_INVALID', message: /src:1: it cannot be read/ })
})

const template = `
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: hello
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: src
      Environment: { Variables: { ONE: template, TWO: template, THREE: template } }
  Bare:
    Type: AWS::Serverless::Function
    Properties: { Runtime: nodejs22.x, Handler: index.handler, CodeUri: src }
`

t.test(
  'layers lie over the template in their order, and every variable knows its origin',
  async (t) => {
    const folder = projectWith(t, { 'template.yaml': template })
    const variables: readonly VariableLayer[] = [
      { source: '.env', common: { TWO: 'file', NEW: 'file' }, byFunction: {} },
      {
        source: '--env-vars',
        common: { NEW: 'all' },
        byFunction: { Hello: { NEW: 'by id' }, hello: { THREE: 'by name' } },
      },
    ]
    const { functions, warnings } = await load(folder, { variables })
    t.same(warnings, [])
    const [hello, bare] = functions
    t.same(hello?.environment, { ONE: 'template', TWO: 'file', THREE: 'by name', NEW: 'by id' })
    t.same(hello?.environmentOrigins, {
      ONE: 'template',
      TWO: '.env',
      THREE: '--env-vars',
      NEW: '--env-vars',
    })
    t.same(bare?.environment, { TWO: 'file', NEW: 'all' })
    t.same(bare?.environmentOrigins, { TWO: '.env', NEW: '--env-vars' })
  },
)

t.test('a function without any variable has no environment', async (t) => {
  const folder = projectWith(t, { 'template.yaml': template })
  const bare = (await load(folder)).functions[1]
  t.equal(bare?.environment, undefined)
  t.equal(bare?.environmentOrigins, undefined)
})

t.test("variables of strangers, and Lambda's own, are left out and told", async (t) => {
  const folder = projectWith(t, { 'template.yaml': template })
  const variables = [
    { source: '.env', common: { AWS_REGION: 'x' }, byFunction: { Helo: { A: 'b' } } },
  ]
  const { functions, warnings } = await load(folder, { variables })
  t.same(Object.keys(functions[0]?.environment ?? {}), ['ONE', 'TWO', 'THREE'])
  t.same(
    warnings.map(({ code, property }) => `${code} ${property}`),
    ['W_UNKNOWN_FUNCTION .env: Helo', 'W_NOT_EMULATED .env: AWS_REGION'],
  )
  t.match(warnings[0]?.message, /there is no function Helo; .* Did you mean Hello\?/)
})
