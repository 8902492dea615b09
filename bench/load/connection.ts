// One keep-alive HTTP/1.1 connection over a bare socket: as little work for a call as can be, and every answer checked.

import { connect, type Socket } from 'node:net'
import type { Target } from './protocol.js'

const headEnd = Buffer.from('\r\n\r\n')
const lastChunk = Buffer.from('0\r\n\r\n')

interface Pending {
  readonly answered: (body: Buffer) => void
  readonly failed: (error: Error) => void
}

/** The whole request, to be made once. */
export function requestOf({ host, port, path, body }: Target): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: ${host}:${port}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}

export class Connection {
  readonly #socket: Socket
  #pending: Pending | undefined
  #read: Buffer = Buffer.alloc(0)
  #broken: Error | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('the connection was closed')))
  }

  static open({ host, port }: Target): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port })
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.off('error', reject)
        resolve(new Connection(socket))
      })
    })
  }

  get usable(): boolean {
    return this.#broken === undefined
  }

  /** One at a time. `failed` is called for whatever is not 200 or is an error of the function. */
  call(request: Buffer, answered: Pending['answered'], failed: Pending['failed']): void {
    if (this.#broken !== undefined) return failed(this.#broken)
    this.#pending = { answered, failed }
    this.#socket.write(request)
  }

  close(): void {
    this.#pending = undefined
    this.#socket.destroy()
  }

  #fail(error: Error): void {
    this.#broken ??= error
    this.#pending?.failed(error)
    this.#pending = undefined
  }

  #take(chunk: Buffer): void {
    this.#read = this.#read.length === 0 ? chunk : Buffer.concat([this.#read, chunk])
    const bodyAt = this.#read.indexOf(headEnd) + headEnd.length
    if (bodyAt < headEnd.length) return
    const head = this.#read.toString('latin1', 0, bodyAt)
    const body = this.#bodyOf(head, bodyAt)
    if (body === undefined) return
    this.#read = Buffer.alloc(0)
    const pending = this.#pending
    this.#pending = undefined
    if (head.startsWith('HTTP/1.1 200') && !/\r\nx-amz-function-error:/i.test(head))
      return pending?.answered(body)
    const says = `${head.slice(0, head.indexOf('\r\n'))}: ${body.toString().slice(0, 300)}`
    pending?.failed(new Error(says))
  }

  /** Undefined until it is there whole. */
  #bodyOf(head: string, at: number): Buffer | undefined {
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
    if (length !== undefined) {
      const end = at + Number(length)
      return this.#read.length < end ? undefined : this.#read.subarray(at, end)
    }
    const body = this.#read.subarray(at)
    return body.subarray(-lastChunk.length).equals(lastChunk) ? joined(body) : undefined
  }
}

/** A whole chunked body without its sizes. */
function joined(body: Buffer): Buffer {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const lineEnd = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16)
    if (!(size > 0)) return Buffer.concat(parts)
    parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = lineEnd + 2 + size + 2
  }
}
