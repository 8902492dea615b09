// The process tree without control groups: who belongs to it, who does not, and that nothing is missed between two looks.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { groupStops, Holds } from '../../src/freezer/holds.js'
import { ProcessTree } from '../../src/freezer/process-tree.js'
import { holdFreezer } from '../../src/freezer/signal-freezer.js'
import {
  childrenOf,
  isDead,
  isProcessId,
  isStopped,
  readForkCount,
  readProcess,
} from '../../src/procfs/process.js'

const after = (durationMs: number, run: () => void) => {
  const timer = setTimeout(run, durationMs)
  return () => clearTimeout(timer)
}

async function until(holds: () => boolean): Promise<void> {
  const startedAt = Date.now()
  while (!holds()) {
    if (Date.now() - startedAt > 60_000) throw new Error('not within 60 s')
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
    const freezer = holdFreezer(new Holds(tree, after))
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
      const freezer = holdFreezer(
        new Holds(tree, (durationMs, run) => {
          rechecks += 1
          return after(durationMs, run)
        }),
      )
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

t.test('after a kill nobody is held: what is started then is found and not stopped', async (t) => {
  const { tree, child } = await arrangeTree(t, 'time.sleep(60)')
  await until(() => tree.killRound())
  t.equal(isDead(readProcess(child.pid ?? 0)), true)
  const next = spawn('/bin/sleep', ['60'])
  await once(next, 'spawn')
  tree.addRoot(next.pid ?? 0)
  t.same(
    tree.look().map(({ pid }) => pid),
    [next.pid],
  )
  t.equal(isStopped(readProcess(next.pid ?? 0) ?? fail()), false)
})

t.test('a child that the function itself has stopped is not continued by the thaw', async (t) => {
  const { tree, child, output } = await arrangeTree(
    t,
    `signal.alarm(60)
import subprocess
sleeper = subprocess.Popen(['/bin/sleep', '60'])
os.kill(sleeper.pid, signal.SIGSTOP)
print(sleeper.pid, flush=True)
time.sleep(1000)`,
  )
  await until(() => output() !== '')
  const sleeper = Number(output())
  await until(() => readProcess(sleeper)?.state === 'T')
  for (let round = 0; round < 3; round++) {
    tree.stop()
    await until(() => tree.isStill())
    tree.stop()
    tree.continue()
    await until(() => readProcess(child.pid ?? 0)?.state === 'S')
    t.equal(readProcess(sleeper)?.state, 'T')
  }
})

/** A supervisor whose child is the tree's first process: adopts orphans itself, or has an init of a pid namespace do it. */
async function arrangeAnchored(t: Test, depth: 1 | 2) {
  marks += 1
  const value = `anchor-${process.pid}-${marks}`
  const inside = `import os, signal, subprocess, sys, time
signal.alarm(60)
sleep = ['/bin/sleep', '60']
plain = subprocess.Popen(sleep)
# Orphaned, in a session of its own, without variables: nothing but its new parent tells whose it is.
if os.fork() == 0:
    signal.alarm(60)
    subprocess.Popen(sleep, env={}, start_new_session=True)
    os._exit(0)
os.wait()
print('up', flush=True)
time.sleep(1000)`
  // At depth 2 it becomes pid 1 of its namespace, whose child is the program.
  const outside = `import ctypes, os, signal, sys, time
signal.alarm(60)
if ${depth} == 1: ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
if os.fork() == 0:
    os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])
while True:
    try: os.wait()
    except ChildProcessError: time.sleep(0.01)`
  const argv = ['python3', '-c', outside, inside]
  const [program = '', ...words] = depth === 1 ? argv : ['unshare', '-pf', '--kill-child', ...argv]
  const child = spawn(program, words, {
    env: { PATH: process.env.PATH ?? '', LAMBDA_EMU_TEST: value },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const tree = new ProcessTree(`LAMBDA_EMU_TEST=${value}`)
  t.equal(tree.addAnchor(child.pid ?? 0, depth), true)
  let output = ''
  child.stdout?.on('data', (bytes: Buffer) => {
    output += bytes.toString()
  })
  const anchor = child.pid ?? 0
  t.teardown(async () => {
    await until(() => tree.killRound())
    child.kill('SIGKILL')
    await until(() => tree.killRound())
  })
  await until(() => output.includes('up\n'))
  return { tree, child, anchor, value, names: () => tree.look().map(({ pid }) => nameOf(pid)) }
}

function nameOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'latin1').trim()
}

for (const depth of [1, 2] as const) {
  t.test(
    `below an anchor of depth ${depth} everything is found by descent, and the anchor is no member`,
    async (t) => {
      const { tree, child, anchor, value, names } = await arrangeAnchored(t, depth)
      t.same(names().sort(), ['python3', 'sleep', 'sleep'])
      const outside =
        depth === 1 ? [anchor] : [anchor, ...childrenOf(readProcess(anchor) ?? fail())]
      t.equal(outside.length, depth)

      // Carries the mark, but descends from elsewhere: no other process is looked at.
      const marked = spawn('/bin/sleep', ['60'], { env: { LAMBDA_EMU_TEST: value } })
      t.teardown(() => marked.kill('SIGKILL'))
      await once(marked, 'spawn')
      t.same(names().length, 3)

      tree.stop()
      await until(() => tree.isStill())
      for (const { pid } of tree.look()) t.ok(isStopped(readProcess(pid) ?? fail()))
      for (const pid of outside) t.equal(isStopped(readProcess(pid) ?? fail()), false)
      tree.continue()
      for (const { pid } of tree.look()) t.equal(isStopped(readProcess(pid) ?? fail()), false)

      const members = tree.look()
      await until(() => tree.killRound())
      for (const { pid } of members) t.ok(isDead(readProcess(pid)))
      for (const pid of outside) t.equal(isDead(readProcess(pid)), false)
      t.same(names(), [])
      t.equal(child.exitCode, null)
    },
  )
}

t.test(
  'whose parent ends while the tree is being looked at is found by the same look',
  async (t) => {
    const script = `import ctypes, os, signal, time
signal.alarm(60)
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
if os.fork() == 0:
    if os.fork() == 0:
        signal.alarm(60)
        os.write(1, f'{os.getppid()} {os.getpid()}'.encode())
        time.sleep(60)
    time.sleep(60)
time.sleep(60)`
    const child = spawn('python3', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const [parent = 0, orphan = 0] = line.toString().split(' ').map(Number)
    t.ok(parent > 1 && orphan > 1)
    if (!(parent > 1 && orphan > 1)) return
    t.teardown(() => process.kill(orphan, 'SIGKILL'))
    const tree = new ProcessTree('LAMBDA_EMU_TEST=nobody', {
      childrenOf: (of) => {
        const children = childrenOf(of)
        // The list of the anchor has been read, and now its grandchild becomes its child.
        if (of.pid === child.pid && readProcess(orphan)?.parentPid === parent) {
          process.kill(parent, 'SIGKILL')
          while (readProcess(orphan)?.parentPid === parent);
        }
        return children
      },
    })
    t.equal(tree.addAnchor(child.pid ?? 0, 1), true)
    t.same(
      tree.look().map(({ pid }) => pid),
      [orphan],
    )
  },
)

t.test('when the anchor dies, what is left is found by its mark', async (t) => {
  const { tree, child, value, names } = await arrangeAnchored(t, 1)
  const late = spawn('/bin/sleep', ['60'], { env: { LAMBDA_EMU_TEST: value } })
  await once(late, 'spawn')
  t.equal(names().length, 3)
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  await until(() => tree.look().some(({ pid }) => pid === late.pid))
  t.equal(names().length, 4, 'and who was known stays a member')
})

t.test('an anchor is a child of this process, or the one on record', async (t) => {
  const tree = new ProcessTree('LAMBDA_EMU_TEST=nobody')
  const child = spawn('/bin/sleep', ['60'])
  t.teardown(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  const pid = child.pid ?? 0
  const startTime = readProcess(pid)?.startTime ?? 0
  t.equal(tree.addAnchor(process.ppid, 1), false)
  t.equal(tree.addAnchor(pid, 1, startTime + 1), false)
  t.equal(tree.addAnchor(spawnSync('/bin/true').pid, 1), false)
  t.equal(tree.addAnchor(pid, 1, startTime), true)
  t.same(tree.look(), [])
})

t.test(
  'an anchor may be a child of a child of this process, as with the spawner, and no further away',
  async (t) => {
    // sh → sh → sleep: each says its pid before it starts the next.
    const child = spawn('/bin/sh', ['-c', 'sh -c "sleep 60; :" & wait'], { detached: true })
    t.teardown(() => process.kill(-(child.pid ?? 0), 'SIGKILL'))
    await once(child, 'spawn')
    const tree = new ProcessTree('LAMBDA_EMU_TEST=nobody')
    const only = (pid: number) => {
      const found = readProcess(pid)
      return found === undefined ? 0 : (childrenOf(found)[0] ?? 0)
    }
    await until(() => only(only(child.pid ?? 0)) > 0)
    const grandchild = only(child.pid ?? 0)
    const sleeping = only(grandchild)
    t.equal(tree.addAnchor(sleeping, 1), false)
    t.equal(tree.addAnchor(grandchild, 1), true)
    t.same(
      tree.look().map(({ pid }) => pid),
      [sleeping],
    )
  },
)

t.test('CPU time below an anchor is counted, orphans that it waited for included', async (t) => {
  const { tree, anchor } = await arrangeAnchored(t, 1)
  const before = tree.cpuUs()
  t.ok(before > 0)
  const members = tree.look()
  await until(() => tree.killRound())
  await until(() => members.every(({ pid }) => readProcess(pid) === undefined))
  const after = tree.cpuUs()
  t.ok(after >= before && after < before + 100_000, `${before} µs, then ${after} µs`)
  t.ok((readProcess(anchor)?.reapedCpuUs ?? 0) > 0)
})

t.test('what is held for two reasons goes on when both are gone, in whichever order', async (t) => {
  const { tree, child } = await arrangeTree(t, 'time.sleep(60)')
  const stopped = () => isStopped(readProcess(child.pid ?? 0) ?? fail())
  const orders = [
    ['frozen', 'throttled'],
    ['throttled', 'frozen'],
  ] as const
  for (const stoppable of [tree, groupStops(() => [child.pid ?? 0])]) {
    const holds = new Holds(stoppable, after)
    for (const [first, second] of orders) {
      holds.hold(first)
      holds.hold(second)
      holds.hold(second)
      await until(() => holds.isStill())
      holds.release(first)
      t.ok(stopped(), `${second} still holds it`)
      holds.hold(first)
      holds.release(second)
      t.ok(stopped(), `${first} still holds it`)
      holds.release(first)
      t.equal(stopped(), false)
      holds.release(first)
    }
  }
})

t.test(
  'a group that cannot limit CPU time is stopped with its forks, and only members are continued',
  async (t) => {
    const { pids } = await arrangeTree(
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
    const stops = groupStops(pids)
    for (let round = 0; round < 10; round++) {
      stops.stop()
      await until(() => {
        stops.stop()
        return stops.isStill()
      })
      const [root = 0] = pids()
      t.ok(isStopped(readProcess(root) ?? fail()))
      stops.continue()
      t.equal(isStopped(readProcess(root) ?? fail()), false)
    }
  },
)

t.test('threads are no members, though their numbers lie among the new pids', async (t) => {
  const { child, pids, output } = await arrangeTree(
    t,
    `import threading
signal.alarm(60)
for i in range(5): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print(*[thread.native_id for thread in threading.enumerate()], flush=True)
time.sleep(1000)`,
  )
  await until(() => output().endsWith('\n'))
  const threads = output().trim().split(' ').map(Number)
  t.equal(threads.length, 6)
  for (const thread of threads) t.equal(isProcessId(thread), thread === child.pid)
  t.same(pids(), [child.pid])
})
