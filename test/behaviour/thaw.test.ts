// What code meets after a thaw: timers that were due, connections that were closed meanwhile. Real freezes, a real server.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { frozenBy } from '../modes/outside.js'
import { nowMs, until } from '../support/daemon.js'
import { type RunningEmulator, startWith, type WrittenFunction } from '../support/in-process.js'

// Only against hanging.
t.setTimeout(120_000)

/** Between two ticks of every timer. */
const everyMs = 100
/** Long enough for a timer that catches up to be told from one that does not. */
const frozenMs = 1_500

const nodeTimers = `
const ticks = { interval: [], chain: [], once: [], signal: [] }
const now = () => performance.timeOrigin + performance.now()
let clocks
exports.handler = async ({ everyMs }) => {
  if (clocks === undefined) {
    setInterval(() => ticks.interval.push(now()), everyMs)
    const chain = () => setTimeout(() => { ticks.chain.push(now()); chain() }, everyMs)
    chain()
    setTimeout(() => ticks.once.push(now()), everyMs)
    AbortSignal.timeout(everyMs).addEventListener('abort', () => ticks.signal.push(now()))
    clocks = { wallMs: Date.now(), monotonicMs: performance.now() }
    return
  }
  const passed = { wallMs: Date.now() - clocks.wallMs, monotonicMs: performance.now() - clocks.monotonicMs }
  await new Promise((resolve) => setTimeout(resolve, everyMs))
  return { ticks, passed }
}`

const pythonTimers = `
import threading, time
ticks = {'timer': [], 'sleep': [], 'deadline': []}
clocks = None

def note(name):
    ticks[name].append(time.time() * 1000)

def handler(event, context):
    global clocks
    every = event['everyMs'] / 1000
    if clocks is None:
        def chain():
            note('timer')
            again()
        def again():
            timer = threading.Timer(every, chain)
            timer.daemon = True
            timer.start()
        def sleeps():
            while True:
                time.sleep(every)
                note('sleep')
        def keeps_up():
            due = time.monotonic()
            while True:
                due += every
                time.sleep(max(0, due - time.monotonic()))
                note('deadline')
        again()
        for loop in (sleeps, keeps_up):
            threading.Thread(target=loop, daemon=True).start()
        clocks = (time.time(), time.monotonic())
        return
    passed = {'wallMs': (time.time() - clocks[0]) * 1000, 'monotonicMs': (time.monotonic() - clocks[1]) * 1000}
    time.sleep(every)
    return {'ticks': ticks, 'passed': passed}
`

const nodeClient = `
const http = require('node:http'), net = require('node:net')
const agent = new http.Agent({ keepAlive: true })
let raw
const get = (port) => new Promise((resolve) => {
  const request = http.get({ host: '127.0.0.1', port, agent, path: '/' }, (answer) => {
    answer.resume().on('end', () => resolve({ status: answer.statusCode, reused: request.reusedSocket }))
  })
  request.on('error', ({ code, message }) => resolve({ code, message, reused: request.reusedSocket }))
})
exports.handler = ({ port }) => get(port)
`

const pythonClient = `
import http.client, socket
connection = None
def request():
    connection.sendall(b'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')
def handler(event, context):
    global connection
    if event['what'] == 'http':
        if connection is None:
            connection = http.client.HTTPConnection('127.0.0.1', event['port'])
        try:
            connection.request('GET', '/')
            return connection.getresponse().read().decode()
        except Exception as error:
            connection = None
            return type(error).__name__
    if connection is None:
        connection = socket.create_connection(('127.0.0.1', event['port']))
        request()
        return connection.recv(1000).decode()[-2:]
    told = []
    for attempt in range(2):
        try:
            request()
            told.append('sent')
            told.append(len(connection.recv(1000)))
        except OSError as error:
            told.append(type(error).__name__)
    connection.close()
    connection = None
    return told
`

const functions: Readonly<Record<string, WrittenFunction>> = {
  nodeTimers: { files: { 'index.js': nodeTimers } },
  node24Timers: { files: { 'index.js': nodeTimers }, runtime: 'nodejs24.x' },
  pythonTimers: { files: { 'app.py': pythonTimers }, runtime: 'python3.12' },
  nodeClient: { files: { 'index.js': nodeClient } },
  node24Client: { files: { 'index.js': nodeClient }, runtime: 'nodejs24.x' },
  pythonClient: { files: { 'app.py': pythonClient }, runtime: 'python3.12' },
  pythonHttp: { files: { 'app.py': pythonClient }, runtime: 'python3.12' },
}

/** Resolves when the kernel says that the function's only environment stands still. */
async function atRest({ emulator }: RunningEmulator, functionName: string): Promise<void> {
  await until(`${functionName} stands still`, () => {
    const found = emulator.environments().filter((each) => each.functionName === functionName)
    const [environment] = found
    if (environment === undefined || found.length > 1) return false
    return environment.suspension === 'frozen' && frozenBy(environment) !== undefined
  })
}

interface Told {
  readonly ticks: Readonly<Record<string, readonly number[]>>
  readonly passed: { readonly wallMs: number; readonly monotonicMs: number }
}

interface Thawed extends Told {
  /** From here on it stood still, until it was sent for. Epoch milliseconds. */
  readonly restAtMs: number
  readonly sentAtMs: number
}

/** How often it ticked in less than one period from its first tick after that time on. */
function burst(ticks: readonly number[], fromMs: number): number {
  const later = ticks.filter((atMs) => atMs >= fromMs)
  const [firstMs = 0] = later
  return later.filter((atMs) => atMs < firstMs + 0.9 * everyMs).length
}

