// What a host hands to every environment that it makes: types only.

import type { PayloadStore } from '../invoke/payloads.js'
import type { ResponseStreams } from '../invoke/response-streams.js'
import type { Journal } from '../journal/journal.js'
import type { ShutdownBudget, StreamRate } from '../profile/profile.js'
import type { OpeningParts } from './environment-parts.js'
import type { FreezeGrace } from './freeze-grace.js'
import type { PlatformLogParts } from './platform-log.js'
import type { Programs } from './programs.js'
import type { StartTurns } from './start-turns.js'

/** What all environments of a host share. */
export interface HostParts extends OpeningParts, PlatformLogParts {
  readonly grace: FreezeGrace
  readonly startTurns: StartTurns
  readonly programs: Programs
  readonly payloads: PayloadStore
  readonly streams: ResponseStreams
  readonly streamRate: StreamRate | undefined
  readonly journal: Journal
  readonly shutdownMs: ShutdownBudget
}
