// lambda-emu events: a sample event of one source as JSON, for `invoke <function> -`; without a source, what there is.

import { systemChance, systemKernel } from '../clock/kernel.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { pageOf } from './connect.js'
import { type EventSource, type EventWish, eventSources } from './event-sources.js'
import { type GlobalArguments, type Outcome, once } from './outcome.js'
import type { Terminal } from './terminal.js'
import { table } from './text.js'

export interface EventsArguments extends GlobalArguments {
  readonly source?: string
  readonly method?: string
  readonly path?: string
  readonly header?: string | readonly string[]
  readonly body?: string
  readonly name?: string
  readonly key?: string
  readonly region: string
  readonly account: string
}

/** @throws EmulatorError EMU_USAGE, EMU_PAYLOAD_INVALID. */
export async function run(given: EventsArguments, terminal: Terminal): Promise<Outcome> {
  const rows = Object.entries(eventSources)
  if (given.source === undefined) {
    const data = rows.map(([source, { describe, options }]) => ({ source, describe, options }))
    const columns = [{ title: 'SOURCE' }, { title: 'WHAT' }, { title: 'OPTIONS', shrinkTo: 10 }]
    const texts = rows.map(([name, { describe, options }]) => [
      name,
      describe,
      options.map((option) => `--${option === 'headers' ? 'header' : option}`).join(' '),
    ])
    const page = pageOf(terminal.stdout, terminal)
    return once(data, table(columns, texts, page.columns, page.style))
  }
  const source = Object.hasOwn(eventSources, given.source) ? eventSources[given.source] : undefined
  if (source === undefined) {
    const known = rows.map(([name]) => name).join(', ')
    const problem = `there is no event source ${given.source}: known are ${known}`
    throw new EmulatorError('EMU_USAGE', { problem })
  }
  const wish = wishOf(given, source)
  const event = source.make(wish, { ...systemChance, nowMs: systemKernel.nowMs() })
  return once(event, [JSON.stringify(event, null, 2)])
}

function wishOf(given: EventsArguments, source: EventSource): EventWish {
  for (const option of ['method', 'path', 'header', 'body', 'name', 'key'] as const) {
    const heeded = source.options.some((each) => each === option || each === `${option}s`)
    if (given[option] === undefined || heeded) continue
    throw new EmulatorError('EMU_USAGE', { problem: `${given.source} has no --${option}` })
  }
  if (given.source === 'eventbridge' && given.body !== undefined) checkJson(given.body)
  return {
    method: (given.method ?? (given.body === undefined ? 'GET' : 'POST')).toUpperCase(),
    path: given.path ?? '/',
    headers: headersOf(given.header),
    body: given.body,
    name: given.name,
    key: given.key ?? (given.source === 's3' ? 'folder/my file.txt' : 'item-1'),
    region: given.region,
    accountId: given.account,
  }
}

function headersOf(given: EventsArguments['header']): Readonly<Record<string, string>> {
  const words = given === undefined ? [] : [given].flat()
  return Object.fromEntries(
    words.map((word) => {
      const match = /^([^\s:]+):\s*(.*)$/.exec(word)
      if (match !== null) return [match[1], match[2]]
      throw new EmulatorError('EMU_USAGE', { problem: `--header ${word} is not NAME: VALUE` })
    }),
  )
}

/** The detail of an event is an object, not a text. */
function checkJson(body: string): void {
  try {
    JSON.parse(body)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new EmulatorError('EMU_PAYLOAD_INVALID', { source: 'in --body', reason })
  }
}
