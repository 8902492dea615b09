// Copies of source folders: whole, cheap where nothing changed, dependencies left where they are, nothing left behind.

import {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemKernel } from '../../src/clock/kernel.js'
import { openSnapshots, stampFolder } from '../../src/packages/snapshots.js'
import { temporaryFolder, tree } from './folders.js'

function write(folder: string, path: string, content: string | Buffer = 'text'): string {
  const place = join(folder, path)
  mkdirSync(join(place, '..'), { recursive: true })
  writeFileSync(place, content)
  return place
}

async function arrange(t: Test, seenAt: 'task' | 'own' = 'task') {
  const folder = realpathSync(temporaryFolder(t))
  const stateDirectory = join(folder, 'state')
  let nowMs = systemKernel.nowMs() as number
  const kernelNowMs = () => nowMs
  const root = join(stateDirectory, 'snapshots')
  const snapshots = await openSnapshots({ stateDirectory, root, owner: 'own', seenAt, kernelNowMs })
  const source = join(folder, 'fn')
  mkdirSync(source)
  return {
    folder,
    source,
    stateDirectory,
    snapshots,
    copies: () => readdirSync(join(stateDirectory, 'snapshots')).sort(),
    /** What is on disk now is older than the next copy by more than a tick. */
    later: () => {
      nowMs += 10_000
    },
  }
}

t.test('a copy is the folder with its modes, times and links, and stays as it was', async (t) => {
  const { source, snapshots } = await arrange(t)
  const index = write(source, 'index.js', 'old')
  write(source, 'lib/deep/a.js')
  chmodSync(index, 0o640)
  utimesSync(index, 1_000_000, 1_000_000)
  symlinkSync('lib/deep/a.js', join(source, 'link.js'))
  symlinkSync('../outside', join(source, 'out'))
  const { code, inPlace } = await snapshots.take(source)
  t.equal(inPlace, undefined)
  t.equal(code.copyOf, source)
  t.same(tree(code.folder), ['index.js', 'lib/', 'lib/deep/', 'lib/deep/a.js', 'link.js', 'out'])
  t.equal(statSync(join(code.folder, 'index.js')).mode & 0o777, 0o640)
  t.equal(statSync(join(code.folder, 'index.js')).mtimeMs, 1_000_000_000)
  t.equal(readlinkSync(join(code.folder, 'out')), '../outside')
  write(source, 'index.js', 'new')
  rmSync(join(source, 'lib'), { recursive: true })
  t.equal(readFileSync(join(code.folder, 'index.js'), 'utf8'), 'old')
  t.ok(existsSync(join(code.folder, 'lib/deep/a.js')))
  const next = await snapshots.take(source)
  t.equal(readFileSync(join(next.code.folder, 'index.js'), 'utf8'), 'new')
  t.same(tree(next.code.folder), ['index.js', 'link.js', 'out'])
  t.not(next.code.sha256, code.sha256)
})

t.test('what has not changed is the same package, and leaves no second copy', async (t) => {
  const { source, snapshots, copies, later } = await arrange(t)
  const file = write(source, 'index.js')
  const first = await snapshots.take(source)
  later()
  utimesSync(file, 5, 5)
  write(source, '__pycache__/app.pyc')
  write(source, 'index.js~')
  write(source, '.git/HEAD')
  t.equal(await snapshots.take(source), first)
  t.same(copies(), ['own-1'])
  chmodSync(file, 0o755)
  t.not(await snapshots.take(source), first, 'a mode is a change')
})

t.test('a file that has not changed is shared with the copy before', async (t) => {
  const { source, snapshots, later } = await arrange(t)
  write(source, 'same.js')
  write(source, 'other.js', 'old')
  later()
  const first = await snapshots.take(source)
  write(source, 'other.js', 'new')
  later()
  const second = await snapshots.take(source)
  const inode = (at: typeof first, name: string) => statSync(join(at.code.folder, name)).ino
  t.equal(inode(second, 'same.js'), inode(first, 'same.js'))
  t.not(inode(second, 'other.js'), inode(first, 'other.js'))
  t.not(inode(second, 'same.js'), statSync(join(source, 'same.js')).ino)
})

t.test('a change within one tick of the kernel’s clock, of the same size, is seen', async (t) => {
  const { source, snapshots } = await arrange(t)
  const file = write(source, 'index.js', 'a')
  for (const text of ['b', 'c', 'd', 'e']) {
    await snapshots.take(source)
    writeFileSync(file, text)
    const { code } = await snapshots.take(source)
    t.equal(readFileSync(join(code.folder, 'index.js'), 'utf8'), text)
  }
})

