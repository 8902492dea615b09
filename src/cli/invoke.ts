// lambda-emu invoke: one call through the Lambda API of the daemon, as any AWS client would make it.

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { exchange, readAll } from '../admin/exchange.js'
import { EmulatorError, exitCodes } from '../domain/emulator-error.js'
import { connect } from './connect.js'
import {
  type ErrorReport,
  type GlobalArguments,
  type Outcome,
  once,
  standardInput,
} from './outcome.js'
import { jsonComplaint } from './payload.js'
import { platformTexts } from './platform-text.js'
import type { Terminal } from './terminal.js'
import { escapeControls } from './text.js'

export interface InvokeArguments extends GlobalArguments {
  readonly function: string
  readonly payload?: string
  readonly event?: string
  readonly type: 'RequestResponse' | 'Event' | 'DryRun'
  readonly qualifier?: string
  readonly logTail: boolean
}

/** @throws EmulatorError EMU_USAGE, EMU_PAYLOAD_INVALID, and those of connect. */
export async function run(given: InvokeArguments, terminal: Terminal): Promise<Outcome> {
  const body = await payloadOf(given, terminal)
  const { file } = connect(given, terminal)
  const url = invocationUrl(file.lambdaUrl, given)
  const answer = await exchange({
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/json',
      'x-amz-invocation-type': given.type,
      ...(given.logTail && given.type === 'RequestResponse' ? { 'x-amz-log-type': 'Tail' } : {}),
    },
    body,
  })
  const payload = (await readAll(url, answer.stream)).toString('utf8')
  const header = (name: string) => {
    const value = answer.headers[name]
    return typeof value === 'string' ? value : undefined
  }
  return outcomeOf(
    {
      functionName: given.function,
      type: given.type,
      status: answer.status,
      payload,
      functionError: header('x-amz-function-error'),
      logTail: Buffer.from(header('x-amz-log-result') ?? '', 'base64').toString('utf8'),
      requestId: header('x-amzn-requestid'),
      executedVersion: header('x-amz-executed-version'),
      errorType: header('x-amzn-errortype')?.split(':')[0],
    },
    terminal,
  )
}

/** @throws EmulatorError EMU_USAGE, EMU_PAYLOAD_INVALID. */
async function payloadOf(given: InvokeArguments, terminal: Terminal): Promise<Buffer> {
  if (given.payload !== undefined && given.event !== undefined) {
    throw new EmulatorError('EMU_USAGE', { problem: 'give a payload or --event, not both' })
  }
  if (given.event !== undefined && given.event !== standardInput) {
    const path = resolve(terminal.workingFolder, given.event)
    return checked(path, await readEvent(path))
  }
  if (given.payload === standardInput || given.event === standardInput) {
    const parts: Buffer[] = []
    for await (const part of terminal.stdin) parts.push(part)
    return checked('on standard input', Buffer.concat(parts))
  }
  return checked('on the command line', Buffer.from(given.payload ?? '{}'))
}

async function readEvent(path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new EmulatorError('EMU_USAGE', { problem: `cannot read --event ${path}: ${reason}` })
  }
}

function checked(source: string, bytes: Buffer): Buffer {
  const reason = jsonComplaint(bytes)
  if (reason !== undefined) throw new EmulatorError('EMU_PAYLOAD_INVALID', { source, reason })
  return bytes
}

function invocationUrl(lambdaUrl: string, given: InvokeArguments): string {
  const name = encodeURIComponent(given.function)
  const url = new URL(`/2015-03-31/functions/${name}/invocations`, lambdaUrl)
  if (given.qualifier !== undefined) url.searchParams.set('Qualifier', given.qualifier)
  return url.href
}

interface Answered {
  readonly functionName: string
  readonly type: InvokeArguments['type']
  readonly status: number
  readonly payload: string
  readonly functionError: string | undefined
  readonly logTail: string
  readonly requestId: string | undefined
  readonly executedVersion: string | undefined
  /** The name of AWS's error, when it is one. */
  readonly errorType: string | undefined
}

function outcomeOf(answered: Answered, terminal: Terminal): Outcome {
  const { status, functionError, payload, logTail, requestId } = answered
  if (status >= 300) return refused(answered)
  const data = {
    statusCode: status,
    functionError: functionError ?? null,
    payload: parsed(payload),
    logTail,
    requestId: requestId ?? null,
    executedVersion: answered.executedVersion ?? null,
  }
  if (answered.type === 'DryRun') return once(data, [], 'dry run: the call would be accepted')
  if (answered.type === 'Event') return once(data, [], `accepted, request id ${requestId ?? '?'}`)
  const shown = (text: string, isTerminal: boolean) => (isTerminal ? escapeControls(text) : text)
  const text = shown(payload, terminal.stdout.isTerminal)
  const notes = shown(platformTexts(logTail), terminal.stderr.isTerminal)
  if (functionError === undefined) return once(data, [text], notes)
  const error = functionErrorOf(functionError, parsed(payload))
  const exitCode = error.code === timedOut ? exitCodes.timedOut : exitCodes.functionFailed
  return { is: 'once', data, text, notes, error, exitCode }
}

const timedOut = 'Sandbox.Timedout'

/** What the function did: its own error type and message, when its payload has them. */
function functionErrorOf(functionError: string, payload: unknown): ErrorReport {
  const { errorType, errorMessage } = (payload ?? {}) as Record<string, unknown>
  return {
    code: typeof errorType === 'string' ? errorType : functionError,
    category: 'function',
    message: typeof errorMessage === 'string' ? errorMessage : `the function failed`,
    hint: '',
    retryable: false,
  }
}

/** What AWS would answer: the function never ran. */
function refused(answered: Answered): Outcome {
  const { status, errorType } = answered
  const body = (parsed(answered.payload) ?? {}) as Record<string, unknown>
  const message = body.message ?? body.Message ?? answered.payload
  const missing = errorType === 'ResourceNotFoundException'
  const error: ErrorReport = {
    code: errorType ?? `HTTP ${status}`,
    category: 'aws',
    message: String(message),
    hint: missing ? '`lambda-emu list` shows what there is' : '',
    retryable: status === 429 || status >= 500,
  }
  return { is: 'once', data: null, text: '', error, exitCode: refusalCode(status) }
}

function refusalCode(status: number): number {
  if (status === 429) return exitCodes.throttled
  return status >= 500 ? exitCodes.daemon : exitCodes.usage
}

function parsed(text: string): unknown {
  if (text === '') return null
  try {
    return JSON.parse(text)
  } catch {
    // Custom runtimes may answer with any bytes.
    return text
  }
}
