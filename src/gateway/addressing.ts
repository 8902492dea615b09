// Which API a request addresses: by host, by a path that names it, or by its stage at the root. Pure.

import type { ApiDefinition } from '../domain/api.js'

export interface Located {
  readonly is: 'api'
  readonly api: ApiDefinition
  /** What the API's routes see: without the stage, undecoded, begins with one slash. */
  readonly path: string
  /** With the stage where the address has one. */
  readonly fullPath: string
}

export type Location =
  | Located
  /** The address names this API, and a stage that it does not have. */
  | { readonly is: 'no-stage'; readonly api: ApiDefinition; readonly why: string }
  | { readonly is: 'collision'; readonly apis: readonly ApiDefinition[] }
  | { readonly is: 'nothing'; readonly why: string }

export interface Address {
  /** The Host header. */
  readonly host: string
  /** Undecoded, without the query. */
  readonly path: string
}

/** The prefix of paths that name an API and its stage: `/_apis/<id>/<stage>/…`. */
const namedPrefix = '/_apis/'
const defaultStage = '$default'

/** `stagePath` false: a REST API is at the root, without its stage, as SAM local serves it. */
export function locate(
  apis: readonly ApiDefinition[],
  address: Address,
  stagePath: boolean,
): Location {
  const path = `/${address.path.replace(/^\/+/, '')}`
  const id = idOfHost(address.host)
  if (id !== undefined) {
    const api = apis.find((each) => each.id === id)
    if (api === undefined) return nothing(apis, `no API has the id ${id}`)
    return inApi(api, address.path, { staged: hasStage(api, stagePath) })
  }
  if (path.startsWith(namedPrefix)) return byNamedPath(apis, path.slice(namedPrefix.length))
  return atRoot(apis, address.path, stagePath)
}

/** The id in `<id>.execute-api.localhost[:port]`. */
function idOfHost(host: string): string | undefined {
  return /^([a-z0-9]+)\.execute-api\.localhost(?::\d+)?$/.exec(host.toLowerCase())?.[1]
}

function hasStage({ kind, stageName }: ApiDefinition, stagePath: boolean): boolean {
  return kind === 'rest' ? stagePath : stageName !== defaultStage
}

function byNamedPath(apis: readonly ApiDefinition[], rest: string): Location {
  const [, id, stage = '', path = ''] = /^([^/]*)\/?([^/]*)(.*)$/s.exec(rest) ?? []
  const api = apis.find((each) => each.id === id)
  if (api === undefined) return nothing(apis, `no API has the id ${JSON.stringify(id)}`)
  if (stage.replace(/^%24/i, '$') !== api.stageName) return noStage(api, stage)
  if (api.stageName === defaultStage) return inApi(api, path === '' ? '/' : path, { staged: false })
  return inApi(api, `/${stage}${path}`, { staged: true })
}

function atRoot(apis: readonly ApiDefinition[], path: string, stagePath: boolean): Location {
  const [first = ''] = path.replace(/^\/+/, '').split('/')
  const byStage = apis.filter((api) => hasStage(api, stagePath) && api.stageName === first)
  const found = byStage.length > 0 ? byStage : apis.filter((api) => !hasStage(api, stagePath))
  const [api, other] = found
  if (api === undefined) {
    return nothing(apis, `no API has the stage ${JSON.stringify(first.slice(0, 128))}`)
  }
  if (other !== undefined) return { is: 'collision', apis: found }
  return inApi(api, path, { staged: byStage.length > 0 })
}

function inApi(
  api: ApiDefinition,
  sent: string,
  { staged }: { readonly staged: boolean },
): Location {
  if (!staged) return located(api, sent, sent)
  const fullPath = sent.replace(/^\/+/, '/')
  const [, stage = '', path = ''] = /^\/([^/]*)(.*)$/s.exec(fullPath) ?? []
  if (stage !== api.stageName) return noStage(api, stage)
  return located(api, path, fullPath)
}

/**
 * Slashes too many after the stage do not count for a REST API's routes.
 * Source: recorded answer test_lambda_aws_proxy_integration (2024-08-02).
 */
function located(api: ApiDefinition, path: string, fullPath: string): Located {
  const single = api.kind === 'rest' ? `/${path.replace(/^\/+/, '')}` : path
  return { is: 'api', api, path: single === '' ? '/' : single, fullPath }
}

function noStage(api: ApiDefinition, stage: string): Location {
  const given = JSON.stringify(stage.slice(0, 128))
  return {
    is: 'no-stage',
    api,
    why: `${api.logicalId} has no stage ${given}; its stage is ${api.stageName}`,
  }
}

function nothing(apis: readonly ApiDefinition[], why: string): Location {
  const stages = apis
    .slice(0, 10)
    .map(
      ({ logicalId, stageName }) =>
        `${logicalId} at /${stageName === defaultStage ? '' : stageName}`,
    )
  return { is: 'nothing', why: stages.length === 0 ? why : `${why}; there is ${stages.join(', ')}` }
}

/**
 * The shortest address of each API, by its id, that is its alone: for status and banner. `baseUrl` without a
 * slash at the end; so are the addresses.
 */
export function addressesOf(
  apis: readonly ApiDefinition[],
  baseUrl: string,
  stagePath: boolean,
): ReadonlyMap<string, string> {
  return new Map(
    apis.map((api) => {
      const short = hasStage(api, stagePath) ? `/${api.stageName}` : ''
      const found = locate(apis, { host: 'localhost', path: `${short}/` }, stagePath)
      const alone = found.is === 'api' && found.api === api
      return [api.id, `${baseUrl}${alone ? short : `${namedPrefix}${api.id}/${api.stageName}`}`]
    }),
  )
}
