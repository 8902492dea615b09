// The guardian after real deaths of real daemons: everything of the dead one is gone within 2 s, and nothing of anybody else.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { detect } from '../../src/cgroups/detect.js'
import { startGuardian } from '../../src/sandbox/guardian.js'
import { findHelper } from '../../src/sandbox/helper.js'
import {
  bootId,
  identityOf,
  isAlive,
  ownIdentity,
  type ProcessIdentity,
  subtreeName,
} from '../../src/sandbox/identity.js'
import { makeEnvironment, writeRecord } from '../../src/sandbox/records.js'
import { sweep } from '../../src/sandbox/sweep.js'
import {
  aliveWith,
  freezing,
  kernelTimers,
  leftFolders,
  temporaryFolder,
  until,
} from '../sandbox/real-sandbox.js'
import { repositoryRoot } from '../support/paths.js'
import type { DaemonReport, DaemonSpec } from './guarded-daemon.js'

const program = join(dirname(fileURLToPath(import.meta.url)), 'guarded-daemon.js')
const support = detect()
const found = findHelper(repositoryRoot)
if (found === undefined) throw new Error('build the helper first: node scripts/build-helper.js')
const helper = found
/** What the project promises. */
const GONE_WITHIN_MS = 2000

interface Daemon extends DaemonReport {
  readonly child: ChildProcess
  readonly stateDirectory: string
  lines(): Promise<string>
}

let daemons = 0
async function startDaemon(
  t: Test,
  spec: Partial<DaemonSpec> & { readonly freeze: DaemonSpec['freeze'] },
): Promise<Daemon> {
  daemons += 1
  const stateDirectory = spec.stateDirectory ?? temporaryFolder(t)
  const prefix = `guard-${process.pid}-${daemons}`
  const whole: DaemonSpec = { helper, stateDirectory, prefix, guardians: 1, ...spec }
  const child = spawn(process.execPath, [program, JSON.stringify(whole)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => String((await lines.next()).value)
  const report = JSON.parse(await next()) as DaemonReport
  t.teardown(async () => {
    child.kill('SIGKILL')
    await until('the guardians end too', () => !report.guardians.some(isThere))
    for (const point of mountsBelow(stateDirectory)) execFileSync('umount', ['-l', point])
    await sweep({ stateDirectory, support, timers: kernelTimers })
  })
  return { ...report, child, stateDirectory, lines: next }
}

/** The deepest first. */
function mountsBelow(folder: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[4] ?? '').replaceAll('\\040', ' '))
    .filter((point) => point.startsWith(`${folder}/`))
    .sort((left, right) => right.length - left.length)
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

/** Everything that there still is of the daemon, in words. */
function leftOf(daemon: Daemon): string[] {
  const { stateDirectory, members, ids } = daemon
  const identity = `${daemon.daemon.pid}-${daemon.daemon.startTime}-`
  const own = (name: string) =>
    name.startsWith(identity) || ids.some((id) => name === id || name === `${id}.json`)
  const entries = ['environments', 'storage', 'pipes'].flatMap((place) =>
    namesIn(join(stateDirectory, place))
      .filter(own)
      .map((name) => join(place, name)),
  )
  return [
    ...members.filter(isAlive).map(({ pid }) => `process ${pid}`),
    ...leftFolders(support, subtreeName(daemon.daemon)).map((folder) => `group ${folder}`),
    ...mountsBelow(stateDirectory)
      .filter((point) => point.split('/').some(own))
      .map((point) => `mount ${point}`),
    ...entries,
  ]
}

async function killDaemon(daemon: Daemon): Promise<number> {
  const ended = once(daemon.child, 'exit')
  const diedAt = Date.now()
  daemon.child.kill('SIGKILL')
  await ended
  return diedAt
}

/** Waits until nothing is left, and checks that it took no longer than was promised. */
async function allGone(t: Test, daemon: Daemon, diedAt: number): Promise<void> {
  while (leftOf(daemon).length > 0 && Date.now() - diedAt < GONE_WITHIN_MS) {
    await kernelTimers.sleep(2)
  }
  const tookMs = Date.now() - diedAt
  t.same(leftOf(daemon), [], `nothing is left after ${tookMs} ms`)
  t.ok(tookMs < GONE_WITHIN_MS, `gone after ${tookMs} ms`)
  await until('the guardians end too', () => !daemon.guardians.some(isThere))
  t.same(daemon.logStreamNames.flatMap(aliveWith), [], 'nor anybody who never stays the same pid')
}

function isThere(pid: number): boolean {
  const identity = identityOf(pid)
  return identity !== undefined && isAlive(identity)
}

for (const freeze of freezing) {
  t.test(
    `${freeze}: after kill -9 of the daemon no process, group, mount or file is left within 2 s`,
    async (t) => {
      const precious = temporaryFolder(t)
      writeFileSync(join(precious, 'code.js'), 'the only copy')
      const daemon = await startDaemon(t, { freeze, precious })
      t.equal(daemon.members.filter(isAlive).length, 12)
      t.equal(mountsBelow(daemon.stateDirectory).length, 5)
      t.equal(leftFolders(support, subtreeName(daemon.daemon)).length > 0, freeze !== 'signal')
      t.equal(namesIn(join(daemon.stateDirectory, 'pipes')).length, 2)
      await allGone(t, daemon, await killDaemon(daemon))
      t.equal(readFileSync(join(precious, 'code.js'), 'utf8'), 'the only copy')
    },
  )
}

t.test('a guardian is deaf to every signal that ends a daemon, and named in ps', async (t) => {
  const daemon = await startDaemon(t, { freeze: 'v2' })
  const [pid = 0] = daemon.guardians
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGPIPE'] as const) {
    process.kill(pid, signal)
  }
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  t.equal(Number(fields[3]), pid, 'it leads a session of its own')
  // A name of 15 characters is all that the kernel keeps; the whole one is its first word.
  t.match(readFileSync(`/proc/${pid}/stat`, 'latin1'), '(lambda-emu-guar)')
  t.match(readFileSync(`/proc/${pid}/cmdline`, 'latin1'), /^lambda-emu-guard\0guard\0/)
  t.equal(readFileSync(`/proc/${pid}/environ`, 'latin1'), '')
  t.same(readdirSync(`/proc/${pid}/fd`).sort(), ['0', '1', '2', '3'], 'the fourth is the daemon')
  t.same(
    daemon.members.filter((member) => !isAlive(member)),
    [],
  )
  await allGone(t, daemon, await killDaemon(daemon))
})

