// Members that travel outside the body: labels of the path, query parameters, headers and the
// status.

import { AssertionError, assert } from '../../domain/assert.js'
import { serializationError, shapeOf } from './json-codec.js'
import type { MemberModel, ServiceModel, ShapeModel, TimestampFormat } from './model.js'
import { formatTimestamp, parseTimestamp } from './timestamp.js'

export interface BoundRequest {
  /** Labels of the path, decoded. */
  readonly params: Readonly<Record<string, string | undefined>>
  /** Query parameters, decoded; a repeated one is a list. */
  readonly query: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

/** Reads one member out of the request; undefined when it is not there. */
export interface BoundReader {
  readonly name: string
  read(request: BoundRequest): unknown
}

/** Compiles the reader of a member whose location is not the body. */
export function boundReader(model: ServiceModel, name: string, member: MemberModel): BoundReader {
  const shape = shapeOf(model, member)
  const key = member.locationName ?? name
  switch (member.location) {
    case 'uri': {
      const read = textReader(shape, timestampFormat(shape, member, 'iso8601'))
      return { name, read: ({ params }) => readDefined(params[key], (text) => read(text, name)) }
    }
    case 'querystring':
      return queryReader(model, shape, { name, key, member })
    case 'header':
      return headerReader(model, shape, { name, key: key.toLowerCase(), member })
    default:
      throw new AssertionError(
        `member ${name}: no request carries a member in its ${member.location}`,
      )
  }
}

interface Place {
  readonly name: string
  readonly key: string
  readonly member: MemberModel
}

type Given = string | readonly string[]

/** A repeated parameter is a list. */
function queryReader(model: ServiceModel, shape: ShapeModel, place: Place): BoundReader {
  const { name, key } = place
  const read = givenReader(model, shape, place, {
    format: 'iso8601',
    split: (given) => (typeof given === 'string' ? [given] : given),
  })
  return { name, read: ({ query }) => readDefined(query[key], read) }
}

/** A list is joined by commas, however many headers of the name there are. */
function headerReader(model: ServiceModel, shape: ShapeModel, place: Place): BoundReader {
  const { name, key } = place
  const read = givenReader(model, shape, place, {
    format: 'rfc822',
    split: (given) =>
      (typeof given === 'string' ? given : given.join(',')).split(',').map((text) => text.trim()),
  })
  return { name, read: ({ headers }) => readDefined(headers[key], read) }
}

interface GivenForm {
  /** Of timestamps that do not say it themselves. */
  readonly format: 'iso8601' | 'rfc822'
  readonly split: (given: Given) => readonly string[]
}

function givenReader(
  model: ServiceModel,
  shape: ShapeModel,
  { name, member }: Place,
  { format, split }: GivenForm,
): (given: Given) => unknown {
  if (shape.type !== 'list') {
    const read = textReader(shape, timestampFormat(shape, member, format))
    return (given) => readDefined(first(given), (text) => read(text, name))
  }
  assert(shape.member !== undefined, 'a list has a member')
  const element = shapeOf(model, shape.member)
  const read = textReader(element, timestampFormat(element, shape.member, format))
  return (given) => split(given).map((text) => read(text, name))
}

function readDefined<T>(given: T | undefined, read: (given: T) => unknown): unknown {
  return given === undefined ? undefined : read(given)
}

function first(given: string | readonly string[] | undefined): string | undefined {
  return typeof given === 'string' ? given : given?.[0]
}

function timestampFormat(
  shape: ShapeModel,
  member: MemberModel,
  normal: TimestampFormat,
): TimestampFormat {
  return member.timestampFormat ?? shape.timestampFormat ?? normal
}

type TextReader = (text: string, where: string) => unknown

function textReader(shape: ShapeModel, format: TimestampFormat): TextReader {
  switch (shape.type) {
    case 'string':
    case 'character':
      return (text) => text
    case 'boolean':
      return readBooleanText
    case 'timestamp':
      return (text, where) => {
        const epochMs = parseTimestamp(text, format)
        if (epochMs === undefined)
          throw serializationError(`${where}: "${text}" is not a timestamp`)
        return epochMs
      }
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return readIntegerText
    case 'float':
    case 'double':
      return readNumberText
    default:
      throw new AssertionError(`a ${shape.type} cannot be text`)
  }
}

function readBooleanText(text: string, where: string): boolean {
  if (text === 'true') return true
  if (text === 'false') return false
  throw serializationError(`${where}: "${text}" is not a boolean`)
}

function readIntegerText(text: string, where: string): number {
  const number = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(number))
    throw serializationError(`${where}: "${text}" is not an integer`)
  return number
}

function readNumberText(text: string, where: string): number {
  const number = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isNaN(number) && text !== 'NaN')
    throw serializationError(`${where}: "${text}" is not a number`)
  return number
}

/** Writes a header member's value as text. */
export type HeaderWriter = (value: unknown) => string

export function headerWriter(shape: ShapeModel, member: MemberModel): HeaderWriter {
  if (shape.type !== 'timestamp') return (value) => headerText(String(value))
  const format = timestampFormat(shape, member, 'rfc822')
  return (value) => String(formatTimestamp(value as number, format))
}

/**
 * Some header values are a function's own words: what HTTP cannot carry becomes a question mark.
 */
function headerText(text: string): string {
  return text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '?')
}
