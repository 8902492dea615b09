// The behaviour table: what holds for a function whatever its language, a row a claim; clients.ts says where they differ.

import type { Test } from 'tap'
import { failureRows } from './failure-rows.js'
import { lifeRows } from './life-rows.js'
import { payloadRows } from './payload-rows.js'
import type { FunctionSettings, World } from './world.js'

export interface Row {
  /** Name of the row's own function, so that no row meets another's environments. */
  readonly name: string
  readonly claim: string
  readonly settings?: FunctionSettings
  /** Only for clients that can stream. */
  readonly streams?: true
  play(t: Test, world: World): Promise<void>
}

export const rows: readonly Row[] = [...payloadRows, ...lifeRows, ...failureRows]
