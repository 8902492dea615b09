// The /tmp of environments with real mounts: their size holds, small functions survive it, and nothing is left behind.

import { deepStrictEqual } from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { detect } from '../../src/cgroups/detect.js'
import type { KernelTimers } from '../../src/clock/clock.js'
import { findHelper } from '../../src/sandbox/helper.js'
import { createStorage, type Storage, storageFolder } from '../../src/sandbox/storage.js'
import { sweepStorage } from '../../src/sandbox/storage-sweep.js'
import { repositoryRoot } from '../support/paths.js'
import { temporaryFolder, until } from './real-sandbox.js'

const standIn = join(dirname(fileURLToPath(import.meta.url)), 'storage-stand-in.js')
const helper = findHelper(repositoryRoot)
if (helper === undefined) throw new Error('the native helper is built before the tests')

/** Entries of the storage folder, but for the templates. */
function left(stateDirectory: string): string[] {
  const root = storageFolder(stateDirectory)
  return existsSync(root) ? readdirSync(root).filter((name) => name !== 'templates') : []
}

function mountsBelow(folder: string): string[] {
  const mounted = readFileSync('/proc/mounts', 'utf8').split('\n')
  return mounted.map((line) => line.split(' ')[1] ?? '').filter((path) => path.startsWith(folder))
}

/** What the kernel's loop devices are backed by, as far as it lies in `folder`. */
function loopDevicesOf(folder: string): string[] {
  return readdirSync('/sys/block')
    .filter((name) => /^loop\d/.test(name))
    .map((name) => join('/sys/block', name, 'loop/backing_file'))
    .flatMap((path) => {
      try {
        return [readFileSync(path, 'utf8')]
      } catch {
        return []
      }
    })
    .filter((backing) => backing.startsWith(folder))
}

interface Arranged {
  readonly stateDirectory: string
  readonly storage: Storage
}

/** After the test it is closed, and then nothing may be left. */
function arrangeStorage(t: Test, timers?: Pick<KernelTimers, 'after'>): Arranged {
  const stateDirectory = temporaryFolder(t)
  const given = timers === undefined ? {} : { timers }
  const storage = createStorage({ stateDirectory, helper, kind: 'loop', ...given })
  t.teardown(async () => {
    await storage.close()
    await nothingIsLeft(stateDirectory)
  })
  return { stateDirectory, storage }
}

/** Not by `t`: it is used in teardowns, where a claim comes too late for it. */
async function nothingIsLeft(stateDirectory: string): Promise<void> {
  deepStrictEqual(left(stateDirectory), [], 'left on disk')
  deepStrictEqual(mountsBelow(stateDirectory), [], 'left mounted')
  await until('the loop devices are free', () => loopDevicesOf(stateDirectory).length === 0)
}

/** Writes 1 MB at a time into a new file until an error comes. */
function writeUntilError(path: string): { code: string; writtenMb: number } {
  const megabyte = Buffer.alloc(1_048_576, 'x')
  const fd = openSync(path, 'w')
  let bytes = 0
  try {
    for (;;) bytes += writeSync(fd, megabyte)
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code ?? '', writtenMb: bytes / 1_048_576 }
  } finally {
    closeSync(fd)
  }
}

t.test('512 MB can be written, and ENOSPC comes within 2 % of it', async (t) => {
  const { storage } = arrangeStorage(t)
  const tmp = await storage.take(512)
  t.same([tmp.sizeMb, tmp.enforced], [512, true])
  t.ok((await tmp.usedMb()) < 1)
  const { code, writtenMb } = writeUntilError(join(tmp.folder, 'big'))
  t.equal(code, 'ENOSPC')
  t.ok(writtenMb >= 512 && writtenMb <= 512 * 1.02, `${writtenMb} MB`)
  t.ok(Math.abs((await tmp.usedMb()) - writtenMb) < 1)
  await tmp.remove()
})

t.test('10,240 MB can be had, and not 2 % more', async (t) => {
  const { storage } = arrangeStorage(t)
  const tmp = await storage.take(10_240)
  const { bavail, blocks, bsize } = statfsSync(tmp.folder)
  const availableMb = (bavail * bsize) / 1_048_576
  t.ok(availableMb >= 10_240 && availableMb <= 10_240 * 1.02, `${availableMb} MB`)
  t.ok((blocks * bsize) / 1_048_576 <= 10_240 * 1.03, 'df shows about that size')
  const allocate = (megabytes: number) =>
    execFileSync('fallocate', ['-l', `${megabytes}MiB`, join(tmp.folder, `${megabytes}`)], {
      stdio: 'pipe',
    })
  allocate(10_240)
  t.throws(() => allocate(205), { message: /No space left on device/ })
  await tmp.remove()
})

