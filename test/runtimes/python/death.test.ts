// How the Python process ends when the function ends it.

import { httpAnswer, type Row, table } from './client-harness.js'

const dying = (
  name: string,
  statement: string,
  end: Row['end'],
  stderr: string | RegExp = '',
): Row => ({
  name,
  source: `import os, signal, sys, ctypes\ndef handler(event, context):\n    ${statement}\n`,
  stderr,
  ...(end === undefined ? {} : { end }),
})

const refused = (status: number, body: string): Row => ({
  name: `a response refused with ${status} ends the process`,
  source: 'def handler(event, context):\n    return 1\n',
  postAnswer: () => httpAnswer(status, body),
  posts: ['ID1/response 1'],
  stdout: `[ERROR] [MS] LAMBDA_RUNTIME Failed to post handler success response. Http response code: ${status}. ${body}\n`,
  stderr: /^Traceback[\s\S]*RuntimeError: Failed to post invocation response\n$/,
  end: 1,
})

table([
  dying('sys.exit(0) exits 0 without a word', 'sys.exit(0)', 0),
  dying('sys.exit(3) exits 3 without a word', 'sys.exit(3)', 3),
  dying('sys.exit with a text prints it and exits 1', 'sys.exit("msg")', 1, 'msg\n'),
  dying('os._exit(3) exits 3', 'os._exit(3)', 3),
  dying('SIGKILL ends by SIGKILL', 'os.kill(os.getpid(), signal.SIGKILL)', 'SIGKILL'),
  dying('SIGTERM ends by SIGTERM', 'os.kill(os.getpid(), signal.SIGTERM)', 'SIGTERM'),
  dying('abort ends by SIGABRT', 'os.abort()', 'SIGABRT'),
  dying('a wild pointer ends by SIGSEGV', 'ctypes.string_at(0)', 'SIGSEGV'),
  dying(
    'KeyboardInterrupt is not reported and ends by SIGINT',
    'raise KeyboardInterrupt',
    'SIGINT',
    /KeyboardInterrupt\n$/,
  ),
  dying(
    'BaseException is not reported and exits 1',
    'raise BaseException("b")',
    1,
    /BaseException: b\n$/,
  ),
  dying('GeneratorExit is not reported and exits 1', 'raise GeneratorExit', 1, /GeneratorExit\n$/),
  {
    name: 'an exit handler runs when the function exits',
    source:
      'import atexit, sys\natexit.register(lambda: print("bye"))\ndef handler(event, context):\n    sys.exit(2)\n',
    stdout: 'bye\n',
    end: 2,
  },
  refused(400, 'nope'),
  refused(413, '{"errorMessage":"big"}\n'),
  refused(500, ''),
  {
    name: 'an error refused with 500 ends the process',
    source: 'def handler(event, context):\n    return {1}\n',
    postAnswer: () => httpAnswer(500, 'nope'),
    posts: [
      'ID1/error {"errorMessage": "Unable to marshal response: Object of type set is not JSON serializable", "errorType": "Runtime.MarshalError", "requestId": "ID1", "stackTrace": []}',
    ],
    stdout: /Http response code: 500\. nope\n$/,
    stderr: /RuntimeError: Failed to post invocation error\n$/,
    end: 1,
  },
  {
    name: 'an init error refused with 500 still exits 1, with a traceback',
    source: 'raise ValueError("load")\n',
    postAnswer: () => httpAnswer(500, 'nope'),
    posts: [
      /^init\/error \{"errorMessage": "load", "errorType": "ValueError", "requestId": "", "stackTrace": \[" {2}File .*importlib.*import_module.*<task>\/index.py.*"\]\}$/,
    ],
    stdout: /\[ERROR\] ValueError: load/,
    stderr:
      /Request to Lambda Runtime '\/2018-06-01\/runtime\/init\/error' endpoint failed\. Reason: '500'/,
    end: 1,
  },
])
