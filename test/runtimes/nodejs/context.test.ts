// What a handler sees: context, environment, globals, module system. Source:
// the official clients, measured; recorded answers test_lambda_with_context and
// test_introspection_invoke[nodejs20.x].

import t from 'tap'
import { type FunctionRun, type Generation, runFunction } from './run-function.js'
import { checkRows, failure, response } from './table.js'

const clientContext =
  '{"custom":{"foo":"bar"},"client":{"snap":["crackle","pop"]},"env":{"fizz":"buzz"}}'

/** The JSON that the handler returns, once per event. */
async function returned(run: FunctionRun) {
  const finished = await runFunction({ events: ['{}'], ...run })
  return finished.reports.map((report) => JSON.parse(String(report.body)))
}

const keys3 = [
  ...['callbackWaitsForEmptyEventLoop', 'succeed', 'fail', 'done', 'functionVersion'],
  ...['functionName', 'memoryLimitInMB', 'logGroupName', 'logStreamName', 'clientContext'],
  ...['identity', 'invokedFunctionArn', 'awsRequestId', 'tenantId', 'getRemainingTimeInMillis'],
]
const keys4 = [
  ...['clientContext', 'identity', 'invokedFunctionArn', 'awsRequestId', 'tenantId', 'xRayTraceId'],
  ...['getRemainingTimeInMillis', 'functionName', 'functionVersion', 'memoryLimitInMB'],
  ...['logGroupName', 'logStreamName'],
]

const values = {
  functionVersion: '$LATEST',
  functionName: 'f',
  memoryLimitInMB: '512',
  logGroupName: '/aws/lambda/f',
  logStreamName: '2026/11/21/[$LATEST]0',
  invokedFunctionArn: 'arn:aws:lambda:eu-west-1:000000000000:function:f',
  awsRequestId: 'id-1',
}

