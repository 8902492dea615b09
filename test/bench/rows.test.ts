// What rounds come to: figures made round by round, and whether a bar holds.

import t from 'tap'
import { resultOf, rowNames, specOf } from '../../bench/rows.js'

t.test('a ratio is made of each round’s own pair, never of two medians', async (t) => {
  const result = resultOf('warm-node', [
    { subject: 2, reference: 1 },
    { subject: 30, reference: 10 },
    { subject: 8, reference: 2 },
  ])
  t.same(result.figure, { min: 2, median: 3, max: 4 })
  t.same(result.subject, { min: 2, median: 8, max: 30 })
  t.same(result.reference, { min: 1, median: 2, max: 10 })
  t.equal(result.holds, true)
})

t.test('a bar holds at its own value and not beyond, in either direction', async (t) => {
  const holds = (row: 'warm-node' | 'throughput', subject: number) =>
    resultOf(row, [{ subject, reference: 100 }]).holds
  t.equal(holds('warm-node', 400), true)
  t.equal(holds('warm-node', 401), false)
  t.equal(holds('throughput', 18), true)
  t.equal(holds('throughput', 17.9), false)
})

t.test('a difference may be below nothing', async (t) => {
  const result = resultOf('freeze-grace-0', [{ subject: 0.2, reference: 0.5 }])
  t.ok(Math.abs(result.figure.median + 0.3) < 1e-9)
  t.equal(result.holds, true)
})

t.test('the sleep of a function is taken off before it is compared', async (t) => {
  const result = resultOf('parallel-cold', [{ subject: 350, reference: 100 }])
  t.equal(result.figure.median, 1.5)
  t.equal(resultOf('parallel-cold', [{ subject: 401, reference: 100 }]).holds, false)
})

t.test('a figure that stands alone has its reference only shown', async (t) => {
  const result = resultOf('start', [{ subject: 299, reference: 20 }])
  t.equal(result.figure.median, 299)
  t.equal(result.holds, true)
  t.equal(result.reference?.median, 20)
})

t.test('a row without a bar neither holds nor fails', async (t) => {
  t.equal(resultOf('warm-python', [{ subject: 9, reference: 1 }]).holds, null)
})

t.test('a round without its reference is no measurement', async (t) => {
  for (const row of rowNames) {
    const rounds = [{ subject: 1, reference: 1 }, { subject: 1 }]
    if (specOf(row).reference === null) t.equal(resultOf(row, rounds).figure.median, 1)
    else t.throws(() => resultOf(row, rounds), { message: /^\S+ has no reference: / })
  }
})

t.test('what else was seen is told as its median over the rounds that saw it', async (t) => {
  const result = resultOf('throughput', [
    { subject: 1, reference: 1, seen: { environments: 16 } },
    { subject: 1, reference: 1, seen: { environments: 12, 'CPU, ms': 2 } },
    { subject: 1, reference: 1, seen: { environments: 14 } },
  ])
  t.same(result.seen, { environments: 14, 'CPU, ms': 2 })
})
