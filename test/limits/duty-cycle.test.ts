// The duty cycle: the bucket on simulated time, and the share of real busy trees beside unlimited ones.

import { ok } from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import t, { type Test } from 'tap'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import { Holds } from '../../src/freezer/holds.js'
import { ProcessTree } from '../../src/freezer/process-tree.js'
import { holdFreezer } from '../../src/freezer/signal-freezer.js'
import { isStopped, readProcess } from '../../src/procfs/process.js'
import { DutyCycles, dutyShareMin } from '../../src/sandbox/duty-cycle.js'
import { kernelTimers, until } from '../sandbox/real-sandbox.js'

const mbPerCpu = 1769

/** A tree on simulated time: some threads that use CPU while they have work and nothing stops them. */
function arrangeModel(share: number, options: { cpus?: number; threads?: number } = {}) {
  const kernel = new SimulatedKernel()
  const { cpus = 2, threads = 1 } = options
  const counts = { armed: 0, pending: 0, reads: 0, stops: 0 }
  const timers = {
    sleep: (durationMs: number) => kernel.sleep(durationMs),
    after(durationMs: number, run: () => void) {
      counts.armed += 1
      counts.pending += 1
      let over = false
      const end = () => {
        if (!over) counts.pending -= 1
        over = true
      }
      const cancel = kernel.after(durationMs, () => {
        end()
        run()
      })
      return () => {
        end()
        cancel()
      }
    },
  }
  const state = { stopped: false, frozen: false, workUs: 0, usedUs: 0, atMs: 0 }
  const settle = () => {
    const couldUs = (kernel.monotonicMs() - state.atMs) * 1000 * threads
    const us = state.stopped || state.frozen ? 0 : Math.min(state.workUs, couldUs)
    state.workUs -= us
    state.usedUs += us
    state.atMs = kernel.monotonicMs()
  }
  const cycles = new DutyCycles({ timers, cpus, monotonicMs: () => kernel.monotonicMs() })
  const cycle = cycles.make({
    share,
    cpuUs: () => {
      settle()
      counts.reads += 1
      return state.usedUs
    },
    stop: () => {
      settle()
      counts.stops += 1
      ok(!state.stopped, 'stop and continue come in turn')
      state.stopped = true
    },
    continue: () => {
      settle()
      ok(state.stopped, 'continue follows stop')
      state.stopped = false
    },
  })
  const elapse = (durationMs: number) => {
    // In small steps, so that the work ends when it ends.
    for (let stepMs = 0; stepMs < durationMs; stepMs += 0.5) {
      kernel.elapse(0.5)
      settle()
    }
  }
  const freeze = () => {
    settle()
    state.frozen = true
    cycle.rest()
  }
  const thaw = () => {
    settle()
    cycle.run()
    state.frozen = false
  }
  return { kernel, cycles, cycle, counts, state, elapse, freeze, thaw, timers }
}

for (const [name, share, threads, wanted] of [
  ['128 MB', 128 / mbPerCpu, 1, 128 / mbPerCpu],
  ['256 MB', 256 / mbPerCpu, 1, 256 / mbPerCpu],
  ['512 MB', 512 / mbPerCpu, 1, 512 / mbPerCpu],
  ['1024 MB', 1024 / mbPerCpu, 1, 1024 / mbPerCpu],
  ['128 MB in two threads', 128 / mbPerCpu, 2, 128 / mbPerCpu],
  ['1769 MB in two threads', 1, 2, 1],
  ['3008 MB in two threads', 3008 / mbPerCpu, 2, 3008 / mbPerCpu],
  ['a share of 1 %, of which 5 % is kept,', 0.01, 1, dutyShareMin],
] as const) {
  t.test(`${name} gets its share of a busy CPU over 20 s`, async (t) => {
    const { cycle, state, elapse } = arrangeModel(share, { threads })
    cycle.run()
    state.workUs = Number.POSITIVE_INFINITY
    elapse(20_000)
    const got = state.usedUs / 20_000_000
    t.ok(Math.abs(got / wanted - 1) < 0.03, `${got} for ${wanted}`)
  })
}

