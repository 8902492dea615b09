// Where an invocation runs: a ready environment, one that is about to be free, a dormant one, or a new one.

import { assert } from '../domain/assert.js'
import type { EmulatorMs, EnvironmentId, GenerationId, InvocationId } from '../domain/brand.js'
import type { RefusalReason } from '../domain/invocation.js'
import type { EnvironmentState, InitCause, PlacementState } from './state.js'
import {
  answer,
  arm,
  become,
  command,
  disarm,
  environmentOf,
  placedOf,
  suspend,
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
 * that will be free within moments; then a dormant one, whose /tmp is kept; then a new one.
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
  const warm = lastIdle(step, state.ready[generation], generation)
  if (warm !== undefined) {
    takeSlot(step, functionArn)
    return deliver(step, warm, id, 'warm')
  }
  if (mayClaim && claim(step, id, generation)) return
  takeSlot(step, functionArn)
  const dormant = lastIdle(step, state.dormant[generation], generation)
  initialize(
    step,
    dormant ?? create(step, generation, functionArn),
    dormant === undefined ? 'on-demand' : 'in-invoke',
    id,
  )
}

function lastIdle(
  step: Transaction,
  ids: readonly EnvironmentId[] | undefined,
  generation: GenerationId,
): EnvironmentState | undefined {
  for (let index = (ids?.length ?? 0) - 1; index >= 0; index -= 1) {
    const environment = environmentOf(step, ids?.[index] as EnvironmentId)
    if (environment !== undefined && step.rules.reusable(environment, generation))
      return environment
  }
  return undefined
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
  const { outstanding, settlingSinceMs } = phase.active
  // Somebody beside the runtime is still at work: that can take long, so the request goes elsewhere.
  if (outstanding.some((participant) => participant !== 'runtime')) return 0
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

function create(
  step: Transaction,
  generation: GenerationId,
  functionArn: string,
): EnvironmentState {
  const { state } = step
  const id = `e${state.nextEnvironment}` as EnvironmentId
  state.nextEnvironment += 1
  const environment: EnvironmentState = {
    id,
    generation,
    functionArn,
    phase: { is: 'created' },
    suspension: { is: 'running', sinceMs: step.nowMs },
    participants: [],
    bornMs: step.nowMs,
    lastUsedMs: step.nowMs,
    invocations: 0,
    heldThawed: false,
  }
  state.environments[id] = environment
  return environment
}

/** Starts the processes of an environment. In-invoke init shares the function's timeout with its invocation. */
export function initialize(
  step: Transaction,
  environment: EnvironmentState,
  cause: InitCause,
  pending: InvocationId,
): void {
  const { state } = step
  disarm(step, timerKey.expiry(environment.id))
  const limit = timerKey.initLimit(environment.id)
  const timeoutMs = state.generations[environment.generation]?.timeoutMs ?? 0
  if (environment.phase.is !== 'resetting') {
    step.commands.push({
      do: 'journal',
      record: {
        kind: 'invocation.placed',
        invocation: pending,
        env: environment.id,
        start: environment.phase.is === 'dormant' ? 'dormant' : 'cold',
      },
    })
  }
  become(step, environment, { is: 'initializing', cause, pending, limit })
  environment.suspension = { is: 'running', sinceMs: step.nowMs }
  environment.participants = [{ id: 'runtime', kind: 'runtime', state: 'starting' }]
  if (cause === 'in-invoke')
    placedOf(step, pending).deadlineMs = (step.nowMs + timeoutMs) as EmulatorMs
  command(step, {
    do: 'start',
    env: environment.id,
    generation: environment.generation,
    cause,
    pending: placedOf(step, pending).invocation,
  })
  arm(
    step,
    limit,
    { for: 'init-limit', env: environment.id },
    cause === 'in-invoke' ? timeoutMs : state.figures.initLimitMs,
    'execution',
  )
}

/** Hands an invocation to an environment: the event is queued first, and only then is it thawed. */
export function deliver(
  step: Transaction,
  environment: EnvironmentState,
  id: InvocationId,
  start: 'warm' | 'initialized',
): void {
  const placed = placedOf(step, id)
  const initInside =
    environment.phase.is === 'initializing' && environment.phase.cause === 'on-demand'
  const timeoutMs = step.state.generations[environment.generation]?.timeoutMs ?? 0
  const deadlineMs = placed.deadlineMs ?? ((step.nowMs + timeoutMs) as EmulatorMs)
  const deadline = timerKey.deadline(id)
  const thaw = step.rules.mustThaw(environment)

  disarm(step, timerKey.expiry(environment.id))
  become(step, environment, {
    is: 'busy',
    active: {
      invocationId: id,
      stage: 'delivered',
      outstanding: environment.participants.map((participant) => participant.id),
      deadline,
    },
  })
  for (const participant of environment.participants) participant.state = 'working'
  environment.lastUsedMs = step.nowMs
  environment.invocations += 1
  if (start === 'warm') {
    step.commands.push({
      do: 'journal',
      record: { kind: 'invocation.placed', invocation: id, env: environment.id, start },
    })
  }
  command(step, {
    do: 'deliver',
    env: environment.id,
    invocation: placed.invocation,
    deadlineMs,
    initInside,
  })
  if (thaw) {
    suspend(step, environment, 'thawing')
    command(step, { do: 'thaw', env: environment.id })
  }
  arm(
    step,
    deadline,
    { for: 'deadline', env: environment.id, invocation: id },
    deadlineMs - step.nowMs,
    'execution',
  )
}
