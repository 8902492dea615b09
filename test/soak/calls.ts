// Load on a daemon over Lambda's API: callers that each wait for their answer, and arrivals that wait for nobody.

import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { nowMs } from '../support/daemon.js'
import { type Answered, wrongIn } from './functions.js'

export interface Totals {
  readonly calls: number
  /** One phrase each, the first of them. */
  readonly failures: readonly string[]
  readonly failed: number
  readonly tookMs: number
  /** Milliseconds from the moment a call was due to its answer. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number }
  /** Most calls in flight at once. */
  readonly inFlightMax: number
}

export interface Load {
  readonly lambdaUrl: string
  readonly durationMs: number
  /** The function of the next call, by a number from 0 to 1 or by its caller. */
  readonly choose: (caller: number) => string
  /** Now and then, with what there is so far. */
  readonly tell: (calls: number, inFlight: number) => void
}

const failuresShown = 20
const tellEveryMs = 5_000
/** Past the concurrency that an account has: what comes after it would be refused at the best. */
const inFlightLimit = 1_000
let lastId = 0

/** `callers` of them, each with a connection of its own, each calling again as soon as it has its answer. */
export async function closedLoop(load: Load & { readonly callers: number }): Promise<Totals> {
  const running = begin(load)
  const caller = async (_: unknown, index: number) => {
    while (nowMs() < running.endsAtMs) await running.call(load.choose(index), nowMs())
  }
  await Promise.all(Array.from({ length: load.callers }, caller))
  return running.end()
}

/** Poisson arrivals at `perSecond`: each call is made when it is due, however many are in flight. */
export async function openModel(
  load: Load & { readonly perSecond: number; readonly draw: () => number },
): Promise<Totals> {
  const { perSecond, draw } = load
  const running = begin(load)
  const made: Promise<void>[] = []
  let dueMs = nowMs()
  for (;;) {
    dueMs += (-Math.log(1 - draw()) / perSecond) * 1_000
    if (dueMs >= running.endsAtMs) break
    if (running.inFlight() > inFlightLimit) {
      running.fail(
        `${inFlightLimit} calls in flight: it does not keep up with ${perSecond.toFixed(0)} a second`,
      )
      break
    }
    const waitMs = dueMs - nowMs()
    if (waitMs > 0) await sleep(waitMs)
    made.push(running.call(load.choose(0), dueMs))
    // Those that are over need not be remembered.
    if (made.length > 10_000) await Promise.all(made.splice(0, 5_000))
  }
  await Promise.all(made)
  return running.end()
}

function begin({ lambdaUrl, durationMs, tell }: Load) {
  const agent = new Agent({ keepAlive: true })
  const startedAtMs = nowMs()
  const failures: string[] = []
  const latencies: number[] = []
  const counts = { failed: 0, inFlight: 0, inFlightMax: 0 }
  const telling = setInterval(() => tell(latencies.length, counts.inFlight), tellEveryMs)
  const fail = (wrong: string) => {
    counts.failed += 1
    if (failures.length < failuresShown) failures.push(wrong)
  }
  const call = async (name: string, dueMs: number) => {
    lastId += 1
    const asked = { name, id: lastId }
    counts.inFlight += 1
    counts.inFlightMax = Math.max(counts.inFlightMax, counts.inFlight)
    const wrong = await invoke(lambdaUrl, agent, asked).then(
      (answer) => wrongIn(answer, asked),
      (error: unknown) => `no answer of ${name}: ${error}`,
    )
    counts.inFlight -= 1
    latencies.push(nowMs() - dueMs)
    if (wrong !== undefined) fail(wrong)
  }
  const end = (): Totals => {
    clearInterval(telling)
    agent.destroy()
    const sorted = Float64Array.from(latencies).sort()
    const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
    return {
      calls: latencies.length,
      failures,
      failed: counts.failed,
      tookMs: nowMs() - startedAtMs,
      latencyMs: { p50: at(0.5), p99: at(0.99), max: at(1) },
      inFlightMax: counts.inFlightMax,
    }
  }
  const inFlight = () => counts.inFlight
  return { call, fail, inFlight, end, endsAtMs: startedAtMs + durationMs }
}

function invoke(
  lambdaUrl: string,
  agent: Agent,
  { name, id }: { readonly name: string; readonly id: number },
): Promise<Answered> {
  const url = `${lambdaUrl}/2015-03-31/functions/${name}/invocations`
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method: 'POST', agent }, (response) => {
      const parts: Buffer[] = []
      response.once('error', reject)
      response.on('data', (part: Buffer) => parts.push(part))
      response.once('end', () => {
        const functionError = response.headers['x-amz-function-error']
        resolve({
          status: response.statusCode ?? 0,
          functionError: functionError === undefined ? undefined : String(functionError),
          requestId: String(response.headers['x-amzn-requestid']),
          text: Buffer.concat(parts).toString(),
        })
      })
    })
    outgoing.once('error', reject)
    outgoing.end(JSON.stringify({ id }))
  })
}
