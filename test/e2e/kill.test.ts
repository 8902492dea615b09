// kill -9 of the daemon under load, once with each freezer, and a start at once after it: test/faults does this at many more moments.

import t from 'tap'
import { draws, load } from '../faults/load.js'
import { arrangePlace, endAfter, start } from '../faults/moments.js'
import { nowMs, type StartingDaemon, until } from '../support/daemon.js'

// Only against hanging.
t.setTimeout(400_000)

t.test(
  'after a kill -9 the next start, made at once, serves and leaves nothing of it',
  async (t) => {
    const place = await arrangePlace(t, 'e2e')
    const { traces } = place
    let current: StartingDaemon | undefined
    endAfter(t, () => current)
    for (const freeze of ['v2', 'v1', 'signal'] as const) {
      current = start(place, freeze)
      const daemon = await current.ready
      const running = load(daemon, draws(7))
      await until('much is going on', () => running.answered() >= 8)
      traces.look()
      const killedAtMs = nowMs()
      process.kill(daemon.pid, 'SIGKILL')
      await current.exited
      current = start(place, freeze)
      const next = await current.ready
      await running.ended
      const answer = await next.invoke('sleeper-node', {})
      t.match(answer.body, { invocations: 1 }, `${freeze}: the next one serves`)
      t.equal(await next.stop(), 0)
      const { left, tookMs } = await traces.gone(killedAtMs)
      t.same(left, [], `${freeze}: nothing is left ${tookMs.toFixed(0)} ms after the kill`)
    }
  },
)
