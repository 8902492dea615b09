// CORS as SAM templates write it: Cors of a REST API becomes MOCK methods, CorsConfiguration of an HTTP API settings.

import type { HttpCors, RestMethod } from '../domain/api.js'
import { verbs } from './api-paths.js'
import { isGiven, optionalFlag, optionalHeader } from './api-values.js'
import { checkRange } from './function-checks.js'
import {
  lineOf,
  optionalInteger,
  optionalSection,
  optionalTexts,
  present,
  refuse,
  type Section,
} from './reader.js'
import { invalid } from './source.js'

/** The preflight answer of a path that has these methods. */
export type Preflight = (methods: readonly string[]) => RestMethod

/**
 * What Cors makes of OPTIONS; undefined without it. Source: aws-sam-translator, swagger editor.
 * @throws EmulatorError EMU_CONFIG_INVALID for values without single quotes, and for what browsers would refuse.
 */
export function readRestCors(api: Section): Preflight | undefined {
  if (!isGiven(api, 'Cors')) return undefined
  const node = present(api, 'Cors')
  if (node?.is === 'scalar') return preflight({ origin: optionalHeader(api, 'Cors') })
  const cors = optionalSection(api, 'Cors')
  if (cors === undefined) return undefined
  refuseOthers(cors, ['AllowMethods', 'AllowHeaders', 'AllowOrigin', 'MaxAge', 'AllowCredentials'])
  const origin = cors.map.entries.has('AllowOrigin') ? optionalHeader(cors, 'AllowOrigin') : '*'
  const allowCredentials = optionalFlag(cors, 'AllowCredentials') === true
  refuseOpenCredentials(cors, 'AllowCredentials', allowCredentials && origin === '*')
  return preflight({
    origin,
    headers: optionalHeader(cors, 'AllowHeaders'),
    methods: optionalHeader(cors, 'AllowMethods'),
    maxAge: optionalHeader(cors, 'MaxAge'),
    credentials: allowCredentials ? 'true' : undefined,
  })
}

interface CorsTexts {
  readonly origin: string | undefined
  readonly headers?: string | undefined
  readonly methods?: string | undefined
  readonly maxAge?: string | undefined
  readonly credentials?: string | undefined
}

function preflight(cors: CorsTexts): Preflight {
  return (methods) => {
    const headers: Readonly<Record<string, string | undefined>> = {
      'Access-Control-Allow-Origin': cors.origin,
      'Access-Control-Allow-Headers': cors.headers,
      'Access-Control-Allow-Methods': cors.methods ?? allowedMethods(methods),
      'Access-Control-Max-Age': cors.maxAge,
      'Access-Control-Allow-Credentials': cors.credentials,
    }
    const given = Object.entries(headers).flatMap(([name, text]): [string, string][] =>
      text === undefined ? [] : [[name, text]],
    )
    return { is: 'mock', statusCode: 200, headers: Object.fromEntries(given) }
  }
}

/** The path's own methods and OPTIONS, sorted; with ANY all that there are. */
function allowedMethods(methods: readonly string[]): string {
  const all = methods.includes('ANY') ? verbs.filter((verb) => verb !== 'ANY') : methods
  return [...new Set([...all, 'OPTIONS'])].sort().join(',')
}

const httpMembers = [
  'AllowCredentials',
  'AllowHeaders',
  'AllowMethods',
  'AllowOrigins',
  'ExposeHeaders',
  'MaxAge',
]

/**
 * CorsConfiguration of an HTTP API; undefined without it. `true` allows all origins.
 * @throws EmulatorError EMU_CONFIG_INVALID for what API Gateway would refuse.
 */
export function readHttpCors(api: Section): HttpCors | undefined {
  if (!isGiven(api, 'CorsConfiguration')) return undefined
  const node = present(api, 'CorsConfiguration')
  const none = { allowHeaders: [], allowMethods: [], exposeHeaders: [] }
  if (node?.is === 'scalar') {
    // Anything but true is refused there.
    optionalFlag(api, 'CorsConfiguration')
    return { ...none, allowOrigins: ['*'] }
  }
  const cors = optionalSection(api, 'CorsConfiguration')
  if (cors === undefined) return undefined
  refuseOthers(cors, httpMembers)
  const allowCredentials = optionalFlag(cors, 'AllowCredentials')
  const allowOrigins = optionalTexts(cors, 'AllowOrigins') ?? []
  refuseOpenCredentials(
    cors,
    'AllowCredentials',
    allowCredentials === true && allowOrigins.includes('*'),
  )
  const maxAgeSeconds = optionalInteger(cors, 'MaxAge')
  if (maxAgeSeconds !== undefined) {
    refuse(cors, 'MaxAge', checkRange(maxAgeSeconds, { min: -1, max: 86_400 }))
  }
  return {
    ...(allowCredentials === undefined ? {} : { allowCredentials }),
    allowHeaders: optionalTexts(cors, 'AllowHeaders') ?? [],
    allowMethods: optionalTexts(cors, 'AllowMethods') ?? [],
    allowOrigins,
    exposeHeaders: optionalTexts(cors, 'ExposeHeaders') ?? [],
    ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }),
  }
}

function refuseOthers(cors: Section, known: readonly string[]): void {
  const stray = [...cors.map.entries.keys()].find((name) => !known.includes(name))
  if (stray === undefined) return
  refuse(cors, stray, {
    problem: 'there is no such member',
    advice: `it may have ${known.join(', ')}`,
  })
}

function refuseOpenCredentials(cors: Section, name: string, isOpen: boolean): void {
  if (!isOpen) return
  invalid(
    cors.reading.path,
    lineOf(cors, name),
    `${cors.where}.${name} is true, and every origin is allowed`,
    'name the origins that may send credentials: browsers refuse them for *',
  )
}
