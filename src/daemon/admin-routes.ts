// The admin listener: what the command line asks the daemon. Every route wants the token, on top of the guard.

import { timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type AdminErrorBody, adminRoutes, adminTokenHeader } from '../admin/contract.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { actByHand, summarizeEnvironments } from './by-hand.js'
import { variablesOf } from './function-variables.js'
import { type SummaryParts, summarizeFunction, summarizeStatus } from './summaries.js'

export interface AdminParts {
  readonly token: string
  readonly summary: SummaryParts
  readonly stop: () => void
}

/** Of ?tail=: how many records of the past a reader of the journal gets, all that there are at most. */
const journalTail = { byDefault: 1_000, max: 40_000 }

export function serveAdmin(app: FastifyInstance, parts: AdminParts): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (isToken(request.headers[adminTokenHeader], parts.token)) return done()
    sendError(reply, 403, {
      code: 'EMU_TOKEN',
      message: `the header ${adminTokenHeader} is missing or wrong`,
      hint: 'the token is in daemon.json in the state directory',
      exitCode: 3,
    })
  })
  app.setErrorHandler((error, _request, reply) => sendEmulatorError(reply, error))
  app.get(adminRoutes.status, () => summarizeStatus(parts.summary))
  app.get(adminRoutes.functions, () => parts.summary.engine.functions.all().map(summarizeFunction))
  app.get(adminRoutes.variables, (request) => {
    const { id } = request.params as { readonly id: string }
    return variablesOf(id, parts.summary)
  })
  app.get(adminRoutes.environments, () => summarizeEnvironments(parts.summary))
  for (const verb of ['freeze', 'thaw', 'expire'] as const)
    app.post(adminRoutes[verb], (request) => {
      const { id } = request.params as { readonly id: string }
      return actByHand(verb, id, parts.summary)
    })
  const following: Following = new Set()
  app.get(adminRoutes.logs, (request, reply) => streamLogs(request, reply, parts, following))
  app.get(adminRoutes.journal, (request, reply) => streamJournal(request, reply, parts, following))
  app.addHook('preClose', (done) => {
    for (const end of following) end()
    done()
  })
  app.post(adminRoutes.stop, (_request, reply) => {
    // The answer goes out before the listener that carries it closes.
    reply.raw.once('finish', parts.stop)
    reply.code(202).send({})
  })
}

function isToken(given: string | string[] | undefined, token: string): boolean {
  if (typeof given !== 'string' || given.length !== token.length) return false
  return timingSafeEqual(Buffer.from(given), Buffer.from(token))
}

function sendError(reply: FastifyReply, status: number, error: AdminErrorBody['error']): void {
  reply.code(status).send({ error } satisfies AdminErrorBody)
}

function sendEmulatorError(reply: FastifyReply, error: unknown): void {
  if (!(error instanceof EmulatorError)) throw error
  const { code, message, hint, exitCode } = error
  const missing = code === 'EMU_ENVIRONMENT_NOT_FOUND' || code === 'EMU_FUNCTION_NOT_FOUND'
  const status = missing ? 404 : code === 'EMU_USAGE' ? 400 : 409
  sendError(reply, status, { code, message, hint, exitCode })
}

async function streamLogs(
  request: FastifyRequest,
  reply: FastifyReply,
  { summary }: AdminParts,
  following: Following,
): Promise<void> {
  const { logs } = summary.engine
  const { functionName, follow, sinceMs } = request.query as Readonly<Record<string, string>>
  const stream = beginLines(reply)
  const listen = (listener: (line: unknown) => void) =>
    logs.listen((record) => {
      if (functionName === undefined || record.functionName === functionName) listener(record)
    })
  const backlog = logs.read(functionName, Number(sinceMs ?? 0))
  await stream.run(backlog, follow === '1' ? listen : undefined, following)
}

async function streamJournal(
  request: FastifyRequest,
  reply: FastifyReply,
  { summary }: AdminParts,
  following: Following,
): Promise<void> {
  const { journal } = summary.engine
  const { follow, tail } = request.query as Readonly<Record<string, string>>
  const stream = beginLines(reply)
  const listen = (listener: (line: unknown) => void) => journal.listen(listener)
  const asked = /^[1-9]\d{0,4}$/.test(tail ?? '') ? Number(tail) : journalTail.byDefault
  const past = journal.tail(Math.min(asked, journalTail.max))
  await stream.run(past, follow === '1' ? listen : undefined, following)
}

/** Ends of the streams that somebody follows: called before the listener closes. */
type Following = Set<() => void>
type Listen = (listener: (line: unknown) => void) => () => void

// A reader that does not read must not make the daemon keep everything for it.
const unreadBytesMax = 16 * 1024 * 1024
const backlogBytesAhead = 1024 * 1024

function beginLines(reply: FastifyReply) {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'application/x-ndjson',
  })
  raw.flushHeaders()
  const write = (line: unknown): void => {
    if (raw.writableLength > unreadBytesMax) raw.destroy()
    else raw.write(`${JSON.stringify(line)}\n`)
  }
  const drained = (): Promise<void> =>
    new Promise((resolve) => {
      raw.once('drain', resolve)
      raw.once('close', resolve)
    })
  return {
    /** What there is, at the reader's pace; then, if somebody listens, what comes. */
    async run(backlog: readonly unknown[], listen: Listen | undefined, following: Following) {
      const meanwhile: unknown[] = []
      let live = false
      const stop = listen?.((line) => (live ? write(line) : meanwhile.push(line)))
      const end = (): void => {
        raw.end()
      }
      if (stop !== undefined) following.add(end)
      raw.once('close', () => {
        stop?.()
        following.delete(end)
      })
      for (const line of backlog) {
        if (raw.destroyed) return
        write(line)
        if (raw.writableLength > backlogBytesAhead) await drained()
      }
      for (const line of meanwhile) write(line)
      live = true
      if (stop === undefined) end()
    },
  }
}
