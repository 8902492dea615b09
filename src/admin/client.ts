// The command line's side of the admin routes: typed calls; every refusal becomes the EmulatorError that the daemon meant.

import type { IncomingMessage } from 'node:http'
import { EmulatorError, type EmulatorErrorCode, emulatorErrors } from '../domain/emulator-error.js'
import {
  type AdminErrorBody,
  adminRoutes,
  adminTokenHeader,
  type EnvironmentSummary,
  type FunctionSummary,
  type FunctionVariable,
  type JournalRecord,
  type LogRecord,
  type Status,
} from './contract.js'
import { exchange, readAll, unreachable } from './exchange.js'

export interface LogQuery {
  readonly functionName?: string
  readonly follow?: boolean
  /** Epoch milliseconds; only records from then on. */
  readonly sinceMs?: number
}

export interface AdminClient {
  status(): Promise<Status>
  functions(): Promise<readonly FunctionSummary[]>
  /** @throws EmulatorError EMU_FUNCTION_NOT_FOUND. */
  variables(functionName: string): Promise<readonly FunctionVariable[]>
  environments(): Promise<readonly EnvironmentSummary[]>
  /** @throws EmulatorError EMU_ENVIRONMENT_NOT_FOUND, EMU_ENVIRONMENT_STATE. */
  act(verb: EnvironmentVerb, environment: string): Promise<EnvironmentSummary>
  /** Ends when the daemon ends it, or when `signal` aborts: then without an error. */
  logs(query: LogQuery, signal?: AbortSignal): AsyncIterable<LogRecord>
  /** @param tail how many records of the past: 1,000 unless given, 40,000 at most. */
  journal(follow: boolean, signal?: AbortSignal, tail?: number): AsyncIterable<JournalRecord>
  /** Resolves when the daemon has accepted; it is still ending then. */
  stop(): Promise<void>
}

export type EnvironmentVerb = 'freeze' | 'thaw' | 'expire'

/** All calls throw EmulatorError: the daemon's own, or EMU_DAEMON_UNREACHABLE. */
export function createAdminClient(to: {
  readonly adminUrl: string
  readonly token: string
}): AdminClient {
  const headers = { [adminTokenHeader]: to.token }
  const urlOf = (path: string) => new URL(path, to.adminUrl).href

  async function open(
    method: 'GET' | 'POST',
    path: string,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const url = urlOf(path)
    const asked = { method, url, headers, ...(signal === undefined ? {} : { signal }) }
    const answer = await exchange(asked)
    if (answer.status >= 200 && answer.status < 300) return answer.stream
    throw refusal(url, answer.status, (await readAll(url, answer.stream)).toString('utf8'))
  }

  async function json<T>(method: 'GET' | 'POST', path: string): Promise<T> {
    const text = (await readAll(urlOf(path), await open(method, path))).toString('utf8')
    return parseAnswer<T>(urlOf(path), text)
  }

  async function* lines<T>(path: string, signal?: AbortSignal): AsyncIterable<T> {
    try {
      for await (const line of splitLines(await open('GET', path, signal))) {
        yield parseAnswer<T>(urlOf(path), line)
      }
    } catch (error) {
      if (signal?.aborted) return
      throw error instanceof EmulatorError ? error : unreachable(urlOf(path), error)
    }
  }

  return {
    status: () => json('GET', adminRoutes.status),
    functions: () => json('GET', adminRoutes.functions),
    variables: (functionName) =>
      json('GET', adminRoutes.variables.replace(':id', encodeURIComponent(functionName))),
    environments: () => json('GET', adminRoutes.environments),
    act: (verb, environment) =>
      json('POST', adminRoutes[verb].replace(':id', encodeURIComponent(environment))),
    logs: (query, signal) => lines(`${adminRoutes.logs}${searchOf(query)}`, signal),
    journal: (follow, signal, tail) => {
      const search = new URLSearchParams({
        ...(follow ? { follow: '1' } : {}),
        ...(tail === undefined ? {} : { tail: `${tail}` }),
      }).toString()
      return lines(`${adminRoutes.journal}${search === '' ? '' : `?${search}`}`, signal)
    },
    stop: async () => {
      await readAll(urlOf(adminRoutes.stop), await open('POST', adminRoutes.stop))
    },
  }
}

function searchOf(query: LogQuery): string {
  const search = new URLSearchParams()
  if (query.functionName !== undefined) search.set('functionName', query.functionName)
  if (query.follow === true) search.set('follow', '1')
  if (query.sinceMs !== undefined) search.set('sinceMs', `${query.sinceMs}`)
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

/** Lines of UTF-8 text, whole, however the bytes were cut; empty ones are left out. */
export async function* splitLines(stream: AsyncIterable<Buffer>): AsyncIterable<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const part of stream) {
    const pieces = (rest + decoder.decode(part, { stream: true })).split('\n')
    rest = pieces.pop() ?? ''
    yield* pieces.filter((line) => line !== '')
  }
  rest += decoder.decode()
  if (rest !== '') yield rest
}

function parseAnswer<T>(url: string, text: string): T {
  try {
    return JSON.parse(text) as T
  } catch {
    throw unreachable(url, new Error(`its answer is not JSON: ${text.slice(0, 80)}`))
  }
}

/** The daemon's own sentence, hint and exit code are kept: they know what was meant. */
function refusal(url: string, status: number, text: string): EmulatorError {
  const body = parseRefusal(text)
  if (body === undefined || !isKnownCode(body.error.code)) {
    const words = body?.error.message ?? text.slice(0, 80)
    return unreachable(url, new Error(`status ${status}${words === '' ? '' : `, ${words}`}`))
  }
  const { code, message, hint, exitCode } = body.error
  return Object.assign(new EmulatorError(code as EmulatorErrorCode), { message, hint, exitCode })
}

function parseRefusal(text: string): AdminErrorBody | undefined {
  try {
    const value = JSON.parse(text) as Partial<AdminErrorBody> | null
    const { code, message, hint, exitCode } = value?.error ?? {}
    const texts = [code, message, hint].every((member) => typeof member === 'string')
    return texts && typeof exitCode === 'number' ? (value as AdminErrorBody) : undefined
  } catch {
    return undefined
  }
}

function isKnownCode(code: string): boolean {
  return Object.hasOwn(emulatorErrors, code)
}