t.test('after bye a guardian leaves at once and everything lives on', async (t) => {
  const daemon = await startDaemon(t, { freeze: 'v2', guardians: 2 })
  const before = leftOf(daemon)
  daemon.child.stdin?.write('close\n')
  t.equal(await daemon.lines(), 'closed')
  t.same(daemon.guardians.filter(isThere), [])
  t.same(leftOf(daemon), before)
  await killDaemon(daemon)
  t.same(leftOf(daemon), before, 'nobody is left to notice')
})

t.test('two guardians of one daemon do the same work side by side', async (t) => {
  for (const freeze of freezing) {
    const daemon = await startDaemon(t, { freeze, guardians: 2, precious: temporaryFolder(t) })
    await allGone(t, daemon, await killDaemon(daemon))
  }
})

t.test('guardian and sweep of the next start may run at the same time', async (t) => {
  for (const freeze of freezing) {
    const daemon = await startDaemon(t, { freeze })
    const { stateDirectory } = daemon
    const diedAt = await killDaemon(daemon)
    const report = await sweep({ stateDirectory, support, timers: kernelTimers })
    t.same(report.problems, [])
    await allGone(t, daemon, diedAt)
  }
})

t.test('when the guardian is killed too, the sweep of the next start removes all', async (t) => {
  for (const freeze of freezing) {
    const daemon = await startDaemon(t, { freeze })
    for (const pid of daemon.guardians) process.kill(pid, 'SIGKILL')
    await killDaemon(daemon)
    t.equal(daemon.members.filter(isAlive).length, 12, 'nobody ended them')
    const { stateDirectory } = daemon
    const report = await sweep({ stateDirectory, support, timers: kernelTimers })
    t.same(report.problems, [])
    t.same(leftOf(daemon), [])
  }
})

t.test('another daemon with the same state directory keeps all that it has', async (t) => {
  for (const freeze of freezing) {
    const stateDirectory = temporaryFolder(t)
    const precious = temporaryFolder(t)
    const dying = await startDaemon(t, { freeze, stateDirectory, precious })
    const living = await startDaemon(t, { freeze, stateDirectory, precious })
    const before = leftOf(living)
    t.equal(before.length > 12, true)
    await allGone(t, dying, await killDaemon(dying))
    t.same(leftOf(living), before)
  }
})

