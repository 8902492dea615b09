// A response on its way: in order, no more of it kept than a little, and nobody waits for somebody who is gone.

import t from 'tap'
import { ResponseStream } from '../../src/invoke/response-stream.js'

const piece = (bytes: number) => Buffer.alloc(bytes, 120)

t.test('pieces are read in order, those that came before and those that come later', async (t) => {
  const stream = new ResponseStream()
  stream.begin('text/plain')
  t.equal(await stream.opened, 'text/plain')
  stream.take(Buffer.from('a'))
  stream.take(Buffer.alloc(0))
  stream.take(Buffer.from('b'))
  t.equal(String(await stream.read()), 'a')
  t.equal(String(await stream.read()), 'b')
  const later = stream.read()
  t.equal(stream.take(Buffer.from('c')), true)
  t.equal(String(await later), 'c')
  const last = stream.read()
  stream.end()
  t.equal(await last, undefined)
  t.equal(await stream.read(), undefined)
})

t.test(
  'what was kept at the end is read all the same; what comes after it is dropped',
  async (t) => {
    const stream = new ResponseStream()
    stream.take(Buffer.from('kept'))
    stream.end()
    t.equal(stream.take(Buffer.from('late')), true)
    t.equal(String(await stream.read()), 'kept')
    t.equal(await stream.read(), undefined)
  },
)

t.test('who writes more than 64 KB ahead waits until it has been read', async (t) => {
  const stream = new ResponseStream()
  let told = 0
  t.equal(stream.take(piece(65_535)), true)
  t.equal(stream.take(piece(1)), false)
  stream.onRoom(() => {
    told += 1
  })
  t.equal(told, 0)
  await stream.read()
  t.equal(told, 1)
  await stream.read()
  t.equal(told, 1, 'once')
})

for (const how of ['leave', 'end'] as const) {
  t.test(`who waits for room goes on at ${how}, and who waits for a piece gets none`, async (t) => {
    const full = new ResponseStream()
    full.take(piece(100_000))
    const room = new Promise<void>((resolve) => full.onRoom(resolve))
    full[how]()
    await room
    t.equal(full.take(piece(100_000)), true)
    const empty = new ResponseStream()
    const waiting = empty.read()
    empty[how]()
    t.equal(await waiting, undefined)
  })
}

t.test('a stream that ends without a beginning has no content type', async (t) => {
  const stream = new ResponseStream()
  stream.end()
  t.equal(await stream.opened, undefined)
  t.equal(stream.hasBegun, false)
})
