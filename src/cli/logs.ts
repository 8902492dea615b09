// lambda-emu logs: what functions and the platform wrote, as text or as one JSON object a line.

import { EmulatorError, exitCodes } from '../domain/emulator-error.js'
import { connect, pageOf } from './connect.js'
import type { GlobalArguments, Outcome } from './outcome.js'
import { renderLog } from './render.js'
import type { Terminal } from './terminal.js'
import { createClockTime } from './text.js'

export interface LogsArguments extends GlobalArguments {
  readonly function?: string
  readonly follow: boolean
  readonly since?: string
}

/** @throws EmulatorError EMU_USAGE, EMU_FUNCTION_NOT_FOUND, and those of connect. */
export async function run(given: LogsArguments, terminal: Terminal): Promise<Outcome> {
  const agoMs = given.since === undefined ? undefined : parseDuration(given.since)
  const { client } = connect(given, terminal)
  const functionName = given.function
  if (functionName !== undefined) {
    const known = (await client.functions()).some((each) => each.functionName === functionName)
    if (!known) throw new EmulatorError('EMU_FUNCTION_NOT_FOUND', { functionName })
  }
  const since = agoMs === undefined ? {} : { sinceMs: daemonNowMs(await client.status()) - agoMs }
  const view = {
    style: pageOf(terminal.stdout, terminal).style,
    escape: terminal.stdout.isTerminal,
    clockTime: createClockTime(),
    named: functionName === undefined,
  }
  const query = {
    follow: given.follow,
    ...since,
    ...(functionName === undefined ? {} : { functionName }),
  }
  for await (const record of client.logs(query)) {
    const lines = given.json ? [JSON.stringify(record)] : renderLog(record, view)
    terminal.stdout.write(`${lines.join('\n')}\n`)
  }
  return { is: 'streamed', exitCode: exitCodes.ok }
}

function daemonNowMs(status: { readonly startedAtMs: number; readonly uptimeMs: number }): number {
  return status.startedAtMs + status.uptimeMs
}

const unitsMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** 90s, 10m, 2h, 1d → milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text)
  const unitMs = unitsMs[match?.[2] ?? '']
  if (match === null || unitMs === undefined) {
    throw new EmulatorError('EMU_USAGE', {
      problem: `--since ${text} is not a time like 90s or 10m`,
    })
  }
  return Number(match[1]) * unitMs
}
