// Random values by model: inputs and outputs of any operation, for property tests and probes.

import fc from 'fast-check'
import { lambdaModel } from '../../src/aws/models/lambda-model.js'
import { compilePattern } from '../../src/aws/protocol/constraints.js'
import type { MemberModel, ShapeModel } from '../../src/aws/protocol/model.js'

type Values = Record<string, unknown>

const lambdaArn = (rest: string) => `arn:aws:lambda:us-east-1:123456789012:${rest}`
const headerText = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/)

// Patterns that cannot be run backwards (look-around, an empty alternative): values that match them, by hand.
const byHand: Readonly<Record<string, fc.Arbitrary<string>>> = {
  Alias: fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9-_]{0,20}$/),
  CollectionName: fc
    .stringMatching(/^[_a-zA-Z0-9][a-z.]{0,20}$/)
    .filter((name) => !name.startsWith('system.')),
  FunctionUrlFunctionName: fc.constantFrom('f', 'fn_1:live', lambdaArn('function:fn:live')),
  FunctionUrlQualifier: fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9-_]{0,20}$/),
  KMSKeyArn: fc.constantFrom('', 'arn:aws:kms:us-east-1:123456789012:key/one'),
  ResourceArn: fc.constantFrom('', 'arn:aws:sqs:us-east-1:123456789012:queue'),
  S3Bucket: fc.stringMatching(/^[a-z][a-z0-9.-]{3,20}[a-z0-9]$/),
}

export function shapeNamed(name: string): ShapeModel {
  const shape = lambdaModel.shapes[name]
  if (shape === undefined) throw new Error(`no shape ${name}`)
  return shape
}

function stringOf(name: string, shape: ShapeModel): fc.Arbitrary<string> {
  if (shape.enum !== undefined) return fc.constantFrom(...shape.enum)
  const minLength = shape.min ?? 0
  const maxLength = Math.min(shape.max ?? 40, minLength + 40)
  const known = byHand[name]
  if (known !== undefined) return known
  if (shape.pattern === undefined) return fc.string({ minLength, maxLength })
  if (shape.pattern === '.*')
    return fc.stringMatching(new RegExp(`^[ -~]{${minLength},${maxLength}}$`))
  const pattern = compilePattern(shape.pattern)
  return fc
    .stringMatching(pattern)
    .filter(
      (text) => pattern.test(text) && text.length >= minLength && text.length <= (shape.max ?? 1e6),
    )
}

function numberOf(shape: ShapeModel): fc.Arbitrary<number> {
  const min = shape.min ?? -1000
  const max = shape.max ?? 1_000_000
  if (shape.type === 'double' || shape.type === 'float') {
    return fc.double({ min, max, noNaN: true }).map((value) => (Object.is(value, -0) ? 0 : value))
  }
  return fc.integer({ min: Math.ceil(min), max: Math.floor(max) })
}

/** Any value of a member's shape: timestamps in whole milliseconds, maps without the keys that JavaScript treats specially. */
export function valueBy(member: MemberModel): fc.Arbitrary<unknown> {
  const known = values.get(member.shape)
  if (known !== undefined) return known
  const made = makeValue(member)
  values.set(member.shape, made)
  return made
}

// To make one out of a long pattern takes longer than to draw from it many times.
const values = new Map<string, fc.Arbitrary<unknown>>()

function makeValue(member: MemberModel): fc.Arbitrary<unknown> {
  const shape = shapeNamed(member.shape)
  switch (shape.type) {
    case 'structure':
      return structureOf(shape)
    case 'list': {
      const minLength = shape.min ?? 0
      const maxLength = Math.max(minLength, Math.min(shape.max ?? 3, 3))
      return fc.array(valueBy(shape.member as MemberModel), { minLength, maxLength })
    }
    case 'map':
      return fc.dictionary(
        valueBy(shape.key as MemberModel).filter(
          (key) => key !== '__proto__',
        ) as fc.Arbitrary<string>,
        valueBy(shape.value as MemberModel),
        { minKeys: shape.min ?? 0, maxKeys: Math.max(shape.min ?? 0, 3), noNullPrototype: true },
      )
    case 'blob':
      return fc.uint8Array({ minLength: Math.max(shape.min ?? 0, 1), maxLength: 60 })
    case 'boolean':
      return fc.boolean()
    case 'timestamp':
      return fc.integer({ min: 0, max: 4_000_000_000_000 })
    case 'string':
      return stringOf(member.shape, shape)
    default:
      return numberOf(shape)
  }
}

