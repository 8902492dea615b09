// What a function can notice of the way to its Runtime API: the same with frames as with HTTP, and no way to break more with one than with the other.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { environmentsAtRest, startDaemon } from '../support/daemon.js'
import { projectOf, temporaryFolder } from '../support/functions.js'

// Only against hanging.
t.setTimeout(120_000)

const nodeSource = `
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const http = require('node:http')
const links = () => fs.readdirSync('/proc/self/fd').flatMap((fd) => {
  try { return [[Number(fd), fs.readlinkSync('/proc/self/fd/' + fd)]] } catch { return [] }
})
const sockets = () => links().filter(([fd, link]) => fd > 2 && link.startsWith('socket:'))
const child = "process.stdout.write(String(require('fs').readdirSync('/proc/self/fd').filter((fd) => { try { return fd > 2 && require('fs').readlinkSync('/proc/self/fd/' + fd).startsWith('socket:') } catch { return false } }).length))"
exports.handler = async ({ what }) => {
  if (what === 'look')
    return {
      argv: process.argv.length, execArgv: process.execArgv, names: Object.keys(process.env).sort(),
      resources: process.getActiveResourcesInfo(), sockets: sockets().length,
      inChild: execFileSync(process.execPath, ['-e', child]).toString(),
    }
  if (what === 'ping')
    return new Promise((resolve, reject) => {
      http.get('http://' + process.env.AWS_LAMBDA_RUNTIME_API + '/ping', (answer) => {
        answer.setEncoding('utf8').on('data', resolve)
      }).on('error', reject)
    })
  const [[fd]] = sockets()
  if (what === 'close') fs.closeSync(fd)
  if (what === 'write') fs.writeSync(fd, 'no request and no frame\\r\\n\\r\\n')
  return what
}`

const pythonSource = `
import os, socket, subprocess, sys, urllib.request
def sockets():
    found = []
    for fd in os.listdir('/proc/self/fd'):
        try:
            if os.readlink('/proc/self/fd/' + fd).startswith('socket:'): found.append(int(fd))
        except OSError: pass
    return [fd for fd in sorted(found) if fd > 2]
CHILD = '''import os
def is_socket(fd):
    try: return os.readlink('/proc/self/fd/' + fd).startswith('socket:')
    except OSError: return False
print(sum(is_socket(fd) for fd in os.listdir('/proc/self/fd') if int(fd) > 2))'''
def handler(event, context):
    what = event['what']
    if what == 'look':
        told = subprocess.run([sys.executable, '-c', CHILD], close_fds=False, capture_output=True, text=True)
        return {'argv': len(sys.argv), 'names': sorted(os.environ), 'sockets': len(sockets()), 'inChild': told.stdout.strip()}
    if what == 'ping':
        return urllib.request.urlopen('http://' + os.environ['AWS_LAMBDA_RUNTIME_API'] + '/ping').read().decode()
    if what == 'close': os.closerange(3, 1024)
    if what == 'write': os.write(sockets()[0], b'no request and no frame\\r\\n\\r\\n')
    return what
`

async function start(t: Test, channel: 'frames' | 'http') {
  const code = temporaryFolder(t)
  writeFileSync(join(code, 'index.js'), nodeSource)
  writeFileSync(join(code, 'app.py'), pythonSource)
  const project = projectOf(t, {
    node22: { runtime: 'nodejs22.x', handler: 'index.handler', code },
    node24: { runtime: 'nodejs24.x', handler: 'index.handler', code },
    python: { runtime: 'python3.12', handler: 'app.handler', code },
  })
  const variables = { LAMBDA_EMU_RUNTIME_CHANNEL: channel }
  return startDaemon(t, { project, stateDirectory: temporaryFolder(t), variables })
}

const names = ['node22', 'node24', 'python']

t.test('a function sees the same of itself over frames as over HTTP', async (t) => {
  const looks = new Map<string, unknown>()
  for (const channel of ['http', 'frames'] as const) {
    const daemon = await start(t, channel)
    for (const name of names) {
      const { body } = await daemon.invoke(name, { what: 'look' })
      if (channel === 'http') looks.set(name, body)
      else t.same(body, looks.get(name), `${name}: variables, arguments, handles and descriptors`)
      t.match(body, { sockets: 1, inChild: '0' }, `${name}: its children have none of them`)
      t.equal((await daemon.invoke(name, { what: 'ping' })).body, 'pong', `${name}: over HTTP too`)
    }
  }
})

for (const channel of ['frames', 'http'] as const) {
  t.test(
    `${channel}: a function that closes its runtime's descriptor or writes to it is answered, and so are all after it`,
    async (t) => {
      const daemon = await start(t, channel)
      for (const name of names) {
        for (const what of ['close', 'then', 'write', 'then', 'close', 'then']) {
          const { body, functionError } = await daemon.invoke(name, { what })
          t.same([body, functionError], [what, undefined], `${name}: ${what}`)
        }
      }
      const inits = daemon.journal.filter(
        (record) => record.kind === 'environment.phase' && record.to === 'initializing',
      )
      t.equal(inits.length, names.length, 'no environment had to begin anew for it')
    },
  )
}

for (const channel of ['frames', 'http'] as const) {
  t.test(
    `${channel}: an event larger than any socket's buffer waits for a frozen function and holds up nobody`,
    async (t) => {
      const daemon = await start(t, channel)
      for (const name of names) {
        await daemon.invoke(name, { what: 'then' })
        await environmentsAtRest(daemon)
        const large = { what: 'then', text: 'x'.repeat(5_000_000) }
        const { body, functionError } = await daemon.invoke(name, large)
        t.same([body, functionError], ['then', undefined], name)
      }
    },
  )
}