t.test('a tree that uses less than its share is never stopped', async (t) => {
  const { cycle, state, counts, elapse, freeze, thaw } = arrangeModel(128 / mbPerCpu)
  cycle.run()
  for (let round = 0; round < 100; round++) {
    // Once frozen between calls, once left running as one that waits for something.
    if (round === 50) thaw()
    if (round < 50) thaw()
    state.workUs = 1000
    elapse(5)
    t.equal(state.workUs, 0)
    if (round < 50) freeze()
    elapse(30)
  }
  t.equal(counts.stops, 0)
})

t.test('a caller of 5 ms of CPU with pauses of 5 ms gets the share and no more', async (t) => {
  const share = 128 / mbPerCpu
  const { state, kernel, elapse, freeze, thaw } = arrangeModel(share)
  while (kernel.monotonicMs() < 10_000) {
    thaw()
    state.workUs = 5000
    for (let waitedMs = 0; state.workUs > 0 && waitedMs < 5000; waitedMs++) elapse(1)
    freeze()
    elapse(5)
  }
  const got = state.usedUs / (kernel.monotonicMs() * 1000)
  t.ok(Math.abs(got / share - 1) < 0.1, `${got} for ${share}`)
})

t.test('calls too short to be looked at one by one are counted all the same', async (t) => {
  const share = 128 / mbPerCpu
  const { state, kernel, elapse, freeze, thaw } = arrangeModel(share)
  while (kernel.monotonicMs() < 10_000) {
    thaw()
    state.workUs = 1000
    for (let waitedMs = 0; state.workUs > 0 && waitedMs < 5000; waitedMs++) elapse(1)
    freeze()
    elapse(0.5)
  }
  const got = state.usedUs / (kernel.monotonicMs() * 1000)
  t.ok(Math.abs(got / share - 1) < 0.1, `${got} for ${share}`)
})

t.test(
  'a freeze keeps the debt, and the thaw finds the tree stopped until real time has paid it',
  async (t) => {
    const { state, cycle, elapse, freeze, thaw, counts } = arrangeModel(128 / mbPerCpu)
    thaw()
    state.workUs = Number.POSITIVE_INFINITY
    while (!state.stopped) elapse(0.5)
    freeze()
    t.equal(cycle.stopped, true, 'the freeze does not continue it')
    const usedUs = state.usedUs
    elapse(4)
    thaw()
    t.equal(state.stopped, true)
    t.equal(state.usedUs, usedUs, 'the thaw handed nothing out')
    elapse(60)
    t.ok(state.usedUs > usedUs, 'then it goes on')
    freeze()
    elapse(10_000)
    const stops = counts.stops
    thaw()
    t.equal(state.stopped, false)
    const pausedUs = state.usedUs
    while (counts.stops === stops) elapse(0.5)
    const burstMs = (state.usedUs - pausedUs) / 1000
    t.ok(burstMs < 8, `a long pause is worth one cycle, not more: ${burstMs} ms`)
  },
)

t.test('a resting environment is looked at once more, and then costs no timer', async (t) => {
  const { state, kernel, counts, elapse, freeze, thaw } = arrangeModel(128 / mbPerCpu)
  t.equal(kernel.untilNextMs(), undefined, 'nothing before the first run: init is free')
  t.equal(counts.reads, 0)
  thaw()
  state.workUs = 1000
  elapse(1.5)
  const reads = counts.reads
  freeze()
  elapse(5)
  t.equal(counts.reads, reads + 1)
  t.equal(kernel.untilNextMs(), undefined)
})

