// Every event meets an environment in every phase and suspension in which it can, and in no other.

import t from 'tap'
import { type Happening, happenings, phases, refusal, suspensions } from './pairs.js'
import { World } from './world.js'

// Most pairs are met in the first ten worlds; the rarest need hundreds.
const seedsMax = 2_500
const stepsEach = 200

const pairs = phases.flatMap((phase) =>
  suspensions.flatMap((suspension) =>
    happenings.map((happening: Happening) => ({
      pair: `${phase} ${suspension} ${happening}`,
      why: refusal([phase, suspension], happening),
    })),
  ),
)

t.test('each pair of a state and an event is reached, or impossible for a reason', async (t) => {
  const possible = pairs.filter(({ why }) => why === undefined).map(({ pair }) => pair)
  const unreached = new Set(possible)
  const met = new Set<string>()
  let seed = 0
  while (unreached.size > 0 && seed < seedsMax) {
    seed += 1
    for (const pair of (await new World(seed, undefined, true).run(stepsEach)).met) {
      met.add(pair)
      unreached.delete(pair)
    }
  }
  t.same([...unreached], [], `${possible.length} pairs are reached within ${seed} worlds`)
  const refused = pairs.filter(({ pair, why }) => why !== undefined && met.has(pair))
  t.same(refused, [], 'none is reached that is called impossible')
  const named = new Set(pairs.map(({ pair }) => pair))
  t.same(
    [...met].filter((pair) => !named.has(pair)),
    [],
    'every event has a name here',
  )
})
