// Route choice of both kinds of API, against resolvers that are written another way.

import fc from 'fast-check'
import t from 'tap'
import type { HttpApi, RestApi } from '../../src/domain/api.js'
import { httpRouter } from '../../src/gateway/http-api/router.js'
import { restRouter } from '../../src/gateway/rest-api/router.js'
import { httpApi, lambda, restApi } from './stage.js'

const words = ['a', 'b', 'c']
const word = fc.constantFrom(...words)
const template = fc
  .tuple(fc.array(fc.oneof(word, fc.constant('{p}')), { maxLength: 3 }), fc.boolean())
  .map(([segments, greedy]) => `/${[...segments, ...(greedy ? ['{proxy+}'] : [])].join('/')}`)
const verb = fc.constantFrom('GET', 'POST', 'HEAD', 'PURGE')
const ownVerb = fc.constantFrom('GET', 'POST', 'ANY')
const path = fc
  .tuple(fc.array(fc.oneof(word, fc.constant('x')), { maxLength: 5 }), fc.boolean())
  .map(([segments, slash]) => `/${segments.join('/')}${slash && segments.length > 0 ? '/' : ''}`)

const kindOf = (segment: string) =>
  segment.endsWith('+}') ? 'greedy' : segment.startsWith('{') ? 'parameter' : 'literal'

/** Walks the tree of resources segment by segment and comes back when a branch ends without the verb. */
function restReference(api: RestApi, verb: string, path: string): string | undefined {
  const walk = (at: string, rest: readonly string[]): string | undefined => {
    if (rest.length === 0) return serves(at === '' ? '/' : at) ? (at === '' ? '/' : at) : undefined
    const [next, ...after] = rest as [string, ...string[]]
    return (
      walk1(`${at}/${next}`, after, next !== '') ??
      walk1(`${at}/{p}`, after, next !== '') ??
      (rest.join('/') !== '' && serves(`${at}/{proxy+}`) ? `${at}/{proxy+}` : undefined)
    )
  }
  const walk1 = (at: string, rest: readonly string[], open: boolean) =>
    open ? walk(at, rest) : undefined
  const serves = (resource: string) => {
    const methods = api.resources.find((each) => each.path === resource)?.methods ?? {}
    return verb in methods || ('ANY' in methods && verb !== 'PURGE')
  }
  const trimmed = path.endsWith('/') ? path.slice(0, -1) : path
  return walk('', trimmed === '' ? [] : trimmed.slice(1).split('/'))
}

/** Turns every route into a regular expression and scores those that match. */
function httpReference(api: HttpApi, verb: string, path: string): string | undefined {
  let best: { readonly key: string; readonly score: string } | undefined
  for (const { routeKey } of api.routes) {
    if (routeKey === '$default') continue
    const [own = '', template = ''] = routeKey.split(' ')
    if (own !== verb && own !== 'ANY') continue
    const segments = template === '/' ? [] : template.slice(1).split('/')
    const source = segments
      .map((segment) => ({ literal: segment, parameter: '[^/]+', greedy: '.+' })[kindOf(segment)])
      .join('/')
    if (!new RegExp(`^/${source}$`).test(path)) continue
    const rank = { literal: '0', parameter: '1', greedy: '2' }
    const score =
      (template.includes('+}') ? '1' : '0') +
      segments.map((segment) => rank[kindOf(segment)]).join('') +
      (own === 'ANY' ? 'z' : 'a')
    if (best === undefined || score < best.score) best = { key: routeKey, score }
  }
  return best?.key ?? api.routes.find(({ routeKey }) => routeKey === '$default')?.routeKey
}

t.test('a REST API serves what a walk through its tree finds', async (t) => {
  const api = fc
    .dictionary(template, fc.uniqueArray(ownVerb), { maxKeys: 12 })
    .map((tree) =>
      restApi(
        Object.fromEntries(
          Object.entries(tree).map(([path, verbs]) => [
            path,
            Object.fromEntries(verbs.map((each) => [each, lambda()])),
          ]),
        ),
      ),
    )
  let found = 0
  fc.assert(
    fc.property(api, verb, path, (api, verb, path) => {
      const match = restRouter(api).find(verb, path)
      if (match !== undefined) found += 1
      return match?.resourcePath === restReference(api, verb, path)
    }),
    { numRuns: 5_000, seed: 5 },
  )
  t.ok(found > 500, `${found} requests were served`)
})

t.test('an HTTP API serves the route that scores best of all that match', async (t) => {
  const key = fc.oneof(
    { weight: 12, arbitrary: fc.tuple(ownVerb, template).map((parts) => parts.join(' ')) },
    { weight: 1, arbitrary: fc.constant('$default') },
  )
  const api = fc
    .uniqueArray(key, { maxLength: 12 })
    .map((keys) => httpApi(Object.fromEntries(keys.map((each) => [each, 'echo']))))
  let found = 0
  fc.assert(
    fc.property(api, verb, path, (api, verb, path) => {
      const match = httpRouter(api).find(verb, path)
      if (match !== undefined && match.route.routeKey !== '$default') found += 1
      return match?.route.routeKey === httpReference(api, verb, path)
    }),
    { numRuns: 5_000, seed: 5 },
  )
  t.ok(found > 500, `${found} requests were served`)
})

t.test('parameters are what stands in their place', async (t) => {
  const api = restApi({ '/a/{id}/{proxy+}': { ANY: lambda() } })
  const segment = fc.stringMatching(/^[^/]+$/)
  const result = fc.check(
    fc.property(segment, fc.stringMatching(/^[^/]+(\/[^/]*)*[^/]$/), (id, proxy) => {
      const found = restRouter(api).find('GET', `/a/${id}/${proxy}`)?.pathParameters
      return found?.get('id') === id && found.get('proxy') === proxy
    }),
    { seed: 5 },
  )
  t.equal(result.failed, false, JSON.stringify(result.counterexample))
})