t.test('what init used is not counted, and after a kill everything begins anew', async (t) => {
  const { state, cycle, counts, kernel, elapse, thaw } = arrangeModel(128 / mbPerCpu)
  state.workUs = 2_000_000
  elapse(2000)
  t.equal(state.usedUs, 2_000_000)
  thaw()
  elapse(20)
  t.equal(counts.stops, 0)
  state.workUs = Number.POSITIVE_INFINITY
  while (!state.stopped) elapse(0.5)
  cycle.end()
  t.equal(state.stopped, false)
  t.equal(kernel.untilNextMs(), undefined)
  state.workUs = 3_000_000
  elapse(3000)
  const stops = counts.stops
  thaw()
  elapse(20)
  t.equal(counts.stops, stops)
})

t.test('a process that joins with a past is a debt of the time there was, not more', async (t) => {
  const { state, counts, elapse, thaw } = arrangeModel(128 / mbPerCpu)
  thaw()
  elapse(20)
  state.usedUs += 60_000_000
  elapse(2000)
  t.equal(counts.stops, 1)
  t.equal(state.stopped, false)
})

t.test('a share that the machine does not exceed is neither read nor timed', async (t) => {
  const { state, counts, elapse, thaw } = arrangeModel(2, { cpus: 2, threads: 2 })
  state.workUs = Number.POSITIVE_INFINITY
  thaw()
  elapse(1000)
  t.same(counts, { armed: 0, pending: 0, reads: 0, stops: 0 })
})

t.test('fifty environments have one timer between them', async (t) => {
  const { cycles, counts, kernel } = arrangeModel(0.1)
  const wanted = Array.from({ length: 50 }, (_, index) => {
    let stopped = false
    let usedMs = 0
    let atMs = 0
    const settle = () => {
      if (!stopped) usedMs += kernel.monotonicMs() - atMs
      atMs = kernel.monotonicMs()
    }
    const cycle = cycles.make({
      share: 0.1 + index / 100,
      cpuUs: () => {
        settle()
        return usedMs * 1000
      },
      stop: () => {
        settle()
        stopped = true
      },
      continue: () => {
        settle()
        stopped = false
      },
    })
    cycle.run()
    return { cycle, usedMs: () => usedMs, share: 0.1 + index / 100 }
  })
  let pendingMax = 0
  for (let ms = 0; ms < 2000; ms++) {
    kernel.elapse(1)
    pendingMax = Math.max(pendingMax, counts.pending)
  }
  t.equal(pendingMax, 1)
  t.ok(counts.armed <= 2200, `${counts.armed} timers in 2,000 ms`)
  for (const { usedMs, share } of wanted) {
    const got = usedMs() / 2000
    t.ok(Math.abs(got / share - 1) < 0.12, `${got} for ${share}`)
  }
  for (const { cycle } of wanted) cycle.end()
  t.equal(kernel.untilNextMs(), undefined)
})

const spin = 'while True: pass'
const spinInThread = `import threading
threading.Thread(target=lambda: exec('while True: pass')).start()`
const spinInShortChildren = `import os, time
while True:
    if os.fork() == 0:
        end = time.process_time() + 0.003
        while time.process_time() < end: pass
        os._exit(0)
    os.wait()`

