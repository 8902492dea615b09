// What --strict does: warnings of a project are an error.

import { EmulatorError } from '../domain/emulator-error.js'
import type { LoadedProject } from './loaded.js'

/** @throws EmulatorError EMU_STRICT, with all of them, when there is any. */
export function refuseWarnings({ warnings }: Pick<LoadedProject, 'warnings'>): void {
  if (warnings.length === 0) return
  const lines = warnings.map(({ code, property, message }) => `\n  ${code} ${property}: ${message}`)
  throw new EmulatorError('EMU_STRICT', {
    count: warnings.length === 1 ? 'a warning' : `${warnings.length} warnings`,
    list: lines.join(''),
  })
}
