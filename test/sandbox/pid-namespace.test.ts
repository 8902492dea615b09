// Emulators that share control groups but not their pids, as in a container that sees the machine's groups: neither sweeps the other's.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readlinkSync, rmdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { detect } from '../../src/cgroups/detect.js'
import { findHelper } from '../../src/sandbox/helper.js'
import { ownIdentity, type ProcessIdentity } from '../../src/sandbox/identity.js'
import { sweep } from '../../src/sandbox/sweep.js'
import { repositoryRoot } from '../support/paths.js'
import {
  aliveWith,
  arrangeFactory,
  arrangeSandbox,
  kernelTimers,
  leftFolders,
  temporaryFolder,
  until,
} from './real-sandbox.js'

const here = dirname(fileURLToPath(import.meta.url))
const support = detect()
const found = findHelper(repositoryRoot)
if (found === undefined) throw new Error('build the helper first: node scripts/build-helper.js')
const helper = found
const nothing = { groups: [], environments: [], killed: [], problems: [] }

/** A program whose first process is pid 1, and which sees no other of this machine's. */
function startInside(words: readonly string[]) {
  const options = ['--pid', '--fork', '--kill-child', '--mount-proc']
  return spawn('unshare', [...options, process.execPath, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** What is ended with its namespace leaves its groups, empty. */
function removeGroupsOf(namespace: string): void {
  const roots = [support.v2?.root, ...Object.values(support.v1).map(({ root }) => root)]
  for (const root of new Set(roots.filter((each) => each !== undefined))) {
    for (const name of readdirSync(root).filter((each) => each.endsWith(`-${namespace}`))) {
      const subtree = join(root, name)
      for (const entry of readdirSync(subtree, { withFileTypes: true }))
        if (entry.isDirectory()) rmdirSync(join(subtree, entry.name))
      rmdirSync(subtree)
    }
  }
}

async function startDaemonInside(t: Test, backend: string, mark: string): Promise<void> {
  const stateDirectory = temporaryFolder(t)
  const words = [join(here, 'doomed-daemon.js'), stateDirectory, backend, mark]
  const child = startInside(words)
  let namespace = ''
  t.teardown(async () => {
    child.kill('SIGKILL')
    await until('all of it has ended', () => alive(mark).length === 0)
    if (namespace !== '') await until('its groups are gone', () => areGone(namespace))
  })
  await once(child.stdout, 'data')
  const [pid] = alive(mark)
  namespace = /\d+/.exec(readlinkSync(`/proc/${pid}/ns/pid`))?.[0] ?? ''
}

function areGone(namespace: string): boolean {
  try {
    removeGroupsOf(namespace)
    return true
  } catch {
    // Its processes are dead, and not yet out of it.
    return false
  }
}

function alive(mark: string): readonly number[] {
  return ['running', 'frozen'].flatMap((state) => aliveWith(`${mark}-${state}`))
}

// With v1 a frozen process would outlive the end of its namespace, and of this test.
for (const backend of ['v2', 'signal'] as const) {
  t.test(
    `${backend}: the environments of an emulator in another pid namespace are left alone`,
    async (t) => {
      const mark = `inside-${process.pid}-${backend}`
      await startDaemonInside(t, backend, mark)
      t.equal(alive(mark).length, 6)
      const stateDirectory = temporaryFolder(t)
      const report = await sweep({ stateDirectory, support, timers: kernelTimers })
      t.same(report, nothing)
      t.equal(alive(mark).length, 6)
    },
  )
}

t.test('a sweep in another pid namespace leaves the groups out here alone', async (t) => {
  await arrangeSandbox(t, await arrangeFactory(t, 'v2'))
  const folders = leftFolders(support)
  t.ok(folders.length > 0, 'this process has groups, and nothing runs in them')
  const module = (path: string) => JSON.stringify(pathToFileURL(join(here, '../../src', path)).href)
  const program = `
    const { sweep } = await import(${module('sandbox/sweep.js')})
    const { detect } = await import(${module('cgroups/detect.js')})
    const timers = { sleep: (ms) => new Promise((end) => setTimeout(end, ms)) }
    const stateDirectory = ${JSON.stringify(temporaryFolder(t))}
    console.log(process.pid, JSON.stringify(await sweep({ stateDirectory, support: detect(), timers })))`
  const child = startInside(['--input-type=module', '-e', program])
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  await once(child, 'close')
  t.equal(text, `1 ${JSON.stringify(nothing)}\n`)
  t.same(leftFolders(support), folders)
})

/** A guardian of a daemon that died long ago; its exit code. */
async function guard(t: Test, daemon: ProcessIdentity, folder: string): Promise<number> {
  const state = ['--state', temporaryFolder(t), '--factory', '1', '--group', folder]
  const identity = ['--daemon', String(daemon.pid), String(daemon.startTime)]
  const child = spawn(helper, ['guard', ...state, ...identity], { stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  return code
}

t.test('a guardian knows a group by the number of its pid namespace too', async (t) => {
  const { pid, startTime } = ownIdentity()
  const longDead = { pid, startTime: startTime - 1 }
  const name = `${pid}-${longDead.startTime}`
  const inRoot = (each: string) => join(support.v2?.root ?? '', each)
  const folder = inRoot(`lambda-emu-${name}-4026539999`)
  const probe = inRoot(`lambda-emu-probe-${name}-4026539999`)
  for (const each of [folder, join(folder, '1-e1'), probe]) mkdirSync(each)
  for (const wrong of ['-', '-1x', '1', '-1-1'])
    t.equal(await guard(t, longDead, inRoot(`lambda-emu-${name}${wrong}`)), 125, wrong)
  t.ok([folder, probe].every(existsSync))
  t.equal(await guard(t, longDead, folder), 0)
  t.same([folder, probe].filter(existsSync), [])
})