/** A member that travels outside the body: what an empty text or list would mean there, no protocol can say. */
function outsideBody(member: MemberModel): fc.Arbitrary<unknown> {
  const shape = shapeNamed(member.shape)
  if (member.location === 'statusCode') return fc.constantFrom(200, 202)
  const plain = shape.type === 'string' && shape.pattern === undefined && shape.enum === undefined
  if (member.location === 'header' && plain) return headerText
  const value = valueBy(member)
  if (shape.type === 'list') return value.filter((given) => (given as unknown[]).length > 0)
  if (shape.type !== 'string') return value
  // HTTP trims spaces around a header, URLs resolve dots.
  return value.filter(
    (given) => given !== '' && given !== '.' && given !== '..' && given === String(given).trim(),
  )
}

export function structureOf(
  shape: ShapeModel,
  keep: (member: string) => boolean = () => true,
): fc.Arbitrary<Values> {
  const members = Object.entries(shape.members ?? {}).filter(([name]) => keep(name))
  const fields = members.map(([name, member]) => {
    const value = member.location === undefined ? valueBy(member) : outsideBody(member)
    return [name, value] as const
  })
  // The SDKs fill idempotency tokens in when they are missing; then the request holds more than was asked for.
  const always = new Set(shape.required ?? [])
  // A status or a body that is left out comes back as the default one.
  for (const [name, member] of members) {
    if (member.idempotencyToken || member.location === 'statusCode') always.add(name)
    if (shape.payload === name && shapeNamed(member.shape).type === 'structure') always.add(name)
  }
  return fc.record(Object.fromEntries(fields), {
    requiredKeys: members.map(([name]) => name).filter((name) => always.has(name)),
    noNullPrototype: true,
  })
}

const minimalInputs = new Map<string, Values>()

/** The smallest valid input of an operation, always the same. */
export function minimalInput(operation: string): Values {
  const known = minimalInputs.get(operation)
  if (known !== undefined) return known
  const shape = shapeNamed(lambdaModel.operations[operation]?.input ?? '')
  const required = new Set(shape.required ?? [])
  const [input] = fc.sample(
    structureOf(shape, (name) => required.has(name)),
    { numRuns: 1, seed: 7 },
  )
  const made = input ?? {}
  minimalInputs.set(operation, made)
  return made
}

export interface PlainRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer | undefined
}

/** An input as an HTTP request: a second writer, independent of the one under test and of any SDK. */
export function toRequest(operationName: string, input: Values): PlainRequest {
  const operation = lambdaModel.operations[operationName]
  if (operation?.input === undefined) throw new Error(`no operation ${operationName}`)
  const shape = shapeNamed(operation.input)
  const [template = '', literal] = operation.uri.split('?')
  const query = new URLSearchParams(literal ?? '')
  const headers: Record<string, string> = {}
  const json: Values = {}
  let path = template
  let body: Buffer | undefined
  for (const [name, value] of Object.entries(input)) {
    const member = shape.members?.[name]
    const key = member?.locationName ?? name
    if (member?.location === 'uri')
      path = path.replace(`{${key}}`, encodeURIComponent(String(value)))
    else if (member?.location === 'querystring')
      for (const each of [value].flat()) query.append(key, String(each))
    else if (member?.location === 'header') headers[key] = String(value)
    else if (shape.payload === name)
      body = value instanceof Uint8Array ? Buffer.from(value) : jsonBody(value)
    else json[key] = value
  }
  if (Object.keys(json).length > 0) body = jsonBody(json)
  const text = query.size > 0 ? `${path}?${query}` : path
  return { method: operation.method, path: text, headers, body }
}

function jsonBody(value: unknown): Buffer {
  return Buffer.from(
    JSON.stringify(value, (_, each) =>
      each instanceof Uint8Array ? Buffer.from(each).toString('base64') : each,
    ),
  )
}
