// A function's environment variables against those that AWS was recorded to set.

import t from 'tap'
import type { GenerationId } from '../../src/domain/brand.js'
import type { FunctionDefinition, Generation } from '../../src/domain/function.js'
import {
  dummyCredentials,
  extensionEnvironment,
  type FunctionEnvironmentOptions,
  functionEnvironment,
} from '../../src/host/function-environment.js'
import {
  type Json,
  type JsonObject,
  newComparison,
  recordedAnswers,
} from '../support/recorded-answers.js'

const options: FunctionEnvironmentOptions = {
  runtimeApi: '169.254.100.1:9001',
  metadataToken: 'token-of-the-environment',
  logStreamName: '2026/11/21/[$LATEST]0123456789abcdef0123456789abcdef',
  taskRoot: '/var/task',
  runtimeDirectory: '/var/runtime',
  layersFolder: '/opt',
  credentials: dummyCredentials,
  programFolders: [],
}

function generation(changes: Partial<FunctionDefinition> = {}): Generation {
  const definition: FunctionDefinition = {
    functionName: 'hello',
    accountId: '111111111111',
    region: 'eu-west-1',
    functionArn: 'arn:aws:lambda:eu-west-1:111111111111:function:hello',
    runtime: 'nodejs20.x',
    handler: 'index.handler',
    role: 'arn:aws:iam::111111111111:role/any',
    description: '',
    memoryMb: 1_024,
    timeoutSeconds: 3,
    ephemeralStorageMb: 512,
    architecture: 'x86_64',
    environment: { TEST_KEY: 'TEST_VAL' },
    layers: [],
    logGroup: '/aws/lambda/hello',
    logFormat: 'Text',
    tracingMode: 'PassThrough',
    code: { folder: '/code', sha256: '', sizeBytes: 0 },
    ...changes,
  }
  return { id: 'g' as GenerationId, definition, version: '$LATEST' }
}

const recorded: readonly [scenario: string, answer: string, of: Partial<FunctionDefinition>][] = [
  ['test_introspection_invoke[nodejs20.x]', 'invocation_result_payload', {}],
  [
    'test_introspection_invoke[python3.12]',
    'invocation_result_payload',
    { runtime: 'python3.12', handler: 'handler.handler' },
  ],
  [
    'test_introspection_invoke[provided.al2023]',
    'invocation_result_payload',
    { runtime: 'provided.al2023', handler: 'function.handler' },
  ],
  [
    'test_lambda_init_environment',
    'lambda-init-inspection',
    { runtime: 'python3.14', handler: 'handler.handler', memoryMb: 128, environment: {} },
  ],
]

for (const [scenario, answer, of] of recorded) {
  t.test(`as recorded from AWS: ${scenario}`, async (t) => {
    // The runtime sets the trace id, for each invocation.
    const { _X_AMZN_TRACE_ID, ...expected } = environmentIn(recordedAnswers(scenario)[answer])
    t.ok(_X_AMZN_TRACE_ID)
    const { AWS_LAMBDA_METADATA_API, AWS_LAMBDA_METADATA_TOKEN, ...actual } = functionEnvironment(
      generation(of),
      options,
    )
    t.equal(AWS_LAMBDA_METADATA_API, '169.254.100.1:9001', 'newer than the recording')
    t.equal(AWS_LAMBDA_METADATA_TOKEN, 'token-of-the-environment')
    t.same(newComparison().differences(expected, actual), [])
  })
}

function environmentIn(answer: Json | undefined): JsonObject {
  const found = answer as { environment?: JsonObject; Payload?: { environment: JsonObject } }
  return found.environment ?? found.Payload?.environment ?? {}
}

t.test('folders that stand for those of the sandbox are named wherever it would be', async (t) => {
  const actual = functionEnvironment(generation(), {
    ...options,
    taskRoot: '/home/me/app',
    runtimeDirectory: '/opt/emu/nodejs',
    programFolders: ['/usr/local/bin', '/home/me/.node/bin'],
  })
  t.equal(actual.LAMBDA_TASK_ROOT, '/home/me/app')
  t.equal(actual.PWD, '/home/me/app')
  t.equal(actual.LAMBDA_RUNTIME_DIR, '/opt/emu/nodejs')
  t.equal(
    actual.PATH,
    '/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin:/home/me/.node/bin',
    'a folder that is there already does not come twice',
  )
  t.equal(
    actual.LD_LIBRARY_PATH,
    '/var/lang/lib:/lib64:/usr/lib64:/opt/emu/nodejs:/opt/emu/nodejs/lib:/home/me/app:/home/me/app/lib:/opt/lib',
  )
  t.ok(!Object.values(actual).some((value) => /\/var\/(task|runtime)/.test(value)))
})

t.test('layers that are elsewhere than in /opt are named where AWS names /opt', async (t) => {
  const layersFolder = '/state/layers/1/opt'
  const node = functionEnvironment(generation(), { ...options, layersFolder })
  t.match(node.PATH, `:${layersFolder}/bin`)
  t.match(node.LD_LIBRARY_PATH, `:${layersFolder}/lib`)
  t.match(
    node.NODE_PATH,
    `${layersFolder}/nodejs/node20/node_modules:${layersFolder}/nodejs/node_modules:`,
  )
  t.ok(!('PYTHONPATH' in node))
  const python = { runtime: 'python3.12', environment: { PYTHONPATH: '/var/task/vendored' } }
  t.equal(
    functionEnvironment(generation(python), { ...options, layersFolder }).PYTHONPATH,
    `/var/task/vendored:${layersFolder}/python/lib/python3.12/site-packages:${layersFolder}/python:/var/runtime`,
    'those of Python behind what the customer wants first',
  )
})

