// The Telemetry API and the Logs API of real environments: order, forms, freezing, timeouts, storms, slow subscribers.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { type RunningEmulator, startWith } from '../support/in-process.js'
import { type Asked, freePort, functionWithAgent, type Record } from './telemetry-agent.js'

interface Shown {
  readonly got: readonly Record[]
  readonly answered: readonly [number, unknown]
  readonly again?: readonly [number, unknown]
}

async function ask(emu: RunningEmulator, asked: Asked): Promise<Shown & { requestId: string }> {
  const { text, requestId, functionError } = await emu.invoke('f', asked)
  if (functionError !== undefined) throw new Error(text)
  return { ...(JSON.parse(text) as Shown), requestId }
}

function names(got: readonly Record[]): string[] {
  return got.map(({ type, record }) => (typeof record === 'string' ? record : type))
}

t.test('a cold invocation in order; the next one brings the end of the last', async (t) => {
  const emu = await startWith(t, { f: functionWithAgent({ port: await freePort() }) })
  const first = await ask(emu, { write: 'line 1', waitFor: 'line 1' })
  t.same(first.answered, [200, 'OK'])
  t.same(names(first.got), [
    'platform.initStart',
    'platform.telemetrySubscription',
    'platform.initRuntimeDone',
    ...names(first.got).filter((name) => name === 'platform.extension'),
    'platform.initReport',
    'platform.start',
    'line 1\n',
  ])
  const second = await ask(emu, { write: 'line 2', waitFor: 'line 2' })
  t.same(names(second.got), [
    'platform.runtimeDone',
    'platform.report',
    'platform.start',
    'line 2\n',
  ])
  const [done, report, start] = second.got
  t.match(done?.record, { requestId: first.requestId, status: 'success' })
  t.match(report?.record, { requestId: first.requestId, metrics: { memorySizeMB: 1769 } })
  t.match(start?.record, { requestId: second.requestId })
  for (const { time } of [...first.got, ...second.got])
    t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  t.ok(
    emu.logs.some(
      ({ message }) =>
        message ===
        'TELEMETRY\tName: inner\tState: Subscribed\tTypes: [Platform, Function, Extension]',
    ),
  )
})

t.test('nothing goes out while the environment is frozen', async (t) => {
  const emu = await startWith(t, { f: functionWithAgent({ port: await freePort() }) })
  await ask(emu, {})
  const frozen = () => emu.emulator.environments()
  while ((await frozen()).some(({ suspension }) => suspension !== 'frozen'))
    await new Promise((resolve) => setImmediate(resolve))
  const { got } = await ask(emu, { waitFor: 'platform.report' })
  t.ok(names(got).includes('platform.report'))
})

t.test('after the init nobody can subscribe', async (t) => {
  const emu = await startWith(t, { f: functionWithAgent({ port: await freePort() }) })
  const { again } = await ask(emu, { subscribe: true })
  t.same(again, [
    403,
    {
      errorMessage: 'Telemetry API subscription is closed',
      errorType: 'Telemetry.SubscriptionClosed',
    },
  ])
})

t.test('the Logs API, over TCP', async (t) => {
  const wish = { port: await freePort(), protocol: 'TCP', api: 'logs' } as const
  const emu = await startWith(t, { f: functionWithAgent({ ...wish, schemaVersion: '2021-03-18' }) })
  const first = await ask(emu, { write: 'line 1', waitFor: 'line 1' })
  t.same(
    names(first.got).filter((name) => name !== 'platform.extension'),
    ['platform.logsSubscription', 'platform.start', 'line 1\n'],
  )
  const second = await ask(emu, { write: 'line 2', waitFor: 'line 2' })
  t.same(names(second.got), [
    'platform.runtimeDone',
    'platform.end',
    'platform.report',
    'platform.start',
    'line 2\n',
  ])
  t.same(second.got[0]?.record, { requestId: first.requestId, status: 'success' })
})

t.test('with the JSON format lines are objects, and levels hide no event', async (t) => {
  const logging = { format: 'JSON', systemLevel: 'WARN' }
  const emu = await startWith(t, {
    f: functionWithAgent({ port: await freePort() }, { logging }),
  })
  const { got } = await ask(emu, { write: '{"level":"ERROR","n":#}', waitFor: '"n":0' })
  t.ok(got.some(({ type }) => type === 'platform.initStart'))
  t.same(got.at(-1)?.record, { level: 'ERROR', n: 0 })
  t.notOk(emu.logs.some(({ message }) => message.includes('platform.')))
})

t.test('a timeout is told in the next life of the environment', async (t) => {
  const emu = await startWith(t, {
    f: functionWithAgent({ port: await freePort() }, { timeoutSeconds: 1 }),
  })
  await ask(emu, { waitFor: 'platform.start' })
  const late = await emu.invoke('f', { sleep: true })
  t.equal(late.functionError, 'Unhandled')
  const { got } = await ask(emu, { write: 'again', waitFor: 'again' })
  const ofLate = got.filter(
    ({ record }) => typeof record === 'object' && record.requestId === late.requestId,
  )
  t.match(
    ofLate.map(({ type, record }) => [type, (record as { status?: string }).status]),
    [
      ['platform.runtimeDone', 'timeout'],
      ['platform.report', 'timeout'],
    ],
  )
  const subscription = got.find(({ type }) => type === 'platform.telemetrySubscription')
  t.match(subscription?.record, { state: 'Already subscribed' })
})

/** What this process, which is the daemon too, holds of memory: without garbage. */
function usedMb(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const { heapUsed, external } = process.memoryUsage()
  return (heapUsed + external) / 2 ** 20
}

t.test('a storm that nobody takes is dropped and told, and holds nothing', async (t) => {
  const emu = await startWith(t, {
    f: functionWithAgent({ port: await freePort() }, { timeoutSeconds: 60 }),
  })
  await ask(emu, { waitFor: 'platform.start' })
  const line = `#${'x'.repeat(2_000)}`
  const beforeMb = usedMb()
  const { requestId } = await ask(emu, { deaf: true, write: line, times: 20_000 })
  // The test's own.
  emu.logs.length = 0
  const grownMb = usedMb() - beforeMb
  // Of 40 MB the log keeps 6, the subscriber two batches of 0.25.
  t.ok(grownMb < 12, `${grownMb.toFixed(1)} MB more`)
  const { got } = await ask(emu, { deaf: false, waitFor: 'platform.logsDropped' })
  const dropped = got.find(({ type }) => type === 'platform.logsDropped')?.record
  const { droppedRecords, droppedBytes } = dropped as { [name: string]: number }
  t.ok((droppedRecords ?? 0) > 15_000, `${droppedRecords} dropped`)
  t.ok((droppedBytes ?? 0) > 2_000 * (droppedRecords ?? 0), `${droppedBytes} bytes`)
  const kept = got.filter(({ type }) => type === 'function').length
  t.ok(kept >= 100, `${kept} lines came through`)
  t.ok(requestId !== undefined)
})
