// The schedule expressions of EventBridge and its Scheduler: rate(…), cron(…) and at(…), read and reckoned with; no timers.

/** What an expression says; made by `parseSchedule`. */
export type Schedule = RateSchedule | CronSchedule | AtSchedule

export interface RateSchedule {
  readonly is: 'rate'
  readonly everyMs: number
}

export interface CronSchedule {
  readonly is: 'cron'
  /** Sorted, as all lists here. */
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  readonly days: Days
  /** 1 to 12. */
  readonly months: readonly number[]
  readonly years: readonly number[]
}

export interface AtSchedule {
  readonly is: 'at'
  /** Wall-clock time, as if it were UTC: the time zone comes with the schedule, not with the expression. */
  readonly localMs: number
}

/** Which days of a month: from the one of the two day fields that is not `?`. Days of the week are 1 (Sunday) to 7. */
export type Days =
  | { readonly by: 'day-of-month'; readonly days: readonly number[] }
  | { readonly by: 'last-day' }
  | { readonly by: 'last-workday' }
  /** The workday closest to that day, in the same month. */
  | { readonly by: 'closest-workday'; readonly day: number }
  | { readonly by: 'day-of-week'; readonly days: readonly number[] }
  | { readonly by: 'last-of-week'; readonly dayOfWeek: number }
  | { readonly by: 'nth-of-week'; readonly dayOfWeek: number; readonly nth: number }

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

const unitMs: Readonly<Record<string, number>> = { minute: minuteMs, hour: hourMs, day: dayMs }

/**
 * The schedule that an expression means; undefined when AWS would refuse it.
 * Source: EventBridge user guide, "Setting a schedule pattern", and the lists of accepted and rejected expressions that were
 * recorded on AWS. Where both are silent (ranges that wrap around, `/` in the day of the week), what Quartz takes is taken.
 */
export function parseSchedule(expression: string): Schedule | undefined {
  const parts = /^(rate|cron|at)\(([^()]*)\)$/.exec(expression)
  if (parts === null) return undefined
  const [, kind, inside = ''] = parts
  if (kind === 'rate') return parseRate(inside)
  return kind === 'cron' ? parseCron(inside) : parseAt(inside)
}

/**
 * When a schedule is due next, in epoch milliseconds, strictly after `afterMs`; undefined: never again. A rate counts
 * from `afterMs`: give the time of its creation, then each due time. A time that the clocks skip in `timeZone` is
 * left out, one that they pass twice counts once. Source: EventBridge Scheduler user guide, "Daylight savings time".
 * @param timeZone A name of the IANA database that `isTimeZone` knows; default UTC.
 * @throws RangeError for an unknown time zone.
 */
export function nextFiring(
  schedule: Schedule,
  afterMs: number,
  timeZone = 'UTC',
): number | undefined {
  switch (schedule.is) {
    case 'rate':
      return afterMs + schedule.everyMs
    case 'at': {
      const atMs = instantOf(schedule.localMs, timeZone)
      return atMs !== undefined && atMs > afterMs ? atMs : undefined
    }
    case 'cron':
      return nextOfCron(schedule, afterMs, timeZone)
  }
}

/** Whether this program knows the time zone. */
export function isTimeZone(name: string): boolean {
  // Node also takes offsets such as +02:00, which Scheduler does not know.
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    offsetMs(0, name)
    return true
  } catch {
    return false
  }
}

function parseRate(inside: string): RateSchedule | undefined {
  const parts = /^([1-9]\d*) (minute|hour|day)(s?)$/.exec(inside)
  if (parts === null) return undefined
  const count = Number(parts[1])
  const isPlural = parts[3] === 's'
  const everyMs = count * (unitMs[parts[2] ?? ''] ?? Number.NaN)
  return isPlural !== (count === 1) && Number.isSafeInteger(everyMs)
    ? { is: 'rate', everyMs }
    : undefined
}

function parseAt(inside: string): AtSchedule | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(inside)) return undefined
  const localMs = Date.parse(`${inside}Z`)
  // 30 February would be taken for 1 March.
  const isReal = !Number.isNaN(localMs) && new Date(localMs).toISOString() === `${inside}.000Z`
  return isReal ? { is: 'at', localMs } : undefined
}

interface Field {
  readonly min: number
  readonly max: number
  /** In their order, from `min` on. */
  readonly names?: readonly string[]
}

