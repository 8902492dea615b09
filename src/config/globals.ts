// Globals of a SAM template: which sections there are, and how what they say meets what a resource says itself.

import { closest } from './function-checks.js'
import { optionalSection, type Section, warn } from './reader.js'
import type { MapNode, SourceNode } from './source.js'

/** Source: aws-sam-translator 1.115, Globals. */
const globalsSections = [
  'Function',
  'Api',
  'HttpApi',
  'WebSocketApi',
  'SimpleTable',
  'StateMachine',
  'LayerVersion',
  'CapacityProvider',
] as const

export type GlobalsSection = (typeof globalsSections)[number]

/** Warns of sections that SAM does not have: what stands there has no effect. */
export function warnOfUnknownGlobals(template: Section): void {
  const globals = optionalSection(template, 'Globals')
  for (const name of globals?.map.entries.keys() ?? []) {
    if (globalsSections.some((known) => known === name)) continue
    const message = `SAM has no such section; it has no effect.${meantOf(name, globalsSections)}`
    warn(template.reading, 'W_UNKNOWN_PROPERTY', `Globals.${name}`, message)
  }
}

/**
 * What `Globals.<name>` gives to every resource of its kind; undefined when it is not there. Properties that are not
 * in `known` are left out with a warning.
 */
export function globalProperties(
  template: Section,
  name: GlobalsSection,
  known: ReadonlySet<string>,
): MapNode | undefined {
  const globals = optionalSection(template, 'Globals')
  const of = globals === undefined ? undefined : optionalSection(globals, name)
  if (of === undefined) return undefined
  const kept = new Map<string, SourceNode>()
  for (const [property, node] of of.map.entries) {
    if (known.has(property)) {
      kept.set(property, node)
      continue
    }
    const message = `SAM has no such property; it has no effect.${meantOf(property, [...known])}`
    warn(template.reading, 'W_UNKNOWN_PROPERTY', `Globals.${name}.${property}`, message)
  }
  return { ...of.map, entries: kept }
}

/** ` Did you mean X?`, or nothing. */
export function meantOf(name: string, known: readonly string[]): string {
  const meant = closest(name, known)
  return meant === undefined ? '' : ` Did you mean ${meant}?`
}

/** Maps merge, lists append (Globals first), everything else is overridden. Source: AWS SAM, Globals section. */
export function mergeMaps(globals: MapNode, own: MapNode): MapNode {
  const entries = new Map(globals.entries)
  for (const [name, node] of own.entries) {
    const inherited = entries.get(name)
    entries.set(name, inherited === undefined ? node : mergeNodes(inherited, node))
  }
  return { ...own, entries, keyLines: new Map([...globals.keyLines, ...own.keyLines]) }
}

function mergeNodes(inherited: SourceNode, own: SourceNode): SourceNode {
  if (inherited.is === 'map' && own.is === 'map') return mergeMaps(inherited, own)
  if (inherited.is === 'list' && own.is === 'list') {
    return { ...own, items: [...inherited.items, ...own.items] }
  }
  return own
}
