// Paths of routes: `/orders/{id}`, `/{proxy+}`. Parsing, matching, and which of two is more specific.

type Segment =
  | { readonly is: 'literal'; readonly text: string }
  | { readonly is: 'parameter'; readonly name: string }
  /** Takes all that is left, one segment at least; always the last. */
  | { readonly is: 'greedy'; readonly name: string }

export interface PathTemplate {
  readonly segments: readonly Segment[]
  readonly greedy: boolean
}

/** A parameter is a whole segment. Source: API Gateway guide, known issues. */
export function parseTemplate(path: string): PathTemplate {
  const segments = pathSegments(path).map(parseSegment)
  return { segments, greedy: segments.at(-1)?.is === 'greedy' }
}

function parseSegment(text: string): Segment {
  const [, name, plus] = /^\{([^{}+]+)(\+)?\}$/.exec(text) ?? []
  if (name === undefined) return { is: 'literal', text }
  return { is: plus === undefined ? 'parameter' : 'greedy', name }
}

/** `/` has none; a trailing slash is an empty last segment. */
export function pathSegments(path: string): readonly string[] {
  const inner = path.startsWith('/') ? path.slice(1) : path
  return inner === '' ? [] : inner.split('/')
}

/** The path without the slashes at its end. A loop: a regular expression is slow on a path that is all slashes. */
export function trimEnd(path: string): string {
  let end = path.length
  while (path[end - 1] === '/') end -= 1
  return path.slice(0, end)
}

/** The parameters of a path that the template takes; undefined when it does not. Parameters are never empty. */
export function matchTemplate(
  { segments, greedy }: PathTemplate,
  path: readonly string[],
): ReadonlyMap<string, string> | undefined {
  if (greedy ? path.length < segments.length : path.length !== segments.length) return undefined
  const parameters = new Map<string, string>()
  for (const [index, segment] of segments.entries()) {
    const value = segment.is === 'greedy' ? path.slice(index).join('/') : path[index]
    if (segment.is === 'literal') {
      if (segment.text !== value) return undefined
      continue
    }
    if (value === undefined || value === '') return undefined
    parameters.set(segment.name, value)
  }
  return parameters
}

const ranks = { literal: 0, parameter: 1, greedy: 2 } as const

/**
 * Negative when the first is more specific: at the first segment that differs in kind, literal before parameter
 * before greedy. An order of all templates, so that they can be sorted; of two that take the same path it decides.
 */
export function compareSpecificity(a: PathTemplate, b: PathTemplate): number {
  const shorter = Math.min(a.segments.length, b.segments.length)
  for (let index = 0; index < shorter; index += 1) {
    const difference = rankAt(a, index) - rankAt(b, index)
    if (difference !== 0) return difference
  }
  return b.segments.length - a.segments.length
}

function rankAt({ segments }: PathTemplate, index: number): number {
  return ranks[segments[index]?.is ?? 'greedy']
}
