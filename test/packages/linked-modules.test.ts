// Modules from outside a function's folder, over layouts as package managers make them, and run by Node where Lambda has the code.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { findLinkedModules, type LinkedModules } from '../../src/packages/linked-modules.js'

/** Files by path, with their text; links by path, with `-> ` before where they lead. */
type Layout = Readonly<Record<string, string>>

/** Makes it below a new folder, which stands for the whole disk. */
function arrange(t: Test, layout: Layout): (path: string) => string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'linked-modules-')))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, text] of Object.entries(layout)) {
    const full = join(root, path)
    mkdirSync(dirname(full), { recursive: true })
    if (text.startsWith('-> ')) symlinkSync(text.slice(3).replace('ROOT', root), full)
    else writeFileSync(full, text)
  }
  return (path) => join(root, path)
}

/** A package that says its name and those of what it requires. */
function module(...required: string[]): string {
  const names = required.map((name) => `require('${name}')`)
  return `module.exports = [__filename.split('/').at(-2), ${names.join(', ')}].flat()`
}

const nothing: LinkedModules = {
  hoisted: [],
  binds: [],
  relinked: [],
  taskLinks: undefined,
  sandboxLinks: [],
  leftOut: [],
  warning: undefined,
}

/**
 * What `script` prints as JSON under /var/task, where nothing of this machine is seen but system folders, Node, the
 * code, and what was found.
 */
function runInView(t: Test, code: string, linked: LinkedModules, script: string): unknown {
  const view = mkdtempSync(join(tmpdir(), 'linked-view-'))
  t.teardown(() => rmSync(view, { recursive: true, force: true }))
  const links = join(view, 'links')
  for (const { name, target } of linked.taskLinks ?? []) {
    mkdirSync(dirname(join(links, name)), { recursive: true })
    symlinkSync(target, join(links, name))
  }
  const root = join(view, 'root')
  const node = dirname(dirname(process.execPath))
  const system = ['/bin', '/lib', '/lib64', '/usr'].filter((path) => realpathSync(path) === path)
  const lines = [
    'set -eu',
    'show() { mkdir -p "$2"; mount --bind "$1" "$2"; mount -o remount,bind,ro "$2"; }',
    'mkdir "$ROOT"',
    'mount -t tmpfs tmpfs "$ROOT"',
    ...['/bin', '/lib', '/lib64']
      .filter((path) => !system.includes(path))
      .map((path) => `ln -s usr${path} "$ROOT${path}"`),
    ...[...system, node].map((path) => `show ${path} "$ROOT${path}"`),
    `show '${code}' "$ROOT/var/task"`,
    ...linked.binds.map((path) => `show '${path}' "$ROOT${path}"`),
    ...(linked.taskLinks === undefined ? [] : [`show '${links}' "$ROOT/var/task/node_modules"`]),
    ...linked.sandboxLinks.map(
      ({ path, target }) =>
        `mkdir -p "$ROOT${dirname(path)}"; [ -e "$ROOT${path}" ] || ln -s '${target}' "$ROOT${path}"`,
    ),
    'exec chroot "$ROOT" sh -c \'cd /var/task && exec "$0" -e "$1"\' "$NODE" "$SCRIPT"',
  ]
  const variables = { ROOT: root, NODE: process.execPath, SCRIPT: script, PATH: process.env.PATH }
  const options = { env: variables, stdio: 'pipe' } as const
  return JSON.parse(
    execFileSync('unshare', ['-m', 'sh', '-c', lines.join('\n')], options).toString(),
  )
}

/** What the code's index.js exports there. */
function requireInView(t: Test, code: string, linked: LinkedModules): unknown {
  return runInView(t, code, linked, "console.log(JSON.stringify(require('/var/task/index.js')))")
}

t.test('a folder without any node_modules needs nothing', async (t) => {
  const at = arrange(t, { 'proj/fn/index.js': module() })
  t.same(await findLinkedModules(at('proj/fn'), { home: at('home') }), nothing)
})

