// The daemon's side of frames for tests of the bootstraps: each frame of a runtime as the HTTP request that would say the same.

import type { Duplex } from 'node:stream'
import {
  asksNext,
  type Frame,
  FrameReader,
  frameBytes,
  frameKinds,
} from '../../src/runtime-api/frames.js'

export interface FrameRequest {
  /** `/invocation/next`, `/invocation/<id>/response` … */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly trailers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** It came in one frame with the request before. */
  readonly joined: boolean
}

export interface FrameAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

export type Answering = (request: FrameRequest, answer: (answer: FrameAnswer) => void) => void

/** Calls `onRequest` for everything that the runtime says on the other end of `socket`. */
export function serveFrames(socket: Duplex, onRequest: Answering): void {
  const streams = new Map<number, { readonly begin: Frame; readonly parts: Buffer[] }>()
  const send = (kind: number, id: number, head: string, body: string | Buffer = ''): void => {
    for (const piece of frameBytes(kind, id, head, Buffer.from(body as string))) socket.write(piece)
  }
  const report = (request: Omit<FrameRequest, 'joined'>, { id, flags }: Frame): void => {
    onRequest({ ...request, joined: false }, ({ status, body }) => {
      if (status >= 300) send(frameKinds.refused, id, String(status), body)
      else if ((flags & asksNext) === 0) send(frameKinds.accepted, id, '')
    })
  }
  const next = (joined: boolean): void => {
    const request = { path: '/invocation/next', headers: {}, trailers: {}, body: noBytes, joined }
    onRequest(request, ({ status, headers, body }) => {
      if (status !== 200) return send(frameKinds.nextRefused, 0, String(status), body)
      const lines = Object.entries(headers).map(([name, value]) => `${name.toLowerCase()}:${value}`)
      send(frameKinds.event, 0, Buffer.from(lines.join('\n')).toString('latin1'), body)
    })
  }
  const take = (frame: Frame): void => {
    const stream = streams.get(frame.id)
    switch (frame.kind) {
      case frameKinds.streamBegin:
        streams.set(frame.id, { begin: frame, parts: [] })
        return
      case frameKinds.streamPart:
        stream?.parts.push(frame.body ?? noBytes)
        return
      case frameKinds.streamEnd:
        if (stream === undefined) return
        return report(streamed(stream.begin, stream.parts, frame.head), frame)
      case frameKinds.streamCut:
        streams.delete(frame.id)
        return
      case frameKinds.next:
        return next(false)
      default:
        report(whole(frame), frame)
        if ((frame.flags & asksNext) !== 0) next(true)
    }
  }
  const bodyBytesMax = (): number => Number.MAX_SAFE_INTEGER
  const reader = new FrameReader({ bodyBytesMax, onFrame: take })
  socket.on('data', (chunk: Buffer) => {
    if (!reader.feed(chunk)) throw new Error('these are no frames')
  })
  // A runtime that ends in the middle of a write.
  socket.on('error', () => {})
}

const noBytes = Buffer.alloc(0)

function whole({ kind, head, body = noBytes }: Frame): Omit<FrameRequest, 'joined'> {
  if (kind === frameKinds.initError) {
    const headers = { 'lambda-runtime-function-error-type': head }
    return { path: '/init/error', headers, trailers: {}, body }
  }
  const [id = '', attempt = '', third = '', cause = ''] = head.split('\n')
  const isError = kind === frameKinds.error
  const headers = given({
    'lambda-runtime-invocation-id': attempt,
    'content-type': isError ? 'application/json' : third,
    'lambda-runtime-function-error-type': isError ? third : '',
    'lambda-runtime-function-xray-error-cause': cause,
  })
  const path = `/invocation/${id}/${isError ? 'error' : 'response'}`
  return { path, headers, trailers: {}, body }
}

function streamed(begin: Frame, parts: readonly Buffer[], end: string) {
  const [id = '', attempt = '', contentType = ''] = begin.head.split('\n')
  const [errorType = '', errorBody = ''] = end.split('\n')
  return {
    path: `/invocation/${id}/response`,
    headers: given({
      'lambda-runtime-invocation-id': attempt,
      'content-type': contentType,
      'lambda-runtime-function-response-mode': 'streaming',
    }),
    trailers: given({
      'lambda-runtime-function-error-type': errorType,
      'lambda-runtime-function-error-body': errorBody,
    }),
    body: Buffer.concat(parts),
  }
}

/** An empty line of a head is a value that was not given. */
function given(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''))
}
