// Subscribe requests, good and bad, with what each becomes: limits, destinations inside the environment only, exact answers.

import t from 'tap'
import {
  parseSubscription,
  type Subscription,
  type TelemetryApi,
} from '../../src/telemetry/subscription.js'

const http = { protocol: 'HTTP', URI: 'http://sandbox.localdomain:8080' }
const wish = { schemaVersion: '2022-12-13', types: ['platform', 'function'], destination: http }

function read(wanted: unknown, api: TelemetryApi = 'Telemetry') {
  return parseSubscription(api, typeof wanted === 'string' ? wanted : JSON.stringify(wanted))
}

function taken(wanted: unknown, api?: TelemetryApi): Subscription {
  const found = read(wanted, api)
  if ('refusal' in found) throw new Error(found.refusal.errorMessage)
  return found.subscription
}

t.test('what is left out has the documented defaults', async (t) => {
  t.same(taken(wish), {
    api: 'Telemetry',
    schemaVersion: '2022-12-13',
    types: ['platform', 'function'],
    buffering: { maxItems: 10_000, maxBytes: 262_144, timeoutMs: 1_000 },
    destination: {
      protocol: 'HTTP',
      host: 'sandbox.localdomain:8080',
      port: 8080,
      path: '/',
      method: 'POST',
    },
  })
  t.equal(taken({ ...wish, schemaVersion: undefined }, 'Logs').schemaVersion, '2020-08-15')
})

t.test('each API has its own versions', async (t) => {
  for (const schemaVersion of ['2022-07-01', '2022-12-13', '2025-01-29'])
    t.equal(taken({ ...wish, schemaVersion }).schemaVersion, schemaVersion)
  for (const schemaVersion of ['2020-08-15', '2021-03-18'])
    t.equal(taken({ ...wish, schemaVersion }, 'Logs').schemaVersion, schemaVersion)
})

t.test('limits of buffering are taken, and what is beyond them is refused', async (t) => {
  const least = { maxItems: 1_000, maxBytes: 262_144, timeoutMs: 25 }
  const most = { maxItems: 10_000, maxBytes: 1_048_576, timeoutMs: 30_000 }
  for (const buffering of [least, most]) t.same(taken({ ...wish, buffering }).buffering, buffering)
  for (const [name, range] of [
    ['maxItems', [1_000, 10_000]],
    ['maxBytes', [262_144, 1_048_576]],
    ['timeoutMs', [25, 30_000]],
  ] as const)
    for (const value of [range[0] - 1, range[1] + 1])
      t.same(
        read({ ...wish, buffering: { [name]: value } }),
        invalid(`${name} should be between ${range[0]} and ${range[1]}`),
        `${name} ${value}`,
      )
})

t.test('destinations inside the environment are taken', async (t) => {
  const at = (URI: string, more: object = {}) =>
    taken({ ...wish, destination: { protocol: 'HTTP', URI, ...more } }).destination
  const rest = { protocol: 'HTTP', method: 'POST' }
  const same = (uri: string, port: number, path: string, host = 'sandbox.localdomain') =>
    t.same(at(uri), { ...rest, host: `${host}:${port}`, port, path }, uri)
  same('http://sandbox.localdomain:80', 80, '/')
  same('http://sandbox.localdomain:8080/a/b?c=d', 8080, '/a/b?c=d')
  same('http://sandbox.localdomain:8080?c', 8080, '/?c')
  same('http://sandbox.localdomain:8080/a#part', 8080, '/a')
  same('HTTP://Sandbox.Localdomain:8080', 8080, '/', 'Sandbox.Localdomain')
  same('http://sandbox:1', 1, '/', 'sandbox')
  same('http://localhost:60999', 60_999, '/', 'localhost')
  same('http://127.0.0.1:4243', 4243, '/', '127.0.0.1')
  t.equal(
    (at('http://sandbox:1', { method: 'PUT', encoding: 'JSON' }) as typeof rest).method,
    'PUT',
  )
  const tcp = { protocol: 'TCP', port: 9000 }
  t.same(taken({ ...wish, destination: tcp }).destination, tcp)
})

function invalid(errorMessage: string, api: TelemetryApi = 'Telemetry') {
  const errorType = api === 'Logs' ? 'Logs.ValidationError' : 'ValidationError'
  return { refusal: { status: 400, errorType, errorMessage } }
}

function to(URI: unknown) {
  return { ...wish, destination: { protocol: 'HTTP', URI } }
}

