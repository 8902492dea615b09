// JSON bodies by shape: what came in is checked for its types and converted, what goes out is
// converted back.

import { assert } from '../../domain/assert.js'
import { ServiceError } from '../errors.js'
import type { MemberModel, ServiceModel, ShapeModel, TimestampFormat } from './model.js'
import { formatTimestamp, parseTimestamp } from './timestamp.js'

/**
 * Turns a parsed JSON value into a member's value. @throws ServiceError SerializationException on a
 * wrong type.
 */
export type JsonReader = (value: unknown, where: string) => unknown
/** Turns a member's value into what JSON.stringify should see. */
export type JsonWriter = (value: unknown) => unknown

export interface JsonCodec {
  reader(member: MemberModel): JsonReader
  writer(member: MemberModel): JsonWriter
}

/** Compiles readers and writers for the shapes of one model; each shape once. */
export function jsonCodec(model: ServiceModel): JsonCodec {
  const readers = new Map<string, JsonReader>()
  const writers = new Map<string, JsonWriter>()
  const codec: JsonCodec = {
    reader: (member) =>
      compileOnce(readers, memoKey(member), () =>
        compileReader(codec, shapeOf(model, member), member),
      ),
    writer: (member) =>
      compileOnce(writers, memoKey(member), () =>
        compileWriter(codec, shapeOf(model, member), member),
      ),
  }
  return codec
}

export function shapeOf(model: ServiceModel, member: MemberModel): ShapeModel {
  const shape = model.shapes[member.shape]
  assert(shape !== undefined, `the model has shape ${member.shape}`)
  return shape
}

function memoKey(member: MemberModel): string {
  return `${member.shape} ${member.timestampFormat ?? ''}`
}

/** A shape may contain itself: until it is compiled, a stand-in looks it up when called. */
function compileOnce<F extends (...args: never[]) => unknown>(
  compiled: Map<string, F>,
  key: string,
  compile: () => F,
): F {
  const known = compiled.get(key)
  if (known !== undefined) return known
  const later = ((...args: never[]) => compiled.get(key)?.(...args)) as F
  compiled.set(key, later)
  const made = compile()
  compiled.set(key, made)
  return made
}

// UNRECORDED: serialization-exception — Lambda's texts for JSON of the wrong type, and for JSON
// that does not parse.
export function serializationError(message: string): ServiceError {
  return new ServiceError('SerializationException', message)
}

function wrongType(value: unknown, expected: string, where: string): ServiceError {
  const found = value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value
  return serializationError(`${where}: a ${found} cannot be converted to ${expected}`)
}

function compileReader(codec: JsonCodec, shape: ShapeModel, member: MemberModel): JsonReader {
  switch (shape.type) {
    case 'structure':
      return shape.document === true ? (value) => value : structureReader(codec, shape)
    case 'list':
      return listReader(codec, shape)
    case 'map':
      return mapReader(codec, shape)
    case 'string':
    case 'character':
      return readString
    case 'boolean':
      return readBoolean
    case 'blob':
      return readBlob
    case 'timestamp':
      return timestampReader(member.timestampFormat ?? shape.timestampFormat ?? 'unixTimestamp')
    case 'float':
    case 'double':
    case 'bigdecimal':
      return readNumber
    default:
      return readInteger
  }
}

function readString(value: unknown, where: string): string {
  if (typeof value !== 'string') throw wrongType(value, 'a string', where)
  return value
}

function readBoolean(value: unknown, where: string): boolean {
  if (typeof value !== 'boolean') throw wrongType(value, 'a boolean', where)
  return value
}

function readInteger(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw wrongType(value, 'an integer', where)
  }
  return value
}

const namedNumbers: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

function readNumber(value: unknown, where: string): number {
  const number = typeof value === 'number' ? value : namedNumbers.get(value)
  if (number === undefined) throw wrongType(value, 'a number', where)
  return number
}

