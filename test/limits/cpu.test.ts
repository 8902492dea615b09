// CPU by memory, through the whole daemon: the law of MB/1769, between freezes too, no throttling of init, and how many CPUs show.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, watch, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { limitFiles } from '../../src/cgroups/group-limits.js'
import { parseHierarchyMounts } from '../../src/cgroups/mounts.js'
import { type Daemon, environmentsAtRest, nowMs, until } from '../support/daemon.js'
import { inRounds, median, reportOf, startWritten, undisturbed } from './stage.js'

// Only against hanging.
t.setTimeout(900_000)

const MB_PER_CPU = 1_769

/** Spins in so many threads for so long; tells what CPU time the process got in what time. */
const spins = `
const { Worker } = require('node:worker_threads')
const spin = (untilMs) => { while (Date.now() < untilMs); }
exports.handler = async ({ wallMs, threads }) => {
  const code = 'const { workerData } = require("node:worker_threads"); (' + spin + ')(workerData)'
  const startedAtMs = performance.now()
  const before = process.cpuUsage()
  const untilMs = Date.now() + wallMs
  const others = Array.from({ length: threads - 1 }, () => {
    const worker = new Worker(code, { eval: true, workerData: untilMs })
    return new Promise((resolve) => worker.once('exit', resolve))
  })
  // A worker is up only when this thread has answered it.
  if (others.length > 0) await new Promise((resolve) => setTimeout(resolve, 100))
  spin(untilMs)
  await Promise.all(others)
  const { user, system } = process.cpuUsage(before)
  return { cpuMs: (user + system) / 1000, wallMs: performance.now() - startedAtMs }
}`

const spinsFiveMs = `
exports.handler = async () => {
  const before = process.cpuUsage()
  for (;;) {
    const { user, system } = process.cpuUsage(before)
    if (user + system >= 5000) return user + system
  }
}`

const spinsAtInit = `
const before = process.cpuUsage()
for (;;) {
  const { user, system } = process.cpuUsage(before)
  if (user + system >= 300_000) break
}
exports.handler = async () => 'ready'`

interface Share {
  readonly cpuMs: number
  readonly wallMs: number
}

/** One thread that nothing limits, as a process of its own. */
async function unlimited(wallMs: number): Promise<Share> {
  const program = `const startedAtMs = performance.now()
    const before = process.cpuUsage()
    while (performance.now() - startedAtMs < ${wallMs});
    const { user, system } = process.cpuUsage(before)
    console.log(JSON.stringify({
      cpuMs: (user + system) / 1000, wallMs: performance.now() - startedAtMs }))`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const parts: Buffer[] = []
  child.stdout.on('data', (part: Buffer) => parts.push(part))
  await once(child, 'close')
  return JSON.parse(Buffer.concat(parts).toString()) as Share
}

/** As many at once: what each got, on average. */
async function unlimitedThreads(wallMs: number, threads: number): Promise<Share> {
  const all = await Promise.all(Array.from({ length: threads }, () => unlimited(wallMs)))
  const meanOf = (figure: (share: Share) => number) =>
    all.reduce((sum, share) => sum + figure(share), 0) / threads
  return { cpuMs: meanOf(({ cpuMs }) => cpuMs), wallMs: meanOf(({ wallMs }) => wallMs) }
}

async function shareOf(daemon: Daemon, name: string, threads: number): Promise<Share> {
  const answer = await daemon.invoke(name, { wallMs: 2_000, threads })
  return answer.body as Share
}

interface Pair {
  readonly reference: Share
  readonly own: Share
}

const ratio = ({ cpuMs, wallMs }: Share) => cpuMs / wallMs

const sizes = [
  { memoryMb: 128, threads: 1 },
  { memoryMb: 256, threads: 1 },
  { memoryMb: 512, threads: 1 },
  { memoryMb: 1024, threads: 1 },
  { memoryMb: 1769, threads: 1 },
  { memoryMb: 3008, threads: 2 },
]

