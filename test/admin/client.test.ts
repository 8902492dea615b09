// The admin client against a real server: what it asks, what it makes of answers, refusals and silence.

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { createAdminClient, splitLines } from '../../src/admin/client.js'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

async function serve(t: Test, answer: Answer) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers['x-lambda-emu-token']}`)
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const adminUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { asked, adminUrl, client: createAdminClient({ adminUrl, token: 'secret' }) }
}

t.test('every call goes to its route with the token', async (t) => {
  const { client, asked } = await serve(t, (_, response) => response.end('{}'))
  await client.status()
  await client.functions()
  await client.environments()
  await client.act('freeze', 'a/b')
  await client.stop()
  for await (const _ of client.journal(true)) break
  for await (const _ of client.logs({ functionName: 'hello', follow: true, sinceMs: 5 })) break
  for await (const _ of client.logs({})) break
  t.same(asked, [
    'GET /status secret',
    'GET /functions secret',
    'GET /environments secret',
    'POST /environments/a%2Fb/freeze secret',
    'POST /stop secret',
    'GET /journal?follow=1 secret',
    'GET /logs?functionName=hello&follow=1&sinceMs=5 secret',
    'GET /logs secret',
  ])
})

t.test('a refusal becomes the error that the daemon meant, in its own words', async (t) => {
  const { client } = await serve(t, (_, response) => {
    response.writeHead(409)
    const message = 'environment a41 is busy: it cannot freeze now'
    const error = { code: 'EMU_ENVIRONMENT_STATE', message, hint: 'wait', exitCode: 2 }
    response.end(JSON.stringify({ error }))
  })
  await t.rejects(client.act('freeze', 'a41'), {
    name: 'EmulatorError',
    code: 'EMU_ENVIRONMENT_STATE',
    message: 'environment a41 is busy: it cannot freeze now',
    hint: 'wait',
    exitCode: 2,
  })
})

t.test(
  'a refusal in no known form, and an answer that is not JSON, say that the daemon is not well',
  async (t) => {
    const bodies = [
      '',
      'Forbidden',
      '{"error":{"code":"EMU_NEW","message":"m","hint":"","exitCode":2}}',
    ]
    const { client, adminUrl } = await serve(t, (request, response) => {
      if (request.url === '/functions') return response.end('<html>')
      response.writeHead(403)
      return response.end(bodies.shift())
    })
    const reasons = ['status 403', 'status 403, Forbidden', 'status 403, m']
    for (const reason of reasons) {
      await t.rejects(client.status(), {
        code: 'EMU_DAEMON_UNREACHABLE',
        message: `the daemon at ${adminUrl} does not answer as it should: ${reason}`,
        exitCode: 3,
      })
    }
    await t.rejects(client.functions(), { code: 'EMU_DAEMON_UNREACHABLE' })
  },
)

t.test('nobody listening is a daemon that does not answer', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const client = createAdminClient({ adminUrl: `http://127.0.0.1:${port}`, token: '' })
  await t.rejects(client.status(), { code: 'EMU_DAEMON_UNREACHABLE', message: /ECONNREFUSED/ })
  await t.rejects(client.stop(), { code: 'EMU_DAEMON_UNREACHABLE' })
})

t.test('records come whole, however the bytes are cut, while the stream is open', async (t) => {
  const { client } = await serve(t, (_, response) => {
    const bytes = Buffer.from('{"message":"grün"}\n\n{"message":"b"}\n{"message":"end"}')
    response.write(bytes.subarray(0, 15))
    response.write(bytes.subarray(15))
    response.end()
  })
  const messages: string[] = []
  for await (const record of client.logs({ follow: true })) messages.push(record.message)
  t.same(messages, ['grün', 'b', 'end'])
})

t.test('a letter that is cut between two parts is put together', async (t) => {
  const bytes = Buffer.from('ü\nx')
  async function* parts() {
    yield bytes.subarray(0, 1)
    yield bytes.subarray(1)
  }
  const lines: string[] = []
  for await (const line of splitLines(parts())) lines.push(line)
  t.same(lines, ['ü', 'x'])
})

t.test('a follower that is aborted ends without an error', async (t) => {
  const { client } = await serve(t, (_, response) => {
    response.write('{"message":"first"}\n')
  })
  const abort = new AbortController()
  const messages: string[] = []
  for await (const record of client.logs({ follow: true }, abort.signal)) {
    messages.push(record.message)
    abort.abort()
  }
  t.same(messages, ['first'])
})

t.test('a follower whose daemon dies is told so', async (t) => {
  const { client } = await serve(t, (_, response) => {
    response.write('{"message":"first"}\n', () => response.destroy())
  })
  const read = async () => {
    for await (const record of client.logs({ follow: true })) t.equal(record.message, 'first')
  }
  await t.rejects(read(), { code: 'EMU_DAEMON_UNREACHABLE' })
})
