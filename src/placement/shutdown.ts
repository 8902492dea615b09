// How an environment is given up for good: at once when it is idle, after its work when it is busy.

import { dropClaim } from './place.js'
import type { EnvironmentState, ShutdownReason } from './state.js'
import { become, command, disarm, holdThawed, type Transaction, timerKey } from './transaction.js'

/** Ends an environment that has nothing in flight, or whose invocation is already answered and forgotten. */
export function shutDown(
  step: Transaction,
  environment: EnvironmentState,
  reason: ShutdownReason,
): void {
  disarm(step, timerKey.expiry(environment.id))
  disarm(step, timerKey.initLimit(environment.id))
  holdThawed(step, environment, false)
  // A reset that is under way kills already; when it is done it finds the environment shutting down.
  const killing = environment.phase.is === 'resetting' && reason === 'stopping'
  become(step, environment, { is: 'shutting-down', reason }, reason)
  for (const participant of environment.participants) participant.state = 'exited'
  if (!killing) command(step, { do: 'kill', env: environment.id, reason })
  dropClaim(step, environment)
}

/** A newer generation is deployed, or the function is gone: idle environments go now, busy ones when they end. */
export function doom(
  step: Transaction,
  environment: EnvironmentState,
  reason: ShutdownReason,
): void {
  switch (environment.phase.is) {
    case 'ready':
    case 'dormant':
      return shutDown(step, environment, reason)
    case 'created':
    case 'initializing':
    case 'busy':
    case 'resetting':
      environment.doomed ??= reason
      return dropClaim(step, environment)
    case 'shutting-down':
    case 'gone':
      return
  }
}
