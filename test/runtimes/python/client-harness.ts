// Runs the Python bootstrap against a Runtime API of the tests' own, over a real socket, and tells what it did.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import t from 'tap'
import { serveFrames } from '../../support/frame-daemon.js'
import { repositoryRoot } from '../../support/paths.js'
import { speaksFrames } from '../../support/runtime-channel.js'

/** The interpreter itself, not a version manager's shim, whose start would be measured too. */
export const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], {
  encoding: 'utf8',
}).trim()

/** Set to e.g. "-m awslambdaric index.handler" to hold the same tables against the official client. */
const otherClient = process.env.TEST_PYTHON_CLIENT?.split(' ')
const bootstrap = [join(repositoryRoot, 'runtimes/python/bootstrap.py')]

export interface Event {
  readonly body: string | Buffer
  /** Added to the usual headers of /next; null takes one away. */
  readonly headers?: Readonly<Record<string, string | null>>
}

export interface Request {
  readonly line: string
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
  /** Which connection it came on, from 1. */
  readonly connection: number
  /** Whether all of it had arrived in the same read as the request before. */
  readonly pipelined: boolean
}

export interface Run {
  /** Main file's source (index.py), or every file by its path. */
  readonly source: string | Readonly<Record<string, string>>
  readonly handler?: string
  readonly env?: Readonly<Record<string, string>>
  readonly flags?: readonly string[]
  readonly events?: readonly (string | Buffer | Event)[]
  /** Bytes that answer a POST; the usual 202 when undefined. */
  readonly postAnswer?: (post: Request) => Buffer | undefined
  /** Bytes that answer the n-th /next (from 1) instead of the event's usual form. */
  readonly nextAnswer?: (n: number, usual: Buffer) => Buffer
  /** Called when a /next is parked; the run ends when it resolves. */
  readonly whenParked?: (running: Running) => Promise<void>
  readonly extraFd?: boolean
}

export interface Running {
  readonly child: ChildProcess
  readonly requests: readonly Request[]
  /** Resolves when the standard output (or error) so far matches. */
  seen(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<void>
  /** Closes every connection, as a restarting server does. */
  hangUp(): void
  deliver(event: string): void
  /** Resolves when that many requests have arrived in all. */
  requested(count: number): Promise<void>
}

export interface Result {
  readonly requests: readonly Request[]
  readonly posts: readonly Request[]
  readonly stdout: string
  readonly stderr: string
  readonly extra: Buffer
  /** 'alive', an exit status, or a signal's name. */
  readonly end: 'alive' | number | NodeJS.Signals
  readonly task: string
}

const accepted = httpAnswer(202, '{"status":"OK"}\n')

export function httpAnswer(status: number, body: string | Buffer, extra = ''): Buffer {
  const bytes = Buffer.from(body as string)
  const head = `HTTP/1.1 ${status} X\r\nContent-Type: application/json\r\n${extra}Content-Length: ${bytes.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), bytes])
}

function eventAnswer(n: number, event: string | Buffer | Event): Buffer {
  const { body, headers } =
    typeof event === 'string' || Buffer.isBuffer(event) ? { body: event, headers: {} } : event
  const all: Record<string, string | null> = {
    'Lambda-Runtime-Aws-Request-Id': `ID${n}`,
    'Lambda-Runtime-Deadline-Ms': String(Date.now() + 30_000),
    'Lambda-Runtime-Invoked-Function-Arn': 'arn:aws:lambda:us-east-1:000000000000:function:fn',
    'Lambda-Runtime-Trace-Id': `Root=1-a;Parent=${n};Sampled=1`,
    'Content-Type': 'application/json',
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => (value ? `${name}: ${value}\r\n` : ''))
  const bytes = Buffer.from(body as string)
  const head = `HTTP/1.1 200 OK\r\n${lines.join('')}Content-Length: ${bytes.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), bytes])
}

function takeRequest(buffer: Buffer, connection: number, pipelined: boolean) {
  const end = buffer.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [line = '', ...rest] = buffer.subarray(0, end).toString('utf8').split('\r\n')
  const headers = new Map(
    rest.map((text) => {
      const colon = text.indexOf(':')
      return [text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim()] as const
    }),
  )
  const length = Number(headers.get('content-length') ?? 0)
  if (buffer.length < end + 4 + length) return undefined
  const body = Buffer.from(buffer.subarray(end + 4, end + 4 + length))
  const request: Request = { line, headers, body, connection, pipelined }
  return { request, rest: buffer.subarray(end + 4 + length) }
}

/** What `httpAnswer` and `eventAnswer` make, taken apart. */
function answerOf(bytes: Buffer) {
  const end = bytes.indexOf('\r\n\r\n')
  const [line = '', ...lines] = bytes.toString('utf8', 0, end).split('\r\n')
  const headers = lines.map((text) => text.split(/: (.*)/s, 2) as [string, string])
  const told = Object.fromEntries(headers.filter(([name]) => name !== 'Content-Length'))
  return { status: Number(line.split(' ')[1]), headers: told, body: bytes.subarray(end + 4) }
}