t.test(
  'it is empty, belongs to root, and anybody may write into it but not run setuid',
  async (t) => {
    const { storage } = arrangeStorage(t)
    const tmp = await storage.take(512)
    t.same(readdirSync(tmp.folder), [])
    const { mode, uid, gid } = statSync(tmp.folder)
    t.same([mode & 0o7777, uid, gid], [0o1777, 0, 0])
    const line = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .find((line) => line.includes(tmp.folder))
    t.match(line ?? '', / ext4 rw,nosuid,nodev,noatime,/)
    await tmp.remove()
    t.equal(existsSync(tmp.folder), false)
  },
)

t.test('as many files as anybody likes end with ENOSPC, and are removed within 2 s', async (t) => {
  const { storage } = arrangeStorage(t)
  const tmp = await storage.take(512)
  let code = ''
  let files = 0
  for (; code === '' && files < 1_000_000; files++) {
    const folder = join(tmp.folder, `${Math.floor(files / 1000)}`)
    try {
      if (files % 1000 === 0) mkdirSync(folder)
      writeFileSync(join(folder, `${files}`), 'x')
    } catch (error) {
      code = (error as NodeJS.ErrnoException).code ?? ''
    }
  }
  t.equal(code, 'ENOSPC')
  t.ok(files > 30_000, `as many as mkfs.ext4 grants: ${files}`)
  const startedAt = performance.now()
  await tmp.remove()
  const tookMs = performance.now() - startedAt
  t.ok(tookMs < 2000, `${tookMs} ms`)
})

/** A memory group of 64 MB; the teardown removes it when its last process is gone. */
function arrangeSmallGroup(t: Test): string {
  const { v1, v2 } = detect()
  const memory = v1.memory?.root
  const root = memory ?? v2?.root
  if (root === undefined) throw new Error('there is a memory controller')
  const group = join(root, `lambda-emu-storage-test-${process.pid}`)
  mkdirSync(group)
  t.teardown(async () => {
    await until(
      'the group is empty',
      () => readFileSync(join(group, 'cgroup.procs'), 'utf8') === '',
    )
    rmdirSync(group)
  })
  const limit = memory === undefined ? 'memory.max' : 'memory.limit_in_bytes'
  writeFileSync(join(group, limit), String(64 * 1_048_576))
  return group
}

t.test('a writer of 300 MB in a group of 64 MB is not killed', async (t) => {
  const { storage } = arrangeStorage(t)
  const tmp = await storage.take(512)
  const group = arrangeSmallGroup(t)
  const script = `import os, sys
open(sys.argv[1] + '/cgroup.procs', 'w').write(str(os.getpid()))
block = b'x' * 1048576
with open(sys.argv[2], 'wb') as file:
  for i in range(300): file.write(block)
print(os.path.getsize(sys.argv[2]))`
  const child = spawn('python3', ['-c', script, group, join(tmp.folder, 'file')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString()
  })
  t.same(await once(child, 'close'), [0, null])
  t.equal(said, `${300 * 1_048_576}\n`)
  await tmp.remove()
})

t.test('50 at once are 50 of their own, also past the device nodes that there are', async (t) => {
  const { storage, stateDirectory } = arrangeStorage(t)
  const all = await Promise.all(Array.from({ length: 50 }, () => storage.take(512)))
  t.equal(new Set(all.map((tmp) => tmp.folder)).size, 50)
  for (const [index, tmp] of all.entries()) writeFileSync(join(tmp.folder, 'own'), String(index))
  t.same(
    all.map((tmp) => readFileSync(join(tmp.folder, 'own'), 'utf8')),
    all.map((_, index) => String(index)),
  )
  t.equal(new Set(all.map((tmp) => statSync(tmp.folder).dev)).size, 50)
  t.same(
    left(stateDirectory).filter((name) => name.endsWith('.image')),
    [],
    'no image has a name',
  )
  await Promise.all(all.map((tmp) => tmp.remove()))
})

