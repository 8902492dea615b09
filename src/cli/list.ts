// lambda-emu list: the functions, with what of them is only recorded, and what calls them: routes and schedules.

import { connect, pageOf } from './connect.js'
import { type GlobalArguments, type Outcome, once } from './outcome.js'
import { renderFunctions } from './render.js'
import { apiLines, scheduleLines } from './render-banner.js'
import type { Terminal } from './terminal.js'

export async function run(given: GlobalArguments, terminal: Terminal): Promise<Outcome> {
  const { client } = connect(given, terminal)
  const functions = await client.functions()
  const status = await client.status()
  const page = pageOf(terminal.stdout, terminal)
  return once(functions, [
    ...renderFunctions(functions, page),
    ...apiLines(status, page),
    ...scheduleLines(status, page),
  ])
}