t.test('modules in the folder itself need nothing', async (t) => {
  const at = arrange(t, {
    'fn/index.js': module('a'),
    'fn/package.json': '{"dependencies": {"a": "1"}}',
    'fn/node_modules/a/index.js': module('@s/b'),
    'fn/node_modules/@s/b/index.js': module(),
    'fn/node_modules/.bin/a': '-> ../a/index.js',
    'fn/node_modules/gone': '-> ../nowhere',
  })
  const linked = await findLinkedModules(at('fn'), { home: undefined })
  t.same(linked, nothing)
  t.same(requireInView(t, at('fn'), linked), ['task', 'a', 'b'])
})

t.test('npm workspaces: modules above the code, and a workspace linked there', async (t) => {
  const at = arrange(t, {
    'proj/package.json': '{"workspaces": ["packages/*"]}',
    'proj/node_modules/left/index.js': module(),
    'proj/node_modules/typed/index.js': module(),
    'proj/node_modules/@aws-sdk/client/index.js': module(),
    'proj/node_modules/@acme/shared': '-> ../../packages/shared',
    'proj/node_modules/fn': '-> ../packages/fn',
    'proj/packages/shared/package.json': '{}',
    'proj/packages/shared/index.js': module('left', 'own', 'fn/name.js'),
    'proj/packages/shared/node_modules/own/index.js': module(),
    'proj/packages/fn/package.json':
      '{"dependencies": {"left": "1", "@acme/shared": "1", "@aws-sdk/client": "3", "../up": "1"}, "devDependencies": {"typed": "1"}}',
    'proj/packages/fn/index.js': module('left', '@acme/shared'),
    'proj/packages/fn/name.js': 'module.exports = "self"',
  })
  const code = at('proj/packages/fn')
  const linked = await findLinkedModules(code, { home: at('home') })
  t.same(linked, {
    ...nothing,
    hoisted: [at('proj/node_modules')],
    binds: [at('proj/node_modules'), at('proj/packages/fn'), at('proj/packages/shared')],
    sandboxLinks: [{ path: '/var/node_modules', target: at('proj/node_modules') }],
    warning: `${code} takes its modules @acme/shared, left from outside its folder: AWS would not have them unless packaged with it`,
  })
  t.same(requireInView(t, code, linked), ['task', 'left', 'shared', 'left', 'own', 'self'])
})

t.test('pnpm in the folder itself: its links stay within and need nothing', async (t) => {
  const at = arrange(t, {
    'fn/index.js': module('a'),
    'fn/node_modules/a': '-> .pnpm/a@1/node_modules/a',
    'fn/node_modules/.pnpm/a@1/node_modules/a/index.js': module('b'),
    'fn/node_modules/.pnpm/a@1/node_modules/b': '-> ../../b@1/node_modules/b',
    'fn/node_modules/.pnpm/b@1/node_modules/b/index.js': module(),
  })
  const linked = await findLinkedModules(at('fn'), { home: undefined })
  t.same(linked, nothing)
  t.same(requireInView(t, at('fn'), linked), ['task', 'a', 'b'])
})

