// The process tree without control groups: who belongs to it, who does not, and that nothing is missed between two looks.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { ProcessTree } from '../../src/freezer/process-tree.js'
import { signalFreezer } from '../../src/freezer/signal-freezer.js'
import { isDead, isStopped, readForkCount, readProcess } from '../../src/procfs/process.js'

const after = (durationMs: number, run: () => void) => {
  const timer = setTimeout(run, durationMs)
  return () => clearTimeout(timer)
}

async function until(holds: () => boolean): Promise<void> {
  const startedAt = Date.now()
  while (!holds()) {
    if (Date.now() - startedAt > 20_000) throw new Error('not within 20 s')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

let marks = 0
/** Runs a Python script, from where it says `up` (python3 itself may be a script that forks); killed with its whole tree at the end. */
async function arrangeTree(t: Test, script: string) {
  marks += 1
  const value = `tree-${process.pid}-${marks}`
  const tree = new ProcessTree(`LAMBDA_EMU_TEST=${value}`)
  const child: ChildProcess = spawn(
    'python3',
    ['-c', `import os, signal, time\nprint('up', flush=True)\n${script}`],
    {
      env: { PATH: process.env.PATH ?? '', LAMBDA_EMU_TEST: value },
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
    },
  )
  let output = ''
  child.stdout?.on('data', (bytes: Buffer) => {
    output += bytes.toString()
  })
  tree.addRoot(child.pid ?? 0)
  t.teardown(async () => {
    tree.lookEverywhere()
    await until(() => tree.killRound())
  })
  const pids = () => tree.look().map((member) => member.pid)
  await until(() => output.startsWith('up\n'))
  return { tree, child, pids, output: () => output.slice(3) }
}

t.test('whoever is found while the tree is held still is stopped there and then', async (t) => {
  const { tree, child } = await arrangeTree(t, 'time.sleep(60)')
  const mark = `LAMBDA_EMU_TEST=tree-${process.pid}-${marks}`
  tree.stop()
  await until(() => isStopped(readProcess(child.pid ?? 0) ?? fail()))
  // As one that was in the middle of exec when the freeze looked: no descendant, only marked.
  const late = spawn('/bin/sleep', ['60'], { env: { LAMBDA_EMU_TEST: mark.split('=')[1] ?? '' } })
  await once(late, 'spawn')
  const pid = late.pid ?? 0
  await until(() => tree.look().some((member) => member.pid === pid))
  await until(() => isStopped(readProcess(pid) ?? fail()))
  tree.continue()
  await until(() => !isStopped(readProcess(pid) ?? fail()))
  t.equal(isStopped(readProcess(child.pid ?? 0) ?? fail()), false)
})

function fail(): never {
  throw new Error('the process is there')
}

t.test('daemonised children that start between two looks are found at the second', async (t) => {
  const { child, pids, output } = await arrangeTree(
    t,
    `signal.alarm(60)
told, tell = os.pipe()
for line in os.fdopen(0):
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
            signal.alarm(60)
            os.write(tell, str(os.getpid()).encode())
            time.sleep(1000)
        os._exit(0)
    os.wait()
    print(os.read(told, 20).decode(), flush=True)`,
  )
  t.same(pids(), [child.pid])
  for (let round = 1; round <= 5; round++) {
    child.stdin?.write('go\n')
    await until(() => output().split('\n').length === round + 1)
    const daemonised = output().split('\n').filter(Boolean).map(Number)
    for (const pid of daemonised) t.ok(readProcess(pid)?.parentPid !== child.pid)
    t.same(pids().sort(), [child.pid ?? 0, ...daemonised].sort())
  }
})

t.test('a child that clears its variables belongs to the tree by descent', async (t) => {
  const { pids, output } = await arrangeTree(
    t,
    `signal.alarm(60)
import subprocess
print(subprocess.Popen(['/bin/sleep', '60'], env={}, start_new_session=True).pid, flush=True)
time.sleep(1000)`,
  )
  await until(() => output() !== '')
  t.ok(pids().includes(Number(output())))
})

t.test('a process that once belonged stays a member when its parent dies', async (t) => {
  const { child, pids, output } = await arrangeTree(
    t,
    `signal.alarm(60)
import subprocess
print(subprocess.Popen(['/bin/sleep', '60'], env={}, start_new_session=True).pid, flush=True)
time.sleep(1000)`,
  )
  await until(() => output() !== '')
  t.equal(pids().length, 2)
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  t.same(pids(), [Number(output())])
})

t.test('neither this process nor a neighbour with another value belongs to the tree', async (t) => {
  const { child, pids } = await arrangeTree(t, 'signal.alarm(60); time.sleep(1000)')
  const env = { LAMBDA_EMU_TEST: `tree-${process.pid}-${marks}0` }
  const neighbour = spawn('/bin/sleep', ['60'], { env, stdio: 'ignore' })
  t.teardown(() => neighbour.kill('SIGKILL'))
  t.same(pids(), [child.pid])
})

t.test(
  'every thread is stopped when the freezer says frozen, and moves again after the thaw',
  async (t) => {
    const { tree, child, output } = await arrangeTree(
      t,
      `import threading
signal.alarm(60)
def tick():
    while True:
        time.sleep(0.01)
for i in range(20): threading.Thread(target=tick, daemon=True).start()
print('all', flush=True)
time.sleep(1000)`,
    )
    await until(() => output() === 'all\n')
    const freezer = signalFreezer(tree, after)
    t.equal(freezer.state(), 'running')
    freezer.freeze()
    freezer.freeze()
    await until(() => freezer.state() === 'frozen')
    const root = readProcess(child.pid ?? 0)
    t.equal(root?.threads, 21)
    t.ok(root !== undefined && isStopped(root))
    freezer.thaw()
    await until(() => readProcess(child.pid ?? 0)?.state === 'S')
    t.equal(freezer.state(), 'running')
  },
)

t.test(
  'a child whose fork was under way at the freeze is stopped soon after, without anybody asking',
  async (t) => {
    const { tree, child } = await arrangeTree(
      t,
      `signal.alarm(60)
while True:
    if os.fork() == 0:
        signal.alarm(1)
        time.sleep(0.02)
        os._exit(0)
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0): pass
    except ChildProcessError: pass`,
    )
    for (let round = 0; round < 20; round++) {
      let rechecks = 0
      const freezer = signalFreezer(tree, (durationMs, run) => {
        rechecks += 1
        return after(durationMs, run)
      })
      freezer.freeze()
      await until(() => tree.isStill())
      t.ok(rechecks >= 1)
      t.same(
        tree.look().filter((member) => !isStopped(member)),
        [],
      )
      t.ok(tree.look().some((member) => member.pid === child.pid))
      freezer.thaw()
    }
  },
)

t.test(
  'the count of forks rises with every process, so that an unchanged count proves there is none new',
  async (t) => {
    const before = readForkCount()
    const { pid } = spawnSync('/bin/true')
    const now = readForkCount()
    t.ok(before !== undefined && now !== undefined && now.forks > before.forks)
    t.ok((now?.lastPid ?? 0) >= pid || (now?.lastPid ?? 0) < (before?.lastPid ?? 0))
    t.equal(isDead(readProcess(pid)), true)
  },
)
