# The rare paths of JSON, in plain Python: values that simplejson writes in its own way (named
# tuples, bytes, Decimal), and the exact message and place of every error. Loaded when needed.
import sys
from _json import scanstring

_HEX_DIGITS = frozenset('0123456789abcdefABCDEF')
_WHITESPACE = ' \t\n\r'
_CONSTANTS = {'n': ('null', None), 't': ('true', True), 'f': ('false', False)}


class _Broken(ValueError):
    pass


def _broken(message, text, at, end=None):
    place = _place(text, at)
    if end is None:
        return _Broken('%s: %s (char %d)' % (message, place, at))
    return _Broken('%s: %s - %s (char %d - %d)' % (message, place, _place(text, end), at, end))


def _place(text, at):
    line = text.count('\n', 0, at) + 1
    column = at + 1 if line == 1 else at - text.rindex('\n', 0, at)
    return 'line %d column %d' % (line, column)


def decode(text):
    """The value of a JSON text. Raises ValueError with the official client's message."""
    at = 1 if text.startswith('\ufeff') else 0
    value, at = _value(text, _skip(text, at))
    at = _skip(text, at)
    if at != len(text):
        raise _broken('Extra data', text, at, len(text))
    return value


def _skip(text, at):
    while text[at : at + 1] and text[at] in _WHITESPACE:
        at += 1
    return at


def _value(text, at):
    first = text[at : at + 1]
    if first == '"':
        return _string(text, at + 1)
    if first == '{':
        return _object(text, at + 1)
    if first == '[':
        return _array(text, at + 1)
    if first in _CONSTANTS:
        word, value = _CONSTANTS[first]
        if text.startswith(word, at):
            return value, at + len(word)
    if first == '-' or '0' <= first <= '9':
        return _number(text, at)
    raise _broken('Expecting value', text, at)


def _digits(text, at):
    while '0' <= text[at : at + 1] <= '9':
        at += 1
    return at


def _number(text, start):
    whole = start + 1 if text[start] == '-' else start
    if text[whole : whole + 1] == '0':
        at = whole + 1
    else:
        at = _digits(text, whole)
    if at == whole:
        raise _broken('Expecting value', text, start)
    integer_end = at
    if text[at : at + 1] == '.':
        end = _digits(text, at + 1)
        at = end if end > at + 1 else at
    if text[at : at + 1] in ('e', 'E'):
        mantissa = at + 2 if text[at + 1 : at + 2] in ('+', '-') else at + 1
        end = _digits(text, mantissa)
        at = end if end > mantissa else at
    number = text[start:at]
    return (int(number) if at == integer_end else float(number)), at


def _string(text, start):
    """`start` is behind the opening quote."""
    at = start
    while True:
        character = text[at : at + 1]
        if character == '':
            raise _broken('Unterminated string starting at', text, start - 1)
        if character == '"':
            return scanstring(text, start, True)
        if character == '\\':
            at = _escape(text, start, at)
        elif character < ' ':
            raise _broken('Invalid control character %r at' % character, text, at)
        else:
            at += 1


def _escape(text, start, at):
    letter = text[at + 1 : at + 2]
    if letter == '':
        raise _broken('Unterminated string starting at', text, start - 1)
    if letter == 'u':
        digits = text[at + 2 : at + 6]
        if len(digits) < 4 or not _HEX_DIGITS.issuperset(digits):
            raise _broken('Invalid \\uXXXX escape sequence', text, at)
        return at + 6
    if letter not in '"\\/bfnrt':
        raise _broken('Invalid \\X escape sequence %r' % letter, text, at + 1)
    return at + 2


def _object(text, at):
    pairs = {}
    at = _skip(text, at)
    if text[at : at + 1] == '}':
        return pairs, at + 1
    if text[at : at + 1] != '"':
        raise _broken("Expecting property name enclosed in double quotes or '}'", text, at)
    while True:
        name, at = _string(text, at + 1)
        at = _skip(text, at)
        if text[at : at + 1] != ':':
            raise _broken("Expecting ':' delimiter", text, at)
        pairs[name], at = _value(text, _skip(text, at + 1))
        at = _skip(text, at)
        if text[at : at + 1] == '}':
            return pairs, at + 1
        if text[at : at + 1] != ',':
            raise _broken("Expecting ',' delimiter or '}'", text, at)
        comma, at = at, _skip(text, at + 1)
        if text[at : at + 1] == '}':
            raise _broken('Illegal trailing comma before end of object', text, comma)
        if text[at : at + 1] != '"':
            raise _broken('Expecting property name enclosed in double quotes', text, at)


def _array(text, at):
    values = []
    at = _skip(text, at)
    if text[at : at + 1] == ']':
        return values, at + 1
    if text[at : at + 1] == '':
        raise _broken("Expecting value or ']'", text, at)
    while True:
        value, at = _value(text, at)
        values.append(value)
        at = _skip(text, at)
        if text[at : at + 1] == ']':
            return values, at + 1
        if text[at : at + 1] != ',':
            raise _broken("Expecting ',' delimiter or ']'", text, at)
        comma, at = at, _skip(text, at + 1)
        if text[at : at + 1] == ']':
            raise _broken('Illegal trailing comma before end of array', text, comma)


def encode(value, string):
    """JSON text of any value; `string` writes one string. Raises TypeError, ValueError or
    RecursionError with the official client's message."""
    parts = []
    try:
        _write(value, string, parts.append, set())
    except RecursionError:
        raise RecursionError(
            'maximum recursion depth exceeded while encoding a JSON object'
        ) from None
    return ''.join(parts)


def _scalar(value, string):
    """The text of a value without members, or None."""
    if value is None:
        return 'null'
    if value is True:
        return 'true'
    if value is False:
        return 'false'
    if isinstance(value, str):
        return string(value)
    if isinstance(value, bytes):
        return string(value.decode())
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _float(value)
    return None


def _float(value):
    if value != value:
        return 'NaN'
    text = float.__repr__(value)
    return {'inf': 'Infinity', '-inf': '-Infinity'}.get(text, text)


def _write(value, string, write, open_ids):
    text = _scalar(value, string)
    if text is not None:
        write(text)
        return
    if id(value) in open_ids:
        raise ValueError('Circular reference detected')
    open_ids.add(id(value))
    members = _members_by_name(value)
    if members is not None:
        _write_object(members, string, write, open_ids)
    elif isinstance(value, (list, tuple)):
        separator = '['
        for member in value:
            write(separator)
            separator = ', '
            _write(member, string, write, open_ids)
        write(']' if separator == ', ' else '[]')
    else:
        write(_decimal(value))
    open_ids.discard(id(value))


def _members_by_name(value):
    as_dict = getattr(value, '_asdict', None)
    if callable(as_dict):
        return as_dict()
    return value if isinstance(value, dict) else None


def _write_object(members, string, write, open_ids):
    separator = '{'
    for name, member in members.items():
        write(separator)
        separator = ', '
        write(string(_name(name)))
        write(': ')
        _write(member, string, write, open_ids)
    write('}' if separator == ', ' else '{}')


def _name(name):
    if isinstance(name, str):
        return name
    if isinstance(name, bytes):
        return name.decode()
    text = _scalar(name, str)
    if text is None:
        raise TypeError(
            'keys must be str, int, float, bool or None, not %s' % type(name).__name__
        )
    return text


def _decimal(value):
    decimal = sys.modules.get('decimal')
    if decimal is not None and isinstance(value, decimal.Decimal):
        return 'NaN' if value.is_nan() else str(value)
    raise TypeError('Object of type %s is not JSON serializable' % type(value).__name__)