t.test('a pnpm workspace: the links of the code lead to the store above it', async (t) => {
  const at = arrange(t, {
    'proj/node_modules/.pnpm/a@1/node_modules/a/index.js': module('b'),
    'proj/node_modules/.pnpm/a@1/node_modules/b': '-> ../../b@1/node_modules/b',
    'proj/node_modules/.pnpm/b@1/node_modules/b/index.js': module(),
    'proj/packages/fn/package.json': '{"dependencies": {"a": "1"}, "devDependencies": {"d": "1"}}',
    'proj/packages/fn/index.js': module('a', 'real', '@in/one', '@out/two', '@out/three'),
    'proj/packages/fn/node_modules/a': '-> ../../../node_modules/.pnpm/a@1/node_modules/a',
    'proj/packages/fn/node_modules/d': '-> ../../../node_modules/.pnpm/b@1/node_modules/b',
    'proj/packages/fn/node_modules/real/index.js': module('a'),
    'proj/packages/fn/node_modules/@in/one/index.js': module(),
    'proj/packages/fn/node_modules/@out/two':
      '-> ../../../../node_modules/.pnpm/b@1/node_modules/b',
    'proj/packages/fn/node_modules/@out/three/index.js': module(),
    'proj/packages/fn/node_modules/inner': '-> ../lib/inner',
    'proj/packages/fn/lib/inner/index.js': module('a'),
  })
  const code = at('proj/packages/fn')
  const linked = await findLinkedModules(code, { home: at('home') })
  const own = (name: string) => ({ name, target: join(code, 'node_modules', name) })
  const stored = (name: string) => at(`proj/node_modules/.pnpm/${name}@1/node_modules/${name}`)
  t.same(linked.binds, [at('proj/node_modules'), join(code, 'node_modules')])
  t.same([...linked.relinked].sort(), ['@out/two', 'a', 'd'])
  t.same(
    [...(linked.taskLinks ?? [])].sort((one, other) => (one.name < other.name ? -1 : 1)),
    [
      own('@in'),
      own('@out/three'),
      { name: '@out/two', target: stored('b') },
      { name: 'a', target: stored('a') },
      { name: 'd', target: stored('b') },
      { name: 'inner', target: '/var/task/lib/inner' },
      own('real'),
    ],
  )
  t.match(linked.warning ?? '', /takes its modules @out\/two, a from outside/)
  const wanted = ['task', 'a', 'b', 'real', 'a', 'b', 'one', 'b', 'three']
  t.same(requireInView(t, code, linked), wanted)
  const inner = "console.log(JSON.stringify(require('inner')))"
  t.same(runInView(t, code, linked, inner), ['inner', 'a', 'b'])
})

t.test('pnpm with a store for all projects: each package comes with its neighbours', async (t) => {
  const at = arrange(t, {
    'home/store/a/hash/node_modules/a/index.js': module('b'),
    'home/store/a/hash/node_modules/b': '-> ROOT/home/store/b/hash/node_modules/b',
    'home/store/b/hash/node_modules/b/index.js': module(),
    'home/fn/index.js': module('a'),
    'home/fn/node_modules/a': '-> ROOT/home/store/a/hash/node_modules/a',
  })
  const linked = await findLinkedModules(at('home/fn'), { home: at('home') })
  t.same(linked.binds, [
    at('home/fn/node_modules'),
    at('home/store/a/hash/node_modules'),
    at('home/store/b/hash/node_modules'),
  ])
  t.same(linked.leftOut, [])
  t.same(requireInView(t, at('home/fn'), linked), ['task', 'a', 'b'])
})

t.test(
  'npm link: through the global folder to a package elsewhere, with its own modules',
  async (t) => {
    const at = arrange(t, {
      'proj/fn/index.js': module('tool'),
      'proj/fn/node_modules/tool': '-> ../../../global/node_modules/tool',
      'global/node_modules/tool': '-> ../../code/tool',
      'code/tool/package.json': '{}',
      'code/tool/index.js': module('dep', 'above', 'chained'),
      'code/tool/node_modules/dep/index.js': module(),
      'code/tool/node_modules/chained': '-> ../../../global/node_modules/chained',
      'global/node_modules/chained': '-> ../../elsewhere/chained',
      'elsewhere/chained/index.js': module(),
      'code/node_modules/above/index.js': module(),
      'code/secret': 'not to be seen',
    })
    const linked = await findLinkedModules(at('proj/fn'), { home: at('home') })
    t.same(linked.relinked, ['tool'])
    t.same(linked.taskLinks, [{ name: 'tool', target: at('code/tool') }])
    t.same(linked.binds, [
      at('code/node_modules'),
      at('code/tool'),
      at('elsewhere/chained'),
      at('proj/fn/node_modules'),
    ])
    t.same(linked.sandboxLinks, [
      { path: at('global/node_modules/chained'), target: at('elsewhere/chained') },
    ])
    t.match(
      linked.warning ?? '',
      /takes its module tool from outside its folder: AWS would not have it /,
    )
    t.same(requireInView(t, at('proj/fn'), linked), ['task', 'tool', 'dep', 'above', 'chained'])
  },
)

