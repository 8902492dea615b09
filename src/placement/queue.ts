// The queue of invocations that wait for memory or a turn to start: who comes in, who leaves, and when waiting is in vain.

import { assert } from '../domain/assert.js'
import type { InvocationId } from '../domain/brand.js'
import type { RefusalReason } from '../domain/invocation.js'
import type { PhaseName, TimerPurpose } from './state.js'
import { answer, arm, disarm, finish, placedOf, type Transaction, timerKey } from './transaction.js'

/** Behind everybody who arrived before it. It has its slot already: on AWS it would be running. */
export function wait(step: Transaction, id: InvocationId): void {
  const { state } = step
  const { queue, memory } = state
  const placed = placedOf(step, id)
  let at = queue.length
  // Only one whose claim came to nothing arrived before others that wait: nearly always this is the end.
  while (at > 0 && placedOf(step, queue[at - 1] as InvocationId).arrival > placed.arrival) at -= 1
  queue.splice(at, 0, id)
  placed.waiting = { sinceMs: step.nowMs, progress: state.progress }
  const { standstillMs, longestMs } = patience(step, id)
  armPatience(step, id, standstillMs, standstillMs === longestMs)
  step.commands.push({
    do: 'journal',
    record: {
      kind: 'invocation.queued',
      invocation: id,
      functionArn: placed.invocation.functionArn,
      why: lacksTurnOnly(step) ? 'starts' : 'memory',
      waiting: queue.length,
      budgetMb: memory.budgetMb,
      chargedMb: memory.chargedMb,
      environments: memory.environments,
    },
  })
}

/**
 * It waits as long as its function may run, 30 seconds at most; but only half as long while nothing at all
 * moves. That is what a function that invokes itself without end looks like: everything that runs waits for
 * what waits. Refusing before those above time out lets the error climb to the first caller and ends the chain,
 * where room that a timeout makes would only carry it on.
 */
function patience(
  step: Transaction,
  id: InvocationId,
): { standstillMs: number; longestMs: number } {
  const { figures, generations } = step.state
  const timeoutMs = generations[placedOf(step, id).generation]?.timeoutMs ?? 0
  return {
    standstillMs: Math.min(timeoutMs / 2, figures.queueWaitMsMax),
    longestMs: Math.min(timeoutMs, figures.queueWaitMsMax),
  }
}

/** When who waits for a turn is looked at again. A figure of ours. */
const startPatienceMs = 1_000

function armPatience(step: Transaction, id: InvocationId, afterMs: number, last: boolean): void {
  arm(step, timerKey.room(id), { for: 'room', invocation: id, last }, afterMs, 'patience')
}

/** There is memory to start it, if only it were its turn. */
function lacksTurnOnly({ state, rules }: Transaction): boolean {
  return !rules.mayStart(state) && rules.hasRoom(state, state.figures.environmentFloorMb, 0)
}

/** Nothing has ended since `progress`, and nothing begins or goes: all that is charged runs and does not end. */
function standsStill({ state }: Transaction, progress: number): boolean {
  if (progress !== state.progress) return false
  const moving: readonly PhaseName[] = ['initializing', 'resetting', 'shutting-down']
  return !Object.values(state.environments).some(({ phase }) => moving.includes(phase.is))
}

/** It has waited long enough, unless something moved meanwhile and it has only waited half its time. */
export function patienceOver(
  step: Transaction,
  { invocation, last }: Extract<TimerPurpose, { for: 'room' }>,
): void {
  const { waiting } = placedOf(step, invocation)
  assert(waiting !== undefined, `${invocation} waits while its patience runs`)
  // Turns come as long as anything is started: memory is all that can be waited for in vain.
  if (lacksTurnOnly(step)) return armPatience(step, invocation, startPatienceMs, last)
  if (!last && !standsStill(step, waiting.progress)) {
    const { longestMs } = patience(step, invocation)
    return armPatience(step, invocation, waiting.sinceMs + longestMs - step.nowMs, true)
  }
  const { memory } = step.state
  step.commands.push({
    do: 'journal',
    record: {
      kind: 'invocation.refused',
      invocation,
      functionArn: placedOf(step, invocation).invocation.functionArn,
      why: 'memory',
      waitedMs: step.nowMs - waiting.sinceMs,
      budgetMb: memory.budgetMb,
      chargedMb: memory.chargedMb,
      environments: memory.environments,
    },
  })
  refuseWaiting(step, invocation, 'MemoryBudgetExceeded')
}

/** It never runs. */
export function refuseWaiting(step: Transaction, id: InvocationId, reason: RefusalReason): void {
  leave(step, id)
  answer(step, id, { is: 'refused', reason })
  finish(step, id)
}

/** It waits no longer: an environment has taken it, or it is refused. Its slot stays with it. */
export function leave(step: Transaction, id: InvocationId): void {
  const at = step.state.queue.indexOf(id)
  assert(at >= 0, `${id} waits in the queue`)
  step.state.queue.splice(at, 1)
  delete placedOf(step, id).waiting
  disarm(step, timerKey.room(id))
}
