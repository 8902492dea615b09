// lambda-emu.json: events of its functions, and a template beside them.

import { join } from 'node:path'
import t from 'tap'
import { load } from '../../src/config/load.js'
import { projectWith, templateWith } from './project.js'

const good = { runtime: 'nodejs22.x', handler: 'index.handler', code: 'src' }

function file(content: object): string {
  return JSON.stringify(content, null, 1)
}

t.test('http events are the routes of one HTTP API, schedules are rules', async (t) => {
  const folder = projectWith(t, {
    'lambda-emu.json': file({
      functions: {
        orders: {
          ...good,
          events: [
            { http: 'GET /orders/{id}' },
            { http: 'post /orders' },
            { schedule: 'rate(1 minute)' },
          ],
        },
        rest: { ...good, events: [{ http: '$default' }, { schedule: 'cron(0 12 * * ? *)' }] },
      },
    }),
  })
  const { apis, schedules, warnings } = await load(folder)
  t.same(warnings, [])
  t.equal(apis.length, 1)
  const [api] = apis
  t.match(api, { kind: 'http', logicalId: 'HttpApi', stageName: '$default' })
  const routes = api?.kind === 'http' ? api.routes : []
  t.same(
    routes.map(({ routeKey, target }) => [routeKey, target.is === 'lambda' && target.functionName]),
    [
      ['GET /orders/{id}', 'orders'],
      ['POST /orders', 'orders'],
      ['$default', 'rest'],
    ],
  )
  t.same(schedules, [
    {
      logicalId: 'orders-schedule-1',
      name: 'orders-schedule-1',
      functionName: 'orders',
      expression: 'rate(1 minute)',
      enabled: true,
      kind: 'rule',
    },
    {
      logicalId: 'rest-schedule-1',
      name: 'rest-schedule-1',
      functionName: 'rest',
      expression: 'cron(0 12 * * ? *)',
      enabled: true,
      kind: 'rule',
    },
  ])
})

t.test('events of a function that is left out are left out, and that is told', async (t) => {
  const folder = projectWith(t, {
    'lambda-emu.json': file({
      functions: {
        hello: good,
        old: { ...good, runtime: 'java21', handler: 'a.B::c', events: [{ http: 'GET /' }] },
      },
    }),
  })
  const { apis, warnings } = await load(folder)
  t.same(apis, [])
  t.same(
    warnings.map(({ code, property }) => `${code} ${property}`),
    ['W_FUNCTION_LEFT_OUT functions.old', 'W_ROUTE_LEFT_OUT functions.old.events'],
  )
})

t.test('settings alone are a project without functions', async (t) => {
  const folder = projectWith(t, { 'lambda-emu.json': file({ start: { httpPort: 8080 } }) })
  const { functions, sourcePath, warnings } = await load(folder)
  t.same(functions, [])
  t.same(warnings, [])
  t.equal(sourcePath, join(folder, 'lambda-emu.json'))
})

const template = `
Parameters: { Stage: { Type: String, Default: dev }, Size: { Type: Number, Default: 128 } }
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub 'hello-\${Stage}'
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: ../src
      MemorySize: !Ref Size
      Environment: { Variables: { VPC: !ImportValue vpc } }
      Events: { Get: { Type: HttpApi, Properties: { Path: /, Method: get } } }
`

t.test(
  'a template that the file names comes with its parameters, and beside own functions',
  async (t) => {
    const folder = projectWith(t, {
      'infra/template.yaml': template,
      'template.yaml': templateWith({}),
      'lambda-emu.json': file({
        template: 'infra/template.yaml',
        parameters: { Stage: 'prod', Size: 256 },
        importValues: { vpc: 'vpc-1' },
        functions: { own: { ...good, environment: { OWN: 'b' } } },
      }),
    })
    const { functions, apis, sources, sourcePath, project } = await load(folder, {
      parameters: { Size: '512' },
    })
    t.equal(project, folder)
    t.equal(sourcePath, join(folder, 'lambda-emu.json'))
    t.same(sources, [join(folder, 'lambda-emu.json'), join(folder, 'infra/template.yaml')])
    t.same(
      functions.map(({ functionName, memoryMb, environment, environmentOrigins }) => [
        functionName,
        memoryMb,
        environment,
        environmentOrigins,
      ]),
      [
        ['hello-prod', 512, { VPC: 'vpc-1' }, { VPC: 'template' }],
        ['own', 128, { OWN: 'b' }, { OWN: 'lambda-emu.json' }],
      ],
    )
    t.equal(functions[0]?.codePath, join(folder, 'src'))
    t.same(
      apis.map(({ logicalId }) => logicalId),
      ['ServerlessHttpApi'],
    )
  },
)

