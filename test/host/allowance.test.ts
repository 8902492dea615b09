// What a memory size buys: limits for the kernel, and for what stands in for it.

import t from 'tap'
import { allowanceOf } from '../../src/host/allowance.js'

t.test('memory and tasks are limited, CPU in proportion to memory', async (t) => {
  t.match(allowanceOf({ memoryMb: 1769 }, true), {
    memoryBytes: 1769 * 1024 * 1024,
    tasksMax: 1024,
    cpu: { quota: { quotaUs: 100_000, periodUs: 100_000 }, share: 1 },
  })
  t.match(allowanceOf({ memoryMb: 128 }, true).cpu?.quota, { quotaUs: 1447, periodUs: 20_000 })
})

t.test('with --no-cpu only CPU is free', async (t) => {
  t.same(allowanceOf({ memoryMb: 128 }, false), {
    memoryBytes: 128 * 1024 * 1024,
    tasksMax: 1024,
    cpu: undefined,
  })
})
