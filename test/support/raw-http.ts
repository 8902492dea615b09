// An HTTP/1.1 client that sends exactly the bytes it is given and reads one answer, or all that comes.

import { connect, type Socket } from 'node:net'

export type HeaderList = readonly (readonly [name: string, value: string])[]

export interface RawRequest {
  readonly method: string
  /** As sent, one character a byte. */
  readonly target: string
  /** All of them, in order, one character a byte: nothing is added. */
  readonly headers: HeaderList
  readonly body?: Buffer
}

export interface RawAnswer {
  readonly status: number
  readonly reason: string
  /** As they came, one character a byte. */
  readonly headers: HeaderList
  /** Without its transfer encoding. */
  readonly body: Buffer
}

export function requestBytes({ method, target, headers, body }: RawRequest): Buffer {
  const fields = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${fields}\r\n`, 'latin1')
  return body === undefined ? head : Buffer.concat([head, body])
}

/** A body in chunks of `size` bytes. */
export function inChunks(body: Buffer, size: number): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size)
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'))
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

/** The values of a header, in order. */
export function valuesOf({ headers }: Pick<RawAnswer, 'headers'>, name: string): string[] {
  return headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value)
}

/**
 * Sends a request on a connection of its own and resolves with the answer.
 * Rejects when the connection ends without a whole one, or when there is none after 30 s.
 */
export function ask(port: number, request: RawRequest): Promise<RawAnswer> {
  const read = answerReader(request.method)
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    const give = (answer: RawAnswer) => {
      resolve(answer)
      socket.destroy()
    }
    const fail = (error: Error) => {
      reject(new Error(`${request.method} ${request.target.slice(0, 80)}: ${error.message}`))
      socket.destroy()
    }
    socket.setTimeout(30_000, () => fail(new Error('no whole answer within 30 s')))
    // A server that refuses a body may close before it has read it: what it said counts.
    let broken: Error | undefined
    socket.on('error', (error) => {
      broken = error
    })
    socket.on('data', (chunk: Buffer) => {
      const answer = read(chunk, false)
      if (answer !== undefined) give(answer)
    })
    socket.on('close', () => {
      const answer = read(Buffer.alloc(0), true)
      if (answer !== undefined) resolve(answer)
      else fail(broken ?? new Error('the connection ended without an answer'))
    })
    socket.write(requestBytes(request))
  })
}

export interface Conversation {
  readonly socket: Socket
  /** All that came so far, one character a byte. */
  text(): string
  /** Resolves when this has come; rejects when the connection ends without it. */
  came(text: string): Promise<void>
  /** Resolves with all that came when the other side has ended or broken the connection. */
  readonly ended: Promise<string>
}

/** Sends bytes and listens until the other side ends the connection. Breaks are ends too. */
export function converse(port: number, bytes: Buffer | string): Conversation {
  let text = ''
  let over = false
  const waiting = new Set<() => void>()
  const look = () => {
    for (const each of waiting) each()
  }
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    look()
  })
  const ended = new Promise<string>((resolve) => {
    const end = () => {
      over = true
      look()
      resolve(text)
      socket.destroy()
    }
    // A reset comes as an error, and then the connection is closed.
    socket.on('error', () => undefined)
    socket.on('end', end)
    socket.on('close', end)
  })
  const came = (wanted: string) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (!text.includes(wanted) && !over) return
        waiting.delete(check)
        if (text.includes(wanted)) resolve()
        else
          reject(new Error(`${JSON.stringify(wanted)} did not come, but ${JSON.stringify(text)}`))
      }
      waiting.add(check)
      check()
    })
  return { socket, text: () => text, came, ended }
}

type Reader = (chunk: Buffer, over: boolean) => RawAnswer | undefined

/** Takes what comes, and gives the answer once it is whole. Interim answers (1xx) are passed over. */
export function answerReader(method: string): Reader {
  let bytes = Buffer.alloc(0)
  let head: Omit<RawAnswer, 'body'> | undefined
  return (chunk, over) => {
    bytes = Buffer.concat([bytes, chunk])
    while (head === undefined) {
      const end = bytes.indexOf('\r\n\r\n')
      if (end < 0) return undefined
      const read = readHead(bytes.subarray(0, end).toString('latin1'))
      bytes = bytes.subarray(end + 4)
      if (read.status >= 200 || read.status === 101) head = read
    }
    const body = wholeBody(method, head, bytes, over)
    return body === undefined ? undefined : { ...head, body }
  }
}

function readHead(text: string): Omit<RawAnswer, 'body'> {
  const [first = '', ...fields] = text.split('\r\n')
  const found = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(first)
  if (found === null) throw new Error(`not an HTTP answer: ${JSON.stringify(first)}`)
  const headers = fields.map((field): readonly [string, string] => {
    const colon = field.indexOf(':')
    return [field.slice(0, colon), field.slice(colon + 1).trim()]
  })
  return { status: Number(found[1]), reason: found[2] ?? '', headers }
}

function wholeBody(
  method: string,
  head: Omit<RawAnswer, 'body'>,
  bytes: Buffer,
  over: boolean,
): Buffer | undefined {
  const { status } = head
  if (method === 'HEAD' || status === 101 || status === 204 || status === 304)
    return Buffer.alloc(0)
  if (valuesOf(head, 'transfer-encoding').includes('chunked')) return unchunked(bytes)
  const [length] = valuesOf(head, 'content-length')
  if (length === undefined) return over ? bytes : undefined
  return bytes.length >= Number(length) ? bytes.subarray(0, Number(length)) : undefined
}

function unchunked(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const size = Number.parseInt(bytes.subarray(at, end).toString('latin1'), 16)
    const next = end + 2 + size + 2
    if (bytes.length < next) return undefined
    if (size === 0) return Buffer.concat(parts)
    parts.push(bytes.subarray(end + 2, end + 2 + size))
    at = next
  }
}
