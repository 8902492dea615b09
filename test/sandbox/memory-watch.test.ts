// Memory of real processes: what counts as used, when a limit is exceeded, and when nobody looks.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import { readMemory } from '../../src/procfs/memory.js'
import { childrenOf, readProcess } from '../../src/procfs/process.js'
import { type Exceeded, MemoryWatch, type WatchedOptions } from '../../src/sandbox/memory-watch.js'
import { currentMemory, memoryOfProcesses } from '../../src/sandbox/process-memory.js'
import { kernelTimers, until } from './real-sandbox.js'

const mb = 1024 * 1024

/** Runs a program until it has written `up`; every line given to `tell` goes to its standard input. */
async function arrangeProgram(t: Test, argv: readonly string[]) {
  const [program = '', ...words] = argv
  const child: ChildProcess = spawn(program, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout?.on('data', (bytes: Buffer) => {
    output += bytes.toString()
  })
  const pid = child.pid ?? 0
  // Children first: end of file on standard input ends those that a test forgets.
  t.teardown(() => {
    child.stdin?.end()
    child.kill('SIGKILL')
  })
  await until('it is up', () => output.includes('up\n'))
  const lines = () => output.split('\n').length - 1
  const tell = async (line: string) => {
    const before = lines()
    child.stdin?.write(`${line}\n`)
    await until(`it has done ${line}`, () => lines() > before)
  }
  const family = () => {
    const found = readProcess(pid)
    return found === undefined ? [] : [pid, ...childrenOf(found)]
  }
  return { pid, tell, family }
}

const python = (script: string) => ['python3', '-c', script]
const node = (script: string) => [process.execPath, '-e', script]

const pythonHello = `print('up', flush=True); import sys; sys.stdin.read()`
const nodeHello = `console.log('up'); process.stdin.resume()`

function residentBytes(pid: number): number {
  const match = /^Rss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))
  return Number(match?.[1]) * 1024
}

for (const [name, argv] of [
  ['Node', node(nodeHello)],
  ['Python', python(pythonHello)],
] as const) {
  t.test(`hello in ${name} is within 30 % of its resident memory`, async (t) => {
    const { pid } = await arrangeProgram(t, argv)
    const usedMb = memoryOfProcesses([pid]) / mb
    const residentMb = residentBytes(pid) / mb
    const listedMb = Number(spawnSync('ps', ['-o', 'rss=', '-p', `${pid}`]).stdout) / 1024
    t.ok(residentMb > 5, `${residentMb} MB by smaps`)
    t.ok(Math.abs(usedMb / residentMb - 1) < 0.3, `${usedMb} MB for ${residentMb} MB by smaps`)
    if (listedMb > 0) {
      t.ok(Math.abs(usedMb / listedMb - 1) < 0.3, `${usedMb} MB for ${listedMb} MB by ps`)
    }
  })
}

for (const [name, hello, argv] of [
  [
    'Node',
    node(nodeHello),
    node(`globalThis.block = Buffer.alloc(100 * 1024 * 1024, 1); ${nodeHello}`),
  ],
  ['Python', python(pythonHello), python(`block = bytearray(100 * 1024 * 1024)\n${pythonHello}`)],
  [
    'Python, given back since,',
    python(pythonHello),
    python(`block = bytearray(100 * 1024 * 1024)\ndel block\n${pythonHello}`),
  ],
] as const) {
  t.test(`100 MB in ${name} are counted within 10 %`, async (t) => {
    const without = await arrangeProgram(t, hello)
    const { pid } = await arrangeProgram(t, argv)
    const moreMb = (memoryOfProcesses([pid]) - memoryOfProcesses([without.pid])) / mb
    t.ok(Math.abs(moreMb - 100) < 10, `${moreMb} MB more`)
  })
}

t.test('the runtime that several processes share is counted once', async (t) => {
  const first = await arrangeProgram(t, node(nodeHello))
  const second = await arrangeProgram(t, node(nodeHello))
  const fileBytes = readMemory(first.pid)?.fileBytes ?? 0
  t.ok(fileBytes > 20 * mb)
  const both = currentMemory([first.pid, second.pid])
  const apart = currentMemory([first.pid]).residentBytes + currentMemory([second.pid]).residentBytes
  t.ok(apart - both.residentBytes > 0.9 * fileBytes)
})

t.test('a process that is gone counts nothing', async (t) => {
  const { pid } = spawnSync('/bin/true')
  t.equal(memoryOfProcesses([pid]), 0)
  t.same(currentMemory([pid]), { privateBytes: 0, residentBytes: 0, largest: undefined })
})

/** Grows at a word: \`grow N\` adds N MB, \`fork\` adds a child that shares all of it, \`write\` makes the last child's its own. */
const growing = `
import os, sys
blocks, told = [], []
print('up', flush=True)
for line in sys.stdin:
    word, *rest = line.split()
    if word == 'grow': blocks.append(bytearray(int(rest[0]) * 1024 * 1024))
    if word == 'fork':
        go, come = os.pipe(), os.pipe()
        if os.fork() == 0:
            os.close(go[1])
            while os.read(go[0], 1):
                for block in blocks:
                    for at in range(0, len(block), 4096): block[at] = 1
                os.write(come[1], b'x')
            os._exit(0)
        told.append((go, come))
    if word == 'write':
        go, come = told[-1]
        os.write(go[1], b'x')
        os.read(come[0], 1)
    print('done', flush=True)
`

