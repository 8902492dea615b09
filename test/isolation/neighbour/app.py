# The other function of the escape probe: it has a secret in its /tmp and an abstract socket.

import os
import socket
import tempfile
import threading

servers = []


def accept(server):
    while True:
        server.accept()[0].close()


def handler(event, context):
    if event['do'] == 'echo':
        return event
    path = os.path.join(tempfile.gettempdir(), 'canary')
    with open(path, 'w') as file:
        file.write(event['canary'])
    os.chmod(path, 0o666)
    server = socket.socket(socket.AF_UNIX)
    server.bind('\0' + event['abstractName'])
    server.listen()
    servers.append(server)
    threading.Thread(target=accept, args=(server,), daemon=True).start()
    return None
