// Memory, through the whole daemon: what is killed for want of it and what is not, what REPORT says, and that /tmp is no memory.

import { readFileSync } from 'node:fs'
import t from 'tap'
import { type Answer, type Daemon, environmentsAtRest } from '../support/daemon.js'
import { type Report, reportOf, startWritten } from './stage.js'

// Only against hanging.
t.setTimeout(400_000)

/** Does what the event says; counts its invocations. */
const node = `
const { execFile } = require('node:child_process')
const { statfsSync, writeFileSync, readFileSync, openSync, writeSync, closeSync } = require('node:fs')
const held = []
let calls = 0
const acts = {
  none: () => {},
  hold: ({ mb }) => { held.push(Buffer.alloc(mb * 1024 * 1024, 1)) },
  die: () => { process.kill(process.pid, 'SIGKILL') },
  child: ({ mb }) => new Promise((resolve) => {
    const code = 'Buffer.alloc(' + mb + ' * 1024 * 1024, 1)'
    execFile(process.execPath, ['-e', code], (error) => resolve(error?.signal ?? 'ended well'))
  }),
  write: ({ mb }) => {
    const file = openSync('/tmp/large', 'w')
    const part = Buffer.alloc(1024 * 1024, 1)
    for (let written = 0; written < mb; written += 1) writeSync(file, part)
    closeSync(file)
    const { bsize, blocks, bfree } = statfsSync('/tmp')
    return Math.floor((blocks - bfree) * bsize / 1024 / 1024)
  },
}
exports.handler = async (event, context) => {
  calls += 1
  const said = await acts[event.do ?? 'none'](event)
  if (event.waitMs) await new Promise((resolve) => setTimeout(resolve, event.waitMs))
  return { calls, said, stream: context.logStreamName }
}`
const python = `
import os, signal, subprocess, sys, time
held = []
calls = 0
def handler(event, context):
    global calls
    calls += 1
    said = None
    do = event.get('do')
    if do == 'hold':
        held.append(bytearray(b'x') * (event['mb'] * 1024 * 1024))
    if do == 'die':
        os.kill(os.getpid(), signal.SIGKILL)
    if do == 'child':
        code = "bytearray(b'x') * (%d * 1024 * 1024)" % event['mb']
        said = subprocess.run([sys.executable, '-c', code]).returncode
    time.sleep(event.get('waitMs', 0) / 1000)
    return { 'calls': calls, 'said': said, 'stream': context.log_stream_name }`

const inNode = (memoryMb: number) => ({
  memoryMb,
  timeoutSeconds: 60,
  files: { 'index.js': node },
})
const inPython = (memoryMb: number) => ({
  runtime: 'python3.12',
  memoryMb,
  timeoutSeconds: 60,
  files: { 'app.py': python },
})

interface Said {
  readonly calls: number
  readonly said?: unknown
  readonly stream: string
}
const saidBy = (answer: Answer) => answer.body as Said

/** Calls a function one time after another until it is told to stop; every answer. */
function keepCalling(daemon: Daemon, name: string): () => Promise<readonly Answer[]> {
  const answers: Answer[] = []
  let over = false
  const calling = (async () => {
    while (!over) answers.push(await daemon.invoke(name, {}))
  })()
  return async () => {
    over = true
    await calling
    return answers
  }
}

