// The sweep after a real SIGKILL of a real daemon, in every backend; and everything that it must leave alone.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { detect } from '../../src/cgroups/detect.js'
import { readProcess } from '../../src/procfs/process.js'
import {
  bootId,
  identityOf,
  isAlive,
  ownIdentity,
  subtreeName,
} from '../../src/sandbox/identity.js'
import { makeEnvironment, readRecords } from '../../src/sandbox/records.js'
import { sweep } from '../../src/sandbox/sweep.js'
import {
  aliveWith,
  arrangeFactory,
  arrangeSandbox,
  freezing,
  kernelTimers,
  leftFolders,
  temporaryFolder,
  until,
} from './real-sandbox.js'

const doomedDaemon = join(dirname(fileURLToPath(import.meta.url)), 'doomed-daemon.js')
const support = detect()
const timers = kernelTimers
const nothing = { groups: [], environments: [], killed: [], problems: [] }

// What other daemons, dead by now, left on this machine must not be counted in the reports below.
await sweep({ stateDirectory: '/nowhere', support, timers })

interface Daemon {
  readonly child: ChildProcess
  readonly stateDirectory: string
  readonly subtree: string
  readonly logStreamNames: readonly [string, string]
}

let daemons = 0
async function startDaemon(t: Test, backend: string): Promise<Daemon> {
  daemons += 1
  const stateDirectory = temporaryFolder(t)
  const prefix = `sweep-${process.pid}-${daemons}`
  const child = spawn(process.execPath, [doomedDaemon, stateDirectory, backend, prefix], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await sweep({ stateDirectory, support, timers })
  })
  await once(child.stdout, 'data')
  const identity = identityOf(child.pid ?? 0)
  if (identity === undefined) throw new Error('the daemon runs')
  return {
    child,
    stateDirectory,
    subtree: subtreeName(identity),
    logStreamNames: [`${prefix}-running`, `${prefix}-frozen`],
  }
}

for (const backend of freezing) {
  t.test(
    `${backend}: after kill -9 of the daemon the sweep ends and removes all, frozen or not, once`,
    async (t) => {
      const daemon = await startDaemon(t, backend)
      const { stateDirectory, subtree, logStreamNames, child } = daemon
      const alive = () => logStreamNames.flatMap(aliveWith)
      t.equal(alive().length, 6)
      t.ok(leftFolders(support, subtree).length > 0)

      const early = await sweep({ stateDirectory, support, timers })
      t.same(early, nothing, 'a live daemon is left alone')
      t.equal(alive().length, 6)

      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
      const survivors = alive()
      t.equal(survivors.length, 6, 'the environments outlive their daemon')
      const report = await sweep({ stateDirectory, support, timers })
      t.same(alive(), [])
      t.same([...report.killed].sort(), survivors.sort())
      t.same(report.problems, [])
      t.same(report.environments, [...logStreamNames].sort())
      t.ok(report.groups.length > 0)
      t.same(leftFolders(support, subtree), [])
      t.same(readdirSync(join(stateDirectory, 'environments')), [])
      t.same(readdirSync(join(stateDirectory, 'pipes')), [])

      t.same(
        await sweep({ stateDirectory, support, timers }),
        nothing,
        'a second sweep finds nothing',
      )
    },
  )

  t.test(`${backend}: the sweep leaves this daemon's own environments alone`, async (t) => {
    const arranged = await arrangeFactory(t, backend)
    const running = await arrangeSandbox(t, arranged)
    const started = await running.start(['/bin/sleep', '1000'])
    t.same(await sweep({ ...arranged, timers }), nothing)
    t.ok(readProcess(started.pid) !== undefined)
    t.ok(existsSync(running.sandbox.tmpFolder))
  })
}

