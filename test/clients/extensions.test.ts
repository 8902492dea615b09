// Real extensions in the functions' layers: the AWS Lambda Web Adapter before a web server, and one on the crate lambda-extension.

import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startEmulator } from '../../src/index.js'
import { until } from '../support/daemon.js'
import { temporaryFolder, writeProject } from '../support/in-process.js'
import { prepared } from './prepared.js'

t.setTimeout(120_000)

/** One that nobody else on this machine has on all addresses. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('it listens on a port')
  return address.port
}

function writeExecutable(path: string, text: string): void {
  writeFileSync(path, text)
  chmodSync(path, 0o755)
}

/** As the adapter's own guide has it: the layer's bootstrap is the wrapper, the handler is what starts the server. */
function webTemplate(port: number): string {
  return `
Transform: AWS::Serverless-2016-10-31
Resources:
  Adapter:
    Type: AWS::Serverless::LayerVersion
    Properties: { ContentUri: adapter }
  Web:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: web
      CodeUri: web
      Runtime: nodejs22.x
      Handler: run.sh
      MemorySize: 1769
      Timeout: 10
      Layers: [!Ref Adapter]
      Environment:
        Variables:
          AWS_LAMBDA_EXEC_WRAPPER: /opt/bootstrap
          AWS_LWA_PORT: '${port}'
          AWS_LWA_HOST: sandbox.localdomain
      Events:
        Everything: { Type: HttpApi }
`
}

const webServer = `
const http = require('node:http')
http.createServer((request, response) => {
  const parts = []
  request.on('data', (part) => parts.push(part))
  request.on('end', async () => {
    await new Promise((resolve) => setTimeout(resolve, Number(request.headers['x-wait-ms'] ?? 0)))
    const { method, url, headers } = request
    response.setHeader('x-by', 'the server')
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.statusCode = url.startsWith('/missing') ? 404 : 200
    response.end(JSON.stringify({ method, url, asked: headers['x-asked'], body: Buffer.concat(parts).toString() }))
  })
}).listen(Number(process.env.AWS_LWA_PORT), process.env.AWS_LWA_HOST)
`

async function startWeb(t: Test) {
  const folder = temporaryFolder(t)
  for (const name of ['adapter/extensions', 'web'])
    mkdirSync(join(folder, name), { recursive: true })
  cpSync(prepared.webAdapter, join(folder, 'adapter/extensions/lambda-adapter'))
  writeExecutable(
    join(folder, 'adapter/bootstrap'),
    '#!/bin/bash\nexec -- "$LAMBDA_TASK_ROOT/$_HANDLER"\n',
  )
  writeExecutable(join(folder, 'web/run.sh'), '#!/bin/sh\nexec node server.js\n')
  writeFileSync(join(folder, 'web/server.js'), webServer)
  writeFileSync(join(folder, 'template.yaml'), webTemplate(await freePort()))
  const emulator = await startEmulator({
    path: folder,
    lambdaPort: 0,
    httpPort: 0,
    stateDirectory: join(folder, '.state'),
  })
  t.teardown(() => emulator.stop())
  return { emulator, url: emulator.httpUrl }
}

t.test('the Lambda Web Adapter puts an ordinary web server behind an HTTP API', async (t) => {
  const { emulator, url } = await startWeb(t)
  const posted = await fetch(`${url}/some/where?a=1&b=2`, {
    method: 'POST',
    headers: { 'x-asked': 'yes', 'content-type': 'text/plain' },
    body: 'sent',
  })
  t.equal(posted.status, 200)
  t.equal(posted.headers.get('x-by'), 'the server')
  t.same(posted.headers.getSetCookie(), ['a=1', 'b=2'])
  t.same(await posted.json(), {
    method: 'POST',
    url: '/some/where?a=1&b=2',
    asked: 'yes',
    body: 'sent',
  })
  for (let call = 0; call < 20; call += 1) {
    const answer = await fetch(`${url}/missing/${call}`)
    t.same(
      [answer.status, ((await answer.json()) as { url: string }).url],
      [404, `/missing/${call}`],
    )
  }
  t.equal(emulator.environments().length, 1, 'one environment serves call after call')
  const headers = { 'x-wait-ms': '300' }
  const ids = Array.from({ length: 4 }, (_, call) => `/at/once/${call}`)
  const answers = await Promise.all(ids.map((path) => fetch(`${url}${path}`, { headers })))
  const urls = await Promise.all(answers.map((answer) => answer.json() as Promise<{ url: string }>))
  t.same(
    urls.map((answered) => answered.url),
    ids,
    'and at once each in an environment of its own, on the same port',
  )
  t.equal(emulator.environments().length, 4)
})

