// Which environment serves a call: one for calls one after another, one each for calls at once, and the same ones again.

import { Agent } from 'node:http'
import t, { type Test } from 'tap'
import type { EnvironmentSummary } from '../../src/admin/contract.js'
import { localProfile } from '../../src/profile/profile.js'
import {
  type Answer,
  type Daemon,
  environmentsAtRest,
  startDaemon,
  until,
} from '../support/daemon.js'
import {
  nodeBootstrapFunction,
  nodeFunction,
  type ProjectFunction,
  projectOf,
  pythonFunction,
  temporaryFolder,
} from '../support/functions.js'
import { thorough } from '../support/modes.js'

// Only against hanging.
t.setTimeout(400_000)

interface Slept {
  readonly fromMs: number
  readonly toMs: number
  readonly logStreamName: string
  readonly invocations: number
}

const slept = ({ body }: Answer): Slept => body as Slept
const sleepers = { node: nodeFunction('sleeper'), python: pythonFunction('sleeper') }

function start(t: Test, functions: Readonly<Record<string, ProjectFunction>>): Promise<Daemon> {
  return startDaemon(t, {
    project: projectOf(t, functions),
    stateDirectory: temporaryFolder(t),
  })
}

const longRun = thorough ? 1_000 : 250

t.test(`${longRun} calls one after another over one connection use one environment`, async (t) => {
  const daemon = await start(t, sleepers)
  for (const functionName of ['node', 'python']) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.teardown(() => agent.destroy())
    let connections = 0
    const connect = agent.createConnection.bind(agent)
    agent.createConnection = (...given) => {
      connections += 1
      return connect(...given)
    }
    // Our runtimes ask for the next event in the same write as they answer: nothing can come in between.
    const calls = longRun
    await callsUseOneEnvironment(t, daemon, functionName, { calls, agent, mayBeLate: false })
    t.equal(connections, 1, `${functionName}: over one connection`)
  }
})

t.test('200 calls use one environment of a runtime with two connections', async (t) => {
  const daemon = await start(t, { two: nodeBootstrapFunction(t, 'two-connections') })
  await callsUseOneEnvironment(t, daemon, 'two', { calls: 200, mayBeLate: true })
})

t.test('10 calls at once run in 10 environments, and 10 more run in the same ones', async (t) => {
  const daemon = await start(t, sleepers)
  const tenAtOnce = (functionName: string) =>
    Promise.all(Array.from({ length: 10 }, () => daemon.invoke(functionName, { sleepMs: 500 })))
  for (const functionName of ['node', 'python']) {
    const first = await tenAtOnce(functionName)
    const streams = streamsOf(first)
    t.equal(streams.length, 10, `${functionName}: 10 environments`)
    await environmentsAtRest(daemon)
    const second = await tenAtOnce(functionName)
    t.same(streamsOf(second), streams, `${functionName}: the same 10 again`)
    const counts = second.map((answer) => slept(answer).invocations)
    t.same(counts, Array(10).fill(2), `${functionName}: each of them once`)
    t.same(overlaps([...first, ...second]), [], `${functionName}: none was shared while busy`)
    const environments = await environmentsOf(daemon, functionName)
    t.equal(environments.length, 10, `${functionName}: environments shows 10`)
    t.equal(logLines(daemon, functionName, /^INIT_START/), 10, `${functionName}: 10 INIT_START`)
  }
})

/** Calls one after another, and looks at answers, log and environments. */
async function callsUseOneEnvironment(
  t: Test,
  daemon: Daemon,
  functionName: string,
  {
    calls,
    agent,
    mayBeLate,
  }: { readonly calls: number; readonly agent?: Agent; readonly mayBeLate: boolean },
): Promise<void> {
  const answers: Answer[] = []
  for (let call = 1; call <= calls; call += 1)
    answers.push(await daemon.invoke(functionName, {}, agent === undefined ? {} : { agent }))
  const good = answers.filter((each) => each.status === 200 && each.functionError === undefined)
  t.equal(good.length, calls, `${functionName}: every call was answered`)
  await until('every REPORT is here', () => logLines(daemon, functionName, /^REPORT/) === calls)
  const environments = await environmentsOf(daemon, functionName)
  const late = mayBeLate ? callsAfterLateSettling(daemon, answers, environments) : 0
  const count = 1 + late
  t.equal(streamsOf(answers).length, count, `${functionName}: one environment, and ${late} late`)
  t.ok(late <= calls / 100, `${functionName}: late is the exception`)
  t.equal(environments.length, count, `${functionName}: environments shows as many`)
  const served = environments.reduce((sum, each) => sum + each.invocations, 0)
  t.equal(served, calls, `${functionName}: they served all the calls`)
  const loaded = answers.filter((answer) => slept(answer).invocations === 1)
  t.equal(loaded.length, count, `${functionName}: each loaded its module once`)
  t.equal(logLines(daemon, functionName, /Init Duration/), count, `${functionName}: Init Duration`)
  t.equal(logLines(daemon, functionName, /^INIT_START/), count, `${functionName}: INIT_START`)
}

/**
 * How many calls found the environment before not ready within their patience, because the machine kept its runtime
 * from asking for the next event: from the end of the handler, by the function's clock, to `ready`, by the journal.
 */
function callsAfterLateSettling(
  daemon: Daemon,
  answers: readonly Answer[],
  environments: readonly EnvironmentSummary[],
): number {
  const idOf = (stream: string) => environments.find((each) => each.logStreamName === stream)?.id
  return answers.filter((answer, index) => {
    const before = answers[index - 1]
    if (before === undefined || slept(answer).invocations !== 1) return false
    const { toMs, logStreamName } = slept(before)
    const id = idOf(logStreamName)
    const ready = daemon.journal.find(
      ({ kind, to, env, atMs }) =>
        kind === 'environment.phase' && to === 'ready' && env === id && atMs > toMs - 1,
    )
    return ready !== undefined && ready.atMs - toMs >= localProfile.settleWaitMs.value
  }).length
}

async function environmentsOf(
  daemon: Daemon,
  functionName: string,
): Promise<readonly EnvironmentSummary[]> {
  const all = await environmentsAtRest(daemon)
  return all.filter((each) => each.functionName === functionName)
}

function logLines(daemon: Daemon, functionName: string, sign: RegExp): number {
  return daemon.logs.filter((log) => log.functionName === functionName && sign.test(log.message))
    .length
}

function streamsOf(answers: readonly Answer[]): string[] {
  return [...new Set(answers.map((answer) => slept(answer).logStreamName))].sort()
}

/** Environments in which two handlers ran at the same time. */
function overlaps(answers: readonly Answer[]): string[] {
  const inOrder = answers.map(slept).sort((left, right) => left.fromMs - right.fromMs)
  const found: string[] = []
  const busyUntilMs = new Map<string, number>()
  for (const { logStreamName, fromMs, toMs } of inOrder) {
    if (fromMs < (busyUntilMs.get(logStreamName) ?? 0)) found.push(logStreamName)
    busyUntilMs.set(logStreamName, toMs)
  }
  return found
}
