// One HTTP request and its answer, without any time limit: a function may run for 15 minutes, a followed log is silent for hours.

import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { EmulatorError } from '../domain/emulator-error.js'

export interface Exchange {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
  /** Ends the exchange: the answer's stream then ends early. */
  readonly signal?: AbortSignal
}

export interface ExchangeAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly stream: IncomingMessage
}

/**
 * fetch is not used: it gives up when headers, or the next bytes, take 300 s.
 * @throws EmulatorError EMU_DAEMON_UNREACHABLE when there is no answer.
 */
export function exchange(asked: Exchange): Promise<ExchangeAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(asked.url, {
      method: asked.method,
      headers: {
        ...asked.headers,
        ...(asked.body === undefined ? {} : { 'content-length': `${asked.body.length}` }),
      },
      // A command makes one request and ends; a kept connection would hold it up.
      agent: false,
      ...(asked.signal === undefined ? {} : { signal: asked.signal }),
    })
    outgoing.once('error', (error) => reject(unreachable(asked.url, error)))
    outgoing.once('response', (stream) => {
      resolve({ status: stream.statusCode ?? 0, headers: stream.headers, stream })
    })
    outgoing.end(asked.body)
  })
}

/** The whole body of an answer. */
export async function readAll(url: string, stream: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  try {
    for await (const part of stream) parts.push(part as Buffer)
  } catch (error) {
    throw unreachable(url, error)
  }
  return Buffer.concat(parts)
}

export function unreachable(url: string, error: unknown): EmulatorError {
  const reason = error instanceof Error ? error.message : String(error)
  return new EmulatorError('EMU_DAEMON_UNREACHABLE', { url: new URL(url).origin, reason })
}