/** A guardian by hand: of a daemon that died long ago, or of this very process. */
interface Hand {
  readonly child: ChildProcess
  readonly ended: Promise<unknown[]>
  /** Writes these bytes and closes the pipe. */
  end(text: string): void
}

async function guardByHand(
  t: Test,
  stateDirectory: string,
  options: {
    readonly daemon?: ProcessIdentity
    readonly more?: readonly string[]
    readonly program?: string
    readonly user?: number
  } = {},
): Promise<Hand> {
  const { daemon = longDead, more = ['--factory', '1'], user } = options
  const identity = ['--daemon', String(daemon.pid), String(daemon.startTime)]
  const child = spawn(
    options.program ?? helper,
    ['guard', '--state', stateDirectory, ...identity, ...more],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(user === undefined ? {} : { uid: user, gid: user }),
    },
  )
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'exit')
  await Promise.race([once(child.stdout, 'data'), ended])
  // It may be done before it is told that nothing more comes.
  return { child, ended, end: (text) => child.stdin.on('error', () => {}).end(text) }
}

const longDead: ProcessIdentity = { pid: process.pid, startTime: ownIdentity().startTime - 1 }

async function startSleeper(t: Test, env: Record<string, string> = {}): Promise<ProcessIdentity> {
  const stdio = ['ignore', 'pipe', 'ignore'] as const
  const child = spawn('/bin/sh', ['-c', 'echo up; exec sleep 100'], { env, stdio: [...stdio] })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  const identity = identityOf(child.pid ?? 0)
  if (identity === undefined) throw new Error('the sleeper runs')
  return identity
}

t.test('only whole lines of the daemon count, and only for that very process', async (t) => {
  const stateDirectory = temporaryFolder(t)
  const sleepers = await Promise.all(Array.from({ length: 6 }, () => startSleeper(t)))
  const [gone, again, later, torn, wrong, killed] = sleepers as [
    ProcessIdentity,
    ProcessIdentity,
    ProcessIdentity,
    ProcessIdentity,
    ProcessIdentity,
    ProcessIdentity,
  ]
  const line = ({ pid, startTime }: ProcessIdentity) => `pid ${pid} ${startTime}`
  const guard = await guardByHand(t, stateDirectory)
  guard.end(
    [
      `${line(gone)}\ngone ${gone.pid}\n`,
      `${line(again)}\n${line({ ...again, startTime: again.startTime + 1 })}\n`,
      `pid ${later.pid}\npid ${later.pid} \npid ${later.pid} 1x\npid -1 1\npid 0 0\npid 1 0\n`,
      `${'x'.repeat(5000)}${line(later)}\n`,
      `pid ${wrong.pid} ${wrong.startTime - 1}\n`,
      `${line(killed)}\n`,
      line(torn),
    ].join(''),
  )
  t.same(await guard.ended, [0, null])
  t.same(sleepers.map(isAlive), [true, true, true, true, true, false])
})

t.test('bye counts wherever the bytes are cut', async (t) => {
  const stateDirectory = temporaryFolder(t)
  const sleeper = await startSleeper(t)
  const guard = await guardByHand(t, stateDirectory)
  const text = `pid ${sleeper.pid} ${sleeper.startTime}\nbye\n`
  for (const byte of text) {
    await new Promise((resolve) => guard.child.stdin?.write(byte, resolve))
  }
  t.same(await guard.ended, [0, null])
  t.ok(isAlive(sleeper))
})

t.test('a group that does not carry the name of its daemon is refused', async (t) => {
  const stateDirectory = temporaryFolder(t)
  for (const folder of ['/sys/fs/cgroup/unified', '/', `/x/${subtreeName(ownIdentity())}`]) {
    const more = ['--factory', '1', '--group', folder]
    const guard = await guardByHand(t, stateDirectory, { more })
    t.same(await guard.ended, [125, null], folder)
  }
  for (const more of [[], ['--factory', 'x'], ['--factory'], ['--no-such-option', '1']]) {
    const guard = await guardByHand(t, stateDirectory, { more })
    t.same(await guard.ended, [125, null], more.join(' '))
  }
})

