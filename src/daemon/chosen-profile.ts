// The profile that an emulator runs with: the local one, with what its options say otherwise.

import type { EmulatorOptions } from '../admin/contract.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { localProfile, type Profile } from '../profile/profile.js'

/** A longer wait would no longer be Lambda's freeze. */
const graceMsMax = 1_000

/** What a user may choose, and what only a test may: figures for whose real values it has no time. */
export interface ProfiledOptions extends EmulatorOptions {
  readonly figures?: Partial<Profile>
}

type Choices = Pick<ProfiledOptions, 'freezeGraceMs' | 'reportStyle' | 'figures'>

/** @throws EmulatorError EMU_USAGE for what is no grace. */
export function chosenProfile({ freezeGraceMs, reportStyle, figures }: Choices): Profile {
  return {
    ...localProfile,
    ...(freezeGraceMs === undefined ? {} : { freezeGraceMs: graceOf(freezeGraceMs) }),
    ...(reportStyle === undefined
      ? {}
      : { reportStyle: { value: reportStyle, source: 'the option reportStyle', mark: 'chosen' } }),
    ...figures,
  }
}

function graceOf(freezeGraceMs: number): Profile['freezeGraceMs'] {
  if (!Number.isInteger(freezeGraceMs) || freezeGraceMs < 0 || freezeGraceMs > graceMsMax) {
    throw new EmulatorError('EMU_USAGE', {
      problem: `a freeze grace of ${freezeGraceMs} is not a whole number of ms from 0 to ${graceMsMax}`,
    })
  }
  return { value: freezeGraceMs, source: 'the option freezeGraceMs', mark: 'chosen' }
}
