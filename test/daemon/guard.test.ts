// The request guard on the real listeners: every attack on every route of every control server, and both legitimate callers.

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { connect } from 'node:net'
import t from 'tap'
import { adminTokenHeader } from '../../src/admin/contract.js'
import { lambdaModel } from '../../src/aws/models/lambda-model.js'
import { controlServers } from '../../src/daemon/lifetime.js'
import { routesOf } from '../../src/http/server.js'
import { startDaemon } from '../../src/index.js'
import { logged, startWith, temporaryFolder } from '../support/in-process.js'

interface Case {
  readonly what: string
  readonly headers: (host: string) => Readonly<Record<string, string>>
}

// Source: the guard table of the threat model; every row reached a handler without the guard.
const attacks: readonly Case[] = [
  {
    what: 'text/plain drive-by',
    headers: (host) => ({
      host,
      origin: 'https://evil.example',
      'content-type': 'text/plain',
      'sec-fetch-site': 'cross-site',
    }),
  },
  {
    what: 'form POST with only Origin',
    headers: (host) => ({
      host,
      origin: 'https://evil.example',
      'content-type': 'application/x-www-form-urlencoded',
    }),
  },
  { what: 'Origin: null', headers: (host) => ({ host, origin: 'null' }) },
  {
    what: 'no-cors GET without Origin',
    headers: (host) => ({ host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }),
  },
  { what: 'rebinding POST', headers: () => ({ host: 'evil.example' }) },
  { what: 'rebinding DELETE', headers: () => ({ host: 'rebound.evil.example:3001' }) },
  { what: 'IP-address Origin', headers: (host) => ({ host, origin: 'http://192.0.2.7' }) },
  { what: 'Host 0.0.0.0', headers: () => ({ host: '0.0.0.0' }) },
  { what: 'localhost.evil.example', headers: () => ({ host: 'localhost.evil.example' }) },
  { what: 'localhost@evil.example', headers: () => ({ host: 'localhost@evil.example' }) },
  {
    what: 'other local port',
    headers: (host) => ({ host, origin: 'http://localhost:8080', 'sec-fetch-site': 'same-site' }),
  },
]
const legitimate: readonly Case[] = [
  { what: 'curl', headers: (host) => ({ host, 'user-agent': 'curl/7.88.1', accept: '*/*' }) },
  {
    what: 'an AWS SDK',
    headers: (host) => ({
      host,
      'user-agent': 'aws-sdk-js/3.1162.0',
      authorization:
        'AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261121/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0',
    }),
  },
]

/** A request byte for byte as written: ordinary clients would not send some of these. */
function statusOf(
  url: string,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.write(
        `${method} ${path} HTTP/1.1\r\n${lines.join('')}content-length: 0\r\nconnection: close\r\n\r\n`,
      )
    })
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', reject)
    socket.on('close', () => resolve({ status: Number(text.split(' ')[1]), text }))
  })
}

const pathOf = (url: string): string => url.replace(/:\w+/g, 'x').replace('*', 'x')

t.test('every attack gets 403 on every route of both control servers', async (t) => {
  const emulator = await startDaemon({
    lambdaPort: 0,
    path: temporaryFolder(t),
    stateDirectory: temporaryFolder(t),
  })
  t.teardown(() => emulator.stop())
  const { lambdaApp, adminApp } = controlServers(emulator)
  const lambdaRoutes = routesOf(lambdaApp)
  const adminRoutes = routesOf(adminApp)
  t.ok(
    lambdaRoutes.length >= 89,
    `${lambdaRoutes.length} routes serve ${Object.keys(lambdaModel.operations).length} operations`,
  )
  t.ok(adminRoutes.length >= 9, `${adminRoutes.length} admin routes`)
  const servers = [
    { url: emulator.lambdaUrl, routes: lambdaRoutes, extra: {} },
    {
      url: emulator.adminUrl,
      routes: adminRoutes,
      extra: { [adminTokenHeader]: emulator.adminToken },
    },
  ]
  for (const { url, routes, extra } of servers) {
    const host = new URL(url).host
    for (const attack of attacks) {
      const statuses = await Promise.all(
        routes.map(async ({ method, url: route }) => {
          const { status, text } = await statusOf(url, method, pathOf(route), {
            ...attack.headers(host),
            ...extra,
          })
          return status === 403 && !/access-control-allow/i.test(text)
            ? undefined
            : `${method} ${route}: ${status}`
        }),
      )
      t.same(
        statuses.filter((wrong) => wrong !== undefined),
        [],
        `${attack.what} on ${routes.length} routes`,
      )
      const elsewhere = await statusOf(url, 'GET', '/no/such/route', {
        ...attack.headers(host),
        ...extra,
      })
      t.equal(elsewhere.status, 403, `${attack.what} on a path without a route`)
    }
  }
})

