// What Lambda's API keeps and hands on, beyond the recorded scenarios, over the real protocol.

import t from 'tap'
import type { RequestId } from '../../../src/domain/brand.js'
import {
  base64,
  body,
  create,
  echo,
  get,
  getConfiguration,
  helloArn,
  invoke,
  jsonOf,
  list,
  type Members,
  remove,
  startLambdaApi,
  startWithHello,
  textOf,
  updateCode,
  updateConfiguration,
  zipOf,
} from './lambda-api.js'

t.test('a synchronous invocation carries everything its caller gave', async (t) => {
  const api = await startWithHello(t)
  const context = '{"custom":{"foo":"bar"}}'
  const answer = await api.call(
    invoke(encodeURIComponent(`${helloArn}:$LATEST`), '{"a":1}', {
      'x-amz-client-context': base64(context),
      'x-amz-log-type': 'Tail',
      'x-amzn-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793',
    }),
  )
  const [request] = api.invoked
  t.equal(request?.functionArn, helloArn)
  t.equal(request?.invokedArn, `${helloArn}:$LATEST`)
  t.equal(request?.version, '$LATEST')
  t.equal(request?.generation, api.functions.all()[0]?.generation?.id)
  t.equal(request?.payload.toString(), '{"a":1}')
  t.equal(request?.clientContext, context)
  t.equal(request?.logTail, true)
  t.equal(request?.traceHeader, 'Root=1-5759e988-bd862e3fe1be46a994272793')
  t.equal(request?.origin, 'invoke-api')
  t.equal(answer.headers['x-amzn-requestid'], request?.requestId)
  t.equal(answer.headers['x-amz-executed-version'], '$LATEST')
  t.equal(answer.body, '{"a":1}')
})

t.test('an empty body reaches the function as an empty object', async (t) => {
  const api = await startWithHello(t)
  await api.call(invoke('hello'))
  await api.call(invoke('hello', undefined, { 'x-amz-invocation-type': 'Event' }))
  t.equal(api.invoked[0]?.payload.toString(), '{}')
  t.equal(api.queued[0]?.payload.toString(), '{}')
})

t.test(
  'an event is accepted once, under the id that the caller is told, without a client context',
  async (t) => {
    const api = await startWithHello(t)
    const answer = await api.call(
      invoke('hello', jsonOf(1_048_576), {
        'x-amz-invocation-type': 'Event',
        'x-amz-client-context': 'ignored',
      }),
    )
    t.equal(answer.status, 202)
    t.equal(answer.body, '')
    t.equal(api.queued.length, 1)
    t.equal(api.invoked.length, 0)
    t.ok(!('clientContext' in (api.queued[0] ?? {})))
    t.match(answer.headers['x-amzn-requestid'], /^00000000-/)
  },
)

t.test('a dry run runs nothing', async (t) => {
  const api = await startWithHello(t)
  const answer = await api.call(invoke('hello', '{}', { 'x-amz-invocation-type': 'DryRun' }))
  t.same([answer.status, answer.body, api.invoked.length, api.queued.length], [204, '', 0, 0])
})

t.test('the log comes only when asked for, and only its last 4 KB', async (t) => {
  const log = Buffer.from(`${'x'.repeat(5_000)}END`)
  const api = await startWithHello(t, { answer: (request) => ({ ...echo(request), logTail: log }) })
  const plain = await api.call(invoke('hello', '{}'))
  t.equal(plain.headers['x-amz-log-result'], undefined)
  const tail = await api.call(invoke('hello', '{}', { 'x-amz-log-type': 'Tail' }))
  const text = Buffer.from(tail.headers['x-amz-log-result'] ?? '', 'base64').toString()
  t.equal(text.length, 4_096)
  t.ok(text.endsWith('xEND'))
})

