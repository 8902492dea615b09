// --freeze-network: a peer that hangs up during the freeze is met only after the thaw, networks are kept apart, and nothing of them is left.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { nodeAgent, stage } from '../e2e/telemetry-stage.js'
import { familyOf, markName, nameOf } from '../faults/machine.js'
import { Traces } from '../faults/traces.js'
import { nowMs, startDaemon, until } from '../support/daemon.js'
import { fixtureFunctions } from '../support/functions.js'
import { startWith, temporaryFolder, writeProject } from '../support/in-process.js'
import { mode } from '../support/modes.js'
import {
  allFrozen,
  echoServer,
  keepersThere,
  linksThere,
  pythonSource,
  type SocketState,
  stateOfLink,
} from './network-stage.js'

// Only against hanging.
t.setTimeout(400_000)

const runtime = 'python3.12'
const f = { runtime, files: { 'app.py': pythonSource }, timeoutSeconds: 60 }
const other = { files: { 'index.js': 'exports.handler = async () => "the other"' } }
const fetchSource = `
exports.handler = async ({ port }) => {
  try {
    return await (await fetch('http://127.0.0.1:' + port)).text()
  } catch (error) {
    return error.message + ': ' + (error.cause?.code ?? error.cause)
  }
}`
/** A runtime that speaks HTTP by itself, over two connections. */
const bootstrap = readFileSync(join(fixtureFunctions, 'two-connections/bootstrap.cjs'), 'utf8')
const provided = {
  runtime: 'provided.al2023',
  handler: 'bootstrap',
  files: { bootstrap: `#!${process.execPath}\n${bootstrap}` },
}
/** The kernel of a peer sends again some 200 and 600 ms after the first time: the thaw comes in between. */
const betweenRepeatsMs = 300
const fixedPort = 8_089

function isNetworkGone(): boolean {
  return linksThere().length === 0 && keepersThere().length === 0
}

t.test('this machine has no network of an environment at the start', async (t) => {
  t.same([linksThere(), keepersThere()], [[], []])
})

for (const freeze of mode.freezers) {
  t.test(`with ${freeze}, a socket whose peer hung up during the freeze looks open`, async (t) => {
    const relayed = await echoServer(t, '127.0.0.1')
    const direct = await echoServer(t, '0.0.0.0')
    const emu = await startWith(t, { f }, { freeze, freezeNetwork: true, relay: [relayed.port] })
    const ports = { relayed: relayed.port, direct: direct.port }
    const connected = await emu.invoke('f', { what: 'connect', ports })
    t.same(JSON.parse(connected.text), { relayed: 'first', direct: 'first' }, connected.text)
    await allFrozen(emu)
    const [link = ''] = linksThere()
    await until('the link is down', () => stateOfLink(link) === 'down')
    relayed.hangUp()
    direct.hangUp()
    await sleep(betweenRepeatsMs)
    const used = await emu.invoke('f', { what: 'use' })
    const sockets = JSON.parse(used.text) as Record<string, SocketState>
    for (const [name, { state, sent, then }] of Object.entries(sockets)) {
      t.equal(state, 'ESTABLISHED', `${name}: nothing of the end has come`)
      t.equal(sent, 'sent', `${name}: what is sent seems to go`)
      t.match(then, /^(end|ConnectionResetError)$/, `${name}: then it fails`)
    }
    t.same(Object.keys(sockets), ['relayed', 'direct'])
    t.equal(stateOfLink(link), 'up')
    const again = await emu.invoke('f', { what: 'connect', ports })
    t.same(JSON.parse(again.text), { relayed: 'first', direct: 'first' }, 'and a new one works')
  })
}

t.test('what a peer says during the freeze comes after the thaw, and is not lost', async (t) => {
  const relayed = await echoServer(t, '127.0.0.1')
  const direct = await echoServer(t, '0.0.0.0')
  const emu = await startWith(t, { f }, { freezeNetwork: true, relay: [relayed.port] })
  const ports = { relayed: relayed.port, direct: direct.port }
  await emu.invoke('f', { what: 'connect', ports })
  await allFrozen(emu)
  const [link = ''] = linksThere()
  await until('the link is down', () => stateOfLink(link) === 'down')
  for (const server of [relayed, direct]) server.say('news')
  await sleep(betweenRepeatsMs)
  const { text } = await emu.invoke('f', { what: 'hear' })
  const late = ['BlockingIOError', 'news']
  t.same(JSON.parse(text), { relayed: late, direct: late })
})

t.test('without the option the same socket knows of the end at once', async (t) => {
  const server = await echoServer(t, '127.0.0.1')
  const emu = await startWith(t, { f })
  await emu.invoke('f', { what: 'connect', ports: { relayed: server.port } })
  await allFrozen(emu)
  t.same(linksThere(), [], 'no network is made')
  server.hangUp()
  await sleep(betweenRepeatsMs)
  const { text } = await emu.invoke('f', { what: 'use' })
  t.equal((JSON.parse(text) as { relayed: SocketState }).relayed.state, 'CLOSE_WAIT')
})

