// The functions of the behaviour table: their event says what they do, in Node, in Python and over the bare Runtime API.

import type { WrittenFunction } from '../support/in-process.js'

const nodeSource = `
const fs = require('node:fs'), os = require('node:os'), path = require('node:path'), http = require('node:http')
const kept = path.join(os.tmpdir(), 'kept')
const hang = () => new Promise(() => setInterval(() => {}, 1000))
let calls = 0
const acts = {
  echo: ({ value }) => value,
  put: ({ text }) => fs.writeFileSync(kept, text),
  look: () => ({ calls, kept: fs.existsSync(kept) ? fs.readFileSync(kept, 'utf8') : null }),
  env: ({ names }) => Object.fromEntries(names.map((name) => [name, process.env[name] ?? null])),
  envNames: ({ like }) => Object.keys(process.env).filter((name) => new RegExp(like).test(name)).sort(),
  fields: (_, context) => Object.keys(context),
  context: (_, context) => ({ ...context }),
  remaining: async ({ sleepMs }, context) => {
    const before = context.getRemainingTimeInMillis()
    await new Promise((resolve) => setTimeout(resolve, sleepMs))
    return [before <= 3000, before > 2000, before - context.getRemainingTimeInMillis() >= sleepMs - 2]
  },
  trace: (_, { awsRequestId }) => /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=[01]/.test(process.env._X_AMZN_TRACE_ID),
  throw: () => { throw new RangeError('thrown') },
  throwValue: ({ value }) => { throw value },
  exit: ({ code }) => process.exit(code),
  kill: ({ signal }) => { process.kill(process.pid, signal); return hang() },
  uncaught: () => { setTimeout(() => { throw new Error('uncaught') }, 1); return hang() },
  rejects: () => { Promise.reject(new Error('rejected')); return hang() },
  never: () => new Promise(() => {}),
  hang,
  size: ({ bytes }) => 'x'.repeat(bytes - 2),
  circular: () => { const loop = {}; loop.loop = loop; return loop },
  special: () => ({ date: new Date(0), missing: undefined, nan: NaN, text: 'é😀', buffer: Buffer.from('abc') }),
  nothing: () => undefined,
  log: () => { console.log('one %s', 'two'); console.info({ a: 1 }); console.warn('careful'); console.error(new TypeError('seen').message); console.debug('deep'); process.stdout.write('raw\\n'); process.stderr.write('error\\n') },
  lines: () => { console.log('first\\nsecond') },
  print: ({ text }) => { fs.writeSync(1, text) },
  long: ({ bytes }) => { console.log('y'.repeat(bytes)) },
  later: () => { setTimeout(() => console.log('afterwards'), 300) },
  wait: ({ ms }) => new Promise((resolve) => setTimeout(resolve, ms)),
  metadata: ({ token = process.env.AWS_LAMBDA_METADATA_TOKEN }) => new Promise((resolve, reject) => {
    const headers = { authorization: 'Bearer ' + token }
    http.get('http://' + process.env.AWS_LAMBDA_METADATA_API + '/2026-01-15/metadata/execution-environment', { headers }, (answer) => {
      let body = ''
      answer.on('data', (piece) => { body += piece }).on('end', () => resolve([answer.statusCode, body]))
    }).on('error', reject)
  }),
}
exports.handler = async (event, context) => {
  calls += 1
  return acts[event.do](event, context)
}
exports.callback = (event, context, callback) => {
  const ways = {
    result: () => callback(null, { done: true }),
    error: () => callback(new Error('called back')),
    text: () => callback('only text'),
    open: () => { setTimeout(() => console.log('the loop is empty'), 30); callback(null, 'early') },
    early: () => { context.callbackWaitsForEmptyEventLoop = false; setTimeout(() => {}, 60_000); callback(null, 'early') },
    succeed: () => context.succeed('succeeded'),
    fail: () => context.fail(new Error('failed')),
    nothing: () => {},
    value: () => 'returned',
  }
  return ways[event.way]()
}
exports.two = (event, context) => 'returned'
`

