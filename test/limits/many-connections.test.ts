// Thousands of connections beside the ones that matter: the gateway serves the next request, and ends none that waits for its answer.

import { once } from 'node:events'
import type { Socket } from 'node:net'
import t from 'tap'
import { httpApi, lambda, open, openGateway, restApi } from '../gateway/stage.js'

// Only against hanging.
t.setTimeout(400_000)

/** How many are being opened at a time: below every listener's backlog. */
const LANES = 64

/** Opens so many connections and sends on each what is due to its number. */
async function connectMany(
  port: number,
  count: number,
  bytesOf: (index: number) => string,
): Promise<readonly Socket[]> {
  const sockets: Socket[] = []
  const lane = async () => {
    while (sockets.length < count) {
      const socket = open(port)
      const index = sockets.push(socket) - 1
      await once(socket, 'connect')
      // Whatever ends it later is the gateway's affair.
      socket.on('error', () => {})
      const bytes = bytesOf(index)
      if (bytes !== '') socket.write(bytes)
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return sockets
}

t.test(
  'ten thousand connections that send nothing, or half of something, stop no request',
  async (t) => {
    const stage = await openGateway(t, { apis: [restApi({ '/{proxy+}': { ANY: lambda() } })] })
    const halves = [
      '',
      'GET /Prod/x HTTP/1.1\r\nHost: loc',
      'POST /Prod/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc',
    ]
    const idle = await connectMany(
      stage.port,
      10_000,
      (index) => halves[index % halves.length] ?? '',
    )
    for (let count = 0; count < 20; count += 1) {
      t.equal((await stage.send({ target: '/Prod/x' })).status, 200)
    }
    for (const socket of idle) socket.destroy()
  },
)

t.test('a connection that waits for its answer outlives five thousand others', async (t) => {
  let finish = () => {}
  const stage = await openGateway(t, {
    apis: [httpApi({ $default: 'slow' })],
    functions: { slow: () => new Promise((resolve) => (finish = () => resolve('at last'))) },
  })
  const arrived = stage.nextEvent()
  const reply = stage.send({})
  await arrived
  const idle = await connectMany(stage.port, 5_000, () => '')
  finish()
  t.equal((await reply).text, 'at last')
  for (const socket of idle) socket.destroy()
})
