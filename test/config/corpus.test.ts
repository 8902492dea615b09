// Templates written for the purpose, each with what loading it has to give beside it: <name>.expected.json.

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import { load } from '../../src/config/load.js'
import type { LoadedProject } from '../../src/config/loaded.js'
import { EmulatorError } from '../../src/domain/emulator-error.js'
import { corpusFolder, type Expectation, readExpectation, routesOf, templates } from './corpus.js'

for (const name of templates) {
  t.test(`${name} loads as expected`, async (t) => {
    const expected = readExpectation(name)
    t.same(await outcome(name, expected), wanted(expected))
  })
}

t.test('every expectation has its template', async (t) => {
  const expectations = readdirSync(corpusFolder).filter((file) => file.endsWith('.expected.json'))
  t.equal(expectations.length, templates.length)
  t.ok(templates.length >= 60)
})

t.test('every code of a warning is met in the corpus', async (t) => {
  const met = templates.flatMap((name) => readExpectation(name).warnings ?? [])
  const codes = new Set(met.map((warning) => warning.split(' ')[0]))
  const source = readFileSync(join(corpusFolder, '../../../src/config/loaded.ts'), 'utf8')
  // Those of variables come from outside of templates.
  const elsewhere = ['W_UNKNOWN_FUNCTION', 'W_UNKNOWN_VARIABLE']
  const all = new Set(source.match(/W_[A-Z_]+/g) ?? [])
  t.same(
    [...all].filter((code) => !codes.has(code) && !elsewhere.includes(code)),
    [],
  )
})

/** What was found, reduced to what the expectation speaks of. */
async function outcome(name: string, expected: Expectation): Promise<object> {
  try {
    return found(await load(join(corpusFolder, name), expected.options), expected)
  } catch (error) {
    if (!(error instanceof EmulatorError)) throw error
    const line = /:(\d+): /.exec(error.message)?.[1]
    const says = expected.error?.says ?? []
    const text = `${error.message} ${error.hint}`
    return {
      error: {
        code: error.code,
        line: line === undefined ? null : Number(line),
        // The whole text shows only when a part of it is missing.
        says: says.every((part) => text.includes(part)) ? says : [text],
      },
    }
  }
}

function wanted(expected: Expectation): object {
  if (expected.error !== undefined) return { error: { says: [], ...expected.error } }
  return {
    functions: expected.functions ?? {},
    apis: expected.apis ?? {},
    schedules: expected.schedules ?? {},
    warnings: [...(expected.warnings ?? [])].sort(),
  }
}

function found(project: LoadedProject, expected: Expectation): object {
  return {
    functions: byLogicalId(
      project.functions.map((each) => ({
        ...each,
        codePath: relative(corpusFolder, each.codePath),
        layers: each.layers.map((layer) =>
          layer.startsWith('/') ? relative(corpusFolder, layer) : layer,
        ),
        line: each.origin.line,
      })),
      expected.functions,
    ),
    apis: byLogicalId(
      project.apis.map((api) => ({ ...api, routes: routesOf(api, project.functions) })),
      expected.apis,
    ),
    schedules: byLogicalId(project.schedules, expected.schedules),
    warnings: project.warnings.map(({ code, property }) => `${code} ${property}`).sort(),
  }
}

/** Every one that was found; of each only the members that are expected. */
function byLogicalId(
  found: readonly { readonly logicalId: string }[],
  expected: Readonly<Record<string, object>> = {},
): object {
  return Object.fromEntries(
    found.map((each) => {
      const members = Object.keys(expected[each.logicalId] ?? {})
      const values = each as unknown as Readonly<Record<string, unknown>>
      return [each.logicalId, Object.fromEntries(members.map((name) => [name, values[name]]))]
    }),
  )
}
