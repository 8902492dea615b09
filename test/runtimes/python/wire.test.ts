// What the Python runtime says on the wire and survives on it, and what a handler sees around itself.

import { execFileSync } from 'node:child_process'
import t from 'tap'
import { httpAnswer, python, runClient } from './client-harness.js'

const one = 'def handler(event, context):\n    return 1\n'
const version = execFileSync(python, ['--version'], { encoding: 'utf8' }).trim().split(' ')[1]

t.jobs = 1

t.test('the answer and the next question leave together, on one connection', async (t) => {
  const { requests, end } = await runClient({ source: one, events: ['{}', '{}', '{}'] })
  t.same(
    requests.map(({ line, pipelined, connection }) => [
      line.split(' ')[1]?.slice(19),
      pipelined,
      connection,
    ]),
    [
      ['/invocation/next', false, 1],
      ...['ID1', 'ID2', 'ID3'].flatMap((id) => [
        [`/invocation/${id}/response`, false, 1],
        ['/invocation/next', true, 1],
      ]),
    ],
  )
  t.equal(end, 'alive')
})

t.test('requests carry the headers of the official client', async (t) => {
  const events = [{ body: '{}', headers: { 'Lambda-Runtime-Invocation-Id': 'attempt-1' } }]
  const { requests } = await runClient({ source: one, events })
  const agent = `aws-lambda-python/${version}-4.2.2`
  const [first, post] = requests.map(({ headers }) => Object.fromEntries(headers))
  const host = first?.host
  t.same(first, { host, accept: '*/*', 'user-agent': agent })
  t.same(post, {
    host,
    accept: '*/*',
    'content-type': 'application/json',
    'user-agent': agent,
    'lambda-runtime-invocation-id': 'attempt-1',
    'content-length': '1',
  })
})

t.test('bytes are of an unknown content type', async (t) => {
  const { posts } = await runClient({ source: 'def handler(event, context):\n    return b"abc"\n' })
  t.equal(posts[0]?.headers.get('content-type'), 'application/unknown')
})

t.test('an error carries its cause for X-Ray, and no error type', async (t) => {
  const source = 'def handler(event, context):\n    raise Exception("é")\n'
  const { posts, task } = await runClient({ source })
  const headers = posts[0]?.headers
  const path = `${task}/index.py`
  t.equal(
    headers?.get('lambda-runtime-function-xray-error-cause'),
    `{"working_directory": "${task}", "exceptions": [{"message": "\\u00e9", "type": "Exception", "stack": [{"label": "handler", "path": "${path}", "line": 2}]}], "paths": ["${path}"]}`,
  )
  t.equal(headers?.get('content-type'), 'application/json')
  t.equal(headers?.has('lambda-runtime-function-error-type'), false)
})

t.test('a cause of 900 kB is sent, one of 1 MiB is left out', async (t) => {
  const source = 'def handler(event, context):\n    raise Exception("x" * event)\n'
  const { posts } = await runClient({ source, events: ['900000', '1048576'] })
  t.ok((posts[0]?.headers.get('lambda-runtime-function-xray-error-cause')?.length ?? 0) > 900_000)
  t.equal(posts[1]?.headers.get('lambda-runtime-function-xray-error-cause') ?? '', '')
  t.ok((posts[1]?.body.length ?? 0) > 1_048_576, 'the body is whole')
})

