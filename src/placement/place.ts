// Where an invocation runs: a ready environment, one that is about to be free, a dormant one, or a new one.

import { assert } from '../domain/assert.js'
import type { GenerationId, InvocationId } from '../domain/brand.js'
import type { RefusalReason } from '../domain/invocation.js'
import { wait } from './queue.js'
import { useNew, useWarm } from './start.js'
import type { EnvironmentState, PlacementState } from './state.js'
import {
  answer,
  arm,
  disarm,
  environmentOf,
  placedOf,
  type Transaction,
  takeSlot,
  timerKey,
} from './transaction.js'

/** The newest deployed state that follows `id`; null once the function is deleted. */
export function currentGeneration(state: PlacementState, id: GenerationId): GenerationId | null {
  for (let at = id; ; ) {
    const facts = state.generations[at]
    if (facts === undefined || facts.replacedBy === null) return null
    if (facts.replacedBy === undefined) return at
    at = facts.replacedBy
  }
}

/**
 * Finds an invocation its environment, in Lambda's order: warm and most recently used first; then one
 * that will be free within moments; then a dormant one, whose /tmp is kept; then a new one. Without memory
 * for any of these, or behind others that wait for it, it joins the queue. What would be one too many of its
 * function waits for no memory: it is refused, unless an environment is about to give its slot back.
 */
export function place(step: Transaction, id: InvocationId, mayClaim: boolean): void {
  const { state, rules } = step
  const placed = placedOf(step, id)
  if (state.stopping) return refuse(step, id, 'EmulatorStopping')
  const generation = currentGeneration(state, placed.generation)
  if (generation === null) return refuse(step, id, 'FunctionDeleted')
  placed.generation = generation

  const { functionArn } = placed.invocation
  if (!rules.withinLimits(state, functionArn)) {
    if (mayClaim && claim(step, id, generation)) return
    const reserved = state.limits.reserved[functionArn] !== undefined
    return refuse(
      step,
      id,
      reserved
        ? 'ReservedFunctionConcurrentInvocationLimitExceeded'
        : 'ConcurrentInvocationLimitExceeded',
    )
  }
  if (!rules.mustQueue(state)) {
    if (useWarm(step, id)) return takeSlot(step, functionArn)
    if (mayClaim && claim(step, id, generation)) return
    if (useNew(step, id)) return takeSlot(step, functionArn)
  }
  takeSlot(step, functionArn)
  wait(step, id)
}

function refuse(step: Transaction, id: InvocationId, reason: RefusalReason): void {
  answer(step, id, { is: 'refused', reason })
  delete step.state.invocations[id]
}

/** Lets an invocation wait for an environment that will soon be free. False when there is none. */
function claim(step: Transaction, id: InvocationId, generation: GenerationId): boolean {
  const ids = step.state.claimable[generation] ?? []
  for (const envId of ids) {
    const environment = environmentOf(step, envId)
    if (environment === undefined || environment.claimedBy !== undefined) continue
    if (!step.rules.reusable(environment, generation)) continue
    const waitMs = patienceMs(step, environment)
    if (waitMs <= 0) continue
    environment.claimedBy = id
    arm(step, timerKey.claim(id), { for: 'claim', env: envId, invocation: id }, waitMs, 'patience')
    return true
  }
  return false
}

function patienceMs(step: Transaction, environment: EnvironmentState): number {
  const { figures } = step.state
  const { phase } = environment
  if (phase.is === 'resetting') return figures.resetWaitMs
  assert(phase.is === 'busy', 'only a busy or a resetting environment can be claimed')
  // Whoever is still at work, runtime or extension: most are done within moments, and for the others nobody waits longer.
  const { settlingSinceMs } = phase.active
  return (settlingSinceMs ?? step.nowMs) + figures.settleWaitMs - step.nowMs
}

/** The invocation that waited for this environment, which now waits no more. */
export function takeClaim(
  step: Transaction,
  environment: EnvironmentState,
): InvocationId | undefined {
  const id = environment.claimedBy
  if (id === undefined) return undefined
  delete environment.claimedBy
  disarm(step, timerKey.claim(id))
  return id
}

/** Whoever waited for this environment looks for another. */
export function dropClaim(step: Transaction, environment: EnvironmentState): void {
  const id = takeClaim(step, environment)
  if (id !== undefined) place(step, id, true)
}
