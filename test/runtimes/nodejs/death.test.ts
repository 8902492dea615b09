// Promises that never settle, uncaught errors, exits and signals, during an event and between
// events. Source: the official clients, measured.

import t from 'tap'
import { type Generation, type RunningFunction, runFunction } from './run-function.js'
import { checkRows, failure, type Row, response } from './table.js'

const neverSettled =
  'The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes'
const userFrame = '    at Timeout._onTimeout (<task>/index.js:1)'
const dead = (end: string) => ({ reports: [], stdout: [], end })

const rows: readonly Row[] = [
  {
    name: 'an async handler whose promise never settles, with nothing left to run',
    code: 'exports.handler = async () => new Promise(() => {})',
    g3: {
      reports: [
        failure('Runtime.NodeJsExit', neverSettled, [`Runtime.NodeJsExit: ${neverSettled}`]),
      ],
      end: 'alive',
    },
    g4: dead('exit 0'),
  },
  {
    name: 'a plain function that returns a promise which never settles',
    code: 'exports.handler = (event, context) => new Promise(() => {})',
    g3: { reports: [response('null')], end: 'alive' },
    g4: dead('exit 0'),
  },
  {
    name: 'a promise that never settles while a timer goes on is left to the timeout',
    code: `exports.handler = () => { let n = 0; setInterval(() => { if (++n === 5) process.stdout.write('fifth') }, 10); return new Promise(() => {}) }`,
    until: 'fifth',
    both: { reports: [], end: 'silent' },
  },
  {
    name: 'an unhandled rejection during an event',
    code: `exports.handler = async () => { Promise.reject(new Error('unh')); await new Promise((r) => setTimeout(r, 2000)) }`,
    g3: {
      reports: [
        failure('Runtime.UnhandledPromiseRejection', 'Error: unh', [
          'Runtime.UnhandledPromiseRejection: Error: unh',
        ]),
      ],
      stdout: [
        'TS\tid-1\tERROR\tUnhandled Promise Rejection \t{"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":"Error: unh","reason":{"errorType":"Error","errorMessage":"unh","stack":["Error: unh","    at exports.handler (<task>/index.js:1)"]},"promise":{},"stack":["Runtime.UnhandledPromiseRejection: Error: unh"]}',
      ],
      end: 'exit 128',
    },
    g4: { ...dead('exit 1'), stderr: /Error: unh[\s\S]*Node\.js v/ },
  },
  {
    name: 'an unhandled rejection with a string',
    code: `exports.handler = async () => { Promise.reject('strrej'); await new Promise((r) => setTimeout(r, 2000)) }`,
    g3: {
      reports: [
        failure('Runtime.UnhandledPromiseRejection', 'strrej', [
          'Runtime.UnhandledPromiseRejection: strrej',
        ]),
      ],
      end: 'exit 128',
    },
    g4: { ...dead('exit 1'), stderr: /strrej/ },
  },
  {
    name: 'an uncaught exception during an event',
    code: `exports.handler = async () => { setTimeout(() => { throw new Error('unc') }, 1); await new Promise((r) => setTimeout(r, 2000)) }`,
    g3: {
      reports: [failure('Error', 'unc', ['Error: unc', userFrame])],
      stdout: [
        `TS\tid-1\tERROR\tUncaught Exception \t{"errorType":"Error","errorMessage":"unc","stack":["Error: unc","${userFrame}"]}`,
      ],
      end: 'exit 129',
    },
    g4: { ...dead('exit 1'), stderr: /throw new Error\('unc'\)[\s\S]*Error: unc/ },
  },
  {
    name: 'no code of the function runs after an uncaught exception',
    code: `exports.handler = async () => { setTimeout(() => { throw new Error('unc') }, 1); setTimeout(() => console.log('still here'), 1); await new Promise((r) => setTimeout(r, 50)); return 'late' }`,
    g3: {
      reports: [failure('Error', 'unc', ['Error: unc', userFrame])],
      stdout: [
        `TS\tid-1\tERROR\tUncaught Exception \t{"errorType":"Error","errorMessage":"unc","stack":["Error: unc","${userFrame}"]}`,
      ],
      end: 'exit 129',
    },
    g4: dead('exit 1'),
  },
  {
    name: 'an exception left by the first event is blamed on the one that runs',
    code: `exports.handler = async (event) => { if (event.first) { globalThis.go = () => { throw new Error('old') }; return 1 } setTimeout(globalThis.go, 1); await new Promise((r) => setTimeout(r, 2000)) }`,
    events: ['{"first":true}', '{}'],
    g3: {
      reports: [
        response('1'),
        failure(
          'Error',
          'old',
          ['Error: old', '    at globalThis.go [as _onTimeout] (<task>/index.js:1)'],
          2,
        ),
      ],
      end: 'exit 129',
    },
    g4: { reports: [response('1')], end: 'exit 1' },
  },
  {
    name: 'process.exit(0)',
    code: 'exports.handler = async () => process.exit(0)',
    both: dead('exit 0'),
  },
  {
    name: 'process.exit(3)',
    code: 'exports.handler = async () => process.exit(3)',
    both: dead('exit 3'),
  },
  {
    name: 'process.exitCode is ignored',
    code: 'exports.handler = async () => { process.exitCode = 5 }',
    events: ['{}'],
    both: { reports: [response('null')], end: 'alive' },
  },
  {
    name: 'SIGKILL',
    code: `exports.handler = async () => { process.kill(process.pid, 'SIGKILL'); await new Promise((r) => setTimeout(r, 2000)) }`,
    both: dead('SIGKILL'),
  },
  {
    name: 'SIGTERM',
    code: `exports.handler = async () => { process.kill(process.pid, 'SIGTERM'); await new Promise((r) => setTimeout(r, 2000)) }`,
    both: dead('SIGTERM'),
  },
  {
    name: 'process.abort()',
    code: 'exports.handler = async () => process.abort()',
    both: dead('SIGABRT'),
  },
]

