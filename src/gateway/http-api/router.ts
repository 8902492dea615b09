// Which route of an HTTP API serves a request. Pure; compiled once for each API.

import type { HttpApi, HttpRoute } from '../../domain/api.js'
import { compareSpecificity, matchTemplate, parseTemplate, pathSegments } from '../path-template.js'

export interface HttpMatch {
  readonly route: HttpRoute
  readonly pathParameters: ReadonlyMap<string, string>
}

export interface HttpRouter {
  /** `path` without the stage, decoded. Undefined: no route takes it, and there is no $default. */
  find(verb: string, path: string): HttpMatch | undefined
}

const none: ReadonlyMap<string, string> = new Map()

/**
 * A full match first, then greedy paths, then $default; among equals the exact verb before ANY.
 * Source: API Gateway guide, routes of HTTP APIs.
 */
// UNRECORDED: http-trailing-slash — that a slash at the end is an empty segment, which no parameter takes.
export function httpRouter(api: HttpApi): HttpRouter {
  const fallback = api.routes.find(({ routeKey }) => routeKey === '$default')
  const routes = api.routes
    .filter((route) => route !== fallback)
    .map((route) => {
      const [verb = '', path = ''] = route.routeKey.split(' ')
      return { route, verb, template: parseTemplate(path) }
    })
    .sort(
      (a, b) =>
        Number(a.template.greedy) - Number(b.template.greedy) ||
        compareSpecificity(a.template, b.template) ||
        Number(a.verb === 'ANY') - Number(b.verb === 'ANY'),
    )
  return {
    find(verb, path) {
      const segments = pathSegments(path)
      for (const { route, verb: own, template } of routes) {
        if (own !== verb && own !== 'ANY') continue
        const pathParameters = matchTemplate(template, segments)
        if (pathParameters !== undefined) return { route, pathParameters }
      }
      return fallback === undefined ? undefined : { route: fallback, pathParameters: none }
    },
  }
}