for (const freezeNetwork of [false, true]) {
  const outcome = freezeNetwork ? 'fails' : 'is answered on a new connection'
  t.test(`a fetch on a connection that ended in the freeze ${outcome}`, async (t) => {
    const server = createServer((_request, response) => response.end('served'))
    server.keepAliveTimeout = 60_000
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const { port } = server.address() as AddressInfo
    const files = { 'index.js': fetchSource }
    const emu = await startWith(t, { fetches: { files } }, { freezeNetwork, relay: [port] })
    t.equal((await emu.invoke('fetches', { port })).text, '"served"')
    for (let times = 0; times < 3; times += 1) {
      await allFrozen(emu)
      if (freezeNetwork) await until('down', () => linksThere().map(stateOfLink)[0] === 'down')
      server.closeAllConnections()
      await sleep(betweenRepeatsMs)
      const { text } = await emu.invoke('fetches', { port })
      t.match(JSON.parse(text), freezeNetwork ? /^fetch failed/ : /^served$/)
      t.equal((await emu.invoke('fetches', { port })).text, '"served"')
    }
  })
}

t.test('two environments listen on one port at once', async (t) => {
  const emu = await startWith(t, { f }, { freezeNetwork: true })
  const event = { what: 'listen', port: fixedPort, sleepMs: 1_000 }
  const both = await Promise.all([emu.invoke('f', event), emu.invoke('f', event)])
  for (const { text } of both) {
    const [heard, own] = JSON.parse(text) as string[]
    t.equal(heard, own, text)
  }
  t.equal((await emu.emulator.environments()).length, 2)
})

t.test('telemetry goes on at the thaw, as soon as there is a link', async (t) => {
  const emu = await stage(t, nodeAgent, { freezeNetwork: true })
  await emu.told()
  for (let times = 0; times < 3; times += 1) {
    await allFrozen(emu)
    // The report of the last call becomes due meanwhile.
    await sleep(100)
    const sinceMs = performance.now()
    await emu.told()
    const tookMs = performance.now() - sinceMs
    // The kernel tries again after a second what it could not send.
    t.ok(tookMs < 1_000, `${tookMs.toFixed(0)} ms`)
  }
  t.equal((await emu.emulator.environments()).length, 1)
})

t.test('extensions of two environments listen on one port, each with its own news', async (t) => {
  const options = { port: fixedPort, freezeNetwork: true }
  const { told, emulator } = await stage(t, nodeAgent, options)
  const both = await Promise.all([told(), told()])
  t.equal((await emulator.environments()).length, 2)
  for (const { requestId, got } of both) {
    const starts = got.filter(({ type }) => type === 'platform.start')
    const ids = starts.map(({ record }) => (record as { requestId: string }).requestId)
    t.same(ids, [requestId])
  }
})

for (const freeze of mode.freezers) {
  t.test(`with ${freeze}, the Runtime API over HTTP is the environment's own alone`, async (t) => {
    const node = { files: { 'index.js': 'exports.handler = async (event) => event' } }
    const options = { freeze, freezeNetwork: true, runtimeChannel: 'http' } as const
    const emu = await startWith(t, { f, node, provided }, options)
    for (let times = 0; times < 3; times += 1) {
      t.equal((await emu.invoke('f', { what: times })).text, String(times))
      t.same(JSON.parse((await emu.invoke('node', { times })).text), { times })
      const { text } = await emu.invoke('provided')
      t.equal((JSON.parse(text) as { invocations: number }).invocations, times + 1)
      await allFrozen(emu)
    }
    const ports = linksThere().map((name) => Number(name.slice('lemu'.length)))
    t.equal(ports.length, 3)
    const { text } = await emu.invoke('f', { what: 'reach', ports })
    const reached = Object.entries(JSON.parse(text) as Record<string, string>)
    t.equal(reached.length, 6)
    const answered = reached.filter(([, answer]) => answer.startsWith('HTTP/1.1'))
    t.equal(answered.length, 1, text)
    t.match(answered[0]?.[0], /^127\.0\.0\.1:/)
  })
}

t.test('a function reaches the Lambda API of the emulator, and nothing undeclared', async (t) => {
  const hidden = await echoServer(t, '127.0.0.1')
  const emu = await startWith(t, { f, other }, { freezeNetwork: true })
  t.equal(JSON.parse((await emu.invoke('f', { what: 'api' })).text), '"the other"')
  const { text } = await emu.invoke('f', { what: 'reach', ports: [hidden.port] })
  t.same(Object.values(JSON.parse(text) as object), [
    'ConnectionRefusedError',
    'ConnectionRefusedError',
  ])
})

