// The load generator, a process of its own: calls, saves and bare programs, timed where they are made.

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { Connection, requestOf } from './connection.js'
import type {
  BareOrder,
  CallsDone,
  CallsOrder,
  Done,
  Order,
  Reply,
  SaveOrder,
  Target,
  TimedDone,
} from './protocol.js'

const open = new Map<string, Connection[]>()

async function connectionsTo(target: Target, count: number): Promise<readonly Connection[]> {
  const key = `${target.host}:${target.port}`
  const kept = (open.get(key) ?? []).filter(({ usable }) => usable)
  while (kept.length < count) kept.push(await Connection.open(target))
  open.set(key, kept)
  return kept.slice(0, count)
}

/** The first answer must be the right one, however its JSON is written; all others must be as long. */
function checkOf({ answer }: Target): (body: Buffer) => Error | undefined {
  let length: number | undefined
  return (body) => {
    if (body.length === length) return undefined
    const text = body.toString()
    if (length !== undefined || !isSame(text, answer ?? text))
      return new Error(`another answer: ${text.slice(0, 300)}`)
    length = body.length
    return undefined
  }
}

function isSame(text: string, answer: string): boolean {
  try {
    return isDeepStrictEqual(JSON.parse(text), JSON.parse(answer))
  } catch {
    return false
  }
}

async function makeCalls(order: CallsOrder): Promise<CallsDone> {
  const { target, connections, calls = Number.POSITIVE_INFINITY, pauseMs = 0 } = order
  const request = requestOf(target)
  const check = checkOf(target)
  const opened = await connectionsTo(target, connections)
  const latenciesMs: number[] = []
  const cpuBefore = process.cpuUsage()
  const startedMs = performance.now()
  const endMs = startedMs + (order.durationMs ?? Number.POSITIVE_INFINITY)
  const drive = (connection: Connection) =>
    new Promise<void>((resolve, reject) => {
      let made = 0
      let sentMs = 0
      const next = () => {
        if (made === calls || performance.now() >= endMs) return resolve()
        made += 1
        sentMs = performance.now()
        connection.call(request, answered, reject)
      }
      const answered = (body: Buffer) => {
        latenciesMs.push(performance.now() - sentMs)
        const wrong = check(body)
        if (wrong !== undefined) return reject(wrong)
        if (pauseMs > 0) setTimeout(next, pauseMs)
        else next()
      }
      next()
    })
  await Promise.all(opened.map(drive))
  const elapsedMs = performance.now() - startedMs
  const { user, system } = process.cpuUsage(cpuBefore)
  return {
    latenciesMs: Float64Array.from(latenciesMs),
    elapsedMs,
    cpuMs: (user + system) / 1000,
  }
}

async function runBare({ program, args, parallel }: BareOrder): Promise<TimedDone> {
  const startedMs = performance.now()
  const run = () =>
    new Promise<void>((resolve, reject) => {
      const child = spawn(program, args, { stdio: 'ignore' })
      child.once('error', reject)
      child.once('exit', (code) => {
        if (code === 0) resolve()
        else reject(new Error(`${program} ended with ${code}`))
      })
    })
  await Promise.all(Array.from({ length: parallel }, run))
  return { elapsedMs: performance.now() - startedMs, calls: 0 }
}

/** What is served meanwhile is another answer, and no failure. */
async function saveAndCall({ path, text, target }: SaveOrder): Promise<TimedDone> {
  const request = requestOf(target)
  const [connection] = await connectionsTo(target, 1)
  const startedMs = performance.now()
  writeFileSync(path, text)
  for (let calls = 1; performance.now() - startedMs < 10_000; calls += 1) {
    const body = await new Promise<Buffer>((resolve, reject) => {
      connection?.call(request, resolve, reject)
    })
    const elapsedMs = performance.now() - startedMs
    if (body.toString() === target.answer) return { elapsedMs, calls }
  }
  throw new Error(`${path} was saved, and not served within 10 s`)
}

function carryOut(order: Order): Promise<Done> {
  switch (order.do) {
    case 'calls':
      return makeCalls(order)
    case 'bare':
      return runBare(order)
    case 'save':
      return saveAndCall(order)
  }
}

function reply(message: Reply): void {
  process.send?.(message)
}

process.on('message', (order: Order) => {
  carryOut(order).then(
    (done) => reply({ done }),
    (error: unknown) => {
      // Whatever is still on its way belongs to an order that has failed.
      for (const connections of open.values()) for (const each of connections) each.close()
      open.clear()
      reply({ problem: error instanceof Error ? error.message : String(error) })
    },
  )
})
process.on('disconnect', () => process.exit())
