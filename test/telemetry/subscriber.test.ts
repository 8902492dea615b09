// When a subscriber's batches go out: limits of gathering, one at a time, retries, drops that are told, nothing while it is paused.

import t from 'tap'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import type { Destination } from '../../src/telemetry/destination.js'
import { type Dropped, Subscriber } from '../../src/telemetry/subscriber.js'

const least = { maxItems: 1_000, maxBytes: 262_144, timeoutMs: 100 }

/** A subscriber whose receiver answers when the test says so, on simulated time. */
function stage({ buffering = least, attemptMsMax }: Partial<StageOptions> = {}) {
  const kernel = new SimulatedKernel()
  const sent: (readonly string[])[] = []
  const dropped: Dropped[] = []
  let waiting: ((taken: boolean) => void) | undefined
  let closed = false
  const answer = (taken: boolean): void => {
    const done = waiting
    waiting = undefined
    done?.(taken)
  }
  const destination: Destination = {
    ...(attemptMsMax === undefined ? {} : { attemptMsMax }),
    send: (records, done) => {
      if (waiting !== undefined) throw new Error('two batches at once')
      sent.push(records)
      waiting = done
    },
    abort: () => answer(false),
    close: () => {
      closed = true
    },
  }
  const subscriber = new Subscriber({
    buffering,
    destination,
    timers: kernel,
    monotonicMs: () => kernel.monotonicMs(),
    dropped: (each) => dropped.push(each),
  })
  return { subscriber, kernel, sent, dropped, answer, isClosed: () => closed }
}

interface StageOptions {
  readonly buffering: typeof least
  readonly attemptMsMax: number
}

function addMany(subscriber: Subscriber, count: number, text = 'x'): void {
  for (let at = 0; at < count; at += 1) subscriber.add(`${text}${at}`)
}

t.test('a batch goes out when its first record is as old as it may be', async (t) => {
  const { subscriber, kernel, sent } = stage()
  subscriber.add('a')
  kernel.elapse(60)
  subscriber.add('b')
  kernel.elapse(39)
  t.same(sent, [])
  kernel.elapse(1)
  t.same(sent, [['a', 'b']])
})

t.test('or when there are as many as it may have, or as many bytes', async (t) => {
  const many = stage()
  addMany(many.subscriber, 999)
  t.equal(many.sent.length, 0)
  many.subscriber.add('last')
  t.equal(many.sent[0]?.length, 1_000)
  const large = stage()
  large.subscriber.add('é'.repeat(131_071))
  t.equal(large.sent.length, 0)
  large.subscriber.add('é')
  t.equal(large.sent[0]?.length, 2, 'bytes are counted, not characters')
})

t.test(
  'one batch is on its way; what comes meanwhile follows at once, or in its time',
  async (t) => {
    const { subscriber, kernel, sent, answer } = stage()
    addMany(subscriber, 1_000)
    subscriber.add('next')
    kernel.elapse(500)
    t.equal(sent.length, 1, 'the first has no answer yet')
    answer(true)
    t.same(sent[1], ['next'])
    answer(true)
    subscriber.add('then')
    t.equal(sent.length, 2)
    kernel.elapse(100)
    t.same(sent[2], ['then'])
  },
)

t.test('what finds no room is dropped, and told when there is room again', async (t) => {
  const { subscriber, sent, dropped, answer } = stage()
  addMany(subscriber, 2_000)
  t.ok(subscriber.isFull)
  subscriber.add('lost')
  subscriber.drop(10)
  t.same(dropped, [], 'the news would be lost too')
  answer(true)
  t.same(dropped, [{ droppedBytes: 14, droppedRecords: 2 }])
  t.equal(sent[1]?.length, 1_000)
  answer(true)
  t.equal(dropped.length, 1, 'told once')
})

t.test('a batch that is not taken is sent again and again, later each time', async (t) => {
  const { subscriber, kernel, sent, answer } = stage()
  subscriber.add('a')
  kernel.elapse(100)
  const waits: number[] = []
  for (let attempt = 1; attempt < 16; attempt += 1) {
    answer(false)
    const before = kernel.nowMs()
    kernel.elapse(kernel.untilNextMs() ?? 0)
    waits.push(kernel.nowMs() - before)
  }
  t.same(waits.slice(0, 8), [20, 40, 80, 160, 320, 640, 1_000, 1_000])
  t.equal(sent.length, 16)
  t.ok(sent.every((batch) => batch.length === 1 && batch[0] === 'a'))
})

t.test(
  'when it has been refused too often it is lost, which is told, and the next follows',
  async (t) => {
    const { subscriber, kernel, sent, dropped, answer } = stage()
    subscriber.add('abc')
    kernel.elapse(100)
    for (let attempt = 1; attempt < 16; attempt += 1) {
      answer(false)
      kernel.elapse(1_000)
    }
    subscriber.add('d')
    t.same(dropped, [])
    answer(false)
    t.same(dropped, [{ droppedBytes: 3, droppedRecords: 1 }])
    kernel.elapse(100)
    t.same(sent.at(-1), ['d'])
  },
)

t.test('an attempt without an answer is given up', async (t) => {
  const { subscriber, kernel, sent } = stage({ attemptMsMax: 5_000 })
  subscriber.add('a')
  kernel.elapse(100)
  kernel.elapse(4_999)
  t.equal(sent.length, 1)
  kernel.elapse(1 + 20)
  t.equal(sent.length, 2)
})

t.test('paused, nothing is sent and no timer runs; what was due goes out at once', async (t) => {
  const { subscriber, kernel, sent } = stage()
  subscriber.add('a')
  subscriber.pause()
  t.equal(kernel.untilNextMs(), undefined)
  kernel.elapse(60_000)
  subscriber.add('b')
  subscriber.flush()
  t.same(sent, [])
  subscriber.resume()
  t.same(sent, [['a', 'b']])
})

t.test('what is not due yet waits for the rest of its time', async (t) => {
  const { subscriber, kernel, sent } = stage()
  subscriber.add('a')
  kernel.elapse(30)
  subscriber.pause()
  kernel.elapse(30)
  subscriber.resume()
  kernel.elapse(39)
  t.same(sent, [])
  kernel.elapse(1)
  t.same(sent, [['a']])
})

t.test('an attempt that a pause interrupts has its time afterwards', async (t) => {
  const { subscriber, kernel, sent, answer } = stage({ attemptMsMax: 5_000 })
  subscriber.add('a')
  kernel.elapse(100)
  subscriber.pause()
  kernel.elapse(3_600_000)
  t.equal(sent.length, 1, 'frozen, nobody could answer')
  subscriber.resume()
  kernel.elapse(4_999)
  t.equal(sent.length, 1)
  subscriber.pause()
  answer(false)
  kernel.elapse(3_600_000)
  t.equal(sent.length, 1)
  subscriber.resume()
  t.equal(sent.length, 2)
})

t.test('records that come while it is paused are bounded as ever', async (t) => {
  const { subscriber, sent, dropped } = stage()
  subscriber.pause()
  addMany(subscriber, 5_000)
  subscriber.resume()
  t.equal(sent[0]?.length, 1_000)
  t.equal(dropped[0]?.droppedRecords, 4_000)
})

t.test('closed, it keeps and sends nothing', async (t) => {
  const { subscriber, kernel, sent, dropped, isClosed } = stage()
  subscriber.add('a')
  subscriber.close()
  addMany(subscriber, 5_000)
  subscriber.flush()
  subscriber.resume()
  kernel.elapse(60_000)
  t.same(sent, [])
  t.same(dropped, [])
  t.ok(isClosed())
  t.equal(kernel.untilNextMs(), undefined)
})
