// The init phase: what it leaves, how it fails, and how it is run again inside an invocation.

import type { Row } from '../table.js'
import {
  cold,
  end,
  exitStatus,
  failed,
  initFailed,
  initReport,
  nodeVersion,
  providedVersion,
  pythonVersion,
  report,
  start,
  timedOut,
  warm,
} from './texts.js'

export const phases: readonly Row[] = [
  {
    claim:
      'the first call of an environment tells of its init, the second does not, and finds what the first has left',
    function: 'node',
    steps: [
      {
        event: { do: 'put', text: 'kept' },
        expects: { payload: null, all: [nodeVersion, start, end, cold] },
      },
      {
        event: { do: 'look' },
        expects: { payload: { calls: 2, kept: 'kept' }, log: [start, end, warm], init: false },
      },
    ],
  },
  {
    claim: 'Python: the same',
    function: 'python',
    steps: [
      {
        event: { do: 'put', text: 'kept' },
        expects: { payload: null, all: [pythonVersion, start, end, cold] },
      },
      {
        event: { do: 'look' },
        expects: { payload: { calls: 2, kept: 'kept' }, log: [start, end, warm] },
      },
    ],
  },
  {
    claim: 'provided: the same',
    function: 'provided',
    steps: [
      {
        event: { do: 'echo', value: 1 },
        expects: { payload: 1, all: [providedVersion, start, end, cold] },
      },
      { event: { do: 'echo', value: 2 }, expects: { payload: 2, log: [start, end, warm] } },
    ],
  },
  {
    claim: 'an init that throws is run once more inside the invocation, whose error it becomes',
    function: 'initThrows',
    event: {},
    expects: {
      fails: true,
      payload: { errorType: 'RangeError', errorMessage: 'in init', trace: '<stack>' },
      all: [
        nodeVersion,
        /^<time>\tundefined\tINFO\tfirst start$/,
        /^<time>\tundefined\tERROR\tUncaught Exception \t\{"errorType":"RangeError","errorMessage":"in init"/,
        initFailed('init', 'Runtime.Unknown'),
        /^<time>\tundefined\tINFO\tstarted again$/,
        /^<time>\tundefined\tERROR\tUncaught Exception \t/,
        initFailed('invoke', 'Runtime.Unknown'),
        start,
        end,
        failed('Runtime.Unknown'),
      ],
    },
  },
  {
    claim: 'the init of the next invocation after that is inside it from the beginning',
    function: 'initThrows',
    steps: [
      { event: {}, expects: { fails: true } },
      {
        event: {},
        expects: { fails: true, log: [start, end, failed('Runtime.Unknown')], init: false },
      },
    ],
  },
  {
    claim:
      'an init that throws once is forgotten when the second one, inside the invocation, ends well',
    function: 'initThrowsOnce',
    event: {},
    expects: {
      payload: 'again',
      all: [
        nodeVersion,
        /INFO\tfirst start$/,
        /ERROR\tUncaught Exception/,
        initFailed('init', 'Runtime.Unknown'),
        /INFO\tstarted again$/,
        start,
        end,
        warm,
      ],
      init: false,
    },
  },
  {
    claim: 'a suppressed init counts as duration, of which the next call has nothing',
    function: 'initExitsOnce',
    steps: [
      {
        event: {},
        expects: { payload: 'again', init: false, durationFromMs: 10, log: [start, end, warm] },
      },
      { event: {}, expects: { payload: 'again', init: false, log: [start, end, warm] } },
    ],
  },
  {
    claim: 'an init that is killed once is run again too',
    function: 'initKilledOnce',
    event: {},
    expects: {
      payload: 'again',
      all: [
        nodeVersion,
        /first start$/,
        initFailed('init', 'Runtime.ExitError'),
        /started again$/,
        start,
        end,
        warm,
      ],
    },
  },
  {
    claim: 'an init that exits each time is the error of the exit',
    function: 'initExits',
    event: {},
    expects: {
      fails: true,
      payload: exitStatus(7),
      all: [
        nodeVersion,
        /first start$/,
        initFailed('init', 'Runtime.ExitError'),
        /started again$/,
        initFailed('invoke', 'Runtime.ExitError'),
        start,
        end,
        failed('Runtime.ExitError'),
      ],
    },
  },
  {
    claim: 'Python: an error while loading has an empty request id',
    function: 'initPython',
    event: {},
    expects: {
      fails: true,
      payload: {
        errorMessage: 'division by zero',
        errorType: 'ZeroDivisionError',
        requestId: '',
        stackTrace: '<stack>',
      },
      log: [start, end, failed('Runtime.Unknown')],
    },
  },
  {
    claim:
      'provided: an init error that is posted is kept for the invocation that waits, byte for byte',
    function: 'initError',
    event: {},
    expects: {
      fails: true,
      payload: { errorType: 'Own.Type', errorMessage: 'own init' },
      all: [
        providedVersion,
        initFailed('init', 'Runtime.OwnInit'),
        initFailed('invoke', 'Runtime.OwnInit'),
        start,
        end,
        failed('Runtime.OwnInit'),
      ],
    },
  },
  {
    claim: 'provided: of an init error and an exit the first counts, its type filtered',
    function: 'initErrorAndExit',
    event: {},
    expects: {
      fails: true,
      payload: { errorType: 'Own.Type', errorMessage: 'own init' },
      report: /\tStatus: error\tError Type: Runtime\.Unknown\t$/,
    },
  },
  {
    claim: 'Node: a module that is not there',
    function: 'noModule',
    event: {},
    expects: {
      fails: true,
      like: {
        errorType: 'Runtime.ImportModuleError',
        errorMessage: /^Error: Cannot find module 'missing'/,
        trace: '<stack>',
      },
      report: /Error Type: Runtime\.ImportModuleError\t$/,
    },
  },
  {
    claim: 'Node: a handler that is not exported',
    function: 'noHandler',
    event: {},
    expects: {
      fails: true,
      payload: {
        errorType: 'Runtime.HandlerNotFound',
        errorMessage: 'index.missing is undefined or not exported',
        trace: '<stack>',
      },
      report: /Error Type: Runtime\.HandlerNotFound\t$/,
    },
  },
  {
    claim: 'Node 24: a handler with three parameters',
    function: 'threeParameters24',
    event: {},
    expects: {
      fails: true,
      like: { errorType: 'Runtime.CallbackHandlerDeprecated' },
      report: /Error Type: Runtime\.CallbackHandlerDeprecated\t$/,
    },
  },
  {
    claim: 'Python: a module that is not there',
    function: 'noModulePython',
    event: {},
    expects: {
      fails: true,
      payload: {
        errorMessage: "Unable to import module 'app': No module named 'missing'",
        errorType: 'Runtime.ImportModuleError',
        requestId: '',
        stackTrace: [],
      },
      report: /Error Type: Runtime\.ImportModuleError\t$/,
    },
  },
  {
    claim: 'Python: a handler that is not there',
    function: 'noHandlerPython',
    event: {},
    expects: {
      fails: true,
      payload: {
        errorMessage: "Handler 'missing' missing on module 'app'",
        errorType: 'Runtime.HandlerNotFound',
        requestId: '',
        stackTrace: [],
      },
    },
  },
]

/** The limit of an init is 3 s in their emulator: less than AWS's, and more than a start on a busy machine. */
export const initLimitRows: readonly Row[] = [
  {
    claim: 'an init over its limit is cut off and run again inside the invocation',
    function: 'staysOnce',
    event: {},
    expects: {
      payload: 'again',
      all: [
        nodeVersion,
        /first start$/,
        initReport('init', 'timeout'),
        /started again$/,
        start,
        end,
        warm,
      ],
      init: false,
    },
  },
  {
    claim: 'the second init may take as long as the function may, and all of it is duration',
    function: 'staysLonger',
    steps: [
      {
        event: {},
        expects: { payload: 'again', init: false, durationFromMs: 3_500, log: [start, end, warm] },
      },
      {
        event: {},
        expects: { payload: 'again', init: false, durationFromMs: 0, log: [start, end, warm] },
      },
    ],
  },
  {
    claim: 'a second init over the timeout of the function is that timeout',
    function: 'staysForever',
    event: {},
    expects: {
      fails: true,
      payload: timedOut,
      all: [
        nodeVersion,
        /first start$/,
        initReport('init', 'timeout'),
        /started again$/,
        initReport('invoke', 'timeout'),
        start,
        end,
        report('Status: timeout\t'),
      ],
      durationFromMs: 3_000,
    },
  },
]
