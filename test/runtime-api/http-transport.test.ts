// What only the HTTP Runtime API has: connections, foreign callers, resets. What it refuses is in misuse.test.ts.

import { connect } from 'node:net'
import t from 'tap'
import type { RequestId } from '../../src/domain/brand.js'
import { base, delivery, isError, open, requestId } from './open-channel.js'

t.test('answer and next in one write on one connection', async (t) => {
  const { channel, running, heard } = await open(t, false)
  await running()
  const [host, port] = channel.address.split(':')
  const socket = connect(Number(port), host)
  t.teardown(() => socket.destroy())
  socket.write(
    `POST ${base}/invocation/${requestId}/response HTTP/1.1\r\nhost: ${channel.address}\r\ncontent-length: 2\r\n\r\n42` +
      `GET ${base}/invocation/next HTTP/1.1\r\nhost: ${channel.address}\r\n\r\n`,
  )
  await heard('response')
  await heard('asked-next', 2)
  channel.deliver(delivery({ requestId: 'second' as RequestId }))
  let text = ''
  for await (const chunk of socket) {
    text += chunk
    if (text.includes('{"a":1}')) break
  }
  t.match(text, /^HTTP\/1\.1 202 [\s\S]*"OK"[\s\S]*HTTP\/1\.1 200 [\s\S]*second/)
})

t.test('a web page or a foreign host name cannot steal an event', async (t) => {
  const { call, events } = await open(t, false)
  const path = `${base}/invocation/next`
  for (const headers of [
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
    { host: 'evil.example' },
    { host: '127.0.0.1:1' },
  ])
    isError(
      t,
      await call('GET', path, undefined, headers as Record<string, string>),
      403,
      'Forbidden',
    )
  t.same(events, [])
})

t.test('after a reset the next process starts from the beginning', async (t) => {
  const { channel, next, heard } = await open(t, false)
  const waiting = next().catch((error: NodeJS.ErrnoException) => error.code)
  await heard('asked-next')
  channel.reset()
  t.equal(await waiting, 'ECONNRESET')
  void next().catch(() => {})
  await heard('asked-next', 2)
  channel.deliver(delivery())
  t.pass('it takes an event again')
})

t.test('drained resolves when connections are closed, and soon when one is not', async (t) => {
  const { channel, next, heard } = await open(t, false)
  await channel.drained()
  const waiting = next().catch(() => undefined)
  await heard('asked-next')
  await channel.drained()
  channel.reset()
  await waiting
  t.pass()
})
