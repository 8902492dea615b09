// Broken and hostile HTTP against the real listeners: each ends as it should, and never stops the requests beside it.

import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { serverLimits } from '../../src/http/server.js'
import { gather } from '../support/client-crowd.js'
import {
  ask,
  type Conversation,
  converse,
  type RawAnswer,
  type RawRequest,
  requestBytes,
  valuesOf,
} from '../support/raw-http.js'
import { type Listener, listeners } from './attacked-listeners.js'
import { attacksOn } from './http-attacks.js'
import { keptWaitingMs } from './stage.js'

// Only against hanging.
t.setTimeout(400_000)

/**
 * What somebody who waits for an answer would call at once, on a machine that is busy being attacked; the listener, which lives
 * in this process, is not charged with what others kept it waiting for a processor.
 */
const quickMs = 1_000

/** An ordinary request, beside whatever else is going on. */
async function askBeside(t: Test, listener: Listener, what: string): Promise<void> {
  const startedAt = performance.now()
  const keptBeforeMs = keptWaitingMs()
  const answer = await ask(listener.port, listener.ordinary)
  const keptMs = keptWaitingMs() - keptBeforeMs
  const tookMs = performance.now() - startedAt
  t.equal(answer.status, 200, `an ordinary request is answered beside ${what}`)
  const figures = `${tookMs.toFixed(0)} ms, ${keptMs.toFixed(0)} of them for others`
  t.ok(tookMs - keptMs < quickMs, `within ${quickMs} ms (${figures})`)
}

/** All that came until the listener ended the connection; fails instead of hanging. */
async function endOf({ ended, socket }: Conversation, withinMs = 30_000): Promise<string> {
  const patience = new AbortController()
  const never = sleep(withinMs, undefined, { signal: patience.signal }).then(() => {
    throw new Error(`the listener did not end the connection within ${withinMs} ms`)
  })
  try {
    return await Promise.race([ended, never])
  } finally {
    patience.abort()
    never.catch(() => undefined)
    socket.destroy()
  }
}

function variant({ ordinary }: Listener, changes: Partial<RawRequest>): RawRequest {
  return { ...ordinary, ...changes }
}

const closing: readonly (readonly [string, string])[] = [['Connection', 'close']]

async function brokenBytes(t: Test, listener: Listener): Promise<void> {
  const { port, host, posted, ordinary } = listener
  for (const { name, bytes, answered } of attacksOn({ ...ordinary, host, posted })) {
    await t.test(`${name} is refused, and the connection closed`, async (t) => {
      const attack = converse(port, bytes)
      await askBeside(t, listener, name)
      t.match(await endOf(attack), answered)
    })
  }
}

