// How handlers are found and loaded, and how a failed init is told. Source:
// the official clients, measured.

import t from 'tap'
import { type RunningFunction, runFunction } from './run-function.js'
import { checkRows, initFailure, type Row, response } from './table.js'

const fails = (end: string, ...report: Parameters<typeof initFailure>) => ({
  reports: [initFailure(...report)],
  end,
  nextCount: 0,
})
const failsBoth = (type: string, message: string) => ({
  g3: fails('exit 129', type, message, [`${type}: ${message}`]),
  g4: fails('exit 1', type, message, [`${type}: ${message}`]),
})
const missing = (require3: string, require4: string) => ({
  g3: fails('exit 129', 'Runtime.ImportModuleError', require3, [
    ...`Runtime.ImportModuleError: ${require3}`.split('\n'),
  ]),
  g4: fails('exit 1', 'Runtime.ImportModuleError', require4, [
    ...`Runtime.ImportModuleError: ${require4}`.split('\n'),
  ]),
})
const removed =
  'ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. You need to modify this function to use a supported handler signature to use Node.js 24 or later. For more information see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html.'

const notFound = `Error: Cannot find module 'index'\nRequire stack:\n- <runtime>/bootstrap.cjs`

const failing: readonly Row[] = [
  { name: 'a missing module', files: { 'other.js': '' }, ...missing(notFound, notFound) },
  {
    name: 'a TypeScript file',
    files: { 'index.ts': 'export const handler = 1' },
    ...missing(notFound, notFound),
  },
  {
    name: 'a missing dependency',
    code: `require('nope')`,
    ...missing(
      `Error: Cannot find module 'nope'\nRequire stack:\n- <task>/index.js\n- <runtime>/bootstrap.cjs`,
      `Error: Cannot find module 'nope'\nRequire stack:\n- <task>/index.js`,
    ),
  },
  {
    name: 'a file name with a dot is cut at the first dot',
    files: { 'index.v1.js': 'exports.handler = async () => 1' },
    handler: 'index.v1.handler',
    ...missing(notFound, notFound),
  },
  {
    name: 'a syntax error',
    code: 'exports.handler = async () => {',
    g3: fails('exit 129', 'Runtime.UserCodeSyntaxError', 'SyntaxError: Unexpected end of input', [
      'Runtime.UserCodeSyntaxError: SyntaxError: Unexpected end of input',
    ]),
    g4: fails('exit 1', 'Runtime.UserCodeSyntaxError', 'SyntaxError: Unexpected end of input', [
      '<task>/index.js:1',
      'exports.handler = async () => {',
      '                               ',
      '',
      'SyntaxError: Unexpected end of input',
    ]),
  },
  {
    name: 'an error thrown at load',
    code: `throw new Error('load')`,
    g3: fails('exit 129', 'Error', 'load', [
      'Error: load',
      '    at Object.<anonymous> (<task>/index.js:1)',
    ]),
    g4: {
      ...fails('exit 1', 'Error', 'load', [
        'Error: load',
        '    at Object.<anonymous> (<task>/index.js:1)',
      ]),
      stderr: /Error: load[\s\S]*Node\.js v/,
    },
  },
  {
    name: 'a string thrown at load',
    code: `throw 'ls'`,
    g3: fails('exit 129', 'string', 'ls', []),
    g4: fails('exit 1', 'string', 'ls', []),
  },
  {
    name: 'process.exit at load',
    code: 'process.exit(4)',
    both: { reports: [], end: 'exit 4', nextCount: 0 },
  },
  {
    name: 'process.exit(0) at load',
    code: 'process.exit(0)',
    both: { reports: [], end: 'exit 0', nextCount: 0 },
  },
  {
    name: 'a handler that is not exported',
    code: 'exports.other = 1',
    ...failsBoth('Runtime.HandlerNotFound', 'index.handler is undefined or not exported'),
  },
  {
    name: 'a handler that is not a function',
    code: 'exports.handler = 5',
    ...failsBoth('Runtime.HandlerNotFound', 'index.handler is not a function'),
  },
  {
    name: 'a handler name without a dot',
    code: '',
    handler: 'index',
    ...failsBoth('Runtime.MalformedHandlerName', 'Bad handler'),
  },
  {
    name: 'a handler name with two dots in a row',
    code: '',
    handler: '../index.handler',
    ...failsBoth(
      'Runtime.MalformedHandlerName',
      `'../index.handler' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`,
    ),
  },
  {
    name: 'a handler in an object called default is found by client 4 only',
    code: 'module.exports = { default: { handler: async () => 1 } }',
    g3: fails('exit 129', 'Runtime.HandlerNotFound', 'index.handler is undefined or not exported', [
      'Runtime.HandlerNotFound: index.handler is undefined or not exported',
    ]),
  },
  {
    name: 'a top-level await that never settles',
    files: { 'index.mjs': 'await new Promise(() => {})' },
    g3: { reports: [], end: 'exit 13', nextCount: 0 },
    g4: { reports: [], end: 'exit 0', nextCount: 0 },
  },
  {
    name: 'a handler with three parameters is refused by client 4',
    code: 'exports.handler = async (event, context, callback) => 1',
    g4: fails('exit 1', 'Runtime.CallbackHandlerDeprecated', removed, [
      `Runtime.CallbackHandlerDeprecated: ${removed}`,
    ]),
  },
  {
    name: 'a promise as module.exports is awaited by client 3 only',
    code: 'module.exports = Promise.resolve({ handler: async () => 1 })',
    g3: { reports: [response('1')], end: 'alive' },
    g4: fails('exit 1', 'Runtime.HandlerNotFound', 'index.handler is undefined or not exported', [
      'Runtime.HandlerNotFound: index.handler is undefined or not exported',
    ]),
  },
  {
    name: 'the log line of a failed init',
    code: 'exports.other = 1',
    g3: {
      stdout: [
        'TS\tundefined\tERROR\tUncaught Exception \t{"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is undefined or not exported","stack":["Runtime.HandlerNotFound: index.handler is undefined or not exported"]}',
      ],
    },
    g4: {
      stdout: [
        'TS\t-\tERROR\tInit Error \t{"errorType":"Runtime.HandlerNotFound","errorMessage":"index.handler is undefined or not exported","name":"Runtime.HandlerNotFound","stack":["Runtime.HandlerNotFound: index.handler is undefined or not exported"]}',
      ],
    },
  },
]

