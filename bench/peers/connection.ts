// One kept-alive HTTP/1.1 connection for the load: as little work for each request as possible, the same for every tool.
import { connect, type Socket } from 'node:net'
import type { Call, Reply } from './tool.js'

const headEnd = Buffer.from('\r\n\r\n')

/** A connection to a port on loopback; one call at a time, opened anew when the server closed it. */
export class Connection {
  readonly #port: number
  #socket: Socket | undefined
  #received: Buffer = Buffer.alloc(0)
  #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined

  constructor(port: number) {
    this.#port = port
  }

  /** Sends a call and resolves with its answer; rejects when the connection fails before the whole answer is in. */
  async send(call: Call): Promise<Reply> {
    const socket = this.#socket ?? (await this.#open())
    return await new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      socket.write(requestText(call))
    })
  }

  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  async #open(): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    socket.on('data', (part) => this.#take(part))
    socket.on('error', () => {})
    socket.on('close', () => this.#lose(socket))
    this.#received = Buffer.alloc(0)
    this.#socket = socket
    return socket
  }

  #lose(socket: Socket): void {
    if (this.#socket === socket) this.#socket = undefined
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(new Error('the server closed the connection before it answered'))
  }

  #take(part: Buffer): void {
    this.#received = this.#received.length === 0 ? part : Buffer.concat([this.#received, part])
    const reply = parse(this.#received)
    if (!reply) return
    this.#received = Buffer.alloc(0)
    if (/^connection: *close/im.test(reply.head)) this.close()
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(reply)
  }
}

function requestText({ method, path, body }: Call): string {
  const length = Buffer.byteLength(body)
  return `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`
}

/** The answer, once it is whole. */
function parse(received: Buffer): Reply | undefined {
  const end = received.indexOf(headEnd)
  if (end < 0) return undefined
  const head = received.toString('latin1', 0, end)
  const status = Number(head.slice(9, 12))
  const rest = received.subarray(end + headEnd.length)
  const length = /^content-length: *(\d+)/im.exec(head)?.[1]
  if (length !== undefined) {
    if (rest.length < Number(length)) return undefined
    return { status, head, body: rest.toString('utf8', 0, Number(length)) }
  }
  const body = chunks(rest)
  return body === undefined ? undefined : { status, head, body }
}

/** A chunked body put together; undefined while its last chunk is not in. */
function chunks(rest: Buffer): string | undefined {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(rest.toString('latin1', at, lineEnd), 16)
    if (size === 0) return Buffer.concat(parts).toString('utf8')
    const start = lineEnd + 2
    if (rest.length < start + size + 2) return undefined
    parts.push(rest.subarray(start, start + size))
    at = start + size + 2
  }
}

/** Sends one call on a connection of its own. */
export async function sendOnce(port: number, call: Call): Promise<Reply> {
  const connection = new Connection(port)
  try {
    return await connection.send(call)
  } finally {
    connection.close()
  }
}
