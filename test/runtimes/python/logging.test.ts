// What the Python runtime's log lines look like, in text and in JSON.

import t from 'tap'
import { errorBody, errorLog, frame, type Row, runClient, table } from './client-harness.js'

const json = { AWS_LAMBDA_LOG_FORMAT: 'JSON' }

const logging = (
  name: string,
  statements: string,
  stdout: string | RegExp,
  extra: Partial<Row> = {},
): Row => ({
  name,
  source: `import logging, sys, warnings\nlog = logging.getLogger()\ndef handler(event, context):\n    ${statements}\n`,
  posts: ['ID1/response null'],
  stdout,
  ...extra,
})

table([
  logging(
    'print is raw and keeps its newlines',
    'print("a\\nb"); print("no newline", end="")',
    'a\nb\nno newline',
  ),
  logging('standard error stays standard error', 'print("e", file=sys.stderr)', '', {
    stderr: 'e\n',
  }),
  logging(
    'a warning has level, time and request id',
    'log.warning("w %d", 1)',
    '[WARNING]\tTS\tID1\tw 1\n',
  ),
  logging('info is below the root level', 'log.info("i"); log.debug("d")', ''),
  logging(
    'error and critical',
    'log.error("e"); log.critical("c")',
    '[ERROR]\tTS\tID1\te\n[CRITICAL]\tTS\tID1\tc\n',
  ),
  logging(
    'newlines in a message are kept',
    'log.warning("l1\\nl2")',
    '[WARNING]\tTS\tID1\tl1\nl2\n',
  ),
  logging(
    'a named logger shows no name in text',
    'logging.getLogger("x.y").warning("n")',
    '[WARNING]\tTS\tID1\tn\n',
  ),
  logging('before the first event there is no request id', 'pass', '[WARNING]\tTS\t\tprewarn\n', {
    source: 'import logging\nlogging.warning("prewarn")\ndef handler(event, context):\n    pass\n',
  }),
  logging(
    'each invocation has its own id',
    'log.warning("w")',
    '[WARNING]\tTS\tID1\tw\n[WARNING]\tTS\tID2\tw\n',
    {
      events: ['{}', '{}'],
      posts: ['ID1/response null', 'ID2/response null'],
    },
  ),
  {
    name: 'an exception is logged with its traceback, and no newline behind it',
    source:
      'import logging\ndef handler(event, context):\n    try:\n        int("x")\n    except ValueError:\n        logging.exception("exc")\n',
    posts: ['ID1/response null'],
    stdout:
      /^\[ERROR\]\tTS\tID1\texc\nTraceback \(most recent call last\):\n {2}File "<task>\/index.py", line 4, in handler\n[\s\S]*\nValueError: invalid literal for int\(\) with base 10: 'x'$/,
  },
  logging(
    'AWS_LAMBDA_LOG_LEVEL sets the root level in text format too',
    'log.info("i"); log.debug("d")',
    '[INFO]\tTS\tID1\ti\n',
    { env: { AWS_LAMBDA_LOG_LEVEL: 'info' } },
  ),
  logging('TRACE is DEBUG', 'log.debug("d")', '[DEBUG]\tTS\tID1\td\n', {
    env: { AWS_LAMBDA_LOG_LEVEL: 'TRACE' },
  }),
  logging(
    'setLevel in code overrides the configured level; print is never filtered',
    'log.setLevel("ERROR"); log.warning("w"); print("p")',
    'p\n',
    { env: { AWS_LAMBDA_LOG_LEVEL: 'DEBUG' } },
  ),
  logging(
    'an unknown level changes nothing',
    'log.info("i"); log.warning("w")',
    '[WARNING]\tTS\tID1\tw\n',
    { env: { AWS_LAMBDA_LOG_LEVEL: 'LOUD' } },
  ),
  logging('warnings go to standard error', 'warnings.warn("careful")', '', {
    stderr: /index.py:4: UserWarning: careful\n/,
  }),
  logging('context.log writes as it is', 'context.log("raw")', 'raw'),
  logging(
    'the handler on the root logger has Lambda’s name',
    'print(type(log.handlers[0]).__name__, len(log.handlers), logging.getLevelName(log.level))',
    'LambdaLoggerHandler 1 WARNING\n',
  ),
  logging(
    'JSON: one object a line, seconds only',
    'log.warning("w %d", 1)',
    '{"timestamp": "TS", "level": "WARNING", "message": "w 1", "logger": "root", "requestId": "ID1"}\n',
    { env: json },
  ),
  logging(
    'JSON: extras at the top, objects as objects, text unescaped',
    'log.warning("é", extra={"foo": 1, "obj": {"a": [1]}}); logging.getLogger("n").error({"k": 1})',
    '{"timestamp": "TS", "level": "WARNING", "message": "é", "logger": "root", "requestId": "ID1", "foo": 1, "obj": {"a": [1]}}\n{"timestamp": "TS", "level": "ERROR", "message": {"k": 1}, "logger": "n", "requestId": "ID1"}\n',
    { env: json },
  ),
  logging(
    'JSON: what JSON cannot hold is written as text',
    'log.warning({"k": {1}.__class__})',
    '{"timestamp": "TS", "level": "WARNING", "message": {"k": "<class \'set\'>"}, "logger": "root", "requestId": "ID1"}\n',
    { env: json },
  ),
  logging(
    'JSON: at init the request id is empty',
    'pass',
    '{"timestamp": "TS", "level": "WARNING", "message": "prewarn", "logger": "root", "requestId": ""}\n',
    {
      env: json,
      source:
        'import logging\nlogging.warning("prewarn")\ndef handler(event, context):\n    pass\n',
    },
  ),
  logging(
    'JSON: the tenant is named',
    'log.warning("w")',
    '{"timestamp": "TS", "level": "WARNING", "message": "w", "logger": "root", "requestId": "ID1", "tenantId": "tenA"}\n',
    {
      env: json,
      events: [{ body: '{}', headers: { 'Lambda-Runtime-Aws-Tenant-Id': 'tenA' } }],
    },
  ),
  {
    name: 'JSON: an exception has type, message, stack and place',
    source:
      'import logging\ndef handler(event, context):\n    try:\n        1/0\n    except Exception:\n        logging.exception("exc")\n',
    env: json,
    posts: ['ID1/response null'],
    stdout:
      /^\{"timestamp": "TS", "level": "ERROR", "message": "exc", "logger": "root", "stackTrace": \[" {2}File \\"<task>\/index.py\\", line 4, in handler\\n {4}1\/0\\n[ ~^\\n]*"\], "errorType": "ZeroDivisionError", "errorMessage": "division by zero", "requestId": "ID1", "location": "<task>\/index.py:handler:6"\}\n$/,
  },
  {
    name: 'JSON: a failed invocation has no message key',
    source: 'def handler(event, context):\n    raise TypeError("jt")\n',
    env: json,
    posts: [
      `ID1/error ${errorBody('TypeError', 'jt', [frame(2, 'handler', 'raise TypeError("jt")')])}`,
    ],
    stdout: `{"timestamp": "TS", "level": "ERROR", ${errorBody('TypeError', 'jt', [frame(2, 'handler', 'raise TypeError("jt")')]).slice(1)}\n`,
  },
])

