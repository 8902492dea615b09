// What a caller of a stream gets when the function does not stream: its whole answer, its error, the platform's, or a refusal.

import t from 'tap'
import type { Outcome } from '../../src/domain/invocation.js'
import type { StreamedResponse } from '../../src/invoke/invoker.js'
import { emulated, functionArn, generation } from '../support/emulated.js'

const request = {
  functionArn,
  invokedArn: functionArn,
  version: '$LATEST',
  generation,
  payload: Buffer.from('{}'),
  origin: 'invoke-api',
} as const

async function read(stream: StreamedResponse): Promise<string> {
  const pieces: Buffer[] = []
  for (let piece = await stream.read(); piece !== undefined; piece = await stream.read())
    pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

const fault = { errorType: 'Sandbox.Timedout', errorMessage: 'Task timed out' }

interface Row {
  readonly name: string
  readonly outcome: (put: (bytes: string) => { key: string; bytes: number }) => Outcome
  readonly contentType: string
  readonly text: string
  readonly end: object
}

const rows: readonly Row[] = [
  {
    name: 'an answer that is whole',
    outcome: (put) => ({ is: 'response', payload: put('[1]'), contentType: 'text/x' }),
    contentType: 'text/x',
    text: '[1]',
    end: {},
  },
  {
    name: 'an error posted instead of a response',
    outcome: (put) => ({ is: 'error', payload: put('{"a":1}'), errorType: 'Runtime.Unknown' }),
    contentType: 'application/json',
    text: '{"a":1}',
    end: { error: { is: 'instead', payload: Buffer.from('{"a":1}') } },
  },
  {
    name: 'an error that is no JSON',
    outcome: (put) => ({ is: 'error', payload: put('\xff{'), errorType: 'Runtime.Unknown' }),
    contentType: 'application/octet-stream',
    text: '\xff{',
    end: { error: { is: 'instead' } },
  },
  {
    name: 'a fault before the first byte',
    outcome: () => ({ is: 'fault', error: fault }),
    contentType: 'application/json',
    text: JSON.stringify(fault),
    end: { error: { is: 'instead', payload: Buffer.from(JSON.stringify(fault)) } },
  },
]

for (const { name, outcome, contentType, text, end } of rows) {
  t.test(`${name} is streamed, and nothing of it is kept`, async (t) => {
    const { invoker, streams, payloads } = emulated(({ invocationId }, payloads) =>
      outcome((bytes) => payloads.put(`${invocationId}:answer`, Buffer.from(bytes))),
    )
    const result = await invoker.stream(request)
    if (result.is !== 'stream') return t.fail('it is no stream')
    t.equal(result.contentType, contentType)
    t.equal(await read(result), text)
    t.match(await result.ended, end)
    t.equal((await result.ended).error === undefined, Object.keys(end).length === 0)
    t.same([streams.size, payloads.size], [0, 0])
  })
}

t.test('an invocation that never runs is refused, not streamed', async (t) => {
  const { invoker, streams, runner } = emulated(() => ({ is: 'fault', error: fault }))
  runner.post({ on: 'limits', account: 0, reserved: {} })
  const result = await invoker.stream(request)
  t.match(result, { is: 'refused', reason: 'ConcurrentInvocationLimitExceeded' })
  t.equal(streams.size, 0)
  t.same(invoker.totals, { total: 1, failed: 1 })
})

t.test('what a runtime streams and how it ends reach the caller', async (t) => {
  const { invoker, streams, payloads } = emulated(({ invocationId }, payloads) => {
    const stream = streams.get(invocationId)
    stream.begin('text/plain')
    stream.take(Buffer.from('some'))
    const payload = payloads.put(`${invocationId}:answer`, Buffer.from('late'))
    return { is: 'streamed', bytes: 4, error: { payload, errorType: 'TypeError' } }
  })
  const result = await invoker.stream(request)
  if (result.is !== 'stream') return t.fail('it is no stream')
  t.equal(await read(result), 'some')
  const late = { is: 'late', errorType: 'TypeError', payload: Buffer.from('late') }
  t.same(await result.ended, { error: late })
  t.same([streams.size, payloads.size], [0, 0])
})

t.test('a fault after the first byte cuts the stream off', async (t) => {
  const { invoker, streams } = emulated(({ invocationId }) => {
    streams.get(invocationId).begin('text/plain')
    streams.get(invocationId).take(Buffer.from('some'))
    return { is: 'fault', error: fault }
  })
  const result = await invoker.stream(request)
  if (result.is !== 'stream') return t.fail('it is no stream')
  t.equal(await read(result), 'some')
  t.same(await result.ended, { error: { is: 'cut-off', error: fault } })
})
