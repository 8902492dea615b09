// The tail of a log is exactly what was written before the reply; the log is what the function printed, line for line.

import t from 'tap'
import { logged, startWith } from '../support/in-process.js'
import { thorough } from '../support/modes.js'

const storm = `
  const fs = require('fs')
  exports.handler = async ({ bytes, late, sleepMs }) => {
    const line = 'x'.repeat(99) + '\\n'
    if (bytes === 1) fs.writeSync(1, 'b')
    else {
      const block = Buffer.from(line.repeat(655))
      let left = bytes
      while (left > 0) { left -= fs.writeSync(1, block, 0, Math.min(left, block.length)) }
    }
    if (late) setTimeout(() => fs.writeSync(1, 'TARDY\\n'), 200)
    if (sleepMs) await new Promise((resolve) => setTimeout(resolve, sleepMs))
    return 'done'
  }`

t.test('tail holds exactly what was written before the reply: one byte', async (t) => {
  const emu = await startWith(t, { storm: { files: { 'index.js': storm } } })
  for (let round = 0; round < 30; round += 1) {
    const { tail, requestId } = await emu.invoke('storm', { bytes: 1 }, { tail: true })
    const [start, byte, end, report, nothing] = tail.split('\n')
    t.equal(start, `START RequestId: ${requestId} Version: $LATEST`)
    t.equal(byte, 'b')
    t.equal(end, `END RequestId: ${requestId}`)
    t.match(
      report,
      /^REPORT RequestId: \S+\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 1769 MB\tMax Memory Used: \d+ MB\t(Init Duration: [\d.]+ ms\t)?$/,
    )
    t.equal(nothing, '')
  }
})

const manyMb = thorough ? 50 : 10

t.test(`tail holds exactly what was written before the reply: ${manyMb} MB of lines`, async (t) => {
  const emu = await startWith(t, { storm: { timeoutSeconds: 60, files: { 'index.js': storm } } })
  const bytes = manyMb * 1024 * 1024
  const lines = Math.floor(bytes / 100)
  let counted = 0
  emu.emulator.onLog(({ source }) => {
    if (source === 'function') counted += 1
  })
  const { tail, requestId, text } = await emu.invoke('storm', { bytes }, { tail: true })
  t.equal(text, '"done"')
  t.equal(Buffer.byteLength(tail), 4096)
  const closing = tail.slice(tail.indexOf('END RequestId'))
  t.match(
    closing,
    new RegExp(`^END RequestId: ${requestId}\\nREPORT RequestId: ${requestId}\\t.*\\n$`),
  )
  const body = tail.slice(0, tail.indexOf('END RequestId'))
  // The last line is cut where they end, and then the platform begins a new one.
  const cut = bytes % 100
  const expected = [
    ...Array<string>(60).fill('x'.repeat(99)),
    ...(cut === 0 ? [] : ['x'.repeat(cut)]),
    '',
  ].join('\n')
  t.equal(body, expected.slice(-body.length))
  t.equal(counted, lines + (bytes % 100 === 0 ? 0 : 1), 'every line is in the log, once')
  t.ok(process.memoryUsage().rss < 700 * 1024 * 1024, 'and the daemon has not kept them all')
})

t.test(
  'what is written after the reply is not in its tail, and comes with the next request',
  async (t) => {
    const emu = await startWith(t, { storm: { files: { 'index.js': storm } } })
    const first = await emu.invoke('storm', { bytes: 1, late: true }, { tail: true })
    t.notMatch(first.tail, /TARDY/)
    const second = await emu.invoke('storm', { bytes: 100, sleepMs: 400 })
    const late = await logged(emu, ({ message }) => message === 'TARDY')
    t.equal(late.requestId, second.requestId, 'it belongs to the request that met it')
  },
)

t.test(
  'what a background thread prints while a later request is in flight belongs to that request',
  async (t) => {
    const app = `
import threading, time
def background():
    n = 0
    while True:
        time.sleep(0.02)
        n += 1
        print('tick', n)
threading.Thread(target=background, daemon=True).start()
def handler(event, context):
    time.sleep(0.1)
    return 1
`
    const emu = await startWith(t, { ticks: { runtime: 'python3.12', files: { 'app.py': app } } })
    const ids: string[] = []
    for (let round = 0; round < 3; round += 1) ids.push((await emu.invoke('ticks')).requestId)
    await logged(emu, ({ message }) => message.startsWith(`REPORT RequestId: ${ids[2]}`))
    for (const id of ids) {
      const ticks = emu.logs.filter(
        ({ requestId, message }) => requestId === id && message.startsWith('tick'),
      )
      t.ok(ticks.length >= 2, `${ticks.length} ticks in ${id}`)
    }
  },
)

t.test(
  'START, the function’s lines, END and REPORT stand in this order for every request',
  async (t) => {
    const emu = await startWith(t, {
      say: {
        files: {
          'index.js':
            'exports.handler = async (e) => { console.log("one"); console.error("two", e.n) }',
        },
      },
    })
    for (let n = 0; n < 20; n += 1) await emu.invoke('say', { n })
    await logged(
      emu,
      ({ message }) =>
        message.startsWith('REPORT') &&
        emu.logs.filter(({ message }) => message.startsWith('REPORT')).length === 20,
    )
    const words = emu.logs.map(({ message }) => message.replace(/^\S+Z\t\S+\t/, '').split(' ')[0])
    t.equal(words.shift(), 'INIT_START')
    const round = ['START', 'INFO\tone', 'ERROR\ttwo', 'END', 'REPORT']
    t.same(words, Array.from({ length: 20 }, () => round).flat())
    t.equal(emu.logs.filter(({ message }) => message.includes('Init Duration')).length, 1)
  },
)