t.test('timers after a freeze tick as on a machine that was paused', async (t) => {
  const emu = await startWith(t, functions)
  const thawed = async (name: string): Promise<Thawed> => {
    await emu.emulator.invoke(name, { everyMs })
    await atRest(emu, name)
    const restAtMs = nowMs()
    // The wait is the point.
    await sleep(frozenMs)
    const sentAtMs = nowMs()
    const { payload } = await emu.emulator.invoke(name, { everyMs })
    return { ...(payload as Told), restAtMs, sentAtMs }
  }
  const names = ['nodeTimers', 'node24Timers', 'pythonTimers']
  const all = await Promise.all(names.map(thawed))
  for (const [index, { ticks, passed, restAtMs, sentAtMs }] of all.entries()) {
    const name = names[index] ?? ''
    for (const [clock, ms] of Object.entries(passed))
      t.ok(ms >= frozenMs, `${name}: ${clock} went on in the freeze, ${ms.toFixed(0)} ms`)
    const drift = Math.abs(passed.wallMs - passed.monotonicMs)
    t.ok(drift < 50, `${name}: both clocks by the same, within ${drift.toFixed(1)} ms`)
    for (const [timer, times] of Object.entries(ticks)) {
      const meanwhile = times.filter((atMs) => atMs >= restAtMs && atMs < sentAtMs)
      t.same(meanwhile, [], `${name}: ${timer} never ticks in the freeze`)
      const firedBefore = times.some((atMs) => atMs < restAtMs)
      const count = burst(times, sentAtMs)
      if (timer === 'deadline')
        t.ok(count >= 0.8 * (frozenMs / everyMs), `${name}: ${timer} caught up: ${count}`)
      else if (!firedBefore || !['once', 'signal'].includes(timer))
        t.equal(count, 1, `${name}: ${timer} ticks once, and makes nothing up`)
    }
  }
})

interface Upstream {
  readonly port: number
  /** Ends all connections, by a FIN or by a reset, and waits until the clients' kernel knows. */
  hangUp(how: 'FIN' | 'RST'): Promise<void>
}

/** A server that answers every request with `ok`, keeps its connections and gives no hint how long. */
async function upstream(t: Test): Promise<Upstream> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return {
    port,
    async hangUp(how) {
      const open = [...sockets]
      if (open.length === 0) throw new Error('somebody is connected')
      const ports = open.map(({ remotePort = 0 }) => remotePort)
      for (const socket of open) {
        // Everything was read, so that this is a FIN.
        if (how === 'FIN') socket.destroy()
        else socket.resetAndDestroy()
      }
      await until('the clients know', () =>
        ports.every((client) => stateOf(client, port) === (how === 'FIN' ? closeWait : undefined)),
      )
    },
  }
}

/** Source: include/net/tcp_states.h of Linux. */
const closeWait = '08'

/** Of a client's end of a connection over loopback; undefined when there is none. Both ends name it: a port serves many. */
function stateOf(clientPort: number, serverPort: number): string | undefined {
  const [own, other] = [clientPort, serverPort].map(
    (port) => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`,
  )
  const lines = readFileSync('/proc/net/tcp', 'latin1').split('\n')
  const sockets = lines.map((line) => line.trim().split(/\s+/))
  return sockets.find(([, local, remote]) => local === own && remote === other)?.[3]
}

const rounds = 6

for (const name of ['nodeClient', 'node24Client']) {
  t.test(`${name}: a kept connection that was closed in the freeze fails each time`, async (t) => {
    const { port, hangUp } = await upstream(t)
    const emu = await startWith(t, functions)
    for (let round = 1; round <= rounds; round += 1) {
      const first = await emu.emulator.invoke(name, { port })
      t.same(first.payload, { status: 200, reused: false }, `round ${round}: a new connection`)
      const second = await emu.emulator.invoke(name, { port })
      t.same(second.payload, { status: 200, reused: true }, `round ${round}: the same again`)
      await atRest(emu, name)
      await hangUp('FIN')
      const { payload } = await emu.emulator.invoke(name, { port })
      const broken = { code: 'ECONNRESET', message: 'socket hang up', reused: true }
      t.same(payload, broken, `round ${round}: the pool did not know`)
    }
    t.equal(emu.emulator.environments().length, 1)
  })
}

t.test('a raw Python socket sends once, reads the end, and then breaks', async (t) => {
  const { port, hangUp } = await upstream(t)
  const emu = await startWith(t, functions)
  for (let round = 1; round <= rounds; round += 1) {
    const first = await emu.emulator.invoke('pythonClient', { port, what: 'raw' })
    t.equal(first.payload, 'ok', `round ${round}: connected`)
    await atRest(emu, 'pythonClient')
    await hangUp('FIN')
    const { payload } = await emu.emulator.invoke('pythonClient', { port, what: 'raw' })
    t.same(payload, ['sent', 0, 'BrokenPipeError'], `round ${round}: it finds out late`)
  }
})

t.test("Python's http.client finds the end of a kept connection, however it ended", async (t) => {
  const { port, hangUp } = await upstream(t)
  const emu = await startWith(t, functions)
  const errors = { FIN: 'RemoteDisconnected', RST: 'ConnectionResetError' } as const
  for (const how of ['FIN', 'RST'] as const) {
    for (let round = 1; round <= 3; round += 1) {
      const first = await emu.emulator.invoke('pythonHttp', { port, what: 'http' })
      t.equal(first.payload, 'ok', `${how}, round ${round}: connected`)
      await atRest(emu, 'pythonHttp')
      await hangUp(how)
      const { payload } = await emu.emulator.invoke('pythonHttp', { port, what: 'http' })
      t.equal(payload, errors[how], `${how}, round ${round}`)
    }
  }
})
