# What is told about an exception: the error body, the cause for X-Ray, and the log lines. Formats
# stacks itself: `traceback` would cost the first failing invocation 5 ms, and cannot be loaded at
# all by a function that has run out of descriptors.
import os
import sys
import time

from . import payload

_REPEATS_SHOWN = 3
_NO_BREAK_SPACE = '\u00a0'
_HERE = __file__.rpartition('/')[0] + '/'
# Where these frames are on AWS; shown when an error has no frame of the user's own.
_SHOWN_CLIENT = '/var/runtime/bootstrap.py'


def body_of(message, error_type, stack, request_id=None):
    """The error object that is posted. Key order as AWS writes it."""
    return {
        'errorMessage': message or '',
        'errorType': error_type or '',
        'requestId': request_id if request_id is not None else '',
        'stackTrace': stack or [],
    }


def frames_of(trace):
    """[(file, line, function, source)] of a traceback, without the client's own frames on top."""
    frames = []
    while trace is not None:
        code = trace.tb_frame.f_code
        source = _source_line(code.co_filename, trace.tb_lineno, trace.tb_frame.f_globals)
        name = code.co_filename
        if name.startswith(_HERE):
            name = _SHOWN_CLIENT
        frames.append((name, trace.tb_lineno, code.co_name, source))
        trace = trace.tb_next
    for index, frame in enumerate(frames):
        if '/bootstrap.py' not in frame[0]:
            return frames[index:]
    return frames


def _source_line(name, number, names):
    linecache = sys.modules.get('linecache')
    try:
        if number is None or name.startswith('<'):
            return ''
        if os.path.isfile(name):
            return _file_line(name, number)
        return linecache.getline(name, number, names).strip()
    except Exception:
        return ''


def _file_line(name, number):
    with open(name, 'rb') as file:
        for _ in range(number - 1):
            if not file.readline():
                return ''
        line = file.readline()
    return line.decode('utf-8', 'replace').strip()


def format_frames(frames):
    """One text a frame; a run of equal frames is cut short after three."""
    texts = []
    previous, repeats = None, 0
    for frame in frames:
        if frame[:3] != previous:
            _note_repeats(texts, repeats)
            previous, repeats = frame[:3], 0
        repeats += 1
        if repeats > _REPEATS_SHOWN:
            continue
        name, number, function, source = frame
        text = '  File "%s", line %s, in %s\n' % (name, number, function)
        texts.append(text + '    %s\n' % source if source else text)
    _note_repeats(texts, repeats)
    return texts


def _note_repeats(texts, repeats):
    more = repeats - _REPEATS_SHOWN
    if more > 0:
        plural = '' if more == 1 else 's'
        texts.append('  [Previous line repeated %d more time%s]\n' % (more, plural))


def cause_of(error_type, message, frames):
    """The value of the X-Ray cause header."""
    stack = [{'label': label, 'path': path, 'line': line} for path, line, label, _ in frames]
    return {
        'working_directory': os.getcwd(),
        'exceptions': [{'message': message, 'type': error_type, 'stack': stack}],
        'paths': list({path: None for path, _, _, _ in frames}),
    }


def log(error, sink, as_json):
    """Writes an error body to the log, in the function's log format."""
    if as_json:
        stamp = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
        sink.log_error([payload.encode({'timestamp': stamp, 'level': 'ERROR', **error})])
        return
    first = '[ERROR]'
    if error['errorType']:
        first += ' ' + error['errorType']
    if error['errorMessage']:
        first += (': ' if error['errorType'] else ' ') + error['errorMessage']
    lines = [first, 'Traceback (most recent call last):']
    for text in error['stackTrace']:
        lines += [_indented(line) for line in text.splitlines()] or ['']
    sink.log_error(lines)


def _indented(line):
    bare = line.lstrip(' ')
    return _NO_BREAK_SPACE * (len(line) - len(bare)) + bare
