// One step being taken: the state, the commands it has produced so far, and the small moves all steps share.

import { assert } from '../domain/assert.js'
import type {
  CommandId,
  EmulatorMs,
  EnvironmentId,
  GenerationId,
  InvocationId,
  TimerKey,
} from '../domain/brand.js'
import type { Outcome } from '../domain/invocation.js'
import { recharge } from './memory.js'
import { assertMove, type Rules } from './rules.js'
import type {
  Command,
  EnvironmentState,
  HostCommand,
  Phase,
  PlacedInvocation,
  PlacementState,
  Suspension,
  TimerPurpose,
} from './state.js'

type WithoutId<C> = C extends unknown ? Omit<C, 'id'> : never

export interface Transaction {
  readonly state: PlacementState
  readonly rules: Rules
  readonly nowMs: EmulatorMs
  readonly commands: Command[]
}

export function environmentOf(step: Transaction, id: EnvironmentId): EnvironmentState | undefined {
  return step.state.environments[id]
}

export function placedOf(step: Transaction, id: InvocationId): PlacedInvocation {
  const placed = step.state.invocations[id]
  assert(placed !== undefined, `invocation ${id} is known`)
  return placed
}

export function become(
  step: Transaction,
  environment: EnvironmentState,
  to: Phase,
  why?: string,
): void {
  const from = environment.phase
  assertMove(step.rules, from, to)
  leaveIndex(step.state, environment)
  if (runs(from)) step.state.running -= 1
  if (from.is === 'initializing') endStartTurn(step, environment.id)
  environment.phase = to
  if (runs(to)) step.state.running += 1
  enterIndex(step.state, environment)
  if (to.is === 'shutting-down') step.state.memory.comingMb += environment.chargedMb
  if (from.is === 'shutting-down') step.state.memory.comingMb -= environment.chargedMb
  recharge(step.state, environment)
  step.commands.push({
    do: 'journal',
    record: {
      kind: 'environment.phase',
      env: environment.id,
      functionArn: environment.functionArn,
      from: from.is,
      to: to.is,
      ...(why === undefined ? {} : { why }),
    },
  })
}

function runs(phase: Phase): boolean {
  return (
    phase.is === 'initializing' ||
    phase.is === 'busy' ||
    phase.is === 'resetting' ||
    phase.is === 'shutting-down'
  )
}

/** A user thawed an idle environment by hand, or that has ended. */
export function holdThawed(step: Transaction, environment: EnvironmentState, held: boolean): void {
  if (environment.heldThawed === held) return
  environment.heldThawed = held
  step.state.running += held ? 1 : -1
}

function indexOf(
  state: PlacementState,
  environment: EnvironmentState,
): Record<GenerationId, EnvironmentId[]> | undefined {
  const { phase } = environment
  if (phase.is === 'ready') return state.ready
  if (phase.is === 'dormant') return state.dormant
  if (phase.is === 'busy' && phase.active.stage === 'settling') return state.claimable
  if (phase.is === 'resetting' && phase.pending === undefined) return state.claimable
  return undefined
}

/** The caller has its answer; the slot is held until every participant has asked for the next event. */
export function settle(step: Transaction, environment: EnvironmentState): void {
  assert(environment.phase.is === 'busy', 'only a busy environment settles')
  environment.phase.active.stage = 'settling'
  environment.phase.active.settlingSinceMs = step.nowMs
  enterIndex(step.state, environment)
}

function leaveIndex(state: PlacementState, environment: EnvironmentState): void {
  const index = indexOf(state, environment)
  if (index === undefined) return
  const ids = index[environment.generation] ?? []
  // The most recently used one leaves most often, and it stands last.
  const at = ids.lastIndexOf(environment.id)
  assert(at >= 0, `${environment.id} is in the index of its phase`)
  ids.splice(at, 1)
  if (ids.length === 0) delete index[environment.generation]
}

