// What only frames have: an answer that asks for the next event too, streams by number, and the way back to HTTP.

import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import t from 'tap'
import type { RequestId } from '../../src/domain/brand.js'
import { frameKinds } from '../../src/runtime-api/frames.js'
import type { FrameRuntime } from '../support/frame-runtime.js'
import { delivery, isError, open, requestId } from './open-channel.js'

async function opened(t: Parameters<typeof open>[0]) {
  const parts = await open(t, true)
  if (parts.far === undefined) throw new Error('there is a socket')
  return { ...parts, far: parts.far, runtime: parts.runtime as FrameRuntime }
}

function respondOverHttp(address: string): Promise<IncomingMessage> {
  const url = `http://${address}/2018-06-01/runtime/invocation/${requestId}/response`
  return new Promise((resolve, reject) => {
    const post = request(url, { method: 'POST', agent: false }, (answer) => {
      answer.resume()
      resolve(answer)
    })
    post.on('error', reject)
    post.end('1')
  })
}

const head = `${requestId}\n\ntext/plain`

t.test('an answer that asks for the next event gets only that', async (t) => {
  const { channel, running, runtime, heard, events } = await opened(t)
  await running()
  const next = runtime.respondAndAsk(requestId, '42')
  await heard('asked-next', 2)
  t.same(
    events.map(({ is }) => is),
    ['asked-next', 'response', 'asked-next'],
  )
  channel.deliver(delivery({ requestId: 'second' as RequestId }))
  t.equal((await next).headers['lambda-runtime-aws-request-id'], 'second')
})

t.test('one that is refused is told so, and waits for the event all the same', async (t) => {
  const { running, runtime } = await opened(t)
  await running()
  const refused = runtime.answerTo(0)
  const again = runtime.respondAndAsk('another', '42')
  isError(t, { ...(await refused) }, 400, 'InvalidRequestID', 'Invalid request ID')
  t.equal((await again).headers['lambda-runtime-aws-request-id'], requestId)
})

t.test('a body of 7 MB is refused, and the next frame is understood', async (t) => {
  const { running, runtime, heard } = await opened(t)
  await running()
  const refused = runtime.answerTo(0)
  void runtime.respondAndAsk(requestId, 'x'.repeat(7_000_000))
  t.equal((await refused).status, 413)
  await heard('response-too-large')
  await heard('asked-next', 2)
})

t.test('a stream comes in parts, between other frames', async (t) => {
  const { running, runtime, heard } = await opened(t)
  await running()
  runtime.send(frameKinds.streamBegin, 7, head)
  runtime.send(frameKinds.streamPart, 7, '', 'a')
  isError(t, await runtime.post('init/error', '{}'), 403, 'InvalidStateTransition')
  runtime.send(frameKinds.streamPart, 7, '', Buffer.from([0, 255]))
  const answer = runtime.answerTo(7)
  runtime.send(frameKinds.streamEnd, 7, '')
  t.equal((await answer).status, 202)
  t.same(await heard('response'), {
    is: 'response',
    invocationId: 'attempt-1',
    body: Buffer.from([97, 0, 255]),
    contentType: 'text/plain',
  })
})

t.test('an error at the end of a stream is the error of the event', async (t) => {
  const { running, runtime, heard } = await opened(t)
  await running()
  runtime.send(frameKinds.streamBegin, 1, head)
  runtime.send(frameKinds.streamPart, 1, '', 'so far')
  const body = Buffer.from('{"errorType":"E"}')
  runtime.send(frameKinds.streamEnd, 1, `Function.Late\n${body.toString('base64')}`)
  t.same(await heard('error'), {
    is: 'error',
    invocationId: 'attempt-1',
    body,
    errorType: 'Function.Late',
  })
})

t.test('a stream that is cut is the end of its event, and nothing can be added', async (t) => {
  const { running, runtime, heard } = await opened(t)
  await running()
  runtime.send(frameKinds.streamBegin, 1, head)
  runtime.send(frameKinds.streamPart, 1, '', 'half')
  const refused = runtime.answerTo(1)
  runtime.send(frameKinds.streamCut, 1, '')
  isError(t, { ...(await refused) }, 400, 'TruncatedHTTPRequest')
  const late = await runtime.post(`${requestId}/response`, '"whole"')
  isError(t, late, 403, 'InvalidStateTransition')
  t.same(await heard('truncated'), { is: 'truncated', invocationId: 'attempt-1' })
})

t.test('a stream of more than 6,291,556 bytes is refused at its end', async (t) => {
  const { running, runtime, heard } = await opened(t)
  await running()
  runtime.send(frameKinds.streamBegin, 1, head)
  for (let n = 0; n < 7; n += 1) runtime.send(frameKinds.streamPart, 1, '', Buffer.alloc(1_000_000))
  const answer = runtime.answerTo(1)
  runtime.send(frameKinds.streamEnd, 1, '')
  t.equal((await answer).status, 413)
  await heard('response-too-large')
})

t.test('a stream for no event is refused once, and its parts are nobody’s', async (t) => {
  const { running, runtime, respond } = await opened(t)
  await running()
  const refused = runtime.answerTo(3)
  runtime.send(frameKinds.streamBegin, 3, 'another\n\n')
  isError(t, { ...(await refused) }, 400, 'InvalidRequestID')
  runtime.send(frameKinds.streamPart, 3, '', 'x')
  runtime.send(frameKinds.streamEnd, 3, '')
  t.equal((await respond()).status, 202)
})

t.test('what is no frame ends the connection, and the runtime goes on over HTTP', async (t) => {
  const { channel, running, far, heard } = await opened(t)
  await running()
  far.write('hello')
  await once(far, 'close')
  t.equal((await respondOverHttp(channel.address)).statusCode, 202)
  await heard('response')
})

t.test('who waits and goes away gets no event: it waits for the next question', async (t) => {
  const { channel, runtime, far, heard } = await opened(t)
  void runtime.next()
  await heard('asked-next')
  far.destroy()
  await channel.drained()
  channel.deliver(delivery())
  t.pass('nothing is written to a closed socket')
})

t.test('after a reset another process may speak, and the one before is not heard', async (t) => {
  const { channel, far, runtime, heard } = await opened(t)
  void runtime.next()
  await heard('asked-next')
  const closed = once(far, 'close')
  channel.reset()
  await closed
  t.equal(far.destroyed, true)
})
