// Cutting output into lines and tails: chunks at every place, no line end, long lines, storms, limits of what is kept.

import fc from 'fast-check'
import t from 'tap'
import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { EnvironmentLog, type LineListener, tailBytes } from '../../src/logs/environment-log.js'
import { LogStore } from '../../src/logs/log-store.js'

function open(more: { readonly listener?: LineListener } = {}) {
  const store = new LogStore()
  const clock = new EmulatorClock({ mode: 'virtual', startMs: 1 })
  const log = new EnvironmentLog({
    functionName: 'f',
    logStreamName: 's',
    environment: 'e1',
    clock,
    store,
    ...more,
  })
  return { log, store, lines: () => store.read('f').map(({ message }) => message) }
}

t.test('however the bytes arrive, the lines are the same', async (t) => {
  const text = fc.array(
    fc.string({ maxLength: 20 }).map((s) => s.replaceAll('\n', ' ')),
    {
      maxLength: 20,
    },
  )
  fc.assert(
    fc.property(text, fc.array(fc.nat({ max: 40 }), { maxLength: 20 }), (written, cuts) => {
      const { log, lines } = open()
      const bytes = Buffer.from(written.map((line) => `${line}\n`).join(''))
      let from = 0
      for (const cut of cuts) {
        log.write(bytes.subarray(from, from + cut))
        from += cut
      }
      log.write(bytes.subarray(from))
      const found = lines()
      const expected = bytes.toString().split('\n').slice(0, -1)
      return found.length === expected.length && found.every((line, at) => line === expected[at])
    }),
  )
  t.pass()
})

t.test('text without a line end becomes a line when the platform speaks', async (t) => {
  const { log, lines } = open()
  log.begin('r1', ['START'])
  log.write(Buffer.from('half'))
  log.end(['END', 'REPORT'])
  t.same(lines(), ['START', 'half', 'END', 'REPORT'])
})

t.test(
  'the end of a line that comes after the platform has spoken makes no empty line',
  async (t) => {
    const { log, lines } = open()
    log.begin('r1', ['START'])
    log.write(Buffer.from('printed'))
    log.end(['END'])
    log.write(Buffer.from('\nnext\n\n'))
    t.same(lines(), ['START', 'printed', 'END', 'next', ''])
  },
)

t.test('the tail is the last 4 KB of the request, and leaves the log as it was', async (t) => {
  const { log, lines } = open()
  log.begin('r1', ['START one'])
  log.write(Buffer.from('x'.repeat(10_000)))
  t.equal(log.tail(['END', 'REPORT']).length, tailBytes)
  t.ok(log.tail(['END', 'REPORT']).toString().endsWith('x\nEND\nREPORT\n'))
  log.end(['END', 'REPORT'])
  log.begin('r2', ['START two'])
  log.write(Buffer.from('short\n'))
  t.equal(log.tail(['END']).toString(), 'START two\nshort\nEND\n')
  t.equal(lines().at(-1), 'short')
  log.end(['END'])
  log.begin('r3', ['START three'])
  for (let line = 0; line < 100; line += 1) log.write(Buffer.from('twenty characters..\n'))
  const whole = `START three\n${'twenty characters..\n'.repeat(100)}END\n`
  t.equal(log.tail(['END']).toString(), whole, 'all of what is less')
})

t.test('a request’s lines carry its id; lines between requests carry none', async (t) => {
  const { log, store } = open()
  log.write(Buffer.from('before\n'))
  log.begin('r1', ['START'])
  log.write(Buffer.from('inside\n'))
  log.end(['END'])
  log.write(Buffer.from('between\n'))
  const ids = store.read('f').map(({ message, requestId }) => [message, requestId])
  t.same(ids, [
    ['before', undefined],
    ['START', 'r1'],
    ['inside', 'r1'],
    ['END', 'r1'],
    ['between', undefined],
  ])
})

t.test('a line longer than an event of CloudWatch Logs is cut into events', async (t) => {
  const { log, lines } = open()
  log.write(Buffer.from(`${'y'.repeat(600_000)}\nnext\n`))
  const found = lines()
  t.equal(found.join(''), `${'y'.repeat(600_000)}next`)
  t.ok(found.every((line) => line.length <= 262_118))
})

t.test('what is kept of a function’s log is bounded, and the newest is kept', async (t) => {
  const { log, lines } = open()
  const block = Buffer.from(`${'z'.repeat(99)}\n`.repeat(1_000))
  for (let n = 0; n < 200; n += 1) log.write(block)
  log.write(Buffer.from('last\n'))
  const found = lines()
  t.ok(found.length < 60_000, `${found.length} lines are kept`)
  t.equal(found.at(-1), 'last')
})

t.test('empty lines are not free', async (t) => {
  const { log, store } = open()
  const block = Buffer.from('\n'.repeat(10_000))
  for (let n = 0; n < 20; n += 1) log.write(block)
  const kept = store.read('f')
  const keptBytes = kept.reduce((sum, record) => sum + JSON.stringify(record).length + 1, 0)
  t.ok(kept.length < 200_000, `${kept.length} of 200,000 lines are kept`)
  t.ok(keptBytes > 3_000_000 && keptBytes <= 4 * 1024 * 1024, `${keptBytes} bytes of them`)
})

t.test('a listener hears what processes write, and only while it listens', async (t) => {
  const heard: string[] = []
  const listener = {
    listening: false,
    line: ({ type, message }: { type: string; message: string }, timeMs: number) =>
      heard.push(`${timeMs} ${type} ${message}`),
  }
  const { log } = open({ listener })
  log.write(Buffer.from('before\n'))
  listener.listening = true
  log.begin('r1', ['START'])
  log.write(Buffer.from('one\ntwo\n'))
  log.end(['END'])
  t.same(heard, ['1 function one', '1 function two'], "the platform's own lines are told as events")
})

t.test(
  'what extensions write is told apart from the function’s lines, and is in nobody’s tail',
  async (t) => {
    const { log, store } = open()
    log.begin('request', [])
    log.write(Buffer.from('half'))
    for (const part of ['one\ntw', 'o', '\n\nend']) log.writeExtension(Buffer.from(part))
    log.write(Buffer.from(' whole\n'))
    log.endExtension()
    t.same(
      store.read('f').map(({ source, message, requestId }) => [source, message, requestId]),
      [
        ['extension', 'one', 'request'],
        ['extension', 'two', 'request'],
        ['extension', '', 'request'],
        ['function', 'half whole', 'request'],
        ['extension', 'end', 'request'],
      ],
    )
    t.equal(log.tail([]).toString(), 'half whole\n')
  },
)

t.test('a line of an extension’s without end is cut where an event of a log ends', async (t) => {
  const { log, store } = open()
  for (let piece = 0; piece < 70; piece += 1) log.writeExtension(Buffer.alloc(8_192, 0x61))
  log.endExtension()
  t.same(
    store.read('f').map(({ message }) => message.length),
    [262_118, 262_118, 70 * 8_192 - 2 * 262_118],
  )
})
