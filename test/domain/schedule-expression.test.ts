// Which schedule expressions AWS takes, and when they are due: tables.

import fc from 'fast-check'
import t from 'tap'
import {
  type CronSchedule,
  isTimeZone,
  nextFiring,
  parseSchedule,
} from '../../src/domain/schedule-expression.js'

/** The first lines are those recorded on AWS. */
const accepted = [
  'cron(0 18 ? * MON-FRI *)',
  'cron(15 10 ? * 6L 2002-2005)',
  'cron(0 2 ? * SAT#3 *)',
  'cron(0/5 8-17 ? * MON-FRI *)',
  'rate(1 minute)',
  'rate(5 minutes)',
  'rate(1 hour)',
  'rate(12 hours)',
  'rate(1 day)',
  'rate(7 days)',
  'cron(0 10 * * ? *)',
  'cron(15 12 * * ? *)',
  'cron(0 8 1 * ? *)',
  'cron(0/15 * * * ? *)',
  'cron(*/10 * ? * mon-fri *)',
  'cron(0 0 L * ? *)',
  'cron(0 0 LW * ? *)',
  'cron(0 0 15W * ? *)',
  'cron(0 0 ? * L *)',
  'cron(0 0 ? * FRIL *)',
  'cron(0,30 0 1,15 JAN,JUN-AUG ? 2026/2)',
  'cron(0 22-2 * * ? *)',
  'at(2026-11-21T18:00:00)',
]

const rejected = [
  'rate(10 seconds)',
  'rate(1 minutes)',
  'rate(10 minute)',
  'rate(10)',
  'rate()',
  'rate(0 minutes)',
  'rate(-10 minutes)',
  'rate(10 MINUTES)',
  'rate( 10 minutes )',
  ' rate(10 minutes)',
  'rate(10 years)',
  'cron(0 1 * * * *)',
  'cron(7 20 * * NOT *)',
  'cron(71 8 1 * ? *)',
  '',
  'rate 5 minutes',
  'rate(1.5 hours)',
  'rate(99999999999999999 days)',
  'cron(0 10 * * ?)',
  'cron(0 10 * * ? * *)',
  'cron(0 10 ? * ? *)',
  'cron(? 10 * * ? *)',
  'cron(0 24 * * ? *)',
  'cron(0 0 0 * ? *)',
  'cron(0 0 32 * ? *)',
  'cron(0 0 * 13 ? *)',
  'cron(0 0 ? * 0 *)',
  'cron(0 0 ? * 8 *)',
  'cron(0 0 ? * MON#6 *)',
  'cron(0 0 ? * MON#1,MON#3 *)',
  'cron(0 0 1,L * ? *)',
  'cron(0 0 W * ? *)',
  'cron(0/0 0 * * ? *)',
  'cron(0 0 * * ? 1969)',
  'cron(0 0 * * ? 2030-2026)',
  'cron(0-5-9 0 * * ? *)',
  'at(2026-02-30T00:00:00)',
  'at(2026-11-21 18:00:00)',
  'at(2026-11-21T25:00:00)',
]

for (const expression of accepted) {
  t.test(`${expression} is a schedule`, async (t) => {
    t.ok(parseSchedule(expression))
  })
}

for (const expression of rejected) {
  t.test(`${JSON.stringify(expression)} is no schedule`, async (t) => {
    t.equal(parseSchedule(expression), undefined)
  })
}

interface Firing {
  readonly expression: string
  readonly after: string
  /** In order; `never` when nothing more comes. */
  readonly due: readonly string[]
  readonly zone?: string
}

