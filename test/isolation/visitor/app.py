# Reaches servers of the machine as a function of the user would, with Python's own means.

import socket
import urllib.request


def fetch(host, port):
    name = f'[{host}]' if ':' in host else host
    return urllib.request.urlopen(f'http://{name}:{port}/', timeout=20).read().decode()


def plain(host, port):
    with socket.create_connection((host, port), timeout=20) as client:
        client.sendall(b'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
        answer = b''
        while part := client.recv(65536):
            answer += part
    return answer.decode().split('\r\n\r\n')[1]


def datagram(host, port):
    with socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(20)
        client.sendto(b'ask', (host, port))
        return client.recv(100).decode()


def name(host, port):
    return socket.gethostbyname(host)


WAYS = {'fetch': fetch, 'socket': plain, 'datagram': datagram, 'name': name}


def handler(visits, context):
    told = []
    for visit in visits:
        try:
            told.append(WAYS[visit['way']](visit['host'], visit.get('port')))
        except OSError as error:
            told.append(str(error))
    return told