/** The frames on the log descriptor, as [type in hex, text]. */
function frames(bytes: Buffer): [string, string][] {
  const found: [string, string][] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4)
    const age = Math.abs(Date.now() - Number(bytes.readBigUInt64BE(at + 8) / 1000n))
    t.ok(age < 600_000, 'a frame’s time is in microseconds of the epoch')
    found.push([
      bytes.readUInt32BE(at).toString(16),
      bytes.toString('utf8', at + 16, at + 16 + length),
    ])
    at += 16 + length
  }
  return found
}

const framedSource = `import logging, os
def handler(event, context):
    logging.warning("l1\\nl2")
    logging.error({"k": 1})
    print(sorted(name for name in os.environ if "LOG_FD" in name))
    raise ValueError("é")
`

t.test('records go in frames to the log descriptor, whose variable is hidden', async (t) => {
  const run = { source: framedSource, extraFd: true, env: { _LAMBDA_TELEMETRY_LOG_FD: '3' } }
  const result = await runClient(run)
  const found = frames(result.extra)
  t.same(
    found.map(([type]) => type),
    ['a55a0003', 'a55a0003', 'a55a0017'],
  )
  t.match(found[0]?.[1] ?? '', /^\[WARNING\]\t\S+\tID1\tl1\nl2\n$/)
  const stack = frame(6, 'handler', 'raise ValueError("é")', `${result.task}/index.py`)
  t.equal(found[2]?.[1], errorLog('ValueError: é', stack).replaceAll('\r', '\n').replace(/\n$/, ''))
  t.equal(result.stdout, '[]\n')
})

t.test('frames carry the level of the record in JSON format', async (t) => {
  const env = { _LAMBDA_TELEMETRY_LOG_FD: '3', ...json }
  const result = await runClient({ source: framedSource, extraFd: true, env })
  const found = frames(result.extra)
  t.same(
    found.map(([type]) => type),
    ['a55a0012', 'a55a0016', 'a55a0016'],
  )
  t.equal(JSON.parse(found[2]?.[1] ?? '{}').errorType, 'ValueError')
})

t.test('frames carry the level in text format once a level is configured', async (t) => {
  const env = { _LAMBDA_TELEMETRY_LOG_FD: '3', AWS_LAMBDA_LOG_LEVEL: 'INFO' }
  const result = await runClient({ source: framedSource, extraFd: true, env })
  t.same(
    frames(result.extra).map(([type]) => type),
    ['a55a0013', 'a55a0017', 'a55a0017'],
  )
})
