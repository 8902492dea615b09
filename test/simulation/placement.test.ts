// The reducer that compose.ts wires, under everything that can happen, from seeds that can be replayed.

import t from 'tap'
import { moves, placementRules, type Rules } from '../../src/placement/rules.js'
import { replayCommand, World } from './world.js'

const wantedSeed = process.env.LAMBDA_EMU_SEED
const steps = Number(process.env.LAMBDA_EMU_STEPS ?? 100_000)

async function failureOf(seed: number, count: number, rules?: Rules): Promise<string | undefined> {
  try {
    await new World(seed, rules).run(count)
    return undefined
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}

t.test(`${steps} seeded steps keep I1, I2, I3, I6 and I10, and everything ends`, async (t) => {
  const seeds = wantedSeed === undefined ? [1, 2, 3, 4] : [Number(wantedSeed)]
  const each = wantedSeed === undefined ? Math.ceil(steps / seeds.length) : steps
  let total = 0
  const phases = new Set<string>()
  const outcomes = new Set<string>()
  const waits = new Set<string>()
  for (const seed of seeds) {
    try {
      const report = await new World(seed).run(each)
      total += report.steps
      for (const phase of report.phases) phases.add(phase)
      for (const outcome of Object.keys(report.outcomes)) outcomes.add(outcome)
      for (const [what, times] of Object.entries(report.memory)) if (times > 0) waits.add(what)
    } catch (error) {
      t.fail(`seed ${seed} fails; replay it: ${replayCommand(seed, each)}`, {
        found: error instanceof Error ? error.stack : String(error),
      })
      return
    }
  }
  t.ok(total >= steps, `${total} steps were taken`)
  if (wantedSeed !== undefined) return
  for (const is of ['error', 'fault', 'refused', 'response'])
    t.ok(outcomes.has(is), `${is} was reached`)
  t.same([...waits].sort(), ['evicted', 'placed', 'queued', 'refused'], 'waits of every end')
  const unreached = Object.entries(moves)
    .flatMap(([from, tos]) => tos.map((to) => `${from} → ${to}`))
    .filter((move) => !phases.has(move))
  t.same(
    unreached,
    ['created → shutting-down', 'initializing → ready'],
    'every move is reached, but for those that only proactive init makes',
  )
})

// Each of these is one line of the rules taken away. A simulation that does not notice would be worth nothing.
function without(from: keyof typeof moves, to: string): Rules {
  return {
    ...placementRules,
    moves: { ...moves, [from]: moves[from].filter((name) => name !== to) },
  }
}
const mutants: Readonly<Record<string, readonly [Rules, RegExp]>> = {
  'the move busy → resetting': [without('busy', 'resetting'), /busy → resetting is not a move/],
  'the move resetting → initializing': [
    without('resetting', 'initializing'),
    /resetting → initializing is not a move/,
  ],
  'the move dormant → initializing': [
    without('dormant', 'initializing'),
    /dormant → initializing is not a move/,
  ],
  'the guard that thaws what is frozen': [{ ...placementRules, mustThaw: () => false }, /I2: /],
  'the guard on concurrency': [{ ...placementRules, withinLimits: () => true }, /I3: /],
  'the guard on doomed environments': [{ ...placementRules, reusable: () => true }, /I6: /],
  'the guard on late answers': [
    { ...placementRules, awaited: () => true },
    /answered once|is known|busy environment settles/,
  ],
  'the wait for extensions': [
    {
      ...placementRules,
      isOver: ({ stage, outstanding }) => stage === 'settling' && !outstanding.includes('runtime'),
    },
    /I2: nobody in .* is at work|I1: .* waits/,
  ],
  'the guard on memory': [
    { ...placementRules, hasRoom: () => true },
    /I10: .* MB are within .* nobody decided/,
  ],
  'the order of those that wait': [
    { ...placementRules, mustQueue: () => false },
    /I10: .* does not overtake/,
  ],
  'the count of room that comes': [
    { ...placementRules, comingMb: () => 0 },
    /I10: .* had to be given up/,
  ],
  'every turn to start': [
    { ...placementRules, mayStart: () => false },
    /I10: .* does not wait while an environment could serve it/,
  ],
  'giving up idle environments': [
    { ...placementRules, evictable: () => false },
    /I8: .* is served when nothing more comes|I8: .* are served in the end/,
  ],
}

for (const [what, [rules, failure]] of Object.entries(mutants)) {
  t.test(`the simulation notices when ${what} is removed`, async (t) => {
    if (wantedSeed !== undefined) return t.pass('a replay')
    // Some show only where the world stands still, once a seed: 100,000 steps in all.
    let found: string | undefined
    for (let seed = 1; found === undefined && seed <= 20; seed += 1)
      found = await failureOf(seed, 5_000, rules)
    t.match(found, failure)
  })
}
