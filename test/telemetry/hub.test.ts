// Who gets what in one environment: events before the subscription, types, replacement, closing, restarts, drops, bounded memory.

import t from 'tap'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import type { PlatformEvent } from '../../src/logs/platform-event.js'
import { TelemetryHub } from '../../src/telemetry/hub.js'
import { HttpReceiver } from './http-receiver.js'

const start: PlatformEvent = {
  type: 'platform.start',
  requestId: 'r1',
  functionArn: 'arn',
  version: '$LATEST',
}
const initStart: PlatformEvent = {
  type: 'platform.initStart',
  phase: 'init',
  functionName: 'f',
  functionVersion: '$LATEST',
  runtime: 'nodejs22.x',
  runtimeVersionArn: 'arn',
  logStreamName: 's',
  memoryMb: 128,
}

function stage() {
  const kernel = new SimulatedKernel()
  const told: PlatformEvent[] = []
  const hub: TelemetryHub = new TelemetryHub({
    timers: kernel,
    monotonicMs: () => kernel.monotonicMs(),
    addresses: () => ['127.0.0.1'],
    jsonLog: false,
    tell: (event) => {
      told.push(event)
      hub.event(event, kernel.nowMs())
    },
  })
  return { hub, kernel, told }
}

function wish(port: number, more: object = {}): string {
  return JSON.stringify({
    schemaVersion: '2022-07-01',
    types: ['platform', 'function'],
    buffering: { maxItems: 1_000, maxBytes: 262_144, timeoutMs: 25 },
    destination: { protocol: 'HTTP', URI: `http://sandbox.localdomain:${port}` },
    ...more,
  })
}

t.test('who subscribes in the init gets what was told before; later nobody can', async (t) => {
  const { hub, kernel, told } = stage()
  const receiver = await HttpReceiver.listen(t)
  hub.event(initStart, 0)
  hub.line({ type: 'function', message: 'early' }, 1)
  hub.line({ type: 'extension', message: 'not asked for' }, 1)
  t.equal(hub.subscribe('agent', 'Telemetry', wish(receiver.port)), undefined)
  t.match(told, [
    {
      type: 'platform.telemetrySubscription',
      name: 'agent',
      state: 'Subscribed',
      types: ['platform', 'function'],
    },
  ])
  hub.initEnded()
  t.ok(hub.listening)
  hub.event(start, 2)
  kernel.elapse(25)
  t.same(
    (await receiver.records(4)).map(({ type, record }) => (type === 'function' ? record : type)),
    ['platform.initStart', 'early\n', 'platform.telemetrySubscription', 'platform.start'],
  )
  t.same(hub.subscribe('late', 'Telemetry', wish(receiver.port)), {
    status: 403,
    errorType: 'Telemetry.SubscriptionClosed',
    errorMessage: 'Telemetry API subscription is closed',
  })
  t.same(hub.subscribe('late', 'Logs', '{'), {
    status: 403,
    errorType: 'Logs.SubscriptionClosed',
    errorMessage: 'Logs API subscription is closed',
  })
  hub.close()
})

t.test(
  'where nobody has subscribed by the end of the init, nothing is heard or kept',
  async (t) => {
    const { hub } = stage()
    t.ok(hub.listening)
    t.match(hub.subscribe('agent', 'Logs', '{}'), { status: 400 })
    hub.initEnded()
    t.notOk(hub.listening)
  },
)

t.test('one extension takes one of the two APIs', async (t) => {
  const { hub } = stage()
  const logs = wish(8080, { schemaVersion: '2020-08-15' })
  t.equal(hub.subscribe('one', 'Logs', logs), undefined)
  t.same(hub.subscribe('one', 'Telemetry', wish(8080)), {
    status: 400,
    errorType: 'Telemetry.AccessDenied',
    errorMessage:
      'The extension one is already subscribed to the LogsAPI. You must either subscribe to the LogsAPI or the TelemetryAPI',
  })
  t.equal(hub.subscribe('other', 'Telemetry', wish(8080)), undefined, 'another may take the other')
  t.match(hub.subscribe('other', 'Logs', logs), { errorType: 'Logs.AccessDenied' })
  hub.close()
})

