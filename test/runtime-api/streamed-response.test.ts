// A response that is passed on as it comes, over chunks, a length and frames: its pieces, its end, and who waits for whom.

import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import t, { type Test } from 'tap'
import { systemKernel } from '../../src/clock/kernel.js'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import { frameKinds } from '../../src/runtime-api/frames.js'
import type { ResponseSink } from '../../src/runtime-api/response-sink.js'
import { LimitedSink, PacedSink } from '../../src/runtime-api/response-sink.js'
import { base, isError, open, requestId, transition } from './open-channel.js'

/** Takes all there is, until it is told to have no room. */
class Sink implements ResponseSink {
  contentType: string | undefined
  bytes = 0
  text = ''
  hasRoom = true
  #room: (() => void) | undefined
  #heard: (() => void) | undefined

  begin(contentType: string): void {
    this.contentType = contentType
    this.#heard?.()
  }

  take(piece: Buffer): boolean {
    this.bytes += piece.length
    if (this.text.length < 100) this.text += piece.toString()
    this.#heard?.()
    return this.hasRoom
  }

  onRoom(listener: () => void): void {
    this.#room = listener
  }

  makeRoom(): void {
    this.hasRoom = true
    this.#room?.()
  }

  async until(holds: (sink: Sink) => boolean): Promise<void> {
    while (!holds(this))
      await new Promise<void>((resolve) => {
        this.#heard = resolve
      })
  }
}

interface Writer {
  write(text: string | Buffer): void
  /** Resolves with the status of the answer. */
  end(late?: { readonly errorType: string; readonly body: string }): Promise<number>
  /** Closes the connection. */
  cut(): void
}

const way = { frames: true, chunks: false, length: false }
type Way = keyof typeof way

async function streaming(t: Test, kind: Way, lengthBytes = 0) {
  const parts = await open(t, way[kind])
  const sink = new Sink()
  await parts.running({ sink })
  const writer = kind === 'frames' ? overFrames(parts) : overHttp(parts, kind, lengthBytes)
  return { ...parts, sink, writer }
}

type Parts = Awaited<ReturnType<typeof open>>

function overFrames({ runtime, far }: Parts): Writer {
  if (runtime === undefined || far === undefined) throw new Error('it speaks frames')
  runtime.send(frameKinds.streamBegin, 7, `${requestId}\n\ntext/plain`)
  return {
    write: (text) => runtime.send(frameKinds.streamPart, 7, '', text),
    async end(late) {
      const answer = runtime.answerTo(7)
      const body = Buffer.from(late?.body ?? '').toString('base64')
      runtime.send(frameKinds.streamEnd, 7, late === undefined ? '' : `${late.errorType}\n${body}`)
      return (await answer).status
    },
    cut: () => void far.destroy(),
  }
}

function overHttp({ channel }: Parts, kind: Way, lengthBytes: number): Writer {
  const [host, port] = channel.address.split(':')
  const trailer = 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body'
  const post: ClientRequest = httpRequest({
    host,
    port,
    method: 'POST',
    path: `${base}/invocation/${requestId}/response`,
    agent: false,
    headers: {
      'content-type': 'text/plain',
      'lambda-runtime-function-response-mode': 'streaming',
      ...(kind === 'chunks' ? { trailer } : { 'content-length': lengthBytes }),
    },
  })
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    post.once('response', resolve)
    post.once('error', reject)
  })
  answered.catch(() => {})
  post.flushHeaders()
  return {
    write: (text) => void post.write(text),
    async end(late) {
      if (late !== undefined)
        post.addTrailers({
          'Lambda-Runtime-Function-Error-Type': late.errorType,
          'Lambda-Runtime-Function-Error-Body': Buffer.from(late.body).toString('base64'),
        })
      post.end()
      const answer = await answered
      answer.resume()
      return answer.statusCode ?? 0
    },
    cut: () => void post.destroy(),
  }
}

for (const kind of ['frames', 'chunks', 'length'] as const) {
  t.test(`${kind}: pieces are passed on before the end, and then it is accepted`, async (t) => {
    const { sink, writer, heard, next, channel } = await streaming(t, kind, 5)
    await sink.until(({ contentType }) => contentType === 'text/plain')
    writer.write('one')
    await sink.until(({ text }) => text === 'one')
    writer.write('23')
    await sink.until(({ text }) => text === 'one23')
    t.equal(await writer.end(), 202)
    t.same(await heard('streamed'), { is: 'streamed', invocationId: 'attempt-1', bytes: 5 })
    void next().catch(() => {})
    await heard('asked-next', 2)
    channel.close()
  })

  t.test(`${kind}: who has no room is sent no more until there is`, async (t) => {
    const { sink, writer, heard } = await streaming(t, kind, 30_000_000)
    sink.hasRoom = false
    for (let n = 0; n < 30; n += 1) writer.write(Buffer.alloc(1_000_000, 120))
    const status = writer.end()
    await sink.until(({ bytes }) => bytes > 0)
    // Whatever is to come without room has come when another connection has been served.
    for (let n = 0; n < 20; n += 1) await new Promise((resolve) => setImmediate(resolve))
    t.ok(sink.bytes < 10_000_000, `${sink.bytes} bytes have come`)
    sink.makeRoom()
    t.equal(await status, 202)
    t.match(await heard('streamed'), { bytes: 30_000_000 })
    t.equal(sink.bytes, 30_000_000)
  })

  t.test(`${kind}: a connection that closes in the middle truncates the response`, async (t) => {
    const { sink, writer, heard, events } = await streaming(t, kind, 1_000)
    writer.write('half')
    await sink.until(({ text }) => text === 'half')
    writer.cut()
    t.same(await heard('truncated'), { is: 'truncated', invocationId: 'attempt-1' })
    t.same(
      events.map(({ is }) => is),
      ['asked-next', 'truncated'],
    )
  })
}

