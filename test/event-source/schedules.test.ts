// Schedules on a virtual clock: when they fire, what the function gets, and what a reload changes.

import t, { type Test } from 'tap'
import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import type { ScheduleDefinition } from '../../src/domain/api.js'
import type { RequestId } from '../../src/domain/brand.js'
import { Schedules } from '../../src/event-source/schedules.js'
import { Journal } from '../../src/journal/journal.js'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** Sunday, 1 November 2026, twelve seconds after midnight UTC. */
const startMs = Date.UTC(2026, 10, 1, 0, 0, 12)

const nightly: ScheduleDefinition = {
  logicalId: 'ReportNightly',
  name: 'app-ReportNightly',
  functionName: 'report',
  expression: 'cron(30 2 * * ? *)',
  enabled: true,
  kind: 'rule',
}

interface Posted {
  readonly functionName: string
  readonly atMs: number
  readonly payload: string
}

function arrange(t: Test, functions: readonly string[] = ['report']) {
  const kernel = new SimulatedKernel(0)
  const clock = new EmulatorClock({ mode: 'virtual', kernel, startMs })
  const journal = new Journal(clock)
  const posted: Posted[] = []
  let ids = 0
  const schedules = new Schedules({
    clock,
    journal,
    accountId: '123456789012',
    region: 'eu-west-1',
    newId: () => {
      ids += 1
      return `00000000-0000-4000-8000-${String(ids).padStart(12, '0')}`
    },
    post: async (functionName, payload) => {
      posted.push({ functionName, atMs: clock.nowMs(), payload: payload.toString() })
      return functions.includes(functionName)
        ? (`request-${posted.length}` as RequestId)
        : undefined
    },
  })
  t.teardown(() => {
    schedules.close()
    clock.close()
  })
  const advance = async (byMs: number) => {
    const done = clock.advance(byMs)
    let ended = false
    void done.finally(() => {
      ended = true
    })
    while (!ended) {
      kernel.elapse(kernel.untilNextMs() ?? 0)
      await null
    }
    return done
  }
  const times = () => posted.map(({ atMs }) => new Date(atMs).toISOString())
  return { clock, journal, schedules, posted, advance, times }
}

t.test('a month of a cron expression fires once a day, at its minute', async (t) => {
  const { schedules, posted, advance, times } = arrange(t)
  schedules.set([nightly])
  const { timersFired } = await advance(30 * day)
  t.equal(timersFired, 30)
  t.same(
    times(),
    Array.from({ length: 30 }, (_, index) => {
      return `2026-11-${String(index + 1).padStart(2, '0')}T02:30:00.000Z`
    }),
  )
  t.ok(posted.every(({ functionName }) => functionName === 'report'))
})

t.test('a rate fires first one period after it was set, and keeps its beat', async (t) => {
  const { schedules, advance, times } = arrange(t)
  schedules.set([{ ...nightly, expression: 'rate(20 minutes)' }])
  await advance(20 * minute - 1)
  t.same(times(), [])
  await advance(41 * minute)
  t.same(times(), [
    '2026-11-01T00:20:12.000Z',
    '2026-11-01T00:40:12.000Z',
    '2026-11-01T01:00:12.000Z',
  ])
})

t.test('the function gets the event of an EventBridge rule', async (t) => {
  const { schedules, posted, advance } = arrange(t)
  schedules.set([nightly])
  await advance(day)
  const event = {
    version: '0',
    id: '00000000-0000-4000-8000-000000000001',
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: '123456789012',
    time: '2026-11-01T02:30:00Z',
    region: 'eu-west-1',
    resources: ['arn:aws:events:eu-west-1:123456789012:rule/app-ReportNightly'],
    detail: {},
  }
  t.equal(posted[0]?.payload, JSON.stringify(event), 'in this order of members')
})

t.test('an input replaces the event, to the letter', async (t) => {
  const { schedules, posted, advance } = arrange(t)
  const input = '{"b": 1,  "a": "<aws.scheduler.schedule-arn>"}'
  schedules.set([{ ...nightly, input }])
  await advance(day)
  t.equal(posted[0]?.payload, input)
})

t.test('a scheduler fills in its attributes and has an event of its own', async (t) => {
  const { schedules, posted, advance } = arrange(t)
  const input = '["<aws.scheduler.schedule-arn>","<aws.scheduler.scheduled-time>","<aws.other>"]'
  schedules.set([
    { ...nightly, kind: 'scheduler', input },
    { ...nightly, kind: 'scheduler', logicalId: 'Plain', name: 'plain' },
  ])
  await advance(day)
  const arn = 'arn:aws:scheduler:eu-west-1:123456789012:schedule/default/app-ReportNightly'
  t.equal(posted[0]?.payload, `["${arn}","2026-11-01T02:30:00Z","<aws.other>"]`)
  t.match(JSON.parse(posted[1]?.payload ?? ''), {
    source: 'aws.scheduler',
    resources: ['arn:aws:scheduler:eu-west-1:123456789012:schedule/default/plain'],
    detail: '{}',
  })
})

