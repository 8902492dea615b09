// Parameters of a template: which value they take, and which they refuse.

import t from 'tap'
import { load } from '../../src/config/load.js'
import { EmulatorError } from '../../src/domain/emulator-error.js'
import { projectWith } from './project.js'

/** The parameter P, its members as YAML; VALUE and LIST show it. */
function template(members: string, list = false): string {
  return `
Parameters:
  Stage: { Type: String, Default: dev }
  P: { ${members} }
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: src
      Environment: { Variables: { VALUE: ${list ? "!Join ['|', !Ref P]" : '!Ref P'} } }
`
}

interface Good {
  readonly members: string
  readonly given?: string
  readonly list?: true
  readonly gives: string
}

const good: readonly Good[] = [
  { members: 'Type: String, Default: a', gives: 'a' },
  { members: 'Type: String, Default: a', given: 'b', gives: 'b' },
  { members: 'Type: String, Default: a', given: '', gives: '' },
  { members: "Type: String, Default: ''", gives: '' },
  { members: 'Type: String', given: 'b', gives: 'b' },
  { members: 'Type: Number, Default: 3', gives: '3' },
  { members: 'Type: Number, MinValue: 1, MaxValue: 5', given: '4.5', gives: '4.5' },
  { members: "Type: CommaDelimitedList, Default: 'a, b ,c'", list: true, gives: 'a|b|c' },
  { members: 'Type: List<Number>', given: '1,2', list: true, gives: '1|2' },
  { members: 'Type: List<AWS::EC2::Subnet::Id>', given: 's-1,s-2', list: true, gives: 's-1|s-2' },
  { members: 'Type: AWS::EC2::VPC::Id, Default: vpc-1', gives: 'vpc-1' },
  { members: 'Type: String, AllowedValues: [a, b]', given: 'b', gives: 'b' },
  {
    members: 'Type: CommaDelimitedList, AllowedValues: [a, b]',
    given: 'b,a',
    list: true,
    gives: 'b|a',
  },
  { members: "Type: String, AllowedPattern: '[a-z]+'", given: 'abc', gives: 'abc' },
  { members: 'Type: String, MinLength: 2, MaxLength: 3', given: 'abc', gives: 'abc' },
  { members: 'Type: AWS::SSM::Parameter::Value<String>, Default: /a', given: 'v', gives: 'v' },
  {
    members: 'Type: AWS::SSM::Parameter::Value<List<String>>',
    given: 'v,w',
    list: true,
    gives: 'v|w',
  },
  { members: 'Type: AWS::SSM::Parameter::Name, Default: /a', gives: '/a' },
]

for (const { members, given, list, gives } of good) {
  const claim = given === undefined ? 'its Default' : `given ${JSON.stringify(given)}`
  t.test(`${members}: ${claim} gives ${JSON.stringify(gives)}`, async (t) => {
    const folder = projectWith(t, { 'template.yaml': template(members, list) })
    const parameters = given === undefined ? {} : { P: given }
    const { functions, warnings } = await load(folder, { parameters })
    t.same(warnings, [])
    t.equal(functions[0]?.environment?.VALUE, gives)
  })
}

interface Bad {
  readonly members: string
  readonly given?: string
  readonly message: RegExp
  readonly hint: RegExp
}