t.test('what never ran is a refusal with its reason', async (t) => {
  const table = [
    ['ConcurrentInvocationLimitExceeded', 429, 'TooManyRequestsException'],
    ['ReservedFunctionConcurrentInvocationLimitExceeded', 429, 'TooManyRequestsException'],
    ['MemoryBudgetExceeded', 429, 'TooManyRequestsException'],
    ['FunctionDeleted', 404, 'ResourceNotFoundException'],
    ['EmulatorStopping', 500, 'ServiceException'],
  ] as const
  for (const [reason, status, error] of table) {
    const api = await startWithHello(t, {
      answer: () => ({ is: 'refused', requestId: 'id' as RequestId, reason }),
    })
    const answer = await api.call(invoke('hello', '{}'))
    t.same([answer.status, answer.headers['x-amzn-errortype']], [status, error], reason)
    if (status !== 429) continue
    const ours = reason === 'MemoryBudgetExceeded'
    t.match(body(answer), {
      Reason: ours ? 'ConcurrentInvocationLimitExceeded' : reason,
      Type: 'User',
      message: ours ? /^Rate Exceeded\. .*--memory-budget MB/ : 'Rate Exceeded.',
    })
  }
})

t.test('settings come back as they were given, and what has no effect is named', async (t) => {
  const api = await startLambdaApi(t)
  const given = {
    Tags: { team: 'blue' },
    TracingConfig: { Mode: 'Active' },
    DeadLetterConfig: { TargetArn: 'arn:aws:sqs:eu-west-1:111111111111:dead' },
    KMSKeyArn: 'arn:aws:kms:eu-west-1:111111111111:key/k',
    SnapStart: { ApplyOn: 'PublishedVersions' },
    Architectures: ['arm64'],
    EphemeralStorage: { Size: 1_024 },
    LoggingConfig: { LogFormat: 'JSON', ApplicationLogLevel: 'WARN', LogGroup: '/mine' },
    VpcConfig: { SubnetIds: ['subnet-1'], SecurityGroupIds: ['sg-1'] },
  }
  const created = await api.call(create(given))
  t.equal(created.status, 201, created.body)
  const { Configuration, Tags } = body(await api.call(get('hello'))) as {
    Configuration: Members
    Tags: Members
  }
  t.same(Tags, given.Tags)
  t.match(Configuration, {
    TracingConfig: given.TracingConfig,
    DeadLetterConfig: given.DeadLetterConfig,
    KMSKeyArn: given.KMSKeyArn,
    SnapStart: { ApplyOn: 'PublishedVersions', OptimizationStatus: 'Off' },
    Architectures: ['arm64'],
    EphemeralStorage: { Size: 1_024 },
    LoggingConfig: {
      LogFormat: 'JSON',
      ApplicationLogLevel: 'WARN',
      SystemLogLevel: 'INFO',
      LogGroup: '/mine',
    },
    VpcConfig: {
      SubnetIds: ['subnet-1'],
      SecurityGroupIds: ['sg-1'],
      Ipv6AllowedForDualStack: false,
    },
  })
  t.same(api.functions.all()[0]?.recordedOnly, [
    'DeadLetterConfig',
    'KMSKeyArn',
    'SnapStart',
    'Tags',
    'TracingConfig',
    'VpcConfig',
  ])
  await api.call(
    updateConfiguration('hello', {
      DeadLetterConfig: { TargetArn: '' },
      KMSKeyArn: '',
      VpcConfig: { SubnetIds: [], SecurityGroupIds: [] },
    }),
  )
  const after = body(await api.call(getConfiguration('hello')))
  for (const member of ['DeadLetterConfig', 'KMSKeyArn', 'VpcConfig'])
    t.ok(!(member in after), member)
  t.match(after, { TracingConfig: given.TracingConfig }, 'what an update does not name stays')
})

t.test('log levels come with the JSON format and go with it', async (t) => {
  const api = await startWithHello(t)
  const text = { LogFormat: 'Text', LogGroup: '/aws/lambda/hello' }
  const logging = async () => body(await api.call(getConfiguration('hello'))).LoggingConfig
  const update = (LoggingConfig: object) =>
    api.call(updateConfiguration('hello', { LoggingConfig }))
  t.same(await logging(), text)
  const refusal = {
    Type: 'User',
    message:
      'LogLevel is not supported when LogFormat is set to "Text". Remove LogLevel from your request or change the LogFormat to "JSON" and try again.',
  }
  for (const levels of [
    { ApplicationLogLevel: 'INFO' },
    { SystemLogLevel: 'WARN' },
    { LogFormat: 'Text', SystemLogLevel: 'INFO' },
  ]) {
    const refused = await update(levels)
    t.equal(refused.status, 400)
    t.equal(refused.headers['x-amzn-errortype'], 'InvalidParameterValueException')
    t.same(body(refused), refusal, JSON.stringify(levels))
  }
  await update({ LogFormat: 'JSON' })
  const json = { LogFormat: 'JSON', ApplicationLogLevel: 'INFO', SystemLogLevel: 'INFO' }
  t.same(await logging(), { ...json, LogGroup: '/aws/lambda/hello' })
  await update({ ApplicationLogLevel: 'ERROR', LogGroup: '/mine' })
  t.same(await logging(), { ...json, ApplicationLogLevel: 'ERROR', LogGroup: '/mine' })
  t.same(api.functions.all()[0]?.definition.logLevels, { application: 'ERROR', system: 'INFO' })
  await update({ LogFormat: 'Text' })
  t.same(await logging(), { LogFormat: 'Text', LogGroup: '/mine' })
  await update({ LogFormat: 'JSON' })
  t.same(await logging(), { ...json, LogGroup: '/mine' }, 'old levels do not come back')
})

