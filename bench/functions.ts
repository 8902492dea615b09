// The functions that are measured; their code is in bench/functions.

import { join } from 'node:path'
import type { FunctionSource } from './daemon.js'
import { functionsFolder } from './places.js'

const echo = join(functionsFolder, 'echo')

export const nodeEcho: FunctionSource = {
  runtime: 'nodejs22.x',
  handler: 'index.handler',
  code: echo,
}

export const pythonEcho: FunctionSource = {
  runtime: 'python3.12',
  handler: 'app.handler',
  code: echo,
}

/** Sleeps for the `sleepMs` of its event. */
export const sleeper: FunctionSource = {
  runtime: 'nodejs22.x',
  handler: 'index.handler',
  code: join(functionsFolder, 'sleeper'),
}
