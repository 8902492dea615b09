// The behaviours of an execution environment, a row each: what a function is asked, and what comes of it for the caller and in the log.

import { failures, timeouts } from './rows/failures.js'
import { classicRows, logs } from './rows/logs.js'
import { initLimitRows, phases } from './rows/phases.js'
import { results } from './rows/results.js'
import { limits, misuse } from './rows/runtime-api.js'
import { notStreaming, streaming } from './rows/streaming.js'
import { contexts, environment } from './rows/surroundings.js'

export { classicRows, initLimitRows }

export const rows = [
  ...phases,
  ...failures,
  ...timeouts,
  ...misuse,
  ...limits,
  ...environment,
  ...contexts,
  ...results,
  ...logs,
  ...streaming,
  ...notStreaming,
]