function readBlob(value: unknown, where: string): Buffer {
  const text = readString(value, where)
  const bytes = Buffer.from(text, 'base64')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  // Buffer.from skips what is not base64; then the length tells.
  if (bytes.length !== Math.floor(((text.length - padding) * 3) / 4)) {
    throw serializationError(`${where}: not base64`)
  }
  return bytes
}

function timestampReader(format: TimestampFormat): JsonReader {
  return (value, where) => {
    const epochMs =
      typeof value === 'number' || typeof value === 'string'
        ? parseTimestamp(value, format)
        : undefined
    if (epochMs === undefined) throw wrongType(value, 'a timestamp', where)
    return epochMs
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function structureReader(codec: JsonCodec, shape: ShapeModel): JsonReader {
  const members = Object.entries(shape.members ?? {}).map(([name, member]) => ({
    name,
    key: member.locationName ?? name,
    read: codec.reader(member),
  }))
  return (value, where) => {
    if (!isObject(value)) throw wrongType(value, 'a structure', where)
    const result: Record<string, unknown> = {}
    for (const { name, key, read } of members) {
      const given = value[key]
      // Names of Object.prototype are no members of ours; a null member counts as absent.
      if (given === undefined || given === null || !Object.hasOwn(value, key)) continue
      result[name] = read(given, name)
    }
    return result
  }
}

function listReader(codec: JsonCodec, shape: ShapeModel): JsonReader {
  assert(shape.member !== undefined, 'a list has a member')
  const read = codec.reader(shape.member)
  return (value, where) => {
    if (!Array.isArray(value)) throw wrongType(value, 'a list', where)
    // The array is our own, fresh from JSON.parse: it is converted in place.
    for (let index = 0; index < value.length; index += 1) value[index] = read(value[index], where)
    return value
  }
}

function mapReader(codec: JsonCodec, shape: ShapeModel): JsonReader {
  assert(shape.value !== undefined, 'a map has a value')
  const read = codec.reader(shape.value)
  return (value, where) => {
    if (!isObject(value)) throw wrongType(value, 'a map', where)
    // In place: a key such as __proto__ stays the plain own property that JSON.parse made of it.
    for (const key of Object.keys(value)) {
      if (value[key] === null) delete value[key]
      else value[key] = read(value[key], where)
    }
    return value
  }
}

function compileWriter(codec: JsonCodec, shape: ShapeModel, member: MemberModel): JsonWriter {
  switch (shape.type) {
    case 'structure':
      return shape.document === true ? (value) => value : structureWriter(codec, shape)
    case 'list': {
      assert(shape.member !== undefined, 'a list has a member')
      const write = codec.writer(shape.member)
      return write === asItIs ? asItIs : (value) => (value as readonly unknown[]).map(write)
    }
    case 'map':
      return mapWriter(codec, shape)
    case 'blob':
      return (value) => asBuffer(value as Uint8Array).toString('base64')
    case 'timestamp': {
      const format = member.timestampFormat ?? shape.timestampFormat ?? 'unixTimestamp'
      return (value) => formatTimestamp(value as number, format)
    }
    default:
      return asItIs
  }
}

function asItIs(value: unknown): unknown {
  return value
}

/** The same bytes as a Buffer, not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function structureWriter(codec: JsonCodec, shape: ShapeModel): JsonWriter {
  const members = Object.entries(shape.members ?? {}).map(([name, member]) => ({
    name,
    key: member.locationName ?? name,
    write: codec.writer(member),
  }))
  return (value) => {
    const given = value as Record<string, unknown>
    const result: Record<string, unknown> = {}
    for (const { name, key, write } of members) {
      const found = given[name]
      if (found !== undefined && found !== null) result[key] = write(found)
    }
    return result
  }
}

function mapWriter(codec: JsonCodec, shape: ShapeModel): JsonWriter {
  assert(shape.value !== undefined, 'a map has a value')
  const write = codec.writer(shape.value)
  if (write === asItIs) return asItIs
  return (value) =>
    Object.fromEntries(
      Object.entries(value as Record<string, unknown>).map(([key, each]) => [key, write(each)]),
    )
}
