// The keys of `start` on a terminal: what each prints or asks of the daemon, which is a real HTTP server here.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { EnvironmentSummary } from '../../src/admin/contract.js'
import { listenToKeys } from '../../src/cli/hot-keys.js'
import { createStyle } from '../../src/cli/text.js'
import { type FakeWish, fakeEmulator, orders } from './fake-emulator.js'
import { stage } from './stage.js'

const environment: EnvironmentSummary = {
  id: 'e1',
  functionName: 'orders',
  phase: 'ready',
  suspension: 'running',
  sinceMs: 0,
  memoryMb: 128,
  invocations: 1,
  pids: [7],
  logStreamName: 's',
}

async function keyboard(t: Test, wish: FakeWish = {}) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    if (request.url === '/environments') {
      const frozen = { ...environment, id: 'e2', suspension: 'frozen' }
      return response.end(JSON.stringify([environment, frozen]))
    }
    if (request.url?.endsWith('/invocations')) return response.end('{"answer":"\u001b[2J"}')
    return response.end(JSON.stringify(environment))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { emulator } = fakeEmulator({
    functions: [orders, { ...orders, functionName: 'second' }],
    ...wish,
    changes: { adminUrl: url, lambdaUrl: url, ...wish.changes },
  })
  const printed: string[] = []
  let wake: () => void = () => {}
  const print = (lines: readonly string[]) => {
    printed.push(...lines)
    wake()
  }
  let press: (key: string) => void = () => {}
  let interrupts = 0
  const terminal = stage({
    onKey: (listener) => {
      press = listener
      return () => {}
    },
  })
  const keys = listenToKeys({
    emulator,
    terminal,
    page: { columns: 100, style: createStyle(false) },
    print,
    interrupt: () => {
      interrupts += 1
    },
  })
  /** Presses it and waits for the first thing that is printed. */
  const pressed = async (key: string) => {
    printed.length = 0
    const said = new Promise<void>((resolve) => {
      wake = resolve
    })
    press(key)
    await said
    return printed.join('\n')
  }
  return {
    keys,
    asked,
    pressed,
    press: (key: string) => press(key),
    terminal,
    interrupts: () => interrupts,
  }
}

t.test('only keys that do something here are shown', async (t) => {
  const shown = async (wish: FakeWish) =>
    (await keyboard(t, wish)).keys?.shown.map(({ key }) => key).join('')
  t.equal(await shown({}), 'ilefc?q')
  t.equal(await shown({ functions: [] }), 'efc?q')
  const warning = { code: 'W_UNRESOLVED', property: 'P', message: 'm' }
  const reload = { reload: async () => {} }
  t.equal(await shown({ warnings: [warning], changes: reload }), 'ilefwrc?q')
  const freezer = {
    backend: 'none',
    wanted: null,
    reason: '',
    escapes: [],
    network: false,
  } as const
  t.equal(await shown({ status: { freezer } }), 'ilec?q')
})

t.test('without a keyboard there are no keys', async (t) => {
  const { emulator } = fakeEmulator()
  const parts = { page: { columns: 80, style: createStyle(false) }, print: () => {} }
  t.equal(listenToKeys({ emulator, terminal: stage(), ...parts, interrupt: () => {} }), undefined)
})

t.test('i invokes the function that was called last, or else the first', async (t) => {
  const { keys, asked, pressed } = await keyboard(t)
  t.equal(await pressed('i'), '  orders answered {"answer":"\\x1b[2J"}')
  keys?.heard({ atMs: 0, kind: 'invocation.ended', functionName: 'second' })
  await pressed('i')
  t.same(asked, [
    'POST /2015-03-31/functions/orders/invocations',
    'POST /2015-03-31/functions/second/invocations',
  ])
})

t.test('l, e, w and ? print what the verbs print', async (t) => {
  const warning = { code: 'W_UNRESOLVED', property: 'P', message: 'm' }
  const { pressed } = await keyboard(t, { warnings: [warning] })
  t.match(await pressed('l'), /FUNCTION.*\norders .*\nsecond /s)
  t.match(await pressed('e'), /ENV .*\ne1 .* running .*\ne2 .* frozen /s)
  t.match(await pressed('w'), /! W_UNRESOLVED P: m/)
  t.match(await pressed('?'), /\[i\] invoke/)
})

t.test('f freezes what is idle and running, and nothing else', async (t) => {
  const { asked, press } = await keyboard(t)
  press('f')
  while (asked.length < 2) await new Promise((resolve) => setImmediate(resolve))
  t.same(asked, ['GET /environments', 'POST /environments/e1/freeze'])
})

t.test('r reloads, c clears, q and Ctrl-C stop, others do nothing', async (t) => {
  let reloads = 0
  const reload = async () => {
    reloads += 1
  }
  const { press, pressed, terminal, interrupts } = await keyboard(t, { changes: { reload } })
  t.equal(await pressed('r'), '  nothing has changed')
  t.equal(reloads, 1)
  press('c')
  t.equal(terminal.out(), '\u001b[2J\u001b[3J\u001b[H')
  press('x')
  press('\u001b')
  t.equal(interrupts(), 0)
  press('q')
  press('\u0003')
  t.equal(interrupts(), 2)
})

t.test('a key that fails says why in one line', async (t) => {
  const { pressed } = await keyboard(t, { changes: { adminUrl: 'http://127.0.0.1:9' } })
  t.match(await pressed('e'), /^ {2}the daemon at http:\/\/127\.0\.0\.1:9 does not answer/)
})
