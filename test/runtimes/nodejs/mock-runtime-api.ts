// A Runtime API over a real socket that does what a test says: hands out events, keeps every
// report.

import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type FrameAnswer, serveFrames } from '../../support/frame-daemon.js'

/**
 * One event: its payload text and the headers that differ from the defaults; `undefined` leaves a
 * default out.
 */
export interface MockEvent {
  readonly body: string
  readonly headers?: Readonly<Record<string, string | undefined>>
}

/** One request other than GET next. */
export interface Report {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly trailers: IncomingMessage['trailers']
  readonly body: Buffer
}

export interface MockRuntimeApi {
  /** host:port for AWS_LAMBDA_RUNTIME_API. */
  readonly address: string
  readonly reports: readonly Report[]
  /** How many times GET next has been asked. */
  nextCount(): number
  /** Answers the waiting GET next, or the following one. The request ids are id-1, id-2, … */
  give(event: MockEvent): void
  /** Resolves when GET next has been asked `count` times in all. */
  nextAsked(count: number): Promise<void>
  /** Resolves when `count` reports have come in all. */
  reported(count: number): Promise<void>
  /** Serves frames too, over this end of a runtime's inherited descriptor. */
  attach(socket: Duplex): void
  close(): Promise<void>
}

/** Status and body of the answers to reports; 202 when left out. */
export interface MockOptions {
  readonly reportStatus?: number
  readonly reportAnswer?: string
}

const deadlineMs = 3_000
const headerBytesMax = 8 * 1024 * 1024

interface Waiter {
  readonly satisfied: () => boolean
  readonly resolve: () => void
}

function eventHeaders(ordinal: number, event: MockEvent): Record<string, string> {
  const headers = {
    'Lambda-Runtime-Aws-Request-Id': `id-${ordinal}`,
    'Lambda-Runtime-Deadline-Ms': String(Date.now() + deadlineMs),
    'Lambda-Runtime-Invoked-Function-Arn': 'arn:aws:lambda:eu-west-1:000000000000:function:f',
    'Lambda-Runtime-Trace-Id': `Root=1-0-${ordinal};Parent=0;Sampled=0`,
    'Content-Type': 'application/json',
    ...event.headers,
  }
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value]],
    ),
  )
}

/** Header bytes are UTF-8 on Lambda; node:http writes strings as latin1. */
function latin1(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
  )
}

/** Starts one on a free loopback port. */
export async function startMockRuntimeApi(options: MockOptions = {}): Promise<MockRuntimeApi> {
  const reports: Report[] = []
  const events: MockEvent[] = []
  const asking: ((answer: FrameAnswer) => void)[] = []
  let waiters: Waiter[] = []
  let nextCount = 0
  let given = 0

  const changed = () => {
    for (const waiter of waiters) if (waiter.satisfied()) waiter.resolve()
    waiters = waiters.filter((waiter) => !waiter.satisfied())
  }
  const until = (satisfied: () => boolean) =>
    new Promise<void>((resolve) => {
      if (satisfied()) resolve()
      else waiters.push({ satisfied, resolve })
    })
  const match = () => {
    const answer = asking[0]
    const event = events[0]
    if (answer === undefined || event === undefined) return
    asking.shift()
    events.shift()
    given += 1
    answer({ status: 200, headers: eventHeaders(given, event), body: event.body })
    match()
  }
  const take = (report: Report, answer: (answer: FrameAnswer) => void) => {
    if (report.path === '/invocation/next') {
      nextCount += 1
      asking.push(answer)
      match()
    } else {
      reports.push(report)
      answer({
        status: options.reportStatus ?? 202,
        headers: { 'Content-Type': 'application/json' },
        body: options.reportAnswer ?? '{"status":"OK"}\n',
      })
    }
    changed()
  }

  const server = createServer({ maxHeaderSize: headerBytesMax }, (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const path = (request.url ?? '').replace('/2018-06-01/runtime', '')
      const { headers, trailers } = request
      take({ path, headers, trailers, body: Buffer.concat(parts) }, (answer) => {
        response.writeHead(answer.status, latin1(answer.headers))
        response.end(answer.body)
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    address: `127.0.0.1:${port}`,
    reports,
    nextCount: () => nextCount,
    give(event) {
      events.push(event)
      match()
    },
    nextAsked: (count) => until(() => nextCount >= count),
    reported: (count) => until(() => reports.length >= count),
    attach: (socket) => serveFrames(socket, take),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
