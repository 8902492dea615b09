// CPU by memory: the quota is the share, the kernel takes every one of them, and both tables of visible processors hold.

import t from 'tap'
import { cpuQuota, cpuShare, visibleCpus } from '../../src/profile/cpu.js'

t.test('the quota of every size is its share of a processor, and legal', async (t) => {
  for (let memoryMb = 128; memoryMb <= 10_240; memoryMb++) {
    const { quotaUs, periodUs } = cpuQuota(memoryMb)
    const off = quotaUs / periodUs / (memoryMb / 1_769) - 1
    if (!Number.isInteger(quotaUs) || quotaUs < 1_000 || Math.abs(off) > 0.001) {
      t.fail(`${memoryMb} MB: ${quotaUs} of ${periodUs}`)
    }
  }
  t.same(cpuQuota(128), { quotaUs: 1_447, periodUs: 20_000 })
  t.same(cpuQuota(1_023), { quotaUs: 11_566, periodUs: 20_000 })
  t.same(cpuQuota(1_024), { quotaUs: 57_886, periodUs: 100_000 })
  t.same(cpuQuota(1_769), { quotaUs: 100_000, periodUs: 100_000 })
  t.same(cpuQuota(3_008), { quotaUs: 170_040, periodUs: 100_000 })
})

t.test('1,769 MB are one processor and the largest function has 5.79', async (t) => {
  t.equal(cpuShare(1_769), 1)
  t.equal(cpuShare(10_240).toFixed(2), '5.79')
  t.throws(() => cpuShare(127), { name: 'AssertionError' })
})

t.test('visible processors step where they were seen to', async (t) => {
  const sizes = [128, 1_769, 1_770, 3_008, 3_009, 3_538, 3_539, 5_307, 5_308, 7_076, 7_077, 8_845]
  const largest = [8_846, 10_240]
  const seen = (table?: 'measured' | 're-invent-2020') =>
    [...sizes, ...largest].map((memoryMb) => visibleCpus(memoryMb, table))
  t.same(seen(), [2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6])
  t.same(seen('re-invent-2020'), [1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6])
})
