// What a tool does around a function, found by trying: one probe for each claim.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { quantile } from '../statistics.js'
import { answerOf, type Place, Running } from './running.js'
import type { Folders, Plan, PlannedFunction, Reply } from './tool.js'

/** The rows of the table of facts, in their order. */
export const claims = {
  frozen: 'frozen between requests (a timer stands still)',
  warm: 'module state is kept from request to request',
  oneAtATime: 'one request at a time in each environment',
  cpu: 'CPU by memory (256 MB gets a part of a core)',
  memory: 'memory limit (256 MB cannot hold 600)',
  timeoutWaiting: 'timeout kept while the code waits',
  timeoutBusy: 'timeout kept while the code loops',
  timeoutEnds: 'code that timed out is really ended',
  tmp: '/tmp of the function is its own',
  variables: "the shell's variables stay outside",
  files: 'files beside the project cannot be seen',
  python: 'Python functions run',
  stopped: 'SIGINT to the tool leaves no process',
  killed: 'kill -9 of the tool leaves no process',
} as const

/** One row. */
export type Claim = keyof typeof claims

/** Held or not; `note` says what was seen. A fact that makes no sense for a tool is `null`. */
export interface Fact {
  readonly holds: boolean | null
  readonly note: string
}

/** The facts of one tool. */
export type Facts = Partial<Record<Claim, Fact>>

const probeFile = join(import.meta.dirname, '../../../bench/peers/functions/probe.cjs')
/** A timer of 20 ms fires 75 times in this pause unless it stands still. */
const pauseMs = 1_500
const burnMs = 1_000
const timeoutSeconds = 1
const tooLongMs = 3_000

function planFor(name: string, settings: Partial<PlannedFunction>): Plan {
  const source = readFileSync(probeFile, 'utf8')
  const basis = { name, language: 'node', source, memoryMb: 256, timeoutSeconds: 10 } as const
  return { functions: [{ ...basis, ...settings }], main: name }
}

/** Tries everything but the timeouts, in one start of the tool, which it kills at the end. */
export async function tryLimits(place: Place): Promise<Facts> {
  const facts: Facts = {}
  const running = await Running.start(place, planFor('probe', {}), 'fast')
  const ask: Ask = (op, more = {}) => running.invoke('probe', { op, ...more })
  try {
    await tryFreeze(ask, facts)
    await tryIsolation(ask, place.folders, facts)
    const naps = await Promise.all([1, 2, 3, 4].map(() => ask('nap', { ms: 300 })))
    const most = Math.max(...naps.map((nap) => number(nap, 'most')))
    facts.oneAtATime = { holds: most === 1, note: `${most} of 4 calls at once in one` }
    await tryCpu(ask, facts)
    const hoard = await ask('hoard', { mb: 600 }).catch(() => undefined)
    const held = hoard && answerOf(hoard)?.heldMb
    facts.memory = { holds: held === undefined, note: held ? `held ${held} MB` : 'failed' }
  } finally {
    const left = await running.kill()
    facts.killed = { holds: left === 0, note: `${left} left` }
  }
  return facts
}

type Ask = (op: string, more?: object) => Promise<Reply>

function number(reply: Reply, name: string): number {
  const value = answerOf(reply)?.[name]
  if (typeof value !== 'number') throw new Error(`no ${name} in ${reply.status} ${reply.body}`)
  return value
}

async function tryFreeze(ask: Ask, facts: Facts): Promise<void> {
  await ask('count')
  const before = await ask('count')
  await delay(pauseMs)
  const after = await ask('count')
  const counted = number(after, 'calls')
  facts.warm = { holds: counted === 3, note: `${counted} calls counted of 3` }
  const kept = number(before, 'pid') === number(after, 'pid')
  const ticks = number(after, 'ticks') - number(before, 'ticks')
  facts.frozen = kept
    ? { holds: ticks < 10, note: `${ticks} ticks in a pause of ${pauseMs / 20} ticks` }
    : { holds: null, note: 'the process ends with its request' }
}

/** Against a free process that works at the same time; where that gets no half of a core either, nothing can be told. */
async function tryCpu(ask: Ask, facts: Facts): Promise<void> {
  const shares: number[] = []
  for (let n = 0; n < 6 && shares.length < 3; n += 1) {
    const [reply, free] = await Promise.all([ask('burn', { ms: burnMs }), burnFreely()])
    if (free > 0.5) shares.push(number(reply, 'cpuShare') / free)
  }
  if (shares.length === 0) {
    facts.cpu = { holds: null, note: 'the machine was too busy to tell' }
    return
  }
  const share = quantile(shares, 0.5)
  facts.cpu = { holds: share < 0.5, note: `${Math.round(share * 100)} % of a free process` }
}

async function burnFreely(): Promise<number> {
  const program = `require(${JSON.stringify(probeFile)}).handler({ op: 'burn', ms: ${burnMs} })
    .then(({ cpuShare }) => console.log(cpuShare))`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  for await (const part of child.stdout) text += part
  const share = Number(text)
  if (!(share > 0)) throw new Error('the free process told no share of the CPU')
  return share
}

async function tryIsolation(ask: Ask, folders: Folders, facts: Facts): Promise<void> {
  const file = `/tmp/lambda-emu-peers-${process.pid}`
  const secretFile = join(folders.project, '../secret.txt')
  writeFileSync(secretFile, 'not for functions')
  try {
    const seen = answerOf(await ask('look', { file, secretFile }))
    if (!seen) throw new Error('the function could not look around')
    const shared = existsSync(file)
    facts.tmp = { holds: !shared, note: shared ? "its file is in the machine's /tmp" : 'own' }
    const inside = seen.variable === process.env.PEERS_SECRET
    facts.variables = { holds: !inside, note: inside ? 'seen' : 'not seen' }
    facts.files = { holds: seen.file !== true, note: seen.file ? 'seen' : 'not seen' }
  } finally {
    rmSync(file, { force: true })
    rmSync(secretFile, { force: true })
  }
}

/** Tries the timeouts: one second for code that wants three. */
export async function tryTimeouts(place: Place): Promise<Facts> {
  const facts: Facts = {}
  const told: string[] = []
  const sink = createServer((request, response) => {
    told.push(request.url ?? '')
    response.end()
  })
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
  const { port } = sink.address() as AddressInfo
  const plan = planFor('short', { timeoutSeconds, memoryMb: 1_769 })
  const running = await Running.start(place, plan, 'fast')
  try {
    await running.invoke('short', { op: 'count' })
    for (const [claim, op] of [
      ['timeoutWaiting', 'sleepThenTell'],
      ['timeoutBusy', 'spinThenTell'],
    ] as const) {
      const started = performance.now()
      const reply = await running.invoke('short', { op, ms: tooLongMs, port })
      const tookMs = Math.round(performance.now() - started)
      const holds = answerOf(reply)?.told !== true && tookMs < tooLongMs - 500
      facts[claim] = { holds, note: `answered after ${tookMs} ms` }
      await delay(Math.max(0, tooLongMs + 700 - tookMs))
    }
    const note = told.length === 0 ? 'it was not heard of again' : `heard later: ${told.join(' ')}`
    facts.timeoutEnds = { holds: told.length === 0, note }
  } finally {
    await running.stop()
    sink.close()
  }
  return facts
}
