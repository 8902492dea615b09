// Runs functions for a program in this process: the Invoke of Lambda's API without HTTP, and the log of each invocation.

import type { InvokeAnswer, InvokeOptions } from '../admin/library.js'
import { errorAnswer, ServiceError } from '../aws/errors.js'
import { invokePayloadBytesMax } from '../aws/lambda.js'
import type { InvocationResponse } from '../aws/models/lambda.js'
import { lambdaModel } from '../aws/models/lambda-model.js'
import { requestTooLarge } from '../aws/request-body.js'
import type { OperationContext } from '../aws/serve-rest-json.js'
import type { KernelTimers } from '../clock/clock.js'
import type { RequestId } from '../domain/brand.js'
import { EmulatorError } from '../domain/emulator-error.js'
import type { LogRecord } from '../domain/log-record.js'
import { invoke } from '../services/lambda/invoke.js'
import type { Engine } from './engine.js'
import { parseReport } from './library-report.js'

export interface LibraryInvokerParts {
  readonly engine: Engine
  readonly accountId: string
  readonly region: string
  readonly timers: KernelTimers
  /** Returns the way to stop listening. */
  readonly onStopped: (listener: () => void) => () => void
}

// A runtime that goes on after its answer is not waited for longer than this for the rest of its log.
const restOfLogMsMax = 5_000
// As much as is kept of a function's log.
const logBytesMax = 4 * 1024 * 1024

export class LibraryInvoker {
  readonly #parts: LibraryInvokerParts
  readonly #invoke: ReturnType<typeof invoke>
  readonly #logs = new Map<string, InvocationLog>()

  constructor(parts: LibraryInvokerParts) {
    this.#parts = parts
    const { functions, invoker, events, logs } = parts.engine
    this.#invoke = invoke({ functions, invoker, events, whileInTransition: 'wait' })
    logs.listen((record) => {
      if (record.requestId !== undefined) this.#logs.get(record.requestId)?.add(record)
    })
    logs.listenForEnds((requestId) => this.#logs.get(requestId)?.end())
  }

  /** @throws EmulatorError EMU_FUNCTION_NOT_FOUND, EMU_PAYLOAD_INVALID. */
  async invoke(
    functionName: string,
    payload: unknown,
    options: InvokeOptions,
  ): Promise<InvokeAnswer> {
    const body = Buffer.from(jsonText(payload === undefined ? {} : payload, 'given to invoke'))
    const context = this.#contextOf(body)
    const { requestId } = context
    const log = new InvocationLog()
    if (options.type !== 'Event') this.#logs.set(requestId, log)
    try {
      if (body.length > invokePayloadBytesMax) throw tooLarge()
      const output = await this.#invoke(inputOf(functionName, body, options), context)
      return await this.#answerOf(output, context, log)
    } catch (error) {
      return refusal(error, functionName, requestId)
    } finally {
      this.#logs.delete(requestId)
    }
  }

  #contextOf(rawBody: Buffer): OperationContext {
    const { engine, accountId, region } = this.#parts
    return {
      requestId: engine.invoker.newRequestId(),
      accountId,
      region,
      operation: 'Invoke',
      headers: {},
      rawBody,
      responseHeaders: {},
    }
  }

  async #answerOf(
    output: InvocationResponse,
    { requestId, responseHeaders }: OperationContext,
    log: InvocationLog,
  ): Promise<InvokeAnswer> {
    const { StatusCode: statusCode = 200, FunctionError, LogResult, Payload } = output
    if (statusCode !== 200) {
      const accepted = responseHeaders['x-amzn-requestid'] ?? requestId
      return { statusCode, payload: undefined, requestId: accepted, log: '' }
    }
    if (LogResult === undefined) await this.#ended(log)
    const text = LogResult === undefined ? log.text() : Buffer.from(LogResult, 'base64').toString()
    const report = parseReport(text.trimEnd().split('\n').at(-1) ?? '')
    return {
      statusCode,
      ...(FunctionError === undefined ? {} : { functionError: 'Unhandled' }),
      payload: parsed(Buffer.from(Payload ?? []).toString()),
      requestId,
      log: text,
      ...(report === undefined ? {} : { report }),
    }
  }

  /** The runtime is done with it and all of its log is read, as far as that comes. */
  async #ended(log: InvocationLog): Promise<void> {
    const { timers, onStopped } = this.#parts
    const giveUp = () => log.end()
    const cancel = timers.after(restOfLogMsMax, giveUp)
    const release = onStopped(giveUp)
    await log.ended
    cancel()
    release()
  }
}

/** The lines of one request. */
class InvocationLog {
  /** Resolves when `end` is called. */
  readonly ended: Promise<void>
  end: () => void = () => {}
  readonly #lines: string[] = []
  #bytes = 0

  constructor() {
    this.ended = new Promise((resolve) => {
      this.end = resolve
    })
  }

  add({ message }: LogRecord): void {
    this.#lines.push(message)
    this.#bytes += message.length
    while (this.#bytes > logBytesMax) this.#bytes -= this.#lines.shift()?.length ?? 0
  }

  text(): string {
    return this.#lines.join('\n')
  }
}

function inputOf(functionName: string, payload: Buffer, options: InvokeOptions) {
  const { type = 'RequestResponse', clientContext, logTail = false } = options
  return {
    FunctionName: functionName,
    InvocationType: type,
    Payload: payload,
    LogType: logTail ? ('Tail' as const) : ('None' as const),
    ...(clientContext === undefined
      ? {}
      : {
          ClientContext: Buffer.from(jsonText(clientContext, 'clientContext')).toString('base64'),
        }),
  }
}

/** @throws EmulatorError EMU_PAYLOAD_INVALID for what JSON cannot say. */
function jsonText(value: unknown, source: string): string {
  let reason = 'JSON has no word for it'
  try {
    const text = JSON.stringify(value) as string | undefined
    if (text !== undefined) return text
  } catch (error) {
    reason = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? reason
  }
  throw new EmulatorError('EMU_PAYLOAD_INVALID', { source, reason })
}

/** Any bytes may be answered. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function tooLarge(): ServiceError {
  return requestTooLarge({ bytes: invokePayloadBytesMax, operation: 'InvokeFunction' })
}

/** What AWS would refuse is an answer, but for a name that is nobody's. */
function refusal(error: unknown, functionName: string, requestId: RequestId): InvokeAnswer {
  if (!(error instanceof ServiceError)) throw error
  if (error.name === 'ResourceNotFoundException') {
    throw new EmulatorError('EMU_FUNCTION_NOT_FOUND', { functionName })
  }
  const { status, body } = errorAnswer(lambdaModel, error, requestId)
  return { statusCode: status, payload: JSON.parse(body), requestId, log: '' }
}