const ours = 'ports 61000 to 65535 belong to lambda-emu'
const refused: readonly (readonly [string, unknown])[] = [
  ['failed to parse JSON', '{"schemaVersion"'],
  ['failed to parse JSON', ''],
  ['the request should be an object', '[]'],
  ['the request should be an object', 'null'],
  ['missing field `schemaVersion`', { ...wish, schemaVersion: undefined }],
  ['missing field `types`', { ...wish, types: undefined }],
  ['missing field `destination`', { ...wish, destination: undefined }],
  ['missing field `destination`', { ...wish, destination: null }],
  ['missing field `protocol`', { ...wish, destination: {} }],
  ['missing field `URI`', { ...wish, destination: { protocol: 'HTTP', port: 8080 } }],
  ['missing field `port`', { ...wish, destination: { protocol: 'TCP', URI: http.URI } }],
  ['types should be an array', { ...wish, types: 'platform' }],
  ['destination should be an object', { ...wish, destination: http.URI }],
  ['buffering should be an object', { ...wish, buffering: 1_000 }],
  ['maxItems should be an integer', { ...wish, buffering: { maxItems: '1000' } }],
  ['timeoutMs should be an integer', { ...wish, buffering: { timeoutMs: 99.5 } }],
  ['port should be an integer', { ...wish, destination: { protocol: 'TCP', port: '9000' } }],
  ['URI should be a string', to(8080)],
  [
    'unknown variant `2020-08-15`, expected one of `2022-07-01`, `2022-12-13`, `2025-01-29`',
    { ...wish, schemaVersion: '2020-08-15' },
  ],
  [
    'unknown variant `logs`, expected one of `platform`, `function`, `extension`',
    { ...wish, types: ['logs'] },
  ],
  [
    'unknown variant `UDP`, expected `HTTP` or `TCP`',
    { ...wish, destination: { protocol: 'UDP' } },
  ],
  ['types should not be empty', { ...wish, types: [] }],
  ['types should be unique', { ...wish, types: ['platform', 'platform'] }],
  ['URI port is not provided', to('http://sandbox.localdomain/')],
  [
    'URI port is not provided; types should not be empty',
    { ...to('http://sandbox.localdomain'), types: [] },
  ],
  ['port 9001 is reserved', to('http://sandbox.localdomain:9001')],
  ['port 9001 is reserved', { ...wish, destination: { protocol: 'TCP', port: 9001 } }],
  ['port should be between 1 and 65535', { ...wish, destination: { protocol: 'TCP', port: 0 } }],
  ['port should be between 1 and 65535', to('http://sandbox.localdomain:65536')],
  [ours, to('http://sandbox.localdomain:61000')],
  [ours, { ...wish, destination: { protocol: 'TCP', port: 65_535 } }],
  ['URI is not valid', to('')],
  ['URI is not valid', to('sandbox.localdomain:8080')],
  ['URI is not valid', to('http://:8080')],
  ['URI is not valid', to('http://user:word@sandbox.localdomain:8080')],
  ['URI is not valid', to('http://sandbox.localdomain:8080:9090')],
  ['URI is not valid', to('http://sandbox.localdomain:8080/a b')],
  ['URI is not valid', to('http://sandbox.localdomain:8080/\r\nHost: other')],
]

t.test('everything else is refused with 400, and says why', async (t) => {
  for (const [message, wanted] of refused)
    t.same(read(wanted), invalid(message), JSON.stringify(wanted))
  t.same(
    read({ ...wish, types: [], schemaVersion: '2021-03-18' }, 'Logs'),
    invalid('types should not be empty', 'Logs'),
    'its type has the name of the Logs API in front',
  )
})

t.test('nothing outside the environment is ever called', async (t) => {
  for (const host of [
    'example.com',
    '169.254.169.254',
    '10.0.0.1',
    '127.0.0.2',
    '0.0.0.0',
    '[::1]',
    '2130706433',
    'sandbox.localdomain.example.com',
    'localhost.',
  ]) {
    const found = read(to(`http://${host}:8080/`))
    const refusal = 'refusal' in found ? found.refusal : undefined
    t.ok(refusal !== undefined && refusal.status >= 400, `${host}: ${JSON.stringify(found)}`)
  }
  t.same(read(to('http://example.com:80')), {
    refusal: {
      status: 403,
      errorType: 'Telemetry.AccessDenied',
      errorMessage: "Only 'sandbox.localdomain' hostname is supported.",
    },
  })
  t.same(read(to('https://sandbox.localdomain:443')), {
    refusal: {
      status: 403,
      errorType: 'Telemetry.AccessDenied',
      errorMessage: "Only 'http' scheme is supported.",
    },
  })
})
