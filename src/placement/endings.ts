// How an environment ceases to serve without ending: settled and frozen, or reset after a failure. Its end is in shutdown.ts.

import { assert } from '../domain/assert.js'
import type { InvocationId } from '../domain/brand.js'
import type { Outcome } from '../domain/invocation.js'
import { currentGeneration, place, takeClaim } from './place.js'
import { serve } from './serve.js'
import { shutDown } from './shutdown.js'
import { initialize } from './start.js'
import type { EnvironmentState, ResetReason } from './state.js'
import {
  answer,
  arm,
  become,
  command,
  disarm,
  finish,
  holdThawed,
  placedOf,
  releaseSlot,
  suspend,
  type Transaction,
  timerKey,
} from './transaction.js'

/** Every participant has asked for the next event: the environment is idle, and freezes unless somebody waits. */
export function settled(step: Transaction, environment: EnvironmentState): void {
  const { phase } = environment
  assert(phase.is === 'busy', 'only a busy environment settles')
  disarm(step, phase.active.deadline)
  finish(step, phase.active.invocationId)
  holdThawed(step, environment, false)
  becomeReady(step, environment)
}

/** Init or an invocation is over: serve who waits, else freeze. */
export function becomeReady(step: Transaction, environment: EnvironmentState): void {
  becomeIdle(step, environment, 'ready')
  if (environment.phase.is === 'ready') freeze(step, environment)
}

/** Free, with its processes or without: whoever waited takes it, and else it expires in its time. */
function becomeIdle(
  step: Transaction,
  environment: EnvironmentState,
  is: 'ready' | 'dormant',
): void {
  const current = currentGeneration(step.state, environment.generation)
  if (current === null || !step.rules.reusable(environment, current))
    return shutDown(step, environment, environment.doomed ?? 'redeploy')
  const expiry = timerKey.expiry(environment.id)
  become(step, environment, { is, sinceMs: step.nowMs, expiry })
  arm(
    step,
    expiry,
    { for: 'expiry', env: environment.id },
    step.state.figures.idleLifeMs,
    'background',
  )
  serveWaiting(step, environment)
}

/**
 * Whoever waited for this environment, now free, is placed: here, since it was used last, if limits allow and
 * nobody who waits for memory came before.
 */
function serveWaiting(step: Transaction, environment: EnvironmentState): void {
  const waiting = takeClaim(step, environment)
  if (waiting !== undefined) place(step, waiting, false)
  serve(step)
}

export function freeze(step: Transaction, environment: EnvironmentState): void {
  if (!step.state.figures.suspendable || environment.heldThawed) return
  suspend(step, environment, 'freezing')
  command(step, { do: 'freeze', env: environment.id })
}

/** Init did not end well. On demand it is tried once more, inside the invocation that waits. */
export function initFailed(
  step: Transaction,
  environment: EnvironmentState,
  outcome: (pending: InvocationId) => Outcome,
  reason: ResetReason,
): void {
  const { phase } = environment
  assert(phase.is === 'initializing', 'only init can fail so')
  disarm(step, phase.limit)
  if (phase.pending === undefined || phase.cause === 'on-demand')
    return reset(step, environment, reason, phase.pending)
  answer(step, phase.pending, outcome(phase.pending), environment.id)
  finish(step, phase.pending)
  reset(step, environment, reason)
}

/** An invocation ends by the platform's hand: the caller hears it at once, and the processes go. */
export function abort(
  step: Transaction,
  environment: EnvironmentState,
  outcome: (id: InvocationId) => Outcome,
  reason: ResetReason,
): void {
  const { phase } = environment
  assert(phase.is === 'busy', 'only an invocation in flight is aborted')
  const id = phase.active.invocationId
  disarm(step, phase.active.deadline)
  if (reason !== 'timeout') step.state.progress += 1
  if (phase.active.stage === 'delivered') answer(step, id, outcome(id), environment.id)
  finish(step, id)
  reset(step, environment, reason)
}

export function reset(
  step: Transaction,
  environment: EnvironmentState,
  reason: ResetReason,
  pending?: InvocationId,
): void {
  disarm(step, timerKey.expiry(environment.id))
  holdThawed(step, environment, false)
  become(
    step,
    environment,
    { is: 'resetting', reason, ...(pending === undefined ? {} : { pending }) },
    reason,
  )
  for (const participant of environment.participants) participant.state = 'exited'
  command(step, { do: 'kill', env: environment.id, reason })
}

/** The processes of a reset environment are dead. Its /tmp waits for the next invocation that takes it. */
export function resetDone(step: Transaction, environment: EnvironmentState): void {
  const { phase } = environment
  assert(phase.is === 'resetting', 'a reset ends once')
  environment.suspension = { is: 'running', sinceMs: step.nowMs }
  environment.wasFrozen = false
  if (phase.pending !== undefined) return initialize(step, environment, 'in-invoke', phase.pending)
  becomeIdle(step, environment, 'dormant')
}

/** The processes would not die: give the environment up, and let whoever waited inside start elsewhere. */
export function resetFailed(step: Transaction, environment: EnvironmentState): void {
  const { phase } = environment
  assert(phase.is === 'resetting', 'a reset ends once')
  const { pending } = phase
  shutDown(step, environment, 'failed')
  if (pending === undefined) return
  releaseSlot(step, environment.functionArn)
  delete placedOf(step, pending).deadlineMs
  place(step, pending, true)
}
