// A small daemon with guardians that a test kills: two environments, one frozen, with the processes that are hardest to end.

import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { detect } from '../../src/cgroups/detect.js'
import type { FreezerBackend } from '../../src/freezer/freezer.js'
import { readProcess } from '../../src/procfs/process.js'
import { startGuardian } from '../../src/sandbox/guardian.js'
import {
  bootId,
  identityOf,
  ownIdentity,
  type ProcessIdentity,
  subtreeName,
} from '../../src/sandbox/identity.js'
import { type EnvironmentRecord, makeEnvironment, writeRecord } from '../../src/sandbox/records.js'
import { kernelTimers } from '../sandbox/real-sandbox.js'

export interface DaemonSpec {
  readonly helper: string
  readonly stateDirectory: string
  readonly freeze: FreezerBackend
  readonly prefix: string
  readonly guardians: number
  /** A folder that is bound below an environment's folder, and must outlive it. */
  readonly precious?: string
}

export interface DaemonReport {
  readonly daemon: ProcessIdentity
  readonly guardians: readonly number[]
  readonly members: readonly ProcessIdentity[]
  readonly ids: readonly string[]
  readonly logStreamNames: readonly string[]
}

// Of another session, an orphan of another session, deaf to SIGTERM, stopped, in flight, without any variable.
const tree = `
import os, signal, time
def stay():
    os.write(1, b'pid %d\\n' % os.getpid())
    signal.alarm(120)
    time.sleep(1000)
if os.fork() == 0: os.setsid(); stay()
if os.fork() == 0:
    if os.fork() == 0: os.setsid(); stay()
    os._exit(0)
os.wait()
if os.fork() == 0: signal.signal(signal.SIGTERM, signal.SIG_IGN); stay()
if os.fork() == 0:
    os.write(1, b'pid %d\\n' % os.getpid())
    os.kill(os.getpid(), signal.SIGSTOP)
    stay()
if os.fork() == 0:
    signal.alarm(60)
    # Each soon forks the next and dies. No faster: every orphan waits for init to reap it.
    while os.fork() == 0:
        signal.alarm(60)
        time.sleep(0.02)
    os._exit(0)
if os.fork() == 0:
    os.write(1, b'pid %d\\n' % os.getpid())
    os.execve('/bin/sleep', ['sleep', '120'], {})
stay()`
const membersOfTree = 6

async function main(spec: DaemonSpec): Promise<void> {
  const { stateDirectory, prefix } = spec
  const daemon = ownIdentity()
  const subtrees = subtreesFor(spec.freeze, daemon)
  for (const folder of subtrees) mkdirSync(folder)
  const guardians = await Promise.all(
    Array.from({ length: spec.guardians }, () =>
      startGuardian({
        helper: spec.helper,
        stateDirectory,
        daemon,
        groupFolders: subtrees,
        factory: 1,
      }),
    ),
  )
  const ids = ['running', 'frozen'].map((state) => `${prefix}-${state}`)
  const environments = ids.map((id) => new Environment(spec, daemon, id, subtrees))
  for (const environment of environments) {
    const root = await environment.start()
    for (const guardian of guardians) guardian.watch(root)
  }
  await environments[1]?.freeze()
  mkdirSync(join(stateDirectory, 'pipes'), { recursive: true })
  const pipe = join(stateDirectory, 'pipes', `${daemon.pid}-${daemon.startTime}-`)
  execFileSync('mkfifo', [`${pipe}1`, `${pipe}2`])
  mount(spec, daemon, ids[0] ?? '')

  const members = environments.flatMap((environment) => environment.members)
  const report: DaemonReport = {
    daemon,
    guardians: guardians.map(({ pid }) => pid),
    members,
    ids,
    logStreamNames: ids.map(streamNameOf),
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== 'close') continue
    await Promise.all(guardians.map((guardian) => guardian.close()))
    process.stdout.write('closed\n')
  }
  // Its test is gone: nobody is left to kill it.
  process.exit()
}

/** With characters that JSON has to escape. */
function streamNameOf(id: string): string {
  return `[$LATEST]"${id}"`
}

