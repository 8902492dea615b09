// Every recorded scenario that needs only these operations, run over the real protocol and compared member by member.

import t from 'tap'
import type { RequestId } from '../../../src/domain/brand.js'
import { exitFault, responseTooLargeFault, timeoutFault } from '../../../src/domain/faults.js'
import { faultPayload, type InvokeResult } from '../../../src/invoke/invoker.js'
import {
  asBoto3,
  invokeAsBoto3,
  type Json,
  type JsonObject,
  newComparison,
  recordedAnswers,
} from '../../support/recorded-answers.js'
import {
  type Call,
  create,
  get,
  getConfiguration,
  invoke,
  type LambdaApi,
  remove,
  startLambdaApi,
  updateCode,
  updateConfiguration,
  zipOf,
} from './lambda-api.js'

interface Step {
  /** The recorded answer's name. */
  readonly answer: string
  readonly call: Call
  /** Time that passes before the call. */
  readonly afterMs?: number
  /** What the recording cannot say of today: members that AWS has added since. */
  readonly addedSince?: readonly string[]
}

interface Scenario {
  readonly name: string
  readonly steps: readonly Step[]
  /** Calls that the recording does not show. */
  readonly before?: readonly Call[]
  readonly transitionMs?: number
}

const python = { Runtime: 'python3.12', Handler: 'handler.handler' }
const noVariables = { Environment: { Variables: {} } }
const since2022 = ['LoggingConfig', 'RuntimeVersionConfig', 'SnapStart']

const scenarios: readonly Scenario[] = [
  {
    name: 'test_function_lifecycle',
    steps: [
      {
        answer: 'create_response',
        call: create({ ...python, ...noVariables, MemorySize: 256, Timeout: 5 }),
      },
      { answer: 'get_function_response', call: get('hello') },
      {
        answer: 'update_func_conf_response',
        call: updateConfiguration('hello', {
          Runtime: 'python3.11',
          Description: 'Changed-Description',
          MemorySize: 512,
          Timeout: 10,
          Environment: { Variables: { ENV_A: 'a' } },
        }),
      },
      { answer: 'get_function_response_postupdate', call: get('hello') },
      { answer: 'update_code_response', call: updateCode('hello', { ZipFile: zipOf('two') }) },
      { answer: 'get_function_response_postcodeupdate', call: get('hello') },
      { answer: 'delete_response', call: remove('hello') },
      { answer: 'delete_postdelete', call: remove('hello') },
    ],
  },
  {
    name: 'test_redundant_updates',
    steps: [
      {
        answer: 'create_response',
        call: create({
          ...python,
          ...noVariables,
          Description: 'Initial description',
          Timeout: 30,
        }),
      },
      {
        answer: 'first_update_result',
        call: updateConfiguration('hello', { Description: '1st update description' }),
      },
      { answer: 'get_fn_config_result', call: getConfiguration('hello') },
      { answer: 'get_fn_result', call: get('hello') },
      {
        answer: 'redundant_update_result',
        call: updateConfiguration('hello', { Description: '1st update description' }),
      },
      { answer: 'get_fn_result_after_redundant_update', call: get('hello') },
    ],
  },
  {
    name: 'test_ops_on_nonexisting_fn[delete_function]',
    steps: [{ answer: 'not_found_exception', call: remove('missing') }],
  },
  {
    name: 'test_ops_on_nonexisting_fn[get_function]',
    steps: [{ answer: 'not_found_exception', call: get('missing') }],
  },
  {
    name: 'test_ops_with_arn_qualifier_mismatch[get_function]',
    steps: [
      {
        answer: 'not_match_exception',
        call: get(
          encodeURIComponent('arn:aws:lambda:eu-west-1:111111111111:function:some-function:1'),
          '?Qualifier=$LATEST',
        ),
      },
      {
        answer: 'match_exception',
        call: get(
          encodeURIComponent(
            'arn:aws:lambda:eu-west-1:111111111111:function:some-function:$LATEST',
          ),
          '?Qualifier=$LATEST',
        ),
      },
    ],
  },
  {
    name: 'test_lambda_code_location_zipfile',
    transitionMs: 1_000,
    steps: [
      { answer: 'create-response-zip-file', call: create({ Runtime: 'python3.12' }) },
      { answer: 'get-function-response', call: get('hello'), afterMs: 1_000 },
      { answer: 'update-function-response', call: updateCode('hello', { ZipFile: zipOf('two') }) },
      { answer: 'get-function-response-updated', call: get('hello') },
    ],
  },
  {
    name: 'test_large_environment_variables_fails',
    steps: [
      {
        answer: 'failed_create_fn_result',
        call: create({
          Environment: { Variables: { LARGE_VAR: 'x'.repeat(4_097 - '{"LARGE_VAR":""}'.length) } },
        }),
      },
    ],
  },
  {
    name: 'test_function_state',
    transitionMs: 1_000,
    steps: [
      { answer: 'create-fn-response', call: create(python) },
      { answer: 'get-fn-response', call: get('hello'), afterMs: 1_000 },
    ],
  },
  {
    name: 'test_invoke_exceptions',
    steps: [{ answer: 'invoke_function_doesnotexist', call: invoke('doesnotexist', '{}') }],
  },
  {
    name: 'test_lambda_environment',
    steps: [
      {
        answer: 'creation-result',
        call: create({
          Runtime: 'python3.9',
          Handler: 'handler.handler',
          Timeout: 30,
          Environment: { Variables: { Hello: 'World' } },
        }),
        addedSince: since2022,
      },
      {
        answer: 'get-configuration-result',
        call: getConfiguration('hello'),
        addedSince: since2022,
      },
    ],
  },
  {
    name: 'test_lambda_with_context',
    steps: [
      {
        answer: 'creation',
        call: create({
          Runtime: 'nodejs16.x',
          Handler: 'lambda_integration.handler',
          Timeout: 30,
          ...noVariables,
        }),
        addedSince: since2022,
      },
    ],
  },
  {
    name: 'test_introspection_invoke[provided.al2023]',
    steps: [
      {
        answer: 'create_function_result',
        call: create({
          Runtime: 'provided.al2023',
          Handler: 'function.handler',
          MemorySize: 1_024,
          Environment: { Variables: { TEST_KEY: 'TEST_VAL' } },
        }),
      },
    ],
  },
  {
    name: 'test_uncaught_exception_invoke[nodejs20.x]',
    steps: [
      {
        answer: 'create_function_result',
        call: create({ Runtime: 'nodejs20.x', MemorySize: 1_024 }),
      },
    ],
  },
]

