// Streamed responses: chunks, prelude, content type, errors as trailers. Source:
// the official clients, measured.

import t from 'tap'
import { type FunctionRun, runFunction } from './run-function.js'
import { normalized } from './table.js'

const streaming = (body: string) =>
  `exports.handler = awslambda.streamifyResponse(async (event, stream, context) => { ${body} })`

interface Streamed {
  readonly path?: string
  readonly contentType?: string
  readonly body?: string
  readonly errorType?: string
  /** Error body, decoded. */
  readonly error?: unknown
  readonly end?: string
  readonly stdout?: RegExp
}

interface StreamRow extends Partial<FunctionRun> {
  readonly name: string
  readonly both?: Streamed
  readonly g3?: Streamed
  readonly g4?: Streamed
}

const sentAs = (body: string, contentType = 'application/octet-stream') => ({
  path: '/invocation/id-1/response',
  contentType,
  body,
  end: 'alive',
})
const trailer = (errorType: string, errorMessage: string, trace: readonly string[]) => ({
  errorType,
  error: { errorType, errorMessage, trace },
})
const frames = {
  3: '    at Runtime.handler (<task>/index.js:1)',
  4: '    at StreamingInvokeProcessor.handler (<task>/index.js:1)',
}
const prelude = 'application/vnd.awslambda.http-integration-response'

const rows: readonly StreamRow[] = [
  {
    name: 'what is written, with pauses, is the body',
    code: streaming(
      `stream.write('a'); await new Promise((r) => setTimeout(r, 20)); stream.write('b'); stream.end()`,
    ),
    both: sentAs('ab'),
  },
  {
    name: 'a pipeline',
    code: streaming(
      `await require('stream/promises').pipeline(require('stream').Readable.from(['x', 'y']), stream)`,
    ),
    both: sentAs('xy'),
  },
  {
    name: 'setContentType ahead of the first write',
    code: streaming(`stream.setContentType('text/html'); stream.write('<a>'); stream.end()`),
    both: sentAs('<a>', 'text/html'),
  },
  {
    name: 'setContentType after the first write is an error after the body',
    code: streaming(`stream.write('<a>'); stream.setContentType('text/html')`),
    g3: {
      ...sentAs('<a>'),
      ...trailer('Runtime.InvalidStreamingOperation', 'Cannot set content-type, too late.', [
        'Runtime.InvalidStreamingOperation: Cannot set content-type, too late.',
        frames[3],
      ]),
    },
    g4: {
      ...sentAs('<a>'),
      ...trailer('Runtime.InvalidStreamingOperation', 'Cannot set content-type, too late.', [
        'Runtime.InvalidStreamingOperation: Cannot set content-type, too late.',
        frames[4],
      ]),
    },
  },
  {
    name: 'HttpResponseStream.from puts status, headers and cookies ahead of the first write',
    code: streaming(
      `const s = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { 'x-a': '1' }, cookies: ['c=1'] }); s.write('body'); s.end()`,
    ),
    both: sentAs(
      `{"statusCode":201,"headers":{"x-a":"1"},"cookies":["c=1"]}${'\0'.repeat(8)}body`,
      prelude,
    ),
  },
  {
    name: 'HttpResponseStream.from with no write sends no prelude',
    code: streaming('awslambda.HttpResponseStream.from(stream, { statusCode: 204 }).end()'),
    both: sentAs('', prelude),
  },
  {
    name: 'an error before the first byte is a response with trailers',
    code: streaming(`throw new Error('before')`),
    both: { ...sentAs(''), ...trailer('Error', 'before', ['Error: before', '<frame>']) },
  },
  {
    name: 'an error after the first byte',
    code: streaming(`stream.write('part'); null.x`),
    both: {
      ...sentAs('part'),
      ...trailer('TypeError', `Cannot read properties of null (reading 'x')`, [
        `TypeError: Cannot read properties of null (reading 'x')`,
        '<frame>',
      ]),
    },
  },
  {
    name: 'an error after the end is logged and not sent',
    code: streaming(`stream.write('all'); stream.end(); throw new Error('after')`),
    both: { ...sentAs('all'), stdout: /Invoke Error \t.*"after"/ },
  },
  {
    name: 'a string thrown',
    code: streaming(`throw 'ss'`),
    both: { ...sentAs(''), ...trailer('string', 'ss', []) },
  },
  {
    name: 'a returned value is ignored with a warning',
    code: streaming(`stream.end('x'); return 5`),
    both: { ...sentAs('x'), stdout: /WARN\tStreaming handlers ignore return values\./ },
  },
  {
    name: 'a handler that is not async succeeds and is logged as an error',
    code: `exports.handler = awslambda.streamifyResponse((event, stream) => { stream.write('n'); stream.end() })`,
    both: {
      ...sentAs('n'),
      stdout: /Invoke Error \t.*Streaming does not support non-async handlers\./,
    },
  },
  {
    name: 'an object is written as JSON, bytes as they are',
    code: streaming(`stream.write({ a: 1 }); stream.write(new Uint8Array([65, 66])); stream.end()`),
    both: sentAs('{"a":1}AB'),
  },
  {
    name: 'nothing written and no end: no response, until the timeout',
    code: streaming(`process.stdout.write('returned')`),
    until: 'returned',
    both: { end: 'silent' },
  },
  {
    name: 'an unhandled rejection in the middle of a stream',
    code: streaming(
      `await null; Promise.reject(new Error('mid')); await new Promise((r) => setTimeout(r, 2000))`,
    ),
    g3: { path: '/invocation/id-1/error', end: 'exit 128' },
    g4: { end: 'exit 1' },
  },
  {
    name: 'destroy(error) right after a write',
    code: streaming(
      `stream.write('x'); stream.destroy(new Error('broken')); await new Promise((r) => setTimeout(r, 2000))`,
    ),
    g3: { path: '/invocation/id-1/error', end: 'exit 128' },
    g4: { end: 'exit 1' },
  },
  {
    name: 'an event that is not JSON',
    code: streaming('stream.end()'),
    events: ['{bad'],
    g3: {
      ...sentAs(''),
      ...trailer('SyntaxError', `Expected property name or '}' in JSON at position 1`, [
        `SyntaxError: Expected property name or '}' in JSON at position 1`,
      ]),
    },
    g4: { end: 'exit 1' },
  },
  {
    name: 'the context has neither callback methods nor a third argument',
    code: streaming(
      `stream.end(JSON.stringify([typeof context.succeed, typeof context.callbackWaitsForEmptyEventLoop, context.awsRequestId]))`,
    ),
    g3: sentAs('["undefined","boolean","id-1"]'),
    g4: sentAs('["undefined","undefined","id-1"]'),
  },
]

