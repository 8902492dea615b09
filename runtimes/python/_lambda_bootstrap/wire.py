# Speaks HTTP/1.1 with the Runtime API over one raw socket. _socket, not socket: it loads in no
# time, and user code that patches socket or http.client does not touch it.
import _socket
import os
import stat
import sys
import time

VERSION = '4.2.2'  # the client this one behaves as; its name is in the User-Agent
_RECEIVE_BYTES_MAX = 1 << 20
# Lambda takes answers of about 6 MB; this much is never refused for its size.
_PIPELINED_BYTES_MAX = 1 << 20
# The official client leaves the cause out from this size on.
_CAUSE_BYTES_MAX = 1 << 20


class ConnectionLost(OSError):
    """The server closed the connection before it had answered."""


def let_go(connection):
    """Closes it, unless some code in the function has, and perhaps has put something else in its place."""
    try:
        own = stat.S_ISSOCK(os.fstat(connection.fileno()).st_mode)
    except OSError:
        own = False
    if own:
        connection.close()
    else:
        connection.detach()


def print_refusal(status, body):
    """The official client's own words, on the function's standard output."""
    line = '[ERROR] [%d] LAMBDA_RUNTIME Failed to post handler success response. ' % (
        time.time() * 1000
    )
    line += 'Http response code: %d. %s\n' % (status, body.decode('utf-8', 'replace'))
    sys.stdout.write(line)


def call_failure(path, status, body):
    return RuntimeError(
        "Request to Lambda Runtime '/2018-06-01/runtime%s' endpoint failed. Reason: '%d'. "
        "Response body: '%r'" % (path, status, body)
    )


class Answer:
    __slots__ = ('status', 'headers', 'body')

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body


