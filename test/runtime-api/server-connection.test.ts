// Connections to the Runtime API that are slow, greedy, cut off, silent or strange: nothing lost, nothing held back, no hurry.

import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { HttpExchange } from '../../src/http/exchange.js'
import { portRange } from '../../src/http/port-range.js'
import { listenFast } from '../../src/runtime-api/server.js'

const host = 'Host: 127.0.0.1\r\n'
const get = (url: string, more = ''): string => `GET ${url} HTTP/1.1\r\n${host}${more}\r\n`
const postHead = (url: string, bytes: number, more = ''): string =>
  `POST ${url} HTTP/1.1\r\n${host}Content-Length: ${bytes}\r\n${more}\r\n`
const chunkedPost = `POST /chunked HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n`

/** Waits for what other code in this process is about to do. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await setImmediate()
}

/** As many turns of the event loop as whatever is on its way on this machine needs many times over. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await setImmediate()
}

function answer(exchange: HttpExchange, body: string | Buffer): void {
  exchange.answer(200, { 'Content-Length': Buffer.byteLength(body) }, body)
}

interface Options {
  readonly onExchange?: (exchange: HttpExchange) => void
  readonly nowMs?: () => number
}

async function open(t: Test, { onExchange = () => {}, nowMs = () => 0 }: Options = {}) {
  const exchanges: HttpExchange[] = []
  const ports = portRange(0.75)
  const server = await listenFast({ host: '127.0.0.1', ports, nowMs }, (exchange) => {
    exchanges.push(exchange)
    onExchange(exchange)
  })
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const client = () => {
    const socket = connect({ port: server.port, host: server.host, noDelay: true })
    t.teardown(() => socket.destroy())
    let text = ''
    const heard = (piece: string): Promise<void> => until(() => text.includes(piece))
    socket.setEncoding('latin1')
    socket.on('data', (piece: string) => {
      text += piece
    })
    socket.on('error', () => {})
    return { socket, heard, text: () => text }
  }
  const exchange = async (index: number): Promise<HttpExchange> => {
    await until(() => exchanges.length > index)
    return exchanges[index] as HttpExchange
  }
  return { server, exchanges, exchange, client }
}

function readWhole(limitBytes: number): (exchange: HttpExchange) => void {
  return (exchange) =>
    exchange.readBody(limitBytes, (body) => {
      const told = typeof body === 'string' ? body : `${body.length} bytes, ${body.at(-1)} last`
      answer(exchange, `${exchange.url}: ${told};`)
    })
}

t.test('a body of 6 MB arrives whole, and what is over the limit is dropped', async (t) => {
  const mb = 1024 * 1024
  const { client } = await open(t, { onExchange: readWhole(6 * mb) })
  const { socket, heard } = client()
  const body = Buffer.alloc(6 * mb, 'x')
  body[body.length - 1] = 7
  socket.write(postHead('/six', body.length))
  for (let at = 0; at < body.length; at += 1_000_003)
    socket.write(body.subarray(at, at + 1_000_003))
  await heard('/six: 6291456 bytes, 7 last;')
  socket.write(
    Buffer.concat([Buffer.from(postHead('/seven', body.length + 1)), body, Buffer.of(9)]),
  )
  await heard('/seven: too-large;')
  socket.write(`${postHead('/three', 3)}abc${get('/next')}`)
  await heard('/three: 3 bytes, 99 last;')
  await heard('/next: 0 bytes, undefined last;')
})

t.test('headers of 300,000 and 1,900,000 bytes arrive; 3 MB end the connection', async (t) => {
  const { client, exchange } = await open(t, { onExchange: readWhole(100) })
  for (const [index, bytes] of [300, 200_000, 300_000, 1_900_000].entries()) {
    const { socket, heard } = client()
    const cause = '{"message": "é"}'.repeat(bytes / 16)
    socket.write(`${postHead('/error', 2, `X-Cause: ${cause}\r\n`)}{}${get('/after')}`)
    await heard('/after: ')
    const { headers } = await exchange(2 * index)
    t.equal(Buffer.from(headers['x-cause'] as string, 'latin1').toString(), cause)
  }
  const { socket, text } = client()
  socket.write(`${get('/', `X-Cause: ${'x'.repeat(3_000_000)}\r\n`)}`)
  await until(() => socket.closed)
  t.equal(text(), '')
})

t.test('answers go out in the order of the requests', async (t) => {
  const { client, exchange } = await open(t)
  const { socket, heard, text } = client()
  socket.write(get('/1') + get('/2') + chunkedPost + get('/4'))
  const [first, second] = [await exchange(0), await exchange(1)]
  answer(second, 'second;')
  await turns()
  t.equal(text(), '')
  answer(first, 'first;')
  await heard('second;')
  answer(await exchange(3), 'fourth;')
  answer(await exchange(2), 'third;')
  await heard('fourth;')
  const bodies = [...text().matchAll(/\w+;/g)].map(([body]) => body)
  t.same(bodies, ['first;', 'second;', 'third;', 'fourth;'])
})

t.test('a client that goes while it waits is noticed, however it goes', async (t) => {
  const { client, exchange, exchanges, server } = await open(t)
  const ways: Readonly<Record<string, (socket: ReturnType<typeof client>['socket']) => void>> = {
    'by ending its side': (socket) => void socket.end(),
    'by closing': (socket) => void socket.destroy(),
    'by a reset': (socket) => void socket.resetAndDestroy(),
    'after half a head': (socket) => void socket.end('GET /ha'),
    'after half a body': (socket) => void socket.end(`${postHead('/half', 5)}ab`),
    'after a request that is not ordinary': (socket) => void socket.end(chunkedPost),
    'after no request': (socket) => void socket.end('\0\0\0\0'),
  }
  for (const [name, go] of Object.entries(ways)) {
    const { socket } = client()
    const index = exchanges.length
    socket.write(get('/next'))
    const parked = await exchange(index)
    let told = false
    parked.onGone(() => {
      told = true
    })
    t.equal(parked.gone, false)
    await turns()
    go(socket)
    await until(() => told)
    t.equal(parked.gone, true, name)
    // Nobody is there to get it.
    answer(parked, 'late')
  }
  await until(() => server.connections() === 0)
})

t.test('a body that is cut off is told once, with its connection', async (t) => {
  const told: (Buffer | string)[] = []
  const { client, exchange } = await open(t, {
    onExchange: (exchange) => exchange.readBody(100, (body) => told.push(body)),
  })
  for (const [index, way] of (['end', 'destroy', 'resetAndDestroy'] as const).entries()) {
    const { socket } = client()
    socket.write(`${postHead('/cut', 10)}12345`)
    const { gone } = await exchange(index)
    t.equal(gone, false)
    await turns()
    socket[way]()
    await until(() => told.length === index + 1)
  }
  await turns()
  t.same(told, ['cut-short', 'cut-short', 'cut-short'])
})

t.test('a body waits until somebody wants it, and what is behind it too', async (t) => {
  const { client, exchange, exchanges } = await open(t)
  const { socket, heard } = client()
  const bytes = 30_000_000
  socket.write(postHead('/later', bytes) + 'x'.repeat(bytes) + get('/behind'))
  const later = await exchange(0)
  await turns()
  t.equal(exchanges.length, 1)
  t.ok(socket.writableLength > 0, 'it stays where it is')
  const body = await new Promise((resolve) => later.readBody(bytes, resolve))
  t.equal((body as Buffer).length, bytes)
  answer(later, 'later;')
  answer(await exchange(1), 'behind;')
  await heard('behind;')
})

t.test('an answer without a look at the body lets the next request through', async (t) => {
  const { client } = await open(t, { onExchange: (exchange) => answer(exchange, exchange.url) })
  const { socket, heard } = client()
  socket.write(postHead('/first', 2_000_000))
  await heard('/first')
  socket.write('x'.repeat(2_000_000) + get('/second'))
  await heard('/second')
})

t.test('a client that does not read its answers is not read either', async (t) => {
  const body = Buffer.alloc(1024 * 1024, 'x')
  const { client, exchanges } = await open(t, { onExchange: (each) => answer(each, body) })
  const { socket } = client()
  socket.pause()
  const asked = 64
  socket.write(get('/big').repeat(asked))
  await until(() => exchanges.length > 0)
  await turns()
  t.ok(exchanges.length < asked / 2, `${exchanges.length} of ${asked} were presented`)
  let bytes = 0
  socket.on('data', (piece: string) => {
    bytes += piece.length
  })
  socket.resume()
  await until(() => bytes >= asked * body.length)
  t.equal(exchanges.length, asked)
})

t.test('a client that asks on and on without an answer is not read either', async (t) => {
  const { client, exchange, exchanges } = await open(t)
  const { socket, heard } = client()
  socket.write(get('/on').repeat(40))
  await until(() => exchanges.length > 0)
  await turns()
  t.equal(exchanges.length, 16)
  for (let index = 0; index < 40; index += 1) answer(await exchange(index), `${index};`)
  await heard('39;')
})

t.test('a connection that node:http has taken over is served on, counted and closed', async (t) => {
  const { client, server } = await open(t, { onExchange: readWhole(100) })
  const closed: number[] = []
  server.onConnectionClosed(() => closed.push(server.connections()))
  const { socket, heard } = client()
  socket.write(get('/ours') + chunkedPost)
  await heard('/chunked: 1 bytes')
  socket.write(`${postHead('/ordinary', 2)}ab`)
  await heard('/ordinary: 2 bytes')
  const other = client()
  other.socket.write(get('/other'))
  await other.heard('/other')
  t.equal(server.connections(), 2)
  server.closeAllConnections()
  await Promise.all([once(socket, 'close'), once(other.socket, 'close')])
  await until(() => closed.length === 2)
  t.same(closed, [1, 0])
})

t.test('nothing waits for a clock, whatever a client has begun', async (t) => {
  const { client, server } = await open(t)
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const begun = ['', 'GET', get('/parked'), postHead('/half', 2), chunkedPost.slice(0, -9), 'PUT']
  for (const text of begun) client().socket.write(text)
  await until(() => server.connections() === begun.length)
  await turns()
  t.equal(timers(), before)
  t.equal(server.connections(), begun.length)
})

t.test('the Date is the host’s, to the second', async (t) => {
  let nowMs = Date.UTC(2026, 10, 21, 22, 59, 59, 999)
  const { client } = await open(t, { onExchange: readWhole(1), nowMs: () => nowMs })
  const { socket, heard, text } = client()
  socket.write(get('/1'))
  await heard('/1: ')
  nowMs += 1
  socket.write(get('/2'))
  await heard('/2: ')
  t.same(
    [...text().matchAll(/Date: (.*)\r\n/g)].map(([, date]) => date),
    ['Sat, 21 Nov 2026 22:59:59 GMT', 'Sat, 21 Nov 2026 23:00:00 GMT'],
  )
})

t.test('no header of an answer can hold a line break', async (t) => {
  const { client, exchange } = await open(t)
  const { socket, text } = client()
  socket.write(get('/'))
  const parked = await exchange(0)
  const headers = { 'X-A': 'a\r\nX-B: b', 'Content-Length': 0 }
  t.throws(() => parked.answer(200, headers, ''), { code: 'ERR_INVALID_CHAR' })
  await turns()
  t.equal(text(), '')
})
