// The AWS command line against a real emulator.

import { commandLine } from './command-line.js'
import { playAll } from './play.js'

playAll({
  name: 'AWS CLI',
  client: commandLine,
  // Its output has neither the status of an error nor a type.
  untold: ['typed', 'status'],
  // It starts a slow process for each step, on the library whose third case boto3 plays.
  cases: [
    { finding: 'endpoint option', runtime: 'nodejs22.x' },
    { finding: 'AWS_ENDPOINT_URL', runtime: 'python3.12' },
  ],
})