for (const scenario of scenarios) {
  t.test(`as recorded from AWS: ${scenario.name}`, async (t) => {
    const api = await startLambdaApi(t, { transitionMs: scenario.transitionMs ?? 0 })
    const recorded = recordedAnswers(scenario.name)
    const comparison = newComparison()
    for (const step of scenario.steps) {
      if (step.afterMs !== undefined) api.clock.advance(step.afterMs)
      const actual = without(
        asBoto3(await api.call(step.call), operationOf(step.call)),
        step.addedSince ?? [],
      )
      t.same(comparison.differences(unwrapped(recorded[step.answer]), actual), [], step.answer)
    }
    t.same(api.bugs, [])
  })
}

function operationOf({ method }: Call): string | undefined {
  return method === 'DELETE' ? 'DeleteFunction' : undefined
}

/** The recorder wrapped what its own fixture had made. */
function unwrapped(recorded: Json | undefined): Json | undefined {
  if (typeof recorded !== 'object' || recorded === null || Array.isArray(recorded)) return recorded
  return (recorded as JsonObject).CreateFunctionResponse ?? recorded
}

function without(actual: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(actual).filter(([name]) => !names.includes(name)))
}

t.test('as recorded from AWS: test_account_settings', async (t) => {
  const api = await startLambdaApi(t)
  const actual = asBoto3(await api.call({ method: 'GET', path: '/2016-08-19/account-settings/' }))
  const names = Object.fromEntries(
    Object.entries(actual).map(([name, value]) => [
      name,
      name === 'ResponseMetadata' ? value : Object.keys(value as JsonObject).sort(),
    ]),
  )
  t.same(
    newComparison().differences(
      recordedAnswers('test_account_settings').acc_settings_modded,
      names,
    ),
    [],
  )
})

t.test('as recorded from AWS: test_oversized_lambda', async (t) => {
  const api = await startLambdaApi(t)
  const { rawZip } = await import('../../packages/raw-zip.js')
  const zip = rawZip([{ name: 'large', data: Buffer.alloc(262_144_001), deflate: true }])
  const actual = asBoto3(await api.call(create({ Code: { ZipFile: zip.toString('base64') } })))
  t.same(
    newComparison().differences(recordedAnswers('test_oversized_lambda').invalid_param_exc, actual),
    [],
  )
})

t.test('as recorded from AWS: test_oversized_request_create_lambda', async (t) => {
  const api = await startLambdaApi(t)
  const actual = asBoto3(await api.call({ ...create(), body: Buffer.alloc(70_167_212, 'x') }))
  const recorded = recordedAnswers('test_oversized_request_create_lambda').invalid_param_exc
  t.same(newComparison().differences(recorded, actual), [])
})

