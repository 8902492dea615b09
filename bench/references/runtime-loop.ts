// A reference: the least that drives a runtime client. A POST becomes the answer to the client's next, and its response that
// to the POST; no limits, logs, freezing or checks. Words: code folder, handler. Tells its port to its parent.

import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

const [codeFolder = '', handler = ''] = process.argv.slice(2)
const runtimePath = '/2018-06-01/runtime/'
const events: { readonly body: Buffer; readonly caller: ServerResponse }[] = []
const callers = new Map<string, ServerResponse>()
let parked: ServerResponse | undefined

const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => serve(request, response, Buffer.concat(parts)))
})

function serve({ url = '' }: IncomingMessage, response: ServerResponse, body: Buffer): void {
  if (!url.startsWith(runtimePath)) events.push({ body, caller: response })
  else if (url === `${runtimePath}invocation/next`) {
    if (parked === undefined && callers.size === 0) process.send?.({ port })
    parked = response
  } else {
    const [, id = '', ending = ''] = /invocation\/([^/]+)\/(\w+)$/.exec(url) ?? []
    if (ending !== 'response') throw new Error(`the runtime says ${url}: ${body}`)
    callers.get(id)?.writeHead(200, jsonOf(body)).end(body)
    callers.delete(id)
    response.writeHead(202).end()
  }
  deliver()
}

function deliver(): void {
  const event = parked === undefined ? undefined : events.shift()
  if (event === undefined) return
  const requestId = randomUUID()
  callers.set(requestId, event.caller)
  const headers = {
    ...jsonOf(event.body),
    'lambda-runtime-aws-request-id': requestId,
    'lambda-runtime-deadline-ms': `${Date.now() + 30_000}`,
    'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:000000000000:function:loop',
  }
  parked?.writeHead(200, headers).end(event.body)
  parked = undefined
}

function jsonOf(body: Buffer): OutgoingHttpHeaders {
  return { 'content-type': 'application/json', 'content-length': body.length }
}

await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo
const env = {
  PATH: process.env.PATH,
  AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
  AWS_LAMBDA_FUNCTION_NAME: 'loop',
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '1769',
  AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/loop',
  AWS_LAMBDA_LOG_STREAM_NAME: 'loop',
  LAMBDA_TASK_ROOT: codeFolder,
  _HANDLER: handler,
}
const runtime = spawn(join(codeFolder, 'bootstrap'), {
  cwd: codeFolder,
  env,
  stdio: ['ignore', 'ignore', 'inherit'],
})
runtime.on('exit', (code) => process.exit(code ?? 1))
process.on('disconnect', () => runtime.kill('SIGKILL'))
