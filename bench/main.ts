// npm run bench: every row with its reference in the same interleaved run. Exit code 1: a row was not measured; 2: usage.

import { spawnSync } from 'node:child_process'
import { cpus, release, totalmem, type } from 'node:os'
import { functionMemoryMb, startDaemon } from './daemon.js'
import { eventBytes, type Group, type Round } from './group.js'
import { cold } from './groups/cold.js'
import { freezing } from './groups/freezing.js'
import { frozen } from './groups/frozen.js'
import { parallel } from './groups/parallel.js'
import { reload } from './groups/reload.js'
import { memory, start } from './groups/start.js'
import { throughput } from './groups/throughput.js'
import { warm } from './groups/warm.js'
import { startLoad } from './load/load.js'
import { type BenchOptions, readOptions, usage } from './options.js'
import { jsonOf, type Report, tableOf } from './report.js'
import { type RowName, type RowResult, resultOf, rowNames } from './rows.js'
import { Scope } from './scope.js'

const groups: readonly Group[] = [
  warm,
  throughput,
  freezing,
  cold,
  frozen,
  start,
  reload,
  memory,
  parallel,
]

/** What is closed when the bench is interrupted; nothing is opened from then on. */
let current = new Scope()
let interrupted = false
/** As a shell tells SIGINT. */
const interruptedCode = 130

function tell(line: string): void {
  process.stderr.write(`${line}\n`)
}

async function inScope<T>(run: (scope: Scope) => Promise<T>): Promise<T> {
  if (interrupted) throw new Error('interrupted')
  const scope = new Scope()
  current = scope
  try {
    return await run(scope)
  } finally {
    await scope.close()
  }
}

async function measure(group: Group, options: BenchOptions): Promise<readonly Round[]> {
  const { rounds, smoke, output } = options
  return inScope(async (scope) => {
    const load = startLoad()
    scope.add(() => load.close())
    const round = await group.open({ scope, load, rounds, smoke, output, tell })
    const done: Round[] = []
    for (let at = 1; at <= rounds; at += 1) {
      tell(`${group.rows.join(', ')}: round ${at} of ${rounds}`)
      done.push(await round())
    }
    return done
  })
}

type Failure = Report['failures'][number]

async function run(options: BenchOptions): Promise<Report> {
  const results: RowResult[] = []
  const failures: Failure[] = []
  for (const group of groups) {
    const wanted = group.rows.filter((row) => options.rows.includes(row))
    if (wanted.length === 0) continue
    try {
      const rounds = await measure(group, options)
      for (const row of wanted) results.push(resultOf(row, roundsOf(row, rounds)))
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      const missing = wanted.filter((row) => !results.some((result) => result.row === row))
      failures.push(...missing.map((row) => ({ row, problem })))
    }
  }
  results.sort((a, b) => rowNames.indexOf(a.row) - rowNames.indexOf(b.row))
  const { rounds, smoke, output } = options
  return {
    machine: machine(),
    options: {
      rounds,
      smoke,
      functionMemoryMb,
      eventBytes,
      freezer: interrupted ? 'none' : await freezerInUse(),
      output,
    },
    results,
    failures,
  }
}

/** @throws Error when a round is missing: such a row is not measured. */
function roundsOf(row: RowName, rounds: readonly Round[]) {
  return rounds.map((round) => {
    const pair = round[row]
    if (pair === undefined) throw new Error(`${row} was not measured in every round`)
    return pair
  })
}

function machine(): Report['machine'] {
  const all = cpus()
  return {
    date: new Date().toISOString(),
    node: process.version,
    python: pythonVersion(),
    kernel: `${type()} ${release()}`,
    cpus: `${all.length} × ${all[0]?.model.trim() ?? 'unknown'}`,
    memoryGb: Math.round(totalmem() / 2 ** 30),
  }
}

/** Without one its rows are not measured, and say so. */
function pythonVersion(): string {
  const { stdout } = spawnSync('python3', ['--version'], { encoding: 'utf8' })
  return stdout?.trim().replace('Python ', '') || 'none'
}

function freezerInUse(): Promise<string> {
  return inScope(async (scope) => {
    const { admin } = await startDaemon(scope, { functions: {}, output: 'json' })
    return (await admin.status()).freezer.backend
  })
}

/** For everything that is started: neither cost nor counsel that only some users have. */
function forgetVariables(): void {
  // It adds 68 ms to every start of Node 20. Source: measured.
  delete process.env.NODE_EXTRA_CA_CERTS
  delete process.env.NODE_OPTIONS
  for (const name of Object.keys(process.env))
    if (/^(LAMBDA_EMU_|AWS_)/.test(name)) delete process.env[name]
}

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    interrupted = true
    void current.close().finally(() => process.exit(interruptedCode))
  })

async function main(): Promise<number> {
  let options: BenchOptions
  try {
    options = readOptions(process.argv.slice(2))
  } catch (error) {
    tell(`${error instanceof Error ? error.message : error}\n${usage}`)
    return 2
  }
  forgetVariables()
  const report = await run(options)
  if (interrupted) return interruptedCode
  process.stdout.write(`${options.json ? jsonOf(report) : tableOf(report)}\n`)
  return report.failures.length > 0 ? 1 : 0
}

process.exitCode = await main()
