// A real process tree in a real sandbox: frozen, measured, killed, removed, in every backend.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isDead, readProcess } from '../../src/procfs/process.js'
import {
  aliveWith,
  arrangeFactory,
  arrangeSandbox,
  freezing,
  kernelTimers,
  type Running,
  type Started,
  temporaryFolder,
  until,
} from './real-sandbox.js'

/** A tree whose every member writes its own word every 50 ms, the last two from outside the tree's session. */
const tickingTree = `
import os, sys, threading, time
def tick(word):
    while True:
        os.write(1, (word + '\\n').encode())
        time.sleep(0.05)
threading.Thread(target=tick, args=('thread',), daemon=True).start()
if os.fork() == 0:
    os.setsid()
    tick('setsid')
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        tick('daemonised')
    os._exit(0)
os.wait()
tick('python')
`
const words = ['node', 'thread', 'setsid', 'daemonised', 'python']

async function startTickingTree(running: Running): Promise<Started> {
  const root = await running.start(
    [
      process.execPath,
      '-e',
      `setInterval(() => require('fs').writeSync(1, 'node\\n'), 50)
     require('child_process').spawn('python3', ['-c', process.env.TREE], { stdio: 'inherit' })`,
    ],
    { TREE: tickingTree },
  )
  await until('everything ticks', () => words.every((word) => running.count(word) >= 2))
  return root
}

