// The corpus of templates, and routes in the short form that its expectations use.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LoadedFunction, LoadOptions } from '../../src/config/loaded.js'
import type { ApiDefinition } from '../../src/domain/api.js'
import { repositoryRoot } from '../support/paths.js'

export const corpusFolder = join(repositoryRoot, 'test/config/corpus')

/** Beside a template; members that are missing expect nothing: no function, no API, no warning. */
export interface Expectation {
  readonly options?: LoadOptions
  /** By logical id; only the members that are given are compared. */
  readonly functions?: Readonly<Record<string, object>>
  readonly apis?: Readonly<Record<string, object>>
  readonly schedules?: Readonly<Record<string, object>>
  /** `CODE place`. */
  readonly warnings?: readonly string[]
  readonly error?: {
    readonly code: string
    /** Null: the message names none. */
    readonly line: number | null
    /** Parts of the message or the hint. */
    readonly says?: readonly string[]
  }
  /** aws-sam-translator has to expand it to the same. */
  readonly sam?: boolean
}

/** File names. */
export const templates: readonly string[] = readdirSync(corpusFolder)
  .filter((file) => /\.(yaml|json)$/.test(file) && !file.endsWith('.expected.json'))
  .filter((file) => !file.startsWith('included-'))
  .sort()

export function readExpectation(template: string): Expectation {
  const path = join(corpusFolder, template.replace(/\.(yaml|json)$/, '.expected.json'))
  return JSON.parse(readFileSync(path, 'utf8')) as Expectation
}

/** `GET /orders` → logical id of the function, `mock` or `not-emulated`. */
export function routesOf(
  api: ApiDefinition,
  functions: readonly LoadedFunction[],
): Readonly<Record<string, string>> {
  const named = (route: { readonly is: string; readonly functionName?: string }) =>
    route.is === 'lambda'
      ? (functions.find((each) => each.functionName === route.functionName)?.logicalId ?? 'nobody')
      : route.is
  if (api.kind === 'http') {
    return Object.fromEntries(api.routes.map(({ routeKey, target }) => [routeKey, named(target)]))
  }
  return Object.fromEntries(
    api.resources.flatMap(({ path, methods }) =>
      Object.entries(methods).map(([verb, method]) => [`${verb} ${path}`, named(method)]),
    ),
  )
}
