// kill -9 of the guardian too, before the daemon or at the same instant: then the next start leaves nothing of the killed run.

import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { nowMs, type StartingDaemon } from '../support/daemon.js'
import { backendOf, replaySeed, seedsOf } from './load.js'
import { arrangePlace, count, endAfter, momentOf, nothingSeen, start } from './moments.js'
import { GONE_WITHIN_MS } from './traces.js'

// Only against hanging.
t.setTimeout(400_000)

t.test('killed with its guardian, a daemon leaves nothing after the next start', async (t) => {
  const place = await arrangePlace(t, 'both')
  const { traces } = place
  const seen = nothingSeen()
  let current: StartingDaemon | undefined
  endAfter(t, () => current)
  for (const seed of seedsOf(101, 12)) {
    current = start(place, backendOf(seed))
    const moment = await momentOf(place, seed, current)
    const guardian = traces.guardianOf(current.pid)
    // While the daemon starts there may be none yet.
    if (guardian !== undefined) process.kill(guardian, 'SIGKILL')
    // With an even seed the guardian is long dead when the daemon dies.
    if (seed % 2 === 0) await sleep(50)
    process.kill(current.pid, 'SIGKILL')
    await current.exited
    await moment.running?.ended
    count(seen, moment)
    const startedAtMs = nowMs()
    current = start(place, backendOf(seed + 1))
    const next = await current.ready
    const readyMs = nowMs() - startedAtMs
    const { kind, freeze, processes } = moment
    const what = `seed ${seed}, ${freeze}, ${kind}: ${processes} processes, ready in ${readyMs.toFixed(0)} ms`
    const replay = `LAMBDA_EMU_SEED=${seed} node scripts/run-tests.js faults/guardian-killed`
    t.same(traces.left(next.pid), [], `${what}; ${replay}`)
    t.equal(await next.stop(), 0)
    const trouble = next.warnings.filter(({ code }) => /^W_(GUARDIAN|SWEEP)$/.test(code))
    t.same(trouble, [], 'and the next start had no trouble with it')
    t.same(traces.left(), [], 'and leaves nothing itself')
  }
  await sleep(GONE_WITHIN_MS / 4)
  t.same(traces.left(), [], 'and nothing came back')
  if (replaySeed !== undefined) return
  // Twelve moments may miss what is rare; kill.test.ts has 30.
  const rare = ['timeouts', 'outOfMemory']
  const missing = Object.entries(seen).filter(
    ([what, times]) => times === 0 && !rare.includes(what),
  )
  t.same(missing, [], `all of it happened: ${JSON.stringify(seen)}`)
})
