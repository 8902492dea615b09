// What a Python handler sees around itself: context, environment, paths, modules.

import t from 'tap'
import { type Event, runClient } from './client-harness.js'

async function answer(
  body: string,
  event: Event = { body: '{}' },
  env: Record<string, string> = {},
) {
  const lines = body.split('\n').map((line) => `    ${line}`)
  const source = `import os, sys\ndef handler(event, context):\n${lines.join('\n')}\n`
  const { posts, task, stderr } = await runClient({ source, events: [event], env })
  t.equal(stderr, '')
  return { value: JSON.parse(posts[0]?.body.toString() ?? 'null'), task }
}

const fields = `fields = [name for name in dir(context) if not name.startswith("_")]
return {name: getattr(context, name) for name in fields if not callable(getattr(context, name)) and name not in ("identity", "client_context")} | {"methods": [name for name in fields if callable(getattr(context, name))], "identity": repr(context.identity), "client": repr(context.client_context), "left": type(context.get_remaining_time_in_millis()).__name__}`

t.test('the context has the fields and types of Lambda', async (t) => {
  const { value } = await answer(fields)
  t.same(value, {
    aws_request_id: 'ID1',
    function_name: 'fn',
    function_version: '$LATEST',
    invoked_function_arn: 'arn:aws:lambda:us-east-1:000000000000:function:fn',
    log_group_name: '/aws/lambda/fn',
    log_stream_name: '2026/11/21/[$LATEST]0',
    memory_limit_in_mb: '512',
    tenant_id: null,
    methods: ['get_remaining_time_in_millis', 'log', 'w3c'],
    identity: 'CognitoIdentity([cognito_identity_id=None,cognito_identity_pool_id=None])',
    client: 'None',
    left: 'int',
  })
})

t.test('client context, identity, tenant and W3C fields come from the headers', async (t) => {
  const headers = {
    'Lambda-Runtime-Client-Context':
      '{"custom":{"a":"é"},"env":{"m":1},"client":{"app_title":"t"},"w3c":{"traceparent":"00","x":"y"}}',
    'Lambda-Runtime-Cognito-Identity': '{"cognitoIdentityId":"i","cognitoIdentityPoolId":"p"}',
    'Lambda-Runtime-Aws-Tenant-Id': 'tenA',
  }
  const { value } = await answer(
    'c = context.client_context\nreturn [c.custom, c.env, c.client.app_title, c.client.installation_id, context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id, context.tenant_id, context.w3c()]',
    { body: '{}', headers },
  )
  t.same(value, [{ a: 'é' }, { m: 1 }, 't', null, 'i', 'p', 'tenA', { traceparent: '00' }])
})

t.test('the remaining time never falls below zero', async (t) => {
  const { value } = await answer('return context.get_remaining_time_in_millis()', {
    body: '{}',
    headers: { 'Lambda-Runtime-Deadline-Ms': '1000' },
  })
  t.equal(value, 0)
})

t.test('the trace id is set for each invocation and taken away when there is none', async (t) => {
  const source =
    'import os\ndef handler(event, context):\n    found = os.environ.get("_X_AMZN_TRACE_ID")\n    os.environ["_X_AMZN_TRACE_ID"] = "mine"\n    return found\n'
  const none = { body: '{}', headers: { 'Lambda-Runtime-Trace-Id': null } }
  const { posts } = await runClient({ source, events: ['{}', '{}', none] })
  t.same(
    posts.map(({ body }) => JSON.parse(body.toString())),
    ['Root=1-a;Parent=1;Sampled=1', 'Root=1-a;Parent=2;Sampled=1', null],
  )
})

t.test('the environment is what the process was given, and the trace id', async (t) => {
  const { value } = await answer(
    'return sorted(os.environ)',
    { body: '{}' },
    { _LAMBDA_TELEMETRY_LOG_FD: '2' },
  )
  t.same(value, [
    'AWS_EXECUTION_ENV',
    'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
    'AWS_LAMBDA_FUNCTION_NAME',
    'AWS_LAMBDA_FUNCTION_VERSION',
    'AWS_LAMBDA_LOG_GROUP_NAME',
    'AWS_LAMBDA_LOG_STREAM_NAME',
    'AWS_LAMBDA_RUNTIME_API',
    'LAMBDA_TASK_ROOT',
    'LANG',
    'PATH',
    'PYTHONDONTWRITEBYTECODE',
    '_HANDLER',
    '_X_AMZN_TRACE_ID',
  ])
})

t.test('sys.path is the function, PYTHONPATH, the interpreter; nothing of ours', async (t) => {
  const { value, task } = await answer(
    'return sys.path',
    { body: '{}' },
    { PYTHONPATH: '/opt/python/a:/opt/python' },
  )
  t.same(value.slice(0, 3), [task, '/opt/python/a', '/opt/python'])
  t.equal(
    value.some((path: string) => path.includes('runtimes/python')),
    false,
  )
})

t.test('arguments and modules name nothing but a bootstrap', async (t) => {
  const { value } = await answer(
    'return [sys.argv, [name for name in sys.modules if "emu" in name], "logging" in sys.modules, [p for p in sys.path_importer_cache if p.endswith("runtimes/python")], repr(type(context))]',
  )
  t.same(value, [
    ['/var/runtime/bootstrap.py'],
    [],
    true,
    [],
    "<class 'awslambdaric.lambda_context.LambdaContext'>",
  ])
})

t.test('the interpreter’s own packages and a layer’s sitecustomize work', async (t) => {
  const { value } = await answer(
    'import site\nreturn [sys.flags.no_site, any(p in sys.path for p in site.getsitepackages())]',
  )
  t.same(value, [0, true])
})

t.test('modules deferred at the start are whole once imported, by any road', async (t) => {
  const { value } = await answer(`import json, logging.handlers, collections.abc, importlib
from enum import Enum
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    names = list(pool.map(lambda name: importlib.import_module(name).__spec__.name, ["decimal", "typing", "random", "tokenize"] * 4))
fresh = importlib.reload(json)
return [names[:4], fresh is json, type(json).__name__, json.loads("[1]"), logging.handlers.__package__, sys.modules["re"].sub("a", "b", "aa")]`)
  t.same(value, [['decimal', 'typing', 'random', 'tokenize'], true, 'module', [1], 'logging', 'bb'])
})

t.test('multiprocessing by spawn does not start a second runtime', async (t) => {
  const source = `import multiprocessing
def work(queue):
    queue.put("worked")
def handler(event, context):
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.SimpleQueue()
    process = spawn.Process(target=work, args=(queue,))
    process.start()
    process.join()
    return [queue.get(), process.exitcode]
`
  const { posts, requests, stderr } = await runClient({ source })
  t.equal(stderr, '')
  t.equal(posts[0]?.body.toString(), '["worked", 0]')
  t.equal(requests.length, 3)
})