/** The folders of this daemon; v1 in several hierarchies, as limits need it. */
function subtreesFor(freeze: FreezerBackend, daemon: ProcessIdentity): string[] {
  const { v2, v1 } = detect()
  const hierarchies = freeze === 'v2' ? [v2] : [v1.freezer, v1.memory, v1.cpu]
  if (freeze === 'signal') return []
  return hierarchies.map((hierarchy) => {
    if (hierarchy?.root === undefined) throw new Error(`${freeze} cannot be had here`)
    return join(hierarchy.root, subtreeName(daemon))
  })
}

/** As the factory makes it, by hand: groups of two levels, a record, a folder, and the tree of processes. */
class Environment {
  members: ProcessIdentity[] = []
  private readonly record: EnvironmentRecord
  private readonly spec: DaemonSpec
  private readonly groups: readonly string[]

  constructor(spec: DaemonSpec, daemon: ProcessIdentity, id: string, subtrees: readonly string[]) {
    const logStreamName = streamNameOf(id)
    this.spec = spec
    this.record = { id, pid: null, startTime: null, logStreamName, daemon, bootId: bootId() }
    this.groups = subtrees.map((subtree) => join(subtree, `1-${id}`))
    makeEnvironment(spec.stateDirectory, this.record)
    for (const group of this.groups) mkdirSync(join(group, 'inner', 'most'), { recursive: true })
  }

  async start(): Promise<ProcessIdentity> {
    const join = 'for procs do echo $$ >"$procs"; done'
    const run = `exec python3 -c '${tree.replaceAll("'", `'"'"'`)}'`
    const innermost = this.groups.map((group) => `${group}/inner/most/cgroup.procs`)
    const child = spawn('/bin/sh', ['-c', `${join}; ${run}`, 'sh', ...innermost], {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', AWS_LAMBDA_LOG_STREAM_NAME: this.record.logStreamName },
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    for await (const line of createInterface({ input: child.stdout })) {
      const member = identityOf(Number(line.slice('pid '.length)))
      if (member !== undefined) this.members.push(member)
      if (this.members.length === membersOfTree) break
    }
    const root = identityOf(child.pid ?? 0)
    if (root === undefined) throw new Error('the tree runs')
    writeRecord(this.spec.stateDirectory, { ...this.record, ...root })
    return root
  }

  async freeze(): Promise<void> {
    const { freeze } = this.spec
    const [first = ''] = this.groups
    if (freeze === 'v2') writeFileSync(join(first, 'cgroup.freeze'), '1')
    else if (freeze === 'v1') writeFileSync(join(first, 'freezer.state'), 'FROZEN')
    else for (const { pid } of this.members) process.kill(pid, 'SIGSTOP')
    while (!this.frozen()) await kernelTimers.sleep(1)
  }

  private frozen(): boolean {
    const { freeze } = this.spec
    const [first = ''] = this.groups
    const text = (file: string) => readFileSync(join(first, file), 'latin1')
    if (freeze === 'v2') return text('cgroup.events').includes('frozen 1')
    if (freeze === 'v1') return text('freezer.state').includes('FROZEN')
    return this.members.every(({ pid }) => readProcess(pid)?.state === 'T')
  }
}

/** One over the other, one in the other, with a space in its name, a storage, and a folder of somebody else. */
function mount(spec: DaemonSpec, daemon: ProcessIdentity, id: string): void {
  if (spec.precious === undefined) return
  const environment = join(spec.stateDirectory, 'environments', id)
  const inner = join(environment, 'tmp', 'with space')
  const bound = join(environment, 'task')
  const storage = join(spec.stateDirectory, 'storage', `${daemon.pid}-${daemon.startTime}-1`)
  for (const folder of [join(environment, 'tmp'), join(environment, 'tmp'), inner, storage]) {
    mkdirSync(folder, { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', folder])
  }
  mkdirSync(bound)
  execFileSync('mount', ['--bind', spec.precious, bound])
}

if (process.argv[2] !== undefined) await main(JSON.parse(process.argv[2]) as DaemonSpec)
