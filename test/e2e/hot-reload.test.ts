// Hot reload through the whole daemon: the call after a save has the new code, what runs keeps the old, nobody else notices.

import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { JournalRecord } from '../../src/admin/contract.js'
import { type Answer, type Daemon, startDaemon, until } from '../support/daemon.js'
import { temporaryFolder } from '../support/functions.js'
import { startWith, type WrittenFunction, writeProject } from '../support/in-process.js'

// Only against hanging.
t.setTimeout(400_000)

interface Arranged {
  readonly daemon: Daemon
  readonly project: string
  readonly stateDirectory: string
  /** Writes a file of the project in place. */
  save(path: string, text: string): void
  /** Records of the journal of this kind, once there are so many. */
  told(kind: string, count: number): Promise<readonly JournalRecord[]>
}

async function arrange(
  t: Test,
  functions: Readonly<Record<string, WrittenFunction>>,
): Promise<Arranged> {
  const project = temporaryFolder(t)
  writeProject(project, functions)
  return started(t, project)
}

async function started(t: Test, project: string): Promise<Arranged> {
  const stateDirectory = temporaryFolder(t)
  const daemon = await startDaemon(t, { project, stateDirectory })
  return {
    daemon,
    project,
    stateDirectory,
    save(path, text) {
      mkdirSync(dirname(join(project, path)), { recursive: true })
      writeFileSync(join(project, path), text)
    },
    async told(kind, count) {
      const found = () => daemon.journal.filter((record) => record.kind === kind)
      await until(`${count} × ${kind}`, () => found().length >= count)
      return found()
    },
  }
}

const node = (text: string): WrittenFunction => ({ files: { 'index.js': text } })
const nodeSays = (text: string) => `exports.handler = async () => ${JSON.stringify(text)}`
const pythonSays = (text: string) =>
  `def handler(event, context):\n    return ${JSON.stringify(text)}\n`
const python = (text: string): WrittenFunction => ({
  runtime: 'python3.12',
  files: { 'app.py': text },
})

async function pidsOf(daemon: Daemon, functionName: string): Promise<readonly number[]> {
  const all = await daemon.admin.environments()
  return all.filter((each) => each.functionName === functionName).flatMap(({ pids }) => pids)
}

const body = ({ body }: Answer) => body

t.test(
  'the call right after a save has the new code, fifty times, in Node and Python',
  async (t) => {
    const { daemon, save } = await arrange(t, {
      js: node(nodeSays('0')),
      py: python(pythonSays('0')),
      other: node(nodeSays('other')),
    })
    await daemon.invoke('other', {})
    const pids = await pidsOf(daemon, 'other')
    for (let round = 1; round <= 25; round += 1) {
      save('js/index.js', nodeSays(`js ${round}`))
      t.equal(body(await daemon.invoke('js', {})), `js ${round}`)
      save('py/app.py', pythonSays(`py ${round}`))
      t.equal(body(await daemon.invoke('py', {})), `py ${round}`)
    }
    t.equal(body(await daemon.invoke('other', {})), 'other')
    t.same(await pidsOf(daemon, 'other'), pids, 'the other function’s processes are the same')
  },
)

t.test('every way in which editors save is one reload', async (t) => {
  const { daemon, project, save, told } = await arrange(t, { js: node(nodeSays('0')) })
  const file = join(project, 'js/index.js')
  const ways: Record<string, (text: string) => void> = {
    'in place': (text) => save('js/index.js', text),
    'renamed over it': (text) => {
      writeFileSync(join(project, 'js/.index.js.swp'), 'swap')
      writeFileSync(join(project, 'js/index.js.tmp'), text)
      renameSync(join(project, 'js/index.js.tmp'), file)
      rmSync(join(project, 'js/.index.js.swp'))
    },
    'the old one moved away first': (text) => {
      renameSync(file, `${file}~`)
      writeFileSync(file, text)
      rmSync(`${file}~`)
    },
    'sed -i': (text) => {
      const word = JSON.parse(text.slice(text.indexOf('"'))) as string
      execFileSync('sed', ['-i', `s/"[^"]*"/"${word}"/`, file])
    },
  }
  let reloads = 0
  for (const [way, saveSo] of Object.entries(ways)) {
    saveSo(nodeSays(way))
    t.equal(body(await daemon.invoke('js', {})), way)
    reloads += 1
    const records = await told('project.reloaded', reloads)
    t.equal(records.length, reloads, way)
    t.same(records.at(-1)?.changed, ['js'])
  }
  const before = await pidsOf(daemon, 'js')
  save('js/index.js', nodeSays('sed -i'))
  t.equal(body(await daemon.invoke('js', {})), 'sed -i')
  t.same(await pidsOf(daemon, 'js'), before, 'a save that changes nothing changes nothing')
})