t.test('a scheduler goes by the clocks of its time zone', async (t) => {
  const { schedules, advance, times } = arrange(t)
  // On this day the clocks of New York go back from 02:00 to 01:00.
  schedules.set([{ ...nightly, kind: 'scheduler', timeZone: 'America/New_York' }])
  await advance(2 * day)
  t.same(times(), ['2026-11-01T07:30:00.000Z', '2026-11-02T07:30:00.000Z'])
})

t.test('at fires once, and never when it has passed', async (t) => {
  const { schedules, advance, times } = arrange(t)
  const at = (logicalId: string, time: string): ScheduleDefinition => ({
    ...nightly,
    kind: 'scheduler',
    logicalId,
    expression: `at(${time})`,
  })
  schedules.set([at('Past', '2026-10-31T23:00:00'), at('Soon', '2026-11-01T05:00:00')])
  await advance(400 * day)
  t.same(times(), ['2026-11-01T05:00:00.000Z'])
  t.same(schedules.upcoming(), [
    { logicalId: 'Past', nextAtMs: undefined },
    { logicalId: 'Soon', nextAtMs: undefined },
  ])
})

t.test('a reload leaves the next firing of what did not change', async (t) => {
  const { schedules, posted, advance, times } = arrange(t, ['report', 'other'])
  const rate = { ...nightly, expression: 'rate(1 hour)' }
  schedules.set([rate])
  await advance(50 * minute)
  schedules.set([{ ...rate, functionName: 'other', input: '"new"' }])
  await advance(10 * minute)
  t.same(times(), ['2026-11-01T01:00:12.000Z'])
  t.match(posted[0], { functionName: 'other', payload: '"new"' }, 'with what is new about it')
})

t.test('a reload with another expression begins again', async (t) => {
  const { schedules, advance, times } = arrange(t)
  schedules.set([{ ...nightly, expression: 'rate(1 hour)' }])
  await advance(50 * minute)
  schedules.set([{ ...nightly, expression: 'rate(2 hours)' }])
  await advance(2 * hour)
  t.same(times(), ['2026-11-01T02:50:12.000Z'])
})

t.test('what is gone, disabled or closed fires no more', async (t) => {
  const { schedules, posted, advance } = arrange(t)
  schedules.set([nightly, { ...nightly, logicalId: 'Other' }])
  schedules.set([{ ...nightly, enabled: false }])
  await advance(3 * day)
  t.equal(posted.length, 0)
  schedules.set([nightly])
  await advance(day)
  t.equal(posted.length, 1)
  schedules.close()
  await advance(3 * day)
  t.equal(posted.length, 1)
})

t.test('the journal says what was fired, and what found no function', async (t) => {
  const { schedules, journal, advance } = arrange(t)
  schedules.set([nightly, { ...nightly, logicalId: 'Lost', name: 'lost', functionName: 'nobody' }])
  await advance(day)
  t.match(journal.tail(10), [
    {
      kind: 'schedule.fired',
      schedule: 'app-ReportNightly',
      functionName: 'report',
      requestId: 'request-1',
      dueMs: Date.UTC(2026, 10, 1, 2, 30),
    },
    { kind: 'schedule.missed', schedule: 'lost', functionName: 'nobody' },
  ])
})

t.test(
  'after a sleep of the machine a schedule fires once, and a rate keeps its beat',
  async (t) => {
    const kernel = new SimulatedKernel(startMs)
    const clock = new EmulatorClock({ mode: 'real', kernel })
    t.teardown(() => clock.close())
    const due: number[] = []
    const schedules = new Schedules({
      clock,
      journal: new Journal(clock),
      accountId: '123456789012',
      region: 'eu-west-1',
      newId: () => 'id',
      post: async (_, payload) => {
        due.push(Date.parse(JSON.parse(payload.toString()).time))
        return undefined
      },
    })
    schedules.set([{ ...nightly, expression: 'rate(10 minutes)' }])
    sleepThrough(kernel, 35 * minute)
    t.same(due, [startMs + 10 * minute])
    t.same(schedules.upcoming(), [{ logicalId: 'ReportNightly', nextAtMs: startMs + 40 * minute }])
  },
)

/** Time passes and no timer runs meanwhile: whatever was due runs when it is over. */
function sleepThrough(kernel: SimulatedKernel, durationMs: number): void {
  const { nowMs, monotonicMs } = kernel
  const untilMs = kernel.nowMs() + durationMs
  kernel.nowMs = () => untilMs as ReturnType<typeof nowMs>
  kernel.monotonicMs = () => untilMs
  kernel.elapse(kernel.untilNextMs() ?? 0)
  kernel.nowMs = nowMs
  kernel.monotonicMs = monotonicMs
}
