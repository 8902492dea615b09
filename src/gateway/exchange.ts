// A request and its answer as the gateway's decisions see them: plain data, no server types.

import type { RequestId } from '../domain/brand.js'

export type Header = readonly [name: string, value: string]

/** What is known of a request before its body is read. */
export interface RequestHead {
  /** In capitals, as sent. */
  readonly method: string
  /** As sent, undecoded, without the query; begins with a slash. */
  readonly path: string
  /** As sent, without the question mark; empty when there is none. */
  readonly query: string
  /** In order, repeated ones too, in the client's letter case. */
  readonly headers: readonly Header[]
  /** The Host header, with its port when it has one. */
  readonly host: string
  readonly sourceIp: string
  /** The port that the client reached. */
  readonly port: number
  /** Whole epoch milliseconds on the emulator's clock. */
  readonly receivedAtMs: number
}

export interface GatewayAnswer {
  readonly status: number
  /** In order; a name may come more than once. */
  readonly headers: readonly Header[]
  readonly body: Buffer
}

/** What the journal is told of an answer besides the answer. */
export interface Served {
  readonly answer: GatewayAnswer
  readonly functionName?: string
  readonly requestId?: RequestId
  /** Why the gateway answered alone, or what it made of the function's answer: one sentence. */
  readonly why?: string
}

/** `gone`: the client went away before its request was complete. */
export type RequestBody = Buffer | 'too-large' | 'gone'

/** The first value of a header, whatever its letter case. */
export function headerOf(headers: readonly Header[], name: string): string | undefined {
  return headers.find(([each]) => each.toLowerCase() === name)?.[1]
}

/** A JSON answer of the gateway's own. */
export function jsonAnswer(
  status: number,
  body: unknown,
  headers: readonly Header[] = [],
): GatewayAnswer {
  return {
    status,
    headers: [['Content-Type', 'application/json'], ...headers],
    body: Buffer.from(JSON.stringify(body)),
  }
}
