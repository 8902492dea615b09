// Checks a table of runs: one row is a handler, its events and all that is expected of each client
// generation.

import type { Test } from 'tap'
import {
  type Finished,
  type FunctionRun,
  type Generation,
  runFunction,
  runtimeFolder,
} from './run-function.js'

/**
 * Reports as [path, body text]; stdout lines; `alive` or the end of the process. What is left out
 * is not compared.
 */
export interface Expected {
  readonly reports?: readonly (readonly [path: string, body: string])[]
  readonly stdout?: readonly string[]
  readonly stderr?: RegExp
  /** `alive`, `exit N`, a signal name, or `silent` for a function that was stopped at `until`. */
  readonly end?: string
  readonly nextCount?: number
}

export interface Row extends Omit<FunctionRun, 'generation'> {
  readonly name: string
  readonly both?: Expected
  readonly g3?: Expected
  readonly g4?: Expected
}

const processesAtOnce = 4

/**
 * Stack lines of this runtime and of Node differ from the official clients' own; the function's
 * frames are compared.
 */
function withoutForeignFrames(text: string): string {
  return text
    .replaceAll(/,?"\s+at (?!<user>)[^"]*"/g, '')
    .replaceAll(/(\r|\n|\\n)\s+at (?!<user>)[^\r\n"\\]*/g, '')
    .replaceAll('<user>', '')
}

/**
 * Puts <task>, <runtime>, TS where runs differ; drops stack frames that are not the function's, and
 * columns.
 */
export function normalized(text: string, finished: Finished): string {
  return withoutForeignFrames(
    text
      .replaceAll(`file://${finished.taskRoot}`, '<task>')
      .replaceAll(finished.taskRoot, '<task>')
      .replaceAll(`file://${runtimeFolder}`, '<runtime>')
      .replaceAll(runtimeFolder, '<runtime>')
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'TS')
      .replaceAll(/\[\d{13}\]/g, '[MS]')
      .replaceAll(/(\s+at )([^"\r\n\\]*<task>[^"\r\n\\]*)/g, '$1<user>$2')
      .replaceAll(/(<task>[^"\r\n\\ ]*:\d+):\d+/g, '$1')
      // Node from 22 on says more of where JSON is broken; the official client passes on whatever Node says.
      .replaceAll(/( in JSON at position \d+) \(line \d+ column \d+\)/g, '$1'),
  )
}

function endOf(finished: Finished): string {
  return finished.ended ?? (finished.alive ? 'alive' : 'silent')
}

/** The same shape as the expectation, out of what happened. */
export function observed(finished: Finished, expected: Expected): Expected {
  const lines = normalized(finished.stdout, finished).split('\n')
  if (lines.at(-1) === '') lines.pop()
  return {
    ...(expected.reports && {
      reports: finished.reports.map(
        (report) => [report.path, normalized(report.body.toString(), finished)] as const,
      ),
    }),
    ...(expected.stdout && { stdout: lines }),
    ...(expected.end && { end: endOf(finished) }),
    ...(expected.nextCount !== undefined && { nextCount: finished.nextCount }),
  }
}

/** Starts tasks in order, a few at a time. */
function inPool<Result>(tasks: readonly (() => Promise<Result>)[]): Promise<Result>[] {
  let running = 0
  const waiting: (() => void)[] = []
  return tasks.map(async (task) => {
    if (running >= processesAtOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    running += 1
    try {
      return await task()
    } finally {
      running -= 1
      waiting.shift()?.()
    }
  })
}

/** One subtest a row and generation. A row says what it expects of `both`, or of `g3` and `g4`. */
export function checkRows(parent: Test, rows: readonly Row[]): void {
  const cases = rows.flatMap((row) =>
    ([3, 4] as const).flatMap((generation: Generation) => {
      const expected = row.both ?? (generation === 3 ? row.g3 : row.g4)
      return expected === undefined ? [] : [{ row, generation, expected }]
    }),
  )
  const runs = inPool(
    cases.map(
      ({ row, generation }) =>
        () =>
          runFunction({ ...row, generation }),
    ),
  )
  for (const [index, { row, generation, expected }] of cases.entries()) {
    parent.test(`client ${generation}: ${row.name}`, async (test) => {
      const finished = await (runs[index] as Promise<Finished>)
      const { stderr, ...compared } = expected
      test.same(observed(finished, expected), compared)
      if (stderr !== undefined) test.match(normalized(finished.stderr, finished), stderr)
    })
  }
}

/** The report of a successful event. */
export const response = (body: string, ordinal = 1) =>
  [`/invocation/id-${ordinal}/response`, body] as const

/** The report of a failed event; without a trace when `trace` is undefined. */
export function failure(
  errorType: string,
  errorMessage: string,
  trace?: readonly string[],
  ordinal = 1,
) {
  const body =
    trace === undefined ? { errorType, errorMessage } : { errorType, errorMessage, trace }
  return [`/invocation/id-${ordinal}/error`, JSON.stringify(body)] as const
}

/** The report of a failed init. */
export function initFailure(errorType: string, errorMessage: string, trace: readonly string[]) {
  return ['/init/error', JSON.stringify({ errorType, errorMessage, trace })] as const
}
