// What must hold after every step, checked from the state alone. Names I1, I2, I3, I6 are those of the design; I10 is memory.

import { assert } from '../domain/assert.js'
import type { InvocationId } from '../domain/brand.js'
import { chargeOf, thawedMb } from './memory.js'
import { placementRules } from './rules.js'
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
      for (const { id, state: at } of environment.participants)
        assert(at === 'idle', `I2: ${id} of ${environment.id} waits, it is ${at}`)
      assert(
        environment.doomed === undefined,
        `I6: ${environment.id} is doomed (${environment.doomed}) and takes no invocation`,
      )
    }
  }
  for (const id of state.startTurns) {
    const is = state.environments[id]?.phase.is
    assert(is === 'initializing', `I2: the start of ${id} counts, and it is ${is}`)
  }
  for (const id of state.queue) {
    assert(!seen.has(id), `I1: invocation ${id} waits, or is in one environment`)
    seen.add(id)
    taken(state.invocations[id]?.invocation.functionArn ?? '')
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

/** @throws AssertionError naming what does not hold of the memory budget and of those that wait for it. */
export function checkMemory(state: PlacementState): void {
  const { memory } = state
  const sums = { chargedMb: 0, comingMb: 0, environments: 0 }
  for (const environment of Object.values(state.environments)) {
    const { id, chargedMb, phase } = environment
    assert(chargedMb === chargeOf(state, environment), `I10: ${id} is charged what it should be`)
    sums.chargedMb += chargedMb
    if (chargedMb > 0) sums.environments += 1
    if (phase.is === 'shutting-down') sums.comingMb += chargedMb
  }
  for (const [name, sum] of Object.entries(sums)) {
    const kept = memory[name as keyof typeof sums]
    assert(kept === sum, `I10: ${name} adds up to ${sum}, ${kept} is kept`)
  }
  assert(
    memory.budgetMb === null ||
      memory.environments <= 1 ||
      memory.chargedMb <= memory.budgetMb + memory.overMb,
    `I10: ${memory.chargedMb} MB are within ${memory.budgetMb} and the ${memory.overMb} nobody decided`,
  )
  checkQueue(state)
}

function checkQueue(state: PlacementState): void {
  let before = 0
  for (const id of state.queue) {
    const placed = state.invocations[id]
    assert(placed?.waiting !== undefined && !placed.answered, `I10: ${id} waits for its answer`)
    assert(placed.arrival > before, `I10: ${id} waits behind those that came before it`)
    before = placed.arrival
    assert(!couldRun(state, id), `I10: ${id} does not wait while an environment could serve it`)
  }
  const waiting = Object.values(state.invocations).filter((placed) => placed.waiting !== undefined)
  assert(waiting.length === state.queue.length, 'I10: who waits stands in the queue')
}

/** A warm environment of its generation is idle and may be thawed; or it is the first, and could be started. */
function couldRun(state: PlacementState, id: InvocationId): boolean {
  const generation = state.invocations[id]?.generation
  const last = generation === undefined ? undefined : state.ready[generation]?.at(-1)
  const warm = last === undefined ? undefined : state.environments[last]
  if (warm !== undefined) {
    const moreMb = thawedMb(state, warm) - warm.chargedMb
    return placementRules.hasRoom(state, moreMb, warm.chargedMb)
  }
  if (id !== state.queue[0] || !placementRules.mayStart(state)) return false
  return placementRules.hasRoom(state, state.figures.environmentFloorMb, 0)
}
