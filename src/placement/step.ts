// The one deterministic reducer: what happened goes in, what is to be done comes out. No effects, no clock.

import { assert, assertNever } from '../domain/assert.js'
import type { EnvironmentId, GenerationId, InvocationId } from '../domain/brand.js'
import { endFault, timeoutFault } from '../domain/faults.js'
import type { Outcome } from '../domain/invocation.js'
import {
  abort,
  becomeReady,
  freeze,
  initFailed,
  reset,
  resetDone,
  resetFailed,
  settled,
} from './endings.js'
import { beyondBudgetMb, grew, recharge } from './memory.js'
import { place } from './place.js'
import { patienceOver, refuseWaiting } from './queue.js'
import { placementRules, type Rules } from './rules.js'
import { followGenerations, serve } from './serve.js'
import { doom, shutDown } from './shutdown.js'
import { deliver } from './start.js'
import type {
  Command,
  EnvironmentState,
  GenerationFacts,
  HostCommand,
  PlacementEvent,
  PlacementState,
} from './state.js'
import {
  answer,
  become,
  command,
  disarm,
  endStartTurn,
  environmentOf,
  finish,
  holdThawed,
  placedOf,
  settle,
  suspend,
  type Transaction,
} from './transaction.js'

type EventOf<On extends PlacementEvent['on']> = Extract<PlacementEvent, { on: On }>

/**
 * Takes one step. Mutates `state` (plain data; copying 10,000 environments would cost more than the step).
 * @throws AssertionError for a move that the rules do not allow: a bug of ours.
 */
export function step(
  state: PlacementState,
  event: PlacementEvent,
  rules: Rules = placementRules,
): readonly Command[] {
  const transaction: Transaction = { state, rules, nowMs: event.atMs, commands: [] }
  dispatch(transaction, event)
  // Whatever has made room, those that wait hear of it.
  if (state.queue.length > 0) serve(transaction)
  return transaction.commands
}

function dispatch(step: Transaction, event: PlacementEvent): void {
  switch (event.on) {
    case 'submitted':
      return submitted(step, event)
    case 'done':
      return done(step, event)
    case 'failed':
      return failed(step, event)
    case 'registered':
      return registered(step, event)
    case 'asked-next':
      return askedNext(step, event)
    case 'answered':
      return answered(step, event)
    case 'init-error':
      return initError(step, event)
    case 'exited':
      return exited(step, event)
    case 'measured':
      return measured(step, event)
    case 'timer':
      return timer(step, event)
    case 'deployed':
      return deployed(step, event.generation, event.replaces)
    case 'deleted':
      return deleted(step, event.generation)
    case 'limits':
      step.state.limits = { account: event.account, reserved: { ...event.reserved } }
      return
    case 'budget':
      step.state.memory.budgetMb = event.budgetMb
      step.state.memory.overMb = beyondBudgetMb(step.state)
      return
    case 'user-froze':
    case 'user-thawed':
    case 'user-expired':
      return byHand(step, event)
    case 'stopping':
      return stopping(step)
    default:
      return assertNever(event)
  }
}

function submitted(step: Transaction, event: EventOf<'submitted'>): void {
  const { invocation } = event
  step.state.invocations[invocation.invocationId] = {
    invocation,
    generation: invocation.generation,
    answered: false,
    arrival: step.state.nextArrival,
  }
  step.state.nextArrival += 1
  place(step, invocation.invocationId, true)
}

function takeOpen(
  step: Transaction,
  event: EventOf<'done'> | EventOf<'failed'>,
): { does: HostCommand['do']; environment: EnvironmentState | undefined } {
  const open = step.state.open[event.command]
  assert(open !== undefined && open !== null, `command ${event.command} ends once`)
  step.state.open[event.command] = null
  step.state.freeCommandIds.push(event.command)
  return { does: open.do, environment: environmentOf(step, open.env) }
}

function done(step: Transaction, event: EventOf<'done'>): void {
  const { does, environment } = takeOpen(step, event)
  if (environment === undefined) return
  switch (does) {
    case 'start':
    case 'deliver':
      return
    case 'freeze':
      if (environment.suspension.is === 'freezing') suspend(step, environment, 'frozen')
      return
    case 'thaw':
      if (environment.suspension.is === 'thawing') suspend(step, environment, 'running')
      return
    case 'kill':
      return killed(step, environment)
    case 'remove':
      become(step, environment, { is: 'gone' })
      delete step.state.environments[environment.id]
      return
    default:
      return assertNever(does)
  }
}

function killed(step: Transaction, environment: EnvironmentState): void {
  if (environment.phase.is === 'resetting') return resetDone(step, environment)
  if (environment.phase.is === 'shutting-down') command(step, { do: 'remove', env: environment.id })
}

