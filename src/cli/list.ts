// lambda-emu list: the functions, with what of them is only recorded.

import { connect, pageOf } from './connect.js'
import { type GlobalArguments, type Outcome, once } from './outcome.js'
import { renderFunctions } from './render.js'
import type { Terminal } from './terminal.js'

export async function run(given: GlobalArguments, terminal: Terminal): Promise<Outcome> {
  const functions = await connect(given, terminal).client.functions()
  return once(functions, renderFunctions(functions, pageOf(terminal.stdout, terminal)))
}
