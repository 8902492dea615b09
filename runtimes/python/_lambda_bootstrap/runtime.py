# The life of a Python function's process: load the handler, then take events until the end.
import _signal
import importlib
import os
import sys

from . import deferred, faults, payload
from .context import LambdaContext
from .payload import Fault
from .streams import Unbuffered, open_sink

# From this version on the official client waits for events beside its main thread, which can
# therefore handle signals meanwhile; before it, a signal handler runs when the next event is there.
_SIGNALS_WHILE_WAITING_SINCE = (3, 12)
_PREVIEW_VERSION = (3, 15)


class _Current:
    """The invocation that log records belong to."""

    request_id = None
    tenant_id = None


class Invocation:
    __slots__ = (
        'request_id',
        'invocation_id',
        'trace_id',
        'invoked_function_arn',
        'deadline_ms',
        'client_context',
        'cognito_identity',
        'tenant_id',
        'content_type',
        'body',
    )

    def __init__(self, answer):
        header = answer.headers.get
        self.request_id = header('lambda-runtime-aws-request-id')
        self.invocation_id = header('lambda-runtime-invocation-id')
        self.trace_id = header('lambda-runtime-trace-id')
        self.invoked_function_arn = header('lambda-runtime-invoked-function-arn')
        self.deadline_ms = int(header('lambda-runtime-deadline-ms') or 0)
        self.client_context = header('lambda-runtime-client-context')
        self.cognito_identity = header('lambda-runtime-cognito-identity')
        self.tenant_id = header('lambda-runtime-aws-tenant-id')
        self.content_type = header('content-type', 'application/json')
        self.body = answer.body


class Runtime:
    def __init__(self, environ, api):
        self.api = api
        self.as_json = (environ.get('AWS_LAMBDA_LOG_FORMAT') or '').upper() == 'JSON'
        level = environ.get('AWS_LAMBDA_LOG_LEVEL') or ''
        self.log_level = 'DEBUG' if level == 'TRACE' else level.upper()
        self.sink = open_sink(self.as_json)

    def set_up_logging(self):
        from . import log_setup

        log_setup.set_up(self.sink, self.as_json, self.log_level, _Current)

    def initialize(self, name):
        """The handler called `name`. Reports a failure and ends the process with exit status 1."""
        try:
            if payload.runtime_version() == _PREVIEW_VERSION:
                from . import warning_texts

                warning_texts.log_preview()
            return find_handler(name)
        except Fault as fault:
            error = faults.body_of(fault.message, fault.error_type, fault.trace)
        except Exception:
            error = self._error_of_exception()
        from . import warning_texts

        warning_texts.log_unhandled_exception()
        self.report_init_error(error, error['errorType'])
        sys.exit(1)

    def report_init_error(self, error, error_type, path='/init/error'):
        faults.log(error, self.sink, self.as_json)
        self.api.call('POST', path, payload.encode(error).encode(), error_type)

    def _error_of_exception(self):
        kind, value, trace = sys.exc_info()
        frames = faults.frames_of(trace)
        return faults.body_of(str(value), kind.__name__, faults.format_frames(frames))

    def run_snapshot_hooks(self):
        """SnapStart: hooks around the snapshot, which is taken while restore/next is pending."""
        try:
            hooks = importlib.import_module('snapshot_restore_py')
        except ImportError:
            hooks = None
        try:
            before = hooks.get_before_snapshot() if hooks else []
            while before:
                function, positional, named = before.pop()
                function(*positional, **named)
            self.api.call('GET', '/restore/next', expected_status=200)
        except BaseException:
            self.report_init_error(self._error_of_exception(), 'Runtime.BeforeSnapshotError')
            sys.exit(64)
        try:
            for function, positional, named in hooks.get_after_restore() if hooks else []:
                function(*positional, **named)
        except BaseException:
            error = self._error_of_exception()
            self.report_init_error(error, 'Runtime.AfterRestoreError', '/restore/error')
            sys.exit(65)

    def serve(self, request_handler):
        """Takes events for ever; returns only by an exception that ends the process."""
        signals_while_waiting = payload.runtime_version() >= _SIGNALS_WHILE_WAITING_SINCE
        post = None
        while True:
            if signals_while_waiting:
                answer = self.api.next_invocation(post)
            else:
                answer = _without_signal_handlers(self.api.next_invocation, post)
            invocation = Invocation(answer)
            _Current.request_id = invocation.request_id
            _Current.tenant_id = invocation.tenant_id
            if invocation.trace_id is not None:
                os.environ['_X_AMZN_TRACE_ID'] = invocation.trace_id
            else:
                os.environ.pop('_X_AMZN_TRACE_ID', None)
            del answer
            post = handle_event_request(self, request_handler, invocation)


