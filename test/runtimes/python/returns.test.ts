// What the Python runtime posts for what a handler returns, and for events it cannot read.

import { errorBody, errorLog, type Row, table } from './client-harness.js'

const returning = (
  name: string,
  expression: string,
  posted: string,
  extra: Partial<Row> = {},
): Row => ({
  name,
  source: `def handler(event, context):\n    return ${expression}\n`,
  posts: [`ID1/response ${posted}`],
  ...extra,
})

const refusing = (
  name: string,
  expression: string,
  message: string,
  extra: Partial<Row> = {},
): Row => ({
  name,
  source: `import datetime\nclass K: pass\ndef handler(event, context):\n    return ${expression}\n`,
  posts: [
    `ID1/error ${errorBody('Runtime.MarshalError', `Unable to marshal response: ${message}`, [])}`,
  ],
  stdout: errorLog(`Runtime.MarshalError: Unable to marshal response: ${message}`),
  ...extra,
})

const unreadable = (name: string, body: string | Buffer, message: string): Row => ({
  name,
  source: 'def handler(event, context):\n    return 1\n',
  events: [body, '{}'],
  posts: [
    `ID1/error ${errorBody('Runtime.UnmarshalError', `Unable to unmarshal input: ${message}`, [])}`,
    'ID2/response 1',
  ],
  stdout: errorLog(`Runtime.UnmarshalError: Unable to unmarshal input: ${message}`),
})

const raw = { env: { AWS_EXECUTION_ENV: 'AWS_Lambda_python3.12' } }

table([
  returning(
    'an object has spaces, escaped text and a bare NaN',
    '{"a": 1, "s": "é😀", "f": 1.5, "nan": float("nan"), "t": (1, 2)}',
    '{"a": 1, "s": "\\u00e9\\ud83d\\ude00", "f": 1.5, "nan": NaN, "t": [1, 2]}',
  ),
  returning('from Python 3.12 on text is not escaped', '{"s": "é😀"}', '{"s": "é😀"}', raw),
  returning('None is null', 'None', 'null'),
  returning('a string is quoted', '"hi"', '"hi"'),
  returning('a number stays one', '42', '42'),
  returning('bytes go out as they are', 'b"abc"', 'abc'),
  returning('bytes inside an object become text', '{"b": b"x"}', '{"b": "x"}'),
  returning(
    'a Decimal keeps its digits',
    '{"d": __import__("decimal").Decimal("1.10")}',
    '{"d": 1.10}',
  ),
  returning(
    'keys that are not text are written as text',
    '{1: 4, None: 3, False: 2}',
    '{"1": 4, "null": 3, "false": 2}',
  ),
  returning(
    'a named tuple is an object',
    '__import__("collections").namedtuple("N", "a b")(1, 2)',
    '{"a": 1, "b": 2}',
  ),
  returning('infinity is written bare', '[float("inf"), -float("inf")]', '[Infinity, -Infinity]'),
  returning('empty containers', '[{}, [], ()]', '[{}, [], []]'),
  refusing(
    'a circular structure is refused',
    '(lambda x: (x.append(x), x)[1])([])',
    'Circular reference detected',
  ),
  refusing('a function is refused', 'handler', 'Object of type function is not JSON serializable'),
  refusing('a set is refused', '{1}', 'Object of type set is not JSON serializable'),
  refusing(
    'a datetime is refused',
    'datetime.datetime.now()',
    'Object of type datetime is not JSON serializable',
  ),
  refusing(
    'a generator is refused',
    '(x for x in ())',
    'Object of type generator is not JSON serializable',
  ),
  refusing('an object of a class is refused', 'K()', 'Object of type K is not JSON serializable'),
  refusing(
    'a key that cannot be text is refused',
    '{(1,): 2}',
    'keys must be str, int, float, bool or None, not tuple',
  ),
  {
    ...refusing(
      'an async handler is refused, with a warning',
      '',
      'Object of type coroutine is not JSON serializable',
    ),
    source: 'async def handler(event, context):\n    return 1\n',
    stderr: /RuntimeWarning: coroutine 'handler' was never awaited/,
  },
  unreadable(
    'an event that is not JSON is an error and the next is served',
    '{bad',
    "Expecting property name enclosed in double quotes or '}': line 1 column 2 (char 1)",
  ),
  unreadable('an empty event is an error', '', 'Expecting value: line 1 column 1 (char 0)'),
  unreadable(
    'a trailing comma is named',
    '[1,]',
    'Illegal trailing comma before end of array: line 1 column 3 (char 2)',
  ),
  unreadable(
    'text behind the event is named with its end',
    '1 2',
    'Extra data: line 1 column 3 - line 1 column 4 (char 2 - 3)',
  ),
  unreadable('NaN in an event is refused', '[NaN]', 'Expecting value: line 1 column 2 (char 1)'),
  unreadable(
    'an event that is not UTF-8 is an error',
    Buffer.from([0xff]),
    "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
  ),
  {
    name: 'unicode and NUL in an event come through',
    source: 'def handler(event, context):\n    return [event["s"], len(event["s"])]\n',
    events: ['{"s": "\\u0000é\\ud83d\\ude00"}'],
    posts: ['ID1/response ["\\u0000\\u00e9\\ud83d\\ude00", 3]'],
  },
  {
    name: 'an event of another content type arrives as bytes',
    source: 'def handler(event, context):\n    return repr(event)\n',
    events: [{ body: '{}', headers: { 'Content-Type': 'text/plain' } }],
    posts: ['ID1/response "b\'{}\'"'],
  },
  {
    name: 'an event deeper than Python can read is an error',
    source: 'def handler(event, context):\n    return 1\n',
    events: ['['.repeat(100_000)],
    posts: [
      `ID1/error ${errorBody('Runtime.UnmarshalError', 'Unable to unmarshal input: maximum recursion depth exceeded while decoding a JSON array from a string', [])}`,
    ],
    stdout: errorLog(
      'Runtime.UnmarshalError: Unable to unmarshal input: maximum recursion depth exceeded while decoding a JSON array from a string',
    ),
  },
  {
    name: 'text that UTF-8 cannot hold ends the process, from Python 3.12 on',
    source: 'def handler(event, context):\n    return "\\ud800"\n',
    ...raw,
    stderr: /UnicodeEncodeError/,
    end: 1,
  },
  {
    name: 'a client context that is not JSON is an error with a type of its own',
    source: 'def handler(event, context):\n    return 1\n',
    events: [{ body: '{}', headers: { 'Lambda-Runtime-Client-Context': '{bad' } }],
    posts: [
      `ID1/error ${errorBody('Runtime.LambdaContextUnmarshalError', 'Unable to parse Client Context JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)', [])}`,
    ],
    stdout: errorLog(
      'Runtime.LambdaContextUnmarshalError: Unable to parse Client Context JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)',
    ),
  },
  {
    name: 'a handler with the wrong number of parameters fails each event, not the start',
    source: 'def handler(event):\n    pass\n',
    events: ['{}', '{}'],
    posts: ['ID1', 'ID2'].map(
      (id) =>
        new RegExp(
          `^${id}/error \\{"errorMessage": "handler\\(\\) takes 1 positional argument but 2 were given", "errorType": "TypeError", "requestId": "${id}", "stackTrace": \\[" {2}File .*bootstrap.py.*, in handle_event_request.n {4}response = request_handler\\(event, lambda_context\\).n"\\]\\}$`,
        ),
    ),
    stdout:
      /^\[ERROR\] TypeError: handler\(\) takes 1 positional argument but 2 were given\rTraceback/,
  },
])
