// An extension in Node that lives in the function's process, takes telemetry on a port of its own, and shows what it got.

import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import type { WrittenFunction } from '../support/in-process.js'

export interface Record {
  readonly time: string
  readonly type: string
  readonly record: { readonly [name: string]: unknown } | string
}

/** A port on which nobody listens now: all environments share the machine's loopback. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** What a handler may be asked: to write, to wait, to subscribe, and then to show. */
export interface Asked {
  readonly write?: string
  readonly times?: number
  readonly waitFor?: string
  readonly subscribe?: boolean
  readonly sleep?: boolean
  /** From now on requests get no answer, or get one again. */
  readonly deaf?: boolean
}

const agentCode = `
import { lookup } from 'node:dns/promises'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { once } from 'node:events'
const got = []
let deaf = false
const held = []
const { PORT, WISH, API } = process.env
const base = 'http://' + process.env.AWS_LAMBDA_RUNTIME_API
const take = (text) => { got.push(...text.split('\\n').filter(Boolean).flatMap((line) => JSON.parse(line))) }
const server = WISH.includes('"TCP"')
  ? createTcpServer((socket) => {
      let rest = ''
      socket.on('data', (piece) => {
        rest += piece
        const end = rest.lastIndexOf('\\n') + 1
        take(rest.slice(0, end))
        rest = rest.slice(end)
      })
    })
  : createServer((request, response) => {
      const pieces = []
      request.on('data', (piece) => pieces.push(piece))
      request.on('end', () => {
        take(Buffer.concat(pieces).toString())
        if (deaf) held.push(response)
        else response.end()
      })
    })
// Where the environment has no root of its own, the name is not known.
const address = await lookup('sandbox.localdomain').then((found) => found.address, () => '127.0.0.1')
await new Promise((resolve) => server.listen(Number(PORT), address, resolve))
const registered = await fetch(base + '/2020-01-01/extension/register', {
  method: 'POST', headers: { 'lambda-extension-name': 'inner' }, body: '{"events":[]}',
})
const headers = { 'lambda-extension-identifier': registered.headers.get('lambda-extension-identifier') }
const subscribe = async () => {
  const answer = await fetch(base + API, { method: 'PUT', headers, body: WISH })
  return [answer.status, await answer.json()]
}
const answered = await subscribe()
void fetch(base + '/2020-01-01/extension/event/next', { headers })
export const handler = async (event) => {
  if (event.deaf !== undefined) deaf = event.deaf
  if (!deaf) for (const response of held.splice(0)) response.end()
  if (event.sleep) await new Promise((resolve) => setTimeout(resolve, 60_000))
  for (let at = 0; at < (event.times ?? 1); at += 1)
    if (event.write !== undefined && !process.stdout.write(event.write.replace('#', at) + '\\n'))
      await once(process.stdout, 'drain')
  const again = event.subscribe ? await subscribe() : undefined
  while (event.waitFor !== undefined && !JSON.stringify(got).includes(event.waitFor))
    await new Promise((resolve) => setTimeout(resolve, 5))
  return { got: got.splice(0), answered, again }
}
`

export interface AgentWish {
  readonly port: number
  readonly api?: 'telemetry' | 'logs'
  readonly schemaVersion?: string
  readonly types?: readonly string[]
  readonly protocol?: 'HTTP' | 'TCP'
}

const paths = { telemetry: '/2022-07-01/telemetry', logs: '/2020-08-15/logs' }

export function functionWithAgent(
  wish: AgentWish,
  more: Partial<WrittenFunction> = {},
): WrittenFunction {
  const { port, api = 'telemetry', schemaVersion = '2022-12-13', protocol = 'HTTP' } = wish
  const { types = ['platform', 'function', 'extension'] } = wish
  const subscription = {
    schemaVersion,
    types,
    buffering: { maxItems: 1_000, maxBytes: 262_144, timeoutMs: 25 },
    destination:
      protocol === 'TCP'
        ? { protocol, port }
        : { protocol, URI: `http://sandbox.localdomain:${port}/told` },
  }
  const environment = {
    PORT: String(port),
    API: paths[api],
    WISH: JSON.stringify(subscription),
  }
  return { files: { 'index.mjs': agentCode }, environment, ...more }
}
