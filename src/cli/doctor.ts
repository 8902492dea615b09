// lambda-emu doctor: what this machine can do for functions, found out by trying it. Needs no daemon.

import { resolve } from 'node:path'
import type { Diagnosis } from '../admin/diagnosis.js'
import { exitCodes } from '../domain/emulator-error.js'
import { pageOf } from './connect.js'
import { explain } from './doctor-advice.js'
import { type ErrorReport, type GlobalArguments, type Outcome, once } from './outcome.js'
import { renderDoctor } from './render-doctor.js'
import type { Terminal } from './terminal.js'

/** Exit code 0 whatever is reduced, and 3 when the emulator cannot run here at all. */
export function doctor(
  diagnose: (options: { readonly stateDirectory?: string | undefined }) => Promise<Diagnosis>,
): (given: GlobalArguments, terminal: Terminal) => Promise<Outcome> {
  return async ({ stateDir }, terminal) => {
    const stateDirectory = stateDir && resolve(terminal.workingFolder, stateDir)
    const diagnosis = await diagnose({ stateDirectory })
    const lines = explain(diagnosis, terminal.program)
    const outcome = once(
      { ...diagnosis, lines },
      renderDoctor({ diagnosis, lines }, pageOf(terminal.stdout, terminal)),
    )
    const error = obstacleOf(diagnosis)
    return error === undefined ? outcome : { ...outcome, error, exitCode: exitCodes.daemon }
  }
}

function obstacleOf({ obstacles }: Diagnosis): ErrorReport | undefined {
  const [first] = obstacles
  if (first === undefined) return undefined
  const message = `lambda-emu cannot run here: ${obstacles.map((each) => each.message).join('; ')}`
  return { code: first.code, category: 'machine', message, hint: first.hint, retryable: false }
}

export const run = doctor(async (options) => (await import('../index.js')).diagnose(options))
