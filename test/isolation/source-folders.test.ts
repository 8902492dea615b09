// Source folders as they are on a developer's disk: hoisted and linked modules, private folders, a virtualenv, Node below HOME.

import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import {
  type DescribedFunction,
  describeFunctions,
  type HomeOfUser,
  homeOfUser,
  levels,
  own,
  startAt,
} from './levels.js'

t.setTimeout(400_000)

/** What every function here tells of itself. */
interface Answer {
  /** What its module exports. */
  readonly value: string
  /** What a write beside its module, and to its own code, fails with. */
  readonly beside: string
  readonly task: string
  /** What it finds in the user's home, and a read of the credentials fails with. */
  readonly home: readonly string[]
  readonly credentials: string
}

for (const level of levels.filter(({ name }) => name !== 'none')) {
  t.test(`source folders run as they are at the level "${level.title}"`, async (t) => {
    const home = await homeOfUser(t, level.userId)
    const functions = writeEverything(home)
    describeFunctions(home, functions, level.userId)
    const node = nodeBelowHome(home)
    const venv = virtualenv(home)
    own(join(home.folder, 'tools'), level.userId)
    const variables = { PATH: `${venv}/bin:/usr/local/bin:/usr/bin:/bin` }
    const daemon = await startAt(t, { home, level, node, variables })
    for (const name of Object.keys(functions)) {
      const answer = (await daemon.invoke(name, { credentials: home.credentials })) as Answer
      t.equal(answer.value, name === 'ecma' ? 'ecma and sub' : name, `${name} finds its module`)
      t.equal(answer.beside, 'EROFS', `${name}: modules are read-only`)
      t.equal(answer.task, 'EROFS', `${name}: code is read-only`)
      t.equal(answer.credentials, 'ENOENT', `${name}: HOME is hidden`)
      t.same(
        answer.home.filter((entry) => !['project', 'tools', 'state'].includes(entry)),
        [],
        `${name} sees of HOME only what leads to its modules and programs`,
      )
    }
    const warned = daemon.warnings
      .filter(({ code }) => code === 'W_MODULES_OUTSIDE')
      .map(({ property }) => property)
    t.same(
      warned.sort(),
      ['function linked', 'function pnpm-workspace', 'function workspace'],
      'one warning for each function whose modules AWS would not have',
    )
  })
}

function writeEverything(home: HomeOfUser): Record<string, DescribedFunction> {
  const { project } = home
  writeWorkspace(project)
  writeLinked(home)
  writePnpm(project)
  writeModule(join(project, 'inside/node_modules/inside-dep'), 'inside')
  writeFunction(join(project, 'inside'), 'inside-dep')
  writeModule(join(project, 'private/node_modules/private-dep'), 'private')
  writeFunction(join(project, 'private'), 'private-dep')
  chmodSync(join(project, 'private'), 0o700)
  for (const name of readdirSync(join(project, 'private')))
    if (name.includes('.')) chmodSync(join(project, 'private', name), 0o600)
  writeEcma(join(project, 'ecma'))
  writeFile(join(project, 'venv/app.py'), pythonHandler)
  const node = { runtime: 'nodejs22.x', handler: 'index.handler' }
  return {
    workspace: { ...node, code: './monorepo/packages/workspace' },
    linked: { ...node, code: './linked' },
    'pnpm-inside': { ...node, code: './pnpm-inside' },
    'pnpm-workspace': { ...node, code: './pnpm/packages/pnpm-workspace' },
    inside: { ...node, code: './inside' },
    private: { ...node, code: './private' },
    ecma: { ...node, code: './ecma' },
    venv: { runtime: 'python3.12', handler: 'app.handler', code: './venv' },
  }
}

/** npm workspaces: the dependency lies in the root's node_modules, and a package of the workspace is a link there. */
function writeWorkspace(project: string): void {
  const root = join(project, 'monorepo')
  const code = join(root, 'packages/workspace')
  writeFile(join(root, 'package.json'), JSON.stringify({ workspaces: ['packages/*'] }))
  writeModule(join(root, 'packages/shared'), 'workspace')
  writeModule(join(root, 'node_modules/hoisted'), 'hoisted', "require('@mono/shared').value")
  mkdirSync(join(root, 'node_modules/@mono'))
  symlinkSync('../../packages/shared', join(root, 'node_modules/@mono/shared'))
  symlinkSync('../packages/workspace', join(root, 'node_modules/workspace'))
  writeFunction(code, 'hoisted')
}

/** npm link: an absolute link to a folder elsewhere, in this case of the user's. */
function writeLinked({ project }: HomeOfUser): void {
  const target = join(project, 'elsewhere/linked-dep')
  writeModule(target, 'linked', "require('its-own').value")
  writeModule(join(target, 'node_modules/its-own'), 'linked')
  writeFunction(join(project, 'linked'), 'linked-dep')
  mkdirSync(join(project, 'linked/node_modules'))
  symlinkSync(target, join(project, 'linked/node_modules/linked-dep'))
}