for (const kind of ['frames', 'chunks'] as const) {
  t.test(`${kind}: an error at the end is told with its type as it came`, async (t) => {
    const { sink, writer, heard } = await streaming(t, kind)
    writer.write('some')
    t.equal(await writer.end({ errorType: 'TypeError', body: '{"a":1}' }), 202)
    t.equal(sink.text, 'some')
    t.match(await heard('streamed'), {
      bytes: 4,
      late: { errorType: 'TypeError', body: Buffer.from('{"a":1}') },
    })
  })

  t.test(`${kind}: what the end of the process explains is not told as truncated`, async (t) => {
    const { sink, writer, channel, events } = await streaming(t, kind)
    writer.write('half')
    await sink.until(({ text }) => text === 'half')
    writer.cut()
    await channel.drained()
    channel.reset()
    // A timer that is begun later and lasts longer fires later.
    await systemKernel.sleep(1_100)
    t.same(
      events.map(({ is }) => is),
      ['asked-next'],
    )
  })
}

t.test('an error posted beside a stream is 403, and the stream goes on', async (t) => {
  const { sink, writer, call, heard } = await streaming(t, 'chunks')
  writer.write('a')
  await sink.until(({ text }) => text === 'a')
  const refused = await call('POST', `${base}/invocation/${requestId}/error`, '{}')
  const text = transition('InvocationResponse', 'InvocationErrorResponse')
  isError(t, refused, 403, 'InvalidStateTransition', text)
  t.equal(await writer.end(), 202)
  await heard('streamed')
})

t.test('an answer that is no stream comes whole, whoever waits for it', async (t) => {
  const { running, respond, heard } = await open(t)
  const sink = new Sink()
  await running({ sink })
  t.equal((await respond('"whole"')).status, 202)
  t.match(await heard('response'), { body: Buffer.from('"whole"') })
  t.equal(sink.contentType, undefined)
})

t.test('one byte over the limit is passed on, and no more', async (t) => {
  const sink = new Sink()
  const limited = new LimitedSink(sink, 10)
  sink.hasRoom = false
  t.equal(limited.take(Buffer.alloc(10)), false)
  t.equal(limited.isOver, false)
  t.equal(limited.take(Buffer.alloc(5)), false)
  t.equal(sink.bytes, 11)
  t.equal(limited.take(Buffer.alloc(5)), true, 'what is dropped needs no room')
  t.same([sink.bytes, limited.bytes, limited.isOver], [11, 20, true])
})

t.test(
  'after what is free a stream has its rate, and what is free comes back in time',
  async (t) => {
    const kernel = new SimulatedKernel()
    const sink = new Sink()
    const rate = { freeBytes: 1_000, bytesPerSecond: 100 }
    const monotonicMs = () => kernel.monotonicMs()
    const paced = new PacedSink(sink, { rate, timers: kernel, monotonicMs })
    t.equal(paced.take(Buffer.alloc(1_000)), true, 'all of it at once')
    t.equal(paced.take(Buffer.alloc(50)), false, 'and then no more')
    let rooms = 0
    paced.onRoom(() => {
      rooms += 1
    })
    kernel.elapse(499)
    t.equal(rooms, 0)
    kernel.elapse(1)
    t.equal(rooms, 1, 'half a second for 50 bytes')
    kernel.elapse(3_000)
    t.equal(paced.take(Buffer.alloc(300)), true)
    t.equal(paced.take(Buffer.alloc(1)), false)
    kernel.elapse(60_000)
    t.equal(paced.take(Buffer.alloc(1_000)), true)
    t.equal(paced.take(Buffer.alloc(1)), false, 'never more than was free at first')
    t.equal(sink.bytes, 2_352, 'nothing is held back that has come')
  },
)

t.test('a stream with a rate waits for its reader too', async (t) => {
  const kernel = new SimulatedKernel()
  const sink = new Sink()
  const rate = { freeBytes: 10, bytesPerSecond: 10 }
  const monotonicMs = () => kernel.monotonicMs()
  const paced = new PacedSink(sink, { rate, timers: kernel, monotonicMs })
  sink.hasRoom = false
  t.equal(paced.take(Buffer.alloc(20)), false)
  let rooms = 0
  paced.onRoom(() => {
    rooms += 1
  })
  kernel.elapse(1_000)
  t.equal(rooms, 0, 'the reader has no room')
  sink.makeRoom()
  t.equal(rooms, 1)
})
