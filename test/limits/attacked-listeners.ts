// The listeners that hostile.test.ts attacks: the door of the HTTP APIs and Lambda's own API, on real sockets.

import type { Test } from 'tap'
import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { systemChance } from '../../src/clock/kernel.js'
import type { ApiDefinition } from '../../src/domain/api.js'
import { createGateway } from '../../src/gateway/gateway.js'
import { listen } from '../../src/http/server.js'
import { Journal } from '../../src/journal/journal.js'
import { startLambda } from '../aws/lambda-server.js'
import type { RawRequest } from '../support/raw-http.js'

export interface Listener {
  readonly port: number
  /** What Host says of it. */
  readonly host: string
  /** Answered with 200. */
  readonly ordinary: RawRequest
  /** Takes a body by POST. */
  readonly posted: string
  /** Whether a body that is too large is refused before it is whole, or read to its end first, as Lambda does. */
  readonly refusesEarly: boolean
  /** Bugs that it reported. */
  readonly troubles: readonly unknown[]
}

export interface ListenerStart {
  readonly what: string
  /** Whether it also meets the attacks that take long and concern what all listeners have in common. */
  readonly thorough: boolean
  start(t: Test): Promise<Listener>
}

const api: ApiDefinition = {
  kind: 'http',
  id: 'abcdefghij',
  logicalId: 'Attacked',
  name: 'attacked',
  stageName: '$default',
  routes: [
    {
      routeKey: '$default',
      target: {
        is: 'lambda',
        functionName: 'answers',
        payloadFormatVersion: '2.0',
        timeoutMs: 30_000,
      },
    },
  ],
}

async function startGateway(t: Test): Promise<Listener> {
  const troubles: unknown[] = []
  const clock = new EmulatorClock({ mode: 'real' })
  const answer = Buffer.from(JSON.stringify({ statusCode: 200, body: 'served' }))
  const app = createGateway({
    current: async () => {},
    apis: () => [api],
    caller: {
      call: async (_, { requestId }) => ({
        is: 'response',
        requestId,
        payload: answer,
        contentType: 'application/json',
      }),
    },
    clock,
    chance: systemChance,
    journal: new Journal(clock),
    accountId: '000000000000',
    stagePath: true,
    reportBug: (error) => troubles.push(error),
  })
  const { port } = await listen(app, { host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const host = `localhost:${port}`
  const ordinary = { method: 'GET', target: '/ordinary', headers: [['Host', host]] as const }
  return { port, host, ordinary, posted: '/ordinary', refusesEarly: true, troubles }
}

async function startLambdaApi(t: Test): Promise<Listener> {
  const troubles: unknown[] = []
  const { port } = await startLambda(
    t,
    {
      ListFunctions: async () => ({ Functions: [] }),
      Invoke: async () => ({ StatusCode: 200, Payload: Buffer.from('null') }),
    },
    { reportBug: (error) => troubles.push(error) },
  )
  const host = `localhost:${port}`
  const target = '/2015-03-31/functions'
  const ordinary = { method: 'GET', target, headers: [['Host', host]] as const }
  const posted = `${target}/any/invocations`
  return { port, host, ordinary, posted, refusesEarly: false, troubles }
}

export const listeners: readonly ListenerStart[] = [
  { what: 'of the HTTP APIs', thorough: true, start: startGateway },
  { what: 'of the Lambda API', thorough: false, start: startLambdaApi },
]