const firings: readonly Firing[] = [
  {
    expression: 'rate(5 minutes)',
    after: '2026-01-01T00:00:00Z',
    due: ['2026-01-01T00:05:00Z', '2026-01-01T00:10:00Z'],
  },
  {
    expression: 'cron(0 18 ? * MON-FRI *)',
    after: '2026-11-20T17:59:59Z',
    due: ['2026-11-20T18:00:00Z', '2026-11-23T18:00:00Z'],
  },
  {
    expression: 'cron(15 10 ? * 6L 2002-2005)',
    after: '2005-11-01T00:00:00Z',
    due: ['2005-11-25T10:15:00Z', '2005-12-30T10:15:00Z', 'never'],
  },
  {
    expression: 'cron(0 2 ? * SAT#3 *)',
    after: '2026-11-21T02:00:00Z',
    due: ['2026-12-19T02:00:00Z', '2027-01-16T02:00:00Z'],
  },
  {
    expression: 'cron(0/5 8-17 ? * MON-FRI *)',
    after: '2026-11-20T17:50:00Z',
    due: ['2026-11-20T17:55:00Z', '2026-11-23T08:00:00Z', '2026-11-23T08:05:00Z'],
  },
  {
    expression: 'cron(7/20 * * * ? *)',
    after: '2026-01-01T00:00:00.500Z',
    due: ['2026-01-01T00:07:00Z', '2026-01-01T00:27:00Z', '2026-01-01T00:47:00Z'],
  },
  {
    expression: 'cron(0 0 L * ? *)',
    after: '2028-01-31T00:00:00Z',
    due: ['2028-02-29T00:00:00Z', '2028-03-31T00:00:00Z'],
  },
  {
    expression: 'cron(0 0 LW * ? *)',
    after: '2026-01-01T00:00:00Z',
    due: ['2026-01-30T00:00:00Z', '2026-02-27T00:00:00Z'],
  },
  {
    // 1 August 2026 is a Saturday, 31 May 2026 a Sunday.
    expression: 'cron(0 0 1W * ? *)',
    after: '2026-07-31T00:00:00Z',
    due: ['2026-08-03T00:00:00Z', '2026-09-01T00:00:00Z'],
  },
  {
    expression: 'cron(0 0 31W * ? *)',
    after: '2026-04-01T00:00:00Z',
    due: ['2026-05-29T00:00:00Z', '2026-07-31T00:00:00Z'],
  },
  {
    expression: 'cron(0 0 15W 11 ? *)',
    after: '2026-01-01T00:00:00Z',
    due: ['2026-11-16T00:00:00Z', '2027-11-15T00:00:00Z'],
  },
  {
    expression: 'cron(0 12 ? * 1 *)',
    after: '2026-11-21T00:00:00Z',
    due: ['2026-11-22T12:00:00Z', '2026-11-29T12:00:00Z'],
  },
  {
    expression: 'cron(0 0 29 2 ? *)',
    after: '2026-01-01T00:00:00Z',
    due: ['2028-02-29T00:00:00Z', '2032-02-29T00:00:00Z'],
  },
  {
    expression: 'cron(0 0 30 2 ? *)',
    after: '2026-01-01T00:00:00Z',
    due: ['never'],
  },
  {
    expression: 'cron(0 22-2/2 * * ? *)',
    after: '2026-01-01T01:00:00Z',
    due: ['2026-01-01T02:00:00Z', '2026-01-01T22:00:00Z', '2026-01-02T00:00:00Z'],
  },
  {
    expression: 'cron(59 23 31 12 ? *)',
    after: '2026-12-31T23:58:00Z',
    due: ['2026-12-31T23:59:00Z', '2027-12-31T23:59:00Z'],
  },
  {
    expression: 'cron(0 9 * * ? *)',
    zone: 'America/New_York',
    after: '2026-03-06T20:00:00Z',
    due: ['2026-03-07T14:00:00Z', '2026-03-08T13:00:00Z'],
  },
  {
    // Clocks go from 02:00 to 03:00 on 29 March 2026.
    expression: 'cron(30 2 * * ? *)',
    zone: 'Europe/Berlin',
    after: '2026-03-28T02:00:00Z',
    due: ['2026-03-30T00:30:00Z'],
  },
  {
    // Clocks go from 03:00 back to 02:00 on 25 October 2026.
    expression: 'cron(30 2 * * ? *)',
    zone: 'Europe/Berlin',
    after: '2026-10-24T12:00:00Z',
    due: ['2026-10-25T00:30:00Z', '2026-10-26T01:30:00Z'],
  },
  {
    // A quarter of an hour off every full offset, and a new year ahead of UTC.
    expression: 'cron(0 0 1 1 ? *)',
    zone: 'Asia/Kathmandu',
    after: '2026-06-01T00:00:00Z',
    due: ['2026-12-31T18:15:00Z'],
  },
  {
    expression: 'at(2026-11-21T18:00:00)',
    after: '2026-11-21T17:59:59Z',
    due: ['2026-11-21T18:00:00Z', 'never'],
  },
  {
    expression: 'at(2026-07-01T18:00:00)',
    zone: 'Asia/Tokyo',
    after: '2026-06-01T00:00:00Z',
    due: ['2026-07-01T09:00:00Z', 'never'],
  },
  {
    expression: 'at(2026-03-29T02:30:00)',
    zone: 'Europe/Berlin',
    after: '2026-01-01T00:00:00Z',
    due: ['never'],
  },
]

