// The profile that an emulator runs with: the local one, with what its options say otherwise.

import type { EmulatorOptions } from '../admin/contract.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { localProfile, type Profile } from '../profile/profile.js'

/** A longer wait would no longer be Lambda's freeze. */
const graceMsMax = 1_000

/** @throws EmulatorError EMU_USAGE for what is no grace. */
export function chosenProfile({ freezeGraceMs }: Pick<EmulatorOptions, 'freezeGraceMs'>): Profile {
  if (freezeGraceMs === undefined) return localProfile
  if (!Number.isInteger(freezeGraceMs) || freezeGraceMs < 0 || freezeGraceMs > graceMsMax) {
    throw new EmulatorError('EMU_USAGE', {
      problem: `a freeze grace of ${freezeGraceMs} is not a whole number of ms from 0 to ${graceMsMax}`,
    })
  }
  return {
    ...localProfile,
    freezeGraceMs: { value: freezeGraceMs, source: 'the option freezeGraceMs', mark: 'chosen' },
  }
}
