// What is told of real files: everything that is code, at once, and nothing of what editors and tools leave behind.

import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemKernel } from '../../src/clock/kernel.js'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import { type ProjectChange, ProjectWatch } from '../../src/watch/project-watch.js'

function temporaryFolder(t: Test): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'project-watch-')))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function write(folder: string, path: string, text = 'text'): string {
  const place = join(folder, path)
  mkdirSync(join(place, '..'), { recursive: true })
  writeFileSync(place, text)
  return place
}

function arrange(t: Test, folder: string) {
  const told: ProjectChange[] = []
  const watch = new ProjectWatch({
    timers: systemKernel,
    stateDirectory: join(folder, '.state'),
    changed: (change) => told.push(change),
    polls: (reason) => t.fail(`the kernel tells of changes: ${reason}`),
  })
  t.teardown(() => watch.close())
  /** What has been told in the next two turns of the event loop: between them it asks the kernel. */
  const toldNow = async () => {
    for (const _ of [1, 2]) await new Promise<void>((resolve) => systemKernel.nextTurn(resolve))
    return told.splice(0)
  }
  return { watch, told, toldNow }
}

t.test('what is saved is known as soon as the event loop has asked the kernel', async (t) => {
  const folder = temporaryFolder(t)
  write(folder, 'fn/index.js')
  write(folder, 'fn/lib/deep/er.js')
  const { watch, toldNow } = arrange(t, folder)
  const fn = join(folder, 'fn')
  await watch.cover({ folders: [fn], files: [] })
  t.same(await toldNow(), [])
  for (let round = 0; round < 50; round += 1) {
    for (const path of ['index.js', 'lib/deep/er.js', `new${round}.js`]) {
      write(fn, path, String(round))
      const changes = await toldNow()
      t.ok(changes.length > 0, `${path} is told in round ${round}`)
      t.ok(
        changes.every(({ of, path: at }) => of === fn && at === join(fn, path)),
        'and nothing else',
      )
    }
  }
})

t.test('every way of saving is told', async (t) => {
  const folder = temporaryFolder(t)
  const file = write(folder, 'index.js')
  const { watch, toldNow } = arrange(t, folder)
  await watch.cover({ folders: [folder], files: [] })
  const ways: Record<string, () => void> = {
    'in place': () => writeFileSync(file, 'new'),
    appended: () => appendFileSync(file, 'more'),
    'renamed over it': () => {
      writeFileSync(`${file}~`, 'new')
      renameSync(`${file}~`, file)
    },
    removed: () => rmSync(file),
    'made again': () => writeFileSync(file, 'again'),
    'moved away': () => renameSync(file, join(folder, 'other.js')),
  }
  for (const [way, save] of Object.entries(ways)) {
    save()
    const paths = (await toldNow()).map(({ path }) => path)
    t.ok(paths.includes(file), `${way}: ${paths}`)
  }
})

t.test(
  'what editors, Python, version control and the emulator write is nobody’s change',
  async (t) => {
    const folder = temporaryFolder(t)
    for (const path of [
      'index.js',
      '.git/HEAD',
      '.state/x',
      '__pycache__/a.pyc',
      '.aws-sam/cache/x',
    ])
      write(folder, path)
    const { watch, toldNow } = arrange(t, folder)
    await watch.cover({ folders: [folder], files: [] })
    const quiet = [
      '4913',
      '.index.js.swp',
      '.index.js.swx',
      'index.js~',
      '.#index.js',
      '#index.js#',
      'index.js.tmp',
      'index.js___jb_tmp___',
      'app.pyc',
      '__pycache__/b.pyc',
      '.git/index',
      '.state/y',
      '.aws-sam/cache/y',
      '.DS_Store',
    ]
    for (const path of quiet) {
      write(folder, path)
      t.same(await toldNow(), [], path)
    }
    write(folder, 'index.js')
    t.ok((await toldNow()).length > 0)
  },
)

t.test(
  'dependencies count when they are installed, not when something is written in them',
  async (t) => {
    const folder = temporaryFolder(t)
    write(folder, 'index.js')
    write(folder, 'node_modules/a/index.js')
    write(folder, 'node_modules/@s/b/index.js')
    write(folder, 'node_modules/.package-lock.json')
    const { watch, toldNow } = arrange(t, folder)
    await watch.cover({ folders: [folder], files: [] })
    for (const path of [
      'node_modules/a/index.js',
      'node_modules/a/new.js',
      'node_modules/.cache/x',
    ]) {
      write(folder, path)
      t.same(await toldNow(), [], path)
    }
    const installs = [
      'node_modules/.package-lock.json',
      'node_modules/c/index.js',
      'node_modules/@s/d/x',
    ]
    for (const path of installs) {
      write(folder, path)
      const changes = await toldNow()
      t.ok(changes.length > 0 && changes.every(({ installing }) => installing), path)
    }
    rmSync(join(folder, 'node_modules'), { recursive: true })
    t.ok((await toldNow()).some(({ path }) => path === join(folder, 'node_modules')))
    write(folder, 'node_modules/a/index.js')
    t.ok((await toldNow()).length > 0, 'and it is made again')
    await watch.cover({ folders: [folder], files: [] })
    write(folder, 'node_modules/e/index.js')
    t.ok((await toldNow()).length > 0, 'the new one is watched')
  },
)

