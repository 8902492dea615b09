// What handlers return and call back with. Source: the official clients, measured.

import t from 'tap'
import { checkRows, failure, type Row, response } from './table.js'

const one = ['{}'] as const
const alive = (body: string) => ({ reports: [response(body)], end: 'alive' })
const refused = (errorType: string, errorMessage: string, trace: readonly string[]) => ({
  reports: [failure(errorType, errorMessage, trace)],
  end: 'alive',
})
/** An async handler whose body is the expression. */
const returning = (expression: string) => `exports.handler = async () => (${expression})`

const unstringifiable = {
  g3: refused('Error', 'Unable to stringify response body', [
    'Error: Unable to stringify response body',
  ]),
  g4: refused('Runtime.JSONStringifyError', 'Unable to stringify response body', [
    'Runtime.JSONStringifyError: Unable to stringify response body',
  ]),
}
const wrongArguments = refused('TypeError', 'Wrong arguments', ['TypeError: Wrong arguments'])

const returned: readonly Row[] = [
  {
    name: 'an object is sent as JSON: undefined dropped, NaN null, characters beyond ASCII raw',
    code: returning(`{a: 1, u: undefined, d: new Date(1e3), nan: NaN, s: 'é😀'}`),
    both: alive('{"a":1,"d":"TS","nan":null,"s":"é😀"}'),
  },
  { name: 'undefined is null', code: returning('undefined'), both: alive('null') },
  { name: 'null is null', code: returning('null'), both: alive('null') },
  { name: 'a string is a JSON string', code: returning(`'hi'`), both: alive('"hi"') },
  { name: 'a number is a number', code: returning('42'), both: alive('42') },
  {
    name: 'a Buffer is its JSON form',
    code: returning(`Buffer.from('abc')`),
    both: alive('{"type":"Buffer","data":[97,98,99]}'),
  },
  {
    name: 'a Uint8Array is an object of indexes',
    code: returning('new Uint8Array([1, 2])'),
    both: alive('{"0":1,"1":2}'),
  },
  { name: 'a Map is an empty object', code: returning('new Map([[1, 2]])'), both: alive('{}') },
  { name: 'an Error is an empty object', code: returning(`new Error('x')`), both: alive('{}') },
  {
    name: 'a cycle is a failure of the event only',
    code: 'exports.handler = async () => { const o = {}; o.o = o; return o }',
    ...unstringifiable,
  },
  { name: 'a BigInt is a failure of the event only', code: returning('1n'), ...unstringifiable },
  {
    name: 'a toJSON that throws is a failure of the event only',
    code: returning(`{ toJSON() { throw new Error('no') } }`),
    ...unstringifiable,
  },
  { name: 'a function is refused', code: returning('() => 1'), both: wrongArguments },
  { name: 'a symbol is refused', code: returning(`Symbol('x')`), both: wrongArguments },
  {
    name: 'a thenable is awaited',
    code: `exports.handler = () => ({ then(resolve) { resolve('thenable') } })`,
    both: alive('"thenable"'),
  },
  {
    name: 'a value returned without a promise counts in client 4 only',
    code: 'exports.handler = (event, context) => ({ v: 1 })',
    g3: alive('null'),
    g4: alive('{"v":1}'),
  },
  {
    name: 'a promise returned by a plain function is awaited',
    code: `exports.handler = (event, context) => Promise.resolve('p')`,
    both: alive('"p"'),
  },
  {
    name: 'a rejected promise of a plain function is a failure',
    code: `exports.handler = (event, context) => Promise.reject(new Error('r'))`,
    both: refused('Error', 'r', ['Error: r', '    at exports.handler (<task>/index.js:1)']),
  },
  {
    name: 'an exception of a plain function is a failure',
    code: `exports.handler = (event, context) => { throw new Error('t') }`,
    both: refused('Error', 't', ['Error: t', '    at exports.handler (<task>/index.js:1)']),
  },
  {
    name: 'the number of arguments is 3 in client 3 and 2 in client 4',
    code: 'exports.handler = async (...all) => all.length',
    g3: alive('3'),
    g4: alive('2'),
  },
  {
    name: 'a parameter with a default value gets the callback in client 3 and its default in client 4',
    code: `exports.handler = async (event, context, callback = null) => typeof callback`,
    g3: alive('"function"'),
    g4: alive('"object"'),
  },
  {
    name: 'the payload reaches the handler with every character',
    code: 'exports.handler = async (event) => event',
    events: ['{"s":"é😀\\u0000"}'],
    both: { reports: [response('{"s":"é😀\\u0000"}')], end: 'alive' },
  },
]

/** A handler with three parameters; only client 3 has them. */
const calling = (body: string) => `exports.handler = (event, context, callback) => { ${body} }`

