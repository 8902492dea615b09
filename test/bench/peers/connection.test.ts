// The connection of the comparison's load reads every form of answer that the tools send.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import t from 'tap'
import { Connection } from '../../../bench/peers/connection.js'

const call = { method: 'POST', path: '/f', body: '{"n":1}' } as const

/** A server that gives each request the next of `answers`, one write for each part. */
async function serve(test: Pick<typeof t, 'teardown'>, answers: readonly (readonly string[])[]) {
  let next = 0
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    socket.setNoDelay(true)
    socket.on('data', async () => {
      for (const part of answers[next++] ?? []) await write(socket, part)
    })
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const connection = new Connection((server.address() as AddressInfo).port)
  test.teardown(() => {
    connection.close()
    server.close()
  })
  return { connection, connections: () => connections }
}

function write(socket: Socket, part: string): Promise<void> {
  if (part === 'close') return new Promise((resolve) => socket.end(resolve))
  return new Promise((resolve) => socket.write(part, () => resolve()))
}

t.test('an answer with a length is whole when its last byte is in', async (t) => {
  const { connection, connections } = await serve(t, [
    ['HTTP/1.1 200 OK\r\nContent-Le', 'ngth: 5\r\n\r\nab', 'cde'],
    ['HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'],
  ])
  t.match(await connection.send(call), { status: 200, body: 'abcde' })
  t.match(await connection.send(call), { status: 404, body: '' })
  t.equal(connections(), 1, 'both went over one connection')
})

t.test('a chunked answer is put together, wherever it is cut', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'
  const { connection } = await serve(t, [[`${head}3\r\nab`, 'c\r\n2', '\r\nde\r\n0\r\n\r\n']])
  t.match(await connection.send(call), { status: 200, body: 'abcde' })
})

t.test('a server that closes is met again on a new connection', async (t) => {
  const { connection, connections } = await serve(t, [
    ['HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\na', 'close'],
    ['HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nb'],
  ])
  t.match(await connection.send(call), { body: 'a' })
  t.match(await connection.send(call), { body: 'b' })
  t.equal(connections(), 2)
})

t.test('a connection that ends in the middle of an answer is a failure', async (t) => {
  const { connection } = await serve(t, [
    ['HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab', 'close'],
  ])
  await t.rejects(connection.send(call), { message: /closed the connection/ })
})
