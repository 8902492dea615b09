// Where two answers of one application to one request differ: a list of facets, each with both sides.

import { createHash } from 'node:crypto'
import type { RawAnswer } from '../../support/raw-http.js'
import type { Door } from './doors.js'

export interface Difference {
  /** `status 200 → 404`, `header content-type`, `body`, or for an echo `seen method`, `seen header host` … */
  readonly facet: string
  readonly direct: unknown
  readonly through: unknown
}

/** How an answer is framed, when it was made, and what the gateways say of themselves: no business of the application. */
const unseenHeaders = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'date',
  'apigw-requestid',
  'x-amz-apigw-id',
  'x-amzn-requestid',
  'x-amzn-trace-id',
])

type Facets = ReadonlyMap<string, unknown>

interface Side {
  readonly door: Door
  readonly answer: RawAnswer
}

/**
 * In the order of the facets' first occurrence; empty when the answers are the same. Answers with different
 * statuses are different in everything: `status 200 → 404` is all that is said of them.
 */
export function differences(direct: Side, through: Side): readonly Difference[] {
  const statuses = [direct, through].map(({ answer }) => answer.status)
  if (statuses[0] !== statuses[1]) {
    const [one, other] = [direct, through].map(({ door, answer }) => shown(answer.body, door))
    return [{ facet: `status ${statuses.join(' → ')}`, direct: one, through: other }]
  }
  const echoes = [direct, through].map(({ answer }) => echoOf(answer.body))
  const bothEcho = echoes.every((echo) => echo !== undefined)
  const one = facetsOf(direct, bothEcho)
  const other = facetsOf(through, bothEcho)
  const facets = [...new Set([...one.keys(), ...other.keys()])]
  return facets
    .map((facet) => ({ facet, direct: one.get(facet), through: other.get(facet) }))
    .filter((each) => JSON.stringify(each.direct) !== JSON.stringify(each.through))
}

/** The one place where a door's own name would show. */
function neutral(text: string, door: Door): string {
  return text.replaceAll(door.host, 'HOST')
}

function facetsOf({ door, answer }: Side, bothEcho: boolean): Facets {
  const facets = new Map<string, unknown>()
  for (const [name, value] of answer.headers) {
    const key = name.toLowerCase()
    if (!unseenHeaders.has(key)) add(facets, `header ${key}`, neutral(value, door))
  }
  const echo = bothEcho ? echoOf(answer.body) : undefined
  if (echo === undefined) facets.set('body', shown(answer.body, door))
  else addSeen(facets, echo, door)
  return facets
}

function add(facets: Map<string, unknown>, facet: string, value: unknown): void {
  facets.set(facet, [...((facets.get(facet) as unknown[] | undefined) ?? []), value])
}

function shown(body: Buffer, door: Door): string {
  if (body.length <= 1_000) return neutral(body.toString('latin1'), door)
  return `${body.length} bytes, SHA-256 ${createHash('sha256').update(body).digest('hex')}`
}

interface Echo {
  readonly method: string
  readonly headers: Readonly<Record<string, unknown>> | readonly (readonly [string, unknown])[]
}

/** What an application's echo tells of the request, when this is one. */
function echoOf(body: Buffer): Echo | undefined {
  if (!body.subarray(0, 10).toString('latin1').startsWith('{"method":')) return undefined
  return JSON.parse(body.toString()) as Echo
}

function addSeen(facets: Map<string, unknown>, { headers, ...others }: Echo, door: Door): void {
  for (const [name, value] of Object.entries(others)) facets.set(`seen ${name}`, value)
  const pairs = Array.isArray(headers) ? headers : Object.entries(headers)
  for (const [name, value] of pairs as readonly (readonly [string, unknown])[]) {
    add(facets, `seen header ${name}`, JSON.parse(neutral(JSON.stringify(value), door)))
  }
}
