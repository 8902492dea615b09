// Frames as bytes: whatever is written is read again, however it is cut, and nothing else is taken for a frame.

import fc from 'fast-check'
import t from 'tap'
import { type Frame, FrameReader, frameBytes, frameMark } from '../../src/runtime-api/frames.js'

const kinds = [1, 2, 3, 65]
const bodyBytesMax = (kind: number): number | undefined => (kinds.includes(kind) ? 300 : undefined)

function read(bytes: Buffer, cuts: readonly number[]) {
  const frames: Frame[] = []
  const reader = new FrameReader({ bodyBytesMax, onFrame: (frame) => frames.push(frame) })
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  let understood = true
  for (const [index, end] of [...ends, bytes.length].entries()) {
    const start = index === 0 ? 0 : (ends[index - 1] ?? 0)
    if (end > start) understood &&= reader.feed(Buffer.from(bytes.subarray(start, end)))
  }
  return { frames, understood }
}

const anyFrame = fc.record({
  kind: fc.constantFrom(...kinds),
  id: fc.integer({ min: 0, max: 0xffffffff }),
  head: fc.string({ maxLength: 100 }).map((text) => Buffer.from(text).toString('latin1')),
  body: fc.uint8Array({ maxLength: 400 }),
})

t.test('whatever is written is read again, however it is cut', async (t) => {
  fc.assert(
    fc.property(
      fc.array(anyFrame, { maxLength: 6 }),
      fc.array(fc.nat({ max: 3000 }), { maxLength: 8 }),
      (wanted, cuts) => {
        const bytes = wanted.flatMap(({ kind, id, head, body }) =>
          frameBytes(kind, id, head, Buffer.from(body)),
        )
        const { frames, understood } = read(Buffer.concat(bytes), cuts)
        const told = frames.map(({ kind, id, head, body }) => [
          kind,
          id,
          head,
          body?.toString('hex'),
        ])
        const expected = wanted.map(({ kind, id, head, body }) => [
          kind,
          id,
          head,
          body.length > 300 ? undefined : Buffer.from(body).toString('hex'),
        ])
        return understood && JSON.stringify(told) === JSON.stringify(expected)
      },
    ),
  )
  t.pass('for every sequence that was tried')
})

t.test('a body of 7 MB goes out uncopied and comes in whole', async (t) => {
  const body = Buffer.alloc(7_000_000, 'x')
  const [first, second, ...rest] = frameBytes(2, 9, 'head', body)
  t.equal(second, body)
  t.same(rest, [])
  const frames: Frame[] = []
  const reader = new FrameReader({
    bodyBytesMax: () => 8_000_000,
    onFrame: (frame) => frames.push(frame),
  })
  const bytes = Buffer.concat([first ?? body, body])
  for (let at = 0; at < bytes.length; at += 65_536) reader.feed(bytes.subarray(at, at + 65_536))
  t.equal(frames.length, 1)
  t.equal(frames[0]?.body?.equals(body), true)
})

t.test('what is no frame is refused, and so is a head of more than 2 MiB', async (t) => {
  const [frame = Buffer.alloc(0)] = frameBytes(1, 0, '', Buffer.alloc(0))
  const unknown = Buffer.from(frame)
  unknown[1] = 99
  const long = Buffer.from(frame)
  long.writeUInt32LE(2 * 1024 * 1024 + 1, 8)
  for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), unknown, long]) {
    t.same(read(bytes, []), { frames: [], understood: false })
    t.equal(read(Buffer.concat([frame, bytes]), [3]).frames.length, 1, 'what came before counts')
  }
  t.equal(frame[0], frameMark)
})
