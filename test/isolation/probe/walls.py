# The escape probe's attempts on the walls: files, control groups, limits, namespaces, processes, devices.

import ctypes
import os
import resource
import signal
import subprocess

from raw import (
    MS_BIND,
    MS_REMOUNT,
    NEWCGROUP,
    NEWNET,
    NEWNS,
    NEWPID,
    NEWUSER,
    Refused,
    call,
    first,
    foreign_pids,
    in_child,
    mount,
    own_line,
    read,
)


def write_outside(event):
    if event['open']:
        return first([(event['hostFolder'], lambda: touch(event['hostFolder']))])
    places = []
    for line in read('/proc/self/mounts').decode().splitlines():
        _, point, _, options, *_ = line.split(' ')
        if point in ('/tmp', '/proc') or point in DEVICES:
            continue
        # The kernel holds what is mounted read-only; what is not is looked through.
        places += [place for place in ([point] if 'ro' in options.split(',') else everything(point)) if may_write(place)]
    for name in ('/proc/sys/kernel/core_pattern', '/proc/sys/vm/overcommit_memory', '/proc/sysrq-trigger'):
        if os.access(name, os.W_OK):
            places.append(name)
    if places:
        return ' '.join(places[:5])
    raise Refused('only /tmp and devices can be written')


def everything(point):
    for folder, _, files in os.walk(point):
        yield folder
        yield from (os.path.join(folder, name) for name in files)


def may_write(path):
    if not os.path.isdir(path):
        return os.access(path, os.W_OK)
    try:
        return touch(path) is not None
    except OSError:
        return False


DEVICES = {f'/dev/{name}' for name in ('null', 'zero', 'full', 'random', 'urandom')}


def touch(folder):
    path = os.path.join(folder, f'.lambda-emu-probe-{os.getpid()}')
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    os.unlink(path)
    return 'a file'


def write_code(event):
    return first([(os.environ['LAMBDA_TASK_ROOT'], lambda: touch(os.environ['LAMBDA_TASK_ROOT']))])


def groups_visible():
    """Control files of the own group, wherever a tree shows."""
    own = [line.split(':', 2) for line in read('/proc/self/cgroup').decode().splitlines()]
    for line in read('/proc/self/mounts').decode().splitlines():
        _, point, kind, *_ = line.split(' ')
        if not kind.startswith('cgroup'):
            continue
        for _, _, path in own:
            for name in ('cgroup.freeze', 'freezer.state', 'cgroup.procs', 'memory.limit_in_bytes', 'cpu.cfs_quota_us'):
                for place in (f'{point}{path}/{name}', f'{point}/{name}'):
                    yield place


def unfreeze_itself(event):
    def write(place):
        os.close(os.open(place, os.O_WRONLY))
        return 'can be written'

    def mounted(flags, kind, data):
        if flags:
            call('unshare', ctypes.c_ulong(flags))
        folder = '/tmp/groups'
        os.makedirs(folder, exist_ok=True)
        mount('none', folder, kind, 0, data)
        found = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names
                 if name in ('cgroup.freeze', 'freezer.state', 'cgroup.procs')]
        return first([(place, lambda place=place: write(place)) for place in found])

    tries = [(place, lambda place=place: write(place)) for place in groups_visible()]
    if not event['open']:
        for flags in (0, NEWUSER | NEWNS, NEWUSER | NEWNS | NEWCGROUP):
            for kind, data in (('cgroup2', None), ('cgroup', 'freezer'), ('cgroup', 'cpu'), ('cgroup', 'none,name=x')):
                tries.append((kind, lambda flags=flags, kind=kind, data=data: in_child(lambda: mounted(flags, kind, data))))
    return first(tries)


def raise_limits(event):
    def up(which):
        _, hard = resource.getrlimit(which)
        if hard == resource.RLIM_INFINITY:
            return None
        try:
            resource.setrlimit(which, (hard + 1, hard + 1))
        except ValueError as error:
            raise Refused(str(error)) from None
        return f'above {hard}'
    names = ('RLIMIT_NOFILE', 'RLIMIT_NPROC', 'RLIMIT_MEMLOCK', 'RLIMIT_CORE')
    return first([(name, lambda name=name: up(getattr(resource, name))) for name in names])


def mount_something(event):
    def new():
        if event['open']:
            call('unshare', ctypes.c_ulong(NEWNS))
        mount('none', '/tmp', 'tmpfs')
        return 'mounted'

    def tree():
        call('open_tree', -100, ctypes.c_char_p(b'/'), 1)
        return 'a copy of /'

    def context():
        call('fsopen', ctypes.c_char_p(b'tmpfs'), 0)
        return 'a context'
    return first([('tmpfs', new), ('open_tree', tree), ('fsopen', context)])


