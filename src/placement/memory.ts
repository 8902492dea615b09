// What each environment is charged of the memory budget. The sum is kept as they change: no decision looks at all of them.

import type { EnvironmentState, PlacementState } from './state.js'

/** What it is charged while its processes may run. */
export function thawedMb({ figures }: PlacementState, environment: EnvironmentState): number {
  return Math.max(figures.environmentFloorMb, environment.measuredMb ?? 0)
}

/** What it is charged in the phase and suspension that it is in. */
export function chargeOf(state: PlacementState, environment: EnvironmentState): number {
  switch (environment.phase.is) {
    case 'created':
    case 'dormant':
    case 'gone':
      return 0
    case 'resetting':
    case 'shutting-down':
      // Its processes may still be there: their memory is free when they are gone.
      return environment.chargedMb
    case 'initializing':
    case 'busy':
    case 'ready': {
      const { is } = environment.suspension
      if (is === 'frozen' || is === 'freezing')
        return environment.measuredMb ?? state.figures.environmentFloorMb
      return thawedMb(state, environment)
    }
  }
}

/** To be called whenever phase, suspension or measured memory of an environment has changed. */
export function recharge(state: PlacementState, environment: EnvironmentState): void {
  const { memory } = state
  const before = environment.chargedMb
  const after = chargeOf(state, environment)
  if (before === after) return
  environment.chargedMb = after
  memory.chargedMb += after - before
  if (before === 0) memory.environments += 1
  if (after === 0) memory.environments -= 1
  memory.overMb = Math.min(memory.overMb, beyondBudgetMb(state))
}

/** What is charged has grown by no decision of ours: it cannot be undone, only waited for. */
export function grew(state: PlacementState): void {
  state.memory.overMb = Math.max(state.memory.overMb, beyondBudgetMb(state))
}

/** 0 within the budget. */
export function beyondBudgetMb({ memory }: PlacementState): number {
  return memory.budgetMb === null ? 0 : Math.max(0, memory.chargedMb - memory.budgetMb)
}
