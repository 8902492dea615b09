// The bytes between the runtime and the Runtime API: pipelining, chunks, refusals, lost
// connections, large payloads. Source: the official clients, measured; the open Runtime API agent.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { runFunction, runtimeFolder } from './run-function.js'
import { normalized } from './table.js'

const echo = 'exports.handler = async (event) => event'

for (const generation of [3, 4] as const) {
  t.test(`client ${generation}: the headers of every request`, async (test) => {
    const finished = await runFunction({
      generation,
      code: echo,
      events: [{ body: '{}', headers: { 'Lambda-Runtime-Invocation-Id': 'attempt-7' } }],
    })
    const [report] = finished.reports
    test.match(report?.headers, {
      'user-agent': generation === 3 ? 'AWS_Lambda_Cpp/0.2.8' : 'AWS_Lambda_Cpp/0.2.6',
      accept: '*/*',
      'content-type': 'application/json',
      'content-length': '2',
      'lambda-runtime-invocation-id': 'attempt-7',
    })
    const without = await runFunction({ generation, code: echo, events: ['{}'] })
    test.equal(without.reports[0]?.headers['lambda-runtime-invocation-id'], undefined)
  })

  t.test(
    `client ${generation}: a refused report is printed, and the next event is asked for`,
    async (test) => {
      const finished = await runFunction({
        generation,
        code: echo,
        events: ['{}'],
        mock: { reportStatus: 413, reportAnswer: 'too large' },
        until: '413',
      })
      const text =
        '[ERROR] [MS] LAMBDA_RUNTIME Failed to post handler success response. Http response code: 413.'
      test.equal(
        normalized(finished.stdout, finished),
        `${text}${generation === 4 ? ' too large' : ''}\n`,
      )
      test.equal(finished.reports.length, 1)
      test.equal(finished.alive, true)
    },
  )

  t.test(`client ${generation}: 7 MB go both ways`, async (test) => {
    const text = 'é'.repeat(3_500_000)
    const finished = await runFunction({
      generation,
      code: echo,
      events: [JSON.stringify({ text })],
    })
    test.equal(finished.reports[0]?.body.length, Buffer.byteLength(JSON.stringify({ text })))
    test.ok(JSON.parse(String(finished.reports[0]?.body)).text === text)
    test.equal(finished.alive, true)
  })

  t.test(
    `client ${generation}: patches of http and net by the function do not touch the runtime`,
    async (test) => {
      const code = `const no = () => { throw new Error('touched') }
      for (const name of ['node:http', 'node:https', 'node:net']) for (const key of ['request', 'get', 'connect', 'createConnection']) { const module = require(name); if (module[key]) module[key] = no }
      require('net').Socket.prototype.connect = no
      globalThis.fetch = no; JSON.stringify.call; exports.handler = async () => 'ok'`
      const finished = await runFunction({ generation, code })
      test.same(
        finished.reports.map((report) => String(report.body)),
        ['"ok"', '"ok"'],
      )
    },
  )
}

for (const generation of [3, 4] as const) {
  t.test(`client ${generation}: the headers of a failed init`, async (test) => {
    const finished = await runFunction({ generation, code: 'exports.other = 1', events: [] })
    const headers = finished.reports[0]?.headers
    test.equal(headers?.['content-type'], 'application/json')
    test.equal(headers?.['lambda-runtime-function-error-type'], 'Runtime.HandlerNotFound')
    test.equal(headers?.['user-agent'], undefined)
    test.equal(headers?.['lambda-runtime-function-xray-error-cause'], undefined)
  })
}

t.test('the head of a streamed response', async (test) => {
  for (const generation of [3, 4] as const) {
    const code = `exports.handler = awslambda.streamifyResponse(async (event, stream) => stream.end('x'))`
    const finished = await runFunction({ generation, code })
    const headers = finished.reports[0]?.headers
    test.equal(headers?.['lambda-runtime-function-response-mode'], 'streaming')
    test.equal(headers?.['transfer-encoding'], 'chunked')
    test.equal(
      headers?.trailer,
      'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
    )
    test.equal(headers?.['user-agent'], undefined)
  }
})

/**
 * A server that shows each write of the runtime as it came, and answers only what the test says.
 */
