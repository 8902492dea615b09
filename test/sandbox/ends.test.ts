// Several ends of one sandbox at once, as a stop that meets a timeout: each resolves, and nothing is left.

import t from 'tap'
import { arrangeFactory, arrangeSandbox } from './real-sandbox.js'

t.test('kills that a removal overtakes end well', async (t) => {
  const arranged = await arrangeFactory(t, 'v2')
  for (let round = 0; round < 10; round += 1) {
    const { sandbox, start } = await arrangeSandbox(t, arranged)
    await start(['/bin/sh', '-c', 'sleep 1000 & sleep 1000 & wait'])
    sandbox.initialized()
    const ends = [sandbox.kill(), sandbox.remove(), sandbox.kill(), sandbox.kill()]
    const outcomes = await Promise.allSettled(ends)
    const failed = outcomes.filter(({ status }) => status === 'rejected')
    t.same(failed, [], `round ${round}`)
    t.same(sandbox.pids(), [], 'nothing is alive')
  }
})
