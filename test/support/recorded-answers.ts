// Compares an answer with what AWS was recorded to answer: values in angle brackets stand for whatever came, consistently.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { lambdaModel } from '../../src/aws/models/lambda-model.js'
import { repositoryRoot } from './paths.js'

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json }
export type JsonObject = { readonly [name: string]: Json }

interface Recording {
  readonly answers: Readonly<Record<string, { readonly answers: Readonly<Record<string, Json>> }>>
}

const recording = JSON.parse(
  readFileSync(join(repositoryRoot, 'fixtures/recorded/aws-recorded-answers.json'), 'utf8'),
) as Recording

/** The answers of one scenario by their names. Throws for a name that is not in the recording. */
export function recordedAnswers(scenario: string): Readonly<Record<string, Json>> {
  const found = recording.answers[scenario]
  if (found === undefined) throw new Error(`no scenario ${scenario} was recorded`)
  return found.answers
}

// Words that stand alone for a value which the recorder cut out without brackets.
const bareWords: ReadonlySet<string> = new Set(['date', 'code-sha256', 'log-result'])
// Without a number, and yet one value through the whole scenario.
const constantPlaceholders: ReadonlySet<string> = new Set(['partition', 'region'])

export interface Comparison {
  /**
   * What differs between the recorded and the actual value, a line each; empty when nothing does. Members that only
   * one side has are differences. A placeholder that was met before must stand for the same value again, and two
   * numbers of one placeholder (`<uuid:1>`, `<uuid:2>`) for different values.
   */
  differences(recorded: Json | undefined, actual: Json | undefined): readonly string[]
}

/** One for each scenario: it remembers what the placeholders stood for. */
export function newComparison(): Comparison {
  const bound = new Map<string, string>()
  return {
    differences(recorded, actual) {
      const found: string[] = []
      compare(recorded, actual, '', bound, found)
      return found
    },
  }
}

function compare(
  recorded: Json | undefined,
  actual: Json | undefined,
  path: string,
  bound: Map<string, string>,
  found: string[],
): void {
  if (typeof recorded === 'string') {
    const problem = compareText(recorded, actual, bound)
    if (problem !== undefined) found.push(`${path || '.'}: ${problem}`)
  } else if (Array.isArray(recorded) && Array.isArray(actual)) {
    if (recorded.length !== actual.length) {
      found.push(`${path}: ${show(recorded)} ≠ ${show(actual)}`)
      return
    }
    for (const [index, each] of recorded.entries()) {
      compare(each, actual[index], `${path}[${index}]`, bound, found)
    }
  } else if (isObject(recorded) && isObject(actual)) {
    for (const name of new Set([...Object.keys(recorded), ...Object.keys(actual)])) {
      compare(recorded[name], actual[name], `${path}.${name}`, bound, found)
    }
  } else if (recorded !== actual) {
    found.push(`${path || '.'}: recorded ${show(recorded)}, got ${show(actual)}`)
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function show(value: Json | undefined): string {
  return JSON.stringify(value) ?? 'nothing'
}

function compareText(
  recorded: string,
  actual: Json | undefined,
  bound: Map<string, string>,
): string | undefined {
  if (actual === undefined) return `recorded ${show(recorded)}, got nothing`
  if (bareWords.has(recorded)) return undefined
  const whole = /^<([^<>]+)>$/.exec(recorded)?.[1]
  if (whole !== undefined) {
    return bind(whole, typeof actual === 'string' ? actual : JSON.stringify(actual), bound)
  }
  if (typeof actual !== 'string') return `recorded ${show(recorded)}, got ${show(actual)}`
  const names: string[] = []
  const pattern = recorded
    .split(/<([^<>]+)>/)
    .map((part, index) => {
      if (index % 2 === 0) return escaped(part)
      names.push(part)
      const value = bound.get(part)
      return value === undefined ? '(.+?)' : `(${escaped(value)})`
    })
    .join('')
  const match = new RegExp(`^${pattern}$`, 's').exec(actual)
  if (match === null) return `recorded ${show(recorded)}, got ${show(actual)}`
  const problems = names.map((name, index) => bind(name, match[index + 1] ?? '', bound))
  return problems.find((problem) => problem !== undefined)
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

function bind(name: string, value: string, bound: Map<string, string>): string | undefined {
  const [family, number] = name.split(':')
  if (number === undefined && !constantPlaceholders.has(name)) return undefined
  const before = bound.get(name)
  if (before !== undefined) {
    return before === value ? undefined : `<${name}> was ${before}, now it is ${value}`
  }
  for (const [other, taken] of bound) {
    if (taken === value && other.split(':')[0] === family)
      return `<${name}> and <${other}> are both ${value}`
  }
  bound.set(name, value)
  return undefined
}

export interface HttpAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

/**
 * A JSON answer as boto3 shows it, which is how the recording has it.
 * @param operation needed where the model has a member for the HTTP status (DeleteFunction).
 */
export function asBoto3(answer: HttpAnswer, operation?: string): JsonObject {
  const metadata = { ResponseMetadata: { HTTPHeaders: {}, HTTPStatusCode: answer.status } }
  const body = (answer.body === '' ? {} : JSON.parse(answer.body)) as JsonObject
  const code = answer.headers['x-amzn-errortype']
  if (code === undefined) return { ...body, ...statusMember(answer, operation), ...metadata }
  const message = body.message ?? body.Message ?? ''
  // boto3 gives the members of an error only when the model has it.
  const modelled = lambdaModel.shapes[code]?.error !== undefined
  return { Error: { Code: code, Message: message }, ...(modelled ? body : {}), ...metadata }
}

function statusMember(answer: HttpAnswer, operation: string | undefined): JsonObject {
  if (operation === undefined) return {}
  const output = lambdaModel.operations[operation]?.output
  const members = output === undefined ? {} : (lambdaModel.shapes[output]?.members ?? {})
  const named = Object.entries(members).filter(([, { location }]) => location === 'statusCode')
  return Object.fromEntries(named.map(([name]) => [name, answer.status]))
}

/** An answer to Invoke as boto3 shows it; its body is the payload. */
export function invokeAsBoto3(answer: HttpAnswer): JsonObject {
  if (answer.headers['x-amzn-errortype'] !== undefined) return asBoto3(answer)
  const members = {
    ExecutedVersion: answer.headers['x-amz-executed-version'],
    FunctionError: answer.headers['x-amz-function-error'],
    LogResult: answer.headers['x-amz-log-result'],
  }
  const given = Object.entries(members).filter(
    (member): member is [string, string] => member[1] !== undefined,
  )
  return {
    ...Object.fromEntries(given),
    Payload: answer.body === '' ? '' : (JSON.parse(answer.body) as Json),
    StatusCode: answer.status,
    ResponseMetadata: { HTTPHeaders: {}, HTTPStatusCode: answer.status },
  }
}
