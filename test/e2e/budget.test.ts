// The memory budget with real processes: a burst is served in order, and a function that calls itself without end is stopped.

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { type RunningEmulator, startWith } from '../support/in-process.js'

/** Answers when the gate of the test does. */
const waits = `
const { get } = require('node:http')
exports.handler = ({ gate, n }) => new Promise((resolve, reject) => {
  get(gate, (answer) => answer.resume().on('end', () => resolve(n))).on('error', reject)
})
`

/** Calls itself by a plain POST and passes on what comes back, as an error if it is one. */
const recurses = `
const { request } = require('node:http')
exports.handler = (event, context) => new Promise((resolve, reject) => {
  const path = '/2015-03-31/functions/' + context.functionName + '/invocations'
  const call = request(process.env.AWS_ENDPOINT_URL_LAMBDA + path, { method: 'POST' }, (answer) => {
    let text = ''
    answer.on('data', (part) => { text += part })
    answer.on('end', () => {
      const failed = answer.statusCode !== 200 || answer.headers['x-amz-function-error']
      if (failed) reject(new Error(answer.statusCode + ' ' + text))
      else resolve(text)
    })
  })
  call.on('error', reject)
  call.end(JSON.stringify({ depth: (event.depth ?? 0) + 1 }))
})
`

/** Calls itself as SDKs do, which pass the trace on: for its answer, or by an event. */
const loops = `
const { request } = require('node:http')
exports.handler = (event, context) => new Promise((resolve, reject) => {
  const path = '/2015-03-31/functions/' + context.functionName + '/invocations'
  const headers = { 'x-amzn-trace-id': process.env._X_AMZN_TRACE_ID, 'x-amz-invocation-type': event.type }
  const call = request(process.env.AWS_ENDPOINT_URL_LAMBDA + path, { method: 'POST', headers }, (answer) => {
    let text = ''
    answer.on('data', (part) => { text += part })
    answer.on('end', () => {
      const failed = answer.statusCode >= 300 || answer.headers['x-amz-function-error']
      // Flat: errors within errors would be escaped once more at each depth.
      if (failed) resolve(answer.headers['x-amzn-errortype'] + ' ' + text)
      else resolve(JSON.parse(text || '""'))
    })
  })
  call.on('error', reject)
  call.end(JSON.stringify({ ...event, depth: (event.depth ?? 0) + 1 }))
})
`

const arrivals = new Set(['invocation.placed', 'invocation.queued'])
const hello = "exports.handler = async () => 'hello'"

/** A server that answers nobody until it is opened, and from then on everybody at once. */
async function closedGate(t: Test): Promise<{ readonly url: string; open(): void }> {
  let opened = false
  const held: ServerResponse[] = []
  const server = createServer((_, response) => {
    if (opened) response.end()
    else held.push(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const open = (): void => {
    opened = true
    for (const response of held) response.end()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, open }
}

/** Resolves when an invocation that comes from now on is in an environment, or in the queue. */
function arrival({ emulator }: RunningEmulator): Promise<void> {
  return new Promise((resolve) => {
    const stop = emulator.onJournal(({ kind }) => {
      if (!arrivals.has(String(kind))) return
      stop()
      resolve()
    })
  })
}

t.test('with memory for three environments ten callers are served in order', async (t) => {
  const functions = { waits: { timeoutSeconds: 60, files: { 'index.js': waits } } }
  const running = await startWith(t, functions, { memoryBudgetMb: 192 })
  const { emulator, invoke } = running
  const gate = await closedGate(t)
  const placed: string[] = []
  const order: string[] = []
  emulator.onJournal((record) => {
    const { kind, invocation } = record
    if (!arrivals.has(kind)) return
    if (!order.includes(String(invocation))) order.push(String(invocation))
    if (kind === 'invocation.placed') placed.push(String(invocation))
  })
  const calls = []
  for (let n = 0; n < 10; n += 1) {
    const arrived = arrival(running)
    calls.push(invoke('waits', { gate: gate.url, n }))
    await arrived
  }
  const { memory, environments } = emulator.status()
  t.match(memory, { budgetMb: 192, waiting: 7 })
  t.ok(memory.chargedMb <= 192, `${memory.chargedMb} MB are charged`)
  const count = Object.values(environments).reduce((sum, amount) => sum + amount, 0)
  t.equal(count, 3, 'three environments')
  gate.open()
  const answers = await Promise.all(calls)
  t.same(
    answers.map(({ status, text }) => [status, text]),
    Array.from({ length: 10 }, (_, n) => [200, `${n}`]),
  )
  t.same(placed, order, 'each was placed in the order it came')
  t.equal(emulator.status().memory.waiting, 0)
})

t.test('a function that calls itself without end ends with a clear error', async (t) => {
  const functions = {
    recurses: { timeoutSeconds: 10, files: { 'index.js': recurses } },
    hello: { timeoutSeconds: 20, files: { 'index.js': hello } },
  }
  const running = await startWith(t, functions, { memoryBudgetMb: 256 })
  const { emulator, invoke } = running
  const starts: string[] = []
  emulator.onJournal(({ kind, start }) => {
    if (kind === 'invocation.placed') starts.push(String(start))
  })
  const answer = await invoke('recurses')
  t.equal(answer.status, 200)
  t.equal(answer.functionError, 'Unhandled')
  t.match(answer.text, /429 .*ConcurrentInvocationLimitExceeded.*--memory-budget/)
  t.ok(answer.endedAtMs - answer.startedAtMs < 9_500, 'before its own timeout')
  const { length } = starts
  const other = await invoke('hello')
  t.same([other.status, other.text], [200, '"hello"'], 'and others are served')
  t.equal(starts.length, length + 1, 'the chain has ended')
  t.equal(emulator.status().memory.waiting, 0)
})

t.test(
  'a function that calls itself through an SDK is stopped as on AWS, after 16 times',
  async (t) => {
    const emu = await startWith(t, { loops: { files: { 'index.js': loops }, timeoutSeconds: 30 } })
    const started = () => emu.logs.filter(({ message }) => message.startsWith('START')).length
    const { text } = await emu.invoke('loops', { type: 'RequestResponse' })
    t.match(text, /^"RecursiveInvocationException .*recursive loop/)
    t.equal(started(), 17, 'the first call from outside, and 16 of its own')
  },
)

t.test('events that cause themselves end as well: the last is accepted and dropped', async (t) => {
  const emu = await startWith(t, { loops: { files: { 'index.js': loops } } })
  const dropped = new Promise<unknown>((resolve) => {
    emu.emulator.onJournal((record) => {
      if (record.kind === 'event.dropped') resolve(record.reason)
    })
  })
  t.equal((await emu.invoke('loops', { type: 'Event' }, { type: 'Event' })).status, 202)
  t.match(await dropped, /recursive loop/)
  t.equal(emu.logs.filter(({ message }) => message.startsWith('START')).length, 17)
})