async function unusualRequests(t: Test, listener: Listener): Promise<void> {
  const { port, host, ordinary } = listener
  const expected = await ask(port, ordinary)
  const same = (answer: RawAnswer, what: string) => {
    t.same([answer.status, answer.body.toString()], [200, expected.body.toString()], what)
  }
  const absolute = variant(listener, { target: `http://${host}${ordinary.target}` })
  same(await ask(port, absolute), 'an absolute target is the same as its path')
  const upgrades = ['websocket', 'h2c', 'TLS/1.0'].map((protocol) =>
    variant(listener, {
      headers: [...ordinary.headers, ['Connection', 'Upgrade'], ['Upgrade', protocol]],
    }),
  )
  for (const upgrade of upgrades) same(await ask(port, upgrade), 'an upgrade is not taken up')

  const expecting = converse(
    port,
    `POST ${listener.posted} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
  )
  await expecting.came('HTTP/1.1 100 Continue\r\n\r\n')
  expecting.socket.write('{}')
  t.match(await endOf(expecting), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 (200|404) /)

  const once = requestBytes(variant(listener, { headers: [...ordinary.headers, ...closing] }))
  const after = converse(port, Buffer.concat([once, requestBytes(ordinary)]))
  t.equal(
    (await endOf(after)).split('HTTP/1.1 ').length - 1,
    1,
    'nothing is answered after a close',
  )
  const old = Buffer.from(`GET ${ordinary.target} HTTP/1.0\r\nHost: ${host}\r\n\r\n`)
  t.match(await endOf(converse(port, old)), /^HTTP\/1\.1 200 /, 'HTTP/1.0 is answered and closed')
}

async function pipelined(t: Test, listener: Listener): Promise<void> {
  const { port, ordinary } = listener
  const count = 1_000
  const requests = Array.from({ length: count }, (_, index) => {
    const last = index === count - 1 ? closing : []
    return requestBytes(variant(listener, { headers: [...ordinary.headers, ...last] }))
  })
  const attack = converse(port, Buffer.concat(requests))
  await askBeside(t, listener, '1,000 pipelined requests')
  const text = await endOf(attack, 90_000)
  t.equal(text.split('HTTP/1.1 200 OK\r\n').length - 1, count, 'each has its answer')
}

async function halfOpen(t: Test, listener: Listener): Promise<void> {
  const { port, host, ordinary } = listener
  const whole = converse(port, requestBytes(ordinary))
  whole.socket.end()
  t.match(await endOf(whole), /^HTTP\/1\.1 200 /, 'who only listens any more gets the answer')
  const half = converse(port, `GET ${ordinary.target} HTTP/1.1\r\nHost: ${host}\r\nX-Cut`)
  half.socket.end()
  t.match(await endOf(half), /^$|^HTTP\/1\.1 400 /, 'half a request is no request')
  const cut = converse(
    port,
    `POST ${listener.posted} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100\r\n\r\nhalf`,
  )
  cut.socket.end()
  t.match(await endOf(cut), /^$|^HTTP\/1\.1 400 /, 'half a body is none')
  await askBeside(t, listener, 'half-open connections')
}

async function vanishing(t: Test, listener: Listener): Promise<void> {
  const { port, ordinary } = listener
  const bytes = requestBytes(ordinary)
  const sockets = Array.from({ length: 300 }, (_, index) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    // Cut off at every place of the request, and after it.
    socket.write(bytes.subarray(0, 1 + (index % bytes.length)), () => socket.resetAndDestroy())
    return socket
  })
  await Promise.all(sockets.map((socket) => (socket.closed ? undefined : once(socket, 'close'))))
  await askBeside(t, listener, '300 clients that vanish')
}

async function largeBodies(t: Test, listener: Listener): Promise<void> {
  const { port, host } = listener
  const size = 100 * 1024 * 1024
  const head = `POST ${listener.posted} HTTP/1.1\r\nHost: ${host}\r\n`
  if (listener.refusesEarly) {
    const told = converse(port, `${head}Content-Length: ${size}\r\n\r\n`)
    await askBeside(t, listener, 'a body of 100 MB that is only told of')
    await told.came('HTTP/1.1 413 ')
    told.socket.destroy()
  }
  const untold = converse(port, `${head}Transfer-Encoding: chunked\r\n\r\n`)
  const part = Buffer.alloc(1024 * 1024, 'x')
  const chunk = Buffer.concat([Buffer.from('100000\r\n'), part, Buffer.from('\r\n')])
  let sent = 0
  while (sent < size && untold.text() === '' && untold.socket.writable) {
    sent += part.length
    if (untold.socket.write(chunk)) await setImmediate()
    else await Promise.race([once(untold.socket, 'drain'), untold.ended])
  }
  await askBeside(t, listener, 'a body of 100 MB in chunks')
  if (sent === size) untold.socket.write('0\r\n\r\n')
  await untold.came('HTTP/1.1 413 ')
  untold.socket.destroy()
  t.equal(sent < size, listener.refusesEarly, `it was refused after ${sent / 1024 / 1024} MB`)
}

async function slowHeads(t: Test, listener: Listener): Promise<void> {
  const { port, host, ordinary } = listener
  const bytes = `${ordinary.method} ${ordinary.target} HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `
  const count = 1_000
  const crowd = gather(t, { port, count, bytes, trickleMs: 500 })
  await crowd.until(({ opened }) => opened === count)
  const openedAt = performance.now()
  while ((await crowd.state()).ended < count) {
    await askBeside(t, listener, '1,000 heads that never end')
    await sleep(1_000)
  }
  const tookMs = performance.now() - openedAt
  const { headersTimeoutMs, connectionsCheckMs } = serverLimits
  const latestMs = headersTimeoutMs + connectionsCheckMs + 5_000
  t.ok(tookMs < latestMs, `all are cut off (${tookMs.toFixed(0)} ms)`)
  const { answers } = await crowd.state()
  t.same(Object.values(answers), [count], 'all are told the same')
  t.match(Object.keys(answers)[0], /^HTTP\/1\.1 408 /)
}

async function slowBodies(t: Test, listener: Listener): Promise<void> {
  const { port, host, posted } = listener
  const bytes = `POST ${posted} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 100000\r\n\r\n`
  const count = 1_000
  const crowd = gather(t, { port, count, bytes, trickleMs: 500 })
  await crowd.until(({ opened }) => opened === count)
  for (let round = 0; round < 5; round += 1) {
    await askBeside(t, listener, '1,000 bodies that never end')
    await sleep(500)
  }
  t.same(await crowd.state(), { opened: count, answers: {}, ended: 0 }, 'a body may be slow')
  await crowd.leave()
  await askBeside(t, listener, '1,000 bodies that were given up')
}

async function slowReaders(t: Test, listener: Listener): Promise<void> {
  const { port, ordinary } = listener
  const bytes = requestBytes(ordinary).toString('latin1').repeat(1_000)
  const crowd = gather(t, { port, count: 20, bytes, reads: false })
  await crowd.until(({ opened }) => opened === 20)
  for (let round = 0; round < 5; round += 1) {
    await askBeside(t, listener, '20 clients that ask and never read')
    await sleep(200)
  }
  await crowd.leave()
  await askBeside(t, listener, '20 clients that asked and went away')
}

async function idle(t: Test, listener: Listener, bytes: string): Promise<void> {
  const { port } = listener
  const count = 10_000
  const crowd = gather(t, { port, count, bytes })
  await crowd.until(({ opened }) => opened === count)
  for (let round = 0; round < 10; round += 1) {
    await askBeside(t, listener, '10,000 idle connections')
    await sleep(100)
  }
}

for (const open of listeners) {
  t.test(`the listener ${open.what}`, async (t) => {
    const listener = await open.start(t)
    await t.test('broken bytes', (t) => brokenBytes(t, listener))
    await t.test('unusual requests are served', (t) => unusualRequests(t, listener))
    await t.test('1,000 pipelined requests are answered', (t) => pipelined(t, listener))
    await t.test('half-open connections end', (t) => halfOpen(t, listener))
    await t.test('clients vanish at any moment', (t) => vanishing(t, listener))
    await t.test('bodies of 100 MB are refused early', (t) => largeBodies(t, listener))
    await t.test('clients that never read hold up nobody', (t) => slowReaders(t, listener))
    await t.test('10,000 silent connections stop nobody', (t) => idle(t, listener, ''))
    if (open.thorough) {
      const kept = requestBytes(listener.ordinary).toString('latin1')
      await t.test('slow bodies hold up nobody', (t) => slowBodies(t, listener))
      await t.test('slow heads are cut off', (t) => slowHeads(t, listener))
      await t.test('10,000 kept-alive connections stop nobody', (t) => idle(t, listener, kept))
    }
    t.same(listener.troubles, [], 'no bug was met')
    const last = await ask(listener.port, listener.ordinary)
    t.equal(last.status, 200)
    t.same(valuesOf(last, 'server'), [])
  })
}
