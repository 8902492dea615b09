// Where a setting's value comes from: every kind of setting, every place, every complaint.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  flagOf,
  parameterOverrides,
  resolveSettings,
  type SettingSources,
  settingNames,
  settings,
  variableOf,
} from '../../src/config/settings.js'
import { readSettingsFile } from '../../src/config/settings-file.js'
import { EmulatorError } from '../../src/domain/emulator-error.js'
import { temporaryFolder } from '../support/in-process.js'
import { repositoryRoot } from '../support/paths.js'

function fileWith(entries: Readonly<Record<string, unknown>>) {
  const lines = Object.entries(entries).map(([name, value], at) => [
    name,
    { line: at + 3, value },
  ]) as [string, { line: number; value: unknown }][]
  return { path: '/app/lambda-emu.json', entries: new Map(lines) }
}

function resolve(sources: Partial<SettingSources>) {
  return resolveSettings({ flags: {}, variables: {}, ...sources })
}

function originOf(sources: Partial<SettingSources>, setting: string) {
  return resolve(sources).shown.find((each) => each.setting === setting)?.origin
}

t.test('a flag wins over the environment, that over the file, that over the default', async (t) => {
  const flags = { httpPort: '4001' }
  const variables = { LAMBDA_EMU_HTTP_PORT: '4002' }
  const file = fileWith({ httpPort: 4003 })
  const table: [Partial<SettingSources>, number, object][] = [
    [{ flags, variables, file }, 4001, { from: 'flag', flag: '--http-port' }],
    [{ variables, file }, 4002, { from: 'environment', variable: 'LAMBDA_EMU_HTTP_PORT' }],
    [{ file }, 4003, { from: 'file', path: '/app/lambda-emu.json', line: 3 }],
    [{}, 3000, { from: 'default' }],
  ]
  for (const [sources, value, origin] of table) {
    t.equal(resolve(sources).values.httpPort, value)
    t.same(originOf(sources, 'httpPort'), origin)
  }
})

t.test('every kind of setting is read from every place', async (t) => {
  const file = fileWith({ watch: false, envFile: ['a.env', 'b.env'], memoryBudget: 128 })
  t.match(resolve({ file }).values, {
    watch: false,
    envFile: ['a.env', 'b.env'],
    memoryBudget: 128,
  })
  const variables = {
    LAMBDA_EMU_WATCH: 'off',
    LAMBDA_EMU_STRICT: '1',
    LAMBDA_EMU_ENV_FILE: 'a.env:b.env',
    LAMBDA_EMU_PARAMETER: 'Stage=dev Greeting="hello world"',
    LAMBDA_EMU_FREEZE: 'signal',
    LAMBDA_EMU_HOST: '',
  }
  t.match(resolve({ variables }).values, {
    watch: false,
    strict: true,
    envFile: ['a.env', 'b.env'],
    parameter: { Stage: 'dev', Greeting: 'hello world' },
    freeze: 'signal',
    host: '127.0.0.1',
  })
  const flags = { parameter: ['A=1', 'B=x = y'], env: 'N=', envVars: 'v.json', cpu: false }
  t.match(resolve({ flags }).values, {
    parameter: { A: '1', B: 'x = y' },
    env: { N: '' },
    envVars: ['v.json'],
    cpu: false,
  })
})

t.test('pairs are merged name by name, each with its own origin', async (t) => {
  const { values, shown } = resolve({
    flags: { parameter: 'Stage=prod' },
    file: fileWith({ parameter: { Stage: 'dev', Size: 3 } }),
  })
  t.same(values.parameter, { Stage: 'prod', Size: '3' })
  t.same(
    shown
      .filter(({ setting }) => setting === 'parameter')
      .map(({ member, origin }) => [member, origin.from]),
    [
      ['Stage', 'flag'],
      ['Size', 'file'],
    ],
  )
})

t.test('the region is taken from the variables of AWS, after our own', async (t) => {
  t.equal(resolve({ variables: { AWS_DEFAULT_REGION: 'eu-west-1' } }).values.region, 'eu-west-1')
  const both = { AWS_REGION: 'eu-central-1', AWS_DEFAULT_REGION: 'eu-west-1' }
  t.equal(resolve({ variables: both }).values.region, 'eu-central-1')
  const ours = { ...both, LAMBDA_EMU_REGION: 'us-west-2' }
  t.equal(resolve({ variables: ours }).values.region, 'us-west-2')
  t.equal(resolve({}).values.region, undefined)
})

t.test('ports are given with commas, or as a list in the file, and each counts once', async (t) => {
  const relay = (raw: unknown) => resolve({ flags: { relay: raw } }).values.relay
  t.equal(relay('5432, 8000,5432'), '5432,8000')
  t.equal(relay(5432), '5432')
  t.equal(relay([5432, '8000,9200']), '5432,8000,9200')
  t.equal(resolve({}).values.relay, undefined)
})

