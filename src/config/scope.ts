// What names stand for in one template: what the intrinsic functions are worked out with. Types, and small makers of nodes.

import type { MapNode, ScalarNode, SourceNode } from './source.js'

/** What looking something up gives. */
export type Found =
  | { readonly is: 'value'; readonly node: SourceNode }
  /** There is no value here, and why. */
  | { readonly is: 'nothing'; readonly reason: string }

/** What a condition comes to. */
export type Truth =
  | { readonly is: 'known'; readonly value: boolean }
  | { readonly is: 'nothing'; readonly reason: string }

export interface Scope {
  /** Of the template, absolute: errors point there. */
  readonly path: string
  readonly region: string
  /** Twelve digits. */
  readonly accountId: string
  readonly stackName: string
  readonly parameters: ReadonlyMap<string, Found>
  /** Logical id → type, for every resource that is there. */
  readonly resourceTypes: ReadonlyMap<string, string>
  /** Logical id → the condition that is false, for every resource that is not there. */
  readonly absentResources: ReadonlyMap<string, string>
  /** Logical id of a function → its name. */
  readonly functionNames: ReadonlyMap<string, string>
  /** The APIs that SAM makes for events without one. */
  readonly implicitApis: ReadonlySet<string>
  readonly mappings: MapNode | undefined
  /** What other stacks export, by name. */
  readonly importValues: Readonly<Record<string, string>>
  /** The template declares Transform AWS::LanguageExtensions. */
  readonly languageExtensions: boolean
  /**
   * A condition of the template, worked out once.
   * @throws EmulatorError EMU_CONFIG_INVALID when there is none of that name, or when it needs itself.
   */
  truth(name: string, line: number): Truth
  /** A property of a resource, worked out; undefined when the resource does not have it. */
  property(logicalId: string, name: string): SourceNode | undefined
}

export function value(node: SourceNode): Found {
  return { is: 'value', node }
}

export function nothing(reason: string): Found {
  return { is: 'nothing', reason }
}

/** A text that stands in no file. */
export function text(content: string): ScalarNode {
  return { is: 'scalar', line: 1, value: content, text: content }
}

/** A value counts as standing where it is used, so that errors point there. */
export function at(node: SourceNode, line: number): SourceNode {
  return { ...node, line }
}

/** The first part of a value that could not be worked out. */
export function firstUnresolved(
  node: SourceNode,
): Extract<SourceNode, { is: 'unresolved' }> | undefined {
  switch (node.is) {
    case 'unresolved':
      return node
    case 'list':
      return firstOf(node.items)
    case 'map':
      return firstOf([...node.entries.values()])
    case 'scalar':
    case 'intrinsic':
      return undefined
  }
}

function firstOf(
  nodes: readonly SourceNode[],
): Extract<SourceNode, { is: 'unresolved' }> | undefined {
  for (const node of nodes) {
    const found = firstUnresolved(node)
    if (found !== undefined) return found
  }
  return undefined
}
