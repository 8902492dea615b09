// How the Python runtime finds its handler, and what it reports when it cannot.

import { errorBody, errorLog, type Row, table } from './client-harness.js'

const ok = 'def handler(event, context):\n    return "ok"\n'

const warning =
  '[WARNING]\tTS\t\tLAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare cases, a Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes, runtime updates can be triggered by a function change, or can be applied automatically. To determine if the runtime has been updated, check the runtime version in the INIT_START log entry. If this error correlates with a change in the runtime version, you may be able to mitigate this error by temporarily rolling back to the previous runtime version. For more information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r\n'

const failing = (
  name: string,
  source: Row['source'],
  type: string,
  message: string,
  extra: Partial<Row> = {},
  stack: string[] = [],
): Row => ({
  name,
  source,
  posts: [`init/error ${errorBody(type, message, stack, '')}`],
  stdout: warning + errorLog(`${type}: ${message}`, ...stack),
  end: 1,
  ...extra,
})

const loading = (name: string, handler: string, source: Row['source']): Row => ({
  name,
  handler,
  source,
  posts: ['ID1/response "ok"'],
})

table([
  failing(
    'a missing module',
    { 'other.py': ok },
    'Runtime.ImportModuleError',
    "Unable to import module 'index': No module named 'index'",
  ),
  failing(
    'a missing dependency',
    'import nope\n',
    'Runtime.ImportModuleError',
    "Unable to import module 'index': No module named 'nope'",
  ),
  failing(
    'a syntax error',
    'def handler(:\n',
    'Runtime.UserCodeSyntaxError',
    "Syntax error in module 'index': invalid syntax (index.py, line 1)",
    {},
    ['  File "<task>/index.py" Line 1\n    def handler(:\n'],
  ),
  failing(
    'a missing handler',
    'x = 1\n',
    'Runtime.HandlerNotFound',
    "Handler 'handler' missing on module 'index'",
  ),
  failing(
    'a handler without a dot',
    ok,
    'Runtime.MalformedHandlerName',
    "Bad handler 'index': not enough values to unpack (expected 2, got 1)",
    { handler: 'index' },
  ),
  failing(
    'the name of a built-in module',
    ok,
    'Runtime.BuiltInModuleConflict',
    'Cannot use built-in module sys as a handler module',
    { handler: 'sys.handler' },
  ),
  failing(
    'a relative import at the top',
    'from . import x\n',
    'Runtime.ImportModuleError',
    "Unable to import module 'index': attempted relative import with no known parent package",
  ),
  {
    name: 'an exception at load is reported as itself, with the frames of the import',
    source: 'raise ValueError("load")\n',
    posts: [
      /^init\/error \{"errorMessage": "load", "errorType": "ValueError", "requestId": "", "stackTrace": \[" {2}File .*importlib.*import_module.*<task>\/index.py.*"\]\}$/,
    ],
    stdout:
      /\t\tLAMBDA_WARNING[^\n]*\n\[ERROR\] ValueError: load\rTraceback [^\n]*import_module[^\n]*_gcd_import[^\n]*<task>\/index.py", line 1, in <module>\r\u00a0{4}raise ValueError\("load"\)\n$/,
    end: 1,
  },
  {
    name: 'sys.exit(4) at load exits 4 without a word',
    source: 'import sys\nsys.exit(4)\n',
    end: 4,
  },
  {
    name: 'an init error in JSON format is one object a line',
    source: 'import nope\n',
    env: { AWS_LAMBDA_LOG_FORMAT: 'JSON' },
    posts: [
      `init/error ${errorBody('Runtime.ImportModuleError', "Unable to import module 'index': No module named 'nope'", [], '')}`,
    ],
    stdout:
      /^\{"timestamp": "TS", "level": "WARNING", "message": "LAMBDA_WARNING: [^\n]*", "logger": "root", "requestId": ""\}\n\{"timestamp": "TS", "level": "ERROR", "errorMessage": "Unable to import module 'index': No module named 'nope'", "errorType": "Runtime.ImportModuleError", "requestId": "", "stackTrace": \[\]\}\n$/,
    end: 1,
  },
  loading('a module in a package, with dots', 'pkg.mod.handler', { 'pkg/mod.py': ok }),
  loading('a module in a folder, with a slash', 'pkg/mod.handler', { 'pkg/mod.py': ok }),
  loading('a lambda', 'index.handler', 'handler = lambda event, context: "ok"\n'),
  loading('a package of its own', 'pkg.handler', { 'pkg/__init__.py': ok }),
  loading('a module of the name of one of ours', 'bootstrap.handler', { 'bootstrap.py': ok }),
  loading('the handler finds its neighbours', 'index.handler', {
    'index.py': 'from helper import handler\n',
    'helper.py': ok,
  }),
  loading('a module that logs beside one called token', 'index.handler', {
    'index.py': `import logging, traceback\n${ok}`,
    'token.py': 'raise SystemExit(9)\n',
  }),
  loading('the standard library goes before the function’s own string.py', 'index.handler', {
    'index.py': `import string\nassert string.digits == "0123456789"\n${ok}`,
    'string.py': '',
  }),
  {
    name: 'a preview version says so in the log',
    source: ok,
    env: { AWS_EXECUTION_ENV: 'AWS_Lambda_python3.15' },
    posts: ['ID1/response "ok"'],
    stdout:
      '[WARNING]\tTS\t\tLAMBDA_WARNING: This is a preview runtime version and should not be used for production workloads. For further information and to provide feedback, see https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html\r\n',
  },
])