function failed(step: Transaction, event: EventOf<'failed'>): void {
  const { does, environment } = takeOpen(step, event)
  if (environment === undefined) return
  const { phase } = environment
  step.commands.push({
    do: 'journal',
    record: {
      kind: 'environment.trouble',
      env: environment.id,
      command: does,
      problem: event.error.errorMessage,
    },
  })
  switch (does) {
    case 'start':
      if (phase.is === 'initializing')
        initFailed(step, environment, () => ({ is: 'fault', error: event.error }), 'init-failed')
      return
    case 'deliver':
      if (phase.is === 'busy')
        abort(step, environment, () => ({ is: 'fault', error: event.error }), 'crash')
      return
    case 'freeze':
      if (environment.suspension.is === 'freezing') {
        suspend(step, environment, 'running')
        grew(step.state)
      }
      return
    case 'thaw':
      // The deadline of the invocation inside ends it; nothing better can be done for a group that will not thaw.
      return
    case 'kill':
      if (phase.is === 'resetting') return resetFailed(step, environment)
      if (phase.is === 'shutting-down') command(step, { do: 'remove', env: environment.id })
      return
    case 'remove':
      become(step, environment, { is: 'gone' }, 'not removed')
      delete step.state.environments[environment.id]
      return
    default:
      return assertNever(does)
  }
}

function registered(step: Transaction, event: EventOf<'registered'>): void {
  const environment = environmentOf(step, event.env)
  // Registration is closed when init ends; what comes later comes from processes that are being ended.
  if (environment?.phase.is !== 'initializing') return
  const { participant: id, kind, invoked } = event
  environment.participants.push({ id, kind, invoked, state: 'starting' })
}

function askedNext(step: Transaction, event: EventOf<'asked-next'>): void {
  const environment = environmentOf(step, event.env)
  if (environment === undefined) return
  const { phase } = environment
  const participant = environment.participants.find(({ id }) => id === event.participant)
  if (participant === undefined || participant.state === 'exited') return
  participant.state = 'idle'
  if (phase.is === 'initializing') {
    if (environment.participants.some(({ state }) => state !== 'idle')) return
    disarm(step, phase.limit)
    if (phase.pending === undefined) return becomeReady(step, environment)
    return deliver(step, environment, phase.pending, 'initialized')
  }
  if (phase.is !== 'busy') return
  const { active } = phase
  // An extension may be done before the runtime has answered.
  active.outstanding = active.outstanding.filter((id) => id !== event.participant)
  if (step.rules.isOver(active)) settled(step, environment)
}

function answered(step: Transaction, event: EventOf<'answered'>): void {
  const environment = environmentOf(step, event.env)
  // A timeout and an answer can meet in one batch: the first one counts.
  if (environment === undefined || !step.rules.awaited(environment, event.invocation)) return
  step.state.progress += 1
  answer(step, event.invocation, event.outcome, environment.id)
  settle(step, environment)
}

function initError(step: Transaction, event: EventOf<'init-error'>): void {
  const environment = environmentOf(step, event.env)
  if (environment?.phase.is !== 'initializing') return
  initFailed(step, environment, () => event.outcome, 'init-failed')
}

function exited(step: Transaction, event: EventOf<'exited'>): void {
  const environment = environmentOf(step, event.env)
  if (environment === undefined) return
  const fault = (id: InvocationId): Outcome => ({
    is: 'fault',
    error: endFault(placedOf(step, id).invocation.requestId, event),
  })
  switch (environment.phase.is) {
    case 'initializing':
      return initFailed(step, environment, fault, 'init-failed')
    case 'busy':
      return abort(step, environment, fault, 'crash')
    case 'ready':
      return reset(step, environment, 'crash')
    case 'created':
    case 'resetting':
    case 'dormant':
    case 'shutting-down':
    case 'gone':
      return
    default:
      return assertNever(environment.phase)
  }
}

function measured(step: Transaction, event: EventOf<'measured'>): void {
  const environment = environmentOf(step, event.env)
  // Nothing is what cannot be measured: what was measured before is nearer to the truth.
  if (environment === undefined || event.privateMb <= 0) return
  if (!['initializing', 'ready', 'busy'].includes(environment.phase.is)) return
  environment.measuredMb = Math.ceil(event.privateMb)
  recharge(step.state, environment)
  grew(step.state)
}