/** What the runtime's requests and the answers to them go over. */
interface Wire {
  write(bytes: Buffer): unknown
  end(): unknown
}

async function startApi(run: Run) {
  const events = [...(run.events ?? ['{}'])]
  const requests: Request[] = []
  const sockets = new Set<Socket>()
  let park = () => {}
  const parked = new Promise<void>((resolve) => {
    park = resolve
  })
  let connections = 0
  let refused = false
  const arrivals = new EventEmitter()
  let taken = 0
  let waiting: Wire | undefined
  const next = (socket: Wire) => {
    if (refused) return // a client whose answer was refused is to end by itself
    const event = events.shift()
    if (event === undefined) {
      waiting = socket
      park()
      return
    }
    taken += 1
    const usual = eventAnswer(taken, event)
    const answer = run.nextAnswer?.(taken, usual) ?? usual
    socket.write(answer)
    if (answer.includes('Connection: close')) socket.end()
  }
  /** Whether the client is to close now. */
  const take = (request: Request, wire: Wire): boolean => {
    requests.push(request)
    arrivals.emit('request')
    if (request.line.includes('/next ')) {
      next(wire)
      return false
    }
    const answer = run.postAnswer?.(request) ?? accepted
    refused ||= !/^HTTP\/1.1 2/.test(answer.toString('latin1', 0, 10))
    wire.write(answer)
    return answer.includes('Connection: close')
  }
  const attach = (channel: Duplex) => {
    connections += 1
    const connection = connections
    serveFrames(channel, ({ path, headers, body, joined }, answer) => {
      const method = path.endsWith('/next') ? 'GET' : 'POST'
      const line = `${method} /2018-06-01/runtime${path} HTTP/1.1`
      const all = new Map(Object.entries(headers))
      const wire = { write: (bytes: Buffer) => answer(answerOf(bytes)), end() {} }
      take({ line, headers: all, body, connection, pipelined: joined }, wire)
    })
    closers.push(() => channel.destroy())
  }
  const closers: (() => void)[] = []
  const server = createServer((socket) => {
    connections += 1
    const connection = connections
    let buffer: Buffer = Buffer.alloc(0)
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    let closing = false
    socket.on('data', (chunk: Buffer) => {
      buffer = Buffer.concat([buffer, chunk])
      let pipelined = false
      for (;;) {
        const found = takeRequest(buffer, connection, pipelined)
        if (found === undefined || closing) break
        buffer = found.rest
        pipelined = true
        closing = take(found.request, socket)
        if (closing) socket.end()
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    authority: `127.0.0.1:${address.port}`,
    requests,
    parked,
    hangUp: () => {
      waiting = undefined
      for (const socket of sockets) socket.destroy()
      for (const close of closers.splice(0)) close()
    },
    attach,
    requested: async (count: number) => {
      while (requests.length < count) await once(arrivals, 'request')
    },
    deliver: (event: string) => {
      events.push(event)
      const socket = waiting
      waiting = undefined
      if (socket !== undefined) next(socket)
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

function writeTask(run: Run): string {
  const task = mkdtempSync(join(tmpdir(), 'python-task-'))
  const files = typeof run.source === 'string' ? { 'index.py': run.source } : run.source
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(task, path)), { recursive: true })
    writeFileSync(join(task, path), text)
  }
  return task
}

function environment(run: Run, task: string, authority: string): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LANG: 'C.UTF-8',
    PYTHONDONTWRITEBYTECODE: '1',
    ...(otherClient ? { PYTHONPATH: process.env.TEST_PYTHON_CLIENT_PATH ?? '' } : {}),
    AWS_LAMBDA_RUNTIME_API: authority,
    _HANDLER: run.handler ?? 'index.handler',
    LAMBDA_TASK_ROOT: task,
    AWS_LAMBDA_FUNCTION_NAME: 'fn',
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
    AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/fn',
    AWS_LAMBDA_LOG_STREAM_NAME: '2026/11/21/[$LATEST]0',
    AWS_EXECUTION_ENV: 'AWS_Lambda_python3.11',
    ...run.env,
  }
}

const fixedStdio: readonly ('ignore' | 'pipe')[] = ['ignore', 'pipe', 'pipe']

/** Starts the client and follows it until it is parked in /next with no event left, or has ended. */
export async function runClient(run: Run): Promise<Result> {
  const task = writeTask(run)
  const api = await startApi(run)
  const frames = speaksFrames() && !otherClient
  const client = otherClient
    ? [...otherClient.slice(0, -1), run.handler ?? 'index.handler']
    : [...bootstrap, ...(frames ? ['--frames=4'] : [])]
  const child = spawn(python, [...(run.flags ?? []), ...client], {
    cwd: task,
    env: environment(run, task, api.authority),
    stdio: [...fixedStdio, run.extraFd ? 'pipe' : 'ignore', frames ? 'pipe' : 'ignore'],
  })
  if (frames) api.attach(child.stdio[4] as Duplex)
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const output = { stdout: '', stderr: '' }
  const extra: Buffer[] = []
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  child.stdio[3]?.on('data', (chunk: Buffer) => extra.push(chunk))
  const seen = async (stream: 'stdout' | 'stderr', pattern: RegExp) => {
    while (!pattern.test(output[stream])) {
      const source = child[stream]
      if (source === null || source.readableEnded)
        throw new Error(`${stream} ended: ${output[stream]}`)
      await Promise.race([once(source, 'data'), once(source, 'end')])
    }
  }
  const { requests, hangUp, deliver, requested } = api
  const parked = api.parked.then(async () => {
    await run.whenParked?.({ child, requests, seen, hangUp, deliver, requested })
    return 'parked' as const
  })
  const first = await Promise.race([parked, closed.then(() => 'closed' as const)])
  const alive = first === 'parked' && child.exitCode === null && child.signalCode === null
  if (alive) child.kill('SIGKILL')
  const [code, signal] = await closed
  api.close()
  rmSync(task, { recursive: true })
  const posts = requests.filter((request) => request.line.startsWith('POST'))
  const end = alive ? 'alive' : (signal ?? code ?? 0)
  return { requests, posts, ...output, extra: Buffer.concat(extra), end, task }
}

/** One line of a table: what goes in, and everything that must come out. */
export interface Row extends Run {
  readonly name: string
  /** `path body` of each POST (path from the id on), with <task> and TS for what varies. */
  readonly posts?: readonly (string | RegExp)[]
  readonly stdout?: string | RegExp
  readonly stderr?: string | RegExp
  readonly end?: Result['end']
}

/** Replaces what differs from run to run. */
export function normalized(text: string, task: string): string {
  return text
    .replaceAll(task, '<task>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'TS')
    .replace(/"timestamp": "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/g, '"timestamp": "TS"')
    .replace(/\[\d{13}\]/g, '[MS]')
}

/** Runs a table, four processes at a time; one test a row. */
export function table(rows: readonly Row[]): void {
  const lanes = [0, 1, 2, 3].map(() => Promise.resolve())
  const results = rows.map((row, index) => {
    const lane = index % lanes.length
    const result = (lanes[lane] ?? Promise.resolve()).then(() => runClient(row))
    lanes[lane] = result.then(
      () => {},
      () => {}, // the row's own test reports it
    )
    return result
  })
  for (const [index, row] of rows.entries()) {
    t.test(row.name, async (t) => {
      const result = await results[index]
      if (result === undefined) throw new Error('the row did not run')
      const posts = result.posts.map((post) => {
        const path = post.line.split(' ')[1]?.replace(/^\/2018-06-01\/runtime\/(invocation\/)?/, '')
        return normalized(`${path} ${post.body.toString('utf8')}`, result.task)
      })
      t.equal(posts.length, row.posts?.length ?? 0, 'how many posts')
      const check = (found: string, wanted: string | RegExp, what: string) => {
        if (typeof wanted === 'string') t.equal(found, wanted, what)
        else t.match(found, wanted, what)
      }
      for (const [index, wanted] of (row.posts ?? []).entries()) {
        check(posts[index] ?? '', wanted, 'what was posted')
      }
      check(normalized(result.stdout, result.task), row.stdout ?? '', 'standard output')
      check(normalized(result.stderr, result.task), row.stderr ?? '', 'standard error')
      t.equal(result.end, row.end ?? 'alive', 'how it ended')
    })
  }
}

/** The log of an error in text format: carriage returns between lines, no-break spaces for indents. */
export function errorLog(title: string, ...stack: readonly string[]): string {
  const lines = stack.flatMap((text) => text.replace(/\n$/, '').split('\n'))
  const indented = lines.map((line) =>
    line.replace(/^ +/, (spaces) => '\u00a0'.repeat(spaces.length)),
  )
  return `${[`[ERROR] ${title}`, 'Traceback (most recent call last):', ...indented].join('\r')}\n`
}

/** One element of a stack trace. */
export function frame(
  line: number,
  name: string,
  source: string,
  file = '<task>/index.py',
): string {
  return `  File "${file}", line ${line}, in ${name}\n    ${source}\n`
}

/** An error body as Python writes it. */
export function errorBody(
  type: string,
  message: string,
  stack: readonly string[],
  id = 'ID1',
): string {
  const texts = stack.map((text) => JSON.stringify(text)).join(', ')
  const fields = `"errorMessage": ${JSON.stringify(message)}, "errorType": "${type}"`
  return `{${fields}, "requestId": "${id}", "stackTrace": [${texts}]}`
}