t.test('words that Lambda’s model does not have are refused by it', async (t) => {
  const api = await startLambdaApi(t)
  for (const [member, value, set] of [
    ['LogFormat', 'XML', 'JSON, Text'],
    ['ApplicationLogLevel', 'LOUD', 'TRACE, DEBUG, INFO, WARN, ERROR, FATAL'],
    ['SystemLogLevel', 'ERROR', 'DEBUG, INFO, WARN'],
  ] as const) {
    const answer = await api.call(create({ LoggingConfig: { [member]: value } }))
    t.equal(answer.status, 400)
    const path = `loggingConfig.${member.charAt(0).toLowerCase()}${member.slice(1)}`
    t.equal(
      body(answer).message,
      `1 validation error detected: Value '${value}' at '${path}' failed to satisfy constraint: Member must satisfy enum value set: [${set}]`,
    )
  }
})

t.test('what a request leaves out has AWS’s defaults', async (t) => {
  const api = await startWithHello(t)
  const configuration = body(await api.call(getConfiguration('hello')))
  t.match(configuration, {
    Timeout: 3,
    MemorySize: 128,
    Description: '',
    LastModified: '2026-11-21T01:08:23.000+0000',
    RuntimeVersionConfig: { RuntimeVersionArn: /^arn:aws:lambda:eu-west-1::runtime:[0-9a-f]{64}$/ },
  })
  t.ok(!('Environment' in configuration))
  t.match(body(await api.call(getConfiguration('hello', '?Qualifier=$LATEST'))), {
    FunctionArn: `${helloArn}:$LATEST`,
  })
})

t.test('a dry run of new code tells its hash and changes nothing', async (t) => {
  const api = await startWithHello(t)
  const before = body(await api.call(getConfiguration('hello')))
  const dry = body(await api.call(updateCode('hello', { ZipFile: zipOf('two'), DryRun: true })))
  t.ok(dry.CodeSha256 !== before.CodeSha256)
  t.same(body(await api.call(getConfiguration('hello'))), before)
  t.equal(api.deployments.length, 1)
  const updated = body(
    await api.call(updateCode('hello', { ZipFile: zipOf('two'), RevisionId: before.RevisionId })),
  )
  t.equal(updated.CodeSha256, dry.CodeSha256)
})

t.test(
  'lists go page by page in the order of names, each account and region for itself',
  async (t) => {
    const api = await startLambdaApi(t)
    for (const name of ['c', 'a', 'e', 'b', 'd']) await api.call(create({ FunctionName: name }))
    const elsewhere = {
      authorization:
        'AWS4-HMAC-SHA256 Credential=222222222222/20261121/us-west-2/lambda/aws4_request, SignedHeaders=host, Signature=0',
    }
    await api.call({ ...create({ FunctionName: 'other' }), headers: elsewhere })
    const names: unknown[] = []
    let marker = ''
    for (let page = 0; page < 3; page += 1) {
      const { Functions, NextMarker } = body(await api.call(list(`?MaxItems=2${marker}`))) as {
        Functions: Members[]
        NextMarker?: string
      }
      names.push(Functions.map(({ FunctionName }) => FunctionName))
      t.ok(!Functions.some((each) => 'State' in each), 'a list leaves the state out')
      marker = NextMarker === undefined ? '' : `&Marker=${encodeURIComponent(NextMarker)}`
    }
    t.same(names, [['a', 'b'], ['c', 'd'], ['e']])
    t.equal(marker, '', 'the last page has no marker')
    const others = body(await api.call({ ...list(), headers: elsewhere })) as {
      Functions: Members[]
    }
    t.same(
      others.Functions.map(({ FunctionArn }) => FunctionArn),
      ['arn:aws:lambda:us-west-2:222222222222:function:other'],
    )
    t.equal((await api.call(get('other'))).status, 404)
  },
)