def handle_event_request(runtime, request_handler, invocation):
    """Runs the handler once; the message to post. The function's name and the line that calls the
    handler are in stack traces, where AWS shows the same."""
    try:
        lambda_context = _context_of(invocation)
        event = payload.decode_event(invocation.body, invocation.content_type)
        invocation.body = None
        response = request_handler(event, lambda_context)
        body, content_type = payload.encode_response(response)
    except Fault as fault:
        error_type, message = fault.error_type, fault.message
        stack = fault.trace
        cause = faults.cause_of('LambdaValidationError', message, [])
    except Exception:
        kind, value, trace = sys.exc_info()
        frames = faults.frames_of(trace)
        error_type, message = kind.__name__, str(value)
        stack = faults.format_frames(frames)
        cause = faults.cause_of(error_type, message, frames)
        del value, trace
    else:
        # Outside: text that UTF-8 cannot hold ends the process, as with the official client.
        sent = body if isinstance(body, bytes) else body.encode()
        return runtime.api.response(invocation, sent, content_type)
    error = faults.body_of(message, error_type, stack, invocation.request_id)
    faults.log(error, runtime.sink, runtime.as_json)
    return runtime.api.error(invocation, payload.encode(error).encode(), payload.encode(cause))


def _context_of(invocation):
    client_context = _json_header(invocation.client_context, 'Client Context')
    cognito_identity = _json_header(invocation.cognito_identity, 'Cognito Identity')
    return LambdaContext(invocation, client_context, cognito_identity)


def _json_header(text, name):
    if not text:
        return None
    try:
        return sys.modules['json'].loads(text)
    except Exception as error:
        raise Fault(
            'Runtime.LambdaContextUnmarshalError', 'Unable to parse %s JSON: %s' % (name, error)
        ) from None


def find_handler(name):
    """The function named by `module.function`. Raises Fault, or what the module raised."""
    try:
        module_name, function_name = name.rsplit('.', 1)
    except ValueError as error:
        raise Fault(
            'Runtime.MalformedHandlerName', "Bad handler '%s': %s" % (name, error)
        ) from None
    if module_name.split('.')[0] in sys.builtin_module_names:
        raise Fault(
            'Runtime.BuiltInModuleConflict',
            'Cannot use built-in module %s as a handler module' % module_name,
        )
    try:
        module = importlib.import_module(module_name.replace('/', '.'))
    except ImportError as error:
        raise Fault(
            'Runtime.ImportModuleError', "Unable to import module '%s': %s" % (module_name, error)
        ) from None
    except SyntaxError as error:
        raise Fault(
            'Runtime.UserCodeSyntaxError',
            "Syntax error in module '%s': %s" % (module_name, error),
            ['  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)],
        ) from None
    try:
        return getattr(module, function_name)
    except AttributeError:
        raise Fault(
            'Runtime.HandlerNotFound',
            "Handler '%s' missing on module '%s'" % (function_name, module_name),
        ) from None


def _without_signal_handlers(wait, argument):
    """Waits with those signals blocked that user code handles in Python: they run afterwards."""
    numbers = range(1, _signal.NSIG)
    handled = [number for number in numbers if callable(_signal.getsignal(number))]
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, handled)
    try:
        return wait(argument)
    finally:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)


def _layer_folders(task_root, runtime):
    # Elsewhere /opt is not the function's, and PYTHONPATH names the folders that stand for these.
    if task_root != '/var/task' or not os.path.isdir('/opt/python'):
        return []
    # By the version that the function asked for, whichever runs it here.
    return ['/opt/python/lib/' + runtime + '/site-packages', '/opt/python']


def _runtime_api(authority, words):
    """Frames over the descriptor that the daemon names in a word; else HTTP."""
    name, _, descriptor = (words[0] if words else '').partition('=')
    if name == '--frames':
        from .frames import FramedRuntimeApi

        return FramedRuntimeApi(int(descriptor), authority)
    from .wire import RuntimeApi

    return RuntimeApi(authority)


def main(words):
    environ = os.environ
    sys.stdout = Unbuffered(sys.stdout)
    sys.stderr = Unbuffered(sys.stderr)
    runtime = Runtime(environ, _runtime_api(environ['AWS_LAMBDA_RUNTIME_API'], words))
    deferred.defer(runtime.set_up_logging)
    task_root = environ.get('LAMBDA_TASK_ROOT') or os.getcwd()
    runtime_name = environ.get('AWS_EXECUTION_ENV', '').rpartition('_')[2]
    sys.path[:0] = [task_root, *_layer_folders(task_root, runtime_name)]
    request_handler = runtime.initialize(environ['_HANDLER'])
    if environ.get('AWS_LAMBDA_INITIALIZATION_TYPE') == 'snap-start':
        runtime.run_snapshot_hooks()
    runtime.serve(request_handler)
