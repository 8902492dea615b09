// How invocations fail: errors, exits, signals, timeouts, memory.

import type { Row } from '../table.js'
import {
  cold,
  coldFailed,
  end,
  exitStatus,
  failed,
  report,
  signalled,
  silent,
  start,
  timedOut,
  warm,
} from './texts.js'

export const failures: readonly Row[] = [
  {
    claim: 'Node: an error of the handler is its own, and Lambda reports a success',
    function: 'node',
    alone: true,
    event: { do: 'throw' },
    expects: {
      fails: true,
      payload: { errorType: 'RangeError', errorMessage: 'thrown', trace: '<stack>' },
      log: [
        start,
        /^<time>\t<id>\tERROR\tInvoke Error \t\{"errorType":"RangeError","errorMessage":"thrown","stack":\["RangeError: thrown",/,
        end,
        cold,
      ],
    },
  },
  {
    claim: 'Node: a text is thrown',
    function: 'node',
    event: { do: 'throwValue', value: 'text' },
    expects: { fails: true, payload: { errorType: 'string', errorMessage: 'text', trace: [] } },
  },
  {
    claim: 'Node: a number is thrown',
    function: 'node',
    event: { do: 'throwValue', value: 7 },
    expects: { fails: true, payload: { errorType: 'number', errorMessage: '7', trace: [] } },
  },
  {
    claim: 'Node: null is thrown',
    function: 'node',
    event: { do: 'throwValue', value: null },
    expects: { fails: true, payload: { errorType: 'string', errorMessage: 'handled', trace: [] } },
  },
  {
    claim: 'Node 24: null is thrown',
    function: 'node24',
    event: { do: 'throwValue', value: null },
    expects: { fails: true, payload: { errorType: 'object', errorMessage: 'null', trace: [] } },
  },
  {
    claim: 'Node: a result that is a circle',
    function: 'node',
    event: { do: 'circular' },
    expects: {
      fails: true,
      payload: {
        errorType: 'Error',
        errorMessage: 'Unable to stringify response body',
        trace: '<stack>',
      },
    },
  },
  {
    claim: 'Node 24: a result that is a circle',
    function: 'node24',
    event: { do: 'circular' },
    expects: {
      fails: true,
      like: {
        errorType: 'Runtime.JSONStringifyError',
        errorMessage: 'Unable to stringify response body',
      },
    },
  },
  {
    claim: 'Python: an exception has the name of its class, the request id and a stack',
    function: 'python',
    alone: true,
    event: { do: 'raise' },
    expects: {
      fails: true,
      payload: {
        errorMessage: 'raised',
        errorType: 'Own',
        requestId: '<id>',
        stackTrace: '<stack>',
      },
      log: [
        start,
        '[ERROR] Own: raised',
        'Traceback (most recent call last):',
        /^\xa0\xa0File ".*app\.py", line \d+, in handler$/,
        /return acts/,
        /^\xa0\xa0File ".*app\.py", line \d+, in raises$/,
        /raise Own/,
        end,
        cold,
      ],
    },
  },
  {
    claim: 'Python: a result that is no JSON',
    function: 'python',
    event: { do: 'set' },
    expects: {
      fails: true,
      payload: {
        errorMessage: 'Unable to marshal response: Object of type set is not JSON serializable',
        errorType: 'Runtime.MarshalError',
        requestId: '<id>',
        stackTrace: [],
      },
    },
  },
  {
    claim: 'provided: an error is passed on byte for byte, and its type goes to nobody',
    function: 'provided',
    event: { do: 'error', body: '{"any": ["thing"]}', type: 'Function.Own' },
    expects: { fails: true, payload: { any: ['thing'] } },
  },
  {
    claim: 'provided: an error without a body',
    function: 'provided',
    event: { do: 'error' },
    expects: { fails: true, payload: '' },
  },
  {
    claim: 'Node: exit 0',
    function: 'node',
    alone: true,
    event: { do: 'exit', code: 0 },
    expects: { fails: true, payload: silent, log: [start, end, coldFailed('Runtime.ExitError')] },
  },
  {
    claim: 'Node: exit 3',
    function: 'node',
    alone: true,
    event: { do: 'exit', code: 3 },
    expects: { fails: true, payload: exitStatus(3), report: /Error Type: Runtime\.ExitError\t$/ },
  },
  ...[
    ['SIGKILL', 'killed'],
    ['SIGTERM', 'terminated'],
    ['SIGHUP', 'hangup'],
    ['SIGUSR2', 'user defined signal 2'],
  ].map(
    ([signal = '', name = '']): Row => ({
      claim: `Node: ${signal}`,
      function: 'node',
      alone: true,
      event: { do: 'kill', signal },
      expects: {
        fails: true,
        payload: signalled(name),
        report: /Status: error\tError Type: Runtime\.ExitError\t$/,
      },
    }),
  ),
  ...(
    [
      [11, 'segmentation fault'],
      [6, 'aborted'],
      [8, 'floating point exception'],
      [4, 'illegal instruction'],
    ] as const
  ).map(
    ([signal, name]): Row => ({
      claim: `Python: signal ${signal}`,
      function: 'python',
      alone: true,
      event: { do: 'kill', signal },
      expects: { fails: true, payload: signalled(name) },
    }),
  ),
  {
    claim: 'Python: os._exit 0',
    function: 'python',
    alone: true,
    event: { do: 'exit', code: 0 },
    expects: { fails: true, payload: silent },
  },
  {
    claim: 'Python: os._exit 255',
    function: 'python',
    alone: true,
    event: { do: 'exit', code: 255 },
    expects: { fails: true, payload: exitStatus(255) },
  },
  {
    claim: 'Python: sys.exit 2 in the handler',
    function: 'python',
    alone: true,
    event: { do: 'sysexit', code: 2 },
    expects: { fails: true, payload: exitStatus(2) },
  },
  {
    claim: 'Node: an uncaught exception is the answer, and ends the process',
    function: 'node',
    steps: [
      {
        event: { do: 'uncaught' },
        expects: {
          fails: true,
          payload: { errorType: 'Error', errorMessage: 'uncaught', trace: '<stack>' },
        },
      },
      { event: { do: 'look' }, expects: { payload: { calls: 1, kept: null } } },
    ],
  },
  {
    claim: 'Node: an unhandled rejection is the answer, and ends the process',
    function: 'node',
    steps: [
      {
        event: { do: 'rejects' },
        expects: {
          fails: true,
          like: { errorType: 'Runtime.UnhandledPromiseRejection', errorMessage: 'Error: rejected' },
        },
      },
      { event: { do: 'look' }, expects: { payload: { calls: 1, kept: null } } },
    ],
  },
  {
    claim: 'Node 24: an uncaught exception is exit 1',
    function: 'node24',
    alone: true,
    event: { do: 'uncaught' },
    expects: { fails: true, payload: exitStatus(1) },
  },
  {
    claim: 'Node 24: an unhandled rejection is exit 1',
    function: 'node24',
    alone: true,
    event: { do: 'rejects' },
    expects: { fails: true, payload: exitStatus(1) },
  },
  {
    claim: 'Node: a promise that never settles, and nothing else to do',
    function: 'node',
    event: { do: 'never' },
    alone: true,
    expects: { fails: true, like: { errorType: 'Runtime.NodeJsExit' } },
  },
  {
    claim: 'Node 24: the same exits',
    function: 'node24',
    event: { do: 'never' },
    alone: true,
    expects: { fails: true, payload: silent },
  },
  {
    claim: 'provided: an exit without an answer',
    function: 'provided',
    alone: true,
    event: { do: 'exit', code: 9 },
    expects: {
      fails: true,
      payload: exitStatus(9),
      log: [start, end, coldFailed('Runtime.ExitError')],
    },
  },
  {
    claim:
      'an exit after the answer is no concern of the caller, and the next one has a new process',
    function: 'provided',
    steps: [
      { event: { do: 'answerAndExit' }, expects: { payload: 'last words' } },
      { event: { do: 'echo', value: 2 }, expects: { payload: 2 } },
    ],
  },
  {
    claim: 'after a crash memory is new and /tmp is kept, and the start is inside the next call',
    function: 'node',
    steps: [
      { event: { do: 'put', text: 'before' }, expects: { payload: null } },
      {
        event: { do: 'exit', code: 1 },
        expects: { fails: true, log: [start, end, failed('Runtime.ExitError')] },
      },
      {
        event: { do: 'look' },
        expects: { payload: { calls: 1, kept: 'before' }, log: [start, end, warm], init: false },
      },
    ],
  },
  {
    claim: 'Python: after a crash memory is new and /tmp is kept',
    function: 'python',
    steps: [
      { event: { do: 'put', text: 'before' }, expects: { payload: null } },
      { event: { do: 'kill', signal: 9 }, expects: { fails: true, payload: signalled('killed') } },
      { event: { do: 'look' }, expects: { payload: { calls: 1, kept: 'before' }, init: false } },
    ],
  },
  {
    claim: 'Python: out of memory is a kill for the caller, and out of memory in the report',
    function: 'small',
    alone: true,
    event: { do: 'memory', mb: 1_024 },
    expects: {
      fails: true,
      payload: signalled('killed'),
      report:
        /Memory Size: 256 MB\tMax Memory Used: <n> MB\tInit Duration: <n> ms\tStatus: error\tError Type: Runtime\.OutOfMemory\t$/,
    },
  },
]

export const timeouts: readonly Row[] = [
  {
    claim: 'Node: a timeout',
    function: 'short',
    steps: [
      { event: { do: 'put', text: 'before' }, expects: { payload: null } },
      {
        event: { do: 'hang' },
        expects: {
          fails: true,
          payload: timedOut,
          log: [start, end, report('Status: timeout\t')],
          durationFromMs: 3_000,
        },
      },
      {
        event: { do: 'look' },
        expects: { payload: { calls: 1, kept: 'before' }, log: [start, end, warm], init: false },
      },
    ],
  },
  {
    claim: 'Python: a timeout',
    function: 'shortPython',
    steps: [
      { event: { do: 'put', text: 'before' }, expects: { payload: null } },
      {
        event: { do: 'hang' },
        expects: { fails: true, payload: timedOut, log: [start, end, report('Status: timeout\t')] },
      },
      { event: { do: 'look' }, expects: { payload: { calls: 1, kept: 'before' } } },
    ],
  },
  {
    claim: 'provided: a runtime that never answers is timed out',
    function: 'shortProvided',
    alone: true,
    event: { do: 'silent' },
    expects: { fails: true, payload: timedOut, report: /\tStatus: timeout\t$/ },
  },
  {
    claim: 'a timeout in a log of events',
    function: 'jsonShort',
    alone: true,
    event: { do: 'hang' },
    expects: {
      fails: true,
      payload: timedOut,
      report: /"platform\.report".*"status":"timeout"\}\}$/,
    },
  },
]