const bad: readonly (readonly [claim: string, content: object, message: RegExp])[] = [
  [
    'a template that is not there',
    { template: 'gone.yaml' },
    /file\.template: .*gone\.yaml is not a file/,
  ],
  [
    'parameters without a template',
    { parameters: {}, functions: { a: good } },
    /file\.parameters: there is no template/,
  ],
  [
    'a parameter that is a list',
    { template: 'template.json', parameters: { A: [] } },
    /parameters\.A is a list/,
  ],
  [
    'a function of the template too',
    { template: 'template.json', functions: { Hello: good } },
    /functions\.Hello is in the template too/,
  ],
  [
    'events that are a text',
    { functions: { a: { ...good, events: 'GET /' } } },
    /functions\.a\.events is "GET \/"/,
  ],
  [
    'an event of two forms',
    { functions: { a: { ...good, events: [{ http: 'GET /', schedule: 'x' }] } } },
    /functions\.a\.events\.0 has http, schedule/,
  ],
  [
    'an event of no form',
    { functions: { a: { ...good, events: [{ sqs: 'x' }] } } },
    /events\.0 has sqs/,
  ],
  [
    'a route without a path',
    { functions: { a: { ...good, events: [{ http: 'GET' }] } } },
    /"GET" is no method and path/,
  ],
  [
    'a route without a slash',
    { functions: { a: { ...good, events: [{ http: 'GET orders' }] } } },
    /orders does not begin with a slash/,
  ],
  [
    'an unknown method',
    { functions: { a: { ...good, events: [{ http: 'FETCH /' }] } } },
    /"FETCH" is not a method/,
  ],
  [
    'a route given twice',
    { functions: { a: { ...good, events: [{ http: 'GET /' }, { http: 'get /' }] } } },
    /the route GET \/ is there twice/,
  ],
  [
    'a schedule of ten seconds',
    { functions: { a: { ...good, events: [{ schedule: 'rate(10 seconds)' }] } } },
    /"rate\(10 seconds\)" is no schedule/,
  ],
]

for (const [claim, content, message] of bad) {
  t.test(`${claim} is invalid`, async (t) => {
    const folder = projectWith(t, {
      'lambda-emu.json': file(content),
      'template.json': templateWith({}),
    })
    const loading = load(join(folder, 'lambda-emu.json'))
    await t.rejects(loading, { code: 'EMU_CONFIG_INVALID', message, exitCode: 2 })
  })
}

t.test('logging has a format, two levels and a group', async (t) => {
  const logging = { format: 'JSON', applicationLevel: 'DEBUG', group: '/apps/all' }
  const folder = projectWith(t, {
    'lambda-emu.json': file({
      functions: {
        plain: good,
        json: { ...good, logging },
        grouped: { ...good, logging: { group: 'g' } },
      },
    }),
  })
  const { functions } = await load(folder)
  const settings = functions.map(({ logFormat, logLevels, logGroup }) => ({
    logFormat,
    logLevels,
    logGroup,
  }))
  t.same(settings, [
    { logFormat: 'Text', logLevels: undefined, logGroup: undefined },
    {
      logFormat: 'JSON',
      logLevels: { application: 'DEBUG', system: 'INFO' },
      logGroup: '/apps/all',
    },
    { logFormat: 'Text', logLevels: undefined, logGroup: 'g' },
  ])
})

t.test('a member of logging that is unknown, or a level in Text, is refused', async (t) => {
  const refused = async (logging: object, message: RegExp) => {
    const folder = projectWith(t, {
      'lambda-emu.json': file({ functions: { hello: { ...good, logging } } }),
    })
    await t.rejects(load(folder), { code: 'EMU_CONFIG_INVALID', message }, JSON.stringify(logging))
  }
  await refused({ level: 'WARN' }, /functions\.hello\.logging\.level: there is no such member/)
  await refused({ systemLevel: 'WARN' }, /systemLevel: Lambda has no log level/)
  await refused({ format: 'json' }, /format is "json"/)
})
