// Subscribe requests over HTTP: exact answers to good and bad ones, and whose identifier counts.

import t, { type Test } from 'tap'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import { subscribeTo } from '../../src/host/telemetry-requests.js'
import { TelemetryHub } from '../../src/telemetry/hub.js'
import { open } from '../runtime-api/open-channel.js'

const wish = {
  schemaVersion: '2022-12-13',
  types: ['platform'],
  destination: { protocol: 'HTTP', URI: 'http://sandbox.localdomain:8080' },
}
const paths = { telemetry: '/2022-07-01/telemetry', logs: '/2020-08-15/logs' }

async function stage(t: Test) {
  const kernel = new SimulatedKernel()
  const hub = new TelemetryHub({
    timers: kernel,
    monotonicMs: () => kernel.monotonicMs(),
    addresses: () => ['127.0.0.1'],
    jsonLog: false,
    tell: () => undefined,
  })
  t.teardown(() => hub.close())
  const { call } = await open(t, false, { subscribe: subscribeTo(hub) })
  const registered = await call('POST', '/2020-01-01/extension/register', '{"events":[]}', {
    'Lambda-Extension-Name': 'inner',
  })
  const id = String(registered.headers['lambda-extension-identifier'])
  const put = (path: string, body: unknown = wish, identifier: string | undefined = id) =>
    call(
      'PUT',
      path,
      typeof body === 'string' ? body : JSON.stringify(body),
      identifier === '' ? {} : { 'Lambda-Extension-Identifier': identifier },
    )
  return { hub, call, put }
}

t.test(
  'a subscription is answered with "OK", with a slash at the end of the path and without',
  async (t) => {
    const { put } = await stage(t)
    for (const path of [paths.telemetry, `${paths.telemetry}/`, paths.telemetry]) {
      const { status, body, headers } = await put(path)
      t.equal(status, 200)
      t.equal(body, '"OK"')
      t.equal(headers['content-type'], 'application/json')
    }
  },
)

t.test(
  'an identifier that is missing, no UUID or unknown is refused as by the Extensions API',
  async (t) => {
    const { put } = await stage(t)
    const unknown = '12345678-1234-4234-8234-123456789abc'
    for (const path of Object.values(paths))
      for (const [identifier, errorType, errorMessage] of [
        ['', 'Extension.MissingExtensionIdentifier', 'Missing Lambda-Extension-Identifier header'],
        ['no-uuid', 'Extension.InvalidExtensionIdentifier', 'Invalid Lambda-Extension-Identifier'],
        [unknown, 'Extension.UnknownExtensionIdentifier', `Unknown extension ${unknown}`],
      ] as const) {
        const { status, body } = await put(path, 'not looked at', identifier)
        t.equal(status, 403)
        t.equal(body, `${JSON.stringify({ errorMessage, errorType })}\n`)
      }
  },
)

t.test('what is wrong with a request is told, and what comes too late', async (t) => {
  const { hub, put, call } = await stage(t)
  const told = async (path: string, body?: unknown) => {
    const answer = await put(path, body)
    return [answer.status, JSON.parse(answer.body)]
  }
  t.same(await told(paths.telemetry, { ...wish, types: [] }), [
    400,
    { errorType: 'ValidationError', errorMessage: 'types should not be empty' },
  ])
  t.same(await told(paths.logs, '{'), [
    400,
    { errorType: 'Logs.ValidationError', errorMessage: 'failed to parse JSON' },
  ])
  const large = JSON.stringify({ ...wish, more: 'x'.repeat(70_000) })
  t.match(await told(paths.telemetry, large), [413, { errorType: 'RequestEntityTooLarge' }])
  t.equal((await call('POST', paths.telemetry, '{}')).status, 405)
  hub.initEnded()
  t.same(await told(paths.telemetry), [
    403,
    {
      errorType: 'Telemetry.SubscriptionClosed',
      errorMessage: 'Telemetry API subscription is closed',
    },
  ])
  t.same(await told(paths.logs), [
    403,
    { errorType: 'Logs.SubscriptionClosed', errorMessage: 'Logs API subscription is closed' },
  ])
})