t.test('what would show more than packages is left out, and said', async (t) => {
  const at = arrange(t, {
    'home/package.json': '{}',
    'home/.aws/credentials': 'secret',
    'home/proj/package.json': '{}',
    'home/proj/apps/fn/index.js': module('good'),
    'home/proj/apps/fn/node_modules/good': '-> ../../../good',
    'home/proj/apps/fn/node_modules/house': '-> ../../../..',
    'home/proj/apps/fn/node_modules/above': '-> ../../../../..',
    'home/proj/apps/fn/node_modules/disk': '-> /',
    'home/proj/apps/fn/node_modules/keys': '-> ../../../../.aws',
    'home/proj/apps/fn/node_modules/apps': '-> ../..',
    'home/proj/apps/fn/node_modules/file': '-> ../../../package.json',
    'home/proj/apps/fn/node_modules/@all': '-> ../../../..',
    'home/proj/good/index.js': module(),
    'home/proj/good/node_modules/house': '-> ../../../..',
  })
  const code = at('home/proj/apps/fn')
  const linked = await findLinkedModules(code, { home: at('home') })
  t.same(linked.binds, [join(code, 'node_modules'), at('home/proj/good')])
  t.same(linked.relinked, ['good'])
  t.same(linked.taskLinks, [{ name: 'good', target: at('home/proj/good') }])
  const about = (name: string) => linked.leftOut.filter((text) => text.includes(`/${name} is left`))
  for (const name of ['above', 'disk', 'keys', 'apps', 'file', '@all'])
    t.equal(about(name).length, 1, name)
  t.match(about('keys').join(), /is not a package/)
  t.match(about('disk').join(), /the whole file system/)
  t.match(about('house').join(), /holds your home folder/)
  t.same(requireInView(t, code, linked), ['task', 'good'])
  const probe = `console.log(require('fs').existsSync('${at('home/.aws')}'))`
  t.equal(runInView(t, code, linked, probe), false)
})

t.test('a link to the project that holds the code is a package when it says so', async (t) => {
  const layout = {
    'lib/index.js': module(),
    'lib/examples/fn/index.js': module('lib'),
    'lib/examples/fn/node_modules/lib': '-> ../../..',
  }
  const unnamed = arrange(t, layout)
  const refused = await findLinkedModules(unnamed('lib/examples/fn'), { home: undefined })
  t.same(refused.binds, [])
  t.match(refused.leftOut, [/lib is not a package$/])
  const at = arrange(t, { ...layout, 'lib/package.json': '{}' })
  const linked = await findLinkedModules(at('lib/examples/fn'), { home: undefined })
  t.same(linked.binds, [at('lib')])
  t.same(requireInView(t, at('lib/examples/fn'), linked), ['task', 'lib'])
})

t.test('a whole scope that is a link brings its packages, and nothing beside them', async (t) => {
  const at = arrange(t, {
    'proj/fn/index.js': module('@acme/one', '@acme/two'),
    'proj/fn/node_modules/@acme': '-> ../../libs',
    'proj/libs/one/index.js': module(),
    'proj/libs/two': '-> ../two',
    'proj/libs/notes/text': 'no package',
    'proj/two/index.js': module(),
  })
  const linked = await findLinkedModules(at('proj/fn'), { home: undefined })
  t.same(linked.binds, [at('proj/fn/node_modules'), at('proj/libs/one'), at('proj/two')])
  t.same(linked.taskLinks, [{ name: '@acme', target: at('proj/libs') }])
  t.same(requireInView(t, at('proj/fn'), linked), ['task', 'one', 'two'])
})

