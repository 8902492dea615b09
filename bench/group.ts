// One group of rows that are measured together, over the same daemons: what it is given, and what it gives back.

import type { Load } from './load/load.js'
import type { Output } from './options.js'
import type { Pair, RowName } from './rows.js'
import type { Scope } from './scope.js'

export interface GroupParts {
  /** Of this group alone. */
  readonly scope: Scope
  readonly load: Load
  readonly rounds: number
  /** Everything as short as can be. */
  readonly smoke: boolean
  readonly output: Output
  /** A line about what is going on. */
  readonly tell: (line: string) => void
}

export type Round = Partial<Record<RowName, Pair>>

export interface Group {
  readonly rows: readonly RowName[]
  /** Starts and warms what is measured; then each call is one round. @throws Error for what cannot be measured. */
  open(parts: GroupParts): Promise<() => Promise<Round>>
}

const eventText = 'plain text, as long as an event of a queue or of a table is; '.repeat(16)

/** What every echo is given: about 1 KB. */
export const event = { id: '6f1f6e5a-2f0c-4c6b-9f3e-0d5c8a4b7e21', count: 42, text: eventText }
export const eventBytes = Buffer.byteLength(JSON.stringify(event))