const asksWhatWasTold = `
const { existsSync, readFileSync } = require('node:fs')
exports.handler = async ({ n }) => {
  console.log('line ' + n)
  return existsSync('/tmp/told') ? readFileSync('/tmp/told', 'utf8').trim().split('\\n') : []
}`

/** What the extension has written down of each API that it may listen to, in this order among other lines. */
const toldOf: Readonly<Record<string, readonly RegExp[]>> = {
  events: [/^INVOKE FIRST$/, /^INVOKE SECOND$/],
  logs: [
    /^log PlatformLogsSubscription .*name: "told", state: "Subscribed"/,
    /^log PlatformExtension .*name: "told", state: "Ready", events: \["INVOKE", "SHUTDOWN"\]/,
    /^log PlatformStart { request_id: "FIRST"/,
    /^log Function\(".*\\tFIRST\\tINFO\\tline 1\\n"\)$/,
    /^log PlatformRuntimeDone { request_id: "FIRST", status: "success"/,
    /^log PlatformReport { request_id: "FIRST"/,
    /^log PlatformStart { request_id: "SECOND"/,
  ],
  telemetry: [
    /^telemetry {"type":"platform\.initStart","record":{"initializationType":"on-demand","phase":"init"/,
    /^telemetry {"type":"platform\.telemetrySubscription","record":{"name":"told"/,
    /^telemetry {"type":"platform\.initRuntimeDone".*"status":"success"/,
    /^telemetry {"type":"platform\.extension","record":{"name":"told","state":"Ready"/,
    /^telemetry {"type":"platform\.initReport"/,
    /^telemetry {"type":"platform\.start","record":{"requestId":"FIRST","version":"\$LATEST"/,
    /^telemetry {"type":"function","record":".*\\tFIRST\\tINFO\\tline 1\\n"}$/,
    /^telemetry {"type":"platform\.runtimeDone","record":{"requestId":"FIRST","status":"success"/,
    /^telemetry {"type":"platform\.report","record":{"requestId":"FIRST","status":"success"/,
    /^telemetry {"type":"platform\.start","record":{"requestId":"SECOND"/,
  ],
}

for (const [api, expected] of Object.entries(toldOf)) {
  t.test(`an extension on the crate lambda-extension hears of ${api}`, async (t) => {
    const folder = temporaryFolder(t)
    mkdirSync(join(folder, 'layer/extensions'), { recursive: true })
    cpSync(prepared.toldExtension, join(folder, 'layer/extensions/told'))
    writeProject(folder, {
      asks: {
        files: { 'index.js': asksWhatWasTold },
        layers: ['./layer'],
        environment: { EXTENSION_API: api },
      },
    })
    const emulator = await startEmulator({
      path: folder,
      lambdaPort: 0,
      stateDirectory: join(folder, '.state'),
    })
    t.teardown(() => emulator.stop())
    const ids: string[] = []
    let told: readonly string[] = []
    const ask = async () => {
      const { payload, requestId, functionError, log } = await emulator.invoke('asks', {
        n: ids.length + 1,
      })
      if (functionError !== undefined) throw new Error(`${JSON.stringify(payload)}\n${log}`)
      ids.push(requestId)
      const names = ['FIRST', 'SECOND', 'THIRD']
      told = (payload as string[]).map((line) =>
        ids.reduce((text, id, at) => text.replaceAll(id, names[at] ?? 'LATER'), line),
      )
    }
    await ask()
    // What an invocation left behind comes with the next one, as soon as the extension has the processor.
    await until(`all of ${api} has come`, async () => {
      await ask()
      return inOrder(told, expected) === undefined
    }).catch(() => t.equal(inOrder(told, expected), undefined, told.join('\n')))
    const [environment] = emulator.environments()
    await emulator.expire(environment?.id ?? '')
    const words = emulator.logs('asks').map(({ message }) => message)
    t.ok(
      words.some((word) => /told of spindown/i.test(word)),
      words.slice(-5).join('\n'),
    )
  })
}

/** The first that does not come after those before it. */
function inOrder(lines: readonly string[], expected: readonly RegExp[]): RegExp | undefined {
  let from = 0
  for (const pattern of expected) {
    const at = lines.findIndex((line, index) => index >= from && pattern.test(line))
    if (at < 0) return pattern
    from = at + 1
  }
  return undefined
}
