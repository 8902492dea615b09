// lambda-emu explain: one request, environment, API, code or word of ours, told in sentences.

import type { AdminClient } from '../admin/client.js'
import type { JournalRecord } from '../admin/contract.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { connect, pageOf } from './connect.js'
import { meaningOf } from './glossary.js'
import { type GlobalArguments, type Outcome, once } from './outcome.js'
import { platformText } from './platform-text.js'
import type { Page } from './render.js'
import { apiLines } from './render-banner.js'
import { requestIdsLike, type Story, storyOfEnvironment, storyOfRequest } from './story.js'
import type { Terminal } from './terminal.js'
import { createClockTime } from './text.js'

export interface ExplainArguments extends GlobalArguments {
  readonly id: string
}

/** All that the daemon keeps. */
const journalTail = 40_000

/** @throws EmulatorError EMU_NOTHING_TO_EXPLAIN, EMU_USAGE, and, but for codes and words, those of connect. */
export async function run(given: ExplainArguments, terminal: Terminal): Promise<Outcome> {
  const id = given.id.trim()
  const meaning = meaningOf(id)
  if (meaning !== undefined) return once({ id, text: meaning.join('\n') }, meaning)
  const { client } = connect(given, terminal)
  const page = pageOf(terminal.stdout, terminal)
  const journal: JournalRecord[] = []
  const all = client.journal(false, undefined, journalTail)
  for await (const record of all) journal.push(record)
  const [requestId, ...others] = requestIdsLike(id, journal)
  if (requestId !== undefined && others.length > 0) {
    const some = [requestId, ...others].slice(0, 5).join(', ')
    throw new EmulatorError('EMU_USAGE', { problem: `${id} begins more than one request: ${some}` })
  }
  if (requestId !== undefined) {
    const story = storyOfRequest(requestId, journal)
    const log = await logOf(requestId, client)
    return once({ ...story, log }, [...storyLines(story, page), ...logLines(log, page)])
  }
  const story = storyOfEnvironment(id, journal)
  if (story !== undefined) return once(story, storyLines(story, page))
  const { apis } = await client.status()
  const api = apis.find((each) => each.id === id || each.logicalId === id)
  if (api === undefined) throw new EmulatorError('EMU_NOTHING_TO_EXPLAIN', { id })
  const kind = api.kind === 'rest' ? 'a REST API (payload 1.0)' : 'an HTTP API'
  return once(api, [
    `${api.id} is ${api.logicalId}: ${kind}, stage ${api.stageName}`,
    ...apiLines({ apis: [api] }, page),
  ])
}

function storyLines({ title, steps }: Story, page: Page): readonly string[] {
  const clockTime = createClockTime()
  const lines = steps.map(({ atMs, text }) => `  ${page.style.dim(clockTime(atMs))}  ${text}`)
  return [page.style.bold(title), ...lines]
}

/** What was logged for the request, with Lambda's own REPORT. */
async function logOf(requestId: string, client: AdminClient): Promise<readonly string[]> {
  const found: string[] = []
  for await (const record of client.logs({})) {
    if (record.requestId === requestId) found.push(record.message.trimEnd())
  }
  return found
}

function logLines(log: readonly string[], page: Page): readonly string[] {
  const report = log.map(platformText).find((line) => line.startsWith('REPORT '))
  return report === undefined ? [] : [`  ${page.style.dim(report.replaceAll('\t', '  '))}`]
}
