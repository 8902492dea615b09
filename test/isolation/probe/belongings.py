# The escape probe's attempts on what belongs to the user, and to other environments.

import ctypes
import json
import os
import socket

from raw import call, first, foreign_pids, pids, read


def daemon_variables(event):
    canary = event['canary'].encode()

    def look(pid):
        return 'the canary variable' if canary in read(f'/proc/{pid}/environ') else None
    return first([(f'process {pid}', lambda pid=pid: look(pid)) for pid in pids() if pid not in (os.getpid(), os.getppid())])


def daemon_memory(event):
    def look(pid):
        with open(f'/proc/{pid}/mem', 'rb'):
            return 'its memory is open'

    def vector(pid):
        here = ctypes.create_string_buffer(8)
        words = (ctypes.c_ulong * 2)(ctypes.addressof(here), 8)
        there = (ctypes.c_ulong * 2)(0x400000, 8)
        try:
            call('process_vm_readv', pid, words, 1, there, 1, 0)
        except OSError as error:
            if error.errno == 14:
                return 'it may be read'
            raise
        return 'it was read'
    targets = [1, event['daemonPid']] if event['open'] else foreign_pids()
    return first([(f'process {pid}', lambda pid=pid, how=how: how(pid)) for pid in targets for how in (look, vector)])


def home_credentials(event):
    tries = [event['credentials'], os.path.expanduser('~/.aws/credentials')]
    return first([(path, lambda path=path: has(path, event['canary'])) for path in tries])


def has(path, canary):
    return 'read' if canary.encode() in read(path) else None


def shadow(event):
    return first([('/etc/shadow', lambda: f'{len(read("/etc/shadow"))} bytes')])


def agent_socket(event):
    return first([
        ('SSH_AUTH_SOCK', lambda: os.environ.get('SSH_AUTH_SOCK')),
        ('the socket', lambda: connect_unix(event['agentSocket'])),
    ])


def host_socket(event):
    return first([(path, lambda path=path: connect_unix(path)) for path in [event['hostSocket'], '/var/run/docker.sock', '/run/docker.sock']])


def connect_unix(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(path)
        return 'connected'


def state_directory(event):
    def token():
        return 'the token' if 'token' in json.loads(read(f"{event['stateDirectory']}/daemon.json")) else None
    return first([('daemon.json', token), ('its list', lambda: ' '.join(os.listdir(event['stateDirectory'])) or None)])


def session_keys(event):
    name = event['canary'].encode()

    def search(ring):
        return f'key {call("keyctl", 10, ctypes.c_long(ring), ctypes.c_char_p(b"user"), ctypes.c_char_p(name), 0)}'
    return first([(word, lambda ring=ring: search(ring)) for word, ring in [('session', -3), ('user', -4), ('user session', -5)]])


def other_tmp(event):
    def same_name():
        return has('/tmp/canary', event['canary'])
    return first([(event['otherTmp'], lambda: has(f"{event['otherTmp']}/canary", event['canary'])), ('/tmp', same_name)])


def other_processes(event):
    def foreign():
        names = [read(f'/proc/{pid}/cmdline').replace(b'\0', b' ').decode(errors='replace').strip() for pid in foreign_pids()]
        told = [name for name in names if name != '']
        return f'{len(told)} command lines' if told else None
    return first([('/proc', foreign)])


def abstract_sockets(event):
    return first([(name, lambda name=name: connect_unix(f'\0{name}')) for name in event['abstractNames']])