const monthNames = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ')
const weekNames = 'SUN MON TUE WED THU FRI SAT'.split(' ')
const fields = {
  minutes: { min: 0, max: 59 },
  hours: { min: 0, max: 23 },
  daysOfMonth: { min: 1, max: 31 },
  months: { min: 1, max: 12, names: monthNames },
  daysOfWeek: { min: 1, max: 7, names: weekNames },
  years: { min: 1970, max: 2199 },
} as const satisfies Record<string, Field>

function parseCron(inside: string): CronSchedule | undefined {
  const words = inside.toUpperCase().split(/ +/)
  if (words.length !== 6) return undefined
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = '', year = ''] = words
  const minutes = values(minute, fields.minutes)
  const hours = values(hour, fields.hours)
  const days = parseDays(dayOfMonth, dayOfWeek)
  const months = values(month, fields.months)
  const years = values(year, fields.years)
  if (!minutes || !hours || !days || !months || !years) return undefined
  return { is: 'cron', minutes, hours, days, months, years }
}

function parseDays(dayOfMonth: string, dayOfWeek: string): Days | undefined {
  if ((dayOfMonth === '?') === (dayOfWeek === '?')) return undefined
  return dayOfWeek === '?' ? parseDayOfMonth(dayOfMonth) : parseDayOfWeek(dayOfWeek)
}

function parseDayOfMonth(text: string): Days | undefined {
  if (text === 'L') return { by: 'last-day' }
  if (text === 'LW') return { by: 'last-workday' }
  if (text.endsWith('W')) {
    const day = single(text.slice(0, -1), fields.daysOfMonth)
    return day === undefined ? undefined : { by: 'closest-workday', day }
  }
  const days = values(text, fields.daysOfMonth)
  return days === undefined ? undefined : { by: 'day-of-month', days }
}

function parseDayOfWeek(text: string): Days | undefined {
  if (text === 'L') return { by: 'day-of-week', days: [7] }
  if (text.endsWith('L')) {
    const dayOfWeek = single(text.slice(0, -1), fields.daysOfWeek)
    return dayOfWeek === undefined ? undefined : { by: 'last-of-week', dayOfWeek }
  }
  const [day = '', nth, ...more] = text.split('#')
  if (nth !== undefined) {
    const dayOfWeek = single(day, fields.daysOfWeek)
    if (dayOfWeek === undefined || more.length > 0 || !/^[1-5]$/.test(nth)) return undefined
    return { by: 'nth-of-week', dayOfWeek, nth: Number(nth) }
  }
  const days = values(text, fields.daysOfWeek)
  return days === undefined ? undefined : { by: 'day-of-week', days }
}

/** The values of a list of single values, ranges and steps. */
function values(text: string, field: Field): readonly number[] | undefined {
  const found = new Set<number>()
  for (const member of text.split(',')) {
    const some = memberValues(member, field)
    if (some === undefined) return undefined
    for (const value of some) found.add(value)
  }
  return [...found].sort((a, b) => a - b)
}

/** `*`, `5`, `MON`, `8-17`, and each of them with `/3`. */
function memberValues(member: string, field: Field): readonly number[] | undefined {
  const [range = '', step, ...more] = member.split('/')
  if (more.length > 0 || (step !== undefined && !/^[1-9]\d{0,3}$/.test(step))) return undefined
  const bounds = rangeBounds(range, field, step !== undefined)
  if (bounds === undefined) return undefined
  const { from, to } = bounds
  const size = field.max - field.min + 1
  const count = (to >= from ? to - from : to - from + size) + 1
  const all = Array.from({ length: count }, (_, index) => {
    return field.min + ((from - field.min + index) % size)
  })
  return all.filter((_, index) => index % Number(step ?? 1) === 0)
}

function rangeBounds(
  range: string,
  field: Field,
  isStepped: boolean,
): { readonly from: number; readonly to: number } | undefined {
  if (range === '*') return { from: field.min, to: field.max }
  const [first = '', last, ...more] = range.split('-')
  const from = single(first, field)
  if (from === undefined || more.length > 0) return undefined
  if (last === undefined) return { from, to: isStepped ? field.max : from }
  const to = single(last, field)
  // Years do not come round again.
  if (to === undefined || (to < from && field === fields.years)) return undefined
  return { from, to }
}

