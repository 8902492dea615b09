// kill -9 of a daemon with --freeze-network at seeded moments under load: no link, no namespace and nothing else is left.

import t from 'tap'
import type { StartingDaemon } from '../support/daemon.js'
import { replaySeed } from './load.js'
import { arrangePlace, endAfter, killAtMoment } from './moments.js'

// Only against hanging.
t.setTimeout(400_000)

/** Of each kind of moment one, and each freezer. */
const seeds = [1, 5, 6, 10, 14]

t.test('within 2 s of a kill -9 nothing of networks is left', async (t) => {
  const place = await arrangePlace(t, 'kill-network', { LAMBDA_EMU_FREEZE_NETWORK: 'true' })
  let current: StartingDaemon | undefined
  endAfter(t, () => current)
  for (const seed of replaySeed === undefined ? seeds : [Number(replaySeed)]) {
    const { left, what } = await killAtMoment(place, seed, (starting) => {
      current = starting
    })
    t.same(left, [], what)
  }
})
