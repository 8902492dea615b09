// What must hold after every step, checked from the state alone. Names I1, I2, I3, I6 are those of the design.

import { assert } from '../domain/assert.js'
import type { PlacementState } from './state.js'

/** @throws AssertionError naming the invariant that does not hold. */
export function checkInvariants(state: PlacementState): void {
  const holders: Record<string, number> = {}
  let total = 0
  const taken = (functionArn: string): void => {
    total += 1
    holders[functionArn] = (holders[functionArn] ?? 0) + 1
  }
  const seen = new Set<string>()
  for (const environment of Object.values(state.environments)) {
    const { phase, suspension } = environment
    const inside =
      phase.is === 'busy'
        ? phase.active.invocationId
        : phase.is === 'initializing' || phase.is === 'resetting'
          ? phase.pending
          : undefined
    if (inside !== undefined) {
      assert(!seen.has(inside), `I1: invocation ${inside} is in one environment`)
      seen.add(inside)
      taken(environment.functionArn)
      const placed = state.invocations[inside]
      assert(placed !== undefined, `I1: invocation ${inside} is known while it runs`)
      assert(
        placed.generation === environment.generation,
        `I6: ${environment.id} runs the generation that ${inside} was placed on`,
      )
    }
    if (phase.is === 'busy' || phase.is === 'initializing') {
      assert(
        suspension.is === 'running' || suspension.is === 'thawing',
        `I2: ${environment.id} is ${phase.is} and not frozen`,
      )
    }
    if (phase.is === 'ready') {
      assert(
        environment.doomed === undefined,
        `I6: ${environment.id} is doomed (${environment.doomed}) and takes no invocation`,
      )
    }
  }
  assert(total === state.slots.total, `I3: ${total} slots are held, ${state.slots.total} counted`)
  assert(
    total <= state.limits.account || state.stopping,
    `I3: ${total} run within the account's ${state.limits.account}`,
  )
  for (const [functionArn, count] of Object.entries(holders)) {
    assert(count === state.slots.byFunction[functionArn], `I3: slots of ${functionArn} add up`)
    const reserved = state.limits.reserved[functionArn]
    if (reserved !== undefined)
      assert(count <= reserved, `I3: ${functionArn} runs within its reserved ${reserved}`)
  }
}
