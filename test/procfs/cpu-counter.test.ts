// CPU time of real process trees: fine, complete and never falling.

import { type ChildProcess, spawn } from 'node:child_process'
import t, { type Test } from 'tap'
import { CpuCounter } from '../../src/procfs/cpu-counter.js'
import { childrenOf, isDead, type ProcessStat, readProcess } from '../../src/procfs/process.js'
import { until } from '../sandbox/real-sandbox.js'

/** A Python program that does one thing for each line it is given, and answers with the CPU time that it says it used. */
async function arrangeProgram(t: Test, script: string) {
  const child: ChildProcess = spawn(
    'python3',
    [
      '-c',
      `import os, signal, sys, threading, time
signal.alarm(60)
def spin(seconds, clock=time.process_time):
    end = clock() + seconds
    while clock() < end: pass
print('up', flush=True)
began = time.process_time()
${script}`,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  let output = ''
  child.stdout?.on('data', (bytes: Buffer) => {
    output += bytes.toString()
  })
  t.teardown(() => {
    for (const { pid } of members()) process.kill(pid, 'SIGKILL')
  })
  const lines = () => output.split('\n').slice(0, -1)
  await until('it is up', () => lines().includes('up'))
  const tell = async (line: string): Promise<string> => {
    const before = lines().length
    child.stdin?.write(`${line}\n`)
    await until(`it has done ${line}`, () => lines().length > before)
    return lines().at(-1) ?? ''
  }
  const members = (): ProcessStat[] => {
    const found: ProcessStat[] = []
    const pids = [child.pid ?? 0]
    for (const pid of pids) {
      const stat = readProcess(pid)
      if (stat === undefined || isDead(stat)) continue
      found.push(stat)
      pids.push(...childrenOf(stat))
    }
    return found
  }
  const counter = new CpuCounter()
  // python3 may be a script that has used some before, and waited for children of its own.
  const fromUs = counter.read(members())
  return { child, tell, members, readMs: () => (counter.read(members()) - fromUs) / 1000 }
}

t.test('3 ms of a main thread are counted as 3 ms, where stat counts tens', async (t) => {
  const { tell, readMs } = await arrangeProgram(
    t,
    `for line in sys.stdin:
    spin(0.003, time.thread_time)
    print((time.process_time() - began) * 1000, flush=True)`,
  )
  for (let round = 0; round < 10; round++) {
    const saidMs = Number(await tell('go'))
    const countedMs = readMs()
    t.ok(Math.abs(countedMs - saidMs) < 2, `${countedMs} ms for ${saidMs} ms`)
  }
})

t.test('threads count, alive or ended, even those that nobody ever saw', async (t) => {
  const { tell, readMs } = await arrangeProgram(
    t,
    `def work(): spin(0.05, time.thread_time)
for line in sys.stdin:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    print((time.process_time() - began) * 1000, flush=True)`,
  )
  let saidMs = 0
  for (let round = 0; round < 5; round++) saidMs = Number(await tell('go'))
  const countedMs = readMs()
  t.ok(countedMs > saidMs - 22 && countedMs < saidMs + 5, `${countedMs} ms for ${saidMs} ms`)
})

t.test('children count when they were waited for before anybody saw them', async (t) => {
  const { tell, readMs } = await arrangeProgram(
    t,
    `for line in sys.stdin:
    if os.fork() == 0:
        spin(0.05)
        os._exit(0)
    os.wait()
    print(sum(os.times()[:4]) * 1000, flush=True)`,
  )
  const before = readMs()
  for (let round = 0; round < 6; round++) await tell('go')
  const usedMs = readMs() - before
  t.ok(usedMs > 280 && usedMs < 400, `${usedMs} ms for six times 50 ms`)
})

t.test('a child is counted once, seen alive and waited for afterwards', async (t) => {
  const { tell, readMs, members } = await arrangeProgram(
    t,
    `for line in sys.stdin:
    if line == 'fork\\n':
        pid = os.fork()
        if pid == 0:
            spin(0.3)
            signal.alarm(60)
            while True: time.sleep(1)
    else:
        os.kill(pid, 9)
        os.wait()
    print('done', flush=True)`,
  )
  const before = readMs()
  await tell('fork')
  await until('it has spun', () => readMs() - before > 290)
  t.equal(members().length, 2)
  const seenMs = readMs()
  await tell('kill')
  for (let round = 0; round < 5; round++) {
    const nowMs = readMs()
    t.ok(nowMs >= seenMs && nowMs < seenMs + 25, `${nowMs} ms after ${seenMs} ms`)
  }
})

t.test(
  'a child that nobody waits for keeps what it was seen to use, and the next one comes on top',
  async (t) => {
    const { tell, readMs, members } = await arrangeProgram(
      t,
      `signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for line in sys.stdin:
    if line == 'fork\\n':
        pid = os.fork()
        if pid == 0:
            spin(0.2)
            signal.alarm(60)
            while True: time.sleep(1)
    else:
        os.kill(pid, 9)
    print('done', flush=True)`,
    )
    let before = readMs()
    for (let round = 0; round < 3; round++) {
      await tell('fork')
      await until('it has spun', () => readMs() - before > 190)
      const seenMs = readMs()
      await tell('kill')
      await until('it is gone', () => members().length === 1)
      for (let look = 0; look < 4; look++) t.ok(readMs() >= seenMs)
      t.ok(readMs() < seenMs + 25)
      before = readMs()
    }
  },
)

t.test('an orphan counts when somebody outside the tree has waited for it', async (t) => {
  const { child, tell } = await arrangeProgram(
    t,
    `for line in sys.stdin:
    spin(0.1)
    if os.fork() == 0:
        spin(0.1)
        os._exit(0)
    os.wait()
    print('done', flush=True)`,
  )
  const counter = new CpuCounter()
  const reapers = [child.pid ?? 0]
  const fromUs = counter.read([], reapers)
  await tell('go')
  const usedMs = (counter.read([], reapers) - fromUs) / 1000
  t.ok(usedMs >= 80 && usedMs < 150, `${usedMs} ms for 100 ms`)
})