for (const [generation, keys] of [
  [3, keys3],
  [4, keys4],
] as const) {
  t.test(`client ${generation}: the context has the client's keys in its order`, async (test) => {
    const code = `exports.handler = async (event, context) => ({ keys: Object.keys(context), plain: Object.getPrototypeOf(context) === Object.prototype, context, remaining: context.getRemainingTimeInMillis() })`
    const [seen] = await returned({ generation, code })
    test.same(seen.keys, keys)
    test.equal(seen.plain, true)
    test.match(seen.context, values)
    test.ok(Number.isInteger(seen.remaining) && seen.remaining > 0 && seen.remaining <= 3000)
    if (generation === 3) test.equal(seen.context.callbackWaitsForEmptyEventLoop, true)
    else test.equal(seen.context.xRayTraceId, 'Root=1-0-1;Parent=0;Sampled=0')
  })

  t.test(
    `client ${generation}: client context, identity and tenant are passed as given`,
    async (test) => {
      const code = 'exports.handler = async (event, context) => context'
      const headers = {
        'Lambda-Runtime-Client-Context': clientContext,
        'Lambda-Runtime-Cognito-Identity': '{"cognitoIdentityId":"é","cognitoIdentityPoolId":"p"}',
        'Lambda-Runtime-Aws-Tenant-Id': 'tenant',
      }
      const [seen] = await returned({ generation, code, events: [{ body: '{}', headers }] })
      test.equal(JSON.stringify(seen.clientContext), clientContext)
      test.same(seen.identity, { cognitoIdentityId: 'é', cognitoIdentityPoolId: 'p' })
      test.equal(seen.tenantId, 'tenant')
    },
  )

  t.test(
    `client ${generation}: _X_AMZN_TRACE_ID is set for every event, and removed without a trace`,
    async (test) => {
      const code = `exports.handler = async () => { const before = process.env._X_AMZN_TRACE_ID; await null; process.env._X_AMZN_TRACE_ID = 'own'; return String(before) }`
      const without = { body: '{}', headers: { 'Lambda-Runtime-Trace-Id': undefined } }
      const seen = await returned({
        generation,
        code,
        events: ['{}', '{}', without],
        env: { _X_AMZN_TRACE_ID: 'preset' },
      })
      test.same(seen, [
        'Root=1-0-1;Parent=0;Sampled=0',
        'Root=1-0-2;Parent=0;Sampled=0',
        'undefined',
      ])
    },
  )

  t.test(
    `client ${generation}: the environment and the module system show nothing of the runtime`,
    async (test) => {
      const code = `exports.handler = async () => ({ env: Object.keys(process.env).sort(), main: String(require.main), cache: Object.keys(require.cache), children: module.parent ? module.parent.children.length : 0, argv: process.argv.length, self: module.filename })`
      const [seen] = await returned({ generation, code, env: { OWN: '1' } })
      test.same(seen.env, [
        ...['AWS_EXECUTION_ENV', 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE', 'AWS_LAMBDA_FUNCTION_NAME'],
        ...[
          'AWS_LAMBDA_FUNCTION_VERSION',
          'AWS_LAMBDA_LOG_GROUP_NAME',
          'AWS_LAMBDA_LOG_STREAM_NAME',
        ],
        ...['AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING', 'AWS_LAMBDA_RUNTIME_API'],
        ...['LAMBDA_TASK_ROOT', 'OWN', 'PATH', '_HANDLER', '_X_AMZN_TRACE_ID'],
      ])
      test.equal(seen.main, 'undefined')
      test.same(seen.cache, [seen.self])
      test.equal(seen.argv, 2)
    },
  )
}

t.test(
  'modules that NODE_OPTIONS preloads stay the ones that the function requires',
  async (test) => {
    for (const generation of [3, 4] as const) {
      const files = {
        'pre.js': 'exports.loadedAt = process.hrtime.bigint(); globalThis.pre = module.exports',
        'index.js': `const own = require('./pre.js') === globalThis.pre; exports.handler = awslambda.streamifyResponse(async (event, stream) => { stream.end(JSON.stringify([own, Object.keys(require.cache).length])) })`,
      }
      const [seen] = await returned({
        generation,
        files,
        env: { NODE_OPTIONS: '--require ./pre.js' },
      })
      test.same(seen, [true, 2])
    }
  },
)

t.test('nothing of the runtime is in the module cache or in require.main', async (test) => {
  for (const generation of [3, 4] as const) {
    const code =
      'exports.handler = async () => [String(require.main), require.cache[__filename] === module, Object.keys(require.cache).filter((file) => file !== __filename)]'
    const [seen] = await returned({ generation, code })
    test.same(seen, ['undefined', true, []])
    const failed = await runFunction({ generation, code: '', events: [] })
    test.match(String(failed.reports[0]?.body), 'Runtime.HandlerNotFound')
    test.equal(failed.ended, generation === 3 ? 'exit 129' : 'exit 1')
  }
})

async function globalsOf(generation: Generation, env = {}) {
  const code = `exports.handler = async () => ({ keys: Object.keys(globalThis.awslambda ?? {}), listeners: ['uncaughtException', 'unhandledRejection', 'beforeExit'].map((name) => process.listenerCount(name)), id: globalThis.awslambda?.InvokeStore?.getRequestId(), trace: globalThis.awslambda?.InvokeStore?.getXRayTraceId(), symbol: globalThis[Symbol.for('aws.lambda.runtime.requestId')] })`
  const [seen] = await returned({ generation, code, env })
  return seen
}

t.test(
  'client 3: awslambda has streamifyResponse and HttpResponseStream, the process three listeners',
  async (test) => {
    test.same(await globalsOf(3), {
      keys: ['streamifyResponse', 'HttpResponseStream'],
      listeners: [1, 1, 1],
      symbol: 'id-1',
    })
  },
)

t.test('client 4: awslambda has InvokeStore as well, the process no listeners', async (test) => {
  test.same(await globalsOf(4), {
    keys: ['streamifyResponse', 'HttpResponseStream', 'InvokeStore'],
    listeners: [0, 0, 0],
    id: 'id-1',
    trace: 'Root=1-0-1;Parent=0;Sampled=0',
  })
})

t.test('AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA leaves the global out', async (test) => {
  for (const generation of [3, 4] as const) {
    const seen = await globalsOf(generation, { AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA: '1' })
    test.same(seen.keys, [])
  }
})

t.test('malformed headers and `this`', async (group) => {
  checkRows(group, [
    {
      name: 'a client context that is not JSON: client 3 fails the event, client 4 ends',
      code: 'exports.handler = async () => 1',
      events: [{ body: '{}', headers: { 'Lambda-Runtime-Client-Context': '{bad' } }],
      g3: {
        reports: [
          failure(
            'Error',
            `Cannot parse ClientContext as json: SyntaxError: Expected property name or '}' in JSON at position 1`,
            [
              `Error: Cannot parse ClientContext as json: SyntaxError: Expected property name or '}' in JSON at position 1`,
            ],
          ),
        ],
        end: 'alive',
      },
      g4: {
        reports: [],
        end: 'exit 1',
        stderr: /Failed to parse lambda-runtime-client-context as JSON/,
      },
    },
    {
      name: '`this` of an arrow function in a CommonJS module is its exports',
      code: 'exports.handler = async () => this === exports',
      events: ['{}'],
      both: { reports: [response('true')], end: 'alive' },
    },
    {
      name: 'nodejs20.x behaves as client 3 does and nodejs26.x as client 4',
      code: 'exports.handler = async (...all) => all.length',
      events: ['{}'],
      env: { AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x' },
      both: { reports: [response('3')] },
    },
    {
      name: 'a later release behaves as client 4 does',
      code: 'exports.handler = async (...all) => all.length',
      events: ['{}'],
      env: { AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs26.x' },
      both: { reports: [response('2')] },
    },
  ])
})
