// The load generator's connection: whole answers however they are cut, and nothing but success counted as one.

import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Connection, requestOf } from '../../bench/load/connection.js'
import type { Target } from '../../bench/load/protocol.js'

/** Answers every request with these pieces, each in a packet of its own. */
async function served(t: Test, pieces: readonly string[]) {
  const asked: string[] = []
  const server: Server = createServer((socket) => {
    socket.setNoDelay(true)
    socket.on('data', (chunk) => {
      asked.push(chunk.toString())
      void send(socket, pieces)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const target: Target = { host: '127.0.0.1', port, path: '/path', body: '{"a":"é"}' }
  const connection = await Connection.open(target)
  t.teardown(() => {
    connection.close()
    server.close()
  })
  const call = () =>
    new Promise<string>((resolve, reject) => {
      connection.call(requestOf(target), (body) => resolve(body.toString()), reject)
    })
  return { asked, call, connection, port }
}

async function send(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    if (piece === 'end') return void socket.destroy()
    await new Promise((written) => socket.write(piece, written))
    await new Promise((turned) => setImmediate(turned))
  }
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n'

t.test('a request has the length of its body in bytes', async (t) => {
  const { asked, call, port } = await served(t, [`${ok}true`])
  t.equal(await call(), 'true')
  t.equal(
    asked.join(''),
    `POST /path HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\n` +
      'content-length: 10\r\n\r\n{"a":"é"}',
  )
})

t.test('an answer in pieces is put together, again and again', async (t) => {
  const { call } = await served(t, [...`${ok}true`])
  t.equal(await call(), 'true')
  t.equal(await call(), 'true')
})

t.test('a chunked answer is its chunks', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'
  const { call } = await served(t, [head, '2\r\ntr\r\n', '2\r\nue\r\n0\r', '\n\r\n'])
  t.equal(await call(), 'true')
})

t.test('another status, an error of the function and a lost connection are failures', async (t) => {
  const other = await served(t, ['HTTP/1.1 429 Too Many\r\ncontent-length: 2\r\n\r\nno'])
  await t.rejects(other.call(), { message: 'HTTP/1.1 429 Too Many: no' })
  const head = 'HTTP/1.1 200 OK\r\nX-Amz-Function-Error: Unhandled\r\ncontent-length: 2\r\n\r\nno'
  await t.rejects((await served(t, [head])).call(), { message: 'HTTP/1.1 200 OK: no' })
  const lost = await served(t, ['HTTP/1.1 200 OK\r\n', 'end'])
  await t.rejects(lost.call(), { message: 'the connection was closed' })
  t.equal(lost.connection.usable, false)
  await t.rejects(lost.call(), { message: 'the connection was closed' })
})
