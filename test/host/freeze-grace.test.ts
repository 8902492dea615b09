// The grace before a freeze: carried out once, cancelled by a call that comes at once, and failing without harm.

import t from 'tap'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import { FreezeGrace } from '../../src/host/freeze-grace.js'

t.test('without a grace the freeze is carried out at once', async (t) => {
  let frozen = 0
  const grace = new FreezeGrace(0, new SimulatedKernel())
  t.equal(
    grace.freeze('e1', () => {
      frozen += 1
    }),
    undefined,
  )
  t.equal(frozen, 1)
  t.equal(grace.cancel('e1'), false)
})

t.test(
  'for one to two rounds of the grace nothing is frozen, then everything that still waits',
  async (t) => {
    const kernel = new SimulatedKernel()
    const grace = new FreezeGrace(1, kernel)
    const frozen: string[] = []
    const first = grace.freeze('e1', () => frozen.push('e1'))
    const second = grace.freeze('e2', () => frozen.push('e2'))
    t.equal(grace.cancel('e1'), true)
    await first
    kernel.elapse(1)
    t.same(frozen, [], 'the first round is over')
    kernel.elapse(1)
    await second
    t.same(frozen, ['e2'])
    t.equal(grace.cancel('e2'), false)
  },
)

t.test('a freeze that fails is told to who asked, and the others are carried out', async (t) => {
  const kernel = new SimulatedKernel()
  const grace = new FreezeGrace(1, kernel)
  const frozen: string[] = []
  const fails = grace.freeze('e1', () => {
    throw new Error('no such group')
  })
  const works = grace.freeze('e2', () => frozen.push('e2'))
  const told = t.rejects(fails as Promise<void>, { message: 'no such group' })
  kernel.elapse(1)
  kernel.elapse(1)
  await told
  await works
  t.same(frozen, ['e2'])
})
