// Functions with an external extension that takes telemetry, in Node and in Python, by the documented calls alone.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { logged, startWith, temporaryFolder } from '../support/in-process.js'
import type { Record } from './telemetry-agent.js'

export const nodeAgent = `#!/usr/bin/env node
const { lookup } = require('node:dns')
const { createServer } = require('node:http')
const { appendFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { basename } = require('node:path')
const { AWS_LAMBDA_RUNTIME_API, PORT } = process.env
const base = 'http://' + AWS_LAMBDA_RUNTIME_API
const got = []
let news = () => {}
const has = (type, requestId) =>
  got.some((each) => each.type === type && each.record.requestId === requestId)
const until = async (fits) => { while (!fits()) await new Promise((resolve) => { news = resolve }) }
const server = createServer((request, response) => {
  let text = ''
  request.on('data', (piece) => { text += piece })
  request.on('end', () => {
    got.push(...JSON.parse(text))
    appendFileSync(tmpdir() + '/told', text + '\\n')
    response.end()
    news()
  })
})
// Where the environment has no root of its own, the name is not known.
lookup('sandbox.localdomain', (error, address) => server.listen(Number(PORT), error ? '127.0.0.1' : address, taking))
async function taking() {
  const { port } = server.address()
  const registered = await fetch(base + '/2020-01-01/extension/register', {
    method: 'POST',
    headers: { 'Lambda-Extension-Name': basename(__filename) },
    body: JSON.stringify({ events: ['INVOKE', 'SHUTDOWN'] }),
  })
  const headers = { 'Lambda-Extension-Identifier': registered.headers.get('lambda-extension-identifier') }
  const subscribed = await fetch(base + '/2022-07-01/telemetry', {
    method: 'PUT',
    headers: { ...headers, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      schemaVersion: '2022-12-13',
      types: ['platform', 'function', 'extension'],
      buffering: { maxItems: 1000, maxBytes: 262144, timeoutMs: 25 },
      destination: { protocol: 'HTTP', URI: 'http://sandbox.localdomain:' + port },
    }),
  })
  console.log('subscribed ' + subscribed.status + ' ' + await subscribed.text())
  let last
  for (;;) {
    const event = await (await fetch(base + '/2020-01-01/extension/event/next', { headers })).json()
    if (event.eventType === 'SHUTDOWN') break
    last = event.requestId
    await until(() => has('platform.runtimeDone', last))
  }
  await until(() => has('platform.report', last))
  console.log('the end has come')
  process.exit(0)
}
`

export const pythonAgent = `#!/usr/bin/env python3
import json, os, socket, sys, tempfile, threading, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
base = 'http://' + os.environ['AWS_LAMBDA_RUNTIME_API']
got = []
news = threading.Condition()

class Taker(BaseHTTPRequestHandler):
    def do_POST(self):
        text = self.rfile.read(int(self.headers['Content-Length'])).decode()
        with open(tempfile.gettempdir() + '/told', 'a') as file:
            file.write(text + '\\n')
        with news:
            got.extend(json.loads(text))
            news.notify_all()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass

def has(kind, request_id):
    return any(each['type'] == kind and each['record'].get('requestId') == request_id for each in got)

def until(kind, request_id):
    with news:
        while not has(kind, request_id):
            news.wait()

def call(method, path, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request) as answer:
        return answer.status, answer.headers, answer.read().decode()

try:
    host = socket.gethostbyname('sandbox.localdomain')
except OSError:
    host = '127.0.0.1'
server = HTTPServer((host, int(os.environ['PORT'])), Taker)
port = server.server_port
threading.Thread(target=server.serve_forever, daemon=True).start()
name = {'Lambda-Extension-Name': os.path.basename(sys.argv[0])}
_, headers, _ = call('POST', '/2020-01-01/extension/register', {'events': ['INVOKE', 'SHUTDOWN']}, **name)
mine = {'Lambda-Extension-Identifier': headers['Lambda-Extension-Identifier']}
status, _, text = call('PUT', '/2022-07-01/telemetry', {
    'schemaVersion': '2022-12-13',
    'types': ['platform', 'function', 'extension'],
    'buffering': {'maxItems': 1000, 'maxBytes': 262144, 'timeoutMs': 25},
    'destination': {'protocol': 'HTTP', 'URI': 'http://sandbox.localdomain:%d' % port},
}, **mine)
print('subscribed', status, text, flush=True)
last = None
while True:
    _, _, text = call('GET', '/2020-01-01/extension/event/next', **mine)
    event = json.loads(text)
    if event['eventType'] == 'SHUTDOWN':
        break
    last = event['requestId']
    until('platform.runtimeDone', last)
until('platform.report', last)
print('the end has come', flush=True)
`

const handler = `
const { readFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const told = () => { try { return readFileSync(tmpdir() + '/told', 'utf8') } catch { return '' } }
exports.handler = async ({ fails, hangs }, { awsRequestId }) => {
  console.log('at work')
  if (hangs) await new Promise((resolve) => setTimeout(resolve, 60_000))
  if (fails) throw new Error('thrown')
  while (!told().includes(awsRequestId)) await new Promise((resolve) => setTimeout(resolve, 5))
  return told()
}
`

/** @param port 0: any that is free */
export async function stage(
  t: Test,
  agent: string,
  { timeoutSeconds = 10, port = 0, freezeNetwork = false } = {},
) {
  const layer = temporaryFolder(t)
  mkdirSync(join(layer, 'extensions'))
  writeFileSync(join(layer, 'extensions', 'agent'), agent, { mode: 0o755 })
  const environment = { PORT: String(port) }
  const f = { files: { 'index.js': handler }, layers: [layer], environment, timeoutSeconds }
  const emu = await startWith(t, { f }, { freezeNetwork })
  /** The extension has asked for the next event too: another call meets this environment again. */
  const settled = (requestId: string) =>
    logged(emu, ({ message }) => message.startsWith(`REPORT RequestId: ${requestId}`))
  const told = async (event: object = {}) => {
    const { text, requestId, functionError } = await emu.invoke('f', event)
    if (functionError !== undefined)
      throw new Error(`${text}\n${emu.logs.map(({ message }) => message).join('\n')}`)
    await settled(requestId)
    const lines = (JSON.parse(text) as string).trimEnd().split('\n')
    return { requestId, got: lines.flatMap((line) => JSON.parse(line) as Record[]) }
  }
  return { ...emu, told, settled }
}
