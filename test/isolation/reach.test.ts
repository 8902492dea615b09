// Servers of the machine that functions reach as the user does, at every level.

import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { copyCode, describeFunctions, homeOfUser, levels, startAt } from './levels.js'

t.setTimeout(400_000)

interface Visit {
  readonly way: 'fetch' | 'socket' | 'datagram' | 'name'
  readonly host: string
  readonly port?: number
}

/** The machine's addresses but those that need a zone: loopback first. */
const addresses = Object.values(networkInterfaces())
  .flatMap((found) => found ?? [])
  .filter(({ address }) => !address.startsWith('fe80:'))
  .map(({ address }) => address)

/** Names that the machine's own hosts file has. */
const names = readFileSync('/etc/hosts', 'utf8')
  .split('\n')
  .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
  .filter(([address]) => /^[\d.]+$/.test(address ?? ''))
  .flatMap(([, ...found]) => found)

t.test('this machine has what the claims below are about', async (t) => {
  for (const address of ['127.0.0.1', '::1']) t.ok(addresses.includes(address), address)
  t.ok(addresses.length > 2, 'an address beside loopback')
  t.ok(names.includes('localhost'), 'localhost in its hosts file')
})

for (const level of levels) {
  t.test(`functions reach the machine's servers at the level "${level.title}"`, async (t) => {
    const home = await homeOfUser(t, level.userId)
    copyCode(join(home.project, 'visitor'), ['visitor/index.mjs', 'visitor/app.py'])
    const code = './visitor'
    const functions = {
      node: { runtime: 'nodejs22.x', handler: 'index.handler', code, timeoutSeconds: 60 },
      python: { runtime: 'python3.12', handler: 'app.handler', code, timeoutSeconds: 60 },
    }
    describeFunctions(home, functions, level.userId)
    const { visits, expected } = await serversOf(t)
    const daemon = await startAt(t, { home, level })
    for (const name of ['node', 'python']) {
      const told = (await daemon.invoke(name, visits)) as string[]
      for (const [at, { way, host }] of visits.entries())
        t.equal(told[at], expected[at], `${name}: ${way} ${host}`)
    }
  })
}

/** Servers on every address, each with an answer of its own, and what visits to them are to bring. */
async function serversOf(t: Test): Promise<{ visits: Visit[]; expected: string[] }> {
  const visits: Visit[] = []
  const expected: string[] = []
  const expect = (visit: Visit, answer: string) => {
    visits.push(visit)
    expected.push(answer)
  }
  for (const host of addresses) {
    const port = await httpServer(t, host)
    expect({ way: 'fetch', host, port }, `web ${host}`)
    expect({ way: 'socket', host, port }, `web ${host}`)
    if (host === '127.0.0.1')
      for (const name of new Set(['localhost', ...names]))
        if ((await lookup(name, { family: 4 })).address === host)
          expect({ way: 'fetch', host: name, port }, `web ${host}`)
    expect({ way: 'datagram', host, port: await datagramServer(t, host) }, `datagram ${host}`)
  }
  for (const name of new Set([...names, hostname()])) {
    const found = await lookup(name, { family: 4 }).catch(() => undefined)
    if (found !== undefined) expect({ way: 'name', host: name }, found.address)
  }
  return { visits, expected }
}

/** On the one address only, so that an answer says that it was reached. */
async function httpServer(t: Test, host: string): Promise<number> {
  const server = createServer((_request, response) => {
    response.end(`web ${host}`)
  })
  server.keepAliveTimeout = 1
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function datagramServer(t: Test, host: string): Promise<number> {
  const server = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  server.on('message', (_bytes, from) => server.send(`datagram ${host}`, from.port, from.address))
  await new Promise<void>((resolve) => server.bind(0, host, resolve))
  t.teardown(() => server.close())
  return server.address().port
}
