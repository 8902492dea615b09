// The running account of HTTP requests, reloads and schedules; what it says of invocations is in render.test.ts.

import t from 'tap'
import type { JournalRecord } from '../../src/admin/contract.js'
import { createEventLines } from '../../src/cli/event-lines.js'
import { createClockTime, createStyle } from '../../src/cli/text.js'

const noonMs = 1_795_262_400_000
const view = { style: createStyle(false), escape: true, clockTime: createClockTime('UTC') }

function http(more: object = {}): JournalRecord {
  return {
    atMs: noonMs + 1204,
    kind: 'http.ended',
    method: 'GET',
    target: '/orders/7',
    status: 200,
    durationMs: 214.61,
    api: 'Shop',
    functionName: 'orders',
    requestId: 'r1',
    ...more,
  }
}

function invocation(more: object = {}): JournalRecord {
  return {
    atMs: noonMs + 1205,
    kind: 'invocation.ended',
    functionName: 'orders',
    requestId: 'r1',
    type: 'RequestResponse',
    attempt: 1,
    status: 'ok',
    durationMs: 20.1,
    env: 'e1',
    cold: false,
    origin: 'rest-api',
    acceptedAtMs: noonMs + 1184,
    ...more,
  }
}

t.test('an HTTP request is one line, whichever of its halves comes last', async (t) => {
  const line =
    '12:00:01.204  GET /orders/7 → orders             200   214.6 ms  e1 cold   init 171.2 ms'
  const cold = invocation({ cold: true, initMs: 171.2 })
  for (const records of [
    [http(), cold],
    [cold, http()],
  ]) {
    const { ofJournal } = createEventLines(view)
    t.same(records.flatMap(ofJournal), [line])
  }
})

t.test('what would have been invisible stands on a second line', async (t) => {
  const { ofJournal } = createEventLines(view)
  const failed = [
    invocation({
      status: 'timeout',
      errorType: 'Sandbox.Timedout',
      errorMessage: 'Task timed out',
    }),
    http({ status: 502, durationMs: 6_001, why: 'the function failed' }),
  ]
  t.same(failed.flatMap(ofJournal), [
    '12:00:01.204  GET /orders/7 → orders             502     6.00 s  e1 warm',
    '              ↳ Sandbox.Timedout: Task timed out',
  ])
  const {
    functionName: _,
    requestId: __,
    ...alone
  } = http({
    status: 403,
    durationMs: 0.4,
    target: '/nowhere',
    why: 'no route of this API fits',
  })
  t.same(ofJournal(alone as JournalRecord), [
    '12:00:01.204  GET /nowhere                       403     0.4 ms',
    '              ↳ no route of this API fits',
  ])
})

t.test('a request that waited long, or woke an environment, says so', async (t) => {
  const { ofJournal } = createEventLines(view)
  const waited = invocation({
    acceptedAtMs: noonMs - 800,
    origin: 'invoke-api',
    frozenForMs: 8_000,
  })
  t.same(ofJournal(waited), [
    '12:00:01.205  orders             ok        20.1 ms  e1 warm   after 8.00 s frozen  waited 1.98 s',
  ])
})

t.test('one half is told alone when the other does not come', async (t) => {
  const events = createEventLines(view)
  const throttled = http({ status: 500, why: 'the function is throttled' })
  t.same(events.ofJournal(throttled), [])
  t.equal(events.waitsFor(throttled), 'r1')
  t.same(events.overdue('r1'), [
    '12:00:01.204  GET /orders/7 → orders             500   214.6 ms',
    '              ↳ the function is throttled',
  ])
  t.equal(events.waitsFor(throttled), undefined)
  t.same(events.overdue('r1'), [], 'only once')
  t.same(events.ofJournal(invocation()), [], 'its invocation waits in its turn')
  t.match(events.overdue('r1'), [/orders {13}ok/])
  const direct = invocation({ origin: 'invoke-api' })
  t.equal(events.ofJournal(direct).length, 1)
  t.equal(events.waitsFor(direct), undefined)
})

t.test('what a client sent cannot steer the terminal, and does not flood it', async (t) => {
  const { ofJournal } = createEventLines(view)
  const { functionName: _, ...alone } = http({ target: `/\u001b[2J${'x'.repeat(5_000)}` })
  const [line = ''] = ofJournal(alone as JournalRecord)
  t.match(line, /GET \/\\x1b\[2Jxxx/)
  t.ok(line.length < 120)
})

t.test('reloads and schedules are one line, a failed reload two', async (t) => {
  const { ofJournal } = createEventLines(view)
  const reloaded = { kind: 'project.reloaded', atMs: noonMs, added: [], removed: [], tookMs: 34 }
  const five = ['a', 'b', 'c', 'd', 'e']
  const records: JournalRecord[] = [
    { ...reloaded, changed: ['orders'], apis: false },
    { ...reloaded, changed: ['orders'], added: ['hello'], removed: ['old'], apis: true },
    { ...reloaded, changed: five, apis: false },
    { ...reloaded, changed: [], apis: false },
    {
      kind: 'project.reload-failed',
      atMs: noonMs,
      code: 'EMU_CONFIG_INVALID',
      message: 'template.yaml:3: Handler is missing',
      hint: 'name one',
    },
    {
      kind: 'schedule.fired',
      atMs: noonMs,
      schedule: 'nightly',
      functionName: 'report',
      requestId: 'r2',
    },
  ]
  t.same(records.flatMap(ofJournal), [
    '12:00:00.000  reloaded orders in 34.0 ms',
    '12:00:00.000  reloaded orders, added hello, removed old, new routes or schedules in 34.0 ms',
    '12:00:00.000  reloaded a, b, c and 2 more in 34.0 ms',
    '12:00:00.000  reloaded: nothing changed in 34.0 ms',
    '12:00:00.000  not reloaded: EMU_CONFIG_INVALID template.yaml:3: Handler is missing',
    '              name one',
    '12:00:00.000  report             called by schedule nightly',
  ])
})