const callbacks: readonly Row[] = [
  {
    name: 'callback(null, value)',
    code: calling('callback(null, {ok: 1})'),
    g3: alive('{"ok":1}'),
  },
  {
    name: 'callback from a timer',
    code: calling('setTimeout(() => callback(null, {ok: 1}), 10)'),
    g3: alive('{"ok":1}'),
  },
  { name: 'callback() is null', code: calling('callback()'), g3: alive('null') },
  {
    name: 'callback(error) does not wait for an open interval',
    code: calling(`setInterval(() => {}, 10); callback(new Error('cb'))`),
    g3: refused('Error', 'cb', ['Error: cb', '    at exports.handler (<task>/index.js:1)']),
  },
  {
    name: 'callback("text") is a failure',
    code: calling(`callback('se')`),
    g3: refused('string', 'se', []),
  },
  {
    name: 'callback(object) is a failure',
    code: calling('callback({ code: 1 })'),
    g3: refused('object', '[object Object]', []),
  },
  {
    name: 'callback(false, value) is a failure: only null and undefined mean success',
    code: calling('callback(false, 1)'),
    g3: refused('boolean', 'false', []),
  },
  {
    name: 'the first of two callbacks counts',
    code: calling('callback(null, 1); callback(null, 2)'),
    g3: alive('1'),
  },
  {
    name: 'a success after a failure is ignored',
    code: calling(`callback('no'); callback(null, 2)`),
    g3: refused('string', 'no', []),
  },
  {
    name: 'an exception after the callback is ignored',
    code: calling(`callback(null, 1); throw new Error('late')`),
    g3: alive('1'),
  },
  {
    name: 'a promise returned after the callback is ignored',
    code: calling('callback(null, 1); return Promise.resolve(2)'),
    g3: alive('1'),
  },
  {
    name: 'the response waits for open timers',
    code: calling(
      'const r = { fired: false }; setTimeout(() => { r.fired = true }, 100); callback(null, r)',
    ),
    g3: alive('{"fired":true}'),
  },
  {
    name: 'an open interval holds the response back for ever',
    code: calling(
      `let n = 0; setInterval(() => { if (++n === 5) process.stdout.write('fifth') }, 10); callback(null, 1)`,
    ),
    until: 'fifth',
    g3: { reports: [], end: 'silent' },
  },
  {
    name: 'callbackWaitsForEmptyEventLoop = false answers at once',
    code: calling(
      'context.callbackWaitsForEmptyEventLoop = false; const r = { fired: false }; setTimeout(() => { r.fired = true }, 100); callback(null, r)',
    ),
    g3: alive('{"fired":false}'),
  },
  {
    name: 'a callback that is never called is null when the loop is empty, after its timers',
    code: calling('setTimeout(() => console.log("timer"), 50)'),
    g3: { reports: [response('null')], stdout: ['TS\tid-1\tINFO\ttimer'], end: 'alive' },
  },
  {
    name: 'a callback that is never called, with an open interval, never ends',
    code: calling(
      `let n = 0; setInterval(() => { if (++n === 5) process.stdout.write('fifth') }, 10)`,
    ),
    until: 'fifth',
    g3: { reports: [], end: 'silent' },
  },
  { name: 'a returned value is ignored', code: calling('return 5'), g3: alive('null') },
  {
    name: 'context.succeed does not wait for open timers',
    code: calling('setInterval(() => {}, 10); context.succeed({ s: 1 })'),
    g3: alive('{"s":1}'),
  },
  { name: 'context.succeed() is null', code: calling('context.succeed()'), g3: alive('null') },
  { name: 'context.done(null, value)', code: calling(`context.done(null, 'd')`), g3: alive('"d"') },
  {
    name: 'context.done(error)',
    code: calling(`context.done(new Error('de'))`),
    g3: refused('Error', 'de', ['Error: de', '    at exports.handler (<task>/index.js:1)']),
  },
  {
    name: 'context.fail(error)',
    code: calling(`context.fail('fe')`),
    g3: refused('string', 'fe', []),
  },
  {
    name: 'context.fail() is `handled`',
    code: calling('context.fail()'),
    g3: refused('string', 'handled', []),
  },
  {
    name: 'in an async handler the callback wins over the returned value',
    code: `exports.handler = async (event, context, callback) => { callback(null, 'fromcb'); return 'ret' }`,
    g3: alive('"fromcb"'),
  },
  {
    name: 'a cycle through the callback fails the event and ends the process',
    code: calling('const o = {}; o.o = o; callback(null, o)'),
    g3: {
      reports: [
        failure('Error', 'Unable to stringify response body', [
          'Error: Unable to stringify response body',
        ]),
      ],
      end: 'exit 129',
    },
  },
  {
    name: 'a callback handler is announced to go at init',
    code: calling('callback()'),
    env: { AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING: undefined },
    g3: {
      stdout: [
        'TS\tundefined\tWARN\tAWS Lambda plans to remove support for callback-based function handlers starting with Node.js 24. You will need to update this function to use an async handler to use Node.js 24 or later. For more information and to provide feedback on this change, see https://github.com/aws/aws-lambda-nodejs-runtime-interface-client/issues/137. To disable this warning, set the AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING environment variable.',
      ],
      end: 'alive',
    },
  },
]

const loop: readonly Row[] = [
  {
    name: 'an async handler does not wait for an open interval',
    code: `exports.handler = async () => { setInterval(() => {}, 10); return 'r' }`,
    both: alive('"r"'),
  },
  {
    name: 'a completion that the function put in place of context.succeed is used',
    code: `exports.handler = async (event, context) => { const own = context.succeed; context.succeed = (v) => own('own ' + v); return 'r' }`,
    g3: alive('"own r"'),
  },
]

t.test('returned values', async (group) => {
  checkRows(
    group,
    returned.map((row) => ({ events: one, ...row })),
  )
})
t.test('callbacks and context methods', async (group) => {
  checkRows(
    group,
    callbacks.map((row) => ({ events: one, ...row })),
  )
})
t.test('open handles', async (group) => {
  checkRows(
    group,
    loop.map((row) => ({ events: one, ...row })),
  )
})