const streamSource = `
const written = (stream, piece) => new Promise((resolve) => stream.write(piece, resolve))
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  if (event.prelude) stream = awslambda.HttpResponseStream.from(stream, event.prelude)
  if (event.type) stream.setContentType(event.type)
  for (const piece of event.pieces ?? []) await written(stream, piece)
  if (event.throw) throw new TypeError('late')
  if (event.exit) process.exit(event.exit)
  stream.end()
})`

const pythonSource = `
import json, logging, os, signal, sys, tempfile, threading, time
kept = os.path.join(tempfile.gettempdir(), 'kept')
calls = 0

class Own(Exception):
    pass

def look(event, context):
    text = open(kept).read() if os.path.exists(kept) else None
    return {'calls': calls, 'kept': text}

def put(event, context):
    with open(kept, 'w') as file:
        file.write(event['text'])

def raises(event, context):
    raise Own(event.get('message', 'raised'))

def context_of(event, context):
    names = ['aws_request_id', 'log_group_name', 'log_stream_name', 'function_name', 'memory_limit_in_mb', 'function_version', 'invoked_function_arn', 'tenant_id']
    told = {name: getattr(context, name) for name in names}
    told['client_context'] = context.client_context and {'custom': context.client_context.custom, 'env': context.client_context.env}
    told['identity'] = [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id]
    return told

def remaining(event, context):
    before = context.get_remaining_time_in_millis()
    time.sleep(event['sleepMs'] / 1000)
    after = context.get_remaining_time_in_millis()
    return [isinstance(before, int), 2000 < before <= 3000, before - after >= event['sleepMs'] - 2]

def log(event, context):
    print('printed')
    logger = logging.getLogger()
    logger.info('quiet')
    logger.warning('careful %s', 1)
    logger.error('wrong')
    print('error', file=sys.stderr)

acts = {
    'echo': lambda event, context: event['value'],
    'look': look, 'put': put, 'raise': raises, 'context': context_of, 'remaining': remaining, 'log': log,
    'env': lambda event, context: {name: os.environ.get(name) for name in event['names']},
    'exit': lambda event, context: os._exit(event['code']),
    'sysexit': lambda event, context: sys.exit(event['code']),
    'kill': lambda event, context: os.kill(os.getpid(), event['signal']),
    'hang': lambda event, context: time.sleep(60),
    'set': lambda event, context: {1, 2},
    'bytes': lambda event, context: b'abc',
    'special': lambda event, context: {'nan': None, 'text': 'é😀', 'tuple': (1, 2), 3: True},
    'size': lambda event, context: 'x' * (event['bytes'] - 2),
    'thread': lambda event, context: threading.Thread(target=lambda: 1 / 0).start(),
    'memory': lambda event, context: len(b'x' * (event['mb'] << 20)),
}

def handler(event, context):
    global calls
    calls += 1
    return acts[event['do']](event, context)
`

/** Fails, hangs or dawdles at its first start or at each, as its variables say; a file in /tmp tells one from the other. */
const initSource = `
const fs = require('node:fs'), os = require('node:os'), path = require('node:path')
const marker = path.join(os.tmpdir(), 'started')
const first = !fs.existsSync(marker)
fs.writeFileSync(marker, '')
console.log(first ? 'first start' : 'started again')
const stay = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
if (first || process.env.EACH) {
  if (process.env.FAIL === 'throw') throw new RangeError('in init')
  if (process.env.FAIL === 'exit') process.exit(7)
  if (process.env.FAIL === 'kill') { process.kill(process.pid, 'SIGKILL'); stay(60_000) }
  if (process.env.FAIL === 'stay') stay(Number(process.env.STAY_MS))
}
exports.handler = async () => first ? 'first' : 'again'
`

