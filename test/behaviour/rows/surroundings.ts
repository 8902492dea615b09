// Environment variables and the context object.

import type { Row } from '../table.js'

const reserved = {
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
  AWS_LAMBDA_FUNCTION_NAME: 'variables',
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
  AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/variables',
  AWS_LAMBDA_LOG_STREAM_NAME: '<stream>',
  AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x',
  AWS_REGION: 'us-east-1',
  AWS_XRAY_CONTEXT_MISSING: 'LOG_ERROR',
  AWS_XRAY_DAEMON_ADDRESS: '169.254.100.1:2000',
  LANG: 'en_US.UTF-8',
  _AWS_XRAY_DAEMON_ADDRESS: '169.254.100.1',
  _AWS_XRAY_DAEMON_PORT: '2000',
  _HANDLER: 'index.handler',
}
const valuesOf = (values: Readonly<Record<string, string | null>>) => ({
  event: { do: 'env', names: Object.keys(values) },
  expects: { payload: values },
})
const hidden = {
  _LAMBDA_TELEMETRY_LOG_FD: null,
  AWS_LAMBDA_LOG_FORMAT: null,
  AWS_LAMBDA_LOG_LEVEL: null,
  AWS_LAMBDA_MAX_CONCURRENCY: null,
  NODE_OPTIONS: null,
  HOME: null,
  LAMBDA_EMU_TEST_MODE: null,
}

export const environment: readonly Row[] = [
  { claim: 'Lambda sets its variables', function: 'variables', ...valuesOf(reserved) },
  {
    claim: "the function's own variables win over those that Lambda leaves open",
    function: 'variables',
    ...valuesOf({ OWN: 'value', TZ: 'Europe/Vienna', PATH: '/own' }),
  },
  {
    claim: 'Node: what the runtime takes, and what is not of Lambda, is not there',
    function: 'node',
    ...valuesOf(hidden),
  },
  {
    claim: 'Python: the same',
    function: 'python',
    ...valuesOf({
      ...hidden,
      AWS_EXECUTION_ENV: 'AWS_Lambda_python3.12',
      LC_CTYPE: 'C.UTF-8',
      TZ: ':UTC',
    }),
  },
  {
    claim: 'Node: all names of Lambda',
    function: 'node',
    event: { do: 'envNames', like: '^(AWS_|_|LAMBDA_)' },
    expects: {
      payload: [
        'AWS_ACCESS_KEY_ID',
        'AWS_DEFAULT_REGION',
        'AWS_ENDPOINT_URL_LAMBDA',
        'AWS_EXECUTION_ENV',
        'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
        'AWS_LAMBDA_FUNCTION_NAME',
        'AWS_LAMBDA_FUNCTION_VERSION',
        'AWS_LAMBDA_INITIALIZATION_TYPE',
        'AWS_LAMBDA_LOG_GROUP_NAME',
        'AWS_LAMBDA_LOG_STREAM_NAME',
        'AWS_LAMBDA_METADATA_API',
        'AWS_LAMBDA_METADATA_TOKEN',
        'AWS_LAMBDA_RUNTIME_API',
        'AWS_REGION',
        'AWS_SECRET_ACCESS_KEY',
        'AWS_SESSION_TOKEN',
        'AWS_XRAY_CONTEXT_MISSING',
        'AWS_XRAY_DAEMON_ADDRESS',
        'LAMBDA_RUNTIME_DIR',
        'LAMBDA_TASK_ROOT',
        '_AWS_XRAY_DAEMON_ADDRESS',
        '_AWS_XRAY_DAEMON_PORT',
        '_HANDLER',
        '_X_AMZN_TRACE_ID',
      ],
    },
  },
  {
    claim: 'provided: no AWS_EXECUTION_ENV, no trace id, no descriptor for the log',
    function: 'provided',
    ...valuesOf({
      AWS_EXECUTION_ENV: null,
      _X_AMZN_TRACE_ID: null,
      _LAMBDA_TELEMETRY_LOG_FD: null,
      _HANDLER: 'any.thing',
    }),
  },
  {
    claim: 'with JSON the format and the level are there',
    function: 'jsonDebug',
    ...valuesOf({
      AWS_LAMBDA_LOG_FORMAT: 'JSON',
      AWS_LAMBDA_LOG_LEVEL: 'DEBUG',
      _LAMBDA_TELEMETRY_LOG_FD: null,
    }),
  },
  {
    claim: 'Node: the trace id is set for the invocation',
    function: 'node',
    event: { do: 'trace' },
    expects: { payload: true },
  },
  {
    claim: 'the metadata endpoint tells the zone',
    function: 'node',
    event: { do: 'metadata' },
    expects: { payload: [200, '{"AvailabilityZoneID":"use1-az1"}'] },
  },
  {
    claim: 'the metadata endpoint refuses another token',
    function: 'node',
    event: { do: 'metadata', token: 'other' },
    expects: { payload: [401, ''] },
  },
]

