// lambda-emu environments: every execution environment, and whether it is frozen.

import { connect, pageOf } from './connect.js'
import { type GlobalArguments, type Outcome, once } from './outcome.js'
import { renderEnvironments } from './render.js'
import type { Terminal } from './terminal.js'

export async function run(given: GlobalArguments, terminal: Terminal): Promise<Outcome> {
  const { client } = connect(given, terminal)
  const environments = await client.environments()
  const status = await client.status()
  const nowMs = status.startedAtMs + status.uptimeMs
  const page = pageOf(terminal.stdout, terminal)
  return once(environments, renderEnvironments(environments, nowMs, page))
}
