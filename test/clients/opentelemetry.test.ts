// A published bug and its cure, on the real OpenTelemetry SDK: spans of a batch that is due while the environment is frozen.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { environmentsAtRest, nowMs, startDaemon, until } from '../support/daemon.js'
import { projectOf, temporaryFolder } from '../support/functions.js'
import { prepared } from './prepared.js'

// Only against hanging.
t.setTimeout(120_000)

/** What the SDK's timer waits for a batch, in the function. */
const batchMs = 500
/** Frozen for so long that the timer is due several times over. */
const frozenMs = 4 * batchMs

interface Received {
  readonly name: string
  readonly endedAtMs: number
  readonly receivedAtMs: number
}

interface Export {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly spans: readonly { readonly name: string; readonly endTimeUnixNano: string }[]
    }[]
  }[]
}

/** Takes what an exporter sends as OTLP over HTTP in JSON. */
async function collector(t: Test) {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    const { resourceSpans } = JSON.parse(Buffer.concat(pieces).toString()) as Export
    const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans).flatMap((of) => of.spans)
    for (const { name, endTimeUnixNano } of spans)
      received.push({ name, endedAtMs: Number(endTimeUnixNano) / 1e6, receivedAtMs: nowMs() })
    response.setHeader('content-type', 'application/json').end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { received, url: `http://127.0.0.1:${port}/v1/traces` }
}

async function play(t: Test, handler: 'byTimer' | 'beforeReturn') {
  const { received, url } = await collector(t)
  const settings = { runtime: 'nodejs22.x', handler: `index.${handler}`, timeoutSeconds: 30 }
  const code = prepared.opentelemetry
  const traced = { ...settings, code, environment: { COLLECTOR_URL: url } }
  const project = projectOf(t, { traced })
  const daemon = await startDaemon(t, { project, stateDirectory: temporaryFolder(t) })
  const call = async (name: string, workMs: number) => {
    const { functionError, body } = await daemon.invoke('traced', { name, workMs })
    t.same([functionError, body], [undefined, null], `${name} is answered`)
  }
  const expire = async () => {
    const [environment, ...others] = await environmentsAtRest(daemon)
    t.same(others, [], 'one environment has served all')
    await daemon.admin.act('expire', environment?.id ?? '')
    await until('it is gone', async () => (await daemon.admin.environments()).length === 0)
  }
  const rest = async () => {
    await environmentsAtRest(daemon)
    // The wait is the point.
    await sleep(frozenMs)
  }
  return { received, call, rest, expire }
}

t.test('flushed by its timer, a span waits for the next invocation, or is lost', async (t) => {
  const { received, call, rest, expire } = await play(t, 'byTimer')
  await call('first', 10)
  await rest()
  t.same(received, [], `in ${frozenMs} ms nothing has come, though it was due after ${batchMs} ms`)
  await call('second', 300)
  await until('the first has come', () => received.length > 0)
  const [first] = received
  t.equal(first?.name, 'first')
  const lateMs = (first?.receivedAtMs ?? 0) - (first?.endedAtMs ?? 0)
  t.ok(lateMs >= frozenMs, `it came ${lateMs.toFixed(0)} ms after its end`)
  await rest()
  await expire()
  t.same(
    received.map(({ name }) => name),
    ['first'],
    'the second died with its environment',
  )
})

t.test('flushed before the handler returns, every span comes in time', async (t) => {
  const { received, call, rest, expire } = await play(t, 'beforeReturn')
  for (const [index, name] of ['first', 'second'].entries()) {
    await call(name, 10)
    t.equal(received.length, index + 1, `${name} was there before the answer`)
    await rest()
  }
  await expire()
  t.same(
    received.map(({ name }) => name),
    ['first', 'second'],
  )
  for (const { name, receivedAtMs, endedAtMs } of received)
    t.ok(receivedAtMs - endedAtMs < frozenMs, `${name} did not wait for a thaw`)
})