/** A process that is nobody's environment, to be left alive. */
function startBystander(t: Test, env: Record<string, string> = {}): ChildProcess {
  const child = spawn('/bin/sleep', ['100'], { env, stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

t.test(
  'a recycled pid is never killed: start time and log stream name are of another process',
  async (t) => {
    const stateDirectory = temporaryFolder(t)
    const bystander = startBystander(t)
    const identity = identityOf(bystander.pid ?? 0)
    t.ok(identity !== undefined)
    const startTime = (identity?.startTime ?? 0) - 1
    makeEnvironment(stateDirectory, {
      id: 'old',
      pid: bystander.pid ?? 0,
      startTime,
      logStreamName: `recycled-${process.pid}`,
      daemon: { pid: process.pid, startTime: ownIdentity().startTime - 1 },
      bootId: bootId(),
    })
    const report = await sweep({ stateDirectory, support, timers })
    t.same(report, { ...nothing, environments: ['old'] })
    t.ok(identity !== undefined && isAlive(identity))
  },
)

t.test('a record of another boot names no process of this one', async (t) => {
  const stateDirectory = temporaryFolder(t)
  const bystander = startBystander(t)
  const identity = identityOf(bystander.pid ?? 0)
  if (identity === undefined) throw new Error('the bystander runs')
  makeEnvironment(stateDirectory, {
    id: 'old',
    ...identity,
    logStreamName: `boot-${process.pid}`,
    daemon: ownIdentity(),
    bootId: 'another',
  })
  const report = await sweep({ stateDirectory, support, timers })
  t.same(report, { ...nothing, environments: ['old'] })
  t.ok(isAlive(identity))
})

t.test(
  'a process is found by its log stream name when the daemon died before it wrote down the pid',
  async (t) => {
    const stateDirectory = temporaryFolder(t)
    const logStreamName = `unrecorded-${process.pid}`
    const left = startBystander(t, { AWS_LAMBDA_LOG_STREAM_NAME: logStreamName })
    const other = startBystander(t, { AWS_LAMBDA_LOG_STREAM_NAME: `${logStreamName}0` })
    await until('both have become sleep', () => aliveWith(logStreamName).length === 1)
    const record = { id: 'early', pid: null, startTime: null, logStreamName, bootId: bootId() }
    makeEnvironment(stateDirectory, { ...record, daemon: { pid: process.pid, startTime: 1 } })
    const exited = once(left, 'exit')
    const report = await sweep({ stateDirectory, support, timers })
    t.same(report, { ...nothing, environments: ['early'], killed: [left.pid] })
    t.same(await exited, [null, 'SIGKILL'])
    const bystander = identityOf(other.pid ?? 0)
    t.ok(bystander !== undefined && isAlive(bystander))
  },
)

t.test(
  'unreadable records and folders without one are removed, and groups that are not ours stay',
  async (t) => {
    const stateDirectory = temporaryFolder(t)
    mkdirSync(join(stateDirectory, 'environments', 'half', 'tmp'), { recursive: true })
    writeFileSync(join(stateDirectory, 'environments', 'torn.json'), '{"id": "to')
    const root = support.v2?.root ?? ''
    const foreign = [`not-lambda-emu-1-${process.pid}`, `lambda-emu-x-${process.pid}`]
    for (const name of foreign) {
      mkdirSync(join(root, name))
      t.teardown(() => rmdirSync(join(root, name)))
    }
    const report = await sweep({ stateDirectory, support, timers })
    t.same(report, { ...nothing, environments: ['half', 'torn'] })
    t.same(readRecords(stateDirectory), [])
    for (const name of foreign) t.ok(existsSync(join(root, name)))
  },
)

t.test('the identity of a process is its pid and field 22 of its stat file', async (t) => {
  const own = ownIdentity()
  const text = readFileSync('/proc/self/stat', 'latin1')
  t.same(own, { pid: process.pid, startTime: Number(text.split(') ')[1]?.split(' ')[19]) })
  t.equal(isAlive(own), true)
  t.equal(isAlive({ ...own, startTime: own.startTime + 1 }), false)
  t.equal(identityOf(2 ** 22 + 1), undefined)
  t.match(bootId(), /^[0-9a-f-]{36}$/)
})

t.test('copies of code go with their daemon, and stay while it lives', async (t) => {
  const stateDirectory = temporaryFolder(t)
  const { pid, startTime } = ownIdentity()
  const folder = join(stateDirectory, 'snapshots')
  const names = [`${pid}-${startTime}-1`, `4194303-${startTime}-1`]
  for (const name of names) {
    mkdirSync(join(folder, name, 'below'), { recursive: true })
    writeFileSync(join(folder, name, 'below', 'index.js'), '1')
  }
  t.same((await sweep({ stateDirectory, support, timers })).problems, [])
  t.same(readdirSync(folder), names.slice(0, 1))
})
