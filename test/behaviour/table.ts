// What a row of the behaviour table is, and how it is played: calls to one function, and what comes of each.

import {
  InvokeWithResponseStreamCommand,
  type InvokeWithResponseStreamResponseEvent,
  type LambdaClient,
} from '@aws-sdk/client-lambda'
import type { Test } from 'tap'
import type { InvokeAnswer, InvokeOptions } from '../../src/index.js'
import type { RunningEmulator } from '../support/in-process.js'
import type { FunctionName } from './functions.js'

/** Texts of the answer and the log are compared with what changes from run to run taken out: see `plain`. */
export interface Expected {
  /** Exactly; stacks are `<stack>`. */
  readonly payload?: unknown
  /** Instead of `payload`: as tap's match has it. */
  readonly like?: unknown
  /** The function ended in an error: X-Amz-Function-Error is Unhandled. */
  readonly fails?: true
  /** What Lambda answers when it does not run; default 200. */
  readonly status?: number
  /** All lines of the request's log, START and REPORT among them. */
  readonly log?: readonly (string | RegExp)[]
  /** The REPORT line, or its event. */
  readonly report?: RegExp
  /** All lines of the function's log so far. */
  readonly all?: readonly (string | RegExp)[]
  /** Duration at least, and less than 1.5 s more. Milliseconds. */
  readonly durationFromMs?: number
  /** Whether the report has an Init Duration. */
  readonly init?: boolean
  /** Of InvokeWithResponseStream: the bytes, what InvokeComplete says, and the content type. */
  readonly stream?: {
    readonly text: string
    readonly complete: unknown
    readonly contentType?: string
  }
}

export interface Step {
  readonly event?: unknown
  readonly options?: InvokeOptions
  readonly expects: Expected
}

interface Head {
  readonly claim: string
  readonly function: FunctionName
  /** An environment of its own: nobody else calls this function meanwhile. */
  readonly alone?: true
}

export type Row = Head & (Step | { readonly steps: readonly Step[] })

export interface Stage {
  readonly emu: RunningEmulator
  readonly lambda: LambdaClient
}

export function stepsOf(row: Row): readonly Step[] {
  return 'steps' in row ? row.steps : [row]
}

export function isAlone(row: Row): boolean {
  return row.alone === true || stepsOf(row).length > 1 || stepsOf(row)[0]?.expects.all !== undefined
}

/** Plays a row on the function of that name. */
export async function play(t: Test, stage: Stage, row: Row, functionName: string): Promise<void> {
  for (const [index, step] of stepsOf(row).entries()) {
    const claim = stepsOf(row).length === 1 ? row.claim : `${row.claim} (call ${index + 1})`
    if (step.expects.stream !== undefined) await playStream(t, stage, claim, step, functionName)
    else await playInvoke(t, stage, claim, step, functionName)
  }
}

async function playInvoke(
  t: Test,
  { emu }: Stage,
  claim: string,
  { event, options, expects }: Step,
  functionName: string,
): Promise<void> {
  const answer = await emu.emulator.invoke(functionName, event, options)
  const { statusCode, functionError, requestId, report } = answer
  const seen = (text: string) => plain(text, requestId)
  t.equal(statusCode, expects.status ?? 200, `${claim}: status`)
  t.equal(functionError, expects.fails ? 'Unhandled' : undefined, `${claim}: function error`)
  const payload = plainPayload(answer)
  if ('payload' in expects) t.same(payload, expects.payload, `${claim}: payload`)
  if ('like' in expects) t.match(payload, expects.like, `${claim}: payload`)
  const lines = linesOf(seen(answer.log))
  if (expects.log !== undefined) sameLines(t, lines, expects.log, `${claim}: log`)
  const last = lines.at(-1) ?? ''
  if (expects.report !== undefined) t.match(last, expects.report, `${claim}: report`)
  if (expects.durationFromMs !== undefined) {
    const durationMs = report?.durationMs ?? 0
    const from = expects.durationFromMs
    const fits = durationMs >= from && durationMs < from + 1_500
    t.ok(fits, `${claim}: lasted ${durationMs} ms, at least ${from} expected`)
  }
  if (expects.init !== undefined)
    t.equal(report?.initDurationMs !== undefined, expects.init, `${claim}: Init Duration`)
  if (expects.all !== undefined) {
    const messages = emu.emulator.logs(functionName).map(({ message }) => seen(message))
    sameLines(t, messages.flatMap(linesOf), expects.all, `${claim}: all of the log`)
  }
}

/** Without the empty line that a text ends with. */
function linesOf(text: string): string[] {
  return text.replace(/\n$/, '').split('\n')
}

function sameLines(
  t: Test,
  lines: readonly string[],
  expected: readonly (string | RegExp)[],
  claim: string,
): void {
  const shown = lines.map((line, index) => {
    const wanted = expected[index]
    return wanted instanceof RegExp && wanted.test(line) ? String(wanted) : line
  })
  t.same(shown, expected.map(String), claim)
}

async function playStream(
  t: Test,
  { lambda }: Stage,
  claim: string,
  { event, expects }: Step,
  functionName: string,
): Promise<void> {
  const { stream } = expects
  const answer = await lambda.send(
    new InvokeWithResponseStreamCommand({
      FunctionName: functionName,
      Payload: Buffer.from(JSON.stringify(event)),
    }),
  )
  const pieces: Buffer[] = []
  let complete: InvokeWithResponseStreamResponseEvent['InvokeComplete']
  for await (const each of answer.EventStream ?? []) {
    if (each.PayloadChunk?.Payload) pieces.push(Buffer.from(each.PayloadChunk.Payload))
    if (each.InvokeComplete) complete = each.InvokeComplete
  }
  const requestId = answer.$metadata.requestId ?? ''
  t.equal(plain(Buffer.concat(pieces).toString(), requestId), stream?.text, `${claim}: bytes`)
  const details =
    complete?.ErrorDetails === undefined ? undefined : JSON.parse(complete.ErrorDetails)
  const told = { ...complete, ...(details === undefined ? {} : { ErrorDetails: details }) }
  t.match(
    JSON.parse(plain(JSON.stringify(told), requestId)),
    stream?.complete,
    `${claim}: complete`,
  )
}

function plainPayload({ payload, requestId }: InvokeAnswer): unknown {
  if (payload === undefined) return undefined
  const text = JSON.stringify(payload)
  // Large ones are compared by their length.
  if (text.length > 100_000) return `${text.length} bytes`
  return JSON.parse(plain(text, requestId), (name, value: unknown) => {
    const isStack = (name === 'trace' || name === 'stackTrace') && Array.isArray(value)
    return isStack && value.length > 0 ? '<stack>' : value
  })
}

/** A text without what is another in each run: ids, times, figures, hashes, names of log streams. */
export function plain(text: string, requestId: string): string {
  return text
    .replaceAll(requestId, '<id>')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z/g, '<time>')
    .replace(/\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}/g, '<stream>')
    .replace(/runtime:[0-9a-f]{64}/g, 'runtime:<hash>')
    .replace(/(Duration: )[\d.]+ ms/g, '$1<n> ms')
    .replace(/(Max Memory Used: )\d+ MB/g, '$1<n> MB')
    .replace(
      /("(?:durationMs|billedDurationMs|initDurationMs|maxMemoryUsedMB|producedBytes)":)[\d.]+/g,
      '$1"<n>"',
    )
}