for (const { expression, after, due, zone } of firings) {
  t.test(`${expression} after ${after} in ${zone ?? 'UTC'} is due as listed`, async (t) => {
    const schedule = parseSchedule(expression)
    if (schedule === undefined) throw new Error(`${expression} was not understood`)
    let at: number | undefined = Date.parse(after)
    for (const wanted of due) {
      at = nextFiring(schedule, at ?? Number.NaN, zone)
      const told = at === undefined ? 'never' : new Date(at).toISOString()
      t.equal(told, wanted === 'never' ? wanted : wanted.replace('Z', '.000Z'))
    }
  })
}

t.test('time zones are names of the IANA database', async (t) => {
  const asked = [
    'UTC',
    'Europe/Berlin',
    'America/Argentina/Buenos_Aires',
    'Mars/Olympus',
    '+02:00',
    '',
  ]
  t.same(asked.map(isTimeZone), [true, true, true, false, false, false])
})

const minuteMs = 60_000

/** Whether a minute of UTC is one of the schedule's: the slow way, without any search. */
function isDue(cron: CronSchedule, atMs: number): boolean {
  const at = new Date(atMs)
  const { days } = cron
  const isDay =
    days.by === 'day-of-month'
      ? days.days.includes(at.getUTCDate())
      : days.by === 'day-of-week' && days.days.includes(at.getUTCDay() + 1)
  return (
    isDay &&
    cron.minutes.includes(at.getUTCMinutes()) &&
    cron.hours.includes(at.getUTCHours()) &&
    cron.months.includes(at.getUTCMonth() + 1)
  )
}

const number = (min: number, max: number) => fc.integer({ min, max }).map(String)
const field = (min: number, max: number) =>
  fc.oneof(
    fc.constant('*'),
    number(min, max),
    fc.tuple(number(min, max), number(min, max)).map(([from, to]) => `${from}-${to}`),
    fc.tuple(number(min, max), number(1, 20)).map(([from, step]) => `${from}/${step}`),
    fc.array(number(min, max), { minLength: 2, maxLength: 4 }).map((list) => list.join(',')),
  )
const expressions = fc
  .tuple(field(0, 59), field(0, 23), fc.boolean(), field(1, 28), field(1, 7))
  .map(([minute, hour, byDate, date, day]) =>
    byDate ? `cron(${minute} ${hour} ${date} * ? *)` : `cron(${minute} ${hour} ? * ${day} *)`,
  )

t.test('no minute that matches is passed over, in whatever expression', async (t) => {
  const start = Date.UTC(2026, 0, 1)
  const result = fc.check(
    fc.property(expressions, fc.nat(3 * 365 * 24 * 60 * 60), (expression, seconds) => {
      const cron = parseSchedule(expression)
      if (cron?.is !== 'cron') throw new Error(`${expression} was not understood`)
      const afterMs = start + seconds * 1000
      let slow = Math.floor(afterMs / minuteMs) * minuteMs + minuteMs
      while (!isDue(cron, slow)) slow += minuteMs
      return nextFiring(cron, afterMs) === slow
    }),
    { numRuns: 300 },
  )
  t.equal(result.failed, false, JSON.stringify(result.counterexample))
})
