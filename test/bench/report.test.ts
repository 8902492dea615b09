// The table for people and the object for machines.

import t from 'tap'
import { digits, jsonOf, type Report, tableOf } from '../../bench/report.js'
import { resultOf } from '../../bench/rows.js'

const report: Report = {
  machine: {
    date: '2026-11-21T12:00:00.000Z',
    node: 'v20.20.2',
    python: '3.11.7',
    kernel: 'Linux 6.18',
    cpus: '2 × Processor',
    memoryGb: 24,
  },
  options: {
    rounds: 3,
    smoke: false,
    functionMemoryMb: 1769,
    eventBytes: 1042,
    freezer: 'v2',
    output: 'json',
  },
  results: [
    resultOf('warm-node', [
      { subject: 0.25, reference: 0.125, seen: { 'p90, ms': 0.3 } },
      { subject: 0.625, reference: 0.125, seen: { 'p90, ms': 0.6 } },
      { subject: 0.375, reference: 0.125, seen: { 'p90, ms': 0.4 } },
    ]),
    resultOf('warm-python', [{ subject: 0.2, reference: 0.1 }]),
    resultOf('cold-node', [{ subject: 70, reference: 40 }]),
    resultOf('frozen-cpu', [{ subject: 0 }]),
  ],
  failures: [{ row: 'throughput', problem: 'the reference fastify-echo ended with 1' }],
}

t.test('the table has median, spread, bar and verdict of every row', async (t) => {
  t.equal(
    tableOf(report),
    `lambda-emu bench, 2026-11-21T12:00:00.000Z
Node v20.20.2 · Python 3.11.7 · Linux 6.18 · 2 × Processor · 24 GB
functions at 1769 MB, events of 1042 bytes, CPU allotment on, freezer v2, events told as json
3 rounds, measured and reference in turn in each; median (min … max)
fewer than 5 rounds: only for a look

row          measured                     reference                 figure                    bar           holds
-----------  ---------------------------  ------------------------  ------------------------  ------------  -----
warm-node    0.375 ms (0.250 … 0.625)     0.125 ms (0.125 … 0.125)  3.00 × (2.00 … 5.00)      ≤ 4 ×         yes
warm-python  0.200 ms (0.200 … 0.200)     0.100 ms (0.100 … 0.100)  2.00 × (2.00 … 2.00)
cold-node    70.0 ms (70.0 … 70.0)        40.0 ms (40.0 … 40.0)     +30.0 ms (+30.0 … +30.0)  ≤ +20 ms      NO
frozen-cpu   0.000 % CPU (0.000 … 0.000)                                                      ≤ 0.05 % CPU  yes

warm-node: warm invoke p50, built-in Node / fastify POST echo (p90, ms 0.400)
warm-python: warm invoke p50, built-in Python / fastify POST echo
cold-node: cold start, built-in Node, unpooled / bare node -e 0
frozen-cpu: CPU of all frozen environments together
NOT MEASURED throughput: the reference fastify-echo ended with 1
`,
  )
})

t.test('a smoke run says that its figures say nothing', async (t) => {
  const smoke = { ...report, options: { ...report.options, rounds: 1, smoke: true } }
  t.match(tableOf(smoke), /^smoke: everything ran once, and none of these figures says anything$/m)
  t.notMatch(tableOf(smoke), /only for a look/)
})

t.test('five rounds need no excuse', async (t) => {
  const five = { ...report, options: { ...report.options, rounds: 5 } }
  t.notMatch(tableOf(five), /only for a look/)
})

t.test('the object has every round, every bar and every failure', async (t) => {
  const told = JSON.parse(jsonOf(report))
  t.equal(told.schemaVersion, 1)
  t.equal(told.options.functionMemoryMb, 1769)
  t.match(told.results[0], {
    row: 'warm-node',
    about: { unit: 'ms', reference: 'fastify POST echo', bar: { most: 4 } },
    figure: { min: 2, median: 3, max: 5 },
    holds: true,
    rounds: [{ subject: 0.25, reference: 0.125 }],
  })
  t.same(told.failures, report.failures)
})

t.test('figures have three digits that count', async (t) => {
  const table: [number, string][] = [
    [0, '0.000'],
    [0.0712, '0.071'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [123.4, '123'],
    [12_345.6, '12,346'],
    [-1.5, '−1.50'],
  ]
  for (const [value, text] of table) t.equal(digits(value), text)
})