t.test(
  'two folders above the code are found, nearest first, and a third is said to be left out',
  async (t) => {
    const at = arrange(t, {
      'one/node_modules/far/index.js': module(),
      'one/two/node_modules/both/index.js': 'module.exports = "farther"',
      'one/two/node_modules/mid/index.js': module('far'),
      'one/two/three/node_modules/both/index.js': 'module.exports = "nearest"',
      'one/two/three/fn/index.js': module('both', 'mid'),
    })
    const linked = await findLinkedModules(at('one/two/three/fn'), { home: undefined })
    const nearestFirst = ['one/two/three', 'one/two', 'one'].map((path) =>
      at(`${path}/node_modules`),
    )
    t.same(linked.hoisted, nearestFirst)
    t.same(linked.sandboxLinks, [
      { path: '/var/node_modules', target: nearestFirst[0] },
      { path: '/node_modules', target: nearestFirst[1] },
    ])
    t.match(linked.leftOut, [/one\/node_modules is left out/])
    t.equal(linked.warning, undefined, 'no package.json says what the function needs')
    t.same(requireInView(t, at('one/two/three/fn'), linked), ['task', 'nearest', 'mid', 'far'])
  },
)

t.test(
  'a node_modules that is itself a link is met where its text leads from /var/task',
  async (t) => {
    const at = arrange(t, {
      'deep/er/fn/index.js': module('a'),
      'deep/er/fn/package.json': '{"dependencies": {"a": "1"}}',
      'deep/er/fn/node_modules': '-> ../../../store/node_modules',
      'store/node_modules/a/index.js': module(),
    })
    const linked = await findLinkedModules(at('deep/er/fn'), { home: undefined })
    t.same(linked.binds, [at('store/node_modules')])
    t.same(linked.sandboxLinks, [{ path: '/store/node_modules', target: at('store/node_modules') }])
    t.equal(linked.taskLinks, undefined)
    t.match(linked.warning ?? '', /takes its module a from outside/)
    t.same(requireInView(t, at('deep/er/fn'), linked), ['task', 'a'])
  },
)

t.test('a long list of modules is cut in the warning', async (t) => {
  const names = 'abcdefgh'.split('')
  const at = arrange(t, {
    'proj/fn/index.js': module(),
    'proj/fn/package.json': JSON.stringify({
      dependencies: Object.fromEntries(names.map((name) => [name, '1'])),
    }),
    ...Object.fromEntries(names.map((name) => [`proj/node_modules/${name}/index.js`, module()])),
  })
  const { warning } = await findLinkedModules(at('proj/fn'), { home: undefined })
  t.match(
    warning ?? '',
    / modules a, b, c, d, e and 3 more from outside its folder: AWS would not have them /,
  )
})

t.test('links in a circle end', async (t) => {
  const at = arrange(t, {
    'proj/fn/index.js': module('a'),
    'proj/fn/node_modules/a': '-> ../../a',
    'proj/fn/node_modules/loop': '-> loop',
    'proj/a/index.js': module('b'),
    'proj/a/node_modules/b': '-> ../../b',
    'proj/b/index.js': 'module.exports = "b"',
    'proj/b/node_modules/a': '-> ../../a',
  })
  const linked = await findLinkedModules(at('proj/fn'), { home: undefined })
  t.same(linked.binds, [at('proj/a'), at('proj/b'), at('proj/fn/node_modules')])
  t.same(requireInView(t, at('proj/fn'), linked), ['task', 'a', 'b'])
})

t.test('a package.json that is none declares nothing', async (t) => {
  for (const text of ['[not json', 'null', '{"dependencies": 5}']) {
    const at = arrange(t, { 'fn/package.json': text, 'node_modules/a/index.js': module() })
    const linked = await findLinkedModules(at('fn'), { home: undefined })
    t.same([linked.hoisted, linked.warning], [[at('node_modules')], undefined])
  }
})
