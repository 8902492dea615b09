// Functions that mean harm, each with the one attack that its name says; the platform has to end or to bear them.

import type { WrittenFunction } from '../support/in-process.js'

function python(code: string, settings: Partial<WrittenFunction> = {}): WrittenFunction {
  return { runtime: 'python3.12', timeoutSeconds: 30, files: { 'app.py': code }, ...settings }
}

function node(code: string, settings: Partial<WrittenFunction> = {}): WrittenFunction {
  return { timeoutSeconds: 30, files: { 'index.js': code }, ...settings }
}

/** Every process forks for ever; who is refused notes it once. */
const forkBomb = python(
  `
import os
def handler(event, context):
    if event.get('calm'):
        return 'calm'
    os.open('/tmp/bomb', os.O_CREAT | os.O_WRONLY)
    while True:
        try:
            os.fork()
        except OSError as error:
            if not os.path.exists('/tmp/refused'):
                own = f'/tmp/{os.getpid()}'
                with open(own, 'w') as file:
                    file.write(str(error.errno))
                os.rename(own, '/tmp/refused')
`,
  { timeoutSeconds: 4 },
)

/** Over and over for as long as it is told. */
const descriptors = python(`
import os, time
def take():
    held = []
    try:
        for each in range(2000):
            held.append(os.open('/dev/null', os.O_RDONLY))
        return { 'errno': 0, 'highest': max(held) }
    except OSError as error:
        return { 'errno': error.errno, 'highest': max(held) }
    finally:
        for each in held:
            os.close(each)
def handler(event, context):
    until = time.monotonic() + event['forMs'] / 1000
    while time.monotonic() < until:
        taken = take()
    return taken
`)

const fullTmp = python(`
import os
def fill(path, most):
    written = 0
    file = os.open(path, os.O_CREAT | os.O_WRONLY)
    part = b'x' * 1024 * 1024
    try:
        while written < most:
            written += os.write(file, part)
        return written, 0
    except OSError as error:
        return written, error.errno
    finally:
        os.close(file)
def handler(event, context):
    written, errno = fill('/tmp/full', 2 * 1024 ** 3)
    os.unlink('/tmp/full')
    again, refused = fill('/tmp/again', 100 * 1024 ** 2)
    os.unlink('/tmp/again')
    return { 'writtenMb': written / 1024 ** 2, 'errno': errno, 'againMb': again / 1024 ** 2, 'refused': refused }
`)

const millionFiles = python(
  `
import os, shutil
def handler(event, context):
    made = 0
    errno = 0
    try:
        for folder in range(1000):
            os.mkdir('/tmp/%d' % folder)
            for file in range(1000):
                os.close(os.open('/tmp/%d/%d' % (folder, file), os.O_CREAT | os.O_WRONLY))
                made += 1
    except OSError as error:
        errno = error.errno
    for name in os.listdir('/tmp'):
        if name.isdigit():
            shutil.rmtree('/tmp/' + name)
    os.mkdir('/tmp/after')
    os.rmdir('/tmp/after')
    return { 'made': made, 'errno': errno }
`,
  { timeoutSeconds: 60 },
)

const threads = python(`
import threading
def handler(event, context):
    over = threading.Event()
    started = []
    refused = None
    try:
        for each in range(2000):
            thread = threading.Thread(target=over.wait)
            thread.start()
            started.append(thread)
    except RuntimeError as error:
        refused = str(error)
    over.set()
    for thread in started:
        thread.join()
    return { 'started': len(started), 'refused': refused }
`)

/** Four threads go on for ever, before, at and after every freeze. */
const spins = node(
  `
const { Worker } = require('node:worker_threads')
for (let each = 0; each < 4; each += 1) new Worker('for (;;);', { eval: true })
exports.handler = async ({ forMs }) => {
  const untilMs = Date.now() + forMs
  while (Date.now() < untilMs);
  return 'still here'
}`,
  { memoryMb: 3008 },
)

/** Leaves a process behind that no signal but one ends, in a session of its own, whose parents are gone. */
const survivor = python(
  `
import os, signal, time
def leave():
    if os.fork() != 0:
        return
    os.setsid()
    if os.fork() != 0:
        os._exit(0)
    for each in range(1, 65):
        try:
            signal.signal(each, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        time.sleep(0.01)
def handler(event, context):
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    for each in range(5):
        leave()
    while event.get('hang'):
        time.sleep(1)
    return os.getpid()
`,
  { timeoutSeconds: 3 },
)

const never = node('exports.handler = () => new Promise(() => setInterval(() => {}, 1000))', {
  timeoutSeconds: 2,
})

/** A runtime of its own that answers every event as its `mode` says. */
const ownRuntime: WrittenFunction = {
  runtime: 'provided.al2023',
  handler: 'bootstrap',
  timeoutSeconds: 2,
  files: {
    bootstrap: `#!${process.execPath}
const { request } = require('node:http')
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':')
function call(method, path, body, trickle) {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, method, path: '/2018-06-01/runtime/invocation/' + path }, (answer) => {
      let text = ''
      answer.on('data', (part) => { text += part })
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }))
    })
    outgoing.on('error', reject)
    if (!trickle) return outgoing.end(body)
    outgoing.flushHeaders()
    setInterval(() => outgoing.write('x'), 1000)
  })
}
let last
async function main() {
  for (;;) {
    const { headers, text } = await call('GET', 'next')
    const id = headers['lambda-runtime-aws-request-id']
    const { mode } = JSON.parse(text)
    if (mode === 'trickle') await call('POST', id + '/response', '', true)
    if (mode === 'wrong-id') last = await call('POST', '00000000-0000-0000-0000-000000000000/response', '"wrong"')
    const answer = JSON.stringify({ mode, last: last && { status: last.status, text: last.text } })
    last = await call('POST', id + '/response', answer)
    if (mode === 'twice') last = await call('POST', id + '/response', '"second"')
  }
}
main()
`,
  },
}

/** Writes so many bytes of lines of a length as fast as they are taken. */
const storm = python(
  `
import os
def handler(event, context):
    left = event['bytes']
    part = (b'x' * (event['line'] - 1) + b'\\n') * (65536 // event['line'])
    while left > 0:
        left -= os.write(1, part)
    return 'all of it'
`,
  { timeoutSeconds: 10 },
)

export const hostileFunctions = {
  forkBomb,
  descriptors,
  fullTmp,
  millionFiles,
  threads,
  spins,
  survivor,
  never,
  ownRuntime,
  storm,
} as const satisfies Readonly<Record<string, WrittenFunction>>

export type HostileName = keyof typeof hostileFunctions