t.test('a request in flight ends with the code it began with, lazy imports included', async (t) => {
  const lazily = (version: string) => `
    const { existsSync } = require('node:fs')
    exports.handler = async ({ waits }) => {
      console.log('begun')
      while (waits && !existsSync('/tmp/go') && !existsSync(process.env.GO)) await new Promise((r) => setTimeout(r, 10))
      return ['${version}', require('./lazy.js'), (await import('./lazy.mjs')).default]
    }`
  const go = join(temporaryFolder(t), 'go')
  const { daemon, save, told, stateDirectory } = await arrange(t, {
    js: {
      timeoutSeconds: 60,
      environment: { GO: go },
      files: {
        'index.js': lazily('old'),
        'lazy.js': 'module.exports = "old"',
        'lazy.mjs': 'export default "old"',
      },
    },
  })
  const inFlight = daemon.invoke('js', { waits: true })
  await until('it runs', () => daemon.logs.some(({ message }) => message.endsWith('begun')))
  save('js/index.js', lazily('new'))
  save('js/lazy.js', 'module.exports = "new"')
  save('js/lazy.mjs', 'export default "new"')
  t.same(body(await daemon.invoke('js', {})), ['new', 'new', 'new'])
  await told('project.reloaded', 1)
  const environments = await daemon.admin.environments()
  const busy = environments.find(({ phase }) => phase === 'busy')
  t.ok(busy, 'the first is still running')
  writeFileSync(join(busy?.tmpFolder ?? '', 'go'), '')
  t.same(body(await inFlight), ['old', 'old', 'old'])
  const copies = join(stateDirectory, 'snapshots')
  await until('the old copy is removed', () => readdirSync(copies).length === 1)
  t.same(body(await daemon.invoke('js', {})), ['new', 'new', 'new'])
})

t.test(
  'settings: what changes in the source changes one function, and others stay warm',
  async (t) => {
    const { daemon, project, save, told } = await arrange(t, {
      a: node('exports.handler = async () => process.env.WORD ?? "none"'),
      b: node('exports.handler = async () => process.pid'),
    })
    const file = join(project, 'lambda-emu.json')
    const config = JSON.parse(execFileSync('cat', [file], { encoding: 'utf8' }))
    const put = () => writeFileSync(file, JSON.stringify(config))
    t.equal(body(await daemon.invoke('a', {})), 'none')
    const pids = await pidsOf(daemon, 'b')
    await daemon.invoke('b', {})
    const warm = await pidsOf(daemon, 'b')
    t.not(warm, pids)
    config.functions.a.environment = { WORD: 'first' }
    put()
    t.equal(body(await daemon.invoke('a', {})), 'first')
    t.same((await told('project.reloaded', 1)).at(-1)?.changed, ['a'])

    config.functions.c = { ...config.functions.a, environment: { WORD: 'added' } }
    put()
    t.equal(body(await daemon.invoke('c', {})), 'added', 'a new function can be called at once')
    t.same((await told('project.reloaded', 2)).at(-1)?.added, ['c'])

    delete config.functions.a
    put()
    t.equal((await daemon.invoke('a', {})).status, 404)
    t.same((await told('project.reloaded', 3)).at(-1)?.removed, ['a'])

    writeFileSync(file, '{ "functions": ')
    t.equal(
      body(await daemon.invoke('c', {})),
      'added',
      'a broken source: what was served is served on',
    )
    const [failed] = await told('project.reload-failed', 1)
    t.equal(failed?.code, 'EMU_CONFIG_INVALID')
    t.match(failed?.message, /lambda-emu\.json/)
    t.ok(failed?.hint)
    save('b/index.js', 'exports.handler = async () => "edited meanwhile"')
    t.equal(body(await daemon.invoke('b', {})), 'edited meanwhile')

    config.functions.c.environment.WORD = 'mended'
    put()
    t.equal(body(await daemon.invoke('c', {})), 'mended')
    t.equal(daemon.journal.filter(({ kind }) => kind === 'project.reload-failed').length, 1)
  },
)

