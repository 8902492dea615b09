// Fn::ForEach: writes out the loops of a template, as the transform AWS::LanguageExtensions does.

import { resolve } from './intrinsics.js'
import { firstUnresolved, type Scope, text } from './scope.js'
import { describe, invalid, type MapNode, type SourceNode } from './source.js'

const prefix = 'Fn::ForEach::'

interface Loop {
  readonly identifier: string
  readonly items: readonly string[]
  readonly body: MapNode
}

/**
 * The node with every loop in it written out.
 * @throws EmulatorError EMU_CONFIG_INVALID for a loop without the transform, of a wrong form, over what has no value
 * here, or that gives one name twice.
 */
export function expandLoops(scope: Scope, node: SourceNode): SourceNode {
  switch (node.is) {
    case 'map':
      return expandMap(scope, node)
    case 'list':
      return { ...node, items: node.items.map((item) => expandLoops(scope, item)) }
    case 'intrinsic':
      return { ...node, argument: expandLoops(scope, node.argument) }
    case 'scalar':
    case 'unresolved':
      return node
  }
}

function expandMap(scope: Scope, node: MapNode): MapNode {
  const entries = new Map<string, SourceNode>()
  const keyLines = new Map<string, number>()
  const add = (name: string, inner: SourceNode, line: number): void => {
    if (entries.has(name)) {
      const advice = 'put the loop variable into the name'
      invalid(scope.path, line, `${name} comes out of a loop more than once`, advice)
    }
    entries.set(name, inner)
    keyLines.set(name, line)
  }
  for (const [name, inner] of node.entries) {
    const line = node.keyLines.get(name) ?? inner.line
    if (!name.startsWith(prefix)) {
      add(name, expandLoops(scope, inner), line)
      continue
    }
    for (const [made, body] of unrolled(scope, readLoop(scope, name, inner, line))) {
      add(made, body, line)
    }
  }
  return { ...node, entries, keyLines }
}

function readLoop(scope: Scope, key: string, node: SourceNode, line: number): Loop {
  if (!scope.languageExtensions) {
    invalid(
      scope.path,
      line,
      `${key} needs AWS::LanguageExtensions`,
      'add it to Transform, before AWS::Serverless-2016-10-31',
    )
  }
  const [identifier, collection, body] = node.is === 'list' ? node.items : []
  if (identifier?.is !== 'scalar' || collection === undefined || body?.is !== 'map') {
    return invalid(
      scope.path,
      line,
      `${key} is ${describe(node)}`,
      'a loop is a list: the name of its variable, the list of its values, and a map to repeat',
    )
  }
  const items = itemsOf(scope, key, collection)
  return { identifier: identifier.text, items, body }
}

function itemsOf(scope: Scope, key: string, collection: SourceNode): readonly string[] {
  const resolved = resolve(scope, collection)
  const missing = firstUnresolved(resolved)
  if (missing !== undefined) {
    return invalid(
      scope.path,
      collection.line,
      `${key} goes over ${missing.text}, which has no value here (${missing.reason})`,
      'give the parameter a Default, or pass it with --parameter',
    )
  }
  const texts =
    resolved.is === 'list'
      ? resolved.items.map((item) => (item.is === 'scalar' ? item.text : undefined))
      : [undefined]
  if (!texts.includes(undefined)) return texts as readonly string[]
  const problem = `${key} goes over ${describe(resolved)}`
  return invalid(scope.path, collection.line, problem, 'it must be a list of texts')
}

function unrolled(scope: Scope, loop: Loop): readonly (readonly [string, SourceNode])[] {
  return loop.items.flatMap((item) => {
    const filled = substituteMap(loop, item, loop.body)
    // A loop inside may go over a list that the outer variable chose.
    return [...expandMap(scope, filled).entries]
  })
}

function substitute(loop: Loop, item: string, node: SourceNode): SourceNode {
  switch (node.is) {
    case 'scalar':
      return typeof node.value === 'string' && /[$&]\{/.test(node.text)
        ? { ...text(filled(loop, item, node.text)), line: node.line }
        : node
    case 'list':
      return { ...node, items: node.items.map((inner) => substitute(loop, item, inner)) }
    case 'map':
      return substituteMap(loop, item, node)
    case 'intrinsic':
      if (node.name === 'Ref' && node.argument.is === 'scalar') {
        if (node.argument.text === loop.identifier) return { ...text(item), line: node.line }
      }
      return { ...node, argument: substitute(loop, item, node.argument) }
    case 'unresolved':
      return node
  }
}

function substituteMap(loop: Loop, item: string, node: MapNode): MapNode {
  const entries = new Map<string, SourceNode>()
  const keyLines = new Map<string, number>()
  for (const [name, inner] of node.entries) {
    const made = filled(loop, item, name)
    entries.set(made, substitute(loop, item, inner))
    keyLines.set(made, node.keyLines.get(name) ?? inner.line)
  }
  return { ...node, entries, keyLines }
}

/** `${X}` is the value; `&{X}` is what of it may stand in a logical id. */
function filled(loop: Loop, item: string, written: string): string {
  return written
    .replaceAll(`\${${loop.identifier}}`, item)
    .replaceAll(`&{${loop.identifier}}`, item.replace(/[^a-zA-Z0-9]/g, ''))
}
