// The metadata endpoint of an execution environment: which availability zone it runs in, told to whoever has its token.

import type { HttpExchange } from '../http/exchange.js'

/** What one environment's endpoint tells, and to whom. */
export interface Metadata {
  /** AWS_LAMBDA_METADATA_TOKEN. */
  readonly token: string
  readonly availabilityZoneId: string
}

/** Source: AWS Lambda guide, metadata endpoint (2026). */
export const metadataPath = '/2026-01-15/metadata/execution-environment'

// UNRECORDED: metadata-refusals — the statuses are documented, that their answers have no body is not.
/** Answers a request for `metadataPath`. Source: AWS Lambda guide, metadata endpoint (2026). */
export function answerMetadata(exchange: HttpExchange, metadata: Metadata): void {
  exchange.discardBody()
  if (exchange.method !== 'GET') return exchange.answer(405, { 'Content-Length': 0 }, '')
  if (exchange.headers.authorization !== `Bearer ${metadata.token}`)
    return exchange.answer(401, { 'Content-Length': 0 }, '')
  const body = JSON.stringify({ AvailabilityZoneID: metadata.availabilityZoneId })
  const headers = {
    'Content-Type': 'application/json',
    'Cache-Control': 'private, max-age=43200, immutable',
    'Content-Length': body.length,
  }
  exchange.answer(200, headers, body)
}

// UNRECORDED: availability-zone — an environment on AWS may be in any zone of its region; here all are in the first.
/** `us-east-1` → `use1-az1`, `ap-northeast-2` → `apne2-az1`. Source: AWS's list of availability zone ids. */
export function firstZoneOf(region: string): string {
  const [land = '', ...words] = region.split('-')
  const number = words.pop() ?? ''
  const short = words.flatMap((word) => word.match(/north|south|east|west|central|gov|./g) ?? [])
  return `${land}${short.map((word) => word.charAt(0)).join('')}${number}-az1`
}
