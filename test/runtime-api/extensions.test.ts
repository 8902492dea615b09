// The Extensions API by the documented calls: what is given. Misuse is in extension-misuse.test.ts.

import t from 'tap'
import type { RequestId } from '../../src/domain/brand.js'
import { delivery, type open } from './open-channel.js'
import { api, isRefused, stage, until } from './open-extensions.js'

t.test('an external extension registers and is told of the function', async (t) => {
  const { register, channel, changes } = await stage(t)
  const answer = await register('agent')
  t.equal(answer.status, 200)
  t.equal(
    answer.body,
    '{"functionName":"f","functionVersion":"$LATEST","handler":"index.handler"}\n',
  )
  const [extension] = channel.extensions.all
  t.equal(answer.headers['lambda-extension-identifier'], extension?.id)
  t.match(extension, { kind: 'external', state: 'Registered', events: ['INVOKE', 'SHUTDOWN'] })
  t.same(
    changes.map(({ is }) => is),
    ['extension-registered'],
  )
})

t.test('the account is told to whom asks for that feature, among others', async (t) => {
  const { register } = await stage(t)
  const answer = await register('agent', '{"events":[]}', {
    'Lambda-Extension-Accept-Feature': 'other, accountId',
  })
  t.match(JSON.parse(answer.body), { accountId: '000000000000' })
})

t.test('a name that is no file’s is an internal extension', async (t) => {
  const { register, channel } = await stage(t)
  t.equal((await register('inside', '{"events":["INVOKE"]}')).status, 200)
  t.match(channel.extensions.all[1], { name: 'inside', kind: 'internal', events: ['INVOKE'] })
})

t.test('a body without events, null, and events twice are taken', async (t) => {
  const { registered, channel } = await stage(t, ['a', 'b', 'c'])
  await registered('a', '{}')
  await registered('b', 'null')
  await registered('c', '{"events":["INVOKE","INVOKE"],"configurationKeys":[],"more":1}')
  t.same(
    channel.extensions.all.map(({ events }) => events),
    [[], [], ['INVOKE']],
  )
})

t.test('INVOKE reaches the subscribers, with the request and its deadline', async (t) => {
  const { ready, channel, next: runtimeNext, call } = await stage(t)
  const { event } = await ready('agent')
  const inside = await ready('inside', '{"events":["INVOKE"]}')
  const runtime = call('GET', '/2018-06-01/runtime/invocation/next')
  t.ok(runtimeNext)
  await until(() => channel.extensions.allReady)
  await runtimeAsked(channel, runtime)
  for (const answer of [await event, await inside.event]) {
    t.equal(answer.status, 200)
    t.match(String(answer.headers['lambda-extension-event-identifier']), /^[0-9a-f-]{36}$/)
    t.equal(
      answer.body,
      '{"eventType":"INVOKE","deadlineMs":1795000000123,"requestId":"11111111-1111-4111-8111-111111111111",' +
        '"invokedFunctionArn":"arn:aws:lambda:us-east-1:000000000000:function:f","tracing":{"type":"X-Amzn-Trace-Id",' +
        '"value":"Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"}}',
    )
  }
  t.equal((await runtime).status, 200)
})

