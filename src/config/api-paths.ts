// The paths and methods that API Gateway takes for routes, as pure checks.

import type { Complaint } from './function-checks.js'

/** Source: API Gateway developer guide; ANY is any of the seven others. */
export const verbs = ['ANY', 'DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'] as const

/** The verb in capitals; SAM takes any case, and its own long name for ANY. */
export function verbOf(method: string): string {
  const upper = method.toUpperCase()
  return upper === 'X-AMAZON-APIGATEWAY-ANY-METHOD' ? 'ANY' : upper
}

export function checkVerb(verb: string): Complaint | undefined {
  if (verbs.some((known) => known === verb)) return undefined
  return {
    problem: `${JSON.stringify(verb)} is not a method that API Gateway routes`,
    advice: `use one of ${verbs.join(', ')}`,
  }
}

/**
 * Source: API Gateway developer guide, "known issues" (the characters), "proxy resource" (greedy parameters), and HTTP
 * API routes.
 */
export function checkPath(path: string, kind: 'rest' | 'http'): Complaint | undefined {
  const problem = problemOf(path, kind)
  return problem === undefined
    ? undefined
    : { problem: `${path === '' ? 'an empty path' : path} ${problem.is}`, advice: problem.advice }
}

interface Problem {
  readonly is: string
  readonly advice: string
}

function problemOf(path: string, kind: 'rest' | 'http'): Problem | undefined {
  if (!path.startsWith('/')) {
    return { is: 'does not begin with a slash', advice: `write /${path}` }
  }
  const segments = path.split('/').slice(1)
  // One slash at the end is allowed.
  if (segments.at(-1) === '') segments.pop()
  if (segments.includes('')) {
    return { is: 'has two slashes in a row', advice: 'leave one of them out' }
  }
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1
    const problem = segmentProblem(segment, isLast, kind)
    if (problem !== undefined) return problem
  }
  return undefined
}

function segmentProblem(
  segment: string,
  isLast: boolean,
  kind: 'rest' | 'http',
): Problem | undefined {
  const parameter = /^\{([A-Za-z0-9._-]+)(\+?)\}$/.exec(segment)
  if (parameter !== null) {
    if (parameter[2] === '' || isLast) return undefined
    return {
      is: `has ${segment} before its end`,
      advice: 'a parameter with + takes the whole rest: it must come last',
    }
  }
  if (/[{}]/.test(segment)) {
    return {
      is: `has a parameter that is only a part of ${segment}`,
      advice: 'a parameter is a whole segment, such as /orders/{id} or /{proxy+}',
    }
  }
  const illegal = kind === 'rest' ? /[^A-Za-z0-9_.,:-]/ : /[\s?#]/
  const found = illegal.exec(segment)
  if (found === null) return undefined
  const advice =
    kind === 'rest'
      ? 'use letters, digits and _ - . , : or a parameter, such as {id}'
      : 'leave out blanks, ? and #'
  return { is: `has ${JSON.stringify(found[0])} in it`, advice }
}

/** API Gateway makes no difference between `/orders` and `/orders/` in REST APIs. */
export function withoutSlashAtEnd(path: string): string {
  return path.length > 1 ? path.replace(/\/$/, '') : path
}

/** Two different parameters that stand at the same place below the same path: REST APIs can have only one there. */
export interface Rivals {
  readonly path: string
  readonly parameter: string
  readonly first: string
}

/** Remembers parameters by the path that they stand below. */
export class ParameterPlaces {
  readonly #firsts = new Map<string, string>()

  /** Takes the path in; gives what it clashes with. */
  add(path: string): Rivals | undefined {
    const segments = path.split('/').slice(1)
    for (const [index, parameter] of segments.entries()) {
      if (!parameter.startsWith('{')) continue
      const parent = segments.slice(0, index).join('/')
      const first = this.#firsts.get(parent) ?? parameter
      if (first !== parameter) return { path: `/${parent}`, parameter, first }
      this.#firsts.set(parent, first)
    }
    return undefined
  }
}