function timer(step: Transaction, event: EventOf<'timer'>): void {
  const purpose = step.state.timers[event.timer]
  if (purpose === undefined) return
  delete step.state.timers[event.timer]
  if (purpose.for === 'room') return patienceOver(step, purpose)
  const environment = environmentOf(step, purpose.env)
  switch (purpose.for) {
    case 'deadline':
      if (environment?.phase.is === 'busy')
        abort(step, environment, (id) => timedOut(step, environment, id), 'timeout')
      return
    case 'init-limit':
      if (environment?.phase.is === 'initializing')
        initFailed(step, environment, (id) => timedOut(step, environment, id), 'timeout')
      return
    case 'expiry':
      if (environment?.phase.is === 'ready' || environment?.phase.is === 'dormant')
        shutDown(step, environment, 'expired')
      return
    case 'start-turn':
      return endStartTurn(step, purpose.env)
    case 'claim':
      if (environment?.claimedBy === purpose.invocation) delete environment.claimedBy
      return place(step, purpose.invocation, false)
    default:
      return assertNever(purpose)
  }
}

function timedOut(step: Transaction, environment: EnvironmentState, id: InvocationId): Outcome {
  const { requestId } = placedOf(step, id).invocation
  const timeoutMs = step.state.generations[environment.generation]?.timeoutMs ?? 0
  return { is: 'fault', error: timeoutFault(requestId, timeoutMs) }
}

function deployed(step: Transaction, facts: GenerationFacts, replaces?: GenerationId): void {
  step.state.generations[facts.id] = { ...facts }
  if (replaces === undefined) return
  const before = step.state.generations[replaces]
  if (before !== undefined) before.replacedBy = facts.id
  doomAll(step, replaces, 'redeploy')
  followGenerations(step)
}

function deleted(step: Transaction, generation: GenerationId): void {
  const before = step.state.generations[generation]
  if (before !== undefined) before.replacedBy = null
  doomAll(step, generation, 'deleted')
  followGenerations(step)
}

function doomAll(
  step: Transaction,
  generation: GenerationId,
  reason: 'redeploy' | 'deleted',
): void {
  for (const environment of Object.values(step.state.environments)) {
    if (environment.generation === generation) doom(step, environment, reason)
  }
}

/**
 * Whether a user may do this to an environment now; undefined when yes, else its phase as the reason.
 * Ask before posting the event: the reducer refuses by assertion.
 */
export function handRefusal(
  environment: EnvironmentState,
  verb: 'freeze' | 'thaw' | 'expire',
): string | undefined {
  const { phase, suspension } = environment
  if (verb === 'expire') {
    return phase.is === 'ready' || phase.is === 'dormant' ? undefined : phase.is
  }
  if (phase.is !== 'ready') return phase.is
  const suspended = suspension.is === 'frozen' || suspension.is === 'freezing'
  if (verb === 'freeze') return suspended ? 'already frozen' : undefined
  return suspended ? undefined : 'not frozen'
}

function byHand(
  step: Transaction,
  event: EventOf<'user-froze' | 'user-thawed' | 'user-expired'>,
): void {
  const environment = requireEnvironment(step, event.env)
  switch (event.on) {
    case 'user-froze':
      assert(handRefusal(environment, 'freeze') === undefined, 'it can be frozen')
      holdThawed(step, environment, false)
      return freeze(step, environment)
    case 'user-thawed':
      assert(handRefusal(environment, 'thaw') === undefined, 'it can be thawed')
      holdThawed(step, environment, true)
      suspend(step, environment, 'thawing')
      grew(step.state)
      return command(step, { do: 'thaw', env: environment.id })
    case 'user-expired':
      assert(handRefusal(environment, 'expire') === undefined, 'it can be expired')
      return shutDown(step, environment, 'expired')
    default:
      return assertNever(event.on)
  }
}

function requireEnvironment(step: Transaction, id: EnvironmentId): EnvironmentState {
  const environment = environmentOf(step, id)
  assert(environment !== undefined, `environment ${id} is known`)
  return environment
}

/** The emulator ends: what waits is refused, what runs is ended. */
function stopping(step: Transaction): void {
  step.state.stopping = true
  for (const id of [...step.state.queue]) refuseWaiting(step, id, 'EmulatorStopping')
  for (const environment of Object.values(step.state.environments)) {
    const { phase } = environment
    if (phase.is === 'shutting-down' || phase.is === 'gone') continue
    if (phase.is === 'busy') {
      disarm(step, phase.active.deadline)
      endByStopping(step, phase.active.invocationId, phase.active.stage === 'delivered')
    } else if (
      (phase.is === 'initializing' || phase.is === 'resetting') &&
      phase.pending !== undefined
    ) {
      endByStopping(step, phase.pending, true)
    }
    shutDown(step, environment, 'stopping')
  }
}

function endByStopping(step: Transaction, id: InvocationId, waiting: boolean): void {
  if (waiting) answer(step, id, { is: 'refused', reason: 'EmulatorStopping' })
  finish(step, id)
}