async function arrangeWatched(t: Test, limitMb: number | undefined) {
  const program = await arrangeProgram(t, python(growing))
  const told: number[] = []
  const exceeded: Exceeded[] = []
  let looks = 0
  const options: WatchedOptions = {
    pids: () => {
      looks += 1
      return program.family()
    },
    limitBytes: limitMb === undefined ? undefined : limitMb * mb,
    changed: (bytes) => told.push(bytes),
    exceeded: (what) => exceeded.push(what),
  }
  const watched = new MemoryWatch(kernelTimers).watch(options)
  t.teardown(() => watched.close())
  watched.run()
  const looksMore = async (count: number) => {
    const before = looks
    await until('some looks', () => looks >= before + count)
  }
  return { ...program, watched, told, exceeded, looksMore }
}

t.test('who allocates more than the limit is told of once, with the largest process', async (t) => {
  const { tell, watched, exceeded, looksMore, pid } = await arrangeWatched(t, 128)
  await tell('grow 90')
  await looksMore(2)
  t.same(exceeded, [], 'below the limit')
  await tell('grow 60')
  await until('exceeded', () => exceeded.length > 0)
  await looksMore(3)
  t.equal(exceeded.length, 1)
  t.equal(exceeded[0]?.largestPid, pid)
  // It is told as soon as it is seen, perhaps in the middle of growing.
  t.ok((exceeded[0]?.privateBytes ?? 0) > 128 * mb)
  t.ok(watched.peakBytes > 150 * mb)
  watched.run()
  await until('told again in the next run', () => exceeded.length === 2)
})

t.test(
  'what forks share is counted once for the limit, what they write themselves is not',
  async (t) => {
    const { tell, family, exceeded, looksMore } = await arrangeWatched(t, 160)
    await tell('grow 60')
    for (let child = 0; child < 3; child++) await tell('fork')
    await until('each has it', () => currentMemory(family()).privateBytes > 240 * mb)
    await looksMore(4)
    t.same(exceeded, [], 'four times 60 MB, but the same 60 MB')
    await tell('write')
    await looksMore(12)
    t.same(exceeded, [], 'twice 60 MB')
    await tell('fork')
    await tell('write')
    await until('three times 60 MB', () => exceeded.length === 1)
  },
)

t.test(
  'with a control group nothing is ever exceeded, and every change of 1 MB is told',
  async (t) => {
    const { tell, told, exceeded } = await arrangeWatched(t, undefined)
    await until('the first look', () => told.length === 1)
    await tell('grow 50')
    await until('the change', () => told.length === 2)
    const [before = 0, after = 0] = told
    t.ok(after - before > 49 * mb && after - before < 60 * mb, `${before} ${after}`)
    t.same(exceeded, [])
  },
)

t.test(
  'when the largest has been killed and the rest is still too much, the next one is told of',
  async (t) => {
    const { tell, family, exceeded, looksMore, pid } = await arrangeWatched(t, 100)
    await tell('grow 50')
    for (let child = 0; child < 3; child++) {
      await tell('fork')
      await tell('write')
    }
    await until('exceeded', () => exceeded.length === 1)
    await looksMore(3)
    t.equal(exceeded.length, 1, 'not before the first is gone')
    for (let killed = 1; killed <= 2; killed++) {
      const victim = exceeded.at(-1)?.largestPid ?? 0
      t.ok(family().includes(victim))
      if (victim === pid) break
      process.kill(victim, 'SIGKILL')
      await until('the next one', () => exceeded.length === killed + 1)
      t.ok(exceeded.at(-1)?.largestPid !== victim)
    }
  },
)

t.test('the peak keeps what a process had that has ended since', async (t) => {
  const { tell, watched, family, pid } = await arrangeWatched(t, 1000)
  await tell('grow 60')
  await tell('fork')
  await tell('write')
  await until('both are seen', () => watched.peakBytes > 120 * mb)
  const child = family().find((member) => member !== pid) ?? 0
  process.kill(child, 'SIGKILL')
  await until('it is gone', () => readMemory(child) === undefined)
  t.ok(memoryOfProcesses(family()) < 100 * mb)
  t.ok(watched.peakBytes > 120 * mb)
})

t.test(
  'one ticker for all: 50 ms where a limit is kept, 500 ms where one only measures, none at rest',
  async (t) => {
    const kernel = new SimulatedKernel()
    let pending = 0
    const watch = new MemoryWatch({
      sleep: (durationMs) => kernel.sleep(durationMs),
      after(durationMs, run) {
        let over = false
        const end = () => {
          if (!over) pending -= 1
          over = true
        }
        pending += 1
        const cancel = kernel.after(durationMs, () => {
          end()
          run()
        })
        return () => {
          end()
          cancel()
        }
      },
    })
    const looks = [0, 0]
    const [limited, measured] = [1e12, undefined].map((limitBytes, index) =>
      watch.watch({
        pids: () => {
          looks[index] = (looks[index] ?? 0) + 1
          return []
        },
        limitBytes,
        changed: () => {},
        exceeded: () => {},
      }),
    )
    if (limited === undefined || measured === undefined) throw new Error('two are watched')
    kernel.elapse(1000)
    t.same(looks, [0, 0], 'nothing before the first run')
    measured.run()
    limited.run()
    t.equal(pending, 1)
    kernel.elapse(1000)
    t.same(looks, [20, 2])
    t.equal(pending, 1)
    limited.rest()
    kernel.elapse(1100)
    t.same(looks, [21, 4], 'one more look at who rests')
    measured.rest()
    kernel.elapse(5000)
    t.same(looks, [21, 5])
    t.equal(pending, 0)
    limited.run()
    limited.rest()
    kernel.elapse(50)
    t.same(looks, [22, 5], 'a run shorter than a tick is looked at')
    limited.run()
    limited.close()
    kernel.elapse(1000)
    t.same(looks, [22, 5])
    t.equal(kernel.untilNextMs(), undefined)
  },
)
