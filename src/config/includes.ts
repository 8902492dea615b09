// AWS::Include of a local file: puts its content where the template asks for it.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve as resolvePath } from 'node:path'
import { resolve } from './intrinsics.js'
import { type Reading, warn } from './reader.js'
import type { Scope } from './scope.js'
import { describe, invalid, type MapNode, parseSource, type SourceNode } from './source.js'

/** Files inside files, at most: the depth at which somebody includes himself. */
const depthMax = 10

interface Including {
  readonly scope: Scope
  readonly reading: Reading
  readonly depth: number
}

/**
 * The template with every AWS::Include of a local file replaced by what is in the file; each file read is added to the
 * sources. Other macros stay as they are; beside other keys they have no effect here and warn.
 * @throws EmulatorError EMU_CONFIG_INVALID for a file that is not there or cannot be read as YAML or JSON.
 */
export function expandIncludes(scope: Scope, reading: Reading, root: MapNode): MapNode {
  const of = { scope, reading, depth: 0 }
  const transform = root.entries.get('Transform')
  const included = transform === undefined ? undefined : topLevel(of, transform)
  const whole = included === undefined ? root : mergeInto(root, included)
  return expandMap(of, whole, '')
}

/** `Transform: { Name: AWS::Include, Parameters: … }` at the top of the template. */
function topLevel(of: Including, transform: SourceNode): MapNode | undefined {
  const candidates = transform.is === 'list' ? transform.items : [transform]
  for (const node of candidates) {
    const content = node.is === 'map' ? includedBy(of, node) : undefined
    if (content?.is === 'map') return content
  }
  return undefined
}

function expand(of: Including, node: SourceNode, where: string): SourceNode {
  switch (node.is) {
    case 'map':
      return expandMap(of, node, where)
    case 'list':
      return { ...node, items: node.items.map((item, i) => expand(of, item, `${where}.${i}`)) }
    case 'intrinsic':
      if (node.name !== 'Fn::Transform') {
        return { ...node, argument: expand(of, node.argument, where) }
      }
      return includedBy(of, node.argument) ?? node
    case 'scalar':
    case 'unresolved':
      return node
  }
}

function expandMap(of: Including, node: MapNode, where: string): MapNode {
  const macro = node.entries.get('Fn::Transform')
  const content = macro === undefined ? undefined : includedBy(of, macro)
  const entries = new Map<string, SourceNode>()
  for (const [name, inner] of node.entries) {
    if (name === 'Fn::Transform') continue
    entries.set(name, expand(of, inner, where === '' ? name : `${where}.${name}`))
  }
  const own = { ...node, entries }
  if (content?.is === 'map') return mergeInto(own, content)
  if (macro !== undefined) warnOfMacro(of, where)
  return own
}

function warnOfMacro(of: Including, where: string): void {
  const place = where === '' ? 'Fn::Transform' : `${where}.Fn::Transform`
  warn(of.reading, 'W_UNRESOLVED', place, 'macros run only on AWS; it has no effect here')
}

/** What the map itself says stays. */
function mergeInto(own: MapNode, content: MapNode): MapNode {
  return {
    ...own,
    entries: new Map([...content.entries, ...own.entries]),
    keyLines: new Map([...content.keyLines, ...own.keyLines]),
  }
}

/** undefined for another macro, or a file that is not on this machine. */
function includedBy(of: Including, macro: SourceNode): SourceNode | undefined {
  if (macro.is !== 'map') return undefined
  const name = macro.entries.get('Name')
  if (name?.is !== 'scalar' || name.text !== 'AWS::Include') return undefined
  const parameters = macro.entries.get('Parameters')
  const written = parameters?.is === 'map' ? parameters.entries.get('Location') : undefined
  const location = written === undefined ? undefined : resolve(of.scope, written)
  if (location?.is === 'unresolved') return undefined
  if (location?.is !== 'scalar' || location.text === '') {
    const state = location === undefined ? 'missing' : describe(location)
    const problem = `the Location of AWS::Include is ${state}`
    return invalid(of.scope.path, macro.line, problem, 'name a file, relative to the template')
  }
  if (/^(s3|https?):/.test(location.text)) return undefined
  return readIncluded(of, macro.line, location.text)
}

function readIncluded(of: Including, line: number, location: string): SourceNode {
  const path = resolvePath(dirname(of.scope.path), location)
  if (!existsSync(path)) {
    const problem = `the included file ${path} does not exist`
    return invalid(of.scope.path, line, problem, 'its Location is relative to the template')
  }
  if (of.depth === depthMax) {
    return invalid(of.scope.path, line, `${location} includes itself`, 'break the circle')
  }
  if (!of.reading.sources.includes(path)) of.reading.sources.push(path)
  const content = parseSource(path, readWhole(of, path, line))
  // Errors in it are found at the line of the template that includes it.
  return expand({ ...of, depth: of.depth + 1 }, atLine(content, line), '')
}

function readWhole(of: Including, path: string, line: number): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    const problem = `the included file cannot be read: ${reason}`
    return invalid(of.scope.path, line, problem, 'check that it is a file, and its permissions')
  }
}

function atLine(node: SourceNode, line: number): SourceNode {
  switch (node.is) {
    case 'list':
      return { ...node, line, items: node.items.map((item) => atLine(item, line)) }
    case 'map':
      return {
        ...node,
        line,
        entries: new Map([...node.entries].map(([name, inner]) => [name, atLine(inner, line)])),
        keyLines: new Map([...node.keyLines.keys()].map((name) => [name, line])),
      }
    case 'intrinsic':
      return { ...node, line, argument: atLine(node.argument, line) }
    case 'scalar':
    case 'unresolved':
      return { ...node, line }
  }
}
