// The restJson1 protocol, server side: each operation of a model compiled once into read, check and
// write.

import { assert } from '../../domain/assert.js'
import { ServiceError } from '../errors.js'
import { type BoundReader, type BoundRequest, boundReader, headerWriter } from './bindings.js'
import { compileInputCheck } from './constraints.js'
import { encodeEvent } from './event-stream.js'
import {
  asBuffer,
  type JsonCodec,
  type JsonReader,
  jsonCodec,
  serializationError,
  shapeOf,
} from './json-codec.js'
import type { MemberModel, OperationModel, ServiceModel, ShapeModel } from './model.js'

export interface RestRequest extends BoundRequest {
  /** The body as it came; undefined or empty when there was none. */
  readonly body: Buffer | undefined
}

type Values = Readonly<Record<string, unknown>>

export type ResponseBody =
  | { readonly is: 'empty' }
  | { readonly is: 'json'; readonly text: string }
  | { readonly is: 'bytes'; readonly bytes: Buffer }
  /** Frames, each complete; the output's own events in order. Its `return` says that the caller has left. */
  | { readonly is: 'frames'; readonly frames: AsyncIterableIterator<Buffer> }

export interface RestResponse {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: ResponseBody
}

export interface CompiledOperation {
  readonly name: string
  readonly method: OperationModel['method']
  /** Path with {labels}, without its literal query. */
  readonly path: string
  /** What the query must say for this operation, where it shares its path with another. */
  readonly literalQuery: readonly (readonly [name: string, value: string])[]
  /** @throws ServiceError SerializationException or ValidationException. */
  read(request: RestRequest): Values
  write(output: Values | undefined): RestResponse
}

export function compileRestJson(model: ServiceModel): ReadonlyMap<string, CompiledOperation> {
  assert(model.protocol === 'rest-json', `${model.service} speaks rest-json`)
  const codec = jsonCodec(model)
  return new Map(
    Object.entries(model.operations).map(([name, operation]) => {
      const [path, query] = operation.uri.split('?')
      const compiled: CompiledOperation = {
        name,
        method: operation.method,
        path: path ?? '/',
        literalQuery: [...new URLSearchParams(query ?? '')],
        read: compileRead(model, codec, operation),
        write: compileWrite(model, codec, operation),
      }
      return [name, compiled]
    }),
  )
}

function membersOf(shape: ShapeModel): readonly (readonly [string, MemberModel])[] {
  return Object.entries(shape.members ?? {})
}

function compileRead(
  model: ServiceModel,
  codec: JsonCodec,
  operation: OperationModel,
): CompiledOperation['read'] {
  if (operation.input === undefined) return () => ({})
  const shape = shapeOf(model, { shape: operation.input })
  const bound: readonly BoundReader[] = membersOf(shape)
    .filter(([, member]) => member.location !== undefined)
    .map(([name, member]) => boundReader(model, name, member))
  const readBody = compileBodyRead(model, codec, shape)
  const check = compileInputCheck(model, operation.input)
  return (request) => {
    const input: Record<string, unknown> = {}
    for (const member of bound) {
      const value = member.read(request)
      if (value !== undefined) input[member.name] = value
    }
    readBody?.(request.body, input)
    check?.(input)
    return input
  }
}

type BodyRead = (body: Buffer | undefined, input: Record<string, unknown>) => void

function compileBodyRead(
  model: ServiceModel,
  codec: JsonCodec,
  shape: ShapeModel,
): BodyRead | null {
  if (shape.payload !== undefined) return payloadRead(model, codec, shape, shape.payload)
  const members = membersOf(shape)
    .filter(([, member]) => member.location === undefined)
    .map(([name, member]) => ({
      name,
      key: member.locationName ?? name,
      read: codec.reader(member),
    }))
  if (members.length === 0) return null
  return (body, input) => {
    if (body === undefined || body.length === 0) return
    const given = parseJson(body)
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      throw serializationError('the request body is not a JSON object')
    }
    for (const { name, key, read } of members) {
      const value = (given as Values)[key]
      if (value === undefined || value === null || !Object.hasOwn(given, key)) continue
      input[name] = read(value, name)
    }
  }
}

