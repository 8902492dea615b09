# The root logger as Lambda sets it up. Loaded together with `logging`, when that is first imported.
import json
import logging
import time
import traceback

from .streams import frame_type

_TEXT_FORMAT = '[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n'
_TEXT_TIME = '%Y-%m-%dT%H:%M:%S'
_JSON_TIME = '%Y-%m-%dT%H:%M:%SZ'
# What a record always carries, in any Python version so far; everything else came from `extra`.
# taskName (3.12) is missing on purpose: the official client lets it through when it is set.
_RECORD_FIELDS = frozenset(
    'name msg args levelname levelno pathname filename module exc_info exc_text stack_info lineno '
    'funcName created msecs relativeCreated thread threadName processName process '
    'aws_request_id tenant_id _frame_type'.split()
)
# A value that JSON cannot hold is written as text: a log line is never lost to it.
_write_json = json.JSONEncoder(ensure_ascii=False, default=str).encode


def _whole_level(record):
    return min(50, max(0, record.levelno)) // 10 * 10


class LambdaLoggerHandler(logging.Handler):
    def __init__(self, log_sink):
        super().__init__()
        self.log_sink = log_sink

    def emit(self, record):
        self.log_sink.log(self.format(record))


class LambdaLoggerHandlerWithFrameType(LambdaLoggerHandler):
    def emit(self, record):
        message = self.format(record)
        kind = getattr(record, '_frame_type', None) or frame_type(False, _whole_level(record))
        self.log_sink.log(message, frame_type=kind)


class LambdaLoggerFilter(logging.Filter):
    """Marks each record with the invocation that is running."""

    def __init__(self, current):
        super().__init__()
        self._current = current

    def filter(self, record):
        record.aws_request_id = self._current.request_id or ''
        record.tenant_id = self._current.tenant_id
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a record. Keys without a value are left out; `extra` comes last."""

    def __init__(self):
        super().__init__(datefmt=_JSON_TIME)

    def format(self, record):
        record.levelno = _whole_level(record)
        record.levelname = logging.getLevelName(record.levelno)
        record._frame_type = frame_type(True, record.levelno)
        plain_object = isinstance(record.msg, dict) and not record.args
        line = {
            'timestamp': self.formatTime(record, self.datefmt),
            'level': record.levelname,
            'message': record.msg if plain_object else record.getMessage(),
            'logger': record.name,
            **_exception_fields(record.exc_info),
            'requestId': getattr(record, 'aws_request_id', None),
        }
        if record.exc_info:
            line['location'] = f'{record.pathname}:{record.funcName}:{record.lineno}'
        if getattr(record, 'tenant_id', None) is not None:
            line['tenantId'] = record.tenant_id
        taken = _RECORD_FIELDS.union(line, _EXCEPTION_KEYS)
        line.update((key, value) for key, value in vars(record).items() if key not in taken)
        return _write_json({k: v for k, v in line.items() if v is not None}) + '\n'


_EXCEPTION_KEYS = ('stackTrace', 'errorType', 'errorMessage', 'location', 'requestId')


def _exception_fields(exc_info):
    if not exc_info:
        return {}
    kind, value, trace = exc_info
    return {
        'stackTrace': traceback.format_tb(trace),
        'errorType': kind.__name__,
        'errorMessage': str(value),
    }


def set_up(sink, as_json, level, current):
    """Gives the root logger Lambda's handler, and `level` ('' for none) if logging knows it."""
    logging.Formatter.converter = time.gmtime
    leveled = as_json or level
    handler = (LambdaLoggerHandlerWithFrameType if leveled else LambdaLoggerHandler)(sink)
    text = logging.Formatter(_TEXT_FORMAT, _TEXT_TIME)
    handler.setFormatter(JsonFormatter() if as_json else text)
    handler.addFilter(LambdaLoggerFilter(current))
    root = logging.getLogger()
    if level in logging._nameToLevel:
        root.setLevel(level)
    root.addHandler(handler)
