// Functions that look around where they run, and do what a mode may or may not hold them from.

import type { WrittenFunction } from '../support/in-process.js'

/** `event.do` names what to do. */
const looks = `
import errno, http.client, json, os, resource, tempfile

def identity(event):
    with open('/proc/self/status') as status:
        fields = dict(line.rstrip('\\n').split(':\\t', 1) for line in status if ':\\t' in line)
    return {
        'uid': os.getuid(),
        'noNewPrivs': fields['NoNewPrivs'],
        'namespaces': {name: os.readlink('/proc/self/ns/' + name) for name in ('mnt', 'user', 'pid')},
    }

def sees_process(event):
    try:
        with open('/proc/%d/stat' % event['pid']) as stat:
            return stat.read().rpartition(')')[2].split()[19] == str(event['startTime'])
    except OSError:
        return False

def refused(attempt):
    try:
        attempt()
        return None
    except OSError as error:
        return errno.errorcode[error.errno]

def descriptors(event):
    highest = []
    try:
        while len(highest) < 5000:
            highest.append(os.open('/dev/null', os.O_RDONLY))
    except OSError as error:
        why = errno.errorcode[error.errno]
    for fd in highest:
        os.close(fd)
    return {'highest': highest[-1], 'refused': why}

def write_task(event):
    path = os.path.join(os.environ['LAMBDA_TASK_ROOT'], 'written')
    return refused(lambda: open(path, 'w').close())

def read_file(event):
    return refused(lambda: open(event['path']).read())

def environs(event):
    found = 0
    for name in os.listdir('/proc'):
        try:
            with open('/proc/' + name + '/environ', 'rb') as block:
                found += event['secret'].encode() in block.read()
        except OSError:
            pass
    return found

def ping(event):
    connection = http.client.HTTPConnection('127.0.0.1', event['port'], timeout=10)
    why = refused(lambda: connection.request('GET', '/ping'))
    return why or connection.getresponse().status

def put(event):
    for folder in ('/tmp', tempfile.gettempdir()):
        open(os.path.join(folder, event['name']), 'w').close()
    return tempfile.gettempdir()

def seen(event):
    folders = {'literal': '/tmp', 'asked': tempfile.gettempdir()}
    return {how: os.path.exists(os.path.join(folder, event['name'])) for how, folder in folders.items()}

def fill(event):
    fd = os.open(os.path.join(tempfile.gettempdir(), 'filled'), os.O_RDWR | os.O_CREAT)
    try:
        return refused(lambda: os.posix_fallocate(fd, 0, event['mb'] << 20))
    finally:
        os.close(fd)

def handler(event, context):
    return globals()[event['do']](event)
`

/** Leaves a child in a session of its own and a daemonised one, and then hangs. */
const leaves = `
import os, tempfile, time

def sleeper(depth):
    if os.fork() > 0:
        return
    os.setsid()
    if depth == 2:
        if os.fork() > 0:
            os._exit(0)
    time.sleep(600)
    os._exit(0)

def handler(event, context):
    note = os.path.join(tempfile.gettempdir(), 'note')
    if event.get('read'):
        return os.path.exists(note)
    open(note, 'w').close()
    sleeper(1)
    sleeper(2)
    if event.get('hang'):
        time.sleep(600)
`

const spins = `
exports.handler = async ({ forMs }) => {
  const from = performance.now()
  const before = process.cpuUsage()
  while (performance.now() - from < forMs);
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000 / (performance.now() - from)
}
`

const continues = `
let continued = 0
process.on('SIGCONT', () => { continued += 1 })
exports.handler = async () => {
  await new Promise((resolve) => setTimeout(resolve, 50))
  return continued
}
`

const resident = `
exports.handler = async () => {
  await new Promise((resolve) => setTimeout(resolve, 50))
  return process.memoryUsage().rss
}
`

/** Written to, so that it is there; held while memory is looked at. */
const holds = `
import time

def handler(event, context):
    block = b'x' * (event['mb'] << 20)
    time.sleep(event.get('seconds', 1))
    return len(block)
`

const python = (text: string, more: Partial<WrittenFunction> = {}): WrittenFunction => ({
  runtime: 'python3.12',
  timeoutSeconds: 30,
  files: { 'app.py': text },
  ...more,
})
const node = (text: string, more: Partial<WrittenFunction> = {}): WrittenFunction => ({
  timeoutSeconds: 30,
  files: { 'index.js': text },
  ...more,
})

export const functions = {
  looks: python(looks),
  other: python(looks),
  leaves: python(leaves, { timeoutSeconds: 3 }),
  spins256: node(spins, { memoryMb: 256 }),
  spins512: node(spins, { memoryMb: 512 }),
  continues: node(continues),
  resident: node(resident),
  holds: python(holds),
  burns: python(holds, { memoryMb: 256 }),
} as const satisfies Readonly<Record<string, WrittenFunction>>