const precedence: readonly [claim: string, name: string, wish: string, value: string][] = [
  ['the time zone is the customer’s', 'TZ', 'Europe/Berlin', 'Europe/Berlin'],
  ['the PATH is the customer’s', 'PATH', '/opt/mine', '/opt/mine'],
  ['NODE_PATH is the customer’s', 'NODE_PATH', '/opt/mine', '/opt/mine'],
  ['the region is Lambda’s', 'AWS_REGION', 'mars-1', 'eu-west-1'],
  ['the credentials are Lambda’s', 'AWS_ACCESS_KEY_ID', 'mine', dummyCredentials.accessKeyId],
  ['the Runtime API is Lambda’s', 'AWS_LAMBDA_RUNTIME_API', 'evil:1', '169.254.100.1:9001'],
  [
    'the endpoint of Lambda is the customer’s',
    'AWS_ENDPOINT_URL_LAMBDA',
    'http://other',
    'http://other',
  ],
]

for (const [claim, name, wish, value] of precedence) {
  t.test(`when both say something, ${claim}`, async (t) => {
    const actual = functionEnvironment(generation({ environment: { [name]: wish } }), {
      ...options,
      lambdaEndpointUrl: 'http://127.0.0.1:3001',
    })
    t.equal(actual[name], value)
  })
}

t.test(
  'the function reaches this emulator’s Lambda unless the customer named an endpoint',
  async (t) => {
    const given = { ...options, lambdaEndpointUrl: 'http://127.0.0.1:3001' }
    t.equal(
      functionEnvironment(generation(), given).AWS_ENDPOINT_URL_LAMBDA,
      'http://127.0.0.1:3001',
    )
    const own = generation({ environment: { AWS_ENDPOINT_URL: 'http://127.0.0.1:4566' } })
    t.ok(!('AWS_ENDPOINT_URL_LAMBDA' in functionEnvironment(own, given)))
  },
)

t.test('log format and level are told only where the format is JSON', async (t) => {
  const told = (changes: Parameters<typeof generation>[0]) => {
    const variables = functionEnvironment(generation(changes), options)
    return [variables.AWS_LAMBDA_LOG_FORMAT, variables.AWS_LAMBDA_LOG_LEVEL]
  }
  t.same(told({ logFormat: 'Text' }), [undefined, undefined])
  t.same(told({ logFormat: 'JSON' }), ['JSON', 'INFO'])
  const logLevels = { application: 'FATAL', system: 'DEBUG' } as const
  t.same(told({ logFormat: 'JSON', logLevels }), ['JSON', 'FATAL'])
  t.same(
    told({ logFormat: 'JSON', environment: { AWS_LAMBDA_LOG_LEVEL: 'TRACE' } }),
    ['JSON', 'INFO'],
    'the configured level wins over a variable of the same name',
  )
  t.same(
    told({ logFormat: 'Text', environment: { AWS_LAMBDA_LOG_LEVEL: 'TRACE' } }),
    [undefined, 'TRACE'],
    'which counts in Text format',
  )
})

t.test('the descriptor of framed logs is told where there is one', async (t) => {
  const variables = functionEnvironment(generation({}), { ...options, logDescriptor: 62 })
  t.equal(variables._LAMBDA_TELEMETRY_LOG_FD, '62')
  t.ok(!('_LAMBDA_TELEMETRY_LOG_FD' in functionEnvironment(generation({}), options)))
})

t.test('nothing of the daemon’s own environment is in it', async (t) => {
  process.env.LAMBDA_EMU_TEST_SECRET = 'secret'
  t.teardown(() => delete process.env.LAMBDA_EMU_TEST_SECRET)
  const actual = functionEnvironment(generation({ environment: {} }), options)
  t.ok(!('LAMBDA_EMU_TEST_SECRET' in actual))
  t.ok(!('HOME' in actual))
})

t.test('the dummy credentials have the form of temporary ones', async (t) => {
  t.match(dummyCredentials.accessKeyId, /^ASIA[A-Z2-7]{16}$/)
  t.equal(dummyCredentials.secretAccessKey.length, 40)
  t.match(dummyCredentials.sessionToken, /^[A-Za-z0-9+/=]{200,}$/)
})

// Source: AWS Lambda guide, Extensions API; the open Runtime API agent.
t.test(
  'an external extension gets the customer’s variables and the platform’s, and nothing of the runtime’s own',
  async (t) => {
    const environment = {
      TEST_KEY: 'TEST_VAL',
      AWS_XRAY_DAEMON_ADDRESS: 'mine',
      NODE_PATH: '/mine',
    }
    const given = generation({ environment, logFormat: 'JSON' })
    t.same(Object.keys(extensionEnvironment(given, { ...options, logDescriptor: 62 })).sort(), [
      'AWS_ACCESS_KEY_ID',
      'AWS_DEFAULT_REGION',
      'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
      'AWS_LAMBDA_FUNCTION_NAME',
      'AWS_LAMBDA_FUNCTION_VERSION',
      'AWS_LAMBDA_INITIALIZATION_TYPE',
      'AWS_LAMBDA_LOG_FORMAT',
      'AWS_LAMBDA_LOG_LEVEL',
      'AWS_LAMBDA_METADATA_API',
      'AWS_LAMBDA_METADATA_TOKEN',
      'AWS_LAMBDA_RUNTIME_API',
      'AWS_REGION',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SESSION_TOKEN',
      'LANG',
      'LD_LIBRARY_PATH',
      'NODE_PATH',
      'PATH',
      'TEST_KEY',
      'TZ',
    ])
  },
)