def user_namespace(event):
    def new(flags):
        call('unshare', ctypes.c_ulong(flags))
        return 'made'

    def cloned():
        words = (ctypes.c_ulonglong * 11)(NEWUSER, 0, 0, 0, signal.SIGCHLD)
        pid = call('clone3', words, ctypes.sizeof(words))
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        return 'made'
    combinations = (NEWUSER, NEWUSER | NEWNS, NEWUSER | NEWNET, NEWNS, NEWPID)
    return first([('unshare', lambda flags=flags: in_child(lambda: new(flags))) for flags in combinations] + [('clone3', lambda: in_child(cloned))])


def undo_read_only(event):
    task = os.environ['LAMBDA_TASK_ROOT']

    def inside(change):
        call('unshare', ctypes.c_ulong(NEWUSER | NEWNS))
        change()
        touch(task)
        return 'written'

    changes = {
        'umount': lambda: call('umount2', ctypes.c_char_p(task.encode()), 2),
        'remount': lambda: mount(None, task, None, MS_REMOUNT | MS_BIND),
        'bind': lambda: (mount('/', '/tmp', None, MS_BIND), mount(None, '/tmp', None, MS_REMOUNT | MS_BIND), touch(f'/tmp{task}')),
    }
    if event['open']:
        return first([('as it is', lambda: touch(task))])
    here = [(name, lambda change=change: (change(), touch(task))[1]) for name, change in changes.items() if name != 'bind']
    return first(here + [(name, lambda change=change: in_child(lambda: inside(change))) for name, change in changes.items()])


def trace_others(event):
    seize, getregs = 0x4206, 0

    def attach(pid):
        call('ptrace', seize, pid, 0, getregs)
        return 'attached'
    targets = [event['daemonPid']] if event['open'] else foreign_pids()
    return first([(f'process {pid}', lambda pid=pid: in_child(lambda: attach(pid))) for pid in targets])


def signal_others(event):
    def send(pid):
        if event['open']:
            os.kill(pid, 0)
            return 'may be signalled'
        if pid in own_line():
            raise Refused('that is a process of its own')
        os.kill(pid, signal.SIGKILL)
        return 'killed'

    def init():
        if event['open']:
            raise Refused('not tried')
        for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
            os.kill(1, number)
        raise Refused('the init of its own namespace takes no signal')
    return first([('the daemon', lambda: send(event['daemonPid'])), ('another function', lambda: send(event['otherPid'])), ('init', init)])


def setuid_programs(event):
    def run(words):
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=10)
        got = done.stdout.decode().strip()
        if 'uid=0(' in got.replace('euid', 'uid') or got == '0':
            return 'root'
        raise Refused('no more than before')
    programs = [[event['setuidProgram'], '-u'], ['su', '-c', 'id -u'], ['sudo', '-n', 'id', '-u'], ['newgrp', 'root', '-c', 'id -u']]
    return first([(words[0], lambda words=words: run(words)) for words in programs])


def inherited(event):
    leaks = []
    log = event['descriptors']['1']
    # Its own output once more, for log records in frames, as on Lambda: that number, and nothing else by it.
    others = {fd: link for fd, link in event['descriptors'].items() if (fd, link) != ('62', log)}
    for fd, link in others.items():
        if int(fd) > 2 and not link.startswith(('anon_inode:', 'socket:', 'pipe:', '/var/task', '/var/runtime', '/dev/')):
            leaks.append(f'{fd} {link}')
    leaks += [f'{fd} {link}' for fd, link in others.items() if int(fd) > 2 and link == log]
    if leaks:
        return ', '.join(leaks)
    raise Refused('none is open')


def raw_devices(event):
    def opened(path):
        os.close(os.open(path, os.O_RDONLY))
        return 'open'

    def made(major, minor):
        path = f'/tmp/device-{major}-{minor}'
        try:
            os.mknod(path, 0o600 | 0o060000, os.makedev(major, minor))
            return opened(path)
        finally:
            if os.path.lexists(path):
                os.unlink(path)
    disks = sorted({line.split()[2] for line in read('/proc/self/mountinfo').decode().splitlines()})
    paths = ['/dev/mem', '/dev/kmem', '/dev/port', '/dev/kmsg', '/dev/loop-control', '/dev/loop0', '/dev/fuse', '/dev/tty']
    nodes = [tuple(map(int, disk.split(':'))) for disk in disks] + [(7, 0), (7, 1)]
    return first([(path, lambda path=path: opened(path)) for path in paths]
                 + [(f'mknod {node}', lambda node=node: made(*node)) for node in nodes if node[0] != 0])


def load_bpf(event):
    def new():
        words = (ctypes.c_uint * 32)(2, 4, 4, 1)
        call('bpf', 0, words, ctypes.sizeof(words))
        return 'a map'
    return first([('bpf', new)])
