// Freezes, thaws and expires one environment because somebody says so: for the admin routes and the library.

import type { EnvironmentSummary } from '../admin/contract.js'
import type { EnvironmentId } from '../domain/brand.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { handRefusal } from '../placement/step.js'
import { type SummaryParts, summarizeEnvironment } from './summaries.js'

export type HandVerb = 'freeze' | 'thaw' | 'expire'

const handEvents = { freeze: 'user-froze', thaw: 'user-thawed', expire: 'user-expired' } as const

/**
 * Begins it and returns what the environment looks like then.
 * @throws EmulatorError EMU_ENVIRONMENT_NOT_FOUND, EMU_ENVIRONMENT_STATE.
 */
export function actByHand(verb: HandVerb, id: string, summary: SummaryParts): EnvironmentSummary {
  const { runner } = summary.engine
  const state = Object.hasOwn(runner.state.environments, id)
    ? runner.state.environments[id as EnvironmentId]
    : undefined
  if (state === undefined) throw new EmulatorError('EMU_ENVIRONMENT_NOT_FOUND', { environment: id })
  const phase = handRefusal(state, verb)
  if (phase !== undefined)
    throw new EmulatorError('EMU_ENVIRONMENT_STATE', { environment: id, phase, verb })
  runner.post({ on: handEvents[verb], env: state.id })
  return summarizeEnvironment(state, summary)
}

export function summarizeEnvironments(summary: SummaryParts): readonly EnvironmentSummary[] {
  return Object.values(summary.engine.runner.state.environments).map((state) =>
    summarizeEnvironment(state, summary),
  )
}