/** A bootstrap of its own: what it does with an event is what a bad one might do. Run by this very Node. */
const bootstrap = `#!${process.execPath}
const http = require('node:http'), net = require('node:net')
const api = process.env.AWS_LAMBDA_RUNTIME_API
const base = '/2018-06-01/runtime'
const [host, port] = api.split(':')
const call = (method, path, body, headers = {}) => new Promise((resolve, reject) => {
  const request = http.request({ host, port, method, path: base + path, headers }, (answer) => {
    const pieces = []
    answer.on('data', (piece) => pieces.push(piece)).on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces).toString() }))
  }).on('error', reject)
  request.end(body)
})
/** Sends bytes and ends its side, or breaks the connection; resolves with what came. */
const raw = (text, breaks) => new Promise((resolve) => {
  const socket = net.connect({ host, port, allowHalfOpen: true })
  let came = ''
  socket.on('data', (piece) => { came += piece }).on('close', () => resolve(came)).on('error', () => {}).on('end', () => socket.end())
  socket.write(text, () => breaks ? setTimeout(() => socket.resetAndDestroy(), 20) : socket.end())
})
const acts = {
  echo: (id, event) => call('POST', '/invocation/' + id + '/response', JSON.stringify(event.value)),
  text: (id) => call('POST', '/invocation/' + id + '/response', 'no JSON', { 'content-type': 'text/plain' }),
  error: (id, event) => call('POST', '/invocation/' + id + '/error', event.body, event.type ? { 'lambda-runtime-function-error-type': event.type } : {}),
  headers: (id, event, headers) => call('POST', '/invocation/' + id + '/response', JSON.stringify(Object.keys(headers).filter((name) => name.startsWith('lambda-')).sort())),
  attempt: async (id, event, headers) => {
    const wrong = await call('POST', '/invocation/' + id + '/response', '1', { 'lambda-runtime-invocation-id': 'x' })
    const right = { 'lambda-runtime-invocation-id': headers['lambda-runtime-invocation-id'] }
    return call('POST', '/invocation/' + id + '/response', JSON.stringify([wrong.status, JSON.parse(wrong.body).errorType]), right)
  },
  twice: async (id) => {
    await call('POST', '/invocation/' + id + '/response', '"first"')
    const again = await call('POST', '/invocation/' + id + '/response', '"second"')
    console.log('twice: ' + again.status + ' ' + JSON.parse(again.body).errorType)
  },
  mode: async (id) => {
    const { status, body } = await call('POST', '/invocation/' + id + '/response', '1', { 'lambda-runtime-function-response-mode': 'Streaming' })
    console.log('mode: ' + status + ' ' + JSON.parse(body).errorType)
  },
  size: async (id, event) => {
    const { status } = await call('POST', '/invocation/' + id + '/response', Buffer.alloc(event.bytes, 120))
    console.log('size: ' + status)
  },
  cut: async (id, event) => {
    const head = 'POST ' + base + '/invocation/' + id + '/response HTTP/1.1\\r\\nHost: ' + api + '\\r\\nContent-Length: 100\\r\\n\\r\\n"half'
    const came = await raw(head, event.breaks)
    console.log('cut: ' + (came.slice(9, 12) || 'nothing'))
  },
  initError: async (id, event) => {
    const { status, body } = await call('POST', '/init/error', '{}')
    return call('POST', '/invocation/' + id + '/response', JSON.stringify([status, JSON.parse(body).errorMessage]))
  },
  again: async (id, event) => {
    const same = await call('GET', '/invocation/next')
    return call('POST', '/invocation/' + id + '/response', JSON.stringify([same.status, same.headers['lambda-runtime-aws-request-id'] === id, JSON.parse(same.body).do]))
  },
  silent: () => {},
  env: (id, { names }) => call('POST', '/invocation/' + id + '/response', JSON.stringify(Object.fromEntries(names.map((name) => [name, process.env[name] ?? null])))),
  exit: (id, event) => process.exit(event.code),
  answerAndExit: async (id) => { await call('POST', '/invocation/' + id + '/response', '"last words"'); process.exit(3) },
}
async function main() {
  if (process.env.INIT_ERROR) {
    await call('POST', '/init/error', JSON.stringify({ errorType: 'Own.Type', errorMessage: 'own init' }), { 'lambda-runtime-function-error-type': process.env.INIT_ERROR })
    if (process.env.INIT_EXIT) process.exit(Number(process.env.INIT_EXIT))
    return void setInterval(() => {}, 1000)
  }
  for (;;) {
    const { headers, body } = await call('GET', '/invocation/next')
    const event = JSON.parse(body)
    await acts[event.do](headers['lambda-runtime-aws-request-id'], event, headers)
  }
}
main()
`

