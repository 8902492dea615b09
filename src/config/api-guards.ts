// What stands before routes on AWS and not here yet: authorizers, API keys, validation. One warning an API.

import { isGiven, optionalFlag } from './api-values.js'
import {
  optionalSection,
  optionalText,
  type Reading,
  refuse,
  type Section,
  warn,
} from './reader.js'

/** What an API's Auth says for all its routes. */
export interface ApiAuth {
  readonly defaultAuthorizer: string | undefined
  /** Their names; undefined: they could not be worked out. */
  readonly authorizers: readonly string[] | undefined
  readonly apiKeyRequired: boolean
}

/** A guard that a request meets on AWS. */
export interface Guard {
  /** `authorizer Tokens`, `API key`. */
  readonly what: string
  /** `GET /orders`; undefined: every route. */
  readonly route?: string
}

const restMembers = [
  'DefaultAuthorizer',
  'Authorizers',
  'ApiKeyRequired',
  'UsagePlan',
  'ResourcePolicy',
  'InvokeRole',
  'AddDefaultAuthorizerToCorsPreflight',
  'AddApiKeyRequiredToCorsPreflight',
]
const httpMembers = ['DefaultAuthorizer', 'Authorizers', 'EnableIamAuthorizer']

/**
 * Auth of an API.
 * @throws EmulatorError EMU_CONFIG_INVALID for members that SAM refuses, and for a DefaultAuthorizer that is not defined.
 */
export function readApiAuth(api: Section, kind: 'rest' | 'http'): ApiAuth {
  const auth = optionalSection(api, 'Auth')
  if (auth === undefined) {
    return { defaultAuthorizer: undefined, authorizers: [], apiKeyRequired: false }
  }
  const known = kind === 'rest' ? restMembers : httpMembers
  for (const name of auth.map.entries.keys()) {
    if (known.includes(name)) continue
    refuse(auth, name, {
      problem: 'Auth has no such member',
      advice: `it may have ${known.join(', ')}`,
    })
  }
  const found = {
    defaultAuthorizer: optionalText(auth, 'DefaultAuthorizer'),
    authorizers: authorizerNames(auth),
    apiKeyRequired: kind === 'rest' && optionalFlag(auth, 'ApiKeyRequired') === true,
  }
  checkAuthorizer(auth, 'DefaultAuthorizer', found, found.defaultAuthorizer)
  return found
}

function authorizerNames(auth: Section): readonly string[] | undefined {
  const authorizers = optionalSection(auth, 'Authorizers')
  if (auth.map.entries.get('Authorizers')?.is === 'unresolved') return undefined
  return [...(authorizers?.map.entries.keys() ?? [])]
}

/**
 * What guards the route of one event.
 * @throws EmulatorError EMU_CONFIG_INVALID for an authorizer that the API does not define.
 */
export function guardsOf(event: Section, route: string, api: ApiAuth): readonly Guard[] {
  const guards: Guard[] = []
  const auth = optionalSection(event, 'Auth')
  const own = auth === undefined ? undefined : optionalText(auth, 'Authorizer')
  if (auth !== undefined) checkAuthorizer(auth, 'Authorizer', api, own)
  const authorizer = own ?? api.defaultAuthorizer
  if (authorizer === 'AWS_IAM') guards.push({ what: 'IAM authorization', route })
  else if (authorizer !== undefined && authorizer !== 'NONE') {
    guards.push({ what: `authorizer ${authorizer}`, route })
  }
  const keyRequired = auth === undefined ? undefined : optionalFlag(auth, 'ApiKeyRequired')
  if (keyRequired ?? api.apiKeyRequired) guards.push({ what: 'API key', route })
  if (auth !== undefined && isGiven(auth, 'ResourcePolicy')) {
    guards.push({ what: 'resource policy', route })
  }
  const model = optionalSection(event, 'RequestModel')
  if (
    model !== undefined &&
    (isGiven(model, 'ValidateBody') || isGiven(model, 'ValidateParameters'))
  ) {
    guards.push({ what: 'request validation', route })
  }
  return guards
}

/** What guards every route, whatever the events say. */
export function guardsOfAll(api: Section): readonly Guard[] {
  const auth = optionalSection(api, 'Auth')
  return auth !== undefined && isGiven(auth, 'ResourcePolicy') ? [{ what: 'resource policy' }] : []
}

function checkAuthorizer(
  of: Section,
  name: string,
  api: ApiAuth,
  wanted: string | undefined,
): void {
  if (wanted === undefined || wanted === 'NONE' || wanted === 'AWS_IAM') return
  // Authorizers that cannot be worked out may well hold it.
  if (api.authorizers === undefined || api.authorizers.includes(wanted)) return
  const defined = api.authorizers.join(' or ')
  refuse(of, name, {
    problem: `the API has no authorizer ${wanted}`,
    advice: defined === '' ? 'define it below Auth.Authorizers of the API' : `it has ${defined}`,
  })
}

/** One warning for all guards of an API. */
export function warnOfGuards(reading: Reading, place: string, guards: readonly Guard[]): void {
  if (guards.length === 0) return
  const routes = new Map<string, string[]>()
  for (const { what, route } of guards) {
    routes.set(what, [...(routes.get(what) ?? []), ...(route === undefined ? [] : [route])])
  }
  const named = [...routes].map(([what, of]) =>
    of.length === 0 ? what : `${what} (${of.join(', ')})`,
  )
  const message = `not emulated yet, requests get through without: ${named.join('; ')}`
  warn(reading, 'W_NOT_EMULATED', place, message)
}
