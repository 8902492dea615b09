// What we make of SAM templates against what AWS's own transform makes of them: functions, routes, stages, names.

import { execFile } from 'node:child_process'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { load } from '../../src/config/load.js'
import type { LoadedProject } from '../../src/config/loaded.js'
import type { ApiDefinition, HttpCors } from '../../src/domain/api.js'
import { corpusFolder, readExpectation, routesOf, templates } from '../config/corpus.js'
import { repositoryRoot } from '../support/paths.js'
import { prepared } from './prepared.js'

const script = join(repositoryRoot, 'test/clients/sam-translator.py')
const compared = templates.filter((name) => readExpectation(name).sam === true)

interface Told {
  readonly path: string
  readonly told: object
}

t.test('aws-sam-translator expands the corpus as we do', async (t) => {
  t.ok(compared.length >= 30)
  const paths = compared.map((name) => join(corpusFolder, name))
  const { stdout } = await promisify(execFile)(prepared.python, ['-B', script, 'local', ...paths], {
    env: { PATH: process.env.PATH, AWS_DEFAULT_REGION: 'us-east-1' },
    maxBuffer: 64 * 1024 * 1024,
  })
  const told = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Told)
  for (const { path, told: theirs } of told) {
    t.test(basename(path), async (t) => {
      const { options } = readExpectation(basename(path))
      t.same(expansionOf(await load(path, options)), theirs)
    })
  }
  t.equal(told.length, compared.length)
})

function expansionOf(project: LoadedProject): object {
  const logicalIdOf = (name: string) =>
    project.functions.find(({ functionName }) => functionName === name)?.logicalId
  return {
    functions: Object.fromEntries(
      project.functions.map(({ logicalId, functionName, handler, runtime }) => [
        logicalId,
        { functionName, handler, runtime },
      ]),
    ),
    apis: Object.fromEntries(project.apis.map((api) => [api.logicalId, apiOf(api, project)])),
    schedules: Object.fromEntries(
      project.schedules.map((each) => [
        each.logicalId,
        {
          kind: each.kind,
          name: each.name,
          expression: each.expression,
          enabled: each.enabled,
          input: each.input ?? null,
          timeZone: each.timeZone ?? null,
          function: logicalIdOf(each.functionName),
        },
      ]),
    ),
  }
}

function apiOf(api: ApiDefinition, project: LoadedProject): object {
  const isRest = api.kind === 'rest'
  return {
    kind: api.kind,
    name: api.name,
    stageName: api.stageName,
    stageVariables: api.stageVariables ?? {},
    routes: routesOf(api, project.functions),
    mocks: isRest ? mocksOf(api) : {},
    binaryMediaTypes: isRest ? api.binaryMediaTypes : [],
    gatewayResponses: isRest ? Object.keys(api.gatewayResponses).sort() : [],
    cors: api.kind === 'http' && api.cors !== undefined ? corsOf(api.cors) : null,
  }
}

/** Header values as SAM writes them: in single quotes. */
function mocksOf(api: Extract<ApiDefinition, { kind: 'rest' }>): object {
  const mocks = api.resources.flatMap(({ path, methods }) =>
    Object.entries(methods).flatMap(([verb, method]) => {
      if (method.is !== 'mock') return []
      const quoted = Object.entries(method.headers).map(([name, text]) => [name, `'${text}'`])
      return [[`${verb} ${path}`, Object.fromEntries(quoted)]]
    }),
  )
  return Object.fromEntries(mocks)
}

/** As in an OpenAPI document, where what is empty is left out. */
function corsOf(cors: HttpCors): object {
  const { maxAgeSeconds, allowCredentials, ...lists } = cors
  const given = Object.entries(lists).filter(([, list]) => list.length > 0)
  return {
    ...Object.fromEntries(given),
    ...(maxAgeSeconds === undefined ? {} : { maxAge: maxAgeSeconds }),
    ...(allowCredentials === true ? { allowCredentials } : {}),
  }
}