const handler = `exports.handler = async () => 'loaded'`
const loads = { both: { reports: [response('"loaded"')], end: 'alive' } }
const named = (name: string, path: string, text: string, handlerName: string): Row => ({
  name,
  files: { [path]: text },
  handler: handlerName,
  ...loads,
})

const loading: readonly Row[] = [
  named('a file in a folder', 'a/index.js', handler, 'a/index.handler'),
  named('a file in a folder of a folder', 'a/b/c.js', handler, 'a/b/c.handler'),
  named('a folder with a dot', 'a.b/index.js', handler, 'a.b/index.handler'),
  named(
    'a nested property',
    'index.js',
    `exports.a = { b: { handler: async () => 'loaded' } }`,
    'index.a.b.handler',
  ),
  named('.mjs', 'index.mjs', `export const handler = async () => 'loaded'`, 'index.handler'),
  named('.cjs', 'index.cjs', handler, 'index.handler'),
  named('export default', 'index.mjs', `export default async () => 'loaded'`, 'index.default'),
  named(
    'ESM syntax in .js without a type',
    'index.js',
    `export const handler = async () => 'loaded'`,
    'index.handler',
  ),
  named(
    'top-level await',
    'index.mjs',
    `await new Promise((r) => setTimeout(r, 5)); export const handler = async () => 'loaded'`,
    'index.handler',
  ),
  {
    name: '.js in a package of type module',
    files: {
      'package.json': '{"type":"module"}',
      'index.js': `export const handler = async () => 'loaded'`,
    },
    ...loads,
  },
  {
    name: 'a CommonJS module that requires an ES module',
    files: {
      'dep.mjs': `export const word = 'loaded'`,
      'index.js': `exports.handler = async () => require('./dep.mjs').word`,
    },
    ...loads,
  },
  {
    name: 'a package of node_modules',
    files: { 'node_modules/pkg/index.js': handler },
    handler: 'pkg.handler',
    ...loads,
  },
  {
    name: 'a folder with an index.js is loaded by client 3 only',
    files: { 'index/index.js': handler },
    g3: loads.both,
  },
  {
    name: 'a file without an extension beats .js',
    files: { index: handler, 'index.js': `exports.handler = async () => 'js'` },
    g3: loads.both,
  },
  {
    name: '.js beats .mjs',
    files: { 'index.js': handler, 'index.mjs': `export const handler = async () => 'mjs'` },
    ...loads,
  },
]

t.test('an init that fails', async (group) => {
  checkRows(
    group,
    failing.map((row) => ({ events: ['{}'], ...row })),
  )
})
t.test('an init that works', async (group) => {
  checkRows(
    group,
    loading.map((row) => ({ events: ['{}'], ...row })),
  )
})

t.test(
  'client 3: an unhandled rejection at load is reported as a failed init after one GET next',
  async (test) => {
    const code = `Promise.reject(new Error('r')); exports.handler = async () => new Promise((r) => setTimeout(r, 5000))`
    const finished = await runFunction({ generation: 3, code, events: ['{}'] })
    test.same(
      finished.reports.map((report) => [report.path, JSON.parse(String(report.body)).errorType]),
      [['/init/error', 'Runtime.UnhandledPromiseRejection']],
    )
    test.equal(finished.nextCount, 1)
    test.equal(finished.ended, 'exit 128')
  },
)

t.test(
  'client 4: an unhandled rejection at load ends the process with exit 1 and no report',
  async (test) => {
    const code = `Promise.reject(new Error('r')); exports.handler = async () => new Promise((r) => setTimeout(r, 5000))`
    const finished = await runFunction({ generation: 4, code, events: ['{}'] })
    test.same(finished.reports, [])
    test.equal(finished.ended, 'exit 1')
    test.match(finished.stderr, /Error: r\n/)
  },
)

t.test(
  'client 3: a timer that throws after init, with GET next open, is reported as a failed init and waits for next',
  async (test) => {
    const code = `setTimeout(() => { throw new Error('timer') }, 40); exports.handler = async () => 1`
    const drive = async ({ api, ended }: RunningFunction) => {
      await api.reported(1)
      api.give({ body: '{}' })
      await ended
    }
    const finished = await runFunction({ generation: 3, code, drive })
    test.same(
      finished.reports.map((report) => report.path),
      ['/init/error'],
    )
    test.equal(finished.nextCount, 1)
    test.equal(finished.ended, 'exit 129')
  },
)

t.test('client 4: a folder as module is an ordinary error of import', async (test) => {
  const finished = await runFunction({
    generation: 4,
    files: { 'index/index.js': handler },
    events: [],
  })
  const error = JSON.parse(String(finished.reports[0]?.body))
  test.equal(error.errorType, 'Error')
  test.match(error.errorMessage, /^Directory import '.*\/index' is not supported/)
  test.equal(finished.ended, 'exit 1')
})