t.test('a busy loop gets MB/1769 of a CPU', async (t) => {
  const functions = sizes.map(({ memoryMb }) => [
    `spins${memoryMb}`,
    { memoryMb, timeoutSeconds: 60, files: { 'index.js': spins } },
  ])
  const daemon = await startWritten(t, Object.fromEntries(functions))
  t.comment('  MB  threads  target  of time  of a free loop  pairs, own and free')
  for (const { memoryMb, threads } of sizes) {
    const name = `spins${memoryMb}`
    // Cold, and not measured.
    await daemon.invoke(name, { wallMs: 1, threads: 1 })
    const target = Math.min(memoryMb / MB_PER_CPU, threads, availableParallelism())
    const ofTime = (pairs: readonly Pair[]) => median(pairs.map(({ own }) => ratio(own))) / target
    const ofFree = (pairs: readonly Pair[]) =>
      median(pairs.map(({ own, reference }) => ratio(own) / ratio(reference))) / target
    const isLaw = (pairs: readonly Pair[]) => ofTime(pairs) <= 1.12 && ofFree(pairs) >= 0.88
    const pairs = await inRounds(async () => {
      const reference = await unlimitedThreads(1_000, threads)
      const own = await undisturbed({ daemon, threads }, () => shareOf(daemon, name, threads))
      return { reference, own }
    }, isLaw)
    const percent = (part: number) => `${((part - 1) * 100).toFixed(1)} %`.padStart(10)
    const figures = [
      String(memoryMb).padStart(4),
      String(threads).padStart(7),
      target.toFixed(4),
      percent(ofTime(pairs)),
      percent(ofFree(pairs)),
      pairs.map(({ own, reference }) => `${ratio(own).toFixed(4)}/${ratio(reference).toFixed(2)}`),
    ]
    t.comment(figures.join('  '))
    // A quota is a share of time, whoever else wants the processors; what they take, they take from as many free
    // loops as well.
    t.ok(
      ofTime(pairs) <= 1.12,
      `${memoryMb} MB: at most 12 % over ${target.toFixed(4)} of the time`,
    )
    t.ok(
      ofFree(pairs) >= 0.88,
      `${memoryMb} MB: at most 12 % under ${target.toFixed(4)} of what a free loop gets`,
    )
  }
})

/** CPU time of the only environment. */
async function environmentCpuMs(daemon: Daemon): Promise<number> {
  const [environment, ...others] = await daemon.admin.environments()
  if (environment?.cpuMs === undefined || others.length > 0) throw new Error('not one environment')
  return environment.cpuMs
}

t.test('pauses between short calls, frozen each time, win no CPU time', async (t) => {
  const daemon = await startWritten(t, {
    short: { memoryMb: 128, timeoutSeconds: 60, files: { 'index.js': spinsFiveMs } },
  })
  for (let warmUp = 0; warmUp < 3; warmUp += 1) await daemon.invoke('short', {})
  await environmentsAtRest(daemon)
  const freezes = () =>
    daemon.journal.filter(({ kind, to }) => kind === 'environment.suspension' && to === 'frozen')
      .length
  const calm = { daemon, threads: 1 }
  let calls = 0
  let frozen = 0
  const share = await undisturbed(calm, async () => {
    const from = { atMs: nowMs(), cpuMs: await environmentCpuMs(daemon), freezes: freezes() }
    for (calls = 0; nowMs() - from.atMs < 10_000; calls += 1) {
      await daemon.invoke('short', {})
      await sleep(5)
    }
    frozen = freezes() - from.freezes
    return { cpuMs: (await environmentCpuMs(daemon)) - from.cpuMs, wallMs: nowMs() - from.atMs }
  })
  const target = 128 / MB_PER_CPU
  const difference = ratio(share) / target - 1
  t.comment(`${ratio(share).toFixed(4)} of a CPU, target ${target.toFixed(4)}, ${calls} calls`)
  t.ok(calls > 50, 'it was called all the while')
  t.ok(frozen >= calls * 0.9, `it was frozen between calls: ${frozen} times`)
  t.ok(Math.abs(difference) <= 0.15, `within 15 %: ${(difference * 100).toFixed(1)} %`)
})

t.test('an init that computes takes at 128 MB what it takes at 1,769 MB', async (t) => {
  const rounds = [0, 1, 2, 3, 4]
  const functions = rounds.flatMap((round) =>
    [128, 1769].map((memoryMb) => [
      `init${memoryMb}-${round}`,
      { memoryMb, timeoutSeconds: 60, files: { 'index.js': spinsAtInit } },
    ]),
  )
  const daemon = await startWritten(t, Object.fromEntries(functions))
  const initMs = async (memoryMb: number, round: number) => {
    const { requestId } = await daemon.invoke(`init${memoryMb}-${round}`, {})
    return (await reportOf(daemon, requestId)).initDurationMs ?? Number.NaN
  }
  const small: number[] = []
  const whole: number[] = []
  for (const round of rounds) {
    whole.push(await initMs(1769, round))
    small.push(await initMs(128, round))
  }
  t.comment(`128 MB: ${small.join(' ')} ms; 1,769 MB: ${whole.join(' ')} ms`)
  t.ok(Math.min(...small, ...whole) >= 300, 'each init had its 300 ms of CPU time')
  t.ok(median(small) <= median(whole) * 1.3, 'the median at 128 MB is at most 1.3 times the other')
})