t.test('the next environment takes one from the stock, which holds no more than two', async (t) => {
  const { storage, stateDirectory } = arrangeStorage(t)
  const first = await storage.take(512)
  await until('two lie ready', () => mountsBelow(stateDirectory).length === 3)
  const ready = mountsBelow(stateDirectory).filter((path) => path !== first.folder)
  const second = await storage.take(512)
  t.ok(ready.includes(second.folder))
  await until('the stock is full again', () => mountsBelow(stateDirectory).length === 4)
  await Promise.all([first.remove(), second.remove()])
  t.equal(mountsBelow(stateDirectory).length, 2)
})

t.test(
  'where many start at once the stock grows, and is small again when they have stopped',
  async (t) => {
    const planned = new Set<{ readonly durationMs: number; readonly run: () => void }>()
    const after = (durationMs: number, run: () => void) => {
      const plan = { durationMs, run }
      planned.add(plan)
      return () => void planned.delete(plan)
    }
    const fire = (whose: (durationMs: number) => boolean) => {
      for (const plan of [...planned])
        if (whose(plan.durationMs) && planned.delete(plan)) plan.run()
    }
    const { storage, stateDirectory } = arrangeStorage(t, { after })
    const taken = await Promise.all([1, 2, 3, 4, 5].map(() => storage.take(512)))
    fire((durationMs) => durationMs < 1_000)
    await until('sixteen lie ready', () => mountsBelow(stateDirectory).length === 5 + 16)
    fire((durationMs) => durationMs > 1_000)
    await until('two lie ready', () => mountsBelow(stateDirectory).length === 5 + 2)
    await Promise.all(taken.map((tmp) => tmp.remove()))
    t.equal(mountsBelow(stateDirectory).length, 2)
  },
)

t.test('a start that takes from the stock puts its refill off', async (t) => {
  const planned = new Map<() => void, number>()
  const after = (durationMs: number, run: () => void) => {
    planned.set(run, durationMs)
    return () => void planned.delete(run)
  }
  const { storage } = arrangeStorage(t, { after })
  const refills = () => [...planned].filter(([, durationMs]) => durationMs < 1_000)
  const first = await storage.take(512)
  const before = refills()
  const second = await storage.take(512)
  t.equal(before.length, 1)
  t.equal(refills().length, 1)
  t.ok(refills()[0]?.[0] !== before[0]?.[0], 'it is another one, later')
  await Promise.all([first.remove(), second.remove()])
})

t.test('it is removed at once while a process still has a file open in it', async (t) => {
  const { storage, stateDirectory } = arrangeStorage(t)
  const tmp = await storage.take(512)
  const held = openSync(join(tmp.folder, 'held'), 'w')
  const holder = spawn('sleep', ['1000'], {
    cwd: tmp.folder,
    stdio: [held, 'ignore', 'inherit'],
  })
  closeSync(held)
  await once(holder, 'spawn')
  await tmp.remove()
  await tmp.remove()
  t.equal(existsSync(tmp.folder), false)
  t.ok(!mountsBelow(stateDirectory).includes(tmp.folder))
  const exited = once(holder, 'exit')
  holder.kill('SIGKILL')
  await exited
})

t.test('what was unmounted by hand is removed without a complaint', async (t) => {
  const { storage } = arrangeStorage(t)
  const tmp = await storage.take(512)
  execFileSync('umount', [tmp.folder])
  await tmp.remove()
  t.equal(existsSync(tmp.folder), false)
})

t.test('templates are made once, small, and again when they are gone', async (t) => {
  const { storage, stateDirectory } = arrangeStorage(t)
  await (await storage.take(600)).remove()
  const templates = join(storageFolder(stateDirectory), 'templates')
  const names = readdirSync(templates)
  t.equal(names.length, 1)
  const template = statSync(join(templates, names[0] ?? ''))
  t.ok(template.blocks * 512 < 1_048_576, `${template.blocks * 512} bytes on disk`)
  const next = createStorage({ stateDirectory, helper, kind: 'loop' })
  await (await next.take(600)).remove()
  t.equal(statSync(join(templates, names[0] ?? '')).ino, template.ino)
  await next.close()
  rmSync(templates, { recursive: true })
  const all = await Promise.all(Array.from({ length: 5 }, () => storage.take(600)))
  await Promise.all(all.map((tmp) => tmp.remove()))
  t.same(readdirSync(templates), names)
})