const node = (more: Partial<WrittenFunction> = {}): WrittenFunction => ({
  files: { 'index.js': nodeSource },
  ...more,
})
const python = (more: Partial<WrittenFunction> = {}): WrittenFunction => ({
  runtime: 'python3.12',
  files: { 'app.py': pythonSource },
  ...more,
})
const starts = (environment: Readonly<Record<string, string>>, timeoutSeconds = 10) =>
  ({ files: { 'index.js': initSource }, environment, timeoutSeconds }) satisfies WrittenFunction
const provided = (more: Partial<WrittenFunction> = {}): WrittenFunction => ({
  runtime: 'provided.al2023',
  handler: 'any.thing',
  files: { bootstrap },
  ...more,
})
const json = (more: Readonly<Record<string, string>> = {}) => ({ format: 'JSON', ...more })
/** Long enough for a start inside an invocation on a busy machine. */
const short = { timeoutSeconds: 3 }

export const functions = {
  node: node(),
  node24: node({ runtime: 'nodejs24.x' }),
  python: python(),
  provided: provided(),
  short: node(short),
  shortPython: python(short),
  shortProvided: provided(short),
  callback: node({ handler: 'index.callback', timeoutSeconds: 5 }),
  two: node({ handler: 'index.two' }),
  two24: node({ handler: 'index.two', runtime: 'nodejs24.x' }),
  small: python({ memoryMb: 256 }),
  variables: node({
    memoryMb: 512,
    environment: { OWN: 'value', TZ: 'Europe/Vienna', PATH: '/own' },
  }),
  json: node({ logging: json() }),
  jsonDebug: node({ logging: json({ applicationLevel: 'DEBUG', systemLevel: 'DEBUG' }) }),
  jsonQuiet: node({ logging: json({ applicationLevel: 'ERROR', systemLevel: 'WARN' }) }),
  jsonPython: python({ logging: json() }),
  jsonShort: node({ ...short, logging: json() }),
  stream: { files: { 'index.js': streamSource } },
  stream24: { files: { 'index.js': streamSource }, runtime: 'nodejs24.x' },
  initThrows: starts({ FAIL: 'throw', EACH: '1' }),
  initThrowsOnce: starts({ FAIL: 'throw' }),
  initExits: starts({ FAIL: 'exit', EACH: '1' }),
  initExitsOnce: starts({ FAIL: 'exit' }),
  initKilledOnce: starts({ FAIL: 'kill' }),
  initPython: { runtime: 'python3.12', files: { 'app.py': 'print("loading")\n1 / 0\n' } },
  initError: provided({ environment: { INIT_ERROR: 'Runtime.OwnInit' } }),
  initErrorAndExit: provided({ environment: { INIT_ERROR: 'Own.Other', INIT_EXIT: '5' } }),
  noModule: { files: { 'index.js': 'require("missing")' } },
  noHandler: { handler: 'index.missing', files: { 'index.js': '' } },
  noModulePython: { runtime: 'python3.12', files: { 'app.py': 'import missing' } },
  noHandlerPython: { runtime: 'python3.12', handler: 'app.missing', files: { 'app.py': '' } },
  threeParameters24: {
    runtime: 'nodejs24.x',
    files: { 'index.js': 'exports.handler = (event, context, callback) => callback(null, 1)' },
  },
  staysOnce: starts({ FAIL: 'stay', STAY_MS: '60000' }),
  staysLonger: starts({ FAIL: 'stay', STAY_MS: '3500', EACH: '1' }),
  staysForever: starts({ FAIL: 'stay', STAY_MS: '60000', EACH: '1' }, 3),
} satisfies Readonly<Record<string, WrittenFunction>>

export type FunctionName = keyof typeof functions