/** The shape of an expectation, out of what happened. */
async function run(row: StreamRow, generation: 3 | 4) {
  const finished = await runFunction({ events: ['{}'], ...row, generation })
  const [report] = finished.reports
  const header = (name: string) => report?.headers[name] as string | undefined
  const errorBody = report?.trailers['lambda-runtime-function-error-body']
  const decoded = normalized(Buffer.from(errorBody ?? '', 'base64').toString(), finished)
  const streamed = report?.path.endsWith('/response')
  return {
    finished,
    seen: {
      ...(report && { path: report.path }),
      ...(streamed && { contentType: header('content-type'), body: String(report?.body) }),
      ...(errorBody && {
        errorType: report?.trailers['lambda-runtime-function-error-type'],
        error: JSON.parse(decoded),
      }),
      end: finished.ended ?? (finished.alive ? 'alive' : 'silent'),
    },
  }
}

for (const row of rows) {
  for (const generation of [3, 4] as const) {
    const expected = row.both ?? (generation === 3 ? row.g3 : row.g4)
    if (expected === undefined) continue
    t.test(`client ${generation}: ${row.name}`, async (test) => {
      const { seen, finished } = await run(row, generation)
      const { stdout, ...compared } = expected
      const wanted = JSON.stringify(compared).replace('<frame>', frames[generation])
      test.same(seen, JSON.parse(wanted))
      if (stdout !== undefined) test.match(finished.stdout, stdout)
    })
  }
}

t.test('25 MB with drain arrive whole', async (test) => {
  const code = streaming(
    `const chunk = Buffer.alloc(65536, 'x'); for (let n = 0; n < 400; n += 1) if (!stream.write(chunk)) await new Promise((r) => stream.once('drain', r)); stream.end()`,
  )
  const { finished } = await run({ name: '', code }, 3)
  test.equal(finished.reports[0]?.body.length, 26_214_400)
})

t.test(
  'client 3 asks for the next event only after open timers, client 4 at once',
  async (test) => {
    const code = streaming(`stream.end('x'); setTimeout(() => process.stdout.write('timer'), 300)`)
    const patient = await run({ name: '', code }, 3)
    test.equal(patient.finished.stdout, 'timer')
    const prompt = await run({ name: '', code }, 4)
    test.equal(prompt.finished.stdout, '')
  },
)
