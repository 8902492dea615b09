// What a function meets in the mode that this runs in, row by row, and whether `lambda-emu doctor` says the same. See expectations.ts.

import { execFile } from 'node:child_process'
import { existsSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import type { EnvironmentSummary } from '../../src/admin/contract.js'
import { readProcess } from '../../src/procfs/process.js'
import { identityOf, type ProcessIdentity } from '../../src/sandbox/identity.js'
import {
  type Answer,
  buildFolder,
  type Daemon,
  environmentsAtRest,
  launch,
  startDaemon,
  until,
} from '../support/daemon.js'
import { nodeFunction, projectOf, temporaryFolder } from '../support/functions.js'
import { writeProject } from '../support/in-process.js'
import { mode } from '../support/modes.js'
import { type Behaviour, expectedIn, rows } from './expectations.js'
import { functions } from './functions.js'
import {
  frozenBy,
  groupsOf,
  hasQuota,
  isAlive,
  listeningPorts,
  memoryLimitMb,
  tasksMax,
} from './outside.js'

// Only against hanging.
t.setTimeout(400_000)

const secret = `secret-of-the-daemon-${process.pid}`
const observed = new Map<Behaviour, string>()

/** Compares with the table, and keeps what was seen for the table of all modes. */
function observe(t: Test, behaviour: Behaviour, value: string, figures = ''): void {
  const row = rows.find((each) => each.behaviour === behaviour)
  if (row === undefined) throw new Error(`there is no row ${behaviour}`)
  observed.set(behaviour, value)
  const { value: expected, why } = expectedIn(row, mode.name)
  const reason = why === '' ? '' : ` (${why})`
  t.equal(value, expected, `${behaviour}: ${expected}${reason}${figures && `; ${figures}`}`)
}

async function start(t: Test): Promise<Daemon> {
  const project = temporaryFolder(t)
  writeProject(project, functions)
  const stateDirectory = temporaryFolder(t)
  return startDaemon(t, { project, stateDirectory, variables: { LAMBDA_EMU_CANARY: secret } })
}

/** Asks a function that looks around. */
async function ask<Result>(
  daemon: Daemon,
  what: string,
  more: object = {},
  functionName = 'looks',
): Promise<Result> {
  const { body, functionError } = await daemon.invoke(functionName, { do: what, ...more })
  if (functionError !== undefined) throw new Error(`${what}: ${JSON.stringify(body)}`)
  return body as Result
}

async function environmentOf(daemon: Daemon, functionName: string): Promise<EnvironmentSummary> {
  const all = await daemon.admin.environments()
  const found = all.find((each) => each.functionName === functionName)
  if (found === undefined) throw new Error(`${functionName} has an environment`)
  return found
}

async function reportOf(daemon: Daemon, { requestId }: Answer): Promise<string> {
  const sign = `REPORT RequestId: ${requestId}`
  const find = () => daemon.logs.find(({ message }) => message.startsWith(sign))
  await until('the REPORT is here', () => find() !== undefined)
  return find()?.message ?? ''
}

async function maxMemoryUsedMb(daemon: Daemon, answer: Answer): Promise<number> {
  const report = await reportOf(daemon, answer)
  return Number(/Max Memory Used: (\d+) MB/.exec(report)?.[1])
}

t.test('between requests it stands still', async (t) => {
  const project = projectOf(t, { ticker: nodeFunction('ticker', { timeoutSeconds: 30 }) })
  const daemon = await startDaemon(t, { project, stateDirectory: temporaryFolder(t) })
  await daemon.invoke('ticker', { sleepMs: 500 })
  await environmentsAtRest(daemon)
  let how: string | undefined
  await until('the kernel has stopped it', async () => {
    how = frozenBy(await environmentOf(daemon, 'ticker'))
    return how !== undefined
  })
  observe(t, 'frozen by', how ?? 'nothing')
  const { tmpFolder = '' } = await environmentOf(daemon, 'ticker')
  const ticks = () =>
    ['own', 'setsid', 'double'].map(
      (name) => readFileSync(join(tmpFolder, `ticks-${name}`), 'latin1').split('\n').length - 1,
    )
  const before = ticks()
  // The wait is the point: whatever could run in it would.
  await sleep(1_000)
  const after = ticks()
  const still = after.join() === before.join() && before.every((count) => count > 0)
  observe(t, 'while frozen', still ? 'nothing runs' : `ticks ${before} became ${after}`)
})

t.test('a thaw is noticed or not', async (t) => {
  const daemon = await start(t)
  let continued: unknown
  for (let call = 0; call < 3; call += 1) {
    continued = (await daemon.invoke('continues', {})).body
    await environmentsAtRest(daemon)
    await until('it is stopped', async () => {
      return frozenBy(await environmentOf(daemon, 'continues')) !== undefined
    })
  }
  const value = Number(continued) > 0 ? 'is called' : 'is not called'
  observe(t, 'a handler of SIGCONT at the thaw', value, `${continued} times`)
})

t.test('it has the CPU that its memory buys', async (t) => {
  const daemon = await start(t)
  const sizes = [256, 512] as const
  // Past the start, which is not limited.
  await Promise.all(sizes.map((size) => daemon.invoke(`spins${size}`, { forMs: 500 })))
  const kept = hasQuota(await environmentOf(daemon, 'spins256'))
  const answers = await Promise.all(
    sizes.map((size) => daemon.invoke(`spins${size}`, { forMs: 3_000 })),
  )
  const off = answers.map(({ body }, index) => (Number(body) * 1769) / (sizes[index] ?? 0) - 1)
  const tolerance = kept ? 0.12 : 0.2
  const held = off.every((each) => Math.abs(each) <= tolerance)
  observe(t, 'CPU given out by', kept ? 'quota' : held ? 'duty-cycle' : 'none')
  for (const [index, size] of sizes.entries()) {
    const percent = 100 * (off[index] ?? 1)
    const value = Math.abs(percent) <= 100 * tolerance ? 'its share' : `${percent.toFixed(1)} % off`
    observe(t, `CPU at ${size} MB`, value, `${percent.toFixed(1)} %`)
  }
})

t.test('it has the memory that it was given', async (t) => {
  const daemon = await start(t)
  await daemon.invoke('burns', { mb: 1, seconds: 0 })
  const environment = await environmentOf(daemon, 'burns')
  const limited = memoryLimitMb(environment) === 256
  const tasks = tasksMax(environment) === '1024' ? 'cgroup' : 'none'
  observe(t, 'processes limited by', tasks)

  const over = await daemon.invoke('burns', { mb: 1_024 })
  const { errorMessage } = over.body as { readonly errorMessage?: string }
  const killed = /signal: killed$/.exec(errorMessage ?? '')?.[0] ?? `${errorMessage}`
  const type = /Error Type: ([\w.]+)/.exec(await reportOf(daemon, over))?.[1]
  observe(t, '1 GB at 256 MB', `${killed}, ${type}`)
  const ended = type === 'Runtime.OutOfMemory'
  observe(t, 'memory limited by', limited ? 'cgroup' : ended ? 'sampled' : 'none')
  const after = await daemon.invoke('burns', { mb: 1, seconds: 0 })
  t.equal(after.functionError, undefined, 'the next one is served')

  const idle = await daemon.invoke('resident', {})
  const residentMb = Number(idle.body) / 1_048_576
  const usedMb = await maxMemoryUsedMb(daemon, idle)
  const near = Math.abs(usedMb - residentMb) <= 0.3 * residentMb
  const figures = `${usedMb} MB, of ${residentMb.toFixed(0)} MB resident`
  observe(t, 'Max Memory Used of an idle Node', near ? 'what is resident' : figures, figures)

  const beforeMb = await maxMemoryUsedMb(daemon, await daemon.invoke('holds', { mb: 0 }))
  const moreMb =
    (await maxMemoryUsedMb(daemon, await daemon.invoke('holds', { mb: 100 }))) - beforeMb
  const more = Math.abs(moreMb - 100) <= 10 ? '100 MB more' : `${moreMb} MB more`
  observe(t, 'Max Memory Used with 100 MB more', more, `${moreMb} MB`)
})

interface Identity {
  readonly uid: number
  readonly noNewPrivs: string
  readonly namespaces: { readonly mnt: string; readonly user: string; readonly pid: string }
}

function namespacesOf({ namespaces }: Identity, own: Identity['namespaces']): string {
  if (namespaces.mnt === own.mnt && namespaces.pid === own.pid) return 'none'
  if (namespaces.mnt === own.mnt || namespaces.pid === own.pid) return 'some'
  return namespaces.user === own.user ? 'namespaces' : 'user-namespaces'
}

t.test('it sees what it may see', async (t) => {
  const canary = join(process.env.HOME ?? '/', `.lambda-emu-canary-${process.pid}`)
  writeFileSync(canary, secret, { mode: 0o600 })
  t.teardown(() => rmSync(canary, { force: true }))
  const daemon = await start(t)

  const identity = await ask<Identity>(daemon, 'identity')
  observe(t, 'file system of', namespacesOf(identity, ownNamespaces()))
  const isOwn = identity.uid >= 1_879_100_000
  const daemons = identity.uid === process.getuid?.()
  const uid = isOwn ? 'its own' : daemons ? "the daemon's" : `${identity.uid}`
  observe(t, 'user id', uid, `${identity.uid}`)
  observe(t, 'no_new_privs', identity.noNewPrivs === '1' ? 'set' : 'not set')

  const [{ highest, refused }, task, home, environs, sees] = [
    await ask<{ highest: number; refused: string }>(daemon, 'descriptors'),
    await ask<string | null>(daemon, 'write_task'),
    await ask<string | null>(daemon, 'read_file', { path: canary }),
    await ask<number>(daemon, 'environs', { secret }),
    await ask<boolean>(daemon, 'sees_process', { ...identityOf(daemon.pid) }),
  ]
  observe(t, 'descriptors', `${refused === 'EMFILE' ? highest + 1 : 'no end'}`)
  observe(t, 'task root', task === null ? 'writable' : 'read-only', `${task}`)
  observe(t, 'HOME of the user', home === null ? 'readable' : 'hidden', `${home}`)
  observe(t, 'variables of the daemon', environs > 0 ? 'readable' : 'hidden')
  observe(t, 'processes that it sees', sees ? 'all' : 'its own')

  const { pids } = await environmentOf(daemon, 'looks')
  const parent = readProcess(pids[0] ?? 0)?.parentPid
  observe(t, 'started by the helper', parent === daemon.pid ? 'no' : 'yes')
})

function ownNamespaces(): Identity['namespaces'] {
  const read = (name: string) => readlinkSync(`/proc/self/ns/${name}`)
  return { mnt: read('mnt'), user: read('user'), pid: read('pid') }
}

t.test('it cannot speak for another environment, as far as the mode can help it', async (t) => {
  const daemon = await start(t)
  await ask(daemon, 'identity')
  const before = new Set(listeningPorts(daemon.pid))
  await ask(daemon, 'identity', {}, 'other')
  const [port, ...more] = listeningPorts(daemon.pid).filter((each) => !before.has(each))
  t.same(more, [], 'one more listener for one more environment')
  const answer = await ask<string | number>(daemon, 'ping', { port })
  const closedBy = answer === 'EPERM' ? 'bpf' : answer === 403 ? 'host-name' : 'none'
  observe(t, "another environment's Runtime API closed by", closedBy, `${answer}`)
})

t.test('it has a /tmp', async (t) => {
  const daemon = await start(t)
  const name = `lambda-emu-modes-${process.pid}`
  t.teardown(() => rmSync(join('/tmp', name), { force: true }))
  await ask(daemon, 'put', { name })
  const seen = await ask<{ literal: boolean; asked: boolean }>(daemon, 'seen', { name }, 'other')
  const shared = seen.literal ? "the machine's; its own by TMPDIR" : 'its own'
  observe(t, '/tmp', seen.asked ? 'shared' : shared)

  const { id, tmpFolder = '' } = await environmentOf(daemon, 'other')
  t.ok(existsSync(tmpFolder), 'while it lives its folder is there')
  await daemon.admin.act('expire', id)
  await until('it is gone', async () => {
    return !(await daemon.admin.environments()).some((each) => each.id === id)
  })
  observe(t, '/tmp of an ended environment', existsSync(tmpFolder) ? 'there' : 'gone')

  const refused = await ask<string | null>(daemon, 'fill', { mb: 600 })
  observe(t, '/tmp is', refused === 'ENOSPC' ? 'loop' : 'folder')
  const warned = () => daemon.journal.filter(({ kind }) => kind === 'environment.tmp-overfull')
  if (refused === null) {
    await until('it is warned of', () => warned().length > 0)
    // Time for a second look, which must find that the first one has been told.
    await sleep(1_100)
    await ask(daemon, 'identity')
    await ask(daemon, 'identity')
    t.match(warned()[0], { functionName: 'looks', usedMb: 600, sizeMb: 512 })
  }
  const times = warned().length === 1 ? 'once' : `${warned().length} times`
  const value = refused ?? `written, and warned of ${times}`
  observe(t, '600 MB in a /tmp of 512 MB', value)
})

t.test('a timeout ends all of it', async (t) => {
  const daemon = await start(t)
  const call = daemon.invoke('leaves', { hang: true })
  let left: readonly ProcessIdentity[] = []
  await until('the runtime and its two children run', async () => {
    const all = await daemon.admin.environments()
    left = all.flatMap(({ pids }) => pids.flatMap((pid) => identityOf(pid) ?? []))
    return left.length === 3
  })
  const { body } = await call
  t.match(body, { errorType: 'Sandbox.Timedout' })
  const kept = await daemon.invoke('leaves', { read: true })
  const alive = left.filter(isAlive)
  observe(t, 'what it left running at a timeout', alive.length === 0 ? 'dead' : 'alive')
  observe(t, '/tmp after a timeout', kept.body === true ? 'kept' : 'new')
})

async function isWithin(limitMs: number, holds: () => boolean): Promise<boolean> {
  const fromMs = performance.now()
  while (!holds()) {
    if (performance.now() - fromMs > limitMs) return false
    await sleep(5)
  }
  return true
}

t.test('a killed daemon leaves nothing', async (t) => {
  const project = temporaryFolder(t)
  writeProject(project, functions)
  const stateDirectory = temporaryFolder(t)
  const daemon = await launch({ project, stateDirectory })
  const identity = identityOf(daemon.pid)
  if (identity === undefined) throw new Error('the daemon runs')
  await Promise.all([daemon.invoke('leaves', {}), daemon.invoke('looks', { do: 'identity' })])
  const environments = await environmentsAtRest(daemon)
  const left = environments.flatMap(({ pids }) => pids.flatMap((pid) => identityOf(pid) ?? []))
  t.equal(left.length, 4, 'two runtimes, and two that one of them has left')
  await daemon.kill9()
  const remains = () => [
    ...left.filter(isAlive).map(({ pid }) => pid),
    ...environments.map(({ tmpFolder = '' }) => tmpFolder).filter((each) => existsSync(each)),
    ...groupsOf(identity),
  ]
  const cleaned = await isWithin(2_000, () => remains().length === 0)
  observe(t, 'cleaned within 2 s of kill -9 of the daemon', cleaned ? 'yes' : 'no', `${remains()}`)
  await startDaemon(t, { project, stateDirectory })
  const rest = remains()
  const value = rest.length === 0 ? 'nothing is left' : `left: ${rest}`
  observe(t, 'after kill -9, at the latest at the next start', value)
})

t.test('doctor says in every line what was seen', async (t) => {
  const main = pathToFileURL(join(buildFolder, 'src/cli/main.js')).href
  const program = `const cli = await import(${JSON.stringify(main)})
process.exitCode = await cli.main(['doctor', '--json'], cli.processTerminal({ sleep: () => {} }))`
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program])
  const { abilities } = (
    JSON.parse(stdout) as { data: { abilities: Record<string, { choice: string }> } }
  ).data
  const told = rows.filter((row) => 'ability' in row)
  t.same(told.map(({ ability }) => ability).sort(), Object.keys(abilities).sort(), 'all its lines')
  for (const row of told) {
    const { value, diagnosed } = expectedIn(row, mode.name)
    const seen = observed.get(row.behaviour)
    // An option of `start` is nothing that it knows of; else what was seen itself is what it has to say.
    const due = value === diagnosed ? seen : diagnosed
    t.equal(abilities[row.ability]?.choice, due, `${row.ability}: ${due}`)
  }
})

t.test('every row of the table was looked at', (t) => {
  const missing = rows.filter(({ behaviour }) => !observed.has(behaviour))
  t.same(
    missing.map(({ behaviour }) => behaviour),
    [],
  )
  const report = process.env.LAMBDA_EMU_TEST_REPORT
  const seen = rows.map((row) => ({
    behaviour: row.behaviour,
    value: observed.get(row.behaviour),
    why: expectedIn(row, mode.name).why,
  }))
  if (report !== undefined) writeFileSync(report, JSON.stringify(seen))
  t.end()
})
