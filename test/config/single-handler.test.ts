// One file of code as a project: its function's name, its handler and its runtime.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { load } from '../../src/config/load.js'
import { projectWith } from './project.js'

const table: readonly (readonly [file: string, text: string, handler: string])[] = [
  ['handler.js', 'exports.handler = async () => 1', 'handler.handler'],
  ['index.mjs', 'export const handler = async () => 1', 'index.handler'],
  [
    'index.mjs',
    'export async function handler(event) {}\nexport function other() {}',
    'index.handler',
  ],
  ['orders.js', 'module.exports.run = async () => 1', 'orders.run'],
  ['orders.js', 'module.exports = { handler, other: 1 }', 'orders.handler'],
  ['orders.cjs', 'module.exports = {\n  async run() {}\n}', 'orders.run'],
  ['bundle.mjs', 'var h = 1;\nexport {\n  h as handler\n};', 'bundle.handler'],
  ['bundle.js', '"use strict"; exports.__esModule = true; exports.go = () => 1', 'bundle.go'],
  [
    'commented.js',
    '// exports.old = 1\n/* exports.older = 1 */\nexports.handler = 1',
    'commented.handler',
  ],
  [
    'app.py',
    'def lambda_handler(event, context):\n    return 1\n\ndef helper():\n    pass\n',
    'app.lambda_handler',
  ],
  ['app.py', 'def handler(event, context): ...', 'app.handler'],
  ['app.py', 'app = FastAPI()\nhandler = Mangum(app)\n', 'app.handler'],
  ['app.py', 'def _inner(): ...\ndef run(event, context): ...', 'app.run'],
]

for (const [file, text, handler] of table) {
  t.test(`${file} with ${JSON.stringify(text)} has the handler ${handler}`, async (t) => {
    const folder = projectWith(t, { [file]: text })
    const { functions, project, sources, sourcePath, warnings, apis } = await load(
      join(folder, file),
    )
    t.same(warnings, [])
    t.same(apis, [])
    t.equal(project, folder)
    t.equal(sourcePath, join(folder, file))
    t.same(sources, [join(folder, file)])
    const python = () => execFileSync('python3', ['-V'], { encoding: 'utf8' })
    const runtime = file.endsWith('.py')
      ? `python${/(\d+\.\d+)/.exec(python())?.[1]}`
      : `nodejs${process.versions.node.split('.')[0]}.x`
    t.match(functions, [
      { functionName: file.split('.')[0], handler, runtime, codePath: folder, timeoutSeconds: 3 },
    ])
  })
}

const bad: readonly (readonly [file: string, text: string, message: RegExp])[] = [
  ['empty.js', 'console.log(1)', /empty\.js:1: it exports no function/],
  ['both.js', 'exports.a = 1; exports.b = 2', /it exports a, b, and none is called handler/],
  ['app.py', 'def a(): ...\ndef b(): ...', /it exports a, b, and none is called handler/],
  ['app.ts', 'export const handler = 1', /app\.ts:1: \.ts is not run as it is/],
  ['my.handler.js', 'exports.handler = 1', /"my\.handler" cannot be the name of a function/],
]

for (const [file, text, message] of bad) {
  t.test(`${file} with ${JSON.stringify(text)} is refused`, async (t) => {
    const folder = projectWith(t, { [file]: text })
    await t.rejects(load(join(folder, file)), { code: 'EMU_CONFIG_INVALID', message, exitCode: 2 })
  })
}

t.test('a Python file without a Python on this machine names what is missing', async (t) => {
  const folder = projectWith(t, { 'app.py': 'def handler(event, context): ...' })
  const { PATH } = process.env
  t.teardown(() => {
    process.env.PATH = PATH
  })
  process.env.PATH = folder
  await t.rejects(load(join(folder, 'app.py')), { code: 'EMU_RUNTIME_MISSING', message: /python3/ })
})

t.test('variables of layers reach it too', async (t) => {
  const folder = projectWith(t, { 'handler.js': 'exports.handler = 1' })
  const variables = [{ source: '--env', common: { A: 'b' }, byFunction: {} }]
  const { functions } = await load(join(folder, 'handler.js'), { variables })
  t.same(functions[0]?.environment, { A: 'b' })
})
