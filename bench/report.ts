// What a run of the bench says: a table for people, one JSON object for machines. Pure.

import { type RowName, type RowResult, type RowSpec, specOf } from './rows.js'
import type { Spread } from './statistics.js'

export interface Report {
  readonly machine: {
    /** ISO 8601. */
    readonly date: string
    readonly node: string
    readonly python: string
    readonly kernel: string
    readonly cpus: string
    readonly memoryGb: number
  }
  readonly options: {
    readonly rounds: number
    readonly smoke: boolean
    readonly functionMemoryMb: number
    readonly eventBytes: number
    readonly freezer: string
    readonly output: string
  }
  readonly results: readonly RowResult[]
  /** Rows that could not be measured, and why. */
  readonly failures: readonly { readonly row: RowName; readonly problem: string }[]
}

/** Fewer are no measurement to be shown to anybody. */
export const roundsMin = 5

const heads = ['row', 'measured', 'reference', 'figure', 'bar', 'holds'] as const

/** A line for each row with min … max behind each median, then what else was seen. */
export function tableOf(report: Report): string {
  const cells = report.results.map(cellsOf)
  const widths = heads.map((head, at) =>
    Math.max(head.length, ...cells.map((row) => (row[at] as string).length)),
  )
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] as number))
      .join('  ')
      .trimEnd()
  return [
    ...headOf(report),
    '',
    line(heads),
    line(widths.map((width) => '-'.repeat(width))),
    ...cells.map(line),
    '',
    ...report.results.flatMap(aboutOf),
    ...report.failures.map(({ row, problem }) => `NOT MEASURED ${row}: ${problem}`),
    '',
  ].join('\n')
}

function headOf({ machine, options }: Report): readonly string[] {
  const { rounds, smoke, functionMemoryMb, eventBytes, freezer, output } = options
  const count = rounds === 1 ? '1 round' : `${rounds} rounds`
  return [
    `lambda-emu bench, ${machine.date}`,
    `Node ${machine.node} · Python ${machine.python} · ${machine.kernel} · ${machine.cpus} · ${machine.memoryGb} GB`,
    `functions at ${functionMemoryMb} MB, events of ${eventBytes} bytes, CPU allotment on, freezer ${freezer}, events told as ${output}`,
    `${count}, measured and reference in turn in each; median (min … max)`,
    ...(smoke ? ['smoke: everything ran once, and none of these figures says anything'] : []),
    ...(!smoke && rounds < roundsMin ? [`fewer than ${roundsMin} rounds: only for a look`] : []),
  ]
}

function cellsOf({ row, subject, reference, figure, holds }: RowResult): readonly string[] {
  const spec = specOf(row)
  return [
    row,
    withUnit(subject, spec.unit),
    reference === null ? '' : withUnit(reference, spec.unit),
    spec.figure === 'alone' ? '' : figureText(spec, figure),
    barText(spec),
    holds === null ? '' : holds ? 'yes' : 'NO',
  ]
}

function aboutOf({ row, seen }: RowResult): readonly string[] {
  const { work, reference } = specOf(row)
  const against = reference === null ? '' : ` / ${reference}`
  const more = Object.entries(seen).map(([label, value]) => `${label} ${digits(value)}`)
  return [`${row}: ${work}${against}${more.length === 0 ? '' : ` (${more.join('; ')})`}`]
}

function withUnit(spread: Spread, unit: string): string {
  return `${digits(spread.median)} ${unit} (${digits(spread.min)} … ${digits(spread.max)})`
}

function figureText(spec: RowSpec, { min, median, max }: Spread): string {
  if (spec.figure === 'ratio') return `${digits(median)} × (${digits(min)} … ${digits(max)})`
  return `${signed(median)} ${spec.unit} (${signed(min)} … ${signed(max)})`
}

function barText({ bar, figure, unit }: RowSpec): string {
  if (bar === null) return ''
  const value = 'most' in bar ? bar.most : bar.least
  const text =
    figure === 'ratio' ? `${value} ×` : `${figure === 'difference' ? '+' : ''}${value} ${unit}`
  return `${'most' in bar ? '≤' : '≥'} ${text}`
}

function signed(value: number): string {
  return value < 0 ? `−${digits(-value)}` : `+${digits(value)}`
}

/** Three significant digits, and whole numbers from 100 on. */
export function digits(value: number): string {
  if (value < 0) return `−${digits(-value)}`
  if (value >= 100) return Math.round(value).toLocaleString('en-US')
  if (value >= 10) return value.toFixed(1)
  return value >= 1 ? value.toFixed(2) : value.toFixed(3)
}

/** The same as one object: each row with its bar, its spreads and every round. */
export function jsonOf(report: Report): string {
  const results = report.results.map((result) => ({ ...result, about: specOf(result.row) }))
  return JSON.stringify({ schemaVersion: 1, ...report, results }, null, 2)
}