function enterIndex(state: PlacementState, environment: EnvironmentState): void {
  const index = indexOf(state, environment)
  if (index === undefined) return
  const ids = index[environment.generation] ?? []
  index[environment.generation] = ids
  ids.push(environment.id)
}

export function suspend(
  step: Transaction,
  environment: EnvironmentState,
  to: Suspension['is'],
): void {
  if (environment.suspension.is === to) return
  environment.suspension = { is: to, sinceMs: step.nowMs }
  recharge(step.state, environment)
  // A freeze that a call forestalled never was: told is one that has been reached, and how it ends.
  if (to === 'frozen') environment.wasFrozen = true
  if (!environment.wasFrozen) return
  if (to === 'running') environment.wasFrozen = false
  step.commands.push({
    do: 'journal',
    record: {
      kind: 'environment.suspension',
      env: environment.id,
      functionArn: environment.functionArn,
      to,
    },
  })
}

export function command(step: Transaction, wanted: WithoutId<HostCommand>): void {
  const { open, freeCommandIds } = step.state
  const id = (freeCommandIds.pop() ?? open.length) as CommandId
  open[id] = { do: wanted.do, env: wanted.env }
  step.commands.push({ ...wanted, id } as HostCommand)
}

export function arm(
  step: Transaction,
  timer: TimerKey,
  purpose: TimerPurpose,
  afterMs: number,
  kind: 'background' | 'patience' | 'execution',
): void {
  step.state.timers[timer] = purpose
  step.commands.push({ do: 'arm', timer, atMs: (step.nowMs + afterMs) as EmulatorMs, kind })
}

export function disarm(step: Transaction, timer: TimerKey): void {
  if (step.state.timers[timer] === undefined) return
  delete step.state.timers[timer]
  step.commands.push({ do: 'disarm', timer })
}

/** Its start counts no longer, if it still did. */
export function endStartTurn(step: Transaction, id: EnvironmentId): void {
  const { startTurns } = step.state
  const at = startTurns.indexOf(id)
  if (at < 0) return
  startTurns.splice(at, 1)
  disarm(step, timerKey.startTurn(id))
}

export function takeSlot(step: Transaction, functionArn: string): void {
  const { slots } = step.state
  slots.total += 1
  slots.byFunction[functionArn] = (slots.byFunction[functionArn] ?? 0) + 1
}

/** Gives back an invocation's slot. */
export function releaseSlot(step: Transaction, functionArn: string): void {
  const { slots } = step.state
  slots.total -= 1
  const left = (slots.byFunction[functionArn] ?? 0) - 1
  assert(left >= 0 && slots.total >= 0, 'a slot is given back once')
  if (left === 0) delete slots.byFunction[functionArn]
  else slots.byFunction[functionArn] = left
}

/** An invocation is over: its slot is free and it is forgotten. */
export function finish(step: Transaction, id: InvocationId): void {
  const placed = placedOf(step, id)
  assert(placed.answered, `invocation ${id} has been answered before it is forgotten`)
  releaseSlot(step, placed.invocation.functionArn)
  delete step.state.invocations[id]
}

/** Gives the caller its outcome. Exactly once. */
export function answer(
  step: Transaction,
  id: InvocationId,
  outcome: Outcome,
  env?: EnvironmentId,
): void {
  const placed = placedOf(step, id)
  assert(!placed.answered, `invocation ${id} is answered once`)
  placed.answered = true
  step.commands.push({
    do: 'answer',
    invocation: id,
    outcome,
    ...(env === undefined ? {} : { env }),
  })
}

export const timerKey = {
  deadline: (id: InvocationId) => `deadline:${id}` as TimerKey,
  initLimit: (id: EnvironmentId) => `init-limit:${id}` as TimerKey,
  expiry: (id: EnvironmentId) => `expiry:${id}` as TimerKey,
  startTurn: (id: EnvironmentId) => `start-turn:${id}` as TimerKey,
  claim: (id: InvocationId) => `claim:${id}` as TimerKey,
  room: (id: InvocationId) => `room:${id}` as TimerKey,
}
