// What the Python runtime reports when a handler raises, and that it lives on.

import { errorBody, errorLog, frame, type Row, table } from './client-harness.js'

/** A handler whose third line raises. */
const raising = (
  name: string,
  statement: string,
  type: string,
  message: string,
  extra: Partial<Row> = {},
): Row => {
  const stack = [frame(3, 'handler', statement)]
  return {
    name,
    source: `class MyErr(Exception): extra = 1\ndef handler(event, context):\n    ${statement}\n`,
    events: ['{}', '{}'],
    posts: ['ID1', 'ID2'].map((id) => `${id}/error ${errorBody(type, message, stack, id)}`),
    stdout: errorLog(message === '' ? type : `${type}: ${message}`, ...stack).repeat(2),
    ...extra,
  }
}

const threadSource = (where: string) => `import threading
def fail():
    raise ValueError("in thread")
def handler(event, context):
    thread = threading.Thread(target=fail)
    thread.start()
    ${where}
    return 1
`

table([
  raising(
    'an exception is posted with its stack, and the next event is served',
    'raise Exception("boom")',
    'Exception',
    'boom',
  ),
  raising(
    'a class of the function’s own is named without its module',
    'raise MyErr("mine")',
    'MyErr',
    'mine',
  ),
  raising('no message is an empty message', 'raise ValueError()', 'ValueError', ''),
  raising('a KeyError shows the key as Python writes it', 'raise KeyError("k")', 'KeyError', "'k'"),
  raising(
    'several arguments are shown as a tuple',
    'raise Exception("a", 2)',
    'Exception',
    "('a', 2)",
  ),
  raising(
    'only the outer of two chained exceptions is told',
    'raise Exception("outer") from ValueError("inner")',
    'Exception',
    'outer',
  ),
  raising(
    'an exception group is told as one',
    'raise ExceptionGroup("g", [ValueError("x")])',
    'ExceptionGroup',
    'g (1 sub-exception)',
  ),
  raising(
    'raising a string is a TypeError',
    'raise "s"',
    'TypeError',
    'exceptions must derive from BaseException',
  ),
  raising(
    'a newline in a message stays a line feed',
    'raise Exception("l1\\nl2")',
    'Exception',
    'l1\nl2',
  ),
  {
    name: 'a KeyError from looking up an event has its real line',
    source: 'def handler(event, context):\n    return event["missing"]\n',
    posts: [
      `ID1/error ${errorBody('KeyError', "'missing'", [frame(2, 'handler', 'return event["missing"]')])}`,
    ],
    stdout: errorLog("KeyError: 'missing'", frame(2, 'handler', 'return event["missing"]')),
  },
  {
    name: 'a deep recursion is shortened to three frames',
    source: 'def handler(event, context):\n    return handler(event, context)\n',
    // How many are left out depends on what called the handler.
    posts: [
      /^ID1\/error \{"errorMessage": "maximum recursion depth exceeded", "errorType": "RecursionError", "requestId": "ID1", "stackTrace": \[(?:" {2}File \\"<task>\/index.py\\", line 2, in handler\\n {4}return handler\(event, context\)\\n", ){3}" {2}\[Previous line repeated 99\d more times\]\\n"\]\}$/,
    ],
    stdout:
      /^\[ERROR\] RecursionError: maximum recursion depth exceeded\rTraceback[^\n]*repeated 99\d more times\]\n$/,
  },
  {
    name: 'frames of modules that the handler calls are all told',
    source: {
      'index.py': 'import lib.deep\ndef handler(event, context):\n    lib.deep.fail()\n',
      'lib/deep.py': 'def fail():\n    1 / 0\n',
    },
    posts: [
      `ID1/error ${errorBody('ZeroDivisionError', 'division by zero', [frame(3, 'handler', 'lib.deep.fail()'), frame(2, 'fail', '1 / 0', '<task>/lib/deep.py')])}`,
    ],
    stdout: errorLog(
      'ZeroDivisionError: division by zero',
      frame(3, 'handler', 'lib.deep.fail()'),
      frame(2, 'fail', '1 / 0', '<task>/lib/deep.py'),
    ),
  },
  {
    name: 'code without a file has a frame without a source line',
    source: 'exec("def handler(event, context):\\n    raise Exception(1)")\n',
    posts: [
      `ID1/error ${errorBody('Exception', '1', ['  File "<string>", line 2, in handler\n'])}`,
    ],
    stdout: errorLog('Exception: 1', '  File "<string>", line 2, in handler'),
  },
  {
    name: 'a handler that is not callable fails each event, not the start',
    source: 'handler = 5\n',
    events: ['{}', '{}'],
    posts: ['ID1', 'ID2'].map(
      (id) =>
        new RegExp(
          `^${id}/error \\{"errorMessage": "'int' object is not callable", "errorType": "TypeError", "requestId": "${id}", "stackTrace": \\[" {2}File .*bootstrap.py.*, line \\d+, in handle_event_request.n {4}response = request_handler\\(event, lambda_context\\).n"\\]\\}$`,
        ),
    ),
    stdout:
      /^\[ERROR\] TypeError: 'int' object is not callable\rTraceback[^\n]*handle_event_request/,
  },
  {
    name: 'a thread that raises is seen on standard error only',
    source: threadSource('thread.join()'),
    posts: ['ID1/response 1'],
    stderr:
      /^Exception in thread Thread-1(?: \(fail\))?:\nTraceback[\s\S]*ValueError: in thread\n$/,
  },
  {
    name: 'a thread that raises after the response is seen on standard error only',
    source:
      'import threading\ngo = threading.Event()\ndef fail():\n    go.wait()\n    raise ValueError("late")\ndef handler(event, context):\n    threading.Thread(target=fail).start()\n    threading.Timer(0.05, go.set).start()\n    return 1\n',
    posts: ['ID1/response 1'],
    whenParked: async ({ seen }) => seen('stderr', /ValueError: late\n$/),
    stderr: /ValueError: late\n$/,
  },
  {
    name: 'an error is still told when the function has no descriptor left',
    source:
      'import os\ndef handler(event, context):\n    try:\n        while True: os.dup(1)\n    except OSError:\n        raise ValueError("full")\n',
    posts: [
      `ID1/error ${errorBody('ValueError', 'full', ['  File "<task>/index.py", line 6, in handler\n'])}`,
    ],
    stdout: errorLog('ValueError: full', '  File "<task>/index.py", line 6, in handler'),
  },
  {
    name: 'an exception that cannot be shown ends the process',
    source:
      'class E(Exception):\n    def __str__(self): raise RuntimeError("no text")\ndef handler(event, context):\n    raise E()\n',
    stderr: /RuntimeError: no text\n$/,
    end: 1,
  },
])