const bad: readonly Bad[] = [
  {
    members: 'Type: String, AllowedValues: [a, b]',
    given: 'c',
    message: /Parameters\.P: the given value "c" is not allowed/,
    hint: /allowed are a, b/,
  },
  {
    members: 'Type: String, AllowedValues: [a, b], Default: c',
    message: /Parameters\.P: its Default "c" is not allowed/,
    hint: /allowed are a, b/,
  },
  {
    members: 'Type: CommaDelimitedList, AllowedValues: [a, b]',
    given: 'a,x',
    message: /"x" is not allowed/,
    hint: /allowed are a, b/,
  },
  {
    members: "Type: String, AllowedPattern: '[a-z]+'",
    given: 'abc1',
    message: /"abc1" is not allowed/,
    hint: /must match \[a-z\]\+/,
  },
  {
    members: 'Type: String, MinLength: 2',
    given: 'a',
    message: /"a" is not allowed/,
    hint: /at least 2 characters/,
  },
  {
    members: 'Type: String, MaxLength: 2',
    given: 'abc',
    message: /"abc" is not allowed/,
    hint: /at most 2 characters/,
  },
  {
    members: 'Type: Number',
    given: 'many',
    message: /"many" is not allowed/,
    hint: /give a number/,
  },
  {
    members: 'Type: Number, MinValue: 5',
    given: '4',
    message: /"4" is not allowed/,
    hint: /from 5/,
  },
  {
    members: 'Type: Number, MaxValue: 5',
    given: '6',
    message: /"6" is not allowed/,
    hint: /up to 5/,
  },
  {
    members: 'Type: List<Number>',
    given: '1,x',
    message: /"x" is not allowed/,
    hint: /give a number/,
  },
  {
    members: 'Type: String, MinLength: 9, NoEcho: true',
    given: 'secret',
    message: /the given value is not allowed$/,
    hint: /at least 9/,
  },
  {
    members: "Type: String, MinLength: 9, ConstraintDescription: 'longer, please'",
    given: 'a',
    message: /not allowed/,
    hint: /longer, please/,
  },
  { members: 'Default: a', message: /Parameters\.P has no Type/, hint: /such as String/ },
  {
    members: 'Type: Strng',
    message: /Strng is not a type of parameters/,
    hint: /did you mean String/,
  },
  {
    members: 'Type: String, Default: [a]',
    message: /Parameters\.P\.Default is a list/,
    hint: /commas/,
  },
  {
    members: 'Type: String, AllowedValues: a',
    given: 'a',
    message: /AllowedValues is "a"/,
    hint: /list/,
  },
  {
    members: 'Type: Number, MinValue: low',
    given: '1',
    message: /MinValue is "low"/,
    hint: /number/,
  },
]

for (const { members, given, message, hint } of bad) {
  t.test(`${members}: ${given ?? 'its Default'} is refused`, async (t) => {
    const folder = projectWith(t, { 'template.yaml': template(members) })
    const error = await failure(folder, given === undefined ? {} : { P: given })
    t.equal(error?.code, 'EMU_CONFIG_INVALID')
    t.match(error?.message, message)
    t.match(error?.message, /template\.yaml:4: /)
    t.match(error?.hint, hint)
  })
}

async function failure(
  folder: string,
  parameters: Readonly<Record<string, string>>,
): Promise<EmulatorError | undefined> {
  try {
    await load(folder, { parameters })
    return undefined
  } catch (error) {
    return error instanceof EmulatorError ? error : undefined
  }
}

t.test('a parameter that the template does not have is refused by its name', async (t) => {
  const folder = projectWith(t, { 'template.yaml': template('Type: String, Default: a') })
  const error = await failure(folder, { Stgae: 'prod' })
  t.equal(error?.code, 'EMU_USAGE')
  t.match(error?.message, /no parameter Stgae in .*template\.yaml; did you mean Stage\?/)
  t.match((await failure(folder, { Nothing: 'x' }))?.message, /it has Stage, P/)
})

t.test('a parameter without a value matters only where it is used', async (t) => {
  const folder = projectWith(t, {
    'template.yaml': `
Parameters: { Unused: { Type: String } }
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties: { Runtime: nodejs22.x, Handler: index.handler, CodeUri: src }
`,
  })
  t.same((await load(folder)).warnings, [])
})

t.test('a value in the parameter store of AWS, and an unknown member, are told', async (t) => {
  const members = 'Type: AWS::SSM::Parameter::Value<String>, Default: /a, Dfault: /b'
  const folder = projectWith(t, { 'template.yaml': template(members) })
  const { functions, warnings } = await load(folder)
  t.same(functions[0]?.environment, {})
  t.same(
    warnings.map(({ code, property }) => `${code} ${property}`),
    [
      'W_UNKNOWN_PROPERTY Parameters.P.Dfault',
      'W_UNRESOLVED Resources.Hello.Properties.Environment.Variables.VALUE',
    ],
  )
  t.match(warnings[0]?.message, /Did you mean Default\?/)
  t.match(warnings[1]?.message, /AWS's parameter store/)
})

t.test("a pattern in Java's own syntax is not checked, and that is told", async (t) => {
  const folder = projectWith(t, {
    'template.yaml': template("Type: String, Default: a, AllowedPattern: '[a-z]++'"),
  })
  const { warnings } = await load(folder)
  t.equal(warnings[0]?.property, 'Parameters.P.AllowedPattern')
})