const countsInNode = `
const { execFileSync } = require('node:child_process')
const { readFileSync } = require('node:fs')
const os = require('node:os')
exports.handler = async () => ({
  cpus: os.cpus().length,
  parallelism: os.availableParallelism(),
  nproc: Number(execFileSync('nproc').toString()),
  cpuInfo: readFileSync('/proc/cpuinfo', 'latin1').match(/^processor/gm).length,
})`
const countsInPython = `
import multiprocessing, os
def handler(event, context):
    return { 'cpu_count': os.cpu_count(), 'affinity': len(os.sched_getaffinity(0)),
             'sysconf': os.sysconf('SC_NPROCESSORS_ONLN'), 'multiprocessing': multiprocessing.cpu_count() }`

t.test('programs count as many CPUs as Lambda shows, as far as the machine has them', async (t) => {
  // Source of the counts: src/profile/cpu.ts.
  const counts: readonly (readonly [memoryMb: number, cpus: number])[] = [
    [128, 2],
    [3008, 2],
    [3009, 3],
    [10240, 6],
  ]
  const functions = counts.flatMap(([memoryMb]) => [
    [`node${memoryMb}`, { memoryMb, timeoutSeconds: 60, files: { 'index.js': countsInNode } }],
    [
      `python${memoryMb}`,
      {
        memoryMb,
        runtime: 'python3.12',
        timeoutSeconds: 60,
        files: { 'app.py': countsInPython },
      },
    ],
  ])
  const daemon = await startWritten(t, Object.fromEntries(functions))
  for (const [memoryMb, visible] of counts) {
    const n = Math.min(visible, availableParallelism())
    const node = await daemon.invoke(`node${memoryMb}`, {})
    t.same(node.body, { cpus: n, parallelism: n, nproc: n, cpuInfo: n }, `Node at ${memoryMb} MB`)
    const python = await daemon.invoke(`python${memoryMb}`, {})
    const same = { cpu_count: n, affinity: n, sysconf: n, multiprocessing: n }
    t.same(python.body, same, `Python at ${memoryMb} MB`)
  }
})

/** Folder of the group that has the CPU quota of a process. */
function cpuGroupOf(pid: number): { readonly folder: string; readonly file: string } {
  const mountInfo = readFileSync('/proc/self/mountinfo', 'latin1')
  const mounts = parseHierarchyMounts(mountInfo, readFileSync(`/proc/${pid}/cgroup`, 'latin1'))
  const v1 = mounts.find(({ controllers }) => controllers.includes('cpu'))
  const mount = v1 ?? mounts.find(({ version }) => version === 2)
  if (mount?.ownFolder === undefined) throw new Error(`${pid} is in no group with a CPU quota`)
  return { folder: mount.ownFolder, file: limitFiles.cpu[mount.version] }
}

t.test('the quota is written once, whatever is frozen and thawed', async (t) => {
  const daemon = await startWritten(t, {
    hello: { memoryMb: 128, files: { 'index.js': "exports.handler = async () => 'hello'" } },
  })
  await daemon.invoke('hello', {})
  const [environment] = await environmentsAtRest(daemon)
  const { folder, file } = cpuGroupOf(environment?.pids[0] ?? 0)
  const quota = readFileSync(join(folder, file), 'latin1')
  t.match(quota, file === 'cpu.max' ? '1447 20000' : '1447', 'it is set after the first call')
  let writes = 0
  // The kernel tells of every write to a control file, whoever makes it.
  const watcher = watch(folder, (_, name) => {
    if (name === file) writes += 1
  })
  t.teardown(() => watcher.close())
  for (let call = 0; call < 50; call += 1) {
    await daemon.invoke('hello', {})
    await environmentsAtRest(daemon)
  }
  t.equal(readFileSync(join(folder, file), 'latin1'), quota, 'it is what it was')
  const during = writes
  writeFileSync(join(folder, file), quota)
  await until('the watch has seen a write of ours', () => writes > during)
  t.equal(during, 0, 'fifty calls, frozen after each, did not write it')
  const frozen = daemon.journal.filter(({ kind, to }) => {
    return kind === 'environment.suspension' && to === 'frozen'
  })
  t.ok(frozen.length > 50, 'it was frozen after each call')
})
