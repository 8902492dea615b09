// Whatever a template says: it loads, or one EmulatorError says why not.

import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { load } from '../../src/config/load.js'
import { EmulatorError } from '../../src/domain/emulator-error.js'
import { corpusFolder, templates } from './corpus.js'
import { projectWith } from './project.js'

/** Names that mean something in some place; in the wrong one they must not upset anything. */
const words = [
  'Ref',
  'Fn::Sub',
  'Fn::If',
  'Fn::GetAtt',
  'Fn::Transform',
  'Fn::ForEach::X',
  'Condition',
  'Type',
  'Properties',
  'Events',
  'Environment',
  'AWS::NoValue',
  'AWS::Serverless::Function',
  'AWS::Serverless::Api',
  `\${X}`,
  '__proto__',
  'constructor',
  '',
]

const anything = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<unknown>(null, true, 0, -1, 1e21, 'text', ...words),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(fc.constantFrom(...words), tie('value')), { maxLength: 3 }).map(mapOf),
  ),
})).value

function mapOf(pairs: readonly (readonly [string, unknown])[]): unknown {
  return Object.fromEntries(pairs)
}

const seed = {
  Transform: ['AWS::LanguageExtensions', 'AWS::Serverless-2016-10-31'],
  Parameters: { X: { Type: 'String', Default: 'x', AllowedValues: ['x'] } },
  Mappings: { M: { a: { b: 'c' } } },
  Conditions: { C: { 'Fn::Equals': [{ Ref: 'X' }, 'x'] }, D: { 'Fn::Not': [{ Condition: 'C' }] } },
  Globals: { Function: { Runtime: 'nodejs22.x', Environment: { Variables: { ONE: '1' } } } },
  Resources: {
    Web: { Type: 'AWS::Serverless::Api', Properties: { StageName: 'v1', Cors: "'*'" } },
    Deps: { Type: 'AWS::Serverless::LayerVersion', Properties: { ContentUri: 'src' } },
    Hello: {
      Type: 'AWS::Serverless::Function',
      Condition: 'C',
      Properties: {
        Handler: 'index.handler',
        CodeUri: 'src',
        Layers: [{ Ref: 'Deps' }],
        Environment: { Variables: { TWO: { 'Fn::Join': ['-', [{ Ref: 'X' }, 'y']] } } },
        Events: {
          Get: { Type: 'Api', Properties: { Path: '/', Method: 'get', RestApiId: { Ref: 'Web' } } },
          Post: { Type: 'HttpApi', Properties: { Path: '/{id}', Method: 'post' } },
          Often: { Type: 'Schedule', Properties: { Schedule: 'rate(1 minute)' } },
        },
      },
    },
  },
}

/** Every place in a value, as the keys that lead there. */
function places(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, inner]) => places(inner, [...path, key]))]
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by
  const inner = replaced((value as Readonly<Record<string, unknown>>)[key], rest, by)
  if (Array.isArray(value)) return value.map((each, i) => (String(i) === key ? inner : each))
  return { ...(value as object), [key]: inner }
}

interface Outcomes {
  loaded: number
  told: number
}

async function loadsOrTells(folder: string, outcomes: Outcomes): Promise<void> {
  try {
    await load(folder, { inlineCodeFolder: join(folder, 'inline') })
    outcomes.loaded += 1
  } catch (error) {
    if (!(error instanceof EmulatorError)) throw error
    outcomes.told += 1
  }
}

t.test('one value of a template replaced by anything loads, or is told', async (t) => {
  const folder = projectWith(t, {})
  const outcomes = { loaded: 0, told: 0 }
  const change = fc.tuple(fc.constantFrom(...places(seed)), anything)
  const property = fc.asyncProperty(change, async ([place, by]) => {
    writeFileSync(join(folder, 'template.json'), JSON.stringify(replaced(seed, place, by)))
    await loadsOrTells(folder, outcomes)
  })
  await fc.assert(property, { numRuns: 1000 })
  t.ok(outcomes.loaded > 100 && outcomes.told > 100, `both happen: ${JSON.stringify(outcomes)}`)
})

t.test('a template of the corpus without some of its lines loads, or is told', async (t) => {
  const folder = projectWith(t, {})
  // The code and the included files that the templates name.
  cpSync(corpusFolder, folder, { recursive: true })
  const outcomes = { loaded: 0, told: 0 }
  const cut = fc.tuple(fc.constantFrom(...templates), fc.nat(), fc.integer({ min: 1, max: 4 }))
  const property = fc.asyncProperty(cut, async ([template, at, count]) => {
    const lines = readFileSync(join(corpusFolder, template), 'utf8').split('\n')
    lines.splice(at % lines.length, count)
    writeFileSync(join(folder, 'template.yaml'), lines.join('\n'))
    await loadsOrTells(folder, outcomes)
  })
  await fc.assert(property, { numRuns: 500 })
  t.ok(outcomes.loaded > 50 && outcomes.told > 50, `both happen: ${JSON.stringify(outcomes)}`)
})
