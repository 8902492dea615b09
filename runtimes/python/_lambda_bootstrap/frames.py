# Speaks with the Runtime API in frames over the descriptor that the daemon has handed over. When that
# is gone (some code in the function has closed it, or written to it) all that has no answer goes on
# over HTTP. src/runtime-api/frames.ts says what each kind of frame is for.
import _socket
import os

_NEXT = 1
_RESPONSE = 2
_ERROR = 3
_INIT_ERROR = 4
_EVENT = 65
_ACCEPTED = 66
_REFUSED = 67

_ASKS_NEXT = 1
_MARK = 0xE5
_HEADER_BYTES = 16
_RECEIVE_BYTES_MAX = 1 << 18
# As over HTTP: a larger answer may be refused, and then this process ends.
_PIPELINED_BYTES_MAX = 1 << 20
# The official client leaves the cause out from this size on.
_CAUSE_BYTES_MAX = 1 << 20


class _Event:
    __slots__ = ('headers', 'body')

    def __init__(self, head, body):
        # Values are UTF-8 (a client context may hold any text); never fail on one that is not.
        lines = head.decode('utf-8', 'replace').split('\n')
        self.headers = dict(line.split(':', 1) for line in lines)
        self.body = body


class _Post:
    """An answer to an event, for whichever way it goes."""

    __slots__ = ('invocation', 'body', 'content_type', 'cause')

    def __init__(self, invocation, body, content_type, cause):
        self.invocation = invocation
        self.body = body
        self.content_type = content_type
        self.cause = cause

    @property
    def failure(self):
        what = 'response' if self.cause is None else 'error'
        return 'Failed to post invocation ' + what

    def frame(self, flags):
        invocation = self.invocation
        head = '%s\n%s\n' % (invocation.request_id, invocation.invocation_id or '')
        if self.cause is None:
            return _frame(_RESPONSE, flags, head + self.content_type, self.body)
        cause = self.cause.encode()
        head = (head + '\n').encode()
        if len(cause) < _CAUSE_BYTES_MAX:
            head += cause
        return _frame(_ERROR, flags, head, self.body)

    def over_http(self, api):
        if self.cause is None:
            return api.response(self.invocation, self.body, self.content_type)
        return api.error(self.invocation, self.body, self.cause)


def _frame(kind, flags, head, body):
    if isinstance(head, str):
        head = head.encode()
    sizes = len(head).to_bytes(4, 'little') + len(body).to_bytes(4, 'little')
    # One question at a time: its id tells nothing.
    return bytes((_MARK, kind, flags, 0, 1, 0, 0, 0)) + sizes + head + body


class FramedRuntimeApi:
    """One question or answer after the other; what has no answer when the descriptor fails is sent again over HTTP."""

    def __init__(self, descriptor, authority):
        self._authority = authority
        self._http = None
        self._socket = None
        self._received = bytearray()
        try:
            # No program that the function starts shall inherit it.
            os.set_inheritable(descriptor, False)
            self._socket = _socket.socket(fileno=descriptor)
            self._socket.settimeout(None)
        except OSError:
            self._lost()

    def next_invocation(self, post=None):
        """Waits for an event; `post` (an answer to the event before) leaves in the same packet.

        Raises RuntimeError when the post was refused or no event can be had."""
        if self._http is None:
            try:
                return self._next_invocation(post)
            except _Answered:
                post = None
            except OSError:
                pass
            self._lost()
        return self._http.next_invocation(None if post is None else post.over_http(self._http))

    def _next_invocation(self, post):
        alone = False
        if post is None:
            self._socket.sendall(_NEXT_FRAME)
        else:
            alone = len(post.body) > _PIPELINED_BYTES_MAX
            self._socket.sendall(post.frame(0 if alone else _ASKS_NEXT))
        kind, head, body = self._read_frame()
        if post is not None and kind == _REFUSED:
            from .wire import print_refusal

            print_refusal(int(head), body)
            raise RuntimeError(post.failure)
        if alone:
            try:
                self._socket.sendall(_NEXT_FRAME)
                kind, head, body = self._read_frame()
            except OSError:
                raise _Answered from None
        if kind != _EVENT:
            raise RuntimeError('Failed to get next')
        return _Event(head, body)

    def response(self, invocation, body, content_type):
        """The message that answers an invocation with `body`, in bytes."""
        return _Post(invocation, body, content_type, None)

    def error(self, invocation, body, cause):
        """The message that answers an invocation with an error; `cause` is for X-Ray."""
        return _Post(invocation, body, None, cause)

    def call(self, method, path, body=None, error_type=None, expected_status=202):
        """A request of the initialization or restore phase. Raises RuntimeError when refused."""
        if path == '/init/error' and self._http is None:
            try:
                self._socket.sendall(_frame(_INIT_ERROR, 0, error_type or '', body or b''))
                kind, head, answer = self._read_frame()
            except OSError:
                pass
            else:
                if kind == _ACCEPTED:
                    return
                from .wire import call_failure

                raise call_failure(path, int(head), answer)
        if self._http is None:
            self._lost()
        self._http.call(method, path, body, error_type, expected_status)

    def _lost(self):
        from .wire import RuntimeApi, let_go

        if self._socket is not None:
            let_go(self._socket)
        self._socket = None
        self._received.clear()
        self._http = RuntimeApi(self._authority)

    def _read_frame(self):
        header = self._take(_HEADER_BYTES)
        head = self._take(int.from_bytes(header[8:12], 'little'))
        return header[1], head, self._take(int.from_bytes(header[12:16], 'little'))

    def _take(self, count):
        received = self._received
        if len(received) < count:
            self._receive(count)
        taken = bytes(received[:count])
        del received[:count]
        return taken

    def _receive(self, count):
        received = self._received
        while len(received) < count:
            data = self._socket.recv(_RECEIVE_BYTES_MAX)
            if not data:
                raise ConnectionResetError('the daemon closed the channel')
            received += data


class _Answered(Exception):
    """The channel failed after the answer to the event before had been accepted."""


_NEXT_FRAME = _frame(_NEXT, 0, b'', b'')
