// How an invocation gets into an environment: one is started for it, or takes it as it is.

import type { EmulatorMs, EnvironmentId, GenerationId, InvocationId } from '../domain/brand.js'
import { thawedMb } from './memory.js'
import type { EnvironmentState, InitCause } from './state.js'
import {
  arm,
  become,
  command,
  disarm,
  environmentOf,
  placedOf,
  suspend,
  type Transaction,
  timerKey,
} from './transaction.js'

/** The warm environment that serves this invocation next, memory permitting: the one used last. */
export function warmFor(step: Transaction, id: InvocationId): EnvironmentState | undefined {
  const { generation } = placedOf(step, id)
  return lastIdle(step, step.state.ready[generation], generation)
}

/** What running it takes of the budget: thawing its warm environment, or starting one. Megabytes. */
export function neededMb(step: Transaction, warm: EnvironmentState | undefined): number {
  if (warm === undefined) return step.state.figures.environmentFloorMb
  return thawedMb(step.state, warm) - warm.chargedMb
}

/** Hands it to a warm environment. False when there is none, or no memory to thaw it. */
export function useWarm(step: Transaction, id: InvocationId): boolean {
  const warm = warmFor(step, id)
  if (warm === undefined) return false
  if (!step.rules.hasRoom(step.state, neededMb(step, warm), warm.chargedMb)) return false
  deliver(step, warm, id, 'warm')
  return true
}

/** Starts an environment for it, a dormant one if there is one. False when there is no memory for it, or no turn to start. */
export function useNew(step: Transaction, id: InvocationId): boolean {
  if (!step.rules.mayStart(step.state)) return false
  if (!step.rules.hasRoom(step.state, neededMb(step, undefined), 0)) return false
  const { generation, invocation } = placedOf(step, id)
  const dormant = lastIdle(step, step.state.dormant[generation], generation)
  if (dormant === undefined)
    initialize(step, create(step, generation, invocation.functionArn), 'on-demand', id)
  else initialize(step, dormant, 'in-invoke', id)
  return true
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
    wasFrozen: false,
    participants: [],
    bornMs: step.nowMs,
    lastUsedMs: step.nowMs,
    invocations: 0,
    heldThawed: false,
    chargedMb: 0,
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
  // What was measured was measured of other processes.
  delete environment.measuredMb
  environment.suspension = { is: 'running', sinceMs: step.nowMs }
  environment.wasFrozen = false
  become(step, environment, { is: 'initializing', cause, pending, limit })
  takeStartTurn(step, environment.id)
  environment.participants = [{ id: 'runtime', kind: 'runtime', invoked: true, state: 'starting' }]
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

/**
 * How long a start counts at most. A figure of ours: what starts a process takes less, and an init that waits for something else
 * must not hold up others.
 */
const startCountsForMs = 100

function takeStartTurn(step: Transaction, env: EnvironmentId): void {
  step.state.startTurns.push(env)
  arm(step, timerKey.startTurn(env), { for: 'start-turn', env }, startCountsForMs, 'patience')
}

/** Those who are given the invocation, now at work. */
function takers(environment: EnvironmentState): string[] {
  const ids: string[] = []
  for (const participant of environment.participants) {
    if (!participant.invoked) continue
    participant.state = 'working'
    ids.push(participant.id)
  }
  return ids
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
      outstanding: takers(environment),
      deadline,
    },
  })
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
