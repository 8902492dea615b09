// Every orderly end of a daemon under load, and the violent end of one environment's own processes: nothing is left, nothing else suffers.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { childrenOf, readProcess } from '../../src/procfs/process.js'
import { buildFolder, type Daemon, environmentsAtRest, nowMs, until } from '../support/daemon.js'
import { nodeFunction, projectOf, pythonFunction, temporaryFolder } from '../support/functions.js'
import { draws, load, loadedProject } from './load.js'
import { markName, nameOf, text } from './machine.js'
import { type Place, start } from './moments.js'
import { Traces } from './traces.js'

// Only against hanging.
t.setTimeout(400_000)

const run = promisify(execFile)
let places = 0

function arrange(t: Test, projectWith: (mark: string) => string): Place {
  places += 1
  const mark = `ends-${process.pid}-${places}-${nowMs()}`
  const stateDirectory = temporaryFolder(t)
  const traces = new Traces({ stateDirectory, mark })
  return { project: projectWith(mark), stateDirectory, mark, traces, startMs: 0 }
}

async function startIn(t: Test, place: Place, freeze: 'v2' | 'v1' | 'signal'): Promise<Daemon> {
  const daemon = await start(place, freeze).ready
  t.teardown(() => daemon.stop())
  return daemon
}

const stopVerb = `
const [main, ...words] = process.argv.slice(1)
const cli = await import(main)
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
process.exitCode = await cli.main(words, cli.processTerminal({ sleep }))`

async function runStopVerb(stateDirectory: string): Promise<void> {
  const main = pathToFileURL(join(buildFolder, 'src/cli/main.js')).href
  const node = ['--input-type=module', '-e', stopVerb, '--', main]
  await run(process.execPath, [...node, 'stop', '--state-dir', stateDirectory])
}

const ends = {
  SIGINT: (daemon: Daemon) => daemon.stop('SIGINT'),
  SIGTERM: (daemon: Daemon) => daemon.stop('SIGTERM'),
  SIGHUP: (daemon: Daemon) => daemon.stop('SIGHUP'),
  'lambda-emu stop': async (daemon: Daemon, place: Place) => {
    await runStopVerb(place.stateDirectory)
    return daemon.exited
  },
} as const

const backends = ['v2', 'v1', 'signal', 'v2'] as const

for (const [index, [name, end]] of Object.entries(ends).entries()) {
  t.test(`after ${name} under load nothing is left when the daemon has ended`, async (t) => {
    const place = arrange(t, (mark) => loadedProject(t, mark))
    const daemon = await startIn(t, place, backends[index] ?? 'v2')
    const running = load(daemon, draws(index))
    await until('much is going on', () => running.answered() >= 12)
    place.traces.look()
    const endedAtMs = nowMs()
    t.equal(await end(daemon, place), 0, 'it ends well')
    running.stop()
    const left = place.traces.left()
    t.same(left, [], `in ${(nowMs() - endedAtMs).toFixed(0)} ms`)
    await running.ended
  })
}

t.test('a stop ends 20 environments that are busy, and their callers have answers', async (t) => {
  const place = arrange(t, (mark) => {
    const settings = { memoryMb: 128, timeoutSeconds: 60, environment: { [markName]: mark } }
    return projectOf(t, { sleeper: pythonFunction('sleeper', settings) })
  })
  const daemon = await startIn(t, place, 'v2')
  const calls = Array.from({ length: 20 }, () => daemon.invoke('sleeper', { sleepMs: 50_000 }))
  await until('20 are busy', async () => {
    const all = await daemon.admin.environments()
    return all.filter(({ phase }) => phase === 'busy').length === 20
  })
  const processes = place.traces.look()
  const startedAtMs = nowMs()
  t.equal(await daemon.stop(), 0)
  t.same(
    place.traces.left(),
    [],
    `${processes} processes in ${(nowMs() - startedAtMs).toFixed(0)} ms`,
  )
  const answers = await Promise.all(calls)
  t.same(answers.filter(({ status }) => status === 200 || status >= 500).length, 20)
})

/** The supervisor of an environment and the init of its namespace, above the runtime. */
function aboveRuntime(daemon: Daemon, pids: readonly number[]): { h: number; i: number } {
  const child = readProcess(daemon.pid)
  if (child === undefined) throw new Error('the daemon is there')
  // Below the spawner, or below the daemon itself.
  const below = (pid: number): number[] => {
    const found = readProcess(pid)
    return found === undefined ? [] : childrenOf(found)
  }
  for (const h of childrenOf(child).flatMap((pid) => [pid, ...below(pid)])) {
    const supervisor = readProcess(h)
    const [i] = supervisor === undefined ? [] : childrenOf(supervisor)
    const init = i === undefined ? undefined : readProcess(i)
    if (i === undefined || init === undefined) continue
    if (childrenOf(init).some((runtime) => pids.includes(runtime))) return { h, i }
  }
  throw new Error('every runtime has an init and a supervisor above it')
}

