// lambda-emu status: what the daemon says of itself.

import { connect, pageOf } from './connect.js'
import { type GlobalArguments, type Outcome, once } from './outcome.js'
import { renderStatus } from './render.js'
import type { Terminal } from './terminal.js'

export async function run(given: GlobalArguments, terminal: Terminal): Promise<Outcome> {
  const status = await connect(given, terminal).client.status()
  return once(status, renderStatus(status, pageOf(terminal.stdout, terminal)))
}