t.test(
  'a second subscription takes the place of the first; the same one changes nothing',
  async (t) => {
    const { hub, kernel, told } = stage()
    const [first, second] = [await HttpReceiver.listen(t), await HttpReceiver.listen(t)]
    hub.subscribe('agent', 'Telemetry', wish(first.port))
    hub.line({ type: 'function', message: 'kept' }, 0)
    hub.subscribe('agent', 'Telemetry', wish(first.port))
    t.match(told.at(-1), { state: 'Already subscribed' })
    kernel.elapse(25)
    t.equal((await first.records(3)).length, 3, 'what was gathered is still there')
    hub.subscribe('agent', 'Telemetry', wish(second.port, { types: ['function'] }))
    hub.initEnded()
    hub.line({ type: 'function', message: 'to the second' }, 0)
    kernel.elapse(25)
    const records = (await second.records(2)).map(({ record }) => record)
    t.same(records, ['kept\n', 'to the second\n'], 'it begins with what the init has told')
    t.equal(first.all.length, 3)
    hub.close()
  },
)

t.test('an extension that is started again goes on with its subscription', async (t) => {
  const { hub, kernel, told } = stage()
  const receiver = await HttpReceiver.listen(t)
  hub.subscribe('agent', 'Telemetry', wish(receiver.port, { types: ['platform'] }))
  hub.initEnded()
  hub.restarting()
  hub.event(start, 0)
  kernel.elapse(60_000)
  t.equal(receiver.all.length, 0, 'nobody is there')
  hub.resume()
  hub.event(initStart, 0)
  t.equal(
    hub.subscribe('agent', 'Telemetry', wish(receiver.port, { types: ['platform'] })),
    undefined,
  )
  t.match(told.at(-1), { state: 'Already subscribed' })
  hub.initEnded()
  kernel.elapse(25)
  t.same(
    (await receiver.records(4)).map(({ type }) => type),
    [
      'platform.telemetrySubscription',
      'platform.start',
      'platform.initStart',
      'platform.telemetrySubscription',
    ],
  )
  hub.close()
})

t.test('drops are told to all who take platform events', async (t) => {
  const { hub, kernel } = stage()
  const slow = await HttpReceiver.listen(t, { holds: true })
  const other = await HttpReceiver.listen(t)
  hub.subscribe('slow', 'Telemetry', wish(slow.port, { types: ['function'] }))
  hub.subscribe('other', 'Telemetry', wish(other.port, { types: ['platform'] }))
  hub.initEnded()
  for (let at = 0; at < 2_005; at += 1) hub.line({ type: 'function', message: 'x' }, 0)
  await slow.requested(1)
  slow.release()
  await slow.requested(2)
  kernel.elapse(25)
  const dropped = (await other.records(3)).find(({ type }) => type === 'platform.logsDropped')
  t.same(dropped?.record, {
    reason:
      'Some logs were dropped because the downstream consumer is slower than the logs production rate',
    droppedRecords: 5,
    droppedBytes: 5 * 68,
  })
  hub.close()
  slow.release()
})

t.test('a storm before anybody subscribes is cut off', async (t) => {
  const { hub, kernel } = stage()
  const receiver = await HttpReceiver.listen(t)
  for (let at = 0; at < 50_000; at += 1) hub.line({ type: 'function', message: `line ${at}` }, 0)
  hub.subscribe('agent', 'Telemetry', wish(receiver.port, { types: ['function'] }))
  kernel.elapse(25)
  const records = await receiver.records(1_000)
  t.equal(records[0]?.record, 'line 0\n')
  hub.close()
})

t.test('at the end everything goes out at once, and what is told then too', async (t) => {
  const { hub } = stage()
  const receiver = await HttpReceiver.listen(t)
  hub.subscribe('agent', 'Telemetry', wish(receiver.port, { types: ['platform'] }))
  hub.initEnded()
  hub.pause()
  hub.event(start, 0)
  hub.hurry()
  await receiver.records(2)
  hub.event({ type: 'platform.fault', requestId: 'r1', fault: { is: 'unknown' } }, 0)
  hub.event(start, 0)
  t.equal((await receiver.records(3)).length, 3, 'and no timer has run')
  hub.close()
})
