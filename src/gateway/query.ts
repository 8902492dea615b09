// Query strings: pairs in order, decoded as API Gateway decodes them, and the maps that events carry.

export type Pair = readonly [name: string, value: string]

/**
 * Decoded pairs in order; `+` is a space. What cannot be decoded stays as it was sent.
 * Source: recorded answer test_lambda_aws_proxy_integration (2024-08-02).
 */
export function queryPairs(query: string, separator: RegExp): readonly Pair[] {
  return query
    .split(separator)
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=')
      if (equals < 0) return [decode(part), '']
      return [decode(part.slice(0, equals)), decode(part.slice(equals + 1))]
    })
}

/** REST APIs: `;` separates as `&` does. Source: API Gateway guide, known issues. */
export const restSeparator = /[&;]/
export const httpSeparator = /&/

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

/** All values of each name, in order. */
export function valuesByName(pairs: readonly Pair[]): ReadonlyMap<string, readonly string[]> {
  const map = new Map<string, string[]>()
  for (const [name, value] of pairs) {
    const values = map.get(name)
    if (values === undefined) map.set(name, [value])
    else values.push(value)
  }
  return map
}

/** One text a name, made of all its values. A name such as __proto__ is a name like any other. */
export function mapValues(
  map: ReadonlyMap<string, readonly string[]>,
  one: (values: readonly string[]) => string,
): Record<string, string> {
  return Object.fromEntries([...map].map(([name, values]) => [name, one(values)]))
}

/** The last of several values: what single-value maps keep. Source: as above. */
export function lastOf(values: readonly string[]): string {
  return values.at(-1) ?? ''
}
