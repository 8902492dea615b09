# The escape probe's Python half: every attempt in a process of its own; what one returns it got, what it raises refused it.

import os
import signal
import subprocess

import belongings
import network
import walls
from raw import Refused, in_child


OUTLIVE = '''
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
forking = sys.argv[2] == 'forking'
for _ in range(2):
    if os.fork():
        os._exit(0)
    os.setsid()
os.environ.clear()
while True:
    if not forking:
        time.sleep(1)
    elif os.fork():
        os._exit(0)
    else:
        os.setsid()
        time.sleep(0.001)
'''


def outlive(event):
    """Two that want to stay: one daemon that ignores what it can, and one that is another process every millisecond."""
    for how in ('still', 'forking'):
        subprocess.Popen(['/usr/bin/env', 'python3', '-c', OUTLIVE, event['marker'], how], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={'PATH': os.environ['PATH']}, close_fds=True)
    return None


def spoil_tmp(event):
    """Everything that makes a folder hard to take away, and links that lead out of it."""
    base = event['tmp']
    os.makedirs(f'{base}/locked/inner')
    with open(f'{base}/locked/inner/file', 'w') as file:
        file.write('x')
    os.symlink(event['hostFolder'], f'{base}/link')
    os.symlink(f"{event['hostFolder']}/kept", f'{base}/locked/link')
    os.makedirs(f'{base}/deep')
    os.chdir(f'{base}/deep')
    for _ in range(1500):
        os.mkdir('folder-of-deep-nesting')
        os.chdir('folder-of-deep-nesting')
    os.chdir('/')
    os.mkdir(os.fsencode(base) + b'/bad-\xff\xfe-name')
    open(os.fsencode(base) + b'/bad-\xff\xfe-name/\xff', 'w').close()
    os.mkdir(f'{base}/new\nline')
    open(f'{base}/no-one', 'w').close()
    os.chmod(f'{base}/no-one', 0)
    os.chmod(f'{base}/locked/inner', 0)
    os.chmod(f'{base}/locked', 0)
    try:
        os.chmod(base, 0)
    except PermissionError:
        pass
    return None


ATTEMPTS = {
    'daemon-variables': belongings.daemon_variables,
    'daemon-memory': belongings.daemon_memory,
    'home-credentials': belongings.home_credentials,
    'shadow': belongings.shadow,
    'agent-socket': belongings.agent_socket,
    'host-socket': belongings.host_socket,
    'state-directory': belongings.state_directory,
    'session-keys': belongings.session_keys,
    'other-tmp': belongings.other_tmp,
    'other-processes': belongings.other_processes,
    'abstract-sockets': belongings.abstract_sockets,
    'other-runtime-api': network.other_runtime_api,
    'other-events': network.other_events,
    'loopback-scan': network.loopback_scan,
    'admin-routes': network.admin_routes,
    'write-outside': walls.write_outside,
    'write-code': walls.write_code,
    'unfreeze-itself': walls.unfreeze_itself,
    'raise-limits': walls.raise_limits,
    'mount': walls.mount_something,
    'user-namespace': walls.user_namespace,
    'undo-read-only': walls.undo_read_only,
    'trace-others': walls.trace_others,
    'signal-others': walls.signal_others,
    'setuid-programs': walls.setuid_programs,
    'inherited-descriptors': walls.inherited,
    'raw-devices': walls.raw_devices,
    'load-bpf': walls.load_bpf,
}


def verdict_of(attempt, event):
    try:
        return {'verdict': 'allowed', 'how': in_child(lambda: attempt(event))}
    except Refused as error:
        return {'verdict': 'refused', 'how': str(error)}
    except RuntimeError as error:
        return {'verdict': 'broken', 'how': str(error)}


def kill_everybody(event):
    """From the runtime itself, which kill(-1) spares: only what has a process list of its own may try it."""
    if event['open'] or os.path.exists(f"/proc/{event['daemonPid']}/environ"):
        return {'verdict': 'allowed', 'how': 'not tried: the whole machine would be hit'}
    own = subprocess.Popen(['sleep', '1000'])
    os.kill(-1, signal.SIGKILL)
    return {'verdict': 'refused', 'how': f'only its own were hit, as {own.pid} was: {own.wait()}'}


# As the process found them at its start.
DESCRIPTORS = {}
for name in os.listdir('/proc/self/fd'):
    try:
        DESCRIPTORS[name] = os.readlink(f'/proc/self/fd/{name}')
    except OSError:
        pass


def handler(event, context):
    do = event['do']
    if do == 'probe':
        told = {**event, 'descriptors': DESCRIPTORS}
        return {name: verdict_of(attempt, told) for name, attempt in ATTEMPTS.items()}
    if do == 'outlive':
        return outlive(event)
    if do == 'spoil':
        return spoil_tmp(event)
    if do == 'kill-everybody':
        return kill_everybody(event)
    raise ValueError(do)
