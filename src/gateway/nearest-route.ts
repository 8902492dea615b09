// Says in words why no route took a request, and which one comes nearest: for the journal, never for the client.

import { matchTemplate, parseTemplate, pathSegments, trimEnd } from './path-template.js'

export interface RouteName {
  readonly method: string
  readonly path: string
}

export interface MissedRoute {
  readonly method: string
  readonly path: string
  /** Logical id. */
  readonly api: string
  readonly routes: readonly RouteName[]
}

// Both bound what a hostile request can cost: the distance of two texts takes the product of their lengths.
const routesCompared = 20
const charactersCompared = 80

/** `no route of Shop serves GET /order; the nearest is GET /orders` */
export function explainNoRoute({ method, path, api, routes }: MissedRoute): string {
  const missed = `no route of ${api} serves ${method} ${path.slice(0, 200)}`
  const segments = pathSegments(trimEnd(path))
  const others = routes.filter(({ path }) => matchTemplate(parseTemplate(path), segments))
  const [other] = others
  if (other !== undefined) {
    const methods = [...new Set(others.map((each) => each.method))].join(', ')
    return `${missed}; ${other.path} has ${methods}`
  }
  const nearest = nearestOf(method, path, routes)
  if (nearest === undefined) return `${missed}; it has none`
  return `${missed}; the nearest is ${nearest.method} ${nearest.path}`
}

function nearestOf(method: string, path: string, routes: readonly RouteName[]) {
  const wanted = comparable(path)
  const candidates = routes
    .filter((route) => route.path.startsWith('/'))
    .map((route) => ({ route, text: comparable(route.path) }))
  return candidates
    .map((each) => ({ ...each, start: commonStart(wanted, each.text) }))
    .sort((a, b) => b.start - a.start)
    .slice(0, routesCompared)
    .map(({ route, text }) => {
      // The verb decides between paths that are equally near.
      const otherVerb = route.method !== method && route.method !== 'ANY'
      return { route, cost: 2 * distance(wanted, text) + (otherVerb ? 1 : 0) }
    })
    .sort((a, b) => a.cost - b.cost)[0]?.route
}

function comparable(path: string): string {
  return path.slice(0, charactersCompared).toLowerCase()
}

function commonStart(a: string, b: string): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length += 1
  return length
}

/** Levenshtein's: how many letters must be put in, taken out or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change))
    }
    row = next
  }
  return row[b.length] ?? 0
}