const requestId = '9d2f3a52-0000-4000-8000-000000000001'
const json = 'application/json'

function response(payload: string): (id: RequestId) => InvokeResult {
  return (id) => ({
    is: 'response',
    requestId: id,
    payload: Buffer.from(payload),
    contentType: json,
  })
}

function failure(payload: Buffer | string, errorType: string): (id: RequestId) => InvokeResult {
  return (id) => ({ is: 'function-error', requestId: id, payload: Buffer.from(payload), errorType })
}

const invocations: readonly {
  readonly scenario: string
  readonly answer: string
  readonly headers?: Readonly<Record<string, string>>
  readonly result: (id: RequestId) => InvokeResult
}[] = [
  {
    scenario: 'test_invocation_type_request_response[nodejs16.x]',
    answer: 'invoke-result',
    result: response('{}'),
  },
  {
    scenario: 'test_invocation_type_event[nodejs16.x]',
    answer: 'invoke-result',
    headers: { 'x-amz-invocation-type': 'Event' },
    result: response('{}'),
  },
  {
    scenario: 'test_invocation_type_dry_run[nodejs16.x]',
    answer: 'invoke-result',
    headers: { 'x-amz-invocation-type': 'DryRun' },
    result: response('{}'),
  },
  {
    scenario: 'test_invocation_with_logs[nodejs16.x]',
    answer: 'invoke',
    headers: { 'x-amz-log-type': 'Tail' },
    result: (id) => ({ ...response('{}')(id), logTail: Buffer.from('START') }),
  },
  {
    scenario: 'test_lambda_runtime_exit',
    answer: 'invocation_error',
    result: failure(
      faultPayload(exitFault(requestId, { code: 0, signal: null })),
      'Runtime.ExitError',
    ),
  },
  {
    scenario: 'test_lambda_invoke_with_timeout',
    answer: 'invoke-result',
    result: failure(faultPayload(timeoutFault(requestId, 1_000)), 'Sandbox.Timedout'),
  },
  {
    scenario: 'test_lambda_too_large_response',
    answer: 'invoke_result',
    result: failure(faultPayload(responseTooLargeFault()), 'Function.ResponseSizeTooLarge'),
  },
  {
    scenario: 'test_uncaught_exception_invoke[nodejs20.x]',
    answer: 'error_result',
    result: failure(
      '{"errorType":"Error","errorMessage":"Error: some_error_msg","trace":["at x"]}',
      'Error',
    ),
  },
  {
    scenario: 'test_lambda_cache_local[nodejs]',
    answer: 'first_invoke_result',
    result: response('{"counter":0}'),
  },
]

for (const { scenario, answer, headers, result } of invocations) {
  t.test(`as recorded from AWS: ${scenario}, ${answer}`, async (t) => {
    const api = await invokable(t, result)
    const actual = invokeAsBoto3(await api.call(invoke('hello', '{}', headers)))
    t.same(newComparison().differences(recordedAnswers(scenario)[answer], actual), [])
    t.same(api.bugs, [])
  })
}

async function invokable(
  t: Parameters<typeof startLambdaApi>[0],
  result: (id: RequestId) => InvokeResult,
): Promise<LambdaApi> {
  const api = await startLambdaApi(t, {
    answer: (request) => result(request.requestId ?? (requestId as RequestId)),
  })
  await api.call(create())
  return api
}

t.test('the comparison sees what differs', async (t) => {
  const table: readonly [recorded: Json, actual: Json, differences: number][] = [
    [{ a: 1 }, { a: 1 }, 0],
    [{ a: 1 }, { a: 2 }, 1],
    [{ a: 1 }, {}, 1],
    [{}, { a: 1 }, 1],
    [{ a: null }, {}, 1],
    [[1, 2], [1], 1],
    ['<uuid:1>', 'x', 0],
    [['<uuid:1>', '<uuid:1>'], ['x', 'y'], 1],
    [['<uuid:1>', '<uuid:2>'], ['x', 'x'], 1],
    [['<uuid:1>', '<resource:1>'], ['x', 'x'], 0],
    [['<code-size>', '<code-size>'], [1, 2], 0],
    ['arn:<partition>:x:<function-name:1>', 'arn:aws:x:f', 0],
    ['arn:<partition>:x:<function-name:1>', 'arn:aws:y:f', 1],
    [['<function-name:1>', 'a/<function-name:1>'], ['f', 'a/g'], 1],
    ['date', 'anything', 0],
    ['a.c', 'abc', 1],
    [1, '1', 1],
  ]
  for (const [recorded, actual, differences] of table) {
    t.equal(
      newComparison().differences(recorded, actual).length,
      differences,
      JSON.stringify([recorded, actual]),
    )
  }
})
