// kill -9 of a daemon with --freeze-network at seeded moments under load: no link, no namespace and nothing else is left.

import t from 'tap'
import { nowMs, type StartingDaemon } from '../support/daemon.js'
import { replaySeed } from './load.js'
import { arrangePlace, endAfter, momentOf } from './moments.js'

// Only against hanging.
t.setTimeout(400_000)

/** Of each kind of moment one, and each freezer. */
const seeds = [1, 5, 6, 10, 14]

t.test('within 2 s of a kill -9 nothing of networks is left', async (t) => {
  const place = await arrangePlace(t, 'kill-network', { LAMBDA_EMU_FREEZE_NETWORK: 'true' })
  const { traces } = place
  let current: StartingDaemon | undefined
  endAfter(t, () => current)
  for (const seed of replaySeed === undefined ? seeds : [Number(replaySeed)]) {
    const moment = await momentOf(place, seed)
    current = moment.starting
    const killedAtMs = nowMs()
    process.kill(moment.starting.pid, 'SIGKILL')
    const { left, tookMs } = await traces.gone(killedAtMs)
    await moment.starting.exited
    await moment.running?.ended
    const { kind, freeze, processes } = moment
    t.same(
      left,
      [],
      `seed ${seed}, ${freeze}, ${kind}: ${processes} processes gone in ${tookMs.toFixed(0)} ms`,
    )
  }
})