function payloadRead(
  model: ServiceModel,
  codec: JsonCodec,
  shape: ShapeModel,
  name: string,
): BodyRead {
  const member = shape.members?.[name]
  assert(member !== undefined, `payload member ${name} exists`)
  const payload = shapeOf(model, member)
  if (payload.type === 'blob') {
    return (body, input) => {
      // A payload that is required is there even when it is empty.
      if (body !== undefined && body.length > 0) input[name] = body
      else if (shape.required?.includes(name)) input[name] = Buffer.alloc(0)
    }
  }
  const read: JsonReader = codec.reader(member)
  return (body, input) => {
    if (body !== undefined && body.length > 0) input[name] = read(parseJson(body), name)
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (error) {
    assert(error instanceof SyntaxError, 'JSON.parse throws only syntax errors')
    throw serializationError(`the request body is not JSON: ${error.message}`)
  }
}

function compileWrite(
  model: ServiceModel,
  codec: JsonCodec,
  operation: OperationModel,
): CompiledOperation['write'] {
  const normalStatus = operation.status
  if (operation.output === undefined) {
    return () => ({ status: normalStatus, headers: {}, body: { is: 'empty' } })
  }
  const shape = shapeOf(model, { shape: operation.output })
  const members = membersOf(shape)
  const headers = members
    .filter(([, member]) => member.location === 'header')
    .map(([name, member]) => ({
      name,
      header: (member.locationName ?? name).toLowerCase(),
      write: headerWriter(shapeOf(model, member), member),
    }))
  const statusMember = members.find(([, member]) => member.location === 'statusCode')?.[0]
  const writeBody = compileBodyWrite(model, codec, shape)
  return (output = {}) => {
    const response: RestResponse = {
      status:
        (statusMember === undefined ? undefined : (output[statusMember] as number)) ?? normalStatus,
      headers: {},
      body: writeBody(output),
    }
    for (const { name, header, write } of headers) {
      const value = output[name]
      if (value !== undefined && value !== null) response.headers[header] = write(value)
    }
    return response
  }
}

function compileBodyWrite(
  model: ServiceModel,
  codec: JsonCodec,
  shape: ShapeModel,
): (output: Values) => ResponseBody {
  if (shape.payload !== undefined) return payloadWrite(model, codec, shape, shape.payload)
  const members = membersOf(shape)
    .filter(([, member]) => member.location === undefined)
    .map(([name, member]) => ({
      name,
      key: member.locationName ?? name,
      write: codec.writer(member),
    }))
  return (output) => {
    const json: Record<string, unknown> = {}
    for (const { name, key, write } of members) {
      const value = output[name]
      if (value !== undefined && value !== null) json[key] = write(value)
    }
    return { is: 'json', text: JSON.stringify(json) }
  }
}

function payloadWrite(
  model: ServiceModel,
  codec: JsonCodec,
  shape: ShapeModel,
  name: string,
): (output: Values) => ResponseBody {
  const member = shape.members?.[name]
  assert(member !== undefined, `payload member ${name} exists`)
  const payload = shapeOf(model, member)
  if (payload.type === 'blob') {
    return (output) => {
      const bytes = output[name] as Uint8Array | undefined
      return { is: 'bytes', bytes: bytes === undefined ? Buffer.alloc(0) : asBuffer(bytes) }
    }
  }
  if (payload.eventstream === true) {
    const encode = compileEvents(model, codec, payload)
    return (output) => {
      const events = output[name] as AsyncIterable<Values> | undefined
      return events === undefined
        ? { is: 'empty' }
        : { is: 'frames', frames: encodeEach(events, encode) }
    }
  }
  const write = codec.writer(member)
  return (output) => {
    const value = output[name]
    return value === undefined
      ? { is: 'empty' }
      : { is: 'json', text: JSON.stringify(write(value)) }
  }
}

/** No generator: one that has not begun when its caller leaves would not tell the events' own source. */
function encodeEach(
  events: AsyncIterable<Values>,
  encode: (event: Values) => Buffer,
): AsyncIterableIterator<Buffer> {
  const source = events[Symbol.asyncIterator]()
  const frames: AsyncIterableIterator<Buffer> = {
    [Symbol.asyncIterator]: () => frames,
    async next() {
      const { done, value } = await source.next()
      return done === true ? { done, value: undefined } : { value: encode(value) }
    },
    async return() {
      await source.return?.()
      return { done: true, value: undefined }
    },
  }
  return frames
}

function compileEvents(
  model: ServiceModel,
  codec: JsonCodec,
  stream: ShapeModel,
): (event: Values) => Buffer {
  const encoders = new Map(
    membersOf(stream).map(([eventType, member]) => [
      eventType,
      eventEncoder(model, codec, eventType, member),
    ]),
  )
  return (event) => {
    const [entry] = Object.entries(event)
    assert(entry !== undefined, 'an event has one member')
    const encode = encoders.get(entry[0])
    assert(encode !== undefined, `${entry[0]} is an event of this stream`)
    return encode(entry[1] as Values)
  }
}

function eventEncoder(
  model: ServiceModel,
  codec: JsonCodec,
  eventType: string,
  member: MemberModel,
): (event: Values) => Buffer {
  const shape = shapeOf(model, member)
  const payload = membersOf(shape).find(([, each]) => each.eventpayload === true)
  if (payload === undefined) {
    const write = codec.writer(member)
    return (event) =>
      encodeEvent(eventType, 'application/json', Buffer.from(JSON.stringify(write(event))))
  }
  const [name, target] = payload
  assert(shapeOf(model, target).type === 'blob', 'an event payload of ours is a blob')
  return (event) =>
    encodeEvent(
      eventType,
      'application/octet-stream',
      (event[name] as Uint8Array | undefined) ?? new Uint8Array(),
    )
}

/**
 * An operation that the model has and the emulator has no handler for. The name is ours: AWS has no
 * such error.
 */
export function notEmulated(service: string, operation: string): ServiceError {
  return new ServiceError(
    'NotEmulatedException',
    `${service} ${operation} is a real operation that lambda-emu does not emulate yet`,
    { status: 501 },
  )
}
