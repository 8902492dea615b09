// Medians, quantiles and spreads.

import t from 'tap'
import { median, quantile, spreadOf } from '../../bench/statistics.js'

t.test('the median is the middle value, or the mean of the two in the middle', async (t) => {
  t.equal(median([3]), 3)
  t.equal(median([10, 9, 1]), 9)
  t.equal(median([4, 1, 2, 100]), 3)
  t.throws(() => median([]))
})

t.test('a quantile is one of the values, and sorts them as numbers', async (t) => {
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at)
  t.equal(quantile(hundred, 0), 1)
  t.equal(quantile(hundred, 0.5), 51)
  t.equal(quantile(hundred, 0.9), 91)
  t.equal(quantile(hundred, 1), 100)
  t.throws(() => quantile([], 0.5))
})

t.test('measuring changes nothing of what was measured', async (t) => {
  const values = Float64Array.of(3, 1, 2)
  t.equal(median(values), 2)
  t.equal(quantile(values, 0.5), 2)
  t.same([...values], [3, 1, 2])
})

t.test('a spread has the smallest, the middle and the largest', async (t) => {
  t.same(spreadOf([5, 1, 3]), { min: 1, median: 3, max: 5 })
})
