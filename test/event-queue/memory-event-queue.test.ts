// Asynchronous invocations: run at once, retried after one and two minutes, throttled with back-off, given up by age.

import t from 'tap'
import type { Invocation, Outcome } from '../../src/domain/invocation.js'
import { emulated, functionArn, generation } from '../support/emulated.js'

const fails = (): Outcome => ({ is: 'fault', error: { errorType: 'Error', errorMessage: 'no' } })

const event = {
  functionArn,
  invokedArn: functionArn,
  version: '$LATEST',
  generation,
  payload: Buffer.from('{"n":1}'),
}

t.test(
  'an Event invocation that fails runs three times, at 0, 60 and 180 s of the virtual clock',
  async (t) => {
    const { clock, events, host, payloads } = emulated(fails)
    const startMs = clock.nowMs()
    const ranAtMs: number[] = []
    const requestId = await events.put(event)
    await clock.settled()
    ranAtMs.push(...host.delivered.slice(ranAtMs.length).map(() => clock.nowMs() - startMs))
    for (let second = 1; second <= 600; second += 1) {
      await clock.advance(1_000)
      for (const _ of host.delivered.slice(ranAtMs.length)) ranAtMs.push(clock.nowMs() - startMs)
    }
    const seconds = ranAtMs.map((ms) => Math.round(ms / 1000))
    t.same(seconds, [0, 60, 180])
    t.same(
      host.delivered.map((invocation: Invocation) => [invocation.requestId, invocation.attempt]),
      [
        [requestId, 1],
        [requestId, 2],
        [requestId, 3],
      ],
      'the request id stays, the attempt counts up',
    )
    t.equal(new Set(host.delivered.map(({ invocationId }) => invocationId)).size, 3)
    t.equal(events.depth(), 0, 'nothing is left in the queue')
    t.equal(payloads.size, 0, 'no payload is kept')
  },
)

t.test('one that succeeds at the second try is not run a third time', async (t) => {
  const { clock, events, host } = emulated((invocation, payloads) =>
    invocation.attempt === 1
      ? fails()
      : {
          is: 'response',
          payload: payloads.put(`${invocation.invocationId}:answer`, Buffer.from('1')),
          contentType: 'application/json',
        },
  )
  await events.put(event)
  await clock.advance(600_000)
  t.equal(host.delivered.length, 2)
  t.equal(events.depth(), 0)
})

t.test('a throttled event waits longer each time and is dropped after six hours', async (t) => {
  const { clock, events, host, runner, journal } = emulated(fails)
  runner.post({ on: 'limits', account: 0, reserved: {} })
  const retries: number[] = []
  const dropped: unknown[] = []
  journal.listen((entry) => {
    if (entry.kind === 'event.retry') retries.push((entry.nextAtMs as number) - entry.atMs)
    if (entry.kind === 'event.dropped') dropped.push(entry.reason)
  })
  await events.put(event)
  await clock.advance(7 * 3_600_000)
  t.equal(host.delivered.length, 0, 'it never ran')
  t.same(
    retries.slice(0, 10).map(Math.round),
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 300].map((s) => s * 1000),
  )
  t.same(dropped, ['it is too old'])
  t.equal(events.depth(), 0)
})

t.test(
  'a throttled event runs once there is room, and its throttling does not count as a try',
  async (t) => {
    const { clock, events, host, runner } = emulated(fails)
    runner.post({ on: 'limits', account: 0, reserved: {} })
    await events.put(event)
    await clock.advance(5_000)
    runner.post({ on: 'limits', account: 10, reserved: {} })
    await clock.advance(600_000)
    t.same(
      host.delivered.map(({ attempt }) => attempt),
      [1, 2, 3],
    )
  },
)