t.test('a guardian that cannot start is an error, and one that is gone a silent one', async (t) => {
  const stateDirectory = temporaryFolder(t)
  const options = { stateDirectory, daemon: ownIdentity(), groupFolders: [], factory: 1 }
  await t.rejects(startGuardian({ ...options, helper: '/no/such/helper' }), /ENOENT/)
  await t.rejects(startGuardian({ ...options, helper: '/bin/false' }), /ended with 1/)
  const guardian = await startGuardian({ ...options, helper })
  let ended = false
  void guardian.ended.then(() => {
    ended = true
  })
  process.kill(guardian.pid, 'SIGKILL')
  await until('its end is told', () => ended)
  guardian.watch(ownIdentity())
  guardian.forget(process.pid)
  await guardian.close()
  await guardian.close()
})

t.test(
  'a process whose emulator is stopped ends by itself: the guardian holds nobody',
  async (t) => {
    const module = new URL('../../src/sandbox/guardian.js', import.meta.url).href
    const options = { helper, stateDirectory: temporaryFolder(t), groupFolders: [], factory: 1 }
    const daemon = { pid: 2, startTime: 1 }
    const script = `
    const { startGuardian } = await import(${JSON.stringify(module)})
    const guardian = await startGuardian(${JSON.stringify({ ...options, daemon })})
    console.log(guardian.pid)`
    const words = ['--input-type=module', '-e', script]
    const pid = Number(execFileSync(process.execPath, words, { encoding: 'utf8', timeout: 20_000 }))
    t.ok(pid > 1)
    await until('it has seen the end of its daemon', () => !isThere(pid))
  },
)

t.test(
  'while the process lives, the end of one emulator costs only the groups of that one',
  async (t) => {
    const root = support.v2?.root ?? ''
    const subtree = join(root, subtreeName(ownIdentity()))
    const groups = ['901-a', '9010-a', '902-a'].map((name) => join(subtree, name))
    for (const folder of groups) mkdirSync(folder, { recursive: true })
    const sleepers = await Promise.all(groups.map(() => startSleeper(t)))
    for (const [index, { pid }] of sleepers.entries()) {
      writeFileSync(join(groups[index] ?? '', 'cgroup.procs'), String(pid))
    }
    const stateDirectory = temporaryFolder(t)
    const daemon = ownIdentity()
    const record = { id: 'e1', pid: null, startTime: null, logStreamName: 'x', bootId: bootId() }
    makeEnvironment(stateDirectory, { ...record, daemon })
    const more = ['--factory', '901', '--group', subtree]
    const guard = await guardByHand(t, stateDirectory, { daemon, more })
    guard.end('')
    await until('the group of its factory is gone', () => !existsSync(groups[0] ?? ''))
    t.same(sleepers.map(isAlive), [false, true, true])
    t.same(groups.map(existsSync), [false, true, true])
    t.equal(existsSync(join(stateDirectory, 'environments', 'e1.json')), true)
    guard.child.kill('SIGKILL')
    await guard.ended
    for (const { pid } of sleepers.slice(1)) process.kill(pid, 'SIGKILL')
    await until('the others can be removed', () => {
      try {
        for (const folder of groups.slice(1)) if (existsSync(folder)) rmdirSync(folder)
        rmdirSync(subtree)
        return true
      } catch {
        return false
      }
    })
  },
)

function recordOf(id: string, daemon: ProcessIdentity = longDead) {
  return { id, pid: null, startTime: null, logStreamName: id, daemon, bootId: bootId() }
}

t.test('a folder is emptied however deep, and never through a link', async (t) => {
  const stateDirectory = temporaryFolder(t)
  const precious = temporaryFolder(t)
  writeFileSync(join(precious, 'kept'), '')
  makeEnvironment(stateDirectory, recordOf('e1'))
  const tmp = join(stateDirectory, 'environments/e1/tmp')
  mkdirSync(tmp, { recursive: true })
  symlinkSync(precious, join(tmp, 'link'))
  symlinkSync(precious, join(stateDirectory, 'environments/e2'))
  writeRecord(stateDirectory, recordOf('e2'))
  const deep = 'import os\nfor _ in range(300): os.mkdir("d"); open("f", "w"); os.chdir("d")'
  execFileSync('python3', ['-c', deep], { cwd: tmp })
  const guard = await guardByHand(t, stateDirectory)
  guard.end('')
  await until('the deep folder is gone', () => !existsSync(`${tmp}/..`))
  t.same(await guard.ended, [0, null])
  t.same(namesIn(join(stateDirectory, 'environments')), [])
  t.same(readdirSync(precious), ['kept'])
})

