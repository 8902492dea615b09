// Which lines of a function's plain output a log in JSON format keeps, by the level that they name.

import { type ApplicationLogLevel, applicationLogLevels } from '../domain/log-levels.js'

/** What a line counts as that is JSON and names no level. Source: AWS Lambda guide, log level filtering. */
const assumedLevel: ApplicationLogLevel = 'INFO'

// UNRECORDED: level-names — that Python's names for two levels count, and under which keys a time is looked for.
const otherNames: Readonly<Record<string, ApplicationLogLevel>> = {
  WARNING: 'WARN',
  CRITICAL: 'FATAL',
}
const timeKeys = ['timestamp', 'time', '@timestamp'] as const

const rfc3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/**
 * Whether `line` is kept where `least` is the lowest level: a JSON object counts by its `level`, and as INFO when it has none,
 * an unknown one, or no valid time. Source: AWS Lambda guide, log level filtering.
 */
// UNRECORDED: unlevelled-lines — that lines that are no JSON objects, and embedded metrics, are kept at every level.
export function isKept(line: string, least: ApplicationLogLevel): boolean {
  // Most lines need no parser.
  if (!/^\s*\{/.test(line)) return true
  const parsed = objectOf(line)
  if (parsed === undefined || '_aws' in parsed) return true
  return rank(levelOf(parsed)) >= rank(least)
}

function objectOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    // What begins with a brace is an object, or no JSON.
    return JSON.parse(line) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}

function levelOf(parsed: Readonly<Record<string, unknown>>): ApplicationLogLevel {
  const { level } = parsed
  const timed = timeKeys.some((key) => {
    const time = parsed[key]
    return typeof time === 'string' && rfc3339.test(time)
  })
  if (typeof level !== 'string' || !timed) return assumedLevel
  const name = level.toUpperCase()
  return applicationLogLevels.find((known) => known === name) ?? otherNames[name] ?? assumedLevel
}

function rank(level: ApplicationLogLevel): number {
  return applicationLogLevels.indexOf(level)
}