const killed = ({ requestId }: Answer) => ({
  errorType: 'Runtime.ExitError',
  errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: signal: killed`,
})

t.test('1 GB at 128 MB is out of memory, and nobody else notices', async (t) => {
  const functions = { node: inNode(128), python: inPython(128), neighbour: inNode(128) }
  const daemon = await startWritten(t, functions)
  await daemon.invoke('neighbour', {})
  const stopNeighbour = keepCalling(daemon, 'neighbour')
  for (const language of ['node', 'python']) {
    // Once cold and once warm.
    for (const warm of [false, true]) {
      const how = `${language}, ${warm ? 'warm' : 'cold'}`
      const answer = await daemon.invoke(language, { do: 'hold', mb: 1024 })
      t.equal(answer.status, 200, how)
      t.equal(answer.functionError, 'Unhandled', how)
      t.same(answer.body, killed(answer), how)
      const report = await reportOf(daemon, answer.requestId)
      const { status, errorType, maxMemoryUsedMb } = report
      const said = { status, errorType, maxMemoryUsedMb }
      const expected = { status: 'error', errorType: 'Runtime.OutOfMemory', maxMemoryUsedMb: 128 }
      t.same(said, expected, report.line)
      const next = await daemon.invoke(language, {})
      t.equal(next.functionError, undefined, `${how}: the next call`)
      t.equal(saidBy(next).calls, 1, `${how}: in new processes`)
    }
  }
  const answers = await stopNeighbour()
  t.ok(answers.length > 10, `the neighbour was called all the while: ${answers.length} times`)
  const failures = answers.filter(({ functionError }) => functionError !== undefined)
  t.same(failures, [], 'without a failure')
  t.equal(saidBy(answers.at(-1) as Answer).calls, answers.length + 1, 'in one environment')
})

t.test('what fits into the memory is not killed', async (t) => {
  const daemon = await startWritten(t, { node: inNode(128), python: inPython(128) })
  for (const [language, mb] of [
    ['node', 60],
    ['python', 90],
  ] as const) {
    const answer = await daemon.invoke(language, { do: 'hold', mb })
    t.equal(answer.functionError, undefined, `${mb} MB in ${language}`)
    const { line, status, maxMemoryUsedMb } = await reportOf(daemon, answer.requestId)
    t.equal(status, undefined, line)
    t.ok(maxMemoryUsedMb > mb && maxMemoryUsedMb <= 128, line)
  }
})

// The kernel ends the largest process, there as here; AWS lets a function go on whose child it was.
t.test('a child that runs out of memory dies alone, and its function goes on', async (t) => {
  const daemon = await startWritten(t, { node: inNode(128), python: inPython(128) })
  for (const [language, signal] of [
    ['node', 'SIGKILL'],
    ['python', -9],
  ] as const) {
    await daemon.invoke(language, {})
    const answer = await daemon.invoke(language, { do: 'child', mb: 1024 })
    t.equal(answer.functionError, undefined, `${language} answers`)
    t.equal(saidBy(answer).said, signal, `${language}: its child was killed`)
    t.equal(saidBy(answer).calls, 2, `${language}: the runtime was not`)
    const { line, status, maxMemoryUsedMb } = await reportOf(daemon, answer.requestId)
    t.equal(status, undefined, line)
    t.equal(maxMemoryUsedMb, 128, line)
    const suicide = await daemon.invoke(language, { do: 'die' })
    t.same(suicide.body, killed(suicide))
    const { errorType } = await reportOf(daemon, suicide.requestId)
    t.equal(errorType, 'Runtime.ExitError', 'whoever dies later by its own hand is not')
  }
})

t.test('a function that kills itself is not out of memory', async (t) => {
  const daemon = await startWritten(t, { node: inNode(128), python: inPython(128) })
  for (const language of ['node', 'python']) {
    const dies = async (how: string) => {
      const answer = await daemon.invoke(language, { do: 'die' })
      t.same(answer.body, killed(answer), how)
      const { line, status, errorType, maxMemoryUsedMb } = await reportOf(daemon, answer.requestId)
      t.same({ status, errorType }, { status: 'error', errorType: 'Runtime.ExitError' }, line)
      return maxMemoryUsedMb
    }
    const plausible = (mb: number) => mb >= 10 && mb < 128
    t.ok(plausible(await dies(`${language}, cold`)), 'its memory is told all the same')
    await daemon.invoke(language, {})
    t.ok(plausible(await dies(`${language}, warm`)), 'its memory is told all the same')
    // The same groups have seen a process killed for want of memory by then.
    const answer = await daemon.invoke(language, { do: 'hold', mb: 1024 })
    t.equal((await reportOf(daemon, answer.requestId)).errorType, 'Runtime.OutOfMemory')
    await dies(`${language}, after it had been out of memory`)
  }
})

/** Rss of the runtime as the kernel has it. Megabytes. */
function residentMb(pids: readonly number[]): number {
  const runtimes = pids.filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('/var/runtime/bootstrap'),
  )
  const [pid, ...others] = runtimes
  if (pid === undefined || others.length > 0) throw new Error(`not one runtime: ${runtimes}`)
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  return Number(/^Rss: +(\d+) kB$/m.exec(rollup)?.[1]) / 1024
}

t.test('Max Memory Used is what is resident', async (t) => {
  const daemon = await startWritten(t, { node: inNode(512), python: inPython(512) })
  t.comment('language  allocated  Max Memory Used  resident  difference')
  for (const language of ['node', 'python']) {
    for (const [mb, tolerance] of [
      [0, 0.3],
      [100, 0.1],
    ] as const) {
      const answer = await daemon.invoke(language, mb === 0 ? {} : { do: 'hold', mb })
      const environments = await environmentsAtRest(daemon)
      const { stream } = saidBy(answer)
      const own = environments.find(({ logStreamName }) => logStreamName === stream)
      const resident = residentMb(own?.pids ?? [])
      const { maxMemoryUsedMb } = await reportOf(daemon, answer.requestId)
      const difference = maxMemoryUsedMb / resident - 1
      const figures = [
        language.padEnd(8),
        `${mb} MB`.padStart(9),
        `${maxMemoryUsedMb} MB`.padStart(15),
        `${resident.toFixed(1)} MB`.padStart(8),
        `${(difference * 100).toFixed(1)} %`.padStart(10),
      ]
      t.comment(figures.join('  '))
      t.ok(resident > mb, 'it is really there')
      t.ok(Math.abs(difference) <= tolerance, `${language}, ${mb} MB: within ${tolerance * 100} %`)
    }
  }
})

t.test('files in /tmp are no memory', async (t) => {
  const daemon = await startWritten(t, { writes: inNode(128) })
  const answer = await daemon.invoke('writes', { do: 'write', mb: 300 })
  t.equal(answer.functionError, undefined, 'it writes 300 MB at 128 MB of memory')
  t.ok(Number(saidBy(answer).said) >= 300, 'they are there')
  const report = await reportOf(daemon, answer.requestId)
  t.equal(report.status, undefined, report.line)
  t.ok(report.maxMemoryUsedMb < 100, report.line)
  // Whatever the files hold of the memory is given back when it is needed.
  const holds = await daemon.invoke('writes', { do: 'hold', mb: 50 })
  t.equal(holds.functionError, undefined, 'and there is memory for more')
  t.equal(saidBy(holds).calls, 2, 'in the same environment')
  const next = await reportOf(daemon, holds.requestId)
  t.ok(next.maxMemoryUsedMb > 50 && next.maxMemoryUsedMb < 128, next.line)
})

t.test("one environment's peak is not another's", async (t) => {
  const daemon = await startWritten(t, { node: inNode(512) })
  const [large, small] = await Promise.all([
    daemon.invoke('node', { do: 'hold', mb: 100, waitMs: 1_000 }),
    daemon.invoke('node', { waitMs: 1_000 }),
  ])
  t.ok(saidBy(large).stream !== saidBy(small).stream, 'two environments')
  const peak = async ({ requestId }: Answer): Promise<Report['maxMemoryUsedMb']> =>
    (await reportOf(daemon, requestId)).maxMemoryUsedMb
  t.ok((await peak(large)) > 100, 'the large one')
  t.ok((await peak(small)) < 100, 'the small one beside it')
  for (const { id } of await environmentsAtRest(daemon)) await daemon.admin.act('expire', id)
  const later = await daemon.invoke('node', {})
  t.equal(saidBy(later).calls, 1, 'a third environment')
  t.ok((await peak(later)) < 100, 'it begins at its own')
})