let marks = 0
async function arrangeBusyTree(t: Test, script: string) {
  marks += 1
  const value = `duty-${process.pid}-${marks}`
  const tree = new ProcessTree(`LAMBDA_EMU_TEST=${value}`)
  const child: ChildProcess = spawn(
    'python3',
    ['-c', `import signal\nsignal.alarm(60)\nprint('up', flush=True)\n${script}`],
    {
      env: { PATH: process.env.PATH ?? '', LAMBDA_EMU_TEST: value },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  let output = ''
  child.stdout?.on('data', (bytes: Buffer) => {
    output += bytes.toString()
  })
  tree.addRoot(child.pid ?? 0)
  const end = async () => {
    tree.lookEverywhere()
    while (!tree.killRound()) await kernelTimers.sleep(1)
  }
  t.teardown(end)
  await until('it is up', () => output === 'up\n')
  const holds = new Holds(tree, kernelTimers.after)
  return { tree, holds, end, pid: child.pid ?? 0 }
}

const realCycles = () =>
  new DutyCycles({ timers: kernelTimers, monotonicMs: () => performance.now(), cpus: 2 })

for (const [name, script, share] of [
  ['a spinning main thread', spin, 128 / mbPerCpu],
  ['a spinning worker thread', spinInThread, 512 / mbPerCpu],
  ['children of 3 ms each', spinInShortChildren, 256 / mbPerCpu],
] as const) {
  t.test(
    `${name}: ${share.toFixed(3)} of the time, and of what a free loop beside it gets`,
    async (t) => {
      const ofTime: number[] = []
      const ofFree: number[] = []
      for (let pair = 0; pair < 3; pair++) {
        const measured = await measurePair(t, script, share)
        ofTime.push(measured.limitedMs / measured.passedMs)
        ofFree.push(measured.limitedMs / measured.freeMs)
      }
      // Others on a busy machine take from the free loop as well, so only the time tells what is too much.
      t.ok(median(ofTime) < share * 1.25, `${ofTime.join(' ')} of the time for ${share}`)
      t.ok(median(ofFree) > share * 0.75, `${ofFree.join(' ')} of a free loop for ${share}`)
    },
  )
}

/** From one end of a stop to another about a second later: at both the bucket holds the same, however late a signal was. */
async function measurePair(t: Test, script: string, share: number) {
  const limited = await arrangeBusyTree(t, script)
  const free = await arrangeBusyTree(t, spin)
  let continued = 0
  const cycle = realCycles().make({
    share,
    cpuUs: () => limited.tree.cpuUs(),
    stop: () => limited.holds.hold('throttled'),
    continue: () => {
      continued += 1
      limited.holds.release('throttled')
    },
  })
  const atNextContinue = async () => {
    const before = continued
    while (continued === before) await kernelTimers.sleep(1)
    return [limited.tree.cpuUs(), free.tree.cpuUs(), performance.now()] as const
  }
  cycle.run()
  const from = await atNextContinue()
  await kernelTimers.sleep(900)
  const to = await atNextContinue()
  cycle.end()
  await limited.end()
  await free.end()
  return {
    limitedMs: (to[0] - from[0]) / 1000,
    freeMs: (to[1] - from[1]) / 1000,
    passedMs: to[2] - from[2],
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >> 1] ?? Number.NaN
}

t.test('a frozen tree stays frozen whatever the duty cycle does, and is thawed once', async (t) => {
  const { tree, holds, pid } = await arrangeBusyTree(t, spin)
  const freezer = holdFreezer(holds)
  const cycle = realCycles().make({
    share: 128 / mbPerCpu,
    cpuUs: () => tree.cpuUs(),
    stop: () => holds.hold('throttled'),
    continue: () => holds.release('throttled'),
  })
  const stands = () => {
    const found = readProcess(pid)
    return found !== undefined && isStopped(found)
  }
  cycle.run()
  await until('it is throttled', () => cycle.stopped)
  t.equal(freezer.state(), 'running', 'throttled is not frozen')
  // Still running for the duty cycle, as if the freeze had come first: its continue must not wake the tree.
  freezer.freeze()
  await until('it would go on', () => !cycle.stopped)
  t.ok(stands(), 'the freeze holds it')
  await until('frozen', () => freezer.state() === 'frozen')
  cycle.rest()
  freezer.thaw()
  await until('it goes on', () => !stands())

  // The other way round: thawed in the stopped part.
  cycle.run()
  await until('it is throttled again', () => cycle.stopped)
  freezer.freeze()
  cycle.rest()
  const cpuUs = tree.cpuUs()
  cycle.run()
  freezer.thaw()
  t.ok(cycle.stopped)
  await until('it stands', stands)
  t.ok(tree.cpuUs() - cpuUs < 10_000)
  cycle.end()
  await until('it runs', () => !stands())
})