t.test('an init error names its type in a header and has no content type', async (t) => {
  const { posts, requests } = await runClient({ source: 'raise ValueError("load")\n' })
  t.equal(requests.length, 1, 'no event was asked for')
  t.same(Object.fromEntries(posts[0]?.headers ?? []), {
    host: posts[0]?.headers.get('host'),
    'accept-encoding': 'identity',
    'content-length': String(posts[0]?.body.length),
    'lambda-runtime-function-error-type': 'ValueError',
  })
  const { stackTrace, ...body } = JSON.parse(posts[0]?.body.toString() ?? '{}')
  t.same(body, { errorMessage: 'load', errorType: 'ValueError', requestId: '' })
  t.equal(
    stackTrace.some((text: string) => text.includes('lambda_bootstrap')),
    false,
  )
  t.match(stackTrace[0], /importlib\/__init__\.py", line \d+, in import_module\n/)
})

t.test('6 MB and more go both ways whole', async (t) => {
  const event = JSON.stringify('é'.repeat(3_400_000))
  const source = 'def handler(event, context):\n    return [len(event), event]\n'
  const env = { AWS_EXECUTION_ENV: 'AWS_Lambda_python3.12' }
  const { posts, end } = await runClient({ source, env, events: [event, '"again"'] })
  t.equal(posts[0]?.body.toString() === `[3400000, ${event}]`, true, 'byte for byte')
  t.equal(posts[1]?.body.toString(), '[5, "again"]')
  t.equal(end, 'alive')
})

t.test('an event in chunks, behind an interim answer, is put together', async (t) => {
  const nextAnswer = (_n: number, usual: Buffer) => {
    const [head = '', body = ''] = usual.toString().split('\r\n\r\n')
    const headers = head.replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked')
    const chunks = [...body].map((character) => `1;x=y\r\n${character}\r\n`).join('')
    return Buffer.from(
      `HTTP/1.1 100 Continue\r\n\r\n${headers}\r\n\r\n${chunks}0\r\nTrailer: x\r\n\r\n`,
    )
  }
  const source = 'def handler(event, context):\n    return event\n'
  const { posts } = await runClient({ source, events: ['{"a": 12}', '[3]'], nextAnswer })
  t.same(
    posts.map(({ body }) => body.toString()),
    ['{"a": 12}', '[3]'],
  )
})

t.test('a server that closes between two requests is called again', async (t) => {
  const { posts, requests, end } = await runClient({
    source: one,
    nextAnswer: (n, usual) =>
      n === 1
        ? Buffer.from(
            usual.toString().replace('HTTP/1.1 200 OK', 'HTTP/1.1 200 OK\r\nConnection: close'),
          )
        : usual,
    events: ['{}', '{}'],
  })
  t.same(
    posts.map(({ connection }) => connection),
    [2, 2],
  )
  t.equal(requests.filter(({ line }) => line.includes('/next')).length, 3)
  t.equal(end, 'alive')
})

t.test(
  'a server that closes after an answer gets the next question on a new connection',
  async (t) => {
    const { posts, requests, end } = await runClient({
      source: one,
      postAnswer: (post) =>
        post.line.includes('ID1') ? httpAnswer(202, 'ok', 'Connection: close\r\n') : undefined,
      events: ['{}'],
    })
    t.equal(posts.length, 1, 'the answer is not posted twice')
    t.equal(requests.at(-1)?.connection, 2)
    t.equal(end, 'alive')
  },
)

t.test('a server that hangs up while an event is awaited is called again', async (t) => {
  const { requests, posts, end } = await runClient({
    source: one,
    events: [],
    whenParked: async ({ hangUp, deliver, requested }) => {
      hangUp()
      await requested(2)
      deliver('{}')
      await requested(4)
    },
  })
  t.same(
    requests.map(({ connection }) => connection),
    [1, 2, 2, 2],
  )
  t.equal(posts.length, 1)
  t.equal(end, 'alive')
})

t.test('threads run while an event is awaited', async (t) => {
  const source = `import threading
def tick():
    for number in range(5):
        print("tick", number)
def handler(event, context):
    threading.Timer(0.05, tick).start()
    return 1
`
  const { stdout } = await runClient({
    source,
    whenParked: ({ seen }) => seen('stdout', /tick 4\n/),
  })
  t.equal(stdout, [0, 1, 2, 3, 4].map((number) => `tick ${number}\n`).join(''))
})

t.test('a line is out at once, while the handler is still running', async (t) => {
  const source = 'import os\ndef handler(event, context):\n    print("now")\n    os.abort()\n'
  const { stdout, end } = await runClient({ source })
  t.equal(stdout, 'now\n')
  t.equal(end, 'SIGABRT')
})

t.test('stopping and continuing the process while it waits does not disturb it', async (t) => {
  const { posts, end } = await runClient({
    source: `import signal\nsignal.signal(signal.SIGCONT, lambda *a: print("continued"))\n${one}`,
    env: { AWS_EXECUTION_ENV: 'AWS_Lambda_python3.12' },
    whenParked: async ({ child, seen, deliver, requests, requested }) => {
      child.kill('SIGSTOP')
      child.kill('SIGCONT')
      await seen('stdout', /continued\n/)
      const before = requests.length
      deliver('{}')
      await requested(before + 2)
    },
  })
  t.same(
    posts.map(({ line }) => line.split('/')[4]),
    ['ID1', 'ID2'],
  )
  t.equal(end, 'alive')
})

t.test('before 3.12 a signal handler waits for the next event', async (t) => {
  const source = `import signal
seen = []
signal.signal(signal.SIGTERM, lambda *a: seen.append(1))
def handler(event, context):
    return len(seen)
`
  const { posts } = await runClient({
    source,
    whenParked: async ({ child, deliver, requests, requested }) => {
      child.kill('SIGTERM')
      const before = requests.length
      deliver('{}')
      await requested(before + 2)
    },
  })
  t.same(
    posts.map(({ body }) => body.toString()),
    ['0', '1'],
  )
})

t.test('a default socket timeout of the function does not reach the client', async (t) => {
  const { requests, end } = await runClient({
    source: `import socket\nsocket.setdefaulttimeout(0.001)\n${one}`,
    events: [],
    whenParked: async ({ hangUp, requested }) => {
      hangUp()
      await requested(2)
    },
  })
  t.equal(requests.length, 2)
  t.equal(end, 'alive')
})
