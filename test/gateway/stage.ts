// A gateway on a real listener with functions that are plain JavaScript, and a client that sees every byte.

import { connect, type Socket } from 'node:net'
import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { seededChance } from '../../src/clock/kernel.js'
import type {
  ApiDefinition,
  HttpApi,
  HttpRoute,
  RestApi,
  RestMethod,
} from '../../src/domain/api.js'
import { createGateway } from '../../src/gateway/gateway.js'
import { listen } from '../../src/http/server.js'
import type { CallResult, FunctionCall } from '../../src/invoke/function-caller.js'
import { Journal, type JournalEntry } from '../../src/journal/journal.js'

export interface Teardown {
  teardown(run: () => unknown): unknown
}

/** What a function does with its event: a value is its answer; a Buffer stands for the bytes of one. */
export type Behaviour = (event: GatewayEvent, call: FunctionCall) => unknown | Promise<unknown>

// biome-ignore lint/suspicious/noExplicitAny: an event as the function gets it, of whatever shape.
export type GatewayEvent = any

export interface Stage {
  readonly port: number
  readonly clock: EmulatorClock
  readonly journal: Journal
  /** What was served so far, as the journal has it. */
  ended(): readonly JournalEntry[]
  /** The events of all calls, in order. */
  readonly events: readonly GatewayEvent[]
  readonly calls: readonly (FunctionCall & { readonly functionName: string })[]
  readonly bugs: readonly unknown[]
  /** Resolves with the next call's event. */
  nextEvent(): Promise<GatewayEvent>
  send(request: Partial<Request> | string): Promise<Reply>
  serve(apis: readonly ApiDefinition[]): void
}

export interface Request {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

export interface Reply {
  readonly status: number
  /** In order, in the letter case on the wire. */
  readonly headers: readonly (readonly [string, string])[]
  /** All values of a name, whatever its letter case, joined by a comma. */
  header(name: string): string | undefined
  readonly body: Buffer
  readonly text: string
}

export interface StageOptions {
  readonly apis: readonly ApiDefinition[]
  /** By name; `echo` answers with its event, and is there by default. */
  readonly functions?: Readonly<Record<string, Behaviour>>
  readonly stagePath?: boolean
}

/** A function's own failure. */
export class FunctionFailure {
  readonly result: Partial<CallResult>

  constructor(result: Partial<CallResult>) {
    this.result = result
  }
}

const echo: Behaviour = (event) => ({ statusCode: 200, body: JSON.stringify(event) })

export async function openGateway(t: Teardown, options: StageOptions): Promise<Stage> {
  let { apis } = options
  const functions: Readonly<Record<string, Behaviour>> = { echo, ...options.functions }
  const clock = new EmulatorClock({
    mode: 'virtual',
    startMs: Date.UTC(2026, 10, 21, 18, 37, 33, 5),
  })
  const journal = new Journal(clock)
  const events: GatewayEvent[] = []
  const calls: (FunctionCall & { readonly functionName: string })[] = []
  const bugs: unknown[] = []
  const waiting: ((event: GatewayEvent) => void)[] = []
  const ended: JournalEntry[] = []
  journal.listen((entry) => ended.push(entry))
  const app = createGateway({
    current: async () => {},
    apis: () => apis,
    caller: {
      async call(functionName, call) {
        const behaviour = functions[functionName]
        if (behaviour === undefined) return { is: 'absent' }
        const event = JSON.parse(call.payload.toString())
        events.push(event)
        calls.push({ functionName, ...call })
        for (const resolve of waiting.splice(0)) resolve(event)
        const { requestId } = call
        const answer = await behaviour(event, call)
        if (answer instanceof FunctionFailure) return { requestId, ...answer.result } as CallResult
        const payload = Buffer.isBuffer(answer) ? answer : Buffer.from(JSON.stringify(answer))
        return { requestId, is: 'response', payload, contentType: 'application/json' }
      },
    },
    clock,
    chance: seededChance('gateway'),
    journal,
    accountId: '123456789012',
    stagePath: options.stagePath ?? true,
    reportBug: (error) => bugs.push(error),
  })
  const { port } = await listen(app, { host: '127.0.0.1', port: 0 })
  t.teardown(async () => {
    app.server.closeAllConnections()
    await app.close()
    clock.close()
  })
  return {
    port,
    clock,
    journal,
    ended: () => ended,
    events,
    calls,
    bugs,
    nextEvent: () => new Promise((resolve) => waiting.push(resolve)),
    send: async (request) => {
      const socket = open(port)
      socket.write(typeof request === 'string' ? request : requestBytes(request, port))
      return replyOf(await allOf(socket), typeof request === 'string' ? request : request.method)
    },
    serve: (next) => {
      apis = next
    },
  }
}

export function open(port: number): Socket {
  return connect(port, '127.0.0.1')
}

/** All that comes until the server closes the connection. A reset ends it as well. */
export function allOf(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk as Buffer))
    socket.on('error', () => {})
    socket.on('close', () => resolve(Buffer.concat(chunks)))
  })
}