/** Gone, or with SIGKILL (bit 8) pending. */
function hasToDie(pid: number): boolean {
  const status = text(`/proc/${pid}/status`)
  return !/^State:/m.test(status) || /^ShdPnd:\t[\da-f]*[13579bdf][\da-f]{2}$/m.test(status)
}

for (const victim of ['h', 'i'] as const) {
  for (const freeze of ['v2', 'v1', 'signal'] as const) {
    const name = victim === 'h' ? 'supervisor' : 'init'
    t.test(`${freeze}: kill -9 of an environment's ${name} is a crash of it alone`, async (t) => {
      const place = arrange(t, (mark) => {
        const settings = { memoryMb: 128, environment: { [markName]: mark } }
        return projectOf(t, {
          victim: nodeFunction('sleeper', { ...settings, timeoutSeconds: 30 }),
          neighbour: nodeFunction('sleeper', settings),
        })
      })
      const daemon = await startIn(t, place, freeze)
      await daemon.invoke('neighbour', {})
      await daemon.invoke('victim', {})
      const ofVictim = async () => {
        const all = await daemon.admin.environments()
        return all.filter(({ functionName }) => functionName === 'victim')
      }
      const call = daemon.invoke('victim', { sleepMs: 20_000 })
      await until('it is busy', async () => (await ofVictim()).some((one) => one.phase === 'busy'))
      const [busy] = await ofVictim()
      const above = aboveRuntime(daemon, busy?.pids ?? [])
      t.match(nameOf(above[victim]), victim === 'h' ? 'lambda-emu-run' : 'lambda-emu-init')
      process.kill(above[victim], 'SIGKILL')
      const answer = await call
      t.equal(answer.functionError, 'Unhandled')
      t.match(answer.body, { errorType: 'Runtime.ExitError' })
      const again = await daemon.invoke('victim', {})
      t.match(again.body, { invocations: 1 }, `the next one works: ${JSON.stringify(again.body)}`)
      const neighbour = await daemon.invoke('neighbour', {})
      t.match(neighbour.body, { invocations: 2 }, 'the neighbour has noticed nothing')

      await environmentsAtRest(daemon)
      const [frozen] = await ofVictim()
      const runtimes = frozen?.pids ?? []
      process.kill(aboveRuntime(daemon, runtimes)[victim], 'SIGKILL')
      const isReady = async () => (await ofVictim()).some(({ phase }) => phase === 'ready')
      if (victim === 'i' && freeze === 'v1') {
        // The v1 freezer lets nothing die: only the thaw for the next invocation shows that it is dead.
        await until('the kernel has killed the runtime', () => runtimes.every(hasToDie))
        t.match((await daemon.invoke('victim', {})).body, { errorType: 'Runtime.ExitError' })
      } else {
        await until('the daemon knows of it', async () => !(await isReady()))
      }
      const after = await daemon.invoke('victim', {})
      t.match(after.body, { invocations: 1 }, 'killed while frozen, the next one works too')
      t.equal(await daemon.stop(), 0)
      t.same(place.traces.left(), [], 'and nothing is left at the end')
    })
  }
}

t.test(
  'of two daemons side by side one is killed, and the environments of the other live on',
  async (t) => {
    const project = (mark: string) =>
      projectOf(t, {
        node: nodeFunction('sleeper', { environment: { [markName]: mark } }),
        python: pythonFunction('sleeper', { environment: { [markName]: mark } }),
      })
    for (const freeze of ['v2', 'v1', 'signal'] as const) {
      const dying = arrange(t, project)
      const living = arrange(t, project)
      const first = await startIn(t, dying, freeze)
      const second = await startIn(t, living, freeze)
      for (const daemon of [first, second]) {
        await daemon.invoke('node', {})
        await daemon.invoke('python', {})
      }
      const before = await environmentsAtRest(second)
      const busy = second.invoke('python', { sleepMs: 1_500 })
      dying.traces.look()
      const killedAtMs = nowMs()
      process.kill(first.pid, 'SIGKILL')
      const { left, tookMs } = await dying.traces.gone(killedAtMs)
      t.same(left, [], `${freeze}: the one is gone in ${tookMs.toFixed(0)} ms`)
      t.match((await busy).body, { invocations: 2 }, 'what the other was doing goes on')
      t.match((await second.invoke('node', {})).body, { invocations: 2 }, 'and what slept wakes')
      const after = await environmentsAtRest(second)
      t.same(
        after.map(({ pids }) => pids),
        before.map(({ pids }) => pids),
        'in the same processes',
      )
      t.equal(await second.stop(), 0)
      t.same(living.traces.left(), [])
    }
  },
)
