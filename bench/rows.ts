// Every row of the bench: what is measured, against what, and the bar that it should hold. Data, and the sums made of it. Pure.

import { assert } from '../src/domain/assert.js'
import { type Spread, spreadOf } from './statistics.js'

export type Unit = 'ms' | '/s' | 'MB' | '% CPU'

export interface RowSpec {
  readonly work: string
  readonly unit: Unit
  /** What it is compared with; null: the figure stands alone, and a reference is only shown. */
  readonly reference: string | null
  /** `ratio`: measured ÷ reference; `difference`: measured − reference; `alone`: as measured. */
  readonly figure: 'ratio' | 'difference' | 'alone'
  /** Taken off what was measured before the figure is made, as the sleep that a function was asked for. */
  readonly less?: number
  /** Null: for information. */
  readonly bar: { readonly most: number } | { readonly least: number } | null
}

export const rows = {
  'warm-official': {
    work: 'warm invoke p50, official Node client',
    unit: 'ms',
    reference: 'bare Runtime API loop, same client',
    figure: 'ratio',
    bar: { most: 1.35 },
  },
  'warm-node': {
    work: 'warm invoke p50, built-in Node',
    unit: 'ms',
    reference: 'fastify POST echo',
    figure: 'ratio',
    bar: { most: 4 },
  },
  'floor-warm': {
    work: 'the floor beneath warm-node: a bare front, frames, one process',
    unit: 'ms',
    reference: 'fastify POST echo',
    figure: 'ratio',
    bar: null,
  },
  'warm-python': {
    work: 'warm invoke p50, built-in Python',
    unit: 'ms',
    reference: 'fastify POST echo',
    figure: 'ratio',
    bar: null,
  },
  throughput: {
    work: 'throughput, 16 connections, built-in Node',
    unit: '/s',
    reference: 'fastify POST echo',
    figure: 'ratio',
    bar: { least: 0.18 },
  },
  'floor-throughput': {
    work: 'the floor beneath throughput: a bare front, frames, 16 processes',
    unit: '/s',
    reference: 'fastify POST echo',
    figure: 'ratio',
    bar: null,
  },
  'two-daemons': {
    work: 'the same 16 connections shared by two whole daemons: what threads could give at the most',
    unit: '/s',
    reference: 'fastify POST echo',
    figure: 'ratio',
    bar: null,
  },
  'freeze-grace-0': {
    work: 'freezing per warm invoke p50, no grace',
    unit: 'ms',
    reference: 'freezing off',
    figure: 'difference',
    bar: { most: 0.1 },
  },
  'freeze-default': {
    work: 'freezing per warm invoke p50, grace 1 ms',
    unit: 'ms',
    reference: 'freezing off',
    figure: 'difference',
    bar: { most: 0.1 },
  },
  'cold-node': {
    work: 'cold start, built-in Node, unpooled',
    unit: 'ms',
    reference: 'bare node -e 0',
    figure: 'difference',
    bar: { most: 20 },
  },
  'cold-python': {
    work: 'cold start, built-in Python, unpooled',
    unit: 'ms',
    reference: 'bare python3 -c 0',
    figure: 'difference',
    bar: null,
  },
  'frozen-cpu': {
    work: 'CPU of all frozen environments together',
    unit: '% CPU',
    reference: null,
    figure: 'alone',
    bar: { most: 0.05 },
  },
  'frozen-in': {
    work: 'all environments frozen at once within',
    unit: 'ms',
    reference: 'bare writes to the same groups',
    figure: 'alone',
    bar: { most: 10 },
  },
  start: {
    work: 'daemon start to ready, 20 functions of a template.yaml',
    unit: 'ms',
    reference: 'bare node -e 0',
    figure: 'alone',
    bar: { most: 300 },
  },
  'reload-node': {
    work: 'file saved to new code served, Node',
    unit: 'ms',
    reference: 'bare node -e 0',
    figure: 'difference',
    bar: { most: 40 },
  },
  'reload-python': {
    work: 'file saved to new code served, Python',
    unit: 'ms',
    reference: 'bare python3 -c 0',
    figure: 'difference',
    bar: { most: 40 },
  },
  'memory-idle': {
    work: 'daemon resident, idle after its start',
    unit: 'MB',
    reference: 'bare idle Node',
    figure: 'alone',
    bar: { most: 80 },
  },
  'memory-after': {
    work: 'daemon resident, idle after 5,000 invokes',
    unit: 'MB',
    reference: 'bare idle Node',
    figure: 'alone',
    bar: { most: 80 },
  },
  'parallel-cold': {
    work: '10 parallel calls of a 200 ms sleeper, cold',
    unit: 'ms',
    reference: '10 parallel bare node -e 0',
    figure: 'ratio',
    less: 200,
    bar: { most: 2 },
  },
  'parallel-warm': {
    work: '10 parallel calls of a 200 ms sleeper, warm',
    unit: 'ms',
    reference: '10 parallel bare node -e 0',
    figure: 'alone',
    bar: { most: 260 },
  },
} as const satisfies Record<string, RowSpec>

export type RowName = keyof typeof rows
export const rowNames = Object.keys(rows) as readonly RowName[]

/** The table's rows with every member that a row may have. */
export function specOf(name: RowName): RowSpec {
  return rows[name]
}

/** One round of one row. */
export interface Pair {
  readonly subject: number
  readonly reference?: number
  /** More that was seen in this round, by what it is, unit last. */
  readonly seen?: Readonly<Record<string, number>>
}

export interface RowResult {
  readonly row: RowName
  readonly subject: Spread
  readonly reference: Spread | null
  /** Made of each round's own pair, so that what slows both down does not count. */
  readonly figure: Spread
  /** Null without a bar. */
  readonly holds: boolean | null
  /** Medians. */
  readonly seen: Readonly<Record<string, number>>
  readonly rounds: readonly Pair[]
}

/** @throws Error when a round has no reference and the figure needs one: such a row is not measured. */
export function resultOf(row: RowName, rounds: readonly Pair[]): RowResult {
  assert(rounds.length > 0, 'a row has rounds')
  const spec = specOf(row)
  const references = rounds.flatMap(({ reference }) => reference ?? [])
  if (spec.reference !== null && references.length < rounds.length)
    throw new Error(`${row} has no reference: ${spec.reference}`)
  const figure = spreadOf(rounds.map((pair) => figureOf(spec, pair)))
  const labels = new Set(rounds.flatMap(({ seen }) => Object.keys(seen ?? {})))
  const medianOf = (label: string) =>
    spreadOf(rounds.flatMap(({ seen }) => seen?.[label] ?? [])).median
  return {
    row,
    subject: spreadOf(rounds.map(({ subject }) => subject)),
    reference: references.length === 0 ? null : spreadOf(references),
    figure,
    holds: holds(spec, figure.median),
    seen: Object.fromEntries([...labels].map((label) => [label, medianOf(label)])),
    rounds,
  }
}

function figureOf({ figure, less = 0 }: RowSpec, { subject, reference }: Pair): number {
  const own = subject - less
  if (figure === 'alone') return own
  assert(reference !== undefined, 'resultOf has looked')
  return figure === 'ratio' ? own / reference : own - reference
}

function holds({ bar }: RowSpec, figure: number): boolean | null {
  if (bar === null) return null
  return 'most' in bar ? figure <= bar.most : figure >= bar.least
}