t.test('during an event', async (group) => {
  checkRows(
    group,
    rows.map((row) => ({ events: row.events ?? ['{}'], ...row })),
  )
})

/**
 * Gives the second event only after the function has printed, between events, that it is about to
 * fail.
 */
function failBetweenEvents(generation: Generation, failing: string) {
  const code = `exports.handler = async () => { setTimeout(() => { process.stdout.write('FAILS\\n'); ${failing} }, 30); return 1 }`
  let endedBeforeNext = true
  const drive = async ({ api, ended, printed }: RunningFunction) => {
    api.give({ body: '{}' })
    await api.nextAsked(2)
    await printed('FAILS')
    if (!failing.startsWith('process.exit')) await printed('late')
    // That it stays has no event to wait for: an end of its own would come within these 100 ms.
    endedBeforeNext = await Promise.race([
      ended.then(() => true),
      new Promise<false>((resolve) => setTimeout(() => resolve(false), 100)),
    ])
    api.give({ body: '{}' })
    await ended
  }
  return runFunction({ generation, code, drive }).then((finished) => ({
    ...finished,
    endedBeforeNext,
  }))
}

const throwLate = `throw new Error('late')`
const rejectLate = `Promise.reject(new Error('late'))`

for (const [kind, failing, title] of [
  ['an exception', throwLate, 'Uncaught Exception'],
  ['a rejection', rejectLate, 'Unhandled Promise Rejection'],
] as const) {
  t.test(
    `client 3: ${kind} between events is logged at once and ends the process at the next event by SIGSEGV`,
    async (test) => {
      const finished = await failBetweenEvents(3, failing)
      test.match(finished.stdout, `ERROR\t${title}`)
      test.equal(finished.endedBeforeNext, false)
      test.same(
        finished.reports.map((report) => report.path),
        ['/invocation/id-1/response'],
      )
      test.equal(finished.nextCount, 2)
      test.equal(finished.ended, 'SIGSEGV')
    },
  )

  t.test(
    `client 4: ${kind} between events is printed at once and ends the process at the next event with exit 1`,
    async (test) => {
      const finished = await failBetweenEvents(4, failing)
      test.match(finished.stderr, /Error: late\n\s+at [\s\S]*\n\nNode\.js v\d+/)
      test.equal(finished.stderr.split('Error: late').length, 2)
      test.equal(finished.endedBeforeNext, false)
      test.same(
        finished.reports.map((report) => report.path),
        ['/invocation/id-1/response'],
      )
      test.equal(finished.nextCount, 2)
      test.equal(finished.ended, 'exit 1')
    },
  )
}

for (const generation of [3, 4] as const) {
  t.test(
    `client ${generation}: process.exit between events takes the next event along`,
    async (test) => {
      const finished = await failBetweenEvents(generation, 'process.exit(7)')
      test.equal(finished.endedBeforeNext, false)
      test.equal(finished.nextCount, 2)
      test.equal(finished.ended, 'exit 7')
    },
  )
}