t.test('an ordinary user removes folders that nobody may enter', async (t) => {
  const user = 65534
  const folder = temporaryFolder(t)
  const stateDirectory = join(folder, 'state')
  const copy = join(folder, 'lambda-emu-helper')
  copyFileSync(helper, copy)
  chmodSync(copy, 0o755)
  chmodSync(folder, 0o755)
  makeEnvironment(stateDirectory, recordOf('e1'))
  const closed = ['', 'a', 'a/b', 'c'].map((name) =>
    join(stateDirectory, 'environments/e1/tmp', name),
  )
  for (const path of closed) {
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'file'), '')
  }
  const everything = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  for (const name of everything) chownSync(join(folder, name), user, user)
  for (const path of closed.reverse()) chmodSync(path, path.endsWith('c') ? 0o500 : 0)
  const guard = await guardByHand(t, stateDirectory, { program: copy, user })
  guard.end('')
  t.same(await guard.ended, [0, null])
  t.same(namesIn(join(stateDirectory, 'environments')), [])
})

t.test('records are read as JSON: strange ones of the daemon go, all others stay', async (t) => {
  const stateDirectory = temporaryFolder(t)
  const environments = join(stateDirectory, 'environments')
  const sleepers: ProcessIdentity[] = []
  for (const name of ['"\\/\b\f\n\r\t\u0001', 'ä€😀\u2028', 'plain']) {
    sleepers.push(await startSleeper(t, { AWS_LAMBDA_LOG_STREAM_NAME: name }))
    makeEnvironment(stateDirectory, { ...recordOf(`own${sleepers.length}`), logStreamName: name })
  }
  const own = recordOf('x')
  const write = (id: string, text: string) => writeFileSync(join(environments, `${id}.json`), text)
  write('escaped', JSON.stringify({ ...own, logStreamName: 'ä😀' }).replace('ä', '\\u00e4'))
  write('nested', JSON.stringify({ ...own, more: [{ daemon: [[{}]], a: '}"]' }, null, -1.5e3] }))
  write('spaced', JSON.stringify({ daemon: own.daemon, bootId: own.bootId }, null, 2))
  writeFileSync(join(environments, 'unborn.json.new'), JSON.stringify(own))
  const templates = join(stateDirectory, 'storage', 'templates')
  mkdirSync(templates, { recursive: true })
  writeFileSync(join(templates, `${longDead.pid}-${longDead.startTime}-7.new`), '')
  writeFileSync(join(templates, `${longDead.pid}-${longDead.startTime}0-7.new`), '')
  writeFileSync(join(templates, 'ext4-1-512.image'), '')
  const whole = JSON.stringify({ ...own, more: { a: [1, { b: 'c\\' }] } })
  const kept: Record<string, string> = {
    boot: JSON.stringify({ ...own, bootId: 'another' }),
    pid: JSON.stringify({ ...own, daemon: { ...own.daemon, pid: own.daemon.pid + 1 } }),
    start: JSON.stringify({ ...own, daemon: ownIdentity() }),
    fraction: whole.replace(`${own.daemon.startTime}`, `${own.daemon.startTime}.5`),
    huge: whole.replace(`${own.daemon.startTime}`, '184467440737095516160'),
    large: JSON.stringify({ ...own, filler: 'x'.repeat(70_000) }),
    nul: whole.replace('"x"', '"\\u0000"'),
    deep: `${whole.slice(0, -1)},"deep":${'['.repeat(60_000)}}`,
    list: `[${whole}]`,
    two: `${whole}${whole}`,
  }
  for (let length = 0; length < whole.length; length++)
    kept[`cut${length}`] = whole.slice(0, length)
  for (const [id, text] of Object.entries(kept)) write(id, text)
  mkdirSync(join(environments, 'folder.json'))
  const names = Object.keys(kept).map((id) => `${id}.json`)
  const guard = await guardByHand(t, stateDirectory)
  guard.end('')
  t.same(await guard.ended, [0, null])
  t.same(namesIn(environments).sort(), [...names, 'folder.json'].sort())
  t.same(
    namesIn(templates).sort(),
    [`${longDead.pid}-${longDead.startTime}0-7.new`, 'ext4-1-512.image'].sort(),
  )
  t.same(sleepers.map(isAlive), [false, false, false])
})
