// A runtime's side of frames for tests of the daemon's: asks as HTTP would ask, and tells the answer as HTTP would tell it.

import type { Socket } from 'node:net'
import { asksNext, FrameReader, frameBytes, frameKinds } from '../../src/runtime-api/frames.js'

export interface FrameRuntimeAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface FrameRuntime {
  next(): Promise<FrameRuntimeAnswer>
  /** `path` from the id on: `<id>/response`, `<id>/error`; or `init/error`. */
  post(
    path: string,
    body: string | Buffer,
    headers?: Readonly<Record<string, string>>,
  ): Promise<FrameRuntimeAnswer>
  /** A response, and the question for the next event in the same frame. */
  respondAndAsk(requestId: string, body: string): Promise<FrameRuntimeAnswer>
  /** One frame as it is. */
  send(kind: number, id: number, head: string, body?: string | Buffer, flags?: number): void
  /** The answer to a report or stream that `send` has sent. */
  answerTo(id: number): Promise<FrameRuntimeAnswer>
}

export function frameRuntime(socket: Socket): FrameRuntime {
  const asking: ((answer: FrameRuntimeAnswer) => void)[] = []
  const reports = new Map<number, (answer: FrameRuntimeAnswer) => void>()
  let lastId = 1000
  const bodyBytesMax = (): number => Number.MAX_SAFE_INTEGER
  const reader = new FrameReader({
    bodyBytesMax,
    onFrame: ({ kind, id, head, body }) => {
      const text = body?.toString() ?? ''
      const refused = { status: Number(head), headers: errorHeaders, body: text }
      if (kind === frameKinds.event)
        asking.shift()?.({ status: 200, headers: headersOf(head), body: text })
      else if (kind === frameKinds.nextRefused) asking.shift()?.(refused)
      else if (kind === frameKinds.refused) reports.get(id)?.(refused)
      else reports.get(id)?.({ status: 202, headers: {}, body: '{"status":"OK"}\n' })
    },
  })
  socket.on('data', (chunk: Buffer) => {
    if (!reader.feed(chunk)) throw new Error('these are no frames')
  })
  socket.on('error', () => {})
  const send: FrameRuntime['send'] = (kind, id, head, body = '', flags = 0) => {
    const [first, ...rest] = frameBytes(kind, id, head, Buffer.from(body as string))
    if (first === undefined) return
    first[2] = flags
    socket.write(Buffer.concat([first, ...rest]))
  }
  const answerTo = (id: number) =>
    new Promise<FrameRuntimeAnswer>((resolve) => reports.set(id, resolve))
  const asked = () => new Promise<FrameRuntimeAnswer>((resolve) => asking.push(resolve))
  return {
    send,
    answerTo,
    next() {
      send(frameKinds.next, 0, '')
      return asked()
    },
    post(path, body, headers = {}) {
      lastId += 1
      const answer = answerTo(lastId)
      const errorType = headers['lambda-runtime-function-error-type'] ?? ''
      if (path === 'init/error') {
        send(frameKinds.initError, lastId, errorType, body)
        return answer
      }
      const [id, what] = path.split('/')
      const attempt = headers['lambda-runtime-invocation-id'] ?? ''
      const cause = headers['lambda-runtime-function-xray-error-cause'] ?? ''
      const type = headers['content-type'] ?? ''
      const rest = what === 'error' ? `${errorType}\n${cause}` : type
      const kind = what === 'error' ? frameKinds.error : frameKinds.response
      send(kind, lastId, `${id}\n${attempt}\n${rest}`, body)
      return answer
    },
    respondAndAsk(requestId, body) {
      send(frameKinds.response, 0, `${requestId}\n\napplication/json`, body, asksNext)
      return asked()
    },
  }
}

/** What HTTP says of every refusal. */
const errorHeaders = { 'content-type': 'application/json' }

function headersOf(head: string): Record<string, string> {
  return Object.fromEntries(head.split('\n').map((line) => line.split(/:(.*)/s, 2)))
}