t.test('a relay carries everything, in both directions, to the end of each', async (t) => {
  const server = await echoServer(t, '127.0.0.1')
  const emu = await startWith(t, { f }, { freezeNetwork: true, relay: [server.port] })
  const pump = (bytes: number, connections: number) =>
    emu.invoke('f', { what: 'pump', port: server.port, bytes, connections })
  t.equal((await pump(20_000_000, 2)).text, '2')
  t.equal((await pump(1_000, 100)).text, '100')
  t.equal((await pump(0, 3)).text, '3')
})

t.test('ports of emulators are not relayed', async (t) => {
  const problem = /relay: ports 61000 to 65535 belong to lambda-emu, and 61234 is one of them/
  const started = startWith(t, { f }, { freezeNetwork: true, relay: [61_234] })
  await t.rejects(started, { code: 'EMU_USAGE', message: problem })
  const nonsense = startWith(t, { f }, { freezeNetwork: true, relay: [0] })
  await t.rejects(nonsense, { code: 'EMU_USAGE', message: /relay: 0 is not a port/ })
})

for (const freeze of mode.freezers) {
  const who = { 'lambda-emu-net': 'its network', 'lambda-emu-spaw': 'the spawner' }
  for (const [name, what] of Object.entries(who)) {
    t.test(`with ${freeze}, when ${what} is killed the next call has another`, async (t) => {
      const emu = await startWith(t, { f }, { freeze, freezeNetwork: true })
      t.equal((await emu.invoke('f', { what: 'ping' })).text, '"ping"')
      await allFrozen(emu)
      const before = keepersThere()
      t.equal(before.length, 1)
      const victims = [...familyOf(process.pid)].filter((pid) => nameOf(pid) === name)
      t.equal(victims.length, 1)
      for (const pid of victims) process.kill(pid, 'SIGKILL')
      await until('it is noticed', async () =>
        (await emu.emulator.environments()).every(({ suspension }) => suspension !== 'frozen'),
      )
      t.equal((await emu.invoke('f', { what: 'ping' })).text, '"ping"')
      await until('the first network is gone', () => !keepersThere().includes(before[0] ?? 0))
      t.equal(keepersThere().length, 1)
      t.equal(linksThere().length, 1)
      await allFrozen(emu)
      t.equal((await emu.invoke('f', { what: 'ping' })).text, '"ping"')
    })
  }
}

t.test('after a timeout the environment goes on in its network', async (t) => {
  const slow = { ...f, timeoutSeconds: 1 }
  const emu = await startWith(t, { slow }, { freezeNetwork: true })
  const event = { what: 'listen', port: fixedPort, sleepMs: 10_000 }
  t.equal((await emu.invoke('slow', event)).functionError, 'Unhandled')
  t.equal((await emu.invoke('slow', { what: 'ping' })).text, '"ping"')
  t.equal(keepersThere().length, 1)
})

async function leavesNothing(t: Test, end: 'stop' | 'kill9'): Promise<void> {
  const folder = temporaryFolder(t)
  writeProject(folder, { f })
  const server = await echoServer(t, '0.0.0.0')
  const stateDirectory = temporaryFolder(t)
  const mark = `network-${end}-${process.pid}`
  const traces = new Traces({ stateDirectory, mark })
  const daemon = await startDaemon(t, {
    project: folder,
    stateDirectory,
    variables: {
      [markName]: mark,
      LAMBDA_EMU_FREEZE_NETWORK: 'true',
      LAMBDA_EMU_RELAY: `${server.port}`,
    },
  })
  traces.follow(daemon.pid)
  const ports = { relayed: server.port, direct: server.port }
  const event = { what: 'connect', ports }
  const answers = await Promise.all([1, 2, 3].map(() => daemon.invoke('f', event)))
  for (const { body } of answers) t.same(body, { relayed: 'first', direct: 'first' })
  traces.look()
  const seen = traces.left().filter((what) => /^(link|network) /.test(what))
  t.equal(seen.length, 2 * keepersThere().length, seen.join())
  t.ok(seen.length > 0)
  const endedAtMs = nowMs()
  const ended = daemon[end]()
  if (end === 'stop') await ended
  const { left, tookMs } = await traces.gone(end === 'stop' ? nowMs() : endedAtMs)
  t.same(left, [], `gone in ${tookMs.toFixed(0)} ms`)
  await ended
}

t.test('after a stop nothing of the networks is left', (t) => leavesNothing(t, 'stop'))
t.test('after a kill -9 nothing of the networks is left', (t) => leavesNothing(t, 'kill9'))

t.test('the networks of all these tests are gone', async () => {
  await until('nothing is left', isNetworkGone)
})
