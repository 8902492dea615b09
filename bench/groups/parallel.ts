// Ten calls at once of a function that sleeps 200 ms, cold and warm, beside ten bare starts of Node at once.

import { environmentsAtRest, expireAll, startDaemon } from '../daemon.js'
import { sleeper } from '../functions.js'
import type { Group } from '../group.js'
import { median } from '../statistics.js'
import { bareNode } from './cold.js'

const parallelCalls = 10
const sleepMs = 200

export const parallel: Group = {
  rows: ['parallel-cold', 'parallel-warm'],
  async open({ scope, load, smoke, output }) {
    const daemon = await startDaemon(scope, { functions: { sleeper }, output })
    const target = daemon.target('sleeper', { sleepMs }, sleepMs)
    const all = async () =>
      (await load.calls({ target, connections: parallelCalls, calls: 1 })).elapsedMs
    const once = async () => {
      const cold = await all()
      await environmentsAtRest(daemon)
      const warm = await all()
      await expireAll(daemon)
      return { cold, warm, bare: await load.bare(bareNode, parallelCalls) }
    }
    // The first ones find nothing in the page cache and no /tmp in stock.
    await once()
    return async () => {
      const times = []
      for (let time = 0; time < (smoke ? 1 : 3); time += 1) times.push(await once())
      const reference = median(times.map(({ bare }) => bare))
      return {
        'parallel-cold': { subject: median(times.map((each) => each.cold)), reference },
        'parallel-warm': { subject: median(times.map((each) => each.warm)), reference },
      }
    }
  },
}