t.test('template.yaml: memory, a handler, a new CodeUri', async (t) => {
  const project = temporaryFolder(t)
  const template = (properties: string) => `
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: fn
      Runtime: nodejs22.x
${properties}`
  mkdirSync(join(project, 'one'))
  mkdirSync(join(project, 'two'))
  const text = (name: string) =>
    `exports.handler = async () => '${name} ' + process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE; exports.other = async () => '${name} other'`
  writeFileSync(join(project, 'one/index.js'), text('one'))
  writeFileSync(join(project, 'two/index.js'), text('two'))
  const file = join(project, 'template.yaml')
  const put = (...lines: string[]) =>
    writeFileSync(file, template(lines.map((line) => `      ${line}\n`).join('')))
  put('Handler: index.handler', 'CodeUri: one')
  const { daemon } = await started(t, project)
  t.equal(body(await daemon.invoke('fn', {})), 'one 128')
  put('Handler: index.handler', 'CodeUri: one', 'MemorySize: 512')
  t.equal(body(await daemon.invoke('fn', {})), 'one 512')
  put('Handler: index.other', 'CodeUri: one', 'MemorySize: 512')
  t.equal(body(await daemon.invoke('fn', {})), 'one other')
  put('Handler: index.handler', 'CodeUri: two', 'MemorySize: 512')
  t.equal(body(await daemon.invoke('fn', {})), 'two 512')
  writeFileSync(join(project, 'two/index.js'), text('new folder'))
  t.equal(body(await daemon.invoke('fn', {})), 'new folder 512', 'which is watched, too')
})

t.test(
  'half-written code is what its next init makes of it, and a whole file mends it',
  async (t) => {
    const { daemon, save } = await arrange(t, { js: node(nodeSays('whole')) })
    t.equal(body(await daemon.invoke('js', {})), 'whole')
    save('js/index.js', 'exports.handler = async () => {')
    const broken = await daemon.invoke('js', {})
    t.equal(broken.functionError, 'Unhandled')
    t.match(broken.body, { errorType: 'Runtime.UserCodeSyntaxError' })
    save('js/index.js', nodeSays('mended'))
    t.equal(body(await daemon.invoke('js', {})), 'mended')
  },
)

