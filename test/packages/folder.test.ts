// Packages that are folders: a hash that follows the content and nothing else; and where handlers are looked for.

import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { openCodeStore } from '../../src/packages/code-store.js'
import { packageFolder, packageLocalCode } from '../../src/packages/folder.js'
import { findHandlerFile } from '../../src/packages/handler-file.js'
import { rawZip } from './raw-zip.js'

function folderWith(test: Test, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'packages-'))
  test.teardown(() => rmSync(folder, { recursive: true, force: true }))
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return folder
}

const project = {
  'index.js': 'exports.handler = async () => 1\n',
  'lib/a.js': 'a',
  'node_modules/dep/index.js': 'dep',
}

t.test(
  'equal folders have equal hashes wherever they are and whenever they were written',
  async (t) => {
    const one = folderWith(t, project)
    const two = folderWith(t, project)
    utimesSync(join(two, 'index.js'), 1, 1)
    const [first, second] = [await packageFolder(one), await packageFolder(two)]
    t.equal(first.sha256, second.sha256)
    t.equal(first.folder, one)
    t.equal(first.sizeBytes, project['index.js'].length + 1 + 3)
    t.equal(first.zipPath, undefined)
  },
)

const changes: readonly [string, (folder: string) => void][] = [
  ['a file of the same size changes', (folder) => writeFileSync(join(folder, 'lib/a.js'), 'b')],
  ['a file is added', (folder) => writeFileSync(join(folder, 'new.js'), '')],
  ['a file goes', (folder) => rmSync(join(folder, 'lib/a.js'))],
  ['a mode changes', (folder) => chmodSync(join(folder, 'index.js'), 0o755)],
  ['a link is added', (folder) => symlinkSync('lib', join(folder, 'l'))],
  ['a dependency is added', (folder) => mkdirSync(join(folder, 'node_modules/other'))],
  [
    'a dependency changes its size',
    (folder) => writeFileSync(join(folder, 'node_modules/dep/index.js'), 'dep2'),
  ],
]

for (const [claim, change] of changes) {
  t.test(`the hash changes when ${claim}`, async (t) => {
    const folder = folderWith(t, project)
    const before = await packageFolder(folder)
    change(folder)
    t.ok((await packageFolder(folder)).sha256 !== before.sha256)
  })
}

t.test('version control and build folders are no part of the package', async (t) => {
  const folder = folderWith(t, project)
  const before = await packageFolder(folder)
  mkdirSync(join(folder, '.git'))
  writeFileSync(join(folder, '.git/HEAD'), 'ref')
  t.equal((await packageFolder(folder)).sha256, before.sha256)
})

t.test('local code is a folder, a zip, or an error that names it', async (t) => {
  const folder = folderWith(t, project)
  const store = await openCodeStore(folderWith(t, {}))
  t.equal((await packageLocalCode('f', folder, store)).folder, folder)
  writeFileSync(join(folder, 'f.zip'), rawZip([{ name: 'index.js', data: 'x' }]))
  t.ok((await packageLocalCode('f', join(folder, 'f.zip'), store)).zipPath)
  await t.rejects(packageLocalCode('f', join(folder, 'index.js'), store), {
    code: 'EMU_ZIP_INVALID',
    message: new RegExp(join(folder, 'index.js')),
  })
  await t.rejects(packageLocalCode('f', join(folder, 'none'), store), {
    code: 'EMU_CODE_NOT_FOUND',
    message: `function f: its code ${join(folder, 'none')} does not exist`,
  })
})

const handlers: readonly [
  runtime: string,
  handler: string,
  files: readonly string[],
  found: string | undefined,
][] = [
  ['nodejs22.x', 'index.handler', ['index.js'], 'index.js'],
  ['nodejs22.x', 'index.handler', ['index.js', 'index.mjs', 'index'], 'index'],
  ['nodejs22.x', 'index.handler', ['index.cjs', 'index.mjs'], 'index.mjs'],
  ['nodejs22.x', 'src/app.api.get', ['src/app.cjs'], 'src/app.cjs'],
  ['nodejs22.x', 'dep/index.handler', ['node_modules/dep/index.js'], 'node_modules/dep/index.js'],
  ['nodejs22.x', '/opt/nodejs/wrap.handler', [], undefined],
  ['python3.12', 'app.handler', ['app.py'], 'app.py'],
  ['python3.12', 'pkg.mod.handler', ['pkg/mod.py'], 'pkg/mod.py'],
  ['python3.12', 'pkg/mod.handler', ['pkg/mod.py'], 'pkg/mod.py'],
  ['python3.12', 'pkg.handler', ['pkg/__init__.py'], 'pkg/__init__.py'],
  [
    'python3.12',
    'fast.handler',
    ['fast.cpython-312-x86_64-linux-gnu.so'],
    'fast.cpython-312-x86_64-linux-gnu.so',
  ],
  ['provided.al2023', 'anything', ['bootstrap'], 'bootstrap'],
  ['java21', 'a.B::c', [], undefined],
]

for (const [runtime, handler, files, found] of handlers) {
  t.test(
    `${runtime} ${handler} with ${files.join(', ') || 'nothing'} loads ${found ?? 'what cannot be checked'}`,
    async (t) => {
      const folder = folderWith(t, Object.fromEntries(files.map((file) => [file, ''])))
      t.equal(await findHandlerFile({ functionName: 'f', runtime, handler, folder }), found)
    },
  )
}

const missing: readonly [runtime: string, handler: string, tried: string][] = [
  ['nodejs22.x', 'index.handler', 'index, index.js, index.mjs, index.cjs'],
  ['nodejs22.x', 'handler', 'nothing: it is not <file>.<function>'],
  ['nodejs22.x', '../index.handler', 'nothing'],
  ['python3.12', 'app.lambda_handler', 'app.py, app/__init__.py'],
  ['python3.12', 'lambda_handler', 'nothing'],
  ['provided.al2023', 'x', 'bootstrap'],
]

for (const [runtime, handler, tried] of missing) {
  t.test(`${runtime} without a file for ${handler} is told what was looked for`, async (t) => {
    const folder = folderWith(t, { 'other.js': '' })
    const error = await findHandlerFile({ functionName: 'f', runtime, handler, folder }).catch(
      (e: unknown) => e,
    )
    t.match(error, {
      code: 'EMU_HANDLER_NOT_FOUND',
      message: `function f: no file for handler ${handler} in ${folder}`,
    })
    t.ok(
      (error as { hint: string }).hint.includes(`looked for ${tried}`),
      (error as { hint: string }).hint,
    )
  })
}