t.test('account settings count what there is', async (t) => {
  const api = await startWithHello(t)
  const settings = body(await api.call({ method: 'GET', path: '/2016-08-19/account-settings' }))
  t.match(settings, {
    AccountLimit: { ConcurrentExecutions: 1_000, CodeSizeUnzipped: 262_144_000 },
    AccountUsage: { FunctionCount: 1, TotalCodeSize: Buffer.from(zipOf('one'), 'base64').length },
  })
})

t.test('two creations of one name at once: one wins, the other is refused', async (t) => {
  const api = await startLambdaApi(t)
  const answers = await Promise.all([
    api.call(create()),
    api.call(create({ Code: { ZipFile: zipOf('two') } })),
  ])
  t.same(answers.map(({ status }) => status).sort(), [201, 409])
  t.same(api.bugs, [])
})

t.test('an invocation of a function that is being created waits for it', async (t) => {
  const api = await startLambdaApi(t, { transitionMs: 1_000 })
  await api.call(create())
  const answer = api.call(invoke('hello', '{}'))
  await Promise.race([api.waiting, answer])
  t.match(body(await api.call(getConfiguration('hello'))), { State: 'Pending' })
  t.equal(api.invoked.length, 0)
  api.clock.advance(1_000)
  t.equal((await answer).status, 200)
})

t.test('an invocation during an update runs the old generation', async (t) => {
  const api = await startLambdaApi(t, { transitionMs: 1_000 })
  await api.call(create())
  api.clock.advance(1_000)
  const old = api.functions.all()[0]?.generation?.id
  await api.call(updateConfiguration('hello', { Timeout: 9 }))
  await api.call(invoke('hello', '{}'))
  t.equal(api.invoked[0]?.generation, old)
  api.clock.advance(1_000)
  await api.call(invoke('hello', '{}'))
  t.ok(api.invoked[1]?.generation !== old)
})

t.test('updates that meet wait for each other, and none is lost', async (t) => {
  const api = await startLambdaApi(t, { transitionMs: 1_000 })
  await api.call(create())
  api.clock.advance(1_000)
  const updates = [
    api.call(updateConfiguration('hello', { Timeout: 9 })),
    api.call(updateConfiguration('hello', { MemorySize: 256 })),
    api.call(updateCode('hello', { ZipFile: zipOf('two') })),
  ]
  // The end of each update lets the next one in, whichever that is.
  const answered = Promise.all(
    updates.map(async (update) => {
      const answer = await update
      api.clock.advance(1_000)
      return answer
    }),
  )
  t.same(
    (await answered).map(({ status }) => status),
    [200, 200, 200],
  )
  t.match(body(await api.call(getConfiguration('hello'))), {
    Timeout: 9,
    MemorySize: 256,
    LastUpdateStatus: 'Successful',
  })
  t.same(api.bugs, [])
})

t.test('where AWS’s delays are wanted, so are its refusals', async (t) => {
  const api = await startLambdaApi(t, { transitionMs: 1_000, whileInTransition: 'refuse' })
  await api.call(create())
  const pending = await api.call(invoke('hello', '{}'))
  t.same([pending.status, pending.headers['x-amzn-errortype']], [409, 'ResourceConflictException'])
  t.equal(
    textOf(pending),
    'The operation cannot be performed at this time. The function is currently in the following state: Pending',
  )
  api.clock.advance(1_000)
  await api.call(updateConfiguration('hello', { Timeout: 9 }))
  t.equal((await api.call(updateConfiguration('hello', { Timeout: 8 }))).status, 409)
})

t.test('a request that waits for a function that goes is told so', async (t) => {
  const api = await startLambdaApi(t, { transitionMs: 1_000 })
  await api.call(create())
  const waiting = api.call(invoke('hello', '{}'))
  await Promise.race([api.waiting, waiting])
  t.equal((await api.call(remove('hello'))).status, 204)
  t.equal((await waiting).status, 404)
  api.clock.advance(1_000)
  t.same(api.deployments, [], 'what was never Active was never deployed')
})
