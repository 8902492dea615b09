// Which method of a REST API serves a request. Pure; compiled once for each API.

import type { RestApi, RestMethod } from '../../domain/api.js'
import {
  compareSpecificity,
  matchTemplate,
  parseTemplate,
  pathSegments,
  trimEnd,
} from '../path-template.js'

export interface RestMatch {
  /** As the template has it. */
  readonly resourcePath: string
  readonly method: RestMethod
  readonly pathParameters: ReadonlyMap<string, string>
}

export interface RestRouter {
  /** `path` without the stage, undecoded. Undefined: no resource with this verb takes it. */
  find(verb: string, path: string): RestMatch | undefined
}

/** What ANY stands for. Source: resource router of a peer that was checked against AWS. */
const anyVerbs: ReadonlySet<string> = new Set([
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
])

/**
 * The most specific resource that has the verb wins: one that lacks it does not stop the search; HEAD never
 * falls back to GET. Source: a third party's measurement on AWS (2026-08).
 */
export function restRouter(api: RestApi): RestRouter {
  const resources = api.resources
    .map((resource) => ({ ...resource, template: parseTemplate(resource.path) }))
    .sort((a, b) => compareSpecificity(a.template, b.template))
  return {
    find(verb, path) {
      const segments = restSegments(path)
      for (const { path: resourcePath, methods, template } of resources) {
        const method = methodOf(methods, verb)
        const pathParameters = method && matchTemplate(template, segments)
        if (method && pathParameters) return { resourcePath, method, pathParameters }
      }
      return undefined
    },
  }
}

function methodOf(
  methods: Readonly<Record<string, RestMethod>>,
  verb: string,
): RestMethod | undefined {
  if (verb !== 'ANY' && Object.hasOwn(methods, verb)) return methods[verb]
  return anyVerbs.has(verb) ? methods.ANY : undefined
}

/** A slash at the end does not count. Source: recorded answer test_lambda_aws_proxy_integration (2024-08-02). */
function restSegments(path: string): readonly string[] {
  return pathSegments(trimEnd(path))
}
