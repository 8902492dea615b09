// lambda-emu freeze, thaw and expire: one environment is told to do so now.

import type { EnvironmentVerb } from '../admin/client.js'
import { connect } from './connect.js'
import { type GlobalArguments, type Outcome, once } from './outcome.js'
import { renderEnvironment } from './render.js'
import type { Terminal } from './terminal.js'

export interface ActArguments extends GlobalArguments {
  readonly environment: string
}

export function act(
  verb: EnvironmentVerb,
): (given: ActArguments, terminal: Terminal) => Promise<Outcome> {
  return async (given, terminal) => {
    const environment = await connect(given, terminal).client.act(verb, given.environment)
    return once(environment, [renderEnvironment(environment)])
  }
}
