# Where output goes: unbuffered standard streams, and the sink of log records (standard output, or
# the framed descriptor that the Lambda service hands over).
import os
import sys
import time

_TEXT = 0xA55A0003
_JSON = 0xA55A0002
_FRAME_LEVELS = (0, 0x08, 0x0C, 0x10, 0x14, 0x18)  # by level number / 10
_DEFAULT_FRAME_TYPE = _TEXT.to_bytes(4, 'big')


def frame_type(as_json, level):
    """The four bytes that announce a record of logging level 0, 10 … 50; None for no such level."""
    if level % 10 or not 0 <= level <= 50:
        return None
    return ((_JSON if as_json else _TEXT) | _FRAME_LEVELS[level // 10]).to_bytes(4, 'big')


class Unbuffered:
    """A stream that flushes after every write, so that a line is out before the process freezes."""

    def __init__(self, stream):
        self.stream = stream

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_value, exc_tb):
        pass

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def write(self, text):
        self.stream.write(text)
        self.stream.flush()

    def writelines(self, lines):
        self.stream.writelines(lines)
        self.stream.flush()


class StandardLogSink:
    """Log records on whatever sys.stdout is at the time."""

    def log(self, message, frame_type=None):
        sys.stdout.write(message)

    def log_error(self, lines):
        # Carriage returns keep the lines of one error in one record.
        sys.stdout.write('\r'.join(lines) + '\n')


class FramedTelemetryLogSink:
    """Log records in frames: type (4 bytes), length (4), time in µs (8), then the message."""

    def __init__(self, descriptor, error_frame_type):
        self._descriptor = descriptor
        self._error_frame_type = error_frame_type

    def log(self, message, frame_type=None):
        encoded = message.encode('utf8')
        frame = memoryview(
            (frame_type or _DEFAULT_FRAME_TYPE)
            + len(encoded).to_bytes(4, 'big')
            + (time.time_ns() // 1000).to_bytes(8, 'big')
            + encoded
        )
        while frame:
            frame = frame[os.write(self._descriptor, frame) :]

    def log_error(self, lines):
        self.log('\n'.join(lines), self._error_frame_type)


def open_sink(as_json):
    """The sink for this process; takes the descriptor's variable out of the environment."""
    descriptor = os.environ.pop('_LAMBDA_TELEMETRY_LOG_FD', None)
    if descriptor is None:
        return StandardLogSink()
    return FramedTelemetryLogSink(int(descriptor), frame_type(as_json, 40))
