# The escape probe's attempts over the network: Runtime APIs of others, and the admin routes.

import ctypes
import json
import os
import select
import socket
import struct
import urllib.request

from raw import Refused, first, libc, read


def ways_to(port):
    """Every way to a loopback port that is known here."""
    mptcp, smc, fast = 262, 43, 0x20000000
    request = b'GET /ping HTTP/1.1\r\nHost: x\r\n\r\n'
    four, six, stream = socket.AF_INET, socket.AF_INET6, socket.SOCK_STREAM
    addresses = [(four, host) for host in ('127.0.0.1', '127.0.0.2', '127.255.255.254', '0.0.0.0')]
    addresses += [(six, host) for host in ('::1', '::', '::ffff:127.0.0.1', '::ffff:127.0.0.2', '::ffff:0.0.0.0')]

    def plain(family, host, protocol=0):
        client = socket.socket(family, stream, protocol)
        client.settimeout(5)
        client.connect((host, port))
        return client

    def opened(family, host):
        client = socket.socket(family, stream)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack('ll', 5, 0))
        client.sendto(request, fast, (host, port))
        return client

    def shared(family, host):
        client = socket.socket(smc, stream, 1 if family == six else 0)
        client.settimeout(5)
        address = socket.inet_pton(family, host)
        native = (family).to_bytes(2, 'little') + port.to_bytes(2, 'big')
        native += address + bytes(8) if family == four else bytes(4) + address + bytes(4)
        if libc.connect(client.fileno(), native, len(native)) != 0:
            raise OSError(ctypes.get_errno(), 'smc')
        return client

    for family, host in addresses:
        yield f'{host}', lambda family=family, host=host: plain(family, host)
        yield f'{host} by MPTCP', lambda family=family, host=host: plain(family, host, mptcp)
        yield f'{host} by fast open', lambda family=family, host=host: opened(family, host)
        yield f'{host} by SMC', lambda family=family, host=host: shared(family, host)


def host_guesses(port):
    own = os.environ['AWS_LAMBDA_RUNTIME_API']
    name = own.rsplit(':', 1)[0]
    return [f'127.0.0.1:{port}', f'localhost:{port}', f'[::1]:{port}', own, f'{name}:{port}', f'*:{port}', '', None]


def exchange(client, head, host):
    lines = [head, 'Connection: close', *([] if host is None else [f'Host: {host}'])]
    client.sendall(('\r\n'.join(lines) + '\r\n\r\n').encode())
    client.settimeout(5)
    answer = b''
    while True:
        try:
            part = client.recv(65536)
        except TimeoutError:
            return 'silence'
        if part == b'':
            return answer.decode(errors='replace')
        answer += part


def other_runtime_api(event):
    def ask(way, port, host):
        client = way()
        try:
            answer = exchange(client, 'GET /ping HTTP/1.1', host)
        except ConnectionError:
            raise Refused('the connection is ended') from None
        finally:
            client.close()
        if ' 200 ' in answer.split('\r\n')[0]:
            return f'answers to Host {host}'
        raise Refused(f"HTTP {answer.split(' ')[1] if ' ' in answer else answer}")

    def by(way, port):
        way().close()
        return first([('', lambda host=host: ask(way, port, host)) for host in host_guesses(port)])
    return first([(name, lambda way=way, port=port: by(way, port)) for port in event['foreignPorts'] for name, way in ways_to(port)])


def other_events(event):
    """A request for the next event at every open port of others, while another function is invoked twice."""
    waiting = []
    for port in event['foreignPorts']:
        for name, way in ways_to(port):
            for host in host_guesses(port)[:4]:
                try:
                    client = way()
                    lines = ['GET /2018-06-01/runtime/invocation/next HTTP/1.1', f'Host: {host}', '', '']
                    client.sendall('\r\n'.join(lines).encode())
                    client.setblocking(False)
                    waiting.append((name, client))
                except OSError:
                    continue
    secret = f"{event['canary']}-event"
    for _ in range(2):
        body = json.dumps({'do': 'echo', 'secret': secret}).encode()
        url = f"{os.environ['AWS_ENDPOINT_URL_LAMBDA']}/2015-03-31/functions/{event['otherFunction']}/invocations"
        urllib.request.urlopen(urllib.request.Request(url, data=body, method='POST'), timeout=30).read()

    def got(client):
        # Who is refused is told so at once; who is not waits for an event.
        if not select.select([client], [], [], 10)[0]:
            return 'the request waits'
        text = client.recv(65536).decode(errors='replace')
        if secret in text:
            return 'the event of another function'
        raise Refused(f'HTTP {text.split(" ")[1]}' if ' ' in text else 'the connection is ended')
    if not waiting:
        raise Refused('no connection')
    return first([(name, lambda client=client: got(client)) for name, client in waiting])


def loopback_scan(event):
    """The ports of emulators that answer: whose they are is for the test to say."""
    first_port, last_port = event['ports']
    opened = []
    for port in range(1, 65536):
        with socket.socket() as client:
            if client.connect_ex(('127.0.0.1', port)) == 0 and first_port <= port <= last_port:
                opened.append(port)
    answering = {port for port in opened for host in host_guesses(port) if answers_ping(port, host)}
    return json.dumps(sorted(answering))


def answers_ping(port, host):
    try:
        with socket.create_connection(('127.0.0.1', port), timeout=5) as client:
            return ' 200 ' in exchange(client, 'GET /ping HTTP/1.1', host).split('\r\n')[0]
    except ConnectionError:
        # It is somebody's who ends, or has ended, the connection.
        return False


def admin_routes(event):
    def token():
        try:
            return json.loads(read(f"{event['stateDirectory']}/daemon.json"))['token']
        except OSError:
            return 'guess'

    def ask(port, given):
        headers = [] if given is None else [f'x-lambda-emu-token: {given}']
        with socket.create_connection(('127.0.0.1', port), timeout=5) as client:
            answer = exchange(client, '\r\n'.join(['GET /status HTTP/1.1', *headers]), f'127.0.0.1:{port}')
        if ' 200 ' in answer.split('\r\n')[0]:
            return 'the status'
        raise Refused(f"HTTP {answer.split(' ')[1]}")
    return first([('without a token', lambda: ask(event['adminPort'], None)), ('with a token', lambda: ask(event['adminPort'], token()))])
