// The moves an environment may make and the conditions on them: a table, so that a test can take one away.

import { assert } from '../domain/assert.js'
import type { GenerationId, InvocationId } from '../domain/brand.js'
import type {
  ActiveInvocation,
  EnvironmentState,
  Phase,
  PhaseName,
  PlacementState,
} from './state.js'

/** Every legal move. What is not written here is refused by assertion. */
export const moves = {
  created: ['initializing', 'shutting-down'],
  initializing: ['ready', 'busy', 'resetting', 'shutting-down'],
  ready: ['busy', 'resetting', 'shutting-down'],
  busy: ['ready', 'resetting', 'shutting-down'],
  resetting: ['initializing', 'dormant', 'shutting-down'],
  dormant: ['initializing', 'shutting-down'],
  'shutting-down': ['gone'],
  gone: [],
} as const satisfies Record<PhaseName, readonly PhaseName[]>

export interface Rules {
  readonly moves: Readonly<Record<PhaseName, readonly PhaseName[]>>
  /** An environment serves only the code and configuration it was started for, and none once doomed. */
  readonly reusable: (environment: EnvironmentState, generation: GenerationId) => boolean
  /** The account's and the function's concurrency have room. */
  readonly withinLimits: (state: PlacementState, functionArn: string) => boolean
  /** A suspended environment is thawed once the event is queued. */
  readonly mustThaw: (environment: EnvironmentState) => boolean
  /** An answer counts only for the invocation in flight, and only once. */
  readonly awaited: (environment: EnvironmentState, invocation: InvocationId) => boolean
  /** An invocation is over: the caller has its answer, and everybody who was given it has asked for the next event. */
  readonly isOver: (active: ActiveInvocation) => boolean
  /**
   * Whether an environment that is charged `chargedMb` now may be charged `moreMb` on top. What nothing else
   * shares the machine with may always run, however small the budget is.
   */
  readonly hasRoom: (state: PlacementState, moreMb: number, chargedMb: number) => boolean
  /** Who arrives while others wait for memory goes behind them. */
  readonly mustQueue: (state: PlacementState) => boolean
  /** Another environment may be started now. */
  readonly mayStart: (state: PlacementState) => boolean
  /** Room that is about to come is waited for before another environment is given up. */
  readonly comingMb: (state: PlacementState) => number
  /** An idle environment may be given up for an invocation that waits. */
  readonly evictable: (environment: EnvironmentState) => boolean
}

export const placementRules: Rules = {
  moves,
  reusable: (environment, generation) =>
    environment.generation === generation && environment.doomed === undefined,
  withinLimits: (state, functionArn) => {
    const { slots, limits } = state
    const reserved = limits.reserved[functionArn]
    if (reserved !== undefined) return (slots.byFunction[functionArn] ?? 0) < reserved
    // Functions without a reservation share what the reservations leave of the account.
    let pool = limits.account
    let used = slots.total
    for (const [arn, count] of Object.entries(limits.reserved)) {
      pool -= count
      used -= slots.byFunction[arn] ?? 0
    }
    return used < pool
  },
  mustThaw: (environment) =>
    environment.suspension.is === 'frozen' || environment.suspension.is === 'freezing',
  awaited: (environment, invocation) =>
    environment.phase.is === 'busy' &&
    environment.phase.active.invocationId === invocation &&
    environment.phase.active.stage === 'delivered',
  isOver: ({ stage, outstanding }) => stage === 'settling' && outstanding.length === 0,
  hasRoom: ({ memory }, moreMb, chargedMb) =>
    memory.budgetMb === null ||
    moreMb <= 0 ||
    memory.chargedMb + moreMb <= memory.budgetMb ||
    memory.chargedMb === chargedMb,
  mayStart: ({ figures, startTurns }) => startTurns.length < figures.startsAtOnce,
  mustQueue: ({ queue }) => queue.length > 0,
  comingMb: ({ memory }) => memory.comingMb,
  evictable: ({ phase, claimedBy }) => phase.is === 'ready' && claimedBy === undefined,
}

/** @throws AssertionError for a move that is not in the table. */
export function assertMove(rules: Rules, from: Phase, to: Phase): void {
  assert(rules.moves[from.is].includes(to.is), `${from.is} → ${to.is} is not a move`)
}
