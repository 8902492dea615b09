// The floor: the least that puts a function into processes of its own. Requests and frames are read as the emulator reads them,
// the runtime is its own; no API, limits, logs, journal, freezing or checks. Words: how many processes, code folder, handler.

import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { HttpExchange } from '../../src/http/exchange.js'
import { FastConnection } from '../../src/http/fast/connection.js'
import { FrameReader, frameBytes, frameKinds } from '../../src/runtime-api/frames.js'
import { bootstrapFile } from '../places.js'

const [processes = '1', codeFolder = '', handler = ''] = process.argv.slice(2)
const waiting: { readonly exchange: HttpExchange; readonly body: Buffer }[] = []
/** Runtimes that have asked for an event; who asked last is given the next one. */
const idle: Runtime[] = []

class Runtime {
  #caller: HttpExchange | undefined
  readonly #connection: Socket

  constructor() {
    const env = {
      PATH: process.env.PATH,
      AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x',
      AWS_LAMBDA_FUNCTION_NAME: 'floor',
      LAMBDA_TASK_ROOT: codeFolder,
      _HANDLER: handler,
    }
    const child = spawn(process.execPath, [bootstrapFile, '--frames=3'], {
      cwd: codeFolder,
      env,
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    })
    child.on('exit', (code) => process.exit(code ?? 1))
    process.on('disconnect', () => child.kill('SIGKILL'))
    this.#connection = child.stdio[3] as Socket
    const reader = new FrameReader({
      bodyBytesMax: () => 8 * 1024 * 1024,
      onFrame: ({ kind, body }) => {
        if (kind === frameKinds.response) this.#answer(body ?? Buffer.alloc(0))
        else if (kind !== frameKinds.next) throw new Error(`the runtime says ${body?.toString()}`)
        idle.push(this)
        if (idle.length === Number(processes)) process.send?.({ port })
        deliver()
      },
    })
    this.#connection.on('data', (bytes: Buffer) => reader.feed(bytes))
  }

  run(exchange: HttpExchange, body: Buffer): void {
    this.#caller = exchange
    const head = [
      `lambda-runtime-aws-request-id:${randomUUID()}`,
      `lambda-runtime-deadline-ms:${Date.now() + 30_000}`,
      'lambda-runtime-invoked-function-arn:arn:aws:lambda:us-east-1:000000000000:function:floor',
    ].join('\n')
    for (const bytes of frameBytes(frameKinds.event, 0, head, body)) this.#connection.write(bytes)
  }

  #answer(body: Buffer): void {
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    this.#caller?.answer(200, headers, body)
    this.#caller = undefined
  }
}

function deliver(): void {
  while (waiting.length > 0 && idle.length > 0) {
    const next = waiting.shift()
    if (next !== undefined) idle.pop()?.run(next.exchange, next.body)
  }
}

const server = createServer({ noDelay: true }, (socket) => {
  new FastConnection(socket, {
    onExchange: (exchange) =>
      exchange.readBody(8 * 1024 * 1024, (body) => {
        if (typeof body === 'string') return
        waiting.push({ exchange, body })
        deliver()
      }),
    date: () => 'Thu, 01 Jan 1970 00:00:00 GMT',
    handOver: () => {
      throw new Error('a request of the bench is an ordinary one')
    },
  })
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo
for (let made = 0; made < Number(processes); made += 1) new Runtime()
