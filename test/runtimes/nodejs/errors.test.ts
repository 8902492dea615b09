// What a handler throws, and events that are not JSON. Source: the official clients, measured
// (cause header).

import t from 'tap'
import { type Generation, runFunction } from './run-function.js'
import { checkRows, failure, normalized, type Row, response } from './table.js'

const throwing = (body: string) => `exports.handler = async () => { ${body} }`
const frame = '    at exports.handler (<task>/index.js:1)'
const alive = (...report: Parameters<typeof failure>) => ({
  reports: [failure(...report)],
  end: 'alive',
})
const logged = (json: string) => [`TS\tid-1\tERROR\tInvoke Error \t${json}`]

const thrown: readonly Row[] = [
  {
    name: 'an Error is reported with type, message and trace, and logged with its stack',
    code: throwing(`throw new Error('boom')`),
    both: {
      ...alive('Error', 'boom', ['Error: boom', frame]),
      stdout: logged(
        `{"errorType":"Error","errorMessage":"boom","stack":["Error: boom","${frame}"]}`,
      ),
    },
  },
  {
    name: 'a TypeError of the engine',
    code: throwing('null.x'),
    both: alive('TypeError', `Cannot read properties of null (reading 'x')`, [
      `TypeError: Cannot read properties of null (reading 'x')`,
      frame,
    ]),
  },
  {
    name: 'own fields are logged and not reported',
    code: throwing(
      `class E extends Error { constructor() { super('m'); this.name = 'MyErr'; this.code = 'E1'; this.extra = { a: 1 } } } throw new E()`,
    ),
    both: {
      ...alive('MyErr', 'm', ['MyErr: m', frame]),
      stdout: logged(
        `{"errorType":"MyErr","errorMessage":"m","code":"E1","name":"MyErr","extra":{"a":1},"stack":["MyErr: m","${frame}"]}`,
      ),
    },
  },
  {
    name: 'the type is the name, not the class',
    code: throwing(`class Sub extends Error {} throw new Sub('s')`),
    both: alive('Error', 's', ['Error: s', frame]),
  },
  {
    name: 'the cause of an error is lost',
    code: throwing(`throw new Error('outer', { cause: new Error('inner') })`),
    both: alive('Error', 'outer', ['Error: outer', frame]),
  },
  {
    name: 'the parts of an AggregateError are lost',
    code: throwing(`throw new AggregateError([new Error('a')], 'agg')`),
    both: alive('AggregateError', 'agg', ['AggregateError: agg', frame]),
  },
  {
    name: 'an empty message',
    code: throwing('throw new Error()'),
    both: alive('Error', '', ['Error', frame]),
  },
  {
    name: 'a message of two lines is two lines of the trace',
    code: throwing(`throw new Error('é😀\\nline2')`),
    both: alive('Error', 'é😀\nline2', ['Error: é😀', 'line2', frame]),
  },
  {
    name: 'DEL is written as %7F',
    code: throwing(`throw new Error('a\\x7Fb')`),
    both: alive('Error', 'a%7Fb', ['Error: a%7Fb', frame]),
  },
  {
    name: 'an Error without a stack',
    code: throwing(`const e = new Error('ns'); e.stack = undefined; throw e`),
    g3: alive(
      'handled',
      'callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack',
    ),
    g4: alive('Error', 'ns', []),
  },
  { name: 'a string', code: throwing(`throw 'str'`), both: alive('string', 'str', []) },
  { name: 'a number', code: throwing('throw 7'), both: alive('number', '7', []) },
  { name: 'false', code: throwing('throw false'), both: alive('boolean', 'false', []) },
  {
    name: 'null',
    code: throwing('throw null'),
    g3: alive('string', 'handled', []),
    g4: alive('object', 'null', []),
  },
  {
    name: 'undefined',
    code: throwing('throw undefined'),
    g3: alive('string', 'handled', []),
    g4: alive('undefined', 'undefined', []),
  },
  {
    name: 'a plain object',
    code: throwing('throw { a: 1 }'),
    both: alive('object', '[object Object]', []),
  },
  {
    name: 'an object that looks like an error is one for client 3 only',
    code: throwing(`throw { name: 'N', message: 'm', stack: 'N: m\\n in x' }`),
    g3: alive('N', 'm', ['N: m', ' in x']),
    g4: alive('object', '[object Object]', []),
  },
  {
    name: 'the words of the recorded answer of nodejs20.x: errorType, errorMessage, trace in this order',
    code: throwing(`throw new Error('Error: some_error_msg')`),
    both: alive('Error', 'Error: some_error_msg', ['Error: Error: some_error_msg', frame]),
  },
  {
    name: 'a class as handler fails every event',
    code: 'exports.handler = class Handler {}',
    both: alive('TypeError', `Class constructor Handler cannot be invoked without 'new'`, [
      `TypeError: Class constructor Handler cannot be invoked without 'new'`,
    ]),
  },
]

