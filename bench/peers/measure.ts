// The measurements of one tool: speed in one start, saved code in another.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { quantile } from '../statistics.js'
import type { Connection } from './connection.js'
import { cpuMs, memoryMb } from './processes.js'
import { answerOf, type Place, Running } from './running.js'
import type { Plan, PlannedFunction, Tool } from './tool.js'

/** 1,769 MB is one vCPU on Lambda: the functions measured are not held back in any tool. */
const fullMemoryMb = 1_769

/** How long and how often; the small ones are for --smoke. */
export interface Effort {
  readonly coldStarts: number
  readonly warmMs: number
  readonly loadWarmUpMs: number
  readonly loadMs: number
  readonly saves: number
}

/** What is measured, and what `--smoke` does of it. */
export const efforts = {
  full: { coldStarts: 3, warmMs: 1_500, loadWarmUpMs: 3_000, loadMs: 5_000, saves: 3 },
  smoke: { coldStarts: 1, warmMs: 200, loadWarmUpMs: 100, loadMs: 300, saves: 1 },
} as const satisfies Record<string, Effort>

/** Figures by row; a row that a tool cannot have is missing. */
export interface Figures {
  /** A bare `node -e 0`, just before: what the machine gave at that time. */
  bareNodeMs?: number[]
  firstAnswerMs?: number
  /** CPU time of all its processes; unlike durations it says something on a busy machine too. */
  firstAnswerCpuMs?: number
  warmCpuMs?: number
  loadCpuMs?: number
  coldStartMs?: number[]
  pythonColdStartMs?: number[]
  warmMs?: number
  warmP99Ms?: number
  pythonWarmMs?: number
  throughputPerSecond?: number
  loadFailures?: number
  idleMb?: number
  loadedMb?: number
  loadedProcesses?: number
  saveMs?: number[]
  leftAfterStop?: number
}

const sources = join(import.meta.dirname, '../../../bench/peers/functions')
const concurrency = 16

function planned(name: string, language: 'node' | 'python'): PlannedFunction {
  const file = language === 'node' ? 'echo.cjs' : 'echo.py'
  const source = readFileSync(join(sources, file), 'utf8')
  return { name, language, source, memoryMb: fullMemoryMb, timeoutSeconds: 10 }
}

/** The same trivial function under several names, so that each has a cold start of its own. */
function speedPlan(tool: Tool, coldStarts: number): Plan {
  const functions = [planned('echo', 'node')]
  for (let n = 1; n <= coldStarts; n += 1) functions.push(planned(`cold${n}`, 'node'))
  if (!tool.limits.python) {
    functions.push(planned('pyecho', 'python'), planned('pycold1', 'python'))
  }
  return { functions, main: 'echo' }
}

/** All figures of one round, in two starts of the tool. */
export async function measure(place: Place, effort: Effort): Promise<Figures> {
  const bareNodeMs = await startBareNode(5)
  const speed = await measureSpeed(place, effort)
  return { bareNodeMs, ...speed, ...(await measureSaves(place, effort)) }
}

async function startBareNode(times: number): Promise<number[]> {
  const durations: number[] = []
  for (let n = 0; n < times; n += 1) {
    const started = performance.now()
    const child = spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' })
    await new Promise((resolve) => child.once('exit', resolve))
    durations.push(performance.now() - started)
  }
  return durations
}

/** Start, cold starts, warm calls, load and the memory after it. */
async function measureSpeed(place: Place, effort: Effort): Promise<Figures> {
  const { tool } = place
  const figures: Figures = {}
  const plan = speedPlan(tool, effort.coldStarts)
  const running = await Running.start(place, plan, 'fast')
  try {
    await untilItAnswers(running, 'echo')
    figures.firstAnswerMs = performance.now() - running.startedAt
    figures.firstAnswerCpuMs = cpuMs(running.processes())
    await delay(300)
    await measureColdStarts(running, effort, figures)
    const cpuBefore = cpuMs(running.processes())
    const calls = await repeat(running, 'echo', effort.warmMs)
    figures.warmCpuMs = (cpuMs(running.processes()) - cpuBefore) / calls.length
    const warm = calls.slice(Math.floor(calls.length / 10))
    figures.warmMs = quantile(warm, 0.5)
    figures.warmP99Ms = quantile(warm, 0.99)
    if (!tool.limits.python) {
      figures.pythonWarmMs = quantile(await repeat(running, 'pyecho', effort.warmMs / 2), 0.5)
    }
    await load(running, effort.loadWarmUpMs)
    const cpuBeforeLoad = cpuMs(running.processes())
    const { answers, failures } = await load(running, effort.loadMs)
    if (answers) figures.loadCpuMs = (cpuMs(running.processes()) - cpuBeforeLoad) / answers
    figures.throughputPerSecond = answers / (effort.loadMs / 1_000)
    figures.loadFailures = failures
    await delay(500)
    const processes = running.processes()
    figures.loadedMb = memoryMb(processes)
    figures.loadedProcesses = processes.length
  } finally {
    figures.leftAfterStop = await running.stop()
  }
  return figures
}

