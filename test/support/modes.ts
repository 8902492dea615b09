// In which mode the emulator is tried: what the process of a test may do, and so which freezers there are. See scripts/run-modes.js.

import type { FreezeBackend } from '../../src/admin/contract.js'

/** scripts/run-modes.js makes each of them. */
export const modeNames = [
  'root',
  'root-by-signal',
  'root-without-helper',
  'user',
  'user-no-new-privs',
  'user-without-helper',
  'user-namespace',
  'container',
  'runtime-api-by-http',
] as const
export type ModeName = (typeof modeNames)[number]

export interface Mode {
  readonly name: ModeName
  /** What is asked for with --freeze; undefined: the best that there is. */
  readonly freeze: FreezeBackend | undefined
  /** As the variable LAMBDA_EMU_RUNTIME_CHANNEL says it to a daemon. */
  readonly runtimeChannel: 'frames' | 'http'
  /** What can be had, best first: a test tries them all. */
  readonly freezers: readonly [Freezer, ...Freezer[]]
}

export type Freezer = Exclude<FreezeBackend, 'none'>

const given = process.env.LAMBDA_EMU_TEST_MODE

/** A test that is run by itself is run as root. */
export const mode = modeOf(given ?? 'root')
/** False where one mode after the other is tried: what was counted out at length once need not be so in each. */
export const thorough = given === undefined

function modeOf(wanted: string): Mode {
  const name = modeNames.find((each) => each === wanted)
  if (name === undefined) throw new Error(`there is no mode ${wanted}`)
  const runtimeChannel = name === 'runtime-api-by-http' ? 'http' : 'frames'
  if (name === 'root-by-signal')
    return { name, freeze: 'signal', runtimeChannel, freezers: ['signal'] }
  const groups = ['root', 'root-without-helper', 'runtime-api-by-http'].includes(name)
  const freezers = groups ? (['v2', 'v1', 'signal'] as const) : (['signal'] as const)
  return { name, freeze: undefined, runtimeChannel, freezers }
}
