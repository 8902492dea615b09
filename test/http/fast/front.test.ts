// What stands before a node:http server: who answers which request, how long connections stay, and how both end.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import type { HttpExchange } from '../../../src/http/exchange.js'
import { type Front, standBefore } from '../../../src/http/fast/front.js'

interface Stage {
  readonly server: Server
  readonly front: Front
  /** The first request that is answered only when the test does it, once it has come. */
  readonly held: () => Promise<HttpExchange>
  /** How many connections' requests are being answered. */
  readonly busy: () => number
  /** Lets the front look at idle connections, so many times. */
  readonly look: (times?: number) => void
  readonly client: () => Promise<Client>
}

interface Client {
  readonly socket: Socket
  readonly text: () => string
  /** Resolves once it has got so many answers. */
  readonly answers: (count: number) => Promise<string[]>
  readonly ended: Promise<unknown>
}

/** `/front…` is the front's, `/front/held` answered by the test; the server answers everything else. */
async function stage(t: Test): Promise<Stage> {
  const server = createServer((request: IncomingMessage, response) => {
    request.resume().on('end', () => response.end(`node ${request.url}`))
  })
  const held: HttpExchange[] = []
  const looks: (() => void)[] = []
  let busy = 0
  const front = standBefore(
    server,
    {
      isOurs: ({ url }) => url.startsWith('/front'),
      onExchange: (exchange) =>
        exchange.readBody(1_000, (body) => {
          if (exchange.url === '/front/held') held.push(exchange)
          else answer(exchange, `front ${exchange.url} ${body.toString()}`)
        }),
    },
    {
      keepAliveTimeoutMs: 5_000,
      busy: () => {
        busy += 1
        return () => {
          busy -= 1
        }
      },
      kernel: {
        nowMs: () => 0 as never,
        after: (_durationMs, run) => {
          looks.push(run)
          return () => looks.splice(looks.indexOf(run), 1)
        },
      },
    },
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    front.close()
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return {
    server,
    front,
    held: async () => {
      while (held[0] === undefined) await new Promise(setImmediate)
      return held[0]
    },
    busy: () => busy,
    look: (times = 1) => {
      for (let time = 0; time < times; time += 1) looks.shift()?.()
    },
    client: () => clientOf(t, port),
  }
}

function answer(exchange: HttpExchange, body: string): void {
  exchange.answer(200, { 'content-length': Buffer.byteLength(body) }, body)
}

async function clientOf(t: Test, port: number): Promise<Client> {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const ended = Promise.race([once(socket, 'end'), once(socket, 'close')])
  await once(socket, 'connect')
  const bodies = () => [...text.matchAll(/\r\n\r\n((?:front|node) [^H]*)/g)].map(([, body]) => body)
  return {
    socket,
    text: () => text,
    ended,
    answers: async (count) => {
      while (bodies().length < count) await once(socket, 'data')
      return bodies() as string[]
    },
  }
}

function post(url: string, body = ''): string {
  return `POST ${url} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

t.test(
  'its own requests it answers itself, and a connection with another goes for good',
  async (t) => {
    const { client } = await stage(t)
    const { socket, answers, text } = await client()
    socket.write(post('/front/a', 'one'))
    await answers(1)
    socket.write(post('/front/b', 'two'))
    t.same(await answers(2), ['front /front/a one', 'front /front/b two'])
    t.match(text(), 'Keep-Alive: timeout=5\r\nConnection: keep-alive\r\n\r\nfront /front/b')
    socket.write(post('/other'))
    t.same((await answers(3)).at(2), 'node /other')
    socket.write(post('/front/c', 'three'))
    t.same((await answers(4)).at(3), 'node /front/c')
  },
)

t.test('pipelined requests are served one after the other, whoever answers them', async (t) => {
  const { client, held, busy } = await stage(t)
  const { socket, answers } = await client()
  socket.write(post('/front/held') + post('/front/b', '2') + post('/other') + post('/front/d'))
  const exchange = await held()
  t.equal(busy(), 1)
  answer(exchange, 'front held')
  t.same(await answers(4), ['front held', 'front /front/b 2', 'node /other', 'node /front/d'])
  t.equal(busy(), 0)
})

t.test('what does not come whole in one piece is for the server', async (t) => {
  const { client } = await stage(t)
  const whole = post('/front/a', 'body')
  for (const cut of [3, whole.indexOf('\r\n\r\n') + 2, whole.length - 2]) {
    const { socket, answers } = await client()
    socket.setNoDelay(true)
    socket.write(whole.slice(0, cut))
    // The rest leaves when the first part has surely been read: an answered request on another connection says so.
    const other = await client()
    other.socket.write(post('/front/b'))
    await other.answers(1)
    socket.write(whole.slice(cut))
    t.same(await answers(1), ['node /front/a'], `cut at ${cut}`)
  }
})

t.test('a connection that sends nothing goes to the server at the second look', async (t) => {
  const { client, look, server } = await stage(t)
  const { socket, answers } = await client()
  let handedOver = 0
  server.on('request', () => {
    handedOver += 1
  })
  const first = await client()
  first.socket.write(post('/front/a'))
  await first.answers(1)
  look(2)
  socket.write(post('/front/a'))
  t.same(await answers(1), ['node /front/a'])
  t.equal(handedOver, 1)
  first.socket.write(post('/front/b'))
  t.same((await first.answers(2)).at(1), 'front /front/b ', 'who has been served stays')
})

t.test(
  'a kept connection is closed after its idle time, one that waits for an answer never',
  async (t) => {
    const { client, look, held } = await stage(t)
    const idle = await client()
    idle.socket.write(post('/front/a'))
    await idle.answers(1)
    const waiting = await client()
    waiting.socket.write(post('/front/held'))
    const exchange = await held()
    look(5)
    t.equal(idle.socket.readyState, 'open')
    look(1)
    await idle.ended
    look(20)
    answer(exchange, 'front late')
    t.same(await waiting.answers(1), ['front late'])
  },
)

t.test('closing ends who is idle at once and who waits after the answer', async (t) => {
  const { client, front, held, server } = await stage(t)
  const idle = await client()
  idle.socket.write(post('/front/a'))
  await idle.answers(1)
  const waiting = await client()
  waiting.socket.write(post('/front/held'))
  const exchange = await held()
  front.close()
  const closed = new Promise((resolve) => server.close(resolve))
  await idle.ended
  answer(exchange, 'front last')
  t.same(await waiting.answers(1), ['front last'])
  await waiting.ended
  waiting.socket.end()
  await closed
})

t.test('a client that goes while its request is answered harms nobody', async (t) => {
  const { client, held, busy } = await stage(t)
  const { socket } = await client()
  socket.write(post('/front/held'))
  const exchange = await held()
  const gone = new Promise<void>((resolve) => exchange.onGone(resolve))
  socket.destroy()
  await gone
  answer(exchange, 'front to nobody')
  t.equal(busy(), 0)
})