async function startRaw(t: { teardown: (task: () => unknown) => void }, generation = 3) {
  const sockets: Socket[] = []
  const received: { socket: number; text: string }[] = []
  let looks: (() => void)[] = []
  const look = () => {
    for (const task of looks) task()
  }
  const server = createServer((socket) => {
    const index = sockets.push(socket) - 1
    socket.on('error', () => {
      // A connection that the test reset on purpose.
    })
    socket.on('data', (bytes) => {
      received.push({ socket: index, text: bytes.toString() })
      look()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const taskRoot = mkdtempSync(join(tmpdir(), 'node-runtime-'))
  writeFileSync(join(taskRoot, 'index.js'), echo)
  const child: ChildProcess = spawn(process.execPath, [join(runtimeFolder, 'bootstrap.cjs')], {
    cwd: taskRoot,
    env: {
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      _HANDLER: 'index.handler',
      LAMBDA_TASK_ROOT: taskRoot,
      AWS_EXECUTION_ENV: generation === 3 ? 'AWS_Lambda_nodejs22.x' : 'AWS_Lambda_nodejs24.x',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'close')
    }
    for (const socket of sockets) socket.destroy()
    server.close()
    rmSync(taskRoot, { recursive: true })
  })
  const all = () => received.map((write) => write.text).join('')
  const until = (satisfied: () => boolean) =>
    new Promise<void>((resolve) => {
      const task = () => {
        if (!satisfied()) return
        looks = looks.filter((other) => other !== task)
        resolve()
      }
      looks.push(task)
      task()
    })
  const asked = (count: number) => until(() => all().split('GET /').length > count)
  return { server, sockets, received, child, all, asked, until }
}

const eventHead = (id: string) =>
  `HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: ${id}\r\nLambda-Runtime-Deadline-Ms: 1\r\nLambda-Runtime-Invoked-Function-Arn: a\r\n`
const sized = (id: string, body: string) =>
  `${eventHead(id)}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
const accepted = 'HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'

t.test('a response and the following GET next leave in one write', async (test) => {
  const { sockets, received, asked } = await startRaw(test)
  await asked(1)
  sockets[0]?.write(sized('one', '{"n":1}'))
  await asked(2)
  test.equal(received.length, 2)
  test.match(
    received[1]?.text,
    /^POST \/2018-06-01\/runtime\/invocation\/one\/response HTTP\/1\.1\r\n/,
  )
  test.match(
    received[1]?.text,
    /\r\n\r\n\{"n":1\}GET \/2018-06-01\/runtime\/invocation\/next HTTP\/1\.1\r\n/,
  )
  test.equal(sockets.length, 1)
})

t.test(
  'the answer to a response and the next event may come in one packet or byte by byte',
  async (test) => {
    const { sockets, all, asked } = await startRaw(test)
    await asked(1)
    sockets[0]?.write(sized('one', '1'))
    await asked(2)
    sockets[0]?.write(accepted + sized('two', '{"both":true}'))
    await asked(3)
    test.match(all(), '/invocation/two/response')
    for (const byte of Buffer.from(accepted + sized('three', '{"s":"é😀"}'))) {
      sockets[0]?.write(Buffer.of(byte))
      await new Promise(setImmediate)
    }
    await asked(4)
    test.match(all(), /invocation\/three\/response[\s\S]*\{"s":"é😀"\}GET/)
  },
)

t.test('a chunked event with an extension and trailers is read', async (test) => {
  const { sockets, all, asked } = await startRaw(test)
  await asked(1)
  sockets[0]?.write(
    `${eventHead('c')}Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n{"a":\r\n3\r\n"b"\r\n1\r\n}\r\n0\r\nTrailer: t\r\n\r\n`,
  )
  await asked(2)
  test.match(all(), /invocation\/c\/response[\s\S]*\{"a":"b"\}GET/)
})

t.test('an interim answer is passed over', async (test) => {
  const { sockets, all, asked } = await startRaw(test)
  await asked(1)
  sockets[0]?.write(`HTTP/1.1 100 Continue\r\n\r\n${sized('i', '5')}`)
  await asked(2)
  test.match(all(), '/invocation/i/response')
})

t.test(
  'a connection closed while an event runs is opened again, and nothing is lost',
  async (test) => {
    const { sockets, received, asked, until } = await startRaw(test)
    await asked(1)
    sockets[0]?.end(sized('one', '1'))
    await until(() => received.some((write) => write.socket === 1 && write.text.includes('GET /')))
    const second = received
      .filter((write) => write.socket === 1)
      .map((write) => write.text)
      .join('')
    test.match(
      second,
      /^POST [\s\S]*\/invocation\/one\/response[\s\S]*GET [\s\S]*\/invocation\/next/,
    )
    sockets[1]?.write(accepted + sized('two', '2'))
    await until(() => received.some((write) => write.text.includes('/invocation/two/response')))
  },
)

t.test(
  'a connection closed after the answer to a response asks again for the next event only',
  async (test) => {
    const { sockets, received, asked } = await startRaw(test)
    await asked(1)
    sockets[0]?.write(sized('one', '1'))
    await asked(2)
    sockets[0]?.end('HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    await asked(3)
    const second = received
      .filter((write) => write.socket === 1)
      .map((write) => write.text)
      .join('')
    test.match(second, /^GET /)
    test.notOk(second.includes('POST'))
  },
)

for (const [generation, end] of [
  [3, 129],
  [4, 1],
] as const) {
  t.test(
    `client ${generation}: a server that closes twice without an answer ends the runtime`,
    async (test) => {
      const { sockets, child, asked } = await startRaw(test, generation)
      await asked(1)
      sockets[0]?.destroy()
      await asked(2)
      sockets[1]?.destroy()
      // The report of client 3 finds no answer either.
      const closing = setInterval(() => {
        for (const socket of sockets) socket.destroy()
      }, 5)
      test.teardown(() => clearInterval(closing))
      const [code] = await once(child, 'exit')
      test.equal(code, end)
    },
  )
}

t.test('a runtime whose output and Runtime API are both gone ends', async (test) => {
  const { server, sockets, child, asked } = await startRaw(test)
  await asked(1)
  child.stdout?.destroy()
  server.close()
  for (const socket of sockets) socket.destroy()
  const [code] = await once(child, 'exit')
  test.equal(code, 129)
})