t.test('dependencies stay where they are, and count when they are installed', async (t) => {
  const { source, snapshots } = await arrange(t)
  write(source, 'index.js')
  write(source, 'node_modules/a/index.js')
  write(source, 'packages/b/node_modules/c/index.js')
  write(source, 'node_modules/.package-lock.json', '1')
  const first = await snapshots.take(source)
  t.same(first.code.live, [
    { path: 'node_modules', folder: join(source, 'node_modules') },
    { path: 'packages/b/node_modules', folder: join(source, 'packages/b/node_modules') },
  ])
  t.same(tree(join(first.code.folder, 'node_modules')), [], 'there is a place to mount it at')
  appendFileSync(join(source, 'node_modules/a/index.js'), 'more')
  t.equal(await snapshots.take(source), first)
  appendFileSync(join(source, 'node_modules/.package-lock.json'), '2')
  const second = await snapshots.take(source)
  t.not(second.code.sha256, first.code.sha256)
  mkdirSync(join(source, 'node_modules/d'))
  t.not((await snapshots.take(source)).code.sha256, second.code.sha256)
})

t.test('where functions see the copy itself, links lead where they led', async (t) => {
  const { folder, source, snapshots } = await arrange(t, 'own')
  write(source, 'index.js')
  write(source, 'node_modules/a/index.js', 'module')
  write(folder, 'shared/x.js', 'shared')
  symlinkSync('../shared', join(source, 'shared'))
  symlinkSync('index.js', join(source, 'main.js'))
  const { code } = await snapshots.take(source)
  t.equal(readFileSync(join(code.folder, 'node_modules/a/index.js'), 'utf8'), 'module')
  t.ok(lstatSync(join(code.folder, 'node_modules')).isSymbolicLink())
  t.equal(readFileSync(join(code.folder, 'shared/x.js'), 'utf8'), 'shared')
  t.equal(readlinkSync(join(code.folder, 'main.js')), 'index.js', 'within itself nothing changes')
})

t.test('code of more than 20 MB is run in place, which is said', async (t) => {
  const { source, snapshots, copies } = await arrange(t)
  write(source, 'index.js')
  const large = write(source, 'model.bin', Buffer.alloc(21 * 1024 * 1024))
  const first = await snapshots.take(source)
  t.equal(first.code.folder, source)
  t.match(first.inPlace ?? '', /more than 20 MB.*run in place/)
  t.same(copies(), [])
  t.equal((await snapshots.take(source)).code.sha256, first.code.sha256)
  write(source, 'index.js', 'changed')
  t.not((await snapshots.take(source)).code.sha256, first.code.sha256)
  rmSync(large)
  write(source, 'node_modules/big/model.bin', Buffer.alloc(21 * 1024 * 1024))
  const last = await snapshots.take(source)
  t.equal(last.inPlace, undefined, 'dependencies do not count')
  t.not(last.code.folder, source)
})

t.test('a state directory in the code is no part of it', async (t) => {
  const { folder, snapshots } = await arrange(t)
  write(folder, 'fn/index.js')
  const { code } = await snapshots.take(folder)
  t.same(tree(code.folder), ['fn/', 'fn/index.js'])
})

t.test('copies go when nobody uses them, and all at the end', async (t) => {
  const { source, stateDirectory, snapshots, copies } = await arrange(t)
  const folders: string[] = []
  for (const text of ['a', 'b', 'c']) {
    write(source, 'index.js', text)
    folders.push((await snapshots.take(source)).code.folder)
  }
  t.same(copies(), ['own-1', 'own-2', 'own-3'])
  await snapshots.removeUnused(new Set(folders.slice(0, 1)))
  t.same(copies(), ['own-1', 'own-3'], 'one is in use, one is the newest')
  await snapshots.removeUnused(new Set())
  t.same(copies(), ['own-3'])
  await snapshots.close()
  t.notOk(existsSync(join(stateDirectory, 'snapshots')))
})

t.test('a copy that is being made is not taken for one that nobody uses', async (t) => {
  const { source, snapshots, copies } = await arrange(t)
  for (let file = 0; file < 300; file += 1) write(source, `lib/${file}.js`)
  const taking = snapshots.take(source)
  while (copies().length === 0) await new Promise((resolve) => setImmediate(resolve))
  await snapshots.removeUnused(new Set())
  const { code } = await taking
  t.equal(readdirSync(join(code.folder, 'lib')).length, 300)
})

t.test('several who ask at once get the same copy', async (t) => {
  const { source, snapshots, copies } = await arrange(t)
  write(source, 'index.js')
  const taken = await Promise.all([1, 2, 3].map(() => snapshots.take(source)))
  t.equal(new Set(taken).size, 1)
  t.same(copies(), ['own-1'])
})

t.test('a folder that is not there is an error of the file system', async (t) => {
  const { folder, snapshots, copies } = await arrange(t)
  await t.rejects(snapshots.take(join(folder, 'nowhere')), { code: 'ENOENT' })
  t.same(copies(), [])
})

t.test('a stamp changes with whatever is written in a folder that is only seen', async (t) => {
  const { folder } = await arrange(t)
  const stamp = () => stampFolder(join(folder, 'layer'), join(folder, 'state'))
  t.equal(await stamp(), '')
  write(folder, 'layer/nodejs/x.js')
  const first = await stamp()
  t.not(first, '')
  t.equal(await stamp(), first)
  write(folder, 'layer/nodejs/x.js', 'longer than before')
  t.not(await stamp(), first)
})