/** Memory before the first call, and the time from a save to the first answer of the new code. */
async function measureSaves(place: Place, effort: Effort): Promise<Figures> {
  const { tool, folders } = place
  const figures: Figures = { saveMs: [] }
  const plan = speedPlan(tool, effort.coldStarts)
  const running = await Running.start(place, plan, 'reload')
  try {
    await delay(1_000)
    figures.idleMb = memoryMb(running.processes())
    await untilItAnswers(running, 'echo')
    const echo = plan.functions[0]
    if (!echo) throw new Error('the plan is empty')
    for (let version = 2; version < 2 + effort.saves; version += 1) {
      await delay(300)
      const source = echo.source.replace('version = 1', `version = ${version}`)
      const saved = performance.now()
      await tool.save((call) => running.send(call), folders, { ...echo, source })
      await untilItAnswers(running, 'echo', version)
      figures.saveMs?.push(performance.now() - saved)
    }
  } finally {
    await running.stop()
  }
  return figures
}

async function measureColdStarts(running: Running, effort: Effort, into: Figures): Promise<void> {
  const { limits } = running.tool
  if (limits.coldStart) return
  into.coldStartMs = []
  for (let n = 1; n <= effort.coldStarts; n += 1) {
    into.coldStartMs.push(await timed(running, `cold${n}`))
  }
  if (!limits.python) into.pythonColdStartMs = [await timed(running, 'pycold1')]
}

async function timed(running: Running, functionName: string): Promise<number> {
  const started = performance.now()
  expectEcho(await running.invoke(functionName, { n: 1 }))
  return performance.now() - started
}

function expectEcho(reply: Parameters<typeof answerOf>[0]): void {
  if (answerOf(reply)?.n !== 2) throw new Error(`a wrong answer: ${reply.status} ${reply.body}`)
}

/** Calls until the answer is right, and of the version asked for. */
async function untilItAnswers(running: Running, name: string, version?: number): Promise<void> {
  const end = performance.now() + 15_000
  let last = ''
  while (performance.now() < end) {
    try {
      const reply = await running.invoke(name, { n: 1 })
      const value = answerOf(reply)
      if (value?.n === 2 && (version === undefined || value.version === version)) return
      last = `${reply.status} ${reply.body.slice(0, 200)}`
    } catch (error) {
      last = error instanceof Error ? error.message : `${error}`
    }
    await delay(2)
  }
  throw new Error(`no right answer of ${name} within 15 s; the last one: ${last}`)
}

/** Calls one after the other on one connection; durations in ms. */
async function repeat(running: Running, name: string, forMs: number): Promise<number[]> {
  const connection = running.connection()
  const durations: number[] = []
  const end = performance.now() + forMs
  try {
    while (performance.now() < end || durations.length < 5) {
      const started = performance.now()
      expectEcho(await connection.send(running.tool.invoke(name, { n: 1 })))
      durations.push(performance.now() - started)
    }
  } finally {
    connection.close()
  }
  return durations
}

/** Sixteen connections, each with one call in flight. */
async function load(running: Running, forMs: number) {
  const end = performance.now() + forMs
  const call = running.tool.invoke('echo', { n: 1 })
  let answers = 0
  let failures = 0
  const one = async (connection: Connection) => {
    while (performance.now() < end) {
      try {
        const reply = await connection.send(call)
        if (performance.now() > end) break
        if (answerOf(reply)?.n === 2) answers += 1
        else failures += 1
      } catch {
        failures += 1
        await delay(5)
      }
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: concurrency }, () => one(running.connection())))
  return { answers, failures }
}
