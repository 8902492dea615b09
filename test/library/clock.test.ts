// The virtual clock of the library with real functions: retries, expiry and timeouts, in no time.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type EmulatorOptions, startEmulator } from '../../src/index.js'
import { temporaryFolder, type WrittenFunction, writeProject } from '../support/in-process.js'
import { mode } from '../support/modes.js'

t.setTimeout(400_000)

const minute = 60_000
const hour = 60 * minute
const startAtMs = Date.UTC(2026, 10, 21, 10)

const functions: Readonly<Record<string, WrittenFunction>> = {
  hello: {
    files: {
      'index.js': `exports.handler = async (event, context) => ({ leftMs: context.getRemainingTimeInMillis() })`,
    },
  },
  fails: { files: { 'index.js': `exports.handler = async () => { throw new Error('always') }` } },
  sleeper: {
    timeoutSeconds: 1,
    files: { 'index.js': 'exports.handler = () => new Promise((r) => setTimeout(r, 60_000))' },
  },
}

async function start(t: Test, options: EmulatorOptions = {}) {
  const folder = temporaryFolder(t)
  writeProject(folder, functions)
  const freeze = mode.freeze === undefined ? {} : { freeze: mode.freeze }
  const clock = { clock: 'virtual', startAtMs } as const
  const emulator = await startEmulator({ path: folder, ...freeze, ...clock, ...options })
  t.teardown(() => emulator.stop())
  return emulator
}

t.test('time begins where it was told to, and stands still while nothing runs', async (t) => {
  const emulator = await start(t)
  t.equal(emulator.clock.mode, 'virtual')
  t.equal(emulator.clock.nowMs(), startAtMs)
  await emulator.invoke('hello')
  const ranMs = emulator.clock.nowMs() - startAtMs
  t.ok(ranMs > 0 && ranMs < 10_000, `it flowed ${ranMs} ms while the function ran`)
  const [first] = emulator.logs('hello')
  t.ok((first?.timeMs ?? 0) >= startAtMs && (first?.timeMs ?? 0) <= startAtMs + ranMs)
})

t.test('a failing event is tried again after its delays, and then given up', async (t) => {
  const emulator = await start(t)
  const { requestId } = await emulator.invoke('fails', {}, { type: 'Event' })
  await emulator.waitFor('event.retry')
  const { invocationsEnded, timersFired, nowMs } = await emulator.clock.advance(hour)
  t.equal(invocationsEnded, 2)
  t.ok(timersFired >= 2)
  t.ok(nowMs >= startAtMs + hour)
  const attempts = emulator
    .journal()
    .filter(({ kind }) => kind === 'invocation.ended')
    .map((record) => [
      record.requestId,
      record.attempt,
      Math.floor((record.atMs - startAtMs) / minute),
    ])
  t.same(attempts, [
    [requestId, 1, 0],
    [requestId, 2, 1],
    [requestId, 3, 3],
  ])
  await emulator.waitFor('event.dropped', (record) => record.requestId === requestId)
})

t.test('an environment that nobody needs expires', async (t) => {
  const emulator = await start(t)
  await emulator.invoke('hello')
  await emulator.clock.advance(minute)
  t.equal(emulator.environments().length, 1)
  await emulator.clock.advance(24 * hour)
  t.same(emulator.environments(), [])
  const [gone] = emulator
    .journal()
    .filter(({ kind, to }) => kind === 'environment.phase' && to === 'gone')
  t.ok((gone?.atMs ?? 0) > startAtMs + minute)
})

t.test('a function has its own time left, whatever the clock says', async (t) => {
  const emulator = await start(t)
  await emulator.clock.advance(1_000 * hour)
  const { payload } = await emulator.invoke('hello')
  const { leftMs } = payload as { readonly leftMs: number }
  t.ok(leftMs > 0 && leftMs <= 3_000, `${leftMs} ms`)
  t.match(await emulator.invoke('sleeper'), { report: { status: 'timeout' } })
})

const template = `
Transform: AWS::Serverless-2016-10-31
Resources:
  Tick:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: ./tick
      FunctionName: tick
      Events:
        Often:
          Type: Schedule
          Properties: { Schedule: rate(5 minutes), Name: often, Input: '{"by":"schedule"}' }
        Nightly:
          Type: Schedule
          Properties: { Schedule: cron(0 2 * * ? *), Name: nightly }
`

t.test('a day of schedules runs real functions in seconds', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'tick'))
  writeFileSync(
    join(folder, 'tick/index.js'),
    'exports.handler = async (event) => console.log(event.by ?? event.resources[0], event.time)',
  )
  writeFileSync(join(folder, 'template.yaml'), template)
  const freeze = mode.freeze === undefined ? {} : { freeze: mode.freeze }
  const emulator = await startEmulator({ path: folder, ...freeze, clock: 'virtual', startAtMs })
  t.teardown(() => emulator.stop())
  const { invocationsEnded } = await emulator.clock.advance(2 * hour)
  t.equal(invocationsEnded, 24)
  const fired = emulator.journal().filter(({ kind }) => kind === 'schedule.fired')
  t.equal(fired.length, 24)
  t.match(fired[0], { schedule: 'often', functionName: 'tick' })
  t.ok(emulator.logs('tick').some(({ message }) => message.endsWith('schedule undefined')))
  await emulator.clock.advance(15 * hour)
  const arn = 'arn:aws:events:us-east-1:000000000000:rule/nightly'
  const nightly = emulator.logs('tick').filter(({ message }) => message.includes(arn))
  t.equal(nightly.length, 1)
  t.match(nightly[0]?.message, '2026-11-22T02:00:00Z')
})

t.test('two advances run one after the other', async (t) => {
  const emulator = await start(t)
  const [first, second] = await Promise.all([
    emulator.clock.advance(minute),
    emulator.clock.advance(minute),
  ])
  t.equal(first.nowMs, startAtMs + minute)
  t.equal(second.nowMs, startAtMs + 2 * minute)
})

t.test('the real clock is not advanced, and none goes back', async (t) => {
  const virtual = await start(t)
  await t.rejects(virtual.clock.advance(-1), { code: 'EMU_LIBRARY_USE', message: /-1/ })
  const real = await start(t, { clock: 'real' })
  await t.rejects(real.clock.advance(1), {
    code: 'EMU_LIBRARY_USE',
    hint: /clock: 'virtual'/,
  })
})