t.test('curl and AWS SDKs pass; admin routes want the token as well', async (t) => {
  const emulator = await startDaemon({
    lambdaPort: 0,
    path: temporaryFolder(t),
    stateDirectory: temporaryFolder(t),
  })
  t.teardown(() => emulator.stop())
  for (const { what, headers } of legitimate) {
    const host = new URL(emulator.lambdaUrl).host
    const list = await statusOf(emulator.lambdaUrl, 'GET', '/2015-03-31/functions', headers(host))
    t.equal(list.status, 200, what)
    const localhost = `localhost:${new URL(emulator.lambdaUrl).port}`
    t.equal(
      (await statusOf(emulator.lambdaUrl, 'GET', '/2015-03-31/functions', headers(localhost)))
        .status,
      200,
      `${what} by name`,
    )
    const admin = new URL(emulator.adminUrl).host
    t.equal(
      (await statusOf(emulator.adminUrl, 'GET', '/status', headers(admin))).status,
      403,
      `${what} without the token`,
    )
    t.equal(
      (
        await statusOf(emulator.adminUrl, 'GET', '/status', {
          ...headers(admin),
          [adminTokenHeader]: 'f'.repeat(48),
        })
      ).status,
      403,
      `${what} with a wrong token`,
    )
    t.equal(
      (
        await statusOf(emulator.adminUrl, 'GET', '/status', {
          ...headers(admin),
          [adminTokenHeader]: emulator.adminToken,
        })
      ).status,
      200,
      `${what} with the token`,
    )
  }
})

/** Local addresses of this process's listening TCP sockets, from /proc. */
function listeners(): string[] {
  const inodes = new Set<string>()
  const tables = ['/proc/self/net/tcp', '/proc/self/net/tcp6'].filter(existsSync)
  const rows = tables.flatMap((path) => readFileSync(path, 'utf8').trim().split('\n').slice(1))
  for (const inode of ownSocketInodes()) inodes.add(inode)
  return rows
    .map((row) => row.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === '0A' && inodes.has(inode as string))
    .map(([, local]) => (local as string).split(':')[0] as string)
}

function ownSocketInodes(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? []
    } catch {
      return []
    }
  })
}

t.test('no listener is off loopback, Runtime APIs included', async (t) => {
  const emu = await startWith(t, {
    hello: { files: { 'index.js': 'exports.handler = async () => 1' } },
  })
  await Promise.all([1, 2, 3].map(() => emu.invoke('hello')))
  const addresses = listeners()
  t.ok(addresses.length >= 3, `${addresses.length} listeners`)
  t.same([...new Set(addresses)], ['0100007F'], 'all on 127.0.0.1')
})

t.test('a canary in the daemon’s environment does not reach a function', async (t) => {
  process.env.LAMBDA_EMU_CANARY = 'canary-7f3a'
  process.env.AWS_PROFILE = 'canary-7f3a'
  t.teardown(() => {
    delete process.env.LAMBDA_EMU_CANARY
    delete process.env.AWS_PROFILE
  })
  const dump = `const fs = require('fs'); exports.handler = async () => [process.env, fs.readFileSync('/proc/self/environ', 'utf8'), require('child_process').execFileSync('/usr/bin/env').toString()]`
  const pydump =
    'import os\ndef handler(e, c):\n    return [dict(os.environ), open("/proc/self/environ").read()]\n'
  const sh = '#!/bin/sh\nenv >&2\nexit 1\n'
  const emu = await startWith(t, {
    dump: { files: { 'index.js': dump } },
    pydump: { runtime: 'python3.12', files: { 'app.py': pydump } },
    sh: { runtime: 'provided.al2023', handler: 'x', files: { bootstrap: sh } },
  })
  for (const name of ['dump', 'pydump']) {
    const { text, functionError } = await emu.invoke(name)
    t.equal(functionError, undefined)
    t.match(text, /AWS_LAMBDA_FUNCTION_NAME/)
    t.notMatch(text, /canary-7f3a/, name)
    t.notMatch(text, new RegExp(emu.emulator.adminToken), 'nor does the admin token')
  }
  await emu.invoke('sh')
  await logged(
    emu,
    ({ functionName, message }) => functionName === 'sh' && message.startsWith('REPORT'),
  )
  const said = emu.logs
    .filter(({ functionName }) => functionName === 'sh')
    .map(({ message }) => message)
    .join('\n')
  t.match(said, /AWS_LAMBDA_FUNCTION_NAME=sh/)
  t.notMatch(said, /canary-7f3a/, 'provided')
})