t.test('a folder that comes later is watched once it was covered', async (t) => {
  const folder = temporaryFolder(t)
  write(folder, 'index.js')
  const { watch, toldNow } = arrange(t, folder)
  const wish = { folders: [folder], files: [] }
  await watch.cover(wish)
  write(folder, 'lib/a/b.js')
  t.ok((await toldNow()).length > 0)
  await watch.cover(wish)
  write(folder, 'lib/a/b.js', 'other')
  t.ok((await toldNow()).some(({ path }) => path.endsWith('b.js')))
  rmSync(join(folder, 'lib'), { recursive: true })
  mkdirSync(join(folder, 'lib/a'), { recursive: true })
  await toldNow()
  await watch.cover(wish)
  write(folder, 'lib/a/b.js')
  t.ok(
    (await toldNow()).some(({ path }) => path.endsWith('b.js')),
    'and the one in its place',
  )
})

t.test('a whole folder may go and come back', async (t) => {
  const folder = temporaryFolder(t)
  write(folder, 'deep/fn/index.js')
  const fn = join(folder, 'deep/fn')
  const { watch, toldNow } = arrange(t, folder)
  await watch.cover({ folders: [fn], files: [] })
  rmSync(join(folder, 'deep'), { recursive: true })
  t.ok((await toldNow()).length > 0)
  // What is not there is wished for as what it may become.
  await watch.cover({ folders: [], files: [fn] })
  write(folder, 'deep/fn/index.js')
  t.ok((await toldNow()).some(({ of }) => of === fn))
  await watch.cover({ folders: [fn], files: [] })
  write(folder, 'deep/fn/index.js', 'again')
  t.ok((await toldNow()).some(({ path }) => path === join(fn, 'index.js')))
})

t.test('links: a code folder that is one, and a file that is one', async (t) => {
  const folder = temporaryFolder(t)
  write(folder, 'v1/index.js')
  write(folder, 'v2/index.js')
  write(folder, 'elsewhere/template.yaml')
  symlinkSync('v1', join(folder, 'current'))
  symlinkSync('elsewhere/template.yaml', join(folder, 'template.yaml'))
  const { watch, toldNow } = arrange(t, folder)
  const current = join(folder, 'current')
  const template = join(folder, 'template.yaml')
  const wish = { folders: [current], files: [template] }
  await watch.cover(wish)
  write(folder, 'v1/index.js')
  t.ok((await toldNow()).every(({ of }) => of === current))
  write(folder, 'elsewhere/template.yaml')
  const changes = await toldNow()
  t.ok(changes.length > 0 && changes.every(({ of }) => of === template))
  symlinkSync('v2', join(folder, 'next'))
  renameSync(join(folder, 'next'), current)
  t.ok(
    (await toldNow()).some(({ of }) => of === current),
    'the link leads elsewhere',
  )
  await watch.cover(wish)
  write(folder, 'v2/index.js')
  t.ok((await toldNow()).some(({ of }) => of === current))
  write(folder, 'v1/index.js')
  t.same(await toldNow(), [], 'and where it led before is none of its business')
})

t.test('what a build makes for another function is none of this one’s code', async (t) => {
  const folder = temporaryFolder(t)
  write(folder, 'index.js')
  write(folder, 'dist/other/index.js')
  write(folder, 'lib/third/index.js')
  const { watch, toldNow } = arrange(t, folder)
  const other = join(folder, 'dist/other')
  const third = join(folder, 'lib/third')
  await watch.cover({ folders: [folder, other, third], files: [] })
  write(folder, 'dist/other/index.js')
  t.same([...new Set((await toldNow()).map(({ of }) => of))], [other])
  write(folder, 'lib/third/index.js')
  t.same([...new Set((await toldNow()).map(({ of }) => of))].sort(), [folder, third])
})

t.test('where the kernel has no watches left, files are looked at', async (t) => {
  const folder = temporaryFolder(t)
  const file = write(folder, 'fn/index.js')
  const template = write(folder, 'template.yaml')
  const kernel = new SimulatedKernel()
  const told: ProjectChange[] = []
  const reasons: string[] = []
  const watch = new ProjectWatch({
    timers: kernel,
    stateDirectory: join(folder, '.state'),
    changed: (change) => told.push(change),
    polls: (reason) => reasons.push(reason),
    watchFolder: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOSPC' })),
  })
  t.teardown(() => watch.close())
  const fn = join(folder, 'fn')
  await watch.cover({ folders: [fn], files: [template] })
  t.match(reasons, [/max_user_watches/])
  t.same(told, [], 'what is looked at for the first time has not changed')
  write(folder, 'fn/index.js', 'longer than before')
  watch.look()
  t.same(told.splice(0), [{ of: fn, path: fn, installing: false }])
  watch.look()
  t.same(told, [])
  rmSync(file)
  write(folder, 'template.yaml', 'longer than before')
  kernel.elapse(500)
  t.same(
    told.splice(0).map(({ of }) => of),
    [fn, template],
    'by itself, too',
  )
  await watch.cover({ folders: [fn], files: [template] })
  t.equal(reasons.length, 1, 'which is said once')
})
