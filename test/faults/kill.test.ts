// kill -9 of the daemon at 30 seeded moments under load: within 2 s, and without another start, nothing of it is left.

import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { StartingDaemon } from '../support/daemon.js'
import { replaySeed, seedsOf } from './load.js'
import { arrangePlace, count, endAfter, killAtMoment, nothingSeen } from './moments.js'
import { GONE_WITHIN_MS } from './traces.js'

// Only against hanging.
t.setTimeout(400_000)

t.test('within 2 s of a kill -9 nothing is left, without another start', async (t) => {
  const place = await arrangePlace(t, 'kill')
  const { traces } = place
  const seen = nothingSeen()
  let current: StartingDaemon | undefined
  endAfter(t, () => current)
  let slowestMs = 0
  for (const seed of seedsOf(1, 30)) {
    const { moment, left, tookMs, what } = await killAtMoment(place, seed, (starting) => {
      current = starting
    })
    count(seen, moment)
    slowestMs = Math.max(slowestMs, tookMs)
    t.same(left, [], `${what}; LAMBDA_EMU_SEED=${seed} node scripts/run-tests.js faults/kill`)
  }
  // What comes later than was waited for would come now.
  await sleep(GONE_WITHIN_MS / 4)
  t.same(traces.left(), [], `and nothing came back; the slowest took ${slowestMs.toFixed(0)} ms`)
  if (replaySeed !== undefined) return
  const missing = Object.entries(seen).filter(([, times]) => times === 0)
  t.same(missing, [], `all of it happened: ${JSON.stringify(seen)}`)
})