const clientContext = { custom: { a: 'é' }, env: { b: '1' }, client: { installation_id: 'c' } }
const nodeContext = {
  functionVersion: '$LATEST',
  functionName: 'node',
  memoryLimitInMB: '1769',
  logGroupName: '/aws/lambda/node',
  logStreamName: '<stream>',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:node',
  awsRequestId: '<id>',
}

export const contexts: readonly Row[] = [
  {
    claim: 'Node 22: the fields of the context, in order',
    function: 'node',
    event: { do: 'fields' },
    expects: {
      payload: [
        'callbackWaitsForEmptyEventLoop',
        'succeed',
        'fail',
        'done',
        'functionVersion',
        'functionName',
        'memoryLimitInMB',
        'logGroupName',
        'logStreamName',
        'clientContext',
        'identity',
        'invokedFunctionArn',
        'awsRequestId',
        'tenantId',
        'getRemainingTimeInMillis',
      ],
    },
  },
  {
    claim: 'Node 24: the fields of the context, in order',
    function: 'node24',
    event: { do: 'fields' },
    expects: {
      payload: [
        'clientContext',
        'identity',
        'invokedFunctionArn',
        'awsRequestId',
        'tenantId',
        'xRayTraceId',
        'getRemainingTimeInMillis',
        'functionName',
        'functionVersion',
        'memoryLimitInMB',
        'logGroupName',
        'logStreamName',
      ],
    },
  },
  {
    claim: 'Node 22: the values of the context',
    function: 'node',
    event: { do: 'context' },
    expects: { payload: { callbackWaitsForEmptyEventLoop: true, ...nodeContext } },
  },
  {
    claim: 'Node 22: the client context as it was given',
    function: 'node',
    event: { do: 'context' },
    options: { clientContext },
    expects: { payload: { callbackWaitsForEmptyEventLoop: true, ...nodeContext, clientContext } },
  },
  {
    claim: 'Node: the remaining time begins at the timeout and passes',
    function: 'node',
    event: { do: 'remaining', sleepMs: 50 },
    expects: { payload: [true, true, true] },
  },
  {
    claim: 'Python: the fields of the context',
    function: 'python',
    event: { do: 'context' },
    options: { clientContext },
    expects: {
      payload: {
        aws_request_id: '<id>',
        log_group_name: '/aws/lambda/python',
        log_stream_name: '<stream>',
        function_name: 'python',
        memory_limit_in_mb: '1769',
        function_version: '$LATEST',
        invoked_function_arn: 'arn:aws:lambda:us-east-1:000000000000:function:python',
        tenant_id: null,
        client_context: { custom: clientContext.custom, env: clientContext.env },
        identity: [null, null],
      },
    },
  },
  {
    claim: 'Python: the remaining time is a whole number and passes',
    function: 'python',
    event: { do: 'remaining', sleepMs: 50 },
    expects: { payload: [true, true, true] },
  },
  {
    claim: 'provided: the headers of an event; empty ones are left out',
    function: 'provided',
    event: { do: 'headers' },
    expects: {
      payload: [
        'lambda-runtime-aws-request-id',
        'lambda-runtime-deadline-ms',
        'lambda-runtime-invocation-id',
        'lambda-runtime-invoked-function-arn',
        'lambda-runtime-trace-id',
      ],
    },
  },
  {
    claim: 'provided: the client context is one header more',
    function: 'provided',
    event: { do: 'headers' },
    options: { clientContext },
    expects: {
      payload: [
        'lambda-runtime-aws-request-id',
        'lambda-runtime-client-context',
        'lambda-runtime-deadline-ms',
        'lambda-runtime-invocation-id',
        'lambda-runtime-invoked-function-arn',
        'lambda-runtime-trace-id',
      ],
    },
  },
]