t.test('where none can be made the state directory is to blame, in words', async (t) => {
  const stateDirectory = join(temporaryFolder(t), 'file')
  writeFileSync(stateDirectory, '')
  for (const kind of ['loop', 'folder'] as const) {
    const storage = createStorage({ stateDirectory, helper, kind })
    await t.rejects(storage.take(512), { code: 'EMU_STATE_DIRECTORY' })
    await storage.close()
  }
})

t.test('the helper says in one sentence what is wrong, and leaves nothing', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'mount'))
  writeFileSync(join(folder, 'template'), 'x'.repeat(100_000))
  const run = (...words: string[]) => {
    try {
      execFileSync(helper, ['storage', ...words], { stdio: 'pipe' })
      return 'done'
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: Buffer }
      return `${status} ${stderr.toString()}`
    }
  }
  const image = join(folder, 'image')
  const mount = join(folder, 'mount')
  t.match(
    run('mount', join(folder, 'none'), image, mount),
    /^125 .*: cannot open the template .*\n$/,
  )
  t.match(
    run('mount', join(folder, 'template'), image, mount),
    /^125 .*: cannot mount \S+ on .*\n$/,
  )
  t.match(run('mount', 'a', 'b', 'c'), /^125 .*: c is not an absolute path\n$/)
  t.match(run('mount'), /^125 .*: use storage mount/)
  t.equal(run('unmount', mount), 'done')
  t.same(readdirSync(folder).sort(), ['mount', 'template'])
  t.same(readdirSync(mount), [])
  await until('no device is held', () => loopDevicesOf(folder).length === 0)
})

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('its output is piped')
  for await (const line of createInterface({ input: child.stdout })) return line
  return ''
}

for (const by of ['the helper', 'umount'] as const) {
  t.test(`what a killed daemon left is swept with ${by}, and a living one's is not`, async (t) => {
    const { storage, stateDirectory } = arrangeStorage(t)
    const child = spawn(process.execPath, [standIn, stateDirectory, helper], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    const taken: unknown = JSON.parse(await firstLine(child))
    const folders = taken as [string, string, string]
    for (const folder of folders) writeFileSync(join(folder, 'file'), 'left')
    mkdirSync(join(folders[2], 'locked', 'in'), { recursive: true })
    chmodSync(join(folders[2], 'locked'), 0)
    const own = await storage.take(512)
    const sweep = () => sweepStorage(stateDirectory, by === 'umount' ? undefined : helper)
    t.same(await sweep(), [])
    for (const folder of folders) t.ok(existsSync(join(folder, 'file')), 'it lives')

    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    t.same(await sweep(), [])
    const of = (paths: string[]) => paths.filter((path) => path.includes(`${child.pid}-`))
    t.same(of(left(stateDirectory)), [])
    t.same(of(mountsBelow(stateDirectory)), [])
    t.ok(existsSync(own.folder))
    t.same(await sweep(), [], 'a second sweep finds nothing')
    await own.remove()
  })
}

t.test(
  'a folder is shared out where nothing can be mounted, and what is in it is counted',
  async (t) => {
    const stateDirectory = temporaryFolder(t)
    const storage = createStorage({ stateDirectory, helper: undefined, kind: 'folder' })
    const tmp = await storage.take(1)
    t.same([tmp.sizeMb, tmp.enforced, statSync(tmp.folder).mode & 0o7777], [1, false, 0o1777])
    t.equal(await tmp.usedMb(), 0)
    mkdirSync(join(tmp.folder, 'deep', 'er'), { recursive: true })
    symlinkSync('/', join(tmp.folder, 'root'))
    writeFileSync(join(tmp.folder, 'deep', 'er', 'file'), Buffer.alloc(524_288, 'x'))
    const half = await tmp.usedMb()
    t.ok(half >= 0.5 && half < 0.6, `${half} MB`)
    for (const name of 'abcdefgh')
      writeFileSync(join(tmp.folder, name), Buffer.alloc(1_048_576, 'x'))
    const many = await tmp.usedMb()
    t.ok(many >= 2 && many < 4, `${many} MB: the count stops at twice the size`)
    await tmp.remove()
    await storage.close()
    t.same(left(stateDirectory), [])
  },
)

t.test('a sweep of a state directory without storage has nothing to say', async (t) => {
  t.same(await sweepStorage(join(temporaryFolder(t), 'none'), helper), [])
})
