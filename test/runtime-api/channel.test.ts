// The Runtime API as a runtime meets it, whatever it speaks: every row of the misuse table, headers, limits, late and early requests.

import t from 'tap'
import type { RequestId } from '../../src/domain/brand.js'
import { base, delivery, isError, open, requestId, transition } from './open-channel.js'

t.test('next carries the event and Lambda’s headers; empty values are left out', async (t) => {
  const { running } = await open(t)
  const event = await running()
  t.equal(event.status, 200)
  t.equal(event.body, '{"a":1}')
  t.equal(event.headers['lambda-runtime-aws-request-id'], requestId)
  t.equal(event.headers['lambda-runtime-invocation-id'], 'attempt-1')
  t.equal(event.headers['lambda-runtime-deadline-ms'], '1795000000123')
  t.match(event.headers['lambda-runtime-invoked-function-arn'], /:function:f$/)
  t.match(event.headers['lambda-runtime-trace-id'], /^Root=1-.*;Parent=.*;Sampled=0$/)
  t.equal(event.headers['content-type'], 'application/json')
  t.notOk('lambda-runtime-client-context' in event.headers)
  t.notOk('lambda-runtime-cognito-identity' in event.headers)
})

t.test('client context goes out as UTF-8 bytes on one line', async (t) => {
  const { running } = await open(t)
  const event = await running({ clientContext: '{\n"custom":{"é":"😀\x7f"}}' })
  const header = event.headers['lambda-runtime-client-context'] as string
  t.same(JSON.parse(Buffer.from(header, 'latin1').toString()), { custom: { é: '😀\x7f' } })
})

t.test('an answer is accepted, and passed on byte for byte', async (t) => {
  const { running, respond, heard } = await open(t)
  await running()
  const answer = await respond(Buffer.from([0, 255, 10, 13]), {
    'content-type': 'application/unknown',
  })
  t.equal(answer.status, 202)
  t.equal(answer.body, '{"status":"OK"}\n')
  t.same(await heard('response'), {
    is: 'response',
    invocationId: 'attempt-1',
    body: Buffer.from([0, 255, 10, 13]),
    contentType: 'application/unknown',
  })
})

t.test(
  'an error is passed on byte for byte; its type comes from the header, filtered',
  async (t) => {
    const rows: [string | undefined, string][] = [
      ['Runtime.ImportModuleError', 'Runtime.ImportModuleError'],
      ['Function.MyError', 'Function.MyError'],
      ['Function.lower', 'Function.Unknown'],
      ['TypeError', 'Runtime.Unknown'],
      [undefined, 'Runtime.Unknown'],
    ]
    for (const [header, expected] of rows) {
      const { running, call, heard } = await open(t)
      await running()
      const headers: Record<string, string> =
        header === undefined ? {} : { 'lambda-runtime-function-error-type': header }
      const answer = await call(
        'POST',
        `${base}/invocation/${requestId}/error`,
        '{not json',
        headers,
      )
      t.equal(answer.status, 202)
      const event = await heard('error')
      t.match(event, { errorType: expected }, header ?? 'no header')
      t.equal(event.is === 'error' && event.body.toString(), '{not json')
    }
  },
)

t.test('a wrong or stale request id is 400 InvalidRequestID', async (t) => {
  const { running, respond, call, heard, next } = await open(t)
  await running()
  const wrong = `${base}/invocation/22222222-2222-4222-8222-222222222222/response`
  isError(t, await call('POST', wrong, '1'), 400, 'InvalidRequestID', 'Invalid request ID')
  isError(t, await call('POST', wrong.replace('response', 'error'), '1'), 400, 'InvalidRequestID')
  t.equal((await respond()).status, 202, 'the right one still counts')
  void next().catch(() => {})
  await heard('asked-next', 2)
  isError(t, await respond(), 400, 'InvalidRequestID')
})

t.test('the attempt’s own id may be left out, and must be right when it is there', async (t) => {
  const { running, respond } = await open(t)
  await running()
  isError(
    t,
    await respond('1', { 'lambda-runtime-invocation-id': 'attempt-0' }),
    400,
    'InvalidInvocationId',
  )
  t.equal((await respond('1', { 'lambda-runtime-invocation-id': 'attempt-1' })).status, 202)
})

t.test('a second answer while the event is current is 403 InvalidStateTransition', async (t) => {
  const { running, respond, call } = await open(t)
  await running()
  await respond()
  isError(
    t,
    await respond(),
    403,
    'InvalidStateTransition',
    transition('RuntimeResponseSentState', 'InvocationResponse'),
  )
  isError(
    t,
    await call('POST', `${base}/invocation/${requestId}/error`, '{}'),
    403,
    'InvalidStateTransition',
    transition('RuntimeResponseSentState', 'InvocationErrorResponse'),
  )
})

t.test('an answer before the first next, and an init error after it, are 403', async (t) => {
  const { running, respond, call } = await open(t)
  isError(
    t,
    await respond(),
    403,
    'InvalidStateTransition',
    transition('Started', 'InvocationResponse'),
  )
  await running()
  isError(
    t,
    await call('POST', `${base}/init/error`, '{}'),
    403,
    'InvalidStateTransition',
    transition('Running', 'InitError'),
  )
})

t.test('an init error is accepted once and nothing follows it', async (t) => {
  const { call, heard, next } = await open(t)
  const answer = await call('POST', `${base}/init/error`, '{"errorType":"X"}', {
    'lambda-runtime-function-error-type': 'Runtime.ImportModuleError',
  })
  t.equal(answer.status, 202)
  t.match(await heard('init-error'), { errorType: 'Runtime.ImportModuleError' })
  isError(t, await next(), 403, 'InvalidStateTransition', transition('InitError', 'Ready'))
})

t.test(
  '6,291,556 bytes pass; one more is 413 to the runtime, and the invocation is answered',
  async (t) => {
    const fits = await open(t)
    await fits.running()
    t.equal((await fits.respond(Buffer.alloc(6_291_556, 32))).status, 202)
    const over = await open(t)
    await over.running()
    isError(
      t,
      await over.respond(Buffer.alloc(6_291_557, 32)),
      413,
      'RequestEntityTooLarge',
      'Exceeded maximum allowed payload size (6291556 bytes).',
    )
    t.match(await over.heard('response-too-large'), { invocationId: 'attempt-1' })
    void over.next().catch(() => {})
    await over.heard('asked-next', 2)
    t.pass('the runtime goes on')
  },
)

t.test('a next that comes before the answer waits for it', async (t) => {
  const { running, respond, next, heard, channel } = await open(t)
  await running()
  const early = next()
  const answered = await respond()
  t.equal(answered.status, 202)
  await heard('asked-next', 2)
  channel.deliver(delivery({ requestId: 'second' as RequestId }))
  t.equal((await early).headers['lambda-runtime-aws-request-id'], 'second')
})

t.test('a next without an answer gets the same event again after 50 ms', async (t) => {
  const { running, next } = await open(t)
  await running()
  const again = await next()
  t.equal(again.status, 200)
  t.equal(again.headers['lambda-runtime-aws-request-id'], requestId)
})

t.test('headers of 1 MB are taken: clients put whole stacks into one', async (t) => {
  const { running, call } = await open(t)
  await running()
  const answer = await call('POST', `${base}/invocation/${requestId}/error`, '{}', {
    'lambda-runtime-function-xray-error-cause': 'x'.repeat(1_000_000),
  })
  t.equal(answer.status, 202)
})
