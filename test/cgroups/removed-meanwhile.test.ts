// A real group that somebody else kills and removes while this one is at it, as a guardian does beside the sweep of the next start.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { detect } from '../../src/cgroups/detect.js'
import { kernelFolders } from '../../src/cgroups/folders.js'
import { Group, type GroupParents } from '../../src/cgroups/group.js'
import { ownIdentity } from '../../src/sandbox/identity.js'
import { wait } from './real-group.js'

const support = detect()
const v1 = support.v1.freezer?.root
const v2 = support.v2?.root
const name = `lambda-emu-probe-${ownIdentity().pid}-${ownIdentity().startTime}`

/** A sleeping process in it. */
async function populate(t: Test, folder: string): Promise<number> {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  t.teardown(async () => {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  })
  await once(child, 'spawn')
  const { pid } = child
  if (pid === undefined) throw new Error('sleep has no pid')
  writeFileSync(join(folder, 'cgroup.procs'), String(pid))
  return pid
}

/** What the other does, before this process does anything more. */
function removeNow(folder: string): void {
  for (;;) {
    try {
      return rmdirSync(folder)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error
    }
  }
}

t.test(
  'the v1 freezer: gone between the signal and the thaw',
  { skip: v1 === undefined ? 'no v1 freezer that can be written' : false },
  async (t) => {
    const parents: GroupParents = { v1: { freezer: v1 as string } }
    let signals = 0
    const group: Group = Group.make(name, parents, {
      folders: kernelFolders,
      sendSignal: (pid) => {
        signals += 1
        const [folder = ''] = group.folders
        writeFileSync(join(folder, 'freezer.state'), 'THAWED')
        process.kill(pid, 'SIGKILL')
        removeNow(folder)
      },
    })
    await populate(t, group.folders[0] as string)
    await group.killAll(wait)
    t.equal(signals, 1)
    await group.remove(wait)
  },
)

t.test(
  'the v2 tree: gone between two looks at who is in there',
  { skip: v2 === undefined ? 'no v2 tree that can be written' : false },
  async (t) => {
    const group = Group.make(name, { v2: v2 as string })
    const [folder = ''] = group.folders
    const pid = await populate(t, folder)
    t.equal(group.populated(), true)
    process.kill(pid, 'SIGKILL')
    removeNow(folder)
    t.equal(group.populated(), false)
    await group.killAll(wait)
    await group.remove(wait)
  },
)
