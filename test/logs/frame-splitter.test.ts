// Frames and plain output in one stream: cut at every place, nothing lost, nothing invented.

import fc from 'fast-check'
import t from 'tap'
import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { EnvironmentLog } from '../../src/logs/environment-log.js'
import { FrameSplitter } from '../../src/logs/frame-splitter.js'
import { LogStore } from '../../src/logs/log-store.js'

/** As the runtime clients write it. */
function frame(message: string | Buffer, kind = 0x0f): Buffer {
  const bytes = Buffer.from(message)
  const header = Buffer.alloc(16)
  header.writeUInt32BE((0xa55a0000 | kind) >>> 0, 0)
  header.writeUInt32BE(bytes.length, 4)
  header.writeBigUInt64BE(1_700_000_000_000_000n, 8)
  return Buffer.concat([header, bytes])
}

type Piece = { readonly plain: string } | { readonly frame: string }

function split(written: Buffer, cuts: readonly number[]): Piece[] {
  const pieces: Piece[] = []
  let plain = Buffer.alloc(0)
  let message: Buffer | undefined
  const endPlain = () => {
    if (plain.length > 0) pieces.push({ plain: plain.toString('latin1') })
    plain = Buffer.alloc(0)
  }
  const splitter = new FrameSplitter({
    onPlain: (bytes) => {
      plain = Buffer.concat([plain, bytes])
    },
    onFrameBegin: () => {
      endPlain()
      message = Buffer.alloc(0)
    },
    onFrameData: (bytes) => {
      message = Buffer.concat([message ?? Buffer.alloc(0), bytes])
    },
    onFrameEnd: () => {
      pieces.push({ frame: (message ?? Buffer.alloc(0)).toString('latin1') })
    },
  })
  let from = 0
  for (const cut of cuts) {
    splitter.push(written.subarray(from, from + cut))
    from += cut
  }
  splitter.push(written.subarray(from))
  splitter.flush()
  endPlain()
  return pieces
}

// Bytes of a header are frequent among them, so that beginnings of one are too.
const bytes = fc.array(fc.constantFrom(0xa5, 0x5a, 0x00, 0x0f, 0x0a, 0x41), { maxLength: 12 })
// The last byte keeps a beginning from being completed by what follows.
const plainPiece = bytes
  .map((list) => Buffer.from([...list, 0x41]).toString('latin1'))
  .filter((text) => !['\0\x0f', '\0\n'].some((kind) => text.includes(`\xa5Z${kind}`)))
const pieces = fc.array(
  fc.oneof(
    plainPiece.map((plain): Piece => ({ plain })),
    bytes.map((list): Piece => ({ frame: Buffer.from(list).toString('latin1') })),
  ),
  { maxLength: 8 },
)

function joined(list: readonly Piece[]): Piece[] {
  const result: Piece[] = []
  for (const piece of list) {
    const last = result.at(-1)
    if ('plain' in piece && last !== undefined && 'plain' in last)
      result.splice(-1, 1, { plain: last.plain + piece.plain })
    else result.push(piece)
  }
  return result
}

t.test('however the bytes arrive, frames and plain output are told apart', async (t) => {
  fc.assert(
    fc.property(pieces, fc.array(fc.nat({ max: 9 }), { maxLength: 30 }), (list, cuts) => {
      const written = Buffer.concat(
        list.map((piece) =>
          'plain' in piece
            ? Buffer.from(piece.plain, 'latin1')
            : frame(Buffer.from(piece.frame, 'latin1')),
        ),
      )
      const found = split(written, cuts)
      return JSON.stringify(found) === JSON.stringify(joined(list))
    }),
    { numRuns: 2_000 },
  )
  t.pass()
})

t.test('what looks like the beginning of a frame and is none comes out as it was', async (t) => {
  for (const text of [
    '\xa5',
    '\xa5Z',
    '\xa5Z\0',
    '\xa5Z\0\x0f123',
    '\xa5Z\0\x20rest of it',
    'Zürich ¥Z',
  ]) {
    const given = Buffer.from(text, 'latin1')
    t.same(split(given, [1, 1, 1]), [{ plain: text }], JSON.stringify(text))
  }
})

function open(keeps?: (line: string) => boolean) {
  const store = new LogStore()
  const log = new EnvironmentLog({
    functionName: 'f',
    logStreamName: 's',
    environment: 'e1',
    clock: new EmulatorClock({ mode: 'virtual', startMs: 1 }),
    store,
    framed: true,
    ...(keeps === undefined ? {} : { keeps }),
  })
  return { log, lines: () => store.read('f').map(({ message }) => message) }
}

t.test(
  'a frame of several lines is one record, and stands in the tail as it was written',
  async (t) => {
    const { log, lines } = open()
    log.begin('r', ['START'])
    log.write(Buffer.from('before\n'))
    log.write(frame('one\ntwo\n'))
    log.write(frame('{"three":3}', 0x0e))
    log.write(Buffer.from('after\n'))
    t.equal(log.tail(['END']).toString(), 'START\nbefore\none\ntwo\n{"three":3}\nafter\nEND\n')
    log.end(['END'])
    t.same(lines(), ['START', 'before', 'one\ntwo', '{"three":3}', 'after', 'END'])
  },
)

t.test('a line that has begun is a line of its own once a frame comes', async (t) => {
  const { log, lines } = open()
  log.write(Buffer.from('printed'))
  log.write(frame('logged\n'))
  log.write(Buffer.from('\nnext\n'))
  t.same(lines(), ['printed', 'logged', 'next'])
})

t.test('a frame that its writer did not finish is told as far as it came', async (t) => {
  const { log, lines } = open()
  log.begin('r', ['START'])
  log.write(frame('half a message').subarray(0, 20))
  t.equal(log.tail(['END']).toString(), 'START\nhalf\nEND\n')
  log.end(['END'])
  log.write(Buffer.from('another process\n'))
  t.same(lines(), ['START', 'half', 'END', 'another process'])
})

t.test(
  'a frame longer than an event of CloudWatch Logs is cut, and none of it is lost',
  async (t) => {
    const { log, lines } = open()
    const long = 'x'.repeat(262_118)
    log.write(frame(long))
    log.write(frame(`${long}y`))
    t.same(
      lines().map((line) => line.length),
      [262_118, 262_118, 1],
    )
  },
)

t.test('lines that are left out are in neither log nor tail; frames are always kept', async (t) => {
  const { log, lines } = open((line) => !line.includes('quiet'))
  log.begin('r', ['START'])
  log.write(Buffer.from('loud\nquiet\n'))
  log.write(frame('a quiet frame'))
  log.write(Buffer.from('begun'))
  t.equal(log.tail(['END']).toString(), 'START\nloud\na quiet frame\nbegun\nEND\n')
  log.write(Buffer.from(' and quiet'))
  t.equal(log.tail(['END']).toString(), 'START\nloud\na quiet frame\nEND\n')
  log.end(['END'])
  t.same(lines(), ['START', 'loud', 'a quiet frame', 'END'])
})
