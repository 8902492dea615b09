// Batches on their way to real servers: over HTTP and TCP, with servers that refuse, fail, redirect, stall, close and never read.

import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { type Destination, destinationOf } from '../../src/telemetry/destination.js'

const loopback = ['127.0.0.1']

async function listening(
  t: Test,
  server: Server,
  port = 0,
  address = '127.0.0.1',
): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, resolve)
  })
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  return (server.address() as AddressInfo).port
}

function httpTo(
  t: Test,
  port: number,
  more: object = {},
  addresses: readonly string[] = loopback,
): Destination {
  const host = `sandbox.localdomain:${port}`
  const wish = { protocol: 'HTTP', port, host, path: '/', method: 'POST', ...more } as const
  const destination = destinationOf(wish, addresses)
  t.teardown(() => destination.close())
  return destination
}

function tcpTo(t: Test, port: number): Destination {
  const destination = destinationOf({ protocol: 'TCP', port }, loopback)
  t.teardown(() => destination.close())
  return destination
}

function sent(destination: Destination, records: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => destination.send(records, resolve))
}

/** A port where nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

interface Got {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
}

function recorder(got: Got[], status = 200): RequestListener {
  return (request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { method, url, headers } = request
      got.push({ method, url, headers, body: Buffer.concat(pieces).toString() })
      response.writeHead(status).end()
    })
  }
}

t.test('HTTP: a JSON array, to the path and by the method that were asked for', async (t) => {
  const got: Got[] = []
  const port = await listening(t, createHttpServer(recorder(got)))
  t.equal(await sent(httpTo(t, port), ['{"a":1}', '{"b":"é"}']), true)
  t.equal(await sent(httpTo(t, port, { path: '/p?q', method: 'PUT' }), ['{}']), true)
  const [first, second] = got
  t.equal(first?.body, '[{"a":1},{"b":"é"}]')
  t.match(first, { method: 'POST', url: '/' })
  t.match(first?.headers, {
    host: `sandbox.localdomain:${port}`,
    'content-type': 'application/json',
  })
  t.match(second, { method: 'PUT', url: '/p?q', body: '[{}]' })
})

t.test('HTTP: no listener, an error status and a cut connection are failures', async (t) => {
  t.equal(await sent(httpTo(t, await freePort()), ['{}']), false)
  for (const status of [400, 404, 500, 503]) {
    const port = await listening(t, createHttpServer(recorder([], status)))
    t.equal(await sent(httpTo(t, port), ['{}']), false, String(status))
  }
  const cuts = await listening(
    t,
    createServer((socket) => socket.once('data', () => socket.destroy())),
  )
  t.equal(await sent(httpTo(t, cuts), ['{}']), false)
  const rubbish = await listening(
    t,
    createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end('no HTTP\r\n\r\n'))
    }),
  )
  t.equal(await sent(httpTo(t, rubbish), ['{}']), false)
})

t.test('HTTP: a redirect is not followed', async (t) => {
  const elsewhere: Got[] = []
  const other = await listening(t, createHttpServer(recorder(elsewhere)))
  const port = await listening(
    t,
    createHttpServer((_request, response) => {
      response.writeHead(307, { location: `http://127.0.0.1:${other}/` }).end()
    }),
  )
  t.equal(await sent(httpTo(t, port), ['{}']), false)
  t.same(elsewhere, [])
})

t.test('HTTP: a proxy in the variables is not used', async (t) => {
  const got: Got[] = []
  const proxied: Got[] = []
  const port = await listening(t, createHttpServer(recorder(got)))
  const proxy = await listening(t, createHttpServer(recorder(proxied)))
  const names = ['HTTP_PROXY', 'http_proxy', 'NODE_USE_ENV_PROXY']
  for (const name of names) process.env[name] = `http://127.0.0.1:${proxy}`
  t.teardown(() => {
    for (const name of names) delete process.env[name]
  })
  t.equal(await sent(httpTo(t, port), ['{}']), true)
  t.equal(got.length, 1)
  t.same(proxied, [])
})

t.test('HTTP: an answer without an end counts by its status, and is cut off', async (t) => {
  let closed: () => void = () => {}
  const gone = new Promise<void>((resolve) => {
    closed = resolve
  })
  const port = await listening(
    t,
    createHttpServer((request, response) => {
      request.resume()
      response.writeHead(200)
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384)));
      }
      response.on('drain', more)
      response.on('close', closed)
      more()
    }),
  )
  t.equal(await sent(httpTo(t, port), ['{}']), true)
  await gone
})

t.test('HTTP: given up, it has failed', async (t) => {
  const sockets: Socket[] = []
  let arrived: () => void = () => {}
  const here = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const port = await listening(
    t,
    createServer((socket) => {
      sockets.push(socket)
      socket.on('error', () => undefined)
      socket.once('data', arrived)
    }),
  )
  const destination = httpTo(t, port)
  const outcome = sent(destination, ['{}'])
  await here
  destination.abort()
  t.equal(await outcome, false)
  for (const socket of sockets) socket.destroy()
})

t.test('TCP: a record a line, batch after batch on one connection', async (t) => {
  let text = ''
  let connections = 0
  let told: () => void = () => {}
  const whole = new Promise<void>((resolve) => {
    told = resolve
  })
  const port = await listening(
    t,
    createServer((socket) => {
      connections += 1
      socket.on('data', (piece) => {
        text += piece.toString()
        if (text.endsWith('{"c":3}\n')) told()
      })
    }),
  )
  const destination = tcpTo(t, port)
  t.equal(await sent(destination, ['{"a":1}', '{"b":2}']), true)
  t.equal(await sent(destination, ['{"c":3}']), true)
  await whole
  t.equal(text, '{"a":1}\n{"b":2}\n{"c":3}\n')
  t.equal(connections, 1)
  destination.close()
})

t.test('TCP: no listener is a failure; it connects anew when there is one', async (t) => {
  const port = await freePort()
  const destination = tcpTo(t, port)
  t.equal(await sent(destination, ['{}']), false)
  const sockets: Socket[] = []
  let connected: () => void = () => {}
  const next = () =>
    new Promise<void>((resolve) => {
      connected = resolve
    })
  let here = next()
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.resume()
    connected()
  })
  await listening(t, server, port)
  t.equal(await sent(destination, ['{}']), true)
  await here
  here = next()
  // Whether the kernel still takes a batch after the end is a matter of moments; in the end it connects anew.
  sockets[0]?.destroy()
  while (sockets.length < 2) {
    await sent(destination, ['{}'])
    await Promise.race([here, new Promise((resolve) => setImmediate(resolve))])
  }
  t.equal(sockets.length, 2)
  destination.close()
})

t.test('TCP: who never reads holds up the batch, and nothing is copied anew', async (t) => {
  const sockets: Socket[] = []
  const port = await listening(
    t,
    createServer((socket) => {
      socket.pause()
      sockets.push(socket)
    }),
  )
  const destination = tcpTo(t, port)
  const large = ['x'.repeat(32 * 1024 * 1024)]
  let over: boolean | undefined
  const outcome = sent(destination, large).then((taken) => {
    over = taken
  })
  while (sockets.length === 0) await new Promise((resolve) => setImmediate(resolve))
  await sent(httpTo(t, await listening(t, createHttpServer(recorder([])))), ['{}'])
  t.equal(over, undefined, 'it is still on its way when another has long been answered')
  destination.abort()
  await outcome
  t.equal(over, false)
  for (const socket of sockets) socket.destroy()
})

t.test('the first address at which somebody listens is taken, and no other', async (t) => {
  const [own, shared]: [Got[], Got[]] = [[], []]
  const addresses = ['127.77.250.251', '127.0.0.1']
  const port = await listening(t, createHttpServer(recorder(shared)))
  t.equal(await sent(httpTo(t, port, {}, addresses), ['{"at":1}']), true)
  t.equal(shared.length, 1, 'nobody listens at the first')
  await listening(t, createHttpServer(recorder(own)), port, '127.77.250.251')
  t.equal(await sent(httpTo(t, port, {}, addresses), ['{"at":2}']), true)
  t.same(
    own.map(({ body }) => body),
    ['[{"at":2}]'],
  )
  t.equal(shared.length, 1)
  t.equal(await sent(httpTo(t, await freePort(), {}, addresses), ['{}']), false)
})
