// The Runtime API in frames over the descriptor that our own bootstraps inherit: every frame is a question or an answer for the state machine.

import type { Duplex } from 'node:stream'
import { responseBytesMax } from '../domain/faults.js'
import type { PieceSink, StreamEnd } from '../http/exchange.js'
import { asksNext, type Frame, FrameReader, frameBytes, frameKinds } from './frames.js'
import { headerBytes } from './header-bytes.js'
import {
  type Answer,
  type Asker,
  type Delivery,
  errorBytesMax,
  type Post,
  type RuntimeMachine,
} from './machine.js'
import { type ApiError, bodyOf } from './runtime-state.js'

const noBytes = Buffer.alloc(0)
// A bootstrap cuts what it streams into far smaller parts.
const streamPartBytesMax = 16 * 1024 * 1024

const bodyBytesMax: Readonly<Record<number, number>> = {
  [frameKinds.next]: 0,
  [frameKinds.response]: responseBytesMax,
  [frameKinds.error]: errorBytesMax,
  [frameKinds.initError]: errorBytesMax,
  [frameKinds.streamBegin]: 0,
  [frameKinds.streamPart]: streamPartBytesMax,
  [frameKinds.streamEnd]: 0,
  [frameKinds.streamCut]: 0,
}

export interface FrameConnectionOptions {
  /** The daemon's end. */
  readonly socket: Duplex
  readonly machine: RuntimeMachine
  /** It has ended, and has been read to its end. */
  readonly onClosed: (connection: FrameConnection) => void
}

export class FrameConnection {
  readonly #socket: Duplex
  readonly #machine: RuntimeMachine
  readonly #streams = new Map<number, StreamAnswer>()
  readonly #askers = new Set<FrameAsker>()

