// Who of those that wait for memory runs next, and which idle environment is given up for it.

import type { InvocationId } from '../domain/brand.js'
import { currentGeneration } from './place.js'
import { leave, refuseWaiting } from './queue.js'
import { shutDown } from './shutdown.js'
import { neededMb, useNew, useWarm, warmFor } from './start.js'
import type { EnvironmentState } from './state.js'
import { environmentOf, placedOf, type Transaction } from './transaction.js'

/**
 * Serves the queue in the order of arrival, as far as memory and turns to start go. Three rules:
 *
 * 1. Only the first that waits is started in a new environment, and only for it are idle environments given
 *    up: every one, the least recently used first, until the room that comes is enough for it.
 * 2. Whoever stands behind it runs before it only in a warm environment of its own generation, one that the
 *    first neither could use nor had to give up.
 * 3. Who arrives takes nothing that rule 2 would not give it: it goes to the end of the queue first.
 *
 * Nobody starves. While the first one waits no environment is added (1), and whenever it lacks room, every
 * environment that becomes idle is given up for it (1), whoever is behind it (2, 3). So each environment serves at
 * most the invocation that it has, and at the end the first one has the machine for itself and is let in.
 */
export function serve(step: Transaction): void {
  const { queue, ready } = step.state
  for (let at = 0; at < queue.length; ) {
    const id = queue[at] as InvocationId
    const first = at === 0
    if (!first && isEmpty(ready)) return
    if (useWarm(step, id) || (first && useNew(step, id))) {
      leave(step, id)
      continue
    }
    if (first) makeRoom(step, id)
    at += 1
  }
}

function isEmpty(index: Readonly<Record<string, unknown>>): boolean {
  for (const _ in index) return false
  return true
}

/** Gives up idle environments until what they leave is enough for `id`, counting what is on its way already. */
function makeRoom(step: Transaction, id: InvocationId): void {
  const { state, rules } = step
  const own = warmFor(step, id)
  const moreMb = neededMb(step, own)
  const ownMb = own?.chargedMb ?? 0
  for (;;) {
    const comingMb = rules.comingMb(state)
    if (rules.hasRoom(state, moreMb - comingMb, ownMb + comingMb)) return
    const idle = leastRecentlyUsed(step, own)
    if (idle === undefined) return
    shutDown(step, idle, 'evicted')
  }
}

/** The idle environment that has been idle longest, of any function; not `kept`. */
function leastRecentlyUsed(
  step: Transaction,
  kept: EnvironmentState | undefined,
): EnvironmentState | undefined {
  let found: EnvironmentState | undefined
  let foundMs = Number.POSITIVE_INFINITY
  for (const ids of Object.values(step.state.ready)) {
    // The first of a generation that may go is its least recently used one.
    for (const id of ids) {
      const environment = environmentOf(step, id)
      if (environment?.phase.is !== 'ready' || environment === kept) continue
      if (!step.rules.evictable(environment)) continue
      if (environment.phase.sinceMs < foundMs) {
        found = environment
        foundMs = environment.phase.sinceMs
      }
      break
    }
  }
  return found
}

/** A function has changed or is gone: who waits for it runs the new one, or is refused. */
export function followGenerations(step: Transaction): void {
  for (const id of [...step.state.queue]) {
    const placed = placedOf(step, id)
    const generation = currentGeneration(step.state, placed.generation)
    if (generation === null) refuseWaiting(step, id, 'FunctionDeleted')
    else placed.generation = generation
  }
}