t.test('what cannot be a value is refused in one sentence that names its place', async (t) => {
  const table: [Partial<SettingSources>, string, RegExp][] = [
    [{ flags: { httpPort: 'x' } }, 'EMU_USAGE', /^--http-port x is not a port from 0 to 65535$/],
    [{ flags: { lambdaPort: '65536' } }, 'EMU_USAGE', /^--lambda-port 65536 is not a port/],
    [{ flags: { lambdaPort: '-1' } }, 'EMU_USAGE', /^--lambda-port -1 is not a port/],
    [{ flags: { account: '12' } }, 'EMU_USAGE', /^--account 12 is not twelve digits$/],
    [{ flags: { memoryBudget: '63' } }, 'EMU_USAGE', /63 is not a whole number of MB from 64 on$/],
    [
      { flags: { freezeGrace: '-1' } },
      'EMU_USAGE',
      /-1 is not a whole number of ms from 0 to 1000$/,
    ],
    [{ flags: { freezeGrace: '1001' } }, 'EMU_USAGE', /^--freeze-grace 1001 is not a whole number/],
    [
      { flags: { relay: '5432,x' } },
      'EMU_USAGE',
      /^--relay 5432,x is not ports from 1 to 65535 with commas between them$/,
    ],
    [{ flags: { relay: '0' } }, 'EMU_USAGE', /^--relay 0 is not ports from 1/],
    [{ variables: { LAMBDA_EMU_RELAY: '70000' } }, 'EMU_USAGE', /^LAMBDA_EMU_RELAY=70000 is not/],
    [{ flags: { parameter: 'Stage' } }, 'EMU_USAGE', /^--parameter Stage is not NAME=VALUE$/],
    [{ flags: { env: ['A=1', '=2'] } }, 'EMU_USAGE', /^--env =2 is not NAME=VALUE$/],
    [{ flags: { host: '' } }, 'EMU_USAGE', /^--host {2}is not a text$/],
    [
      { variables: { LAMBDA_EMU_WATCH: 'maybe' } },
      'EMU_USAGE',
      /^LAMBDA_EMU_WATCH=maybe is not true or false$/,
    ],
    [
      { variables: { LAMBDA_EMU_FREEZE: 'v3' } },
      'EMU_USAGE',
      /^LAMBDA_EMU_FREEZE=v3 is not one of v2, v1, signal, none$/,
    ],
    [
      { file: fileWith({ httpPort: 'x' }) },
      'EMU_CONFIG_INVALID',
      /^\/app\/lambda-emu\.json:3: start\.httpPort is "x"$/,
    ],
    [
      { file: fileWith({ parameter: ['A'] }) },
      'EMU_CONFIG_INVALID',
      /start\.parameter is \["A"\]$/,
    ],
    [{ file: fileWith({ host: { a: 1 } }) }, 'EMU_CONFIG_INVALID', /start\.host is \{"a":1\}$/],
    [{ file: fileWith({ htpPort: 1 }) }, 'EMU_CONFIG_INVALID', /start\.htpPort: there is no such/],
  ]
  for (const [sources, code, sentence] of table) {
    try {
      resolve(sources)
      t.fail(`${sentence} is refused`)
    } catch (error) {
      t.ok(error instanceof EmulatorError)
      t.match(error, { code, message: sentence })
    }
  }
  try {
    resolve({ file: fileWith({ htpPort: 1 }) })
    t.fail('a misspelt setting is refused')
  } catch (error) {
    t.match(error, { hint: 'did you mean httpPort?' })
  }
})

t.test('parameters are read in all forms of SAM', async (t) => {
  const table: [readonly string[], readonly string[]][] = [
    [
      ['A=1', 'B=2'],
      ['A=1', 'B=2'],
    ],
    [['A=1 B=2'], ['A=1', 'B=2']],
    [['A="x y" B=2'], ['A=x y', 'B=2']],
    [['A=x y'], ['A=x y']],
    [
      ['ParameterKey=A,ParameterValue=1', 'ParameterKey=B,ParameterValue=2'],
      ['A=1', 'B=2'],
    ],
    [['ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue="x y"'], ['A=1', 'B=x y']],
    [['A=a,b,c'], ['A=a,b,c']],
  ]
  for (const [words, pairs] of table) t.same(parameterOverrides(words), pairs, words.join(' '))
})

t.test('lambda-emu.json gives its start member with the lines of its settings', async (t) => {
  const folder = temporaryFolder(t)
  t.equal(readSettingsFile(folder), undefined)
  const path = join(folder, 'lambda-emu.json')
  writeFileSync(
    path,
    '{\n "start": {\n  "httpPort": 4000,\n  "parameter": { "Stage": "dev" }\n }\n}',
  )
  const entries = [
    ['httpPort', { line: 3, value: 4000 }],
    ['parameter', { line: 4, value: { Stage: 'dev' } }],
  ]
  t.same([...(readSettingsFile(folder)?.entries ?? [])], entries)
  writeFileSync(join(folder, 'template.yaml'), 'Resources: {}')
  t.same([...(readSettingsFile(join(folder, 'template.yaml'))?.entries ?? [])], entries)
  t.same([...(readSettingsFile(path)?.entries ?? [])], entries)
  writeFileSync(path, '{ "start": 3 }')
  t.throws(() => readSettingsFile(folder), { code: 'EMU_CONFIG_INVALID', message: /:1: start is/ })
  mkdirSync(join(folder, 'none'))
  t.equal(readSettingsFile(join(folder, 'none')), undefined)
})

t.test('the schema of lambda-emu.json knows exactly these settings', async (t) => {
  const text = readFileSync(join(repositoryRoot, 'src/config/lambda-emu.schema.json'), 'utf8')
  const { start } = JSON.parse(text).properties
  t.same(Object.keys(start.properties), settingNames)
  t.equal(start.additionalProperties, false)
  for (const name of settingNames) {
    const spec = settings[name]
    if ('default' in spec) t.equal(start.properties[name].default, spec.default, name)
    if ('choices' in spec) t.same(start.properties[name].enum, spec.choices, name)
  }
})

t.test('flags and variables are named after their setting', async (t) => {
  t.equal(flagOf('memoryBudget'), '--memory-budget')
  t.equal(variableOf('memoryBudget'), 'LAMBDA_EMU_MEMORY_BUDGET')
  t.equal(flagOf('freezeGrace'), '--freeze-grace')
  t.equal(resolve({ flags: { freezeGrace: 0 } }).values.freezeGrace, 0)
})