const malformed: readonly Row[] = [
  {
    name: 'an event that is not JSON: client 3 reports it, client 4 ends',
    code: 'exports.handler = async () => 1',
    events: ['{bad'],
    g3: alive('SyntaxError', `Expected property name or '}' in JSON at position 1`, [
      `SyntaxError: Expected property name or '}' in JSON at position 1`,
    ]),
    g4: { reports: [], end: 'exit 1', stderr: /SyntaxError: Expected property name/ },
  },
  {
    name: 'an empty event',
    code: 'exports.handler = async () => 1',
    events: [''],
    g3: alive('SyntaxError', 'Unexpected end of JSON input', [
      'SyntaxError: Unexpected end of JSON input',
    ]),
    g4: { reports: [], end: 'exit 1', stderr: /Unexpected end of JSON input/ },
  },
]

t.test('thrown values', async (group) => {
  checkRows(
    group,
    thrown.map((row) => ({ events: ['{}'], ...row })),
  )
})
t.test('malformed events', async (group) => {
  checkRows(group, malformed)
})

t.test('the event after a failed one is served', async (group) => {
  checkRows(group, [
    {
      name: 'failure, then success',
      code: `exports.handler = async (event) => { if (event.bad) throw new Error('boom'); return 'fine' }`,
      events: ['{"bad":true}', '{}'],
      both: {
        reports: [failure('Error', 'boom', ['Error: boom', frame]), response('"fine"', 2)],
        end: 'alive',
      },
    },
  ])
})

const causeName = 'lambda-runtime-function-xray-error-cause'

async function causeOf(generation: Generation, code: string) {
  const finished = await runFunction({ generation, code, events: ['{}'] })
  const header = finished.reports[0]?.headers[causeName]
  return { finished, header: typeof header === 'string' ? header : undefined }
}

for (const generation of [3, 4] as const) {
  t.test(`client ${generation}: the cause header`, async (test) => {
    const { finished, header } = await causeOf(generation, throwing(`throw new Error('boom')`))
    const cause = JSON.parse(header ?? 'null')
    test.equal(cause.working_directory, finished.taskRoot)
    test.equal(cause.exceptions[0].type, 'Error')
    test.equal(cause.exceptions[0].message, 'boom')
    test.same(cause.exceptions[0].stack[0], {
      path: `${finished.taskRoot}/index.js`,
      line: 1,
      label: 'exports.handler',
    })
    test.equal(cause.paths[0], `${finished.taskRoot}/index.js`)
    test.equal(finished.reports[0]?.headers['lambda-runtime-function-error-type'], undefined)
  })

  t.test(`client ${generation}: a cause beyond ASCII survives a header parser`, async (test) => {
    const { header } = await causeOf(generation, throwing(`throw new Error('é😀\\nnext\\x7F')`))
    test.match(header, /^[\x20-\x7e]+$/)
    test.equal(JSON.parse(header ?? 'null').exceptions[0].message, 'é😀\nnext%7F')
  })

  t.test(
    `client ${generation}: a cause of 300,000 characters arrives, one beyond 1 MB is left out`,
    async (test) => {
      const large = await causeOf(generation, throwing(`throw new Error('x'.repeat(300_000))`))
      test.ok((large.header?.length ?? 0) > 300_000)
      const huge = await causeOf(generation, throwing(`throw new Error('x'.repeat(2_000_000))`))
      test.equal(huge.header, undefined)
      test.equal(JSON.parse(String(huge.finished.reports[0]?.body)).errorMessage.length, 2_000_000)
    },
  )

  t.test(`client ${generation}: the cause of a string`, async (test) => {
    const { finished, header } = await causeOf(generation, throwing(`throw 'text'`))
    test.equal(
      normalized(header ?? '', finished),
      '{"working_directory":"<task>","exceptions":[{"stack":[]}],"paths":[]}',
    )
  })
}

t.test('client 4: null has no cause', async (test) => {
  test.equal((await causeOf(4, throwing('throw null'))).header, undefined)
})
