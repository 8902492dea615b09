// The tables of the comparison: medians of all rounds for each tool, and the facts.

import { quantile } from '../statistics.js'
import { type Claim, claims, type Facts } from './facts.js'
import type { Figures } from './measure.js'
import type { Tool } from './tool.js'

/** Everything that was found about one tool. */
export interface Findings {
  readonly tool: Tool
  readonly rounds: Figures[]
  facts: Facts
  readonly failures: string[]
}

/** A table: the first line is the head. */
export type Table = readonly (readonly string[])[]

interface Row {
  readonly title: string
  readonly figure: keyof Figures
  readonly digits: number
  /** Why a tool has no figure here by its making. */
  readonly cannot?: (tool: Tool) => string | undefined
}

const noPython = (tool: Tool) => tool.limits.python?.cannot
const noColdStart = (tool: Tool) => tool.limits.coldStart?.cannot
const rows: readonly Row[] = [
  { title: 'bare `node -e 0` beside it, ms', figure: 'bareNodeMs', digits: 0 },
  { title: 'start to first answer, ms', figure: 'firstAnswerMs', digits: 0 },
  { title: 'CPU time to the first answer, ms', figure: 'firstAnswerCpuMs', digits: 0 },
  { title: 'cold start, Node, ms', figure: 'coldStartMs', digits: 0, cannot: noColdStart },
  {
    title: 'cold start, Python, ms',
    figure: 'pythonColdStartMs',
    digits: 0,
    cannot: (tool) => noPython(tool) ?? noColdStart(tool),
  },
  { title: 'warm invoke, Node, p50, ms', figure: 'warmMs', digits: 2 },
  { title: 'warm invoke, Node, p99, ms', figure: 'warmP99Ms', digits: 2 },
  { title: 'CPU time for a warm invoke, Node, ms', figure: 'warmCpuMs', digits: 2 },
  {
    title: 'warm invoke, Python, p50, ms',
    figure: 'pythonWarmMs',
    digits: 2,
    cannot: noPython,
  },
  { title: '16 connections, answers/s', figure: 'throughputPerSecond', digits: 0 },
  { title: 'CPU time for an answer under load, ms', figure: 'loadCpuMs', digits: 2 },
  { title: 'failed under that load', figure: 'loadFailures', digits: 0 },
  { title: 'save to new code served, ms', figure: 'saveMs', digits: 0 },
  { title: 'memory before the first call, MB', figure: 'idleMb', digits: 0 },
  { title: 'memory after the load, MB', figure: 'loadedMb', digits: 0 },
  { title: 'processes after the load', figure: 'loadedProcesses', digits: 0 },
]

function median(findings: Findings, figure: keyof Figures): number | undefined {
  const values = findings.rounds.flatMap((round) => round[figure] ?? [])
  return values.length === 0 ? undefined : quantile(values, 0.5)
}

/** The medians, one column a tool; a dash with a number where a figure cannot be, the reasons under `notes`. */
export function figureTable(all: readonly Findings[], notes: string[]): Table {
  const head = ['', ...all.map(({ tool }) => `${tool.name} ${tool.version}`)]
  const lines = rows.map((row) => {
    const cells = all.map((findings) => {
      const value = median(findings, row.figure)
      if (value !== undefined) return value.toLocaleString('en', fraction(row.digits))
      const reason = row.cannot?.(findings.tool) ?? 'failed, see below'
      return `– ${note(notes, `${findings.tool.name} ${reason}`)}`
    })
    return [row.title, ...cells]
  })
  return [head, ...lines]
}

function fraction(digits: number): Intl.NumberFormatOptions {
  return { minimumFractionDigits: digits, maximumFractionDigits: digits }
}

/** A sentence when the machine had other work during the rounds; undefined when the figures can be compared. */
export function disturbance(all: readonly Findings[]): string | undefined {
  const starts = all.flatMap(({ rounds }) => rounds.flatMap((round) => round.bareNodeMs ?? []))
  if (starts.length === 0) return undefined
  const [low, high] = [quantile(starts, 0.1), quantile(starts, 0.9)]
  if (high < 2 * low) return undefined
  const range = `${low.toFixed(0)} to ${high.toFixed(0)} ms`
  return `The machine had other work: a bare node took ${range} to start. Durations cannot be compared; CPU times can.`
}

/** What each tool does around a function, found by trying. */
export function factTable(all: readonly Findings[], notes: string[]): Table {
  const head = ['', ...all.map(({ tool }) => tool.name)]
  const lines = (Object.keys(claims) as Claim[]).map((claim) => {
    const cells = all.map(({ tool, facts, rounds }) => {
      if (claim === 'python') {
        return rounds.some((round) => round.pythonWarmMs !== undefined) ? 'yes' : 'no'
      }
      if (claim === 'stopped') {
        const left = rounds.map((round) => round.leftAfterStop ?? 0)
        return Math.max(0, ...left) === 0 ? 'yes' : 'no'
      }
      const fact = facts[claim]
      if (!fact) return '?'
      if (fact.holds !== null) return fact.holds ? 'yes' : 'no'
      return `– ${note(notes, `${tool.name}: ${fact.note}`)}`
    })
    return [claims[claim], ...cells]
  })
  return [head, ...lines]
}

function note(notes: string[], text: string): string {
  if (!notes.includes(text)) notes.push(text)
  return `(${notes.indexOf(text) + 1})`
}

/** A table in Markdown, figures to the right. */
export function markdown(table: Table): string {
  const [head = [], ...lines] = table
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, at) => (at === 0 ? '---' : '--:'))
  return [line(head), line(rule), ...lines.map(line)].join('\n')
}

/** A table for a terminal, columns aligned. */
export function plain(table: Table): string {
  const widths = (table[0] ?? []).map((_, at) =>
    Math.max(...table.map((cells) => cells[at]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
  return table.map(line).join('\n')
}