class RuntimeApi:
    """One keep-alive connection. Requests go out pipelined; answers are read in the same order."""

    def __init__(self, authority):
        self._authority = authority
        self._host, _, port = authority.rpartition(':')
        self._port = int(port)
        version = sys.version_info
        self._agent = 'User-Agent: aws-lambda-python/%d.%d.%d-%s\r\n' % (*version[:3], VERSION)
        self._next = self._head('GET', '/invocation/next', 'Accept: */*\r\n' + self._agent)
        self._socket = None
        self._received = bytearray()

    def next_invocation(self, post=None):
        """Waits for an event; `post` (an answer to the event before) leaves in the same packet.

        Raises RuntimeError when the post was refused or no event can be had."""
        requests = [self._next]
        if post is not None:
            # A large answer may be refused, and then this process ends: no event may be asked for yet.
            alone = len(post.message) > _PIPELINED_BYTES_MAX
            messages = [post.message] if alone else [post.message, self._next]
            self._send(messages)
            self._check_post(post, self._answer_to(messages))
            if alone:
                self._send(requests)
        else:
            self._send(requests)
        try:
            answer = self._answer_to(requests)
        except OSError:
            raise RuntimeError('Failed to get next') from None
        if answer.status != 200:
            raise RuntimeError('Failed to get next')
        return answer

    def response(self, invocation, body, content_type):
        """The message that answers an invocation with `body`, in bytes."""
        extra = 'Accept: */*\r\ncontent-type: %s\r\n%s' % (content_type, self._agent)
        return _Post(
            self._message(invocation, 'response', extra, body), 'Failed to post invocation response'
        )

    def error(self, invocation, body, cause):
        """The message that answers an invocation with an error; `cause` is for X-Ray."""
        extra = 'Accept: */*\r\ncontent-type: application/json\r\n'
        if len(cause.encode()) < _CAUSE_BYTES_MAX:
            extra += 'lambda-runtime-function-xray-error-cause: %s\r\n' % cause
        return _Post(
            self._message(invocation, 'error', extra + self._agent, body),
            'Failed to post invocation error',
        )

    def call(self, method, path, body=None, error_type=None, expected_status=202):
        """A request of the initialization or restore phase. Raises RuntimeError when refused."""
        extra = 'Accept-Encoding: identity\r\n'
        if body is not None:
            extra += 'Content-Length: %d\r\n' % len(body)
        head = self._head(method, path, extra)
        if error_type is not None:
            line = 'Lambda-Runtime-Function-Error-Type: %s\r\n\r\n' % error_type
            head = head[:-2] + line.encode('latin-1')
        requests = [head + (body or b'')]
        self._send(requests)
        answer = self._answer_to(requests)
        if answer.status != expected_status:
            raise call_failure(path, answer.status, answer.body)

    def _head(self, method, path, extra):
        target = '%s /2018-06-01/runtime%s HTTP/1.1\r\n' % (method, path)
        return ('%sHost: %s\r\n%s\r\n' % (target, self._authority, extra)).encode()

    def _message(self, invocation, kind, extra, body):
        if invocation.invocation_id is not None:
            extra += 'lambda-runtime-invocation-id: %s\r\n' % invocation.invocation_id
        extra += 'content-length: %d\r\n' % len(body)
        return self._head('POST', '/invocation/%s/%s' % (invocation.request_id, kind), extra) + body

    def _check_post(self, post, answer):
        if 200 <= answer.status < 300:
            return
        print_refusal(answer.status, answer.body)
        raise RuntimeError(post.failure)

    def _connect(self):
        self._close()
        family = _socket.AF_INET
        host = self._host
        if host.startswith('['):
            family, host = _socket.AF_INET6, host[1:-1]
        connection = _socket.socket(family, _socket.SOCK_STREAM)
        connection.settimeout(None)  # user code may have set a default timeout for its sockets
        connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        connection.connect((host, self._port))
        self._socket = connection

    def _close(self):
        if self._socket is not None:
            let_go(self._socket)
        self._socket = None
        self._received.clear()

    def _send(self, requests):
        if self._socket is None or self._closed_by_server():
            self._connect()
        try:
            self._socket.sendall(b''.join(requests))
        except OSError:
            # Gone in the middle, or answered early and closed: reading tells which.
            pass

    def _closed_by_server(self):
        try:
            return self._socket.recv(1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT) == b''
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _answer_to(self, requests):
        """The answer to the first of `requests`, which are all sent again, once, on a new
        connection if the server closed this one without a word."""
        try:
            if self._socket is None:
                raise ConnectionLost
            answer, reusable = self._read_answer()
        except (ConnectionLost, ConnectionError):
            self._connect()
            self._socket.sendall(b''.join(requests))
            answer, reusable = self._read_answer()
        del requests[0]
        if not reusable:
            self._close()
        return answer

    def _read_answer(self):
        status, headers = self._read_head()
        while 100 <= status < 200:
            status, headers = self._read_head()
        reusable = headers.get('connection', '').lower() != 'close'
        if 'chunked' in headers.get('transfer-encoding', '').lower():
            body = self._read_chunks()
        elif 'content-length' in headers:
            body = self._take(int(headers['content-length']))
        elif status in (204, 304):
            body = b''
        else:
            body, reusable = self._read_to_end(), False
        return Answer(status, headers, body), reusable

    def _read_head(self):
        lines = []
        while True:
            line = self._read_line(started=bool(lines))
            if not line:
                break
            lines.append(line)
        # Values are UTF-8 (a client context may hold any text); never fail on one that is not.
        text = [line.decode('utf-8', 'replace') for line in lines]
        headers = {}
        for line in text[1:]:
            name, _, value = line.partition(':')
            headers[name.strip().lower()] = value.strip()
        return int(text[0].split(' ', 2)[1]), headers

    def _read_line(self, started=True):
        received = self._received
        searched = 0
        while True:
            end = received.find(b'\n', searched)
            if end >= 0:
                line = bytes(received[:end])
                del received[: end + 1]
                return line.rstrip(b'\r')
            searched = len(received)
            self._receive(lost_is_clean=not started and searched == 0)

    def _receive(self, lost_is_clean=False):
        data = self._socket.recv(_RECEIVE_BYTES_MAX)
        if not data:
            if lost_is_clean:
                raise ConnectionLost('the Runtime API closed the connection')
            raise EOFError('the Runtime API closed the connection inside an answer')
        self._received += data

    def _take(self, count):
        while len(self._received) < count:
            self._receive()
        body = bytes(self._received[:count])
        del self._received[:count]
        return body

    def _read_chunks(self):
        chunks = []
        while True:
            size = int(self._read_line().split(b';')[0], 16)
            if size == 0:
                break
            chunks.append(self._take(size))
            self._read_line()
        while self._read_line():
            pass
        return b''.join(chunks)

    def _read_to_end(self):
        while True:
            data = self._socket.recv(_RECEIVE_BYTES_MAX)
            if not data:
                break
            self._received += data
        return bytes(self._received)


class _Post:
    __slots__ = ('message', 'failure')

    def __init__(self, message, failure):
        self.message = message
        self.failure = failure
