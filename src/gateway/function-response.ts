// What functions return: from JSON to parts of an answer that can be written to a connection, or the reason why not.

import type { Header } from './exchange.js'
import { isHeader, utf8Bytes } from './header-form.js'

/**
 * What a function did: nothing can be made of its answer. Caught where the answer is made; `reason` completes
 * "the function's answer …".
 */
export class MalformedResponse extends Error {
  readonly reason: string

  constructor(reason: string) {
    super(reason)
    this.reason = reason
  }
}

/** A header that can be sent: text as UTF-8 bytes. @throws MalformedResponse for a name or value that HTTP has no form for. */
export function responseHeader(name: string, value: string): Header {
  const bytes = utf8Bytes(value)
  if (!isHeader(name, bytes)) {
    throw new MalformedResponse(`has a header that cannot be sent: ${JSON.stringify(name)}`)
  }
  return [name, bytes]
}

/** @throws MalformedResponse when it is not JSON. */
export function parseReturned(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'))
  } catch {
    throw new MalformedResponse('is not JSON')
  }
}

/** `value` as an object. @throws MalformedResponse when it is there and is none. */
function objectMember(value: unknown, member: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {}
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  throw new MalformedResponse(`has ${member} that is not an object`)
}

/** Text, numbers and truth values as text; null as nothing. @throws MalformedResponse for anything else. */
export function scalarText(value: unknown, member: string): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  throw new MalformedResponse(`has ${member} that is not a text`)
}

// UNRECORDED: status-range — which numbers are a status; texts that are none are recorded.
/** From 200 to 599; digits in a text count. @throws MalformedResponse */
export function statusCode(value: unknown): number {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value
  if (typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 599) {
    return status
  }
  throw new MalformedResponse(
    `has the statusCode ${JSON.stringify(value)}, which is no HTTP status`,
  )
}

/** Headers as a function returned them: one entry a name, whatever its letter case; the later spelling stays. */
class HeaderList {
  readonly #byKey = new Map<string, { readonly name: string; readonly values: readonly string[] }>()

  has(name: string): boolean {
    return this.#byKey.has(name.toLowerCase())
  }

  values(name: string): readonly string[] {
    return this.#byKey.get(name.toLowerCase())?.values ?? []
  }

  /** In place of what the name had. */
  set(name: string, ...values: readonly string[]): void {
    this.#byKey.set(name.toLowerCase(), { name, values })
  }

  /** Each name in lower case, with its headers as they are written. @throws MalformedResponse */
  entries(): readonly (readonly [string, readonly Header[]])[] {
    return [...this.#byKey].map(([key, { name, values }]) => [
      key,
      values.map((value) => responseHeader(name, value)),
    ])
  }
}

/**
 * `headers` and `multiValueHeaders` in one list: the multi map's values first and under its spelling; a value that
 * both have comes once. @throws MalformedResponse
 * Source: recorded answers of malformed and of multi-value responses (2024-11-15); API Gateway guide, output format.
 */
export function returnedHeaders(returned: Readonly<Record<string, unknown>>): HeaderList {
  const list = new HeaderList()
  for (const [name, value] of Object.entries(objectMember(returned.headers, 'headers'))) {
    const text = scalarText(value, `the header ${JSON.stringify(name)}`)
    if (text !== undefined) list.set(name, text)
  }
  const multi = objectMember(returned.multiValueHeaders, 'multiValueHeaders')
  for (const [name, given] of Object.entries(multi)) {
    const member = `the header ${JSON.stringify(name)}`
    if (!Array.isArray(given)) throw new MalformedResponse(`has ${member} that is no list`)
    const values = given.map((each) => scalarText(each, member) ?? '')
    list.set(name, ...values, ...list.values(name).filter((value) => !values.includes(value)))
  }
  return list
}

const base64Form = /^[A-Za-z0-9+/]*={0,2}$/

/** Undefined when the text is no base64. Padding may be left out. */
export function decodeBase64(text: string): Buffer | undefined {
  if (!base64Form.test(text)) return undefined
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  return (text.length - padding) % 4 === 1 ? undefined : Buffer.from(text, 'base64')
}