t.test('five hundred files at once are one reload', async (t) => {
  const { daemon, project, told } = await arrange(t, { js: node(nodeSays('before')) })
  await daemon.invoke('js', {})
  const checkout = temporaryFolder(t)
  for (let file = 0; file < 500; file += 1) {
    const folder = join(checkout, `lib${file % 25}/deep`)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${file}.js`), `module.exports = ${file}`)
  }
  const index = `exports.handler = async () => {
    let sum = 0
    for (let file = 0; file < 500; file += 1) sum += require('./lib' + (file % 25) + '/deep/' + file + '.js')
    return sum
  }`
  writeFileSync(join(checkout, 'index.js'), index)
  cpSync(checkout, join(project, 'js'), { recursive: true })
  t.equal(body(await daemon.invoke('js', {})), (499 * 500) / 2)
  const records = await told('project.reloaded', 1)
  t.equal(records.length, 1)
  // And what came with it is watched.
  writeFileSync(join(project, 'js/lib7/deep/7.js'), 'module.exports = 1007')
  t.equal(body(await daemon.invoke('js', {})), (499 * 500) / 2 + 1_000)
  rmSync(join(project, 'js/lib7'), { recursive: true })
  t.equal((await daemon.invoke('js', {})).functionError, 'Unhandled')
})

t.test(
  'a new dependency is there for the next call; what is written inside one is not watched',
  async (t) => {
    const text = `exports.handler = async () => {
    try { return require('dep') } catch { return 'missing' }
  }`
    const { daemon, save } = await arrange(t, { js: node(text) })
    t.equal(body(await daemon.invoke('js', {})), 'missing')
    save('js/node_modules/dep/index.js', 'module.exports = 1')
    save('js/node_modules/.package-lock.json', '{}')
    t.equal(body(await daemon.invoke('js', {})), 1)
    const pids = await pidsOf(daemon, 'js')
    save('js/node_modules/dep/index.js', 'module.exports = 2')
    t.equal(body(await daemon.invoke('js', {})), 1)
    t.same(await pidsOf(daemon, 'js'), pids)
    save('js/node_modules/.package-lock.json', '{ "version": 2 }')
    t.equal(body(await daemon.invoke('js', {})), 2)
  },
)

t.test('a package of the same workspace is watched where it is', async (t) => {
  const project = temporaryFolder(t)
  writeProject(project, { fn: node("exports.handler = async () => require('@acme/shared')") })
  const shared = join(project, 'shared')
  mkdirSync(shared)
  writeFileSync(join(shared, 'package.json'), '{"name": "@acme/shared"}')
  writeFileSync(join(shared, 'index.js'), 'module.exports = "old"')
  mkdirSync(join(project, 'node_modules/@acme'), { recursive: true })
  symlinkSync('../../shared', join(project, 'node_modules/@acme/shared'))
  const { daemon, save } = await started(t, project)
  t.equal(body(await daemon.invoke('fn', {})), 'old')
  save('shared/index.js', 'module.exports = "new"')
  t.equal(body(await daemon.invoke('fn', {})), 'new')
})

t.test('code folders that are links, and one that all functions share', async (t) => {
  const project = temporaryFolder(t)
  for (const version of ['v1', 'v2']) {
    mkdirSync(join(project, version))
    writeFileSync(
      join(project, version, 'index.js'),
      `exports.handler = async () => '${version}'; exports.second = async () => 'second ${version}'`,
    )
  }
  symlinkSync('v1', join(project, 'current'))
  const of = (handler: string) => ({ runtime: 'nodejs22.x', handler, code: './current' })
  const functions = { a: of('index.handler'), b: of('index.second') }
  writeFileSync(join(project, 'lambda-emu.json'), JSON.stringify({ functions }))
  const { daemon, save, told } = await started(t, project)
  t.equal(body(await daemon.invoke('a', {})), 'v1')
  t.equal(body(await daemon.invoke('b', {})), 'second v1')
  symlinkSync('v2', join(project, 'next'))
  renameSync(join(project, 'next'), join(project, 'current'))
  t.equal(body(await daemon.invoke('a', {})), 'v2')
  t.equal(body(await daemon.invoke('b', {})), 'second v2')
  t.same((await told('project.reloaded', 1))[0]?.changed, ['a', 'b'])
  save(
    'v2/index.js',
    "exports.handler = async () => 'v3'; exports.second = async () => 'second v3'",
  )
  t.equal(body(await daemon.invoke('b', {})), 'second v3')
})

t.test(
  'a handler file or the whole folder that goes: it is told, and the old is served on',
  async (t) => {
    const { daemon, project, save, told } = await arrange(t, { js: node(nodeSays('old')) })
    t.equal(body(await daemon.invoke('js', {})), 'old')
    const pids = await pidsOf(daemon, 'js')
    rmSync(join(project, 'js/index.js'))
    t.equal(body(await daemon.invoke('js', {})), 'old')
    const [first] = await told('project.reload-failed', 1)
    t.equal(first?.code, 'EMU_HANDLER_NOT_FOUND')
    t.match(first?.message, new RegExp(join(project, 'js')))
    rmSync(join(project, 'js'), { recursive: true })
    t.equal(body(await daemon.invoke('js', {})), 'old')
    const failures = await told('project.reload-failed', 2)
    t.equal(failures.at(-1)?.code, 'EMU_CODE_NOT_FOUND')
    t.same(await pidsOf(daemon, 'js'), pids)
    save('js/index.js', nodeSays('back'))
    t.equal(body(await daemon.invoke('js', {})), 'back')
    save('js/index.js', nodeSays('and watched'))
    t.equal(body(await daemon.invoke('js', {})), 'and watched')
  },
)

t.test(
  'without a call a save is served by itself, and nothing stays behind at the end',
  async (t) => {
    const { daemon, project, stateDirectory, told } = await arrange(t, { js: node(nodeSays('0')) })
    appendFileSync(join(project, 'js/index.js'), '\n// more\n')
    const [record] = await told('project.reloaded', 1)
    t.ok(Number(record?.tookMs) > 0)
    t.equal(await daemon.stop(), 0)
    t.notOk(readdirSync(stateDirectory).includes('snapshots'))
  },
)

t.test('in one process: what is saved in one breath with the call is served by it', async (t) => {
  const { emulator, folder } = await startWith(t, { js: node(nodeSays('0')) }, { watch: true })
  for (let round = 1; round <= 20; round += 1) {
    writeFileSync(join(folder, 'js/index.js'), nodeSays(`round ${round}`))
    t.equal((await emulator.invoke('js')).payload, `round ${round}`)
  }
  const [shown] = emulator.functions()
  t.equal(shown?.codeFolder, realpathSync(join(folder, 'js')), 'the user is shown his own folder')
})

t.test(
  'without isolation: the copy is what runs, its dependencies and links lead where they led',
  async (t) => {
    const text = (version: string) => `
    exports.handler = async () => ['${version}', require('dep'), require('./shared/x.js'), __filename]`
    const { emulator, folder } = await startWith(
      t,
      {
        js: {
          files: { 'index.js': text('old'), 'node_modules/dep/index.js': 'module.exports = "dep"' },
        },
        shared: { files: { 'index.js': nodeSays('0'), 'x.js': 'module.exports = "shared"' } },
      },
      { watch: true, isolation: 'none' },
    )
    symlinkSync('../shared', join(folder, 'js/shared'))
    const call = async () => (await emulator.invoke('js')).payload as string[]
    const [first, ...rest] = await call()
    t.same([first, ...rest.slice(0, 2)], ['old', 'dep', 'shared'])
    t.match(rest[2], /snapshots/)
    writeFileSync(join(folder, 'js/index.js'), text('new'))
    t.equal((await call())[0], 'new')
  },
)

t.test('code of more than 20 MB is served in place, with one warning', async (t) => {
  const big = 'x'.repeat(21 * 1024 * 1024)
  const files = { 'index.js': nodeSays('old'), 'model.txt': big }
  const { emulator, folder } = await startWith(t, { js: { files } }, { watch: true })
  t.equal((await emulator.invoke('js')).payload, 'old')
  writeFileSync(join(folder, 'js/index.js'), nodeSays('new'))
  t.equal((await emulator.invoke('js')).payload, 'new')
  t.equal(emulator.warnings.filter(({ code }) => code === 'W_CODE_LIVE').length, 1)
})

t.test('on demand: without a watch nothing is taken over until it is asked for', async (t) => {
  const { emulator, folder } = await startWith(t, { js: node(nodeSays('old')) })
  t.equal((await emulator.invoke('js')).payload, 'old')
  writeFileSync(join(folder, 'js/index.js'), nodeSays('new'))
  t.equal((await emulator.invoke('js')).payload, 'old')
  await emulator.reload?.()
  t.equal((await emulator.invoke('js')).payload, 'new')
})

t.test('a source folder that only its owner may read, with its dependencies', async (t) => {
  const project = temporaryFolder(t)
  const text = (version: string) => `exports.handler = async () => '${version} ' + require('dep')`
  const dep = 'module.exports = "dep"'
  writeProject(project, {
    js: { files: { 'index.js': text('old'), 'node_modules/dep/index.js': dep } },
  })
  execFileSync('chmod', ['-R', 'go-rwx', join(project, 'js')])
  const { daemon, save } = await started(t, project)
  t.equal(body(await daemon.invoke('js', {})), 'old dep')
  save('js/index.js', text('new'))
  t.equal(body(await daemon.invoke('js', {})), 'new dep')
})
