# Events and responses as JSON, with the results of the official client's simplejson, at the speed
# of the interpreter's own scanner and encoder. What those treat differently goes to json_exact.
import marshal
import os
from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner

_WHITESPACE = ' \t\n\r'
_RAW_UNICODE_SINCE = (3, 12)


class Fault(Exception):
    """An error with a type of the runtime's own; `trace` is a list of lines or None."""

    def __init__(self, error_type, message, trace=None):
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.trace = trace


def _refuse(value):
    raise ValueError(value)


class _ScannerSettings:
    strict = True
    object_hook = None
    object_pairs_hook = None
    array_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_refuse)


_scan = make_scanner(_ScannerSettings)


def runtime_version():
    """(3, 12) for AWS_Lambda_python3.12; (0, 0) when AWS_EXECUTION_ENV names no Python."""
    name = os.environ.get('AWS_EXECUTION_ENV', '')
    digits = name[len('AWS_Lambda_python') :].split('.')
    if name.startswith('AWS_Lambda_python') and all(part.isdigit() for part in digits):
        return tuple(int(part) for part in digits)
    return (0, 0)


def decode_event(body, content_type):
    """The event a handler sees: JSON when it says so, raw bytes otherwise."""
    if content_type != 'application/json':
        return body
    try:
        return _decode(body)
    except Exception as error:
        raise Fault('Runtime.UnmarshalError', 'Unable to unmarshal input: %s' % error) from None


def _decode(body):
    text = str(body, 'utf-8')
    try:
        value, end = _scan(text, len(text) - len(text.lstrip(_WHITESPACE)))
        if not text[end:].strip(_WHITESPACE):
            return value
    except RecursionError as error:
        raise RecursionError(str(error).replace('a unicode string', 'a string')) from None
    except Exception:
        # Also SystemError: without the json module the scanner finds no exception to raise.
        pass
    from . import json_exact

    return json_exact.decode(text)


def encode(value):
    """JSON text as Lambda writes it: with spaces, and non-ASCII escaped before Python 3.12."""
    string = (
        encode_basestring
        if runtime_version() >= _RAW_UNICODE_SINCE
        else encode_basestring_ascii
    )
    try:
        # marshal takes exactly the plain built-in types, for which both encoders agree.
        marshal.dumps(value)
        return ''.join(
            make_encoder({}, _refuse, string, None, ': ', ', ', False, False, True)(value, 0)
        )
    except RecursionError:
        raise
    except Exception:
        from . import json_exact

        return json_exact.encode(value, string)


def encode_response(response):
    """(bytes or text, content type) of a handler's return value."""
    if isinstance(response, bytes):
        return response, 'application/unknown'
    try:
        text = encode(response)
    except Exception as error:
        raise Fault('Runtime.MarshalError', 'Unable to marshal response: %s' % error) from None
    return text, 'application/json'