for (const backend of freezing) {
  t.test(
    `${backend}: a timer, a thread, a setsid child and a daemonised child stand still while frozen and go on after the thaw`,
    async (t) => {
      const arranged = await arrangeFactory(t, backend)
      t.equal(arranged.factory.backend, backend)
      const running = await arrangeSandbox(t, arranged)
      const { freezer } = running.sandbox
      await startTickingTree(running)
      t.equal(freezer.state(), 'running')

      freezer.freeze()
      await until('frozen', () => freezer.state() === 'frozen')
      await emptied(running)
      const before = words.map(running.count)
      await kernelTimers.sleep(400)
      t.same(words.map(running.count), before, 'no tick while frozen')

      freezer.thaw()
      t.equal(freezer.state(), 'running')
      await until('everything ticks again', () =>
        words.every((word, index) => running.count(word) >= (before[index] ?? 0) + 2),
      )
    },
  )

  t.test(
    `${backend}: a frozen tree is killed whole, and the sandbox starts again with its /tmp kept`,
    async (t) => {
      const arranged = await arrangeFactory(t, backend)
      const running = await arrangeSandbox(t, arranged)
      const { sandbox } = running
      const root = await startTickingTree(running)
      writeFileSync(join(sandbox.tmpFolder, 'kept'), 'x')
      sandbox.freezer.freeze()
      await until('frozen', () => sandbox.freezer.state() === 'frozen')
      const pids = sandbox.pids()
      t.ok(pids.length >= 4, `the tree has ${pids.length} processes`)
      await sandbox.kill()
      t.same(
        pids.filter((pid) => !isDead(readProcess(pid))),
        [],
        'all dead',
      )
      t.equal(readProcess(root.pid), undefined, 'and what was started is reaped')
      t.same(sandbox.pids(), [])
      t.equal(sandbox.freezer.state(), 'running')

      const again = await running.start(['/bin/sh', '-c', 'echo again; exit 3'])
      t.same(await again.exited, { code: 3, signal: null })
      await until('its output', () => running.count('again') === 1)
      t.ok(existsSync(join(sandbox.tmpFolder, 'kept')))
      await sandbox.remove()
      t.equal(existsSync(sandbox.tmpFolder), false)
      await sandbox.remove()
    },
  )

  t.test(`${backend}: killing ends 200 processes that go on forking`, async (t) => {
    const arranged = await arrangeFactory(t, backend)
    const running = await arrangeSandbox(t, arranged)
    // Each ends by itself after a minute: a test that fails must not leave it to the machine.
    const bomb = `
import os, signal, time
signal.alarm(60)
for i in range(190):
    if os.fork() == 0:
        signal.alarm(60)
        if i % 2: os.setsid()
        while True: time.sleep(1)
for i in range(10):
    if os.fork() == 0:
        signal.alarm(60)
        if i % 2: os.setsid()
        while True:
            if os.fork() == 0:
                signal.alarm(60)
                if os.fork() == 0:
                    signal.alarm(5)
                    time.sleep(0.05)
                os._exit(0)
            os.wait()
            time.sleep(0.01)
os.write(1, b'bomb\\n')
while True: time.sleep(1)`
    const started = await running.start(['python3', '-c', bomb])
    await until('200 forking processes', () => running.count('bomb') === 1)
    const logStreamName = running.env.AWS_LAMBDA_LOG_STREAM_NAME ?? ''
    t.ok(aliveWith(logStreamName).length >= 200)
    await running.sandbox.kill()
    t.same(await started.exited, { code: null, signal: 'SIGKILL' })
    t.same(aliveWith(logStreamName), [], 'nothing of it is alive')
  })

  t.test(`${backend}: twenty frozen environments use no CPU time`, async (t) => {
    const arranged = await arrangeFactory(t, backend)
    const all = await Promise.all(Array.from({ length: 20 }, () => arrangeSandbox(t, arranged)))
    for (const running of all) {
      await running.start([
        'python3',
        '-c',
        `import os, time
os.write(1, b'up\\n')
while True:
    x = sum(range(1000))
    time.sleep(0.001)`,
      ])
    }
    await until('all are up', () => all.every((running) => running.count('up') === 1))
    const cpuUs = () => all.map(({ sandbox }) => sandbox.usage().cpuUs)
    const running = cpuUs()
    await until('all use CPU time', () => cpuUs().every((us, index) => us > (running[index] ?? 0)))
    for (const { sandbox } of all) sandbox.freezer.freeze()
    await until('frozen', () => all.every(({ sandbox }) => sandbox.freezer.state() === 'frozen'))
    const before = cpuUs()
    await kernelTimers.sleep(2000)
    t.same(cpuUs(), before)
  })

  t.test(
    `${backend}: the process has exactly the variables, the descriptors and the session it was given`,
    async (t) => {
      const arranged = await arrangeFactory(t, backend)
      const running = await arrangeSandbox(t, arranged)
      const odd = { 'with.dot-and-dash': 'a b\n"c"$d', EMPTY: '', PWD: '/not/here', LD_PRELOAD: '' }
      const script = `
const fs = require('fs')
const block = fs.readFileSync('/proc/self/environ', 'utf8').split('\\0').filter(Boolean).sort()
const open = fs.readdirSync('/proc/self/fd').map(Number).sort((a, b) => a - b)
const names = open.slice(0, 3).map((fd) => fs.readlinkSync('/proc/self/fd/' + fd))
const stat = fs.readFileSync('/proc/self/stat', 'utf8').split(' ')
console.log(JSON.stringify({ block, names, session: Number(stat[5]), pid: process.pid, cwd: process.cwd() }))
console.error('to standard error')`
      const started = await running.start([process.execPath, '-e', script], odd)
      t.same(await started.exited, { code: 0, signal: null })
      await until('both lines', () => running.text().split('\n').length >= 3)
      const [line = '', error] = running.text().split('\n')
      const seen = JSON.parse(line)
      const wanted = Object.entries({ ...running.env, ...odd }).map(
        ([name, value]) => `${name}=${value}`,
      )
      t.same(seen.block, wanted.sort())
      t.equal(seen.names[0], '/dev/null')
      t.match(seen.names[1], /^pipe:|\/pipes\//)
      t.equal(seen.names[2], seen.names[1])
      t.equal(seen.session, started.pid)
      t.equal(seen.pid, started.pid)
      t.equal(seen.cwd, '/')
      t.equal(error, 'to standard error')
    },
  )

  t.test(
    `${backend}: the daemon's descriptors are not inherited, and what its own parent left open reads as /dev/null`,
    async (t) => {
      const arranged = await arrangeFactory(t, backend)
      const running = await arrangeSandbox(t, arranged)
      const script = `
import os
names = {}
for fd in os.listdir('/proc/self/fd'):
    try: names[int(fd)] = os.readlink('/proc/self/fd/' + fd)
    except FileNotFoundError: pass
rest = sorted(set(names[fd] for fd in names if fd > 2))
os.write(1, (' '.join(rest) + '.\\n').encode())`
      const started = await running.start(['python3', '-c', script])
      await started.exited
      await until('the list', () => running.text().endsWith('\n'))
      t.match(running.text(), /^(\/dev\/null)?\.\n$/)
    },
  )

  t.test(
    `${backend}: a program that cannot be started is a SpawnFailure with the kernel's reason, and nothing runs`,
    async (t) => {
      const arranged = await arrangeFactory(t, backend)
      const running = await arrangeSandbox(t, arranged)
      const folder = temporaryFolder(t)
      const file = (name: string, text: string, mode: number) => {
        writeFileSync(join(folder, name), text, { mode })
        return join(folder, name)
      }
      mkdirSync(join(folder, 'directory'))
      const cases: [string[], string][] = [
        [['/nowhere/bootstrap'], 'ENOENT'],
        [['no-such-program-anywhere'], 'ENOENT'],
        [[file('plain', '#!/bin/sh\n', 0o644)], 'EACCES'],
        [[join(folder, 'directory')], 'EACCES'],
        [[file('no-first-line', 'echo hello\n', 0o755)], 'ENOEXEC'],
        [[file('bad-interpreter', '#!/nowhere/sh\n', 0o755)], 'ENOENT'],
      ]
      for (const [argv, code] of cases) {
        await t.rejects(running.start(argv), { name: 'SpawnFailure', code }, argv.join(' '))
      }
      const { env, pipe } = running
      const nowhere = { argv: ['/bin/true'], cwd: '/nowhere', env, output: pipe.childFd }
      await t.rejects(running.sandbox.start(nowhere), { code: 'ENOENT', path: '/nowhere' })
      t.same(running.sandbox.pids(), [])
      t.equal(running.text(), '')
    },
  )

  t.test(`${backend}: without the helper too a process has Lambda's limits`, async (t) => {
    const arranged = await arrangeFactory(t, backend)
    const running = await arrangeSandbox(t, arranged)
    const script = 'ulimit -n; ulimit -H -n; ulimit -l; ulimit -s; echo end'
    const { exited } = await running.start(['/bin/sh', '-c', script])
    await exited
    await until('its output', () => running.count('end') === 1)
    t.equal(running.text(), '1024\n1024\n64\n8192\nend\n')
  })

  t.test(
    `${backend}: a program whose path holds an equals sign is run, not taken for a variable`,
    async (t) => {
      const arranged = await arrangeFactory(t, backend)
      const running = await arrangeSandbox(t, arranged)
      const path = join(temporaryFolder(t), 'a=b')
      writeFileSync(path, '#!/bin/sh\necho ran "$1"\n', { mode: 0o755 })
      t.same(await (await running.start([path, 'x y'])).exited, { code: 0, signal: null })
      await until('its output', () => running.text() === 'ran x y\n')
    },
  )

  t.test(
    `${backend}: a process killed in the moment of its start leaves nothing behind`,
    async (t) => {
      const arranged = await arrangeFactory(t, backend)
      const running = await arrangeSandbox(t, arranged)
      for (let round = 0; round < 5; round++) {
        const started = await running.start(['/bin/sh', '-c', 'sleep 1000 & sleep 1000'])
        await running.sandbox.kill()
        t.equal(isDead(readProcess(started.pid)), true)
        t.same(await started.exited, { code: null, signal: 'SIGKILL' })
      }
      t.same(aliveWith(running.env.AWS_LAMBDA_LOG_STREAM_NAME ?? ''), [])
    },
  )

  t.test(
    `${backend}: an environment frozen before its process has joined freezes it all the same`,
    async (t) => {
      const arranged = await arrangeFactory(t, backend)
      const running = await arrangeSandbox(t, arranged)
      await running.start([
        'python3',
        '-c',
        'import os, time\nwhile True:\n os.write(1, b"t\\n")\n time.sleep(0.02)',
      ])
      running.sandbox.freezer.freeze()
      await until('frozen', () => running.sandbox.freezer.state() === 'frozen')
      if (backend !== 'signal') {
        await until('joined', () => running.sandbox.pids().length === 1)
        await until('frozen', () => running.sandbox.freezer.state() === 'frozen')
      }
      await emptied(running)
      const before = running.count('t')
      await kernelTimers.sleep(200)
      t.equal(running.count('t'), before)
      running.sandbox.freezer.thaw()
      await until('it ticks', () => running.count('t') > before)
    },
  )

  t.test(
    `${backend}: usage counts CPU time and 100 MB of memory that was given back`,
    async (t) => {
      const arranged = await arrangeFactory(t, backend)
      const running = await arrangeSandbox(t, arranged)
      const script = `
import os, time
block = bytearray(100 * 1024 * 1024)
del block
end = time.process_time() + 0.2
while time.process_time() < end: pass
os.write(1, b'done\\n')
time.sleep(1000)`
      await running.start(['python3', '-c', script])
      await until('done', () => running.count('done') === 1)
      const { cpuUs, memoryBytes } = running.sandbox.usage()
      t.ok(cpuUs >= 200_000 && cpuUs < 1_000_000, `${cpuUs} µs`)
      const memoryMb = memoryBytes / 1024 / 1024
      t.ok(memoryMb > 105 && memoryMb < 130, `${memoryMb} MB`)
    },
  )
}

t.test('none: nothing is frozen, and kill still ends a daemonised child', async (t) => {
  const arranged = await arrangeFactory(t, 'none')
  const running = await arrangeSandbox(t, arranged)
  t.equal(arranged.factory.escapes.length, 1)
  await startTickingTree(running)
  running.sandbox.freezer.freeze()
  const before = running.count('node')
  await until('it ticks on', () => running.count('node') > before)
  await running.sandbox.kill()
  t.same(aliveWith(running.env.AWS_LAMBDA_LOG_STREAM_NAME ?? ''), [])
})

/** Everything that was written before has been read: a mark went through. */
async function emptied(running: Running): Promise<void> {
  await new Promise<void>((resolve) => {
    running.pipe.onMark(() => resolve())
    running.pipe.mark('so far')
  })
}
