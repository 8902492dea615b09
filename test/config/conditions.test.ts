// Conditions: what each function comes to, and which resources are there.

import { join } from 'node:path'
import t from 'tap'
import { load } from '../../src/config/load.js'
import { projectWith } from './project.js'

const table: readonly (readonly [condition: string, value: boolean])[] = [
  ['!Equals [a, a]', true],
  ['!Equals [a, b]', false],
  ["!Equals [1, '1']", true],
  ['!Equals [!Ref Stage, dev]', true],
  ["!Equals [!Join ['', [d, ev]], !Ref Stage]", true],
  ['!Equals [!Ref Zones, [a, b]]', true],
  ['!Not [!Equals [a, a]]', false],
  ['!Not [!Equals [a, b]]', true],
  ['!And [!Equals [a, a], !Equals [b, b]]', true],
  ['!And [!Equals [a, a], !Equals [b, c]]', false],
  ['!And [!Equals [!Ref Empty, a], !Equals [b, c]]', false],
  ['!Or [!Equals [a, b], !Equals [b, b]]', true],
  ['!Or [!Equals [a, b], !Equals [b, c], !Equals [c, d]]', false],
  ['!Or [!Equals [!Ref Empty, a], !Equals [b, b]]', true],
  ['!Condition Truly', true],
  ['{ Condition: Falsely }', false],
  ['!And [{ Condition: Truly }, !Not [!Condition Falsely]]', true],
  ['!Equals [!FindInMap [Map, dev, Size], 3]', true],
]

for (const [condition, value] of table) {
  t.test(`${condition} is ${value}`, async (t) => {
    const folder = projectWith(t, {
      'template.yaml': `
Parameters:
  Stage: { Type: String, Default: dev }
  Empty: { Type: String }
  Zones: { Type: CommaDelimitedList, Default: 'a,b' }
Mappings: { Map: { dev: { Size: 3 } } }
Conditions:
  Truly: !Equals [1, 1]
  Falsely: !Equals [1, 2]
  Asked: ${condition}
Resources:
  Always:
    Type: AWS::Serverless::Function
    Properties: &p { Runtime: nodejs22.x, Handler: index.handler, CodeUri: src }
  Sometimes: { Type: AWS::Serverless::Function, Condition: Asked, Properties: *p }
`,
    })
    const { functions, warnings } = await load(folder)
    t.same(warnings, [])
    const names = functions.map(({ logicalId }) => logicalId)
    t.same(names, value ? ['Always', 'Sometimes'] : ['Always'])
  })
}

t.test('a resource whose condition has no value is there, with a warning', async (t) => {
  const folder = projectWith(t, {
    'template.yaml': `
Parameters: { Stage: { Type: String } }
Conditions: { IsProd: !Equals [!Ref Stage, prod] }
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Condition: IsProd
    Properties: { Runtime: nodejs22.x, Handler: index.handler, CodeUri: src }
`,
  })
  const { functions, warnings } = await load(folder)
  t.equal(functions.length, 1)
  t.equal(warnings.length, 1)
  t.equal(warnings[0]?.code, 'W_UNRESOLVED')
  t.equal(warnings[0]?.property, 'Resources.Hello.Condition')
  t.match(warnings[0]?.message, /parameter Stage has no Default and is not given/)
  t.equal((await load(folder, { parameters: { Stage: 'prod' } })).warnings.length, 0)
  t.same((await load(folder, { parameters: { Stage: 'dev' } })).functions, [])
})

t.test('an API whose condition is false is not there, nor a layer', async (t) => {
  const folder = projectWith(t, {
    'layer/x': '',
    'template.yaml': `
Conditions: { Never: !Equals [a, b] }
Resources:
  Web: { Type: AWS::Serverless::HttpApi, Condition: Never }
  Deps:
    Type: AWS::Serverless::LayerVersion
    Condition: Never
    Properties: { ContentUri: layer }
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: src
      Layers: [!Ref Deps]
`,
  })
  const { apis, functions, warnings } = await load(join(folder, 'template.yaml'))
  t.same(apis, [])
  t.same(functions[0]?.layers, [])
  t.match(warnings[0]?.message, /Deps is not there: Never is false/)
})
