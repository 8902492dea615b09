// The connection that the Node runtime makes of a descriptor, by Node's handle and by node:net: bytes, order, pressure and ends.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import t, { type Test } from 'tap'
import { repositoryRoot } from '../../support/paths.js'

const file = join(repositoryRoot, 'runtimes/nodejs/inherited-connection.cjs')

/** Runs with `connection`, a connection on descriptor 3, and `bytes` and `closed`, which it may set. */
function program(script: string): string {
  return `
let bytes = () => {}
let closed = () => {}
const { openInherited } = require(${JSON.stringify(file)})
const connection = openInherited(3, { bytes: (given) => bytes(given), closed: () => closed() })
const netLoaded = () => process.moduleLoadList.includes('NativeModule net')
const say = (text) => require('node:fs').writeSync(1, text + '\\n')
${script}`
}

interface Run {
  readonly child: ChildProcess
  readonly far: Duplex
  readonly output: () => string
  readonly ended: Promise<unknown[]>
}

function run(t: Test, script: string, env: Readonly<Record<string, string>> = {}): Run {
  const child = spawn(process.execPath, ['-e', program(script)], {
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
    env: { PATH: process.env.PATH, ...env },
  })
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  return { child, far: child.stdio[3] as Duplex, output: () => output, ended: once(child, 'close') }
}

const ways = {
  'by the handle': {},
  'by node:net, asked for in a variable': { NODE_PENDING_DEPRECATION: '1' },
  'by node:net, asked for in the options': { NODE_OPTIONS: '--pending-deprecation' },
} as const

for (const [way, env] of Object.entries(ways)) {
  t.test(`${way}: what comes is given on, what is written arrives in order`, async (t) => {
    const script = `
let text = ''
bytes = (given) => {
  text += given.toString()
  if (text !== 'onetwo') return
  connection.write(Buffer.from('a'), () => say('a is written'))
  connection.write(Buffer.alloc(8_000_000, 'b'), () => say('b is written'))
  say('writing ' + connection.writing)
  connection.write(Buffer.from('c'), undefined)
}
closed = () => say('closed, net ' + netLoaded())`
    const { far, output, ended } = run(t, script, env)
    let received = ''
    far.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
      if (received.length === 8_000_002) far.end()
    })
    far.write('one')
    far.write('two')
    t.same((await ended).slice(0, 1), [0])
    t.equal(received, `a${'b'.repeat(8_000_000)}c`)
    const lines = output().trim().split('\n')
    t.same(lines.slice(0, 1), ['writing true'])
    t.same(lines.slice(1, -1).sort(), ['a is written', 'b is written'].sort())
    t.equal(lines.at(-1), `closed, net ${way !== 'by the handle'}`)
  })

  t.test(`${way}: links are resolved as if nothing had been opened`, async (t) => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'inherited-')))
    t.teardown(() => rmSync(folder, { recursive: true }))
    mkdirSync(join(folder, 'store/package'), { recursive: true })
    writeFileSync(join(folder, 'store/package/index.js'), 'exports.filename = __filename')
    symlinkSync('store/package', join(folder, 'link'))
    writeFileSync(join(folder, 'index.js'), "exports.filename = require('./link').filename")
    const script = `say(require(${JSON.stringify(folder)}).filename); connection.unref()`
    const { output, ended } = run(t, script, env)
    await ended
    t.equal(output(), `${join(folder, 'store/package/index.js')}\n`)
  })

  t.test(`${way}: unref lets the process end, ref holds it`, async (t) => {
    const script = `
connection.unref()
process.once('beforeExit', () => {
  say('nothing to do')
  connection.ref()
  bytes = () => connection.unref()
  connection.write(Buffer.from('?'))
})
process.on('exit', () => say('exit'))`
    const { far, output, ended } = run(t, script, env)
    far.once('data', () => far.write('!'))
    t.same((await ended).slice(0, 1), [0])
    t.equal(output(), 'nothing to do\nexit\n')
  })

  t.test(`${way}: writing to who has gone closes it, once`, async (t) => {
    const script = `
let times = 0
closed = () => { times += 1; say('closed ' + times) }
const interval = setInterval(() => {
  connection.write(Buffer.from('x'), undefined)
  if (times > 0) clearInterval(interval)
}, 1)`
    const { far, output, ended } = run(t, script, env)
    far.destroy()
    t.same((await ended).slice(0, 1), [0])
    t.equal(output(), 'closed 1\n')
  })
}

t.test('a descriptor that is no socket is refused', async (t) => {
  const child = spawn(process.execPath, ['-e', program('')], {
    stdio: ['ignore', 'ignore', 'pipe', openSync(file, 'r')],
    env: { PATH: process.env.PATH },
  })
  t.teardown(() => child.kill('SIGKILL'))
  const chunks: Buffer[] = []
  child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk))
  const [code] = await once(child, 'close')
  t.equal(code, 1)
  t.match(Buffer.concat(chunks).toString(), /Error: /)
})