/** Delivers as soon as the runtime waits. */
async function runtimeAsked(
  channel: Awaited<ReturnType<typeof open>>['channel'],
  runtime: Promise<unknown>,
): Promise<void> {
  let delivered = false
  void runtime.then(() => {
    delivered = true
  })
  while (!delivered) {
    try {
      channel.deliver(delivery())
      return
    } catch {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

t.test(
  'who did not ask for INVOKE gets none, and tracing is left out where there is none',
  async (t) => {
    const { ready, channel } = await stage(t, ['a', 'b'])
    const a = await ready('a', '{"events":["INVOKE"]}')
    const b = await ready('b', '{"events":["SHUTDOWN"]}')
    channel.extensions.invoke(delivery({ traceHeader: '', requestId: 'r' as RequestId }))
    t.notOk('tracing' in JSON.parse((await a.event).body))
    channel.extensions.shutDown('spindown', 1_795_000_000_500.6)
    t.equal(
      (await b.event).body,
      '{"eventType":"SHUTDOWN","deadlineMs":1795000000501,"shutdownReason":"spindown"}',
    )
  },
)

t.test('busy until every subscriber has asked again', async (t) => {
  const { ready, channel, next, asked } = await stage(t, ['a', 'b'])
  const a = await ready('a')
  const b = await ready('b', '{"events":[]}')
  t.equal(channel.extensions.busy, false)
  channel.extensions.invoke(delivery())
  await a.event
  t.equal(channel.extensions.busy, true)
  const again = next(a.id)
  await asked(3)
  t.equal(channel.extensions.busy, false)
  channel.extensions.shutDown('timeout', 1)
  t.match(JSON.parse((await again).body), { shutdownReason: 'timeout' })
  t.equal(channel.extensions.all[1]?.state, 'Ready', `${b.id} asked for nothing`)
})

t.test('SHUTDOWN that comes before the question is its answer', async (t) => {
  const { registered, channel, next } = await stage(t)
  const id = await registered('agent')
  channel.extensions.shutDown('failure', 7)
  t.same(JSON.parse((await next(id)).body), {
    eventType: 'SHUTDOWN',
    deadlineMs: 7,
    shutdownReason: 'failure',
  })
})

t.test('an error is accepted, a second one too, and the first one stands', async (t) => {
  const { registered, ready, fail, channel, changes } = await stage(t, ['a', 'b'])
  const a = await registered('a')
  for (const errorType of ['First', 'Second']) {
    const answer = await fail('init', a, errorType)
    t.equal(answer.status, 202)
    t.equal(answer.body, '{"status":"OK"}\n')
  }
  const b = await ready('b')
  for (const errorType of ['First', 'Second'])
    t.equal((await fail('exit', b.id, errorType)).status, 202)
  t.match(channel.extensions.all, [
    { state: 'InitError', errorType: 'First' },
    { state: 'ExitError', errorType: 'First' },
  ])
  t.same(
    changes
      .filter(({ is }) => is === 'extension-error')
      .map((change) => 'phase' in change && change.phase),
    ['init', 'exit'],
  )
  channel.extensions.invoke(delivery())
  isRefused(
    t,
    await b.event,
    'Extension.InvalidExtensionState',
    `State transition from ExitError to Ready failed for extension ${b.id}. Error: Concurrent state modification`,
  )
})

t.test('bodies of the wrong form are refused before anything else', async (t) => {
  const { register, channel } = await stage(t)
  for (const body of [
    '{',
    '[]',
    '"INVOKE"',
    '{"events":"INVOKE"}',
    '{"events":[1]}',
    '{"configurationKeys":1}',
  ]) {
    const answer = await register('agent', body)
    t.equal(answer.status, 403)
    t.equal(JSON.parse(answer.body).errorType, 'InvalidRequestFormat')
  }
  t.equal(channel.extensions.all[0]?.state, 'Started')
})

t.test('an identifier in another spelling of the same UUID is the same', async (t) => {
  const { registered, fail } = await stage(t)
  const id = await registered('agent')
  for (const spelling of [id.toUpperCase(), `{${id}}`, `urn:uuid:${id}`, id.replaceAll('-', '')])
    t.equal((await fail('exit', spelling)).status, 202)
})

t.test('the eleventh file in the folder cannot be launched', async (t) => {
  const names = Array.from({ length: 10 }, (_, each) => `agent-${each}`)
  const { channel } = await stage(t, names)
  t.equal(channel.extensions.announce('agent-10'), undefined)
  t.match(channel.extensions.all[10], { state: 'LaunchError', errorType: 'TooManyExtensions' })
})

t.test('other methods, other paths, and subscriptions that nobody takes', async (t) => {
  const { call } = await stage(t)
  t.equal((await call('GET', `${api}/register`)).status, 405)
  t.equal((await call('POST', `${api}/event/next`)).status, 405)
  t.equal((await call('GET', `${api}/exit/error`)).status, 405)
  t.equal((await call('GET', `${api}/other`)).status, 404)
  t.equal((await call('PUT', '/2022-07-01/telemetry', '{}')).status, 404)
  t.equal((await call('PUT', '/2020-08-15/logs', '{}')).status, 404)
})

t.test('after a reset nobody is known, and registration is open again', async (t) => {
  const { ready, channel, next, register } = await stage(t)
  const { id } = await ready('agent')
  channel.extensions.closeRegistration()
  channel.extensions.endInit()
  channel.reset()
  t.equal(channel.extensions.initDone, false)
  isRefused(t, await next(id), 'Extension.UnknownExtensionIdentifier', `Unknown extension ${id}`)
  t.equal((await register('inside', '{"events":["INVOKE"]}')).status, 200)
})

t.test('who waits for the end of init hears of it once', async (t) => {
  const { channel } = await stage(t)
  let heard = 0
  channel.extensions.onInitDone(() => {
    heard += 1
  })
  channel.extensions.endInit()
  channel.extensions.endInit()
  t.equal(heard, 1)
  t.equal(channel.extensions.initDone, true)
})
