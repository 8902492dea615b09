// The memory budget: what the user says, or the greater part of what is free.

import t from 'tap'
import { memoryBudgetOf } from '../../src/daemon/memory-budget.js'

t.test('it is what was asked for, or 70 % of what is available', async (t) => {
  t.equal(memoryBudgetOf({ memoryBudgetMb: 64 }, 16_000), 64)
  t.equal(memoryBudgetOf({}, 16_001), 11_200)
  t.equal(memoryBudgetOf({}, 50), 64, 'never less than one environment needs')
})

t.test('what is no budget is refused', async (t) => {
  for (const memoryBudgetMb of [63, 64.5, Number.NaN]) {
    t.throws(() => memoryBudgetOf({ memoryBudgetMb }, 16_000), {
      code: 'EMU_USAGE',
      message: `a memory budget of ${memoryBudgetMb} is not a whole number of MB from 64 on`,
    })
  }
})
