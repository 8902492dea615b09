// How the Runtime API and the Extensions API answer a request over HTTP.

import type { HttpExchange } from '../http/exchange.js'
import { type ApiError, bodyOf } from './runtime-state.js'

export const accepted = '{"status":"OK"}\n'

/** Answers a request whose body nobody wants; the body is read and dropped. */
export function refuse(exchange: HttpExchange, error: ApiError): void {
  exchange.discardBody()
  answerError(exchange, error)
}

export function answerError(exchange: HttpExchange, error: ApiError): void {
  answerText(exchange, error.status, bodyOf(error))
}

export function answerText(
  exchange: HttpExchange,
  status: number,
  body: string,
  more: Readonly<Record<string, string>> = {},
): void {
  const headers = {
    'Content-Type': 'application/json',
    ...more,
    'Content-Length': Buffer.byteLength(body),
  }
  exchange.answer(status, headers, body)
}

/** The path is known, the method not. */
export function only(method: string, exchange: HttpExchange, run: () => void): void {
  if (exchange.method === method) return run()
  exchange.discardBody()
  exchange.answer(405, { 'Content-Length': 0 }, '')
}

/** One value of a header; of several the first. */
export function headerOf({ headers }: HttpExchange, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : value?.[0]
}
