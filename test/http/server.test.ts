// Server defaults, on real sockets: loopback only, named port holders, limits that never cut a long answer.

import { createServer as createPlainServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { EmulatorError } from '../../src/domain/emulator-error.js'
import { createGuard } from '../../src/http/guard.js'
import { portHolder } from '../../src/http/port-holder.js'
import { createServer, listen, loopbackAddress, serverLimits } from '../../src/http/server.js'
import { plainClient } from '../aws/lambda-server.js'

t.test('only loopback addresses are listened on', async (t) => {
  t.equal(loopbackAddress('localhost'), '127.0.0.1')
  t.equal(loopbackAddress('127.0.0.5'), '127.0.0.5')
  t.equal(loopbackAddress('[::1]'), '::1')
  const app = createServer({ guard: createGuard() })
  for (const host of [
    '0.0.0.0',
    '::',
    '192.168.1.1',
    '128.0.0.1',
    'example.com',
    '',
    '127.evil.example',
  ]) {
    await t.rejects(listen(app, { host, port: 0 }), { code: 'EMU_HOST_NOT_LOOPBACK' }, host)
  }
  t.equal(app.server.listening, false)
})

t.test('a port that is taken is an error that names who holds it', async (t) => {
  const holder = createPlainServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  t.teardown(() => holder.close())
  const { port } = holder.address() as AddressInfo
  const error = await listen(createServer({ guard: createGuard() }), {
    host: '127.0.0.1',
    port,
  }).catch((each) => each)
  t.ok(error instanceof EmulatorError)
  t.match(error, { code: 'EMU_PORT_IN_USE' })
  t.equal(
    error.message,
    `port ${port} on 127.0.0.1 is already in use by ${portHolder(port)?.command} (pid ${process.pid})`,
  )
})

t.test('nobody holds a free port', async (t) => {
  const once = createPlainServer()
  await new Promise<void>((resolve) => once.listen(0, '127.0.0.1', resolve))
  const { port } = once.address() as AddressInfo
  await new Promise((resolve) => once.close(resolve))
  t.equal(portHolder(port), undefined)
})

t.test('an answer may take longer than every timeout of the request', async (t) => {
  const times = { headersTimeoutMs: 150, requestReceiptTimeoutMs: 150, connectionsCheckMs: 25 }
  const app = createServer({ guard: createGuard(), ...times })
  let answer = () => {}
  app.get('/slow', (_, reply) => {
    answer = () => reply.send('at last')
    return reply
  })
  const { port } = await listen(app, { host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const pending = plainClient(t, port)({ path: '/slow' })
  // A client that sends half its headers is cut off: the event that shows the timeout has passed, twice over.
  for (let round = 0; round < 2; round += 1) t.match(await cutOff(port), /^HTTP\/1\.1 408 /)
  answer()
  t.equal((await pending).body.toString(), 'at last')
})

function cutOff(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n'),
    )
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(text))
  })
}

t.test('the limits are those that are written down', async (t) => {
  const app = createServer({ guard: createGuard() })
  t.equal(app.server.headersTimeout, serverLimits.headersTimeoutMs)
  t.equal(app.server.requestTimeout, serverLimits.requestReceiptTimeoutMs)
  t.equal(app.server.maxConnections, serverLimits.connectionsMax)
  t.equal(app.server.keepAliveTimeout, serverLimits.keepAliveTimeoutMs)
  t.equal(app.server.timeout, 0, 'an idle-looking connection is not cut')
})

t.test(
  'headers up to the limit are taken, beyond it refused; no answer names the software',
  async (t) => {
    const app = createServer({ guard: createGuard() })
    app.get('/:name', (request) => ({ length: (request.params as { name: string }).name.length }))
    const { port } = await listen(app, { host: '127.0.0.1', port: 0 })
    t.teardown(() => app.close())
    const send = plainClient(t, port)
    const long = await send({
      path: `/${'x'.repeat(4_000)}`,
      headers: { 'x-amz-security-token': 'x'.repeat(50_000) },
    })
    t.same(long.json(), { length: 4_000 })
    t.equal(long.headers['x-powered-by'], undefined)
    t.equal(long.headers.server, undefined)
    const tooLong = await send({ path: '/a', headers: { token: 'x'.repeat(70_000) } })
    t.equal(tooLong.status, 431)
  },
)
