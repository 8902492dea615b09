// A streaming function whose event says what it does, and a gate at which it waits for its test.

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** `exports.handler` streams as its event says; `exports.plain` answers whole. */
export const streamingSource = `
const { once } = require('node:events')
const gate = (url) => new Promise((resolve, reject) =>
  require('node:http').get(url, (answer) => answer.resume().on('end', resolve)).on('error', reject))
const written = (stream, piece) => new Promise((resolve, reject) => stream.write(piece, (error) => error ? reject(error) : resolve()))
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.contentType) stream.setContentType(event.contentType)
  if (event.wait === 'before') await gate(event.gate)
  if (event.last === 'throw-before') throw new TypeError('before the first byte')
  if (event.stamp) await written(stream, String(performance.timeOrigin + performance.now()) + ' ')
  for (const piece of event.pieces ?? []) await written(stream, piece)
  if (event.wait === 'after') await gate(event.gate)
  if (event.bytes) {
    const block = Buffer.alloc(event.blockBytes ?? 65536, 120)
    for (let sent = 0; sent < event.bytes; sent += block.length) {
      if (stream.write(block.subarray(0, Math.min(block.length, event.bytes - sent)))) continue
      const waits = setTimeout(() => console.log('blocked at', sent), 500)
      await once(stream, 'drain')
      clearTimeout(waits)
    }
  }
  switch (event.last) {
    case 'throw': throw new TypeError('after the first byte')
    case 'exit': process.exit(3)
    case 'kill': return void process.kill(process.pid, 'SIGKILL') ?? new Promise(() => {})
    case 'hang': await new Promise(() => setInterval(() => {}, 1000))
  }
  console.log('written to the end')
  stream.end()
})
exports.plain = async (event) => {
  if (event.last === 'throw') throw new TypeError('no stream at all')
  return { plain: true }
}`

export interface Gate {
  readonly url: string
  /** Resolves when somebody waits there. */
  arrived(): Promise<void>
  /** Lets everybody through who waits now. */
  open(): void
}

export async function openGate(t: Test): Promise<Gate> {
  const waiting = new Set<ServerResponse>()
  let tell = () => {}
  const server = createServer((_request, response) => {
    waiting.add(response)
    response.once('close', () => waiting.delete(response))
    tell()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    arrived: () =>
      new Promise((resolve) => {
        tell = resolve
        if (waiting.size > 0) resolve()
      }),
    open: () => {
      for (const response of waiting) response.end()
      waiting.clear()
    },
  }
}