  constructor({ socket, machine, onClosed }: FrameConnectionOptions) {
    this.#socket = socket
    this.#machine = machine
    const reader = new FrameReader({
      bodyBytesMax: (kind) => bodyBytesMax[kind],
      onFrame: (frame) => this.#take(frame),
    })
    socket.on('data', (chunk: Buffer) => {
      // Some code in the function has written to the descriptor: the bootstrap goes on over HTTP.
      if (!reader.feed(chunk)) socket.destroy()
    })
    // A broken connection is a closed one.
    socket.on('error', () => {})
    socket.once('close', () => {
      for (const stream of this.#streams.values()) stream.cut()
      this.#streams.clear()
      for (const asker of this.#askers) asker.lost()
      this.#askers.clear()
      onClosed(this)
    })
  }

  get gone(): boolean {
    return this.#socket.destroyed
  }

  destroy(): void {
    this.#socket.destroy()
  }

  send(kind: number, id: number, head: string, body: Buffer): void {
    if (this.#socket.destroyed) return
    const pieces = frameBytes(kind, id, head, body)
    const [first] = pieces
    if (pieces.length === 1) {
      this.#socket.write(first)
      return
    }
    this.#socket.cork()
    for (const piece of pieces) this.#socket.write(piece)
    this.#socket.uncork()
  }

  /** Reads no more until `sink` has room: what comes behind a stream waits with it. */
  waitFor(sink: PieceSink): void {
    this.#socket.pause()
    sink.onRoom(() => this.#socket.resume())
  }

  refuse(kind: number, id: number, error: ApiError): void {
    this.send(kind, id, String(error.status), Buffer.from(bodyOf(error)))
  }

  answered(asker: FrameAsker): void {
    this.#askers.delete(asker)
  }

  ended(stream: number): void {
    this.#streams.delete(stream)
  }

  #take(frame: Frame): void {
    const { kind, flags, id } = frame
    switch (kind) {
      case frameKinds.response:
        this.#machine.answer('InvocationResponse', new WholeAnswer(this, frame))
        break
      case frameKinds.error:
        this.#machine.answer('InvocationErrorResponse', new WholeAnswer(this, frame))
        break
      case frameKinds.initError:
        this.#machine.initError(new WholePost(this, frame, frame.head))
        break
      case frameKinds.streamBegin: {
        const stream = new StreamAnswer(this, frame)
        this.#streams.set(id, stream)
        this.#machine.answer('InvocationResponse', stream)
        break
      }
      // A stream that has been refused is none any more.
      case frameKinds.streamPart:
        this.#streams.get(id)?.part(frame.body)
        break
      case frameKinds.streamEnd:
        this.#streams.get(id)?.end(frame.head)
        break
      case frameKinds.streamCut:
        this.#streams.get(id)?.cut()
        break
    }
    if (kind === frameKinds.next || (flags & asksNext) !== 0) this.#next()
  }

  #next(): void {
    const asker = new FrameAsker(this)
    this.#askers.add(asker)
    this.#machine.next(asker)
  }
}

class FrameAsker implements Asker {
  readonly #connection: FrameConnection
  #onGone: (() => void) | undefined

  constructor(connection: FrameConnection) {
    this.#connection = connection
  }

  get gone(): boolean {
    return this.#connection.gone
  }

  onGone(listener: () => void): void {
    this.#onGone = listener
  }

  lost(): void {
    this.#onGone?.()
  }

  give(delivery: Delivery): void {
    this.#connection.answered(this)
    this.#connection.send(frameKinds.event, 0, eventHead(delivery), delivery.body)
  }

  refuse(error: ApiError): void {
    this.#connection.answered(this)
    this.#connection.refuse(frameKinds.nextRefused, 0, error)
  }
}

function eventHead(delivery: Delivery): string {
  const { requestId, invocationId, invokedArn, traceHeader, contentType, clientContext } = delivery
  const head =
    `content-type:${contentType}\n` +
    `lambda-runtime-aws-request-id:${requestId}\n` +
    `lambda-runtime-invocation-id:${invocationId}\n` +
    `lambda-runtime-deadline-ms:${Math.round(delivery.deadlineEpochMs)}\n` +
    `lambda-runtime-invoked-function-arn:${invokedArn}\n` +
    `lambda-runtime-trace-id:${traceHeader}`
  if (clientContext === undefined) return head
  return `${head}\nlambda-runtime-client-context:${headerBytes(clientContext)}`
}

/** An empty line of a head is a value that was not given. */
function given(line: string | undefined): string | undefined {
  return line === '' ? undefined : line
}

class WholePost implements Post {
  readonly errorType: string | undefined
  protected readonly connection: FrameConnection
  protected readonly frame: Frame

  constructor(connection: FrameConnection, frame: Frame, errorType: string | undefined) {
    this.connection = connection
    this.frame = frame
    this.errorType = given(errorType)
  }

  readBody(limitBytes: number, done: (body: Buffer | 'too-large' | 'cut-short') => void): void {
    const { body } = this.frame
    done(body === undefined || body.length > limitBytes ? 'too-large' : body)
  }

  streamBody(sink: PieceSink, done: (end: StreamEnd) => void): void {
    const { body } = this.frame
    if (body !== undefined) sink.take(body)
    done(body === undefined ? 'cut-short' : 'whole')
  }

  accept(): void {
    // The event that comes next says as much.
    if ((this.frame.flags & asksNext) !== 0) return
    this.connection.send(frameKinds.accepted, this.frame.id, '', noBytes)
  }

  refuse(error: ApiError): void {
    this.connection.refuse(frameKinds.refused, this.frame.id, error)
  }
}

class WholeAnswer extends WholePost implements Answer {
  readonly requestId: string
  readonly invocationId: string | undefined
  readonly contentType: string | undefined
  readonly responseMode = undefined

  constructor(connection: FrameConnection, frame: Frame) {
    const [requestId = '', invocationId, third] = frame.head.split('\n', 3)
    super(connection, frame, frame.kind === frameKinds.error ? third : undefined)
    this.requestId = requestId
    this.invocationId = given(invocationId)
    this.contentType = frame.kind === frameKinds.response ? given(third) : undefined
  }

  lateError(): undefined {
    return undefined
  }
}

class StreamAnswer implements Answer {
  readonly requestId: string
  readonly invocationId: string | undefined
  readonly contentType: string | undefined
  readonly responseMode = 'streaming'
  readonly errorType = undefined
  readonly #connection: FrameConnection
  readonly #id: number
  #limitBytes = 0
  #done: ((body: Buffer | 'too-large' | 'cut-short') => void) | undefined
  /** Takes the parts as they come; without one they are kept. */
  #sink: PieceSink | undefined
  #chunks: Buffer[] = []
  #bytes = 0
  #late: { readonly errorType: string; readonly body: Buffer } | undefined

  constructor(connection: FrameConnection, { id, head }: Frame) {
    const [requestId = '', invocationId, contentType] = head.split('\n', 3)
    this.#connection = connection
    this.#id = id
    this.requestId = requestId
    this.invocationId = given(invocationId)
    this.contentType = given(contentType)
  }

  readBody(limitBytes: number, done: (body: Buffer | 'too-large' | 'cut-short') => void): void {
    this.#limitBytes = limitBytes
    this.#done = done
  }

  streamBody(sink: PieceSink, done: (end: StreamEnd) => void): void {
    this.#sink = sink
    this.#done = (body) => done(body === 'cut-short' ? body : 'whole')
  }

  part(body: Buffer | undefined): void {
    if (this.#sink !== undefined) return this.#passOn(this.#sink, body)
    this.#bytes += body?.length ?? this.#limitBytes + 1
    if (this.#bytes <= this.#limitBytes && body !== undefined) this.#chunks.push(body)
    else this.#chunks = []
  }

  /** A part that was too long for the connection is lost, and the rest is worth nothing without it. */
  #passOn(sink: PieceSink, body: Buffer | undefined): void {
    if (body === undefined) return this.cut()
    if (!sink.take(body)) this.#connection.waitFor(sink)
  }

  end(head: string): void {
    if (head !== '') {
      const [errorType = '', body = ''] = head.split('\n', 2)
      this.#late = { errorType, body: Buffer.from(body, 'base64') }
    }
    const tooLarge = this.#bytes > this.#limitBytes
    this.#finish(tooLarge ? 'too-large' : Buffer.concat(this.#chunks, this.#bytes))
  }

  cut(): void {
    this.#finish('cut-short')
  }

  lateError(): { readonly errorType: string; readonly body: Buffer } | undefined {
    return this.#late
  }

  accept(): void {
    this.#connection.send(frameKinds.accepted, this.#id, '', noBytes)
  }

  refuse(error: ApiError): void {
    this.#connection.ended(this.#id)
    this.#connection.refuse(frameKinds.refused, this.#id, error)
  }

  #finish(body: Buffer | 'too-large' | 'cut-short'): void {
    this.#connection.ended(this.#id)
    const done = this.#done
    this.#done = undefined
    done?.(body)
  }
}