/** pnpm: every package once in a store folder, everything else links into it. */
function writePnpm(project: string): void {
  const inside = join(project, 'pnpm-inside')
  const workspace = join(project, 'pnpm')
  for (const [root, code, value] of [
    [inside, inside, 'pnpm-inside'],
    [workspace, join(workspace, 'packages/pnpm-workspace'), 'pnpm-workspace'],
  ] as const) {
    const store = join(root, 'node_modules/.pnpm')
    writeModule(join(store, 'dep@1.0.0/node_modules/dep'), '', "require('deeper').value")
    writeModule(join(store, 'deeper@2.0.0/node_modules/deeper'), value)
    const beside = join(store, 'dep@1.0.0/node_modules/deeper')
    symlinkSync('../../deeper@2.0.0/node_modules/deeper', beside)
    mkdirSync(join(code, 'node_modules'), { recursive: true })
    const up = root === code ? '' : '../../../node_modules/'
    symlinkSync(`${up}.pnpm/dep@1.0.0/node_modules/dep`, join(code, 'node_modules/dep'))
    writeFunction(code, 'dep')
  }
}

/** An ESM function of a compiled TypeScript package: everything is found by "exports" alone. */
function writeEcma(code: string): void {
  const module = join(code, 'node_modules/@typed/package')
  const exports = {
    '.': { types: './dist/index.d.ts', import: './dist/index.js', require: './dist/index.cjs' },
    './sub': { types: './dist/sub.d.ts', default: './dist/sub.js' },
  }
  writeFile(join(module, 'package.json'), JSON.stringify({ type: 'module', exports }))
  writeFile(join(module, 'dist/index.js'), "export const value = 'ecma'\n")
  writeFile(join(module, 'dist/index.cjs'), "exports.value = 'the wrong one'\n")
  writeFile(join(module, 'dist/sub.js'), "export const sub = 'sub'\n")
  const dependencies = { '@typed/package': '1.0.0' }
  writeFile(join(code, 'package.json'), JSON.stringify({ type: 'module', dependencies }))
  writeFile(
    join(code, 'index.js'),
    `import { createRequire } from 'node:module'
import { value } from '@typed/package'
import { sub } from '@typed/package/sub'
import fs from 'node:fs'
import path from 'node:path'
const require = createRequire(import.meta.url)
const beside = path.dirname(require.resolve('@typed/package'))
${told("value + ' and ' + sub", 'beside')}
export const handler = tell
`,
  )
}

function writeModule(folder: string, value: string, expression = JSON.stringify(value)): void {
  writeFile(join(folder, 'package.json'), JSON.stringify({ main: 'main.js' }))
  writeFile(join(folder, 'main.js'), `exports.value = ${expression}\n`)
}

/** A function that uses one module. */
function writeFunction(code: string, dependency: string): void {
  const dependencies = { [dependency]: '1.0.0' }
  writeFile(join(code, 'package.json'), JSON.stringify({ dependencies }))
  writeFile(
    join(code, 'index.js'),
    `const fs = require('node:fs')
const path = require('node:path')
const { value } = require('${dependency}')
const beside = path.dirname(require.resolve('${dependency}'))
${told('value', 'beside')}
exports.handler = tell
`,
  )
}

/** Source text of `tell`, which makes an Answer. */
function told(value: string, beside: string): string {
  return `const codeOf = (run) => { try { run(); return 'done' } catch (error) { return error.code } }
const tell = async ({ credentials }) => {
  const home = path.dirname(path.dirname(credentials))
  return {
    value: ${value},
    beside: codeOf(() => fs.writeFileSync(path.join(${beside}, 'written'), '')),
    task: codeOf(() => fs.writeFileSync(path.join(process.env.LAMBDA_TASK_ROOT, 'written'), '')),
    home: fs.existsSync(home) ? fs.readdirSync(home) : [],
    credentials: codeOf(() => fs.readFileSync(credentials)),
  }
}`
}

const pythonHandler = `import errno, os
import from_the_venv

def code_of(path, flags):
    try:
        os.close(os.open(path, flags))
        return 'done'
    except OSError as error:
        return errno.errorcode[error.errno]

def handler(event, context):
    home = os.path.dirname(os.path.dirname(event['credentials']))
    new = os.O_CREAT | os.O_WRONLY
    return {
        'value': from_the_venv.value,
        'beside': code_of(os.path.join(os.path.dirname(from_the_venv.__file__), 'written'), new),
        'task': code_of(os.path.join(os.environ['LAMBDA_TASK_ROOT'], 'written'), new),
        'home': os.listdir(home) if os.path.exists(home) else [],
        'credentials': code_of(event['credentials'], os.O_RDONLY),
    }
`

/** As a version manager has it. */
function nodeBelowHome(home: HomeOfUser): string {
  const path = join(home.folder, 'tools/node/v20/bin/node')
  mkdirSync(dirname(path), { recursive: true })
  copyFileSync(process.execPath, path)
  chmodSync(path, 0o755)
  return path
}

function virtualenv(home: HomeOfUser): string {
  const folder = join(home.folder, 'tools/venv')
  execFileSync('/usr/bin/python3', ['-m', 'venv', '--without-pip', folder])
  const [version = ''] = readdirSync(join(folder, 'lib'))
  const modules = join(folder, 'lib', version, 'site-packages')
  appendFileSync(join(modules, 'from_the_venv.py'), "value = 'venv'\n")
  return folder
}

function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