function single(text: string, field: Field): number | undefined {
  const index = field.names?.indexOf(text) ?? -1
  if (index >= 0) return field.min + index
  if (!/^\d{1,4}$/.test(text)) return undefined
  const value = Number(text)
  return value >= field.min && value <= field.max ? value : undefined
}

function nextOfCron(cron: CronSchedule, afterMs: number, timeZone: string): number | undefined {
  // Wall-clock times are reckoned with as if they were UTC.
  const afterLocalMs = afterMs + offsetMs(afterMs, timeZone)
  const startMs = Math.floor(afterLocalMs / minuteMs) * minuteMs
  const start = new Date(startMs)
  for (const year of cron.years) {
    if (year < start.getUTCFullYear()) continue
    for (const month of cron.months) {
      if (Date.UTC(year, month, 1) <= startMs) continue
      for (const day of daysOf(cron.days, year, month)) {
        const found = nextOfDay(cron, Date.UTC(year, month - 1, day), {
          startMs,
          afterMs,
          timeZone,
        })
        if (found !== undefined) return found
      }
    }
  }
  return undefined
}

interface Search {
  readonly startMs: number
  readonly afterMs: number
  readonly timeZone: string
}

function nextOfDay(cron: CronSchedule, midnightMs: number, search: Search): number | undefined {
  if (midnightMs + dayMs <= search.startMs) return undefined
  for (const hour of cron.hours) {
    for (const minute of cron.minutes) {
      const localMs = midnightMs + hour * hourMs + minute * minuteMs
      if (localMs < search.startMs) continue
      const atMs = instantOf(localMs, search.timeZone)
      if (atMs !== undefined && atMs > search.afterMs) return atMs
    }
  }
  return undefined
}

function daysOf(days: Days, year: number, month: number): readonly number[] {
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate()
  const all = Array.from({ length: last }, (_, index) => index + 1)
  const onDay = (wanted: number) => all.filter((day) => weekDay(year, month, day) === wanted)
  switch (days.by) {
    case 'day-of-month':
      return days.days.filter((day) => day <= last)
    case 'last-day':
      return [last]
    case 'last-workday':
      return all.filter((day) => isWorkday(year, month, day)).slice(-1)
    case 'closest-workday':
      return days.day > last ? [] : [closestWorkday(year, month, days.day, last)]
    case 'day-of-week':
      return all.filter((day) => days.days.includes(weekDay(year, month, day)))
    case 'last-of-week':
      return onDay(days.dayOfWeek).slice(-1)
    case 'nth-of-week':
      return onDay(days.dayOfWeek).slice(days.nth - 1, days.nth)
  }
}

/** 1 is Sunday. */
function weekDay(year: number, month: number, day: number): number {
  return new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 1
}

function isWorkday(year: number, month: number, day: number): boolean {
  return ![1, 7].includes(weekDay(year, month, day))
}

/** Never leaves the month: Saturday the first becomes Monday the third. */
function closestWorkday(year: number, month: number, day: number, last: number): number {
  switch (weekDay(year, month, day)) {
    case 7:
      return day === 1 ? day + 2 : day - 1
    case 1:
      return day === last ? day - 2 : day + 1
    default:
      return day
  }
}

/** The first instant at which clocks show that time; undefined when they skip it. */
function instantOf(localMs: number, timeZone: string): number | undefined {
  if (timeZone === 'UTC') return localMs
  // Whatever change of the clocks is near, one of these two offsets holds at that time.
  const offsets = [offsetMs(localMs - dayMs, timeZone), offsetMs(localMs + dayMs, timeZone)]
  const instants = offsets.map((offset) => localMs - offset).sort((a, b) => a - b)
  return instants.find((instant) => instant + offsetMs(instant, timeZone) === localMs)
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** How far clocks are ahead of UTC at that instant. */
function offsetMs(atMs: number, timeZone: string): number {
  if (timeZone === 'UTC') return 0
  const format = formats.get(timeZone) ?? newFormat(timeZone)
  formats.set(timeZone, format)
  const parts = format.formatToParts(atMs)
  const part = (type: string) => Number(parts.find((each) => each.type === type)?.value)
  const localMs = Date.UTC(
    part('year'),
    part('month') - 1,
    part('day'),
    part('hour'),
    part('minute'),
    part('second'),
  )
  return localMs - Math.floor(atMs / 1000) * 1000
}

function newFormat(timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
}
