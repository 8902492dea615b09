// Lines of the log in both formats and both styles.

import type { Row } from '../table.js'
import { cold, end, exitStatus, report, silent, start, timedOut, warm } from './texts.js'

const platform = (type: string, record: string) =>
  `{"time":"<time>","type":"platform.${type}","record":${record}}`
const jsonStart = (name: string) =>
  new RegExp(
    `^\\{"time":"<time>","type":"platform\\.start","record":\\{"requestId":"<id>","functionArn":"arn:aws:lambda:us-east-1:000000000000:function:${name}\\w*","version":"\\$LATEST"\\}\\}$`,
  )
const jsonFigures =
  '"durationMs":"<n>","billedDurationMs":"<n>","memorySizeMB":1769,"maxMemoryUsedMB":"<n>"'
const jsonReport = (status = 'success', more = ',"initDurationMs":"<n>"') =>
  platform('report', `{"requestId":"<id>","metrics":{${jsonFigures}${more}},"status":"${status}"}`)
const jsonLine = (level: string, message: string) =>
  `{"timestamp":"<time>","level":"${level}","requestId":"<id>","message":${message}}`

export const logs: readonly Row[] = [
  {
    claim: 'Node: each level in its line, and what is printed as it is',
    function: 'node',
    alone: true,
    event: { do: 'log' },
    expects: {
      log: [
        start,
        '<time>\t<id>\tINFO\tone two',
        '<time>\t<id>\tINFO\t{ a: 1 }',
        '<time>\t<id>\tWARN\tcareful',
        '<time>\t<id>\tERROR\tseen',
        '<time>\t<id>\tDEBUG\tdeep',
        'raw',
        'error',
        end,
        cold,
      ],
    },
  },
  {
    claim: 'Node: a record of two lines',
    function: 'node',
    alone: true,
    event: { do: 'lines' },
    expects: { log: [start, '<time>\t<id>\tINFO\tfirst', 'second', end, cold] },
  },
  {
    claim: 'a line without its end',
    function: 'node',
    alone: true,
    event: { do: 'print', text: 'no end' },
    expects: { log: [start, 'no end', end, cold] },
  },
  {
    claim: 'Python: each level from WARNING on in its line, and what is printed as it is',
    function: 'python',
    alone: true,
    event: { do: 'log' },
    expects: {
      log: [
        start,
        'printed',
        '[WARNING]\t<time>\t<id>\tcareful 1',
        '[ERROR]\t<time>\t<id>\twrong',
        'error',
        end,
        cold,
      ],
    },
  },
  {
    claim: 'what is written after the answer is of the next invocation',
    function: 'node',
    steps: [
      { event: { do: 'later' }, expects: { log: [start, end, cold] } },
      {
        event: { do: 'wait', ms: 500 },
        expects: { log: [start, '<time>\t<id>\tINFO\tafterwards', end, warm] },
      },
    ],
  },
  {
    claim: 'JSON: lines and events from INFO on',
    function: 'json',
    alone: true,
    event: { do: 'log' },
    expects: {
      log: [
        jsonStart('json'),
        jsonLine('INFO', '"one two"'),
        jsonLine('INFO', '{"a":1}'),
        jsonLine('WARN', '"careful"'),
        jsonLine('ERROR', '"seen"'),
        'raw',
        'error',
        jsonReport(),
      ],
    },
  },
  {
    claim: 'JSON: a record of two lines is one',
    function: 'json',
    alone: true,
    event: { do: 'lines' },
    expects: { log: [jsonStart('json'), jsonLine('INFO', '"first\\nsecond"'), jsonReport()] },
  },
  {
    claim: 'JSON at DEBUG: all events, and what the response had',
    function: 'jsonDebug',
    event: { do: 'echo', value: 12345 },
    alone: true,
    expects: {
      all: [
        /^\{"time":"<time>","type":"platform\.initStart","record":\{"initializationType":"on-demand","phase":"init","runtimeVersion":"nodejs:22\.v\d+","runtimeVersionArn":".*:runtime:<hash>","functionName":"jsonDebug\w*","functionVersion":"\$LATEST","instanceId":"<stream>","instanceMaxMemory":1854930944\}\}$/,
        platform(
          'initRuntimeDone',
          '{"initializationType":"on-demand","phase":"init","status":"success"}',
        ),
        platform(
          'initReport',
          '{"initializationType":"on-demand","phase":"init","status":"success","metrics":{"durationMs":"<n>"}}',
        ),
        jsonStart('jsonDebug'),
        platform(
          'runtimeDone',
          '{"requestId":"<id>","status":"success","metrics":{"durationMs":"<n>","producedBytes":"<n>"}}',
        ),
        jsonReport(),
      ],
    },
  },
  {
    claim: 'JSON with levels of ERROR and WARN: only what is as bad',
    function: 'jsonQuiet',
    alone: true,
    event: { do: 'log' },
    expects: { log: [jsonLine('ERROR', '"seen"'), 'raw', 'error'] },
  },
  {
    claim: 'JSON: an error of the handler is a record of its own',
    function: 'json',
    alone: true,
    event: { do: 'throw' },
    expects: {
      fails: true,
      log: [
        jsonStart('json'),
        /^\{"timestamp":"<time>","level":"ERROR","requestId":"<id>","message":\{"errorType":"RangeError","errorMessage":"thrown","stackTrace":\[/,
        jsonReport(),
      ],
    },
  },
  {
    claim: 'JSON: an exit is an error of the report',
    function: 'json',
    alone: true,
    event: { do: 'exit', code: 2 },
    expects: {
      fails: true,
      payload: exitStatus(2),
      report: /"status":"error","errorType":"Runtime\.ExitError"\}\}$/,
    },
  },
  {
    claim: 'JSON: Python',
    function: 'jsonPython',
    alone: true,
    event: { do: 'log' },
    expects: {
      log: [
        jsonStart('jsonPython'),
        'printed',
        /^\{"timestamp": ?"<time>", ?"level": ?"INFO", ?"message": ?"quiet", ?"logger": ?"root", ?"requestId": ?"<id>"\}$/,
        /"level": ?"WARNING", ?"message": ?"careful 1"/,
        /"level": ?"ERROR", ?"message": ?"wrong"/,
        'error',
        jsonReport(),
      ],
    },
  },
]

const classicCold = report('Init Duration: <n> ms\t')
/** In their emulator logs in text format are as until 2024. */
export const classicRows: readonly Row[] = [
  {
    claim: 'classic: a success is told as today',
    function: 'node',
    alone: true,
    event: { do: 'nothing' },
    expects: { log: [start, end, classicCold] },
  },
  {
    claim: 'classic: an exit stands in words before END',
    function: 'node',
    alone: true,
    event: { do: 'exit', code: 3 },
    expects: {
      fails: true,
      payload: exitStatus(3),
      log: [
        start,
        'RequestId: <id> Error: Runtime exited with error: exit status 3',
        'Runtime.ExitError',
        end,
        classicCold,
      ],
    },
  },
  {
    claim: 'classic: an exit without a reason',
    function: 'python',
    alone: true,
    event: { do: 'exit', code: 0 },
    expects: {
      fails: true,
      payload: silent,
      log: [
        start,
        'RequestId: <id> Error: Runtime exited without providing a reason',
        'Runtime.ExitError',
        end,
        classicCold,
      ],
    },
  },
  {
    claim: 'classic: a signal',
    function: 'node',
    alone: true,
    event: { do: 'kill', signal: 'SIGKILL' },
    expects: {
      fails: true,
      log: [
        start,
        'RequestId: <id> Error: Runtime exited with error: signal: killed',
        'Runtime.ExitError',
        end,
        classicCold,
      ],
    },
  },
  {
    claim: 'classic: a timeout',
    function: 'short',
    alone: true,
    event: { do: 'hang' },
    expects: {
      fails: true,
      payload: timedOut,
      log: [start, '<time> <id> Task timed out after 3.00 seconds', '', end, classicCold],
    },
  },
  {
    claim: 'classic: an init error that was posted',
    function: 'initError',
    event: {},
    expects: {
      fails: true,
      payload: { errorType: 'Own.Type', errorMessage: 'own init' },
      log: [start, 'Unknown application error occurred', 'Runtime.Unknown', end, warm],
    },
  },
  {
    claim: 'classic: a log of events is as it is',
    function: 'json',
    alone: true,
    event: { do: 'exit', code: 2 },
    expects: { fails: true, report: /"status":"error","errorType":"Runtime\.ExitError"\}\}$/ },
  },
]
