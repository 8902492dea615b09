// A daemon with streaming functions and the clients that read them: AWS's SDK, and a bare one that may pause or leave.

import { readFileSync, writeFileSync } from 'node:fs'
import { type Agent, type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import {
  InvokeWithResponseStreamCommand,
  type InvokeWithResponseStreamCommandInput,
  type InvokeWithResponseStreamCommandOutput,
} from '@aws-sdk/client-lambda'
import type { Test } from 'tap'
import type { JournalRecord } from '../../src/admin/contract.js'
import { type Daemon, startDaemon, until } from '../support/daemon.js'
import { projectOf, temporaryFolder } from '../support/functions.js'
import { lambdaClient } from '../support/lambda-client.js'
import { type Gate, openGate, streamingSource } from './streaming-functions.js'

type Options = Partial<InvokeWithResponseStreamCommandInput>

export interface Read {
  readonly answer: InvokeWithResponseStreamCommandOutput
  readonly chunks: readonly Buffer[]
  readonly text: string
  readonly complete: unknown
}

export interface Stage {
  readonly daemon: Daemon
  readonly gate: Gate
  begin(
    name: string,
    event: object,
    options?: Options,
  ): Promise<InvokeWithResponseStreamCommandOutput>
  read(name: string, event: object, options?: Options): Promise<Read>
  /** The answer's head has come; nothing of its body has been read. */
  raw(name: string, event: object, agent?: Agent): Promise<IncomingMessage>
  /** Reads and counts what is left, and keeps none of it. */
  rest(
    answer: IncomingMessage,
  ): Promise<{ readonly payloadBytes: number; readonly complete: unknown }>
  /** Sends a request; the result leaves before there is an answer, and resolves when the connection is gone. */
  abandon(name: string, event: object): () => Promise<void>
  /** Once all that was asked for has ended: what is told from here on counts. */
  afresh(): Promise<void>
  /** The nth line of a function's log that matches. */
  logged(pattern: RegExp, count?: number): Promise<RegExpMatchArray>
  /** The first ends of invocations that the journal tells. */
  ended(count: number): Promise<readonly JournalRecord[]>
}

export async function stage(t: Test, channel: 'frames' | 'http'): Promise<Stage> {
  const code = temporaryFolder(t)
  writeFileSync(join(code, 'index.js'), streamingSource)
  writeFileSync(join(code, 'app.py'), 'def handler(event, context):\n    return {"python": True}\n')
  const node = { code, handler: 'index.handler', runtime: 'nodejs22.x', timeoutSeconds: 60 }
  const project = projectOf(t, {
    node22: node,
    node24: { ...node, runtime: 'nodejs24.x' },
    short: { ...node, timeoutSeconds: 1 },
    plain: { ...node, handler: 'index.plain' },
    python: { code, handler: 'app.handler', runtime: 'python3.12' },
  })
  const variables = { LAMBDA_EMU_RUNTIME_CHANNEL: channel }
  const stateDirectory = temporaryFolder(t)
  const daemon = await startDaemon(t, { project, stateDirectory, variables })
  const lambda = lambdaClient(t, daemon.lambdaUrl)
  const begin: Stage['begin'] = (FunctionName, event, options = {}) => {
    const Payload = Buffer.from(JSON.stringify(event))
    return lambda.send(new InvokeWithResponseStreamCommand({ FunctionName, Payload, ...options }))
  }
  let logsBefore = 0
  let endsBefore = 0
  const ends = () => daemon.journal.filter(({ kind }) => kind === 'invocation.ended')
  return {
    daemon,
    async afresh() {
      await until('every invocation so far has ended', async () => {
        const { invocations } = await daemon.admin.status()
        return ends().length === invocations.total
      })
      logsBefore = daemon.logs.length
      endsBefore = ends().length
    },
    gate: await openGate(t),
    begin,
    read: async (...asked) => readAll(await begin(...asked)),
    raw: (name, event, agent) => bare(daemon, name, event, agent).answered,
    rest,
    abandon: (name, event) => bare(daemon, name, event).leave,
    async logged(pattern, count = 1) {
      const matches = () =>
        daemon.logs
          .slice(logsBefore)
          .map(({ message }) => message.match(pattern))
          .filter((each) => each !== null)
      await until(`${pattern} is logged ${count} times`, () => matches().length >= count)
      return matches()[count - 1] as RegExpMatchArray
    },
    async ended(count) {
      await until(`${count} invocations have ended`, () => ends().length - endsBefore >= count)
      return ends().slice(endsBefore)
    },
  }
}

async function readAll(answer: InvokeWithResponseStreamCommandOutput): Promise<Read> {
  const chunks: Buffer[] = []
  const completed: unknown[] = []
  for await (const { PayloadChunk, InvokeComplete } of answer.EventStream ?? []) {
    if (PayloadChunk !== undefined) chunks.push(Buffer.from(PayloadChunk.Payload ?? []))
    if (InvokeComplete !== undefined) completed.push(InvokeComplete)
  }
  if (completed.length !== 1) throw new Error(`one InvokeComplete, not ${completed.length}`)
  return { answer, chunks, text: Buffer.concat(chunks).toString(), complete: completed[0] }
}

function bare(daemon: Daemon, name: string, event: object, agent: Agent | false = false) {
  const url = `${daemon.lambdaUrl}/2021-11-15/functions/${name}/response-streaming-invocations`
  const outgoing = request(url, { method: 'POST', agent })
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.once('error', reject)
  })
  const closed = new Promise<void>((resolve) => void outgoing.once('close', resolve))
  outgoing.end(JSON.stringify(event))
  const leave = () => {
    answered.catch(() => {})
    outgoing.destroy()
    return closed
  }
  return { answered, leave }
}

/** Reads frames by their lengths alone: their checksums are the SDK's to check. */
async function rest(answer: IncomingMessage) {
  let payloadBytes = 0
  let complete: unknown
  let held = Buffer.alloc(0)
  for await (const piece of answer) {
    held = held.length === 0 ? piece : Buffer.concat([held, piece])
    while (held.length >= 12 && held.length >= held.readUInt32BE(0)) {
      const totalBytes = held.readUInt32BE(0)
      const headBytes = held.readUInt32BE(4)
      const head = held.toString('latin1', 12, 12 + headBytes)
      const body = held.subarray(12 + headBytes, totalBytes - 4)
      if (head.includes('PayloadChunk')) payloadBytes += body.length
      else complete = JSON.parse(body.toString())
      held = held.subarray(totalBytes)
    }
  }
  return { payloadBytes, complete }
}

/** The most memory that a process has had. */
export function residentPeakKb(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

/** InvokeComplete with its details parsed. */
export function inWords(complete: unknown) {
  const { ErrorDetails, ...rest } = complete as { ErrorDetails?: string }
  return { ...rest, details: ErrorDetails === undefined ? undefined : JSON.parse(ErrorDetails) }
}