function requestBytes(request: Partial<Request>, port: number): Buffer {
  const body = Buffer.from(request.body ?? '')
  const headers: Record<string, string> = { Host: `localhost:${port}`, ...request.headers }
  if (body.length > 0) headers['Content-Length'] ??= String(body.length)
  const lines = Object.entries({ ...headers, Connection: 'close' }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  const head = `${request.method ?? 'GET'} ${request.target ?? '/'} HTTP/1.1\r\n${lines.join('')}\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), body])
}

export function replyOf(bytes: Buffer, method?: string): Reply {
  const [reply] = repliesOf(bytes, method)
  if (reply === undefined) throw new Error(`no answer in ${JSON.stringify(bytes.toString())}`)
  return reply
}

/** Answers one after the other on one connection; interim ones (1xx) too. */
export function repliesOf(bytes: Buffer, method?: string): readonly Reply[] {
  const replies: Reply[] = []
  let rest = bytes
  while (rest.length > 0) {
    const end = rest.indexOf('\r\n\r\n')
    if (end < 0) throw new Error(`half an answer: ${JSON.stringify(rest.toString())}`)
    const [first = '', ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n')
    const headers = lines.map((line): readonly [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()]
    })
    const header = (name: string) => {
      const values = headers.filter(([each]) => each.toLowerCase() === name.toLowerCase())
      return values.length === 0 ? undefined : values.map(([, value]) => value).join(', ')
    }
    const length = method === 'HEAD' ? 0 : Number(header('content-length') ?? 0)
    const body = rest.subarray(end + 4, end + 4 + length)
    const status = Number(first.split(' ')[1])
    replies.push({ status, headers, header, body, text: body.toString() })
    rest = rest.subarray(end + 4 + length)
  }
  return replies
}

export function lambda(
  functionName = 'echo',
  more: { operationName?: string; timeoutMs?: number } = {},
): RestMethod {
  return { is: 'lambda', functionName, timeoutMs: 29_000, ...more }
}

/** `resources`: path → verb → method. */
export function restApi(
  resources: Readonly<Record<string, Readonly<Record<string, RestMethod>>>>,
  more: Partial<RestApi> = {},
): RestApi {
  return {
    kind: 'rest',
    id: 'a1b2c3d4e5',
    logicalId: 'Shop',
    name: 'shop',
    stageName: 'Prod',
    binaryMediaTypes: [],
    resources: Object.entries(resources).map(([path, methods]) => ({ path, methods })),
    gatewayResponses: {},
    ...more,
  }
}

/** `routes`: route key → function. */
export function httpApi(
  routes: Readonly<Record<string, string | HttpRoute['target']>>,
  more: Partial<HttpApi> & { readonly version?: '1.0' | '2.0' } = {},
): HttpApi {
  const { version = '2.0', ...members } = more
  return {
    kind: 'http',
    id: 'h9g8f7e6d5',
    logicalId: 'Web',
    name: 'web',
    stageName: '$default',
    routes: Object.entries(routes).map(([routeKey, target]) => ({
      routeKey,
      target:
        typeof target === 'string'
          ? { is: 'lambda', functionName: target, payloadFormatVersion: version, timeoutMs: 30_000 }
          : target,
    })),
    ...members,
  }
}
