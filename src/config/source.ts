// One source file as a tree of nodes that know their line: YAML with CloudFormation's short tags, and JSON.

import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type ParsedNode } from 'yaml'
import { EmulatorError } from '../domain/emulator-error.js'
import { type IntrinsicName, intrinsicByTag, parseDocument } from './yaml-document.js'

export type { IntrinsicName } from './yaml-document.js'

export type SourceNode =
  | ScalarNode
  | { readonly is: 'list'; readonly line: number; readonly items: readonly SourceNode[] }
  | MapNode
  | {
      readonly is: 'intrinsic'
      readonly line: number
      readonly name: IntrinsicName
      readonly argument: SourceNode
    }
  /** An intrinsic that could not be worked out: `text` says which, `reason` why. */
  | {
      readonly is: 'unresolved'
      readonly line: number
      readonly text: string
      readonly reason: string
    }

export interface ScalarNode {
  readonly is: 'scalar'
  readonly line: number
  readonly value: string | number | boolean | null
  /** As CloudFormation would hand it on as a string. */
  readonly text: string
}

export interface MapNode {
  readonly is: 'map'
  readonly line: number
  readonly entries: ReadonlyMap<string, SourceNode>
  /** Line of each key, which can be above the line of its value. */
  readonly keyLines: ReadonlyMap<string, number>
}

/** @throws EmulatorError EMU_CONFIG_INVALID at `line` of `path`. */
export function invalid(path: string, line: number, problem: string, advice: string): never {
  throw new EmulatorError('EMU_CONFIG_INVALID', { path: `${path}:${line}`, problem, advice })
}

/**
 * Parses one file's text; JSON is read by the same parser, which knows lines.
 * @throws EmulatorError EMU_CONFIG_INVALID with the line of the first syntax error.
 */
export function parseSource(path: string, text: string): SourceNode {
  const lines = new LineCounter()
  const document = parseDocument(text, lines, depthMax)
  if (document === undefined) return refuseDepth(path, 1)
  const failure = document.errors[0]
  if (failure !== undefined) {
    const { line } = lines.linePos(failure.pos[0])
    invalid(
      path,
      line,
      failure.message.replace(/\s+/g, ' '),
      path.endsWith('.json') ? 'correct the JSON there' : 'correct the YAML there',
    )
  }
  if (document.contents === null) {
    invalid(path, 1, 'the file is empty', 'describe at least one function, or remove the file')
  }
  const conversion = { path, lines, document, open: [], made: { nodes: 0 } }
  return convert(conversion, document.contents as ParsedNode)
}

function refuseDepth(path: string, line: number): never {
  const advice = 'write it flatter, and repeat less by anchors'
  return invalid(path, line, 'it is nested too deeply, or repeats itself too often', advice)
}

/** More nodes than any template has (1 MB): anchors that repeat each other make them. */
const nodesMax = 1_000_000

/** Deeper than any template; far from the end of the stack. */
const depthMax = 500

interface Conversion {
  readonly path: string
  readonly lines: LineCounter
  readonly document: Document.Parsed
  /** Nodes that are being converted, from the outermost on. */
  readonly open: ParsedNode[]
  readonly made: { nodes: number }
}

function convert(of: Conversion, node: ParsedNode | null): SourceNode {
  if (node === null) return { is: 'scalar', line: 1, value: null, text: '' }
  const line = of.lines.linePos(node.range[0]).line
  if (isAlias(node)) {
    const target = node.resolve(of.document) as ParsedNode | undefined
    if (target === undefined) invalid(of.path, line, `*${node.source} has no anchor`, 'name one')
    if (of.open.includes(target)) {
      invalid(of.path, line, `*${node.source} stands inside itself`, 'write it out')
    }
    return convert(of, target)
  }
  of.made.nodes += 1
  if (of.made.nodes > nodesMax || of.open.length > depthMax) {
    refuseDepth(of.path, line)
  }
  of.open.push(node)
  const inner = convertUntagged(of, node, line)
  of.open.pop()
  const tag = node.tag
  if (tag === undefined || !tag.startsWith('!')) return inner
  const name = intrinsicByTag.get(tag)
  if (name === undefined) {
    invalid(of.path, line, `${tag} is not a tag of CloudFormation`, 'check its spelling')
  }
  return { is: 'intrinsic', line, name, argument: inner }
}

function convertUntagged(
  of: Conversion,
  node: Exclude<ParsedNode, { type: 'ALIAS' }>,
  line: number,
): SourceNode {
  if (isScalar(node)) return scalar(line, node.value, node.source)
  if (isSeq(node)) {
    return { is: 'list', line, items: node.items.map((item) => convert(of, item as ParsedNode)) }
  }
  if (!isMap(node)) return scalar(line, String(node), undefined)
  const entries = new Map<string, SourceNode>()
  const keyLines = new Map<string, number>()
  for (const pair of node.items) {
    const key = pair.key as ParsedNode
    const keyLine = of.lines.linePos(key.range[0]).line
    const value = convert(of, pair.value as ParsedNode | null)
    if (isScalar(key) && key.source === '<<') {
      merge(entries, keyLines, value)
      continue
    }
    const name = isScalar(key) ? (key.source ?? String(key.value)) : String(key)
    // An empty value has no place of its own in the file; a map is found at its name.
    const ownLine = pair.value !== null && value.is !== 'map'
    entries.set(name, ownLine ? value : { ...value, line: keyLine })
    keyLines.set(name, keyLine)
  }
  return longForm({ is: 'map', line, entries, keyLines })
}

/** YAML's merge key: what the map itself says stays. */
function merge(
  entries: Map<string, SourceNode>,
  keyLines: Map<string, number>,
  value: SourceNode,
): void {
  const maps = value.is === 'list' ? value.items : [value]
  for (const map of maps) {
    if (map.is !== 'map') continue
    for (const [name, node] of map.entries) {
      if (entries.has(name)) continue
      entries.set(name, node)
      keyLines.set(name, map.keyLines.get(name) ?? map.line)
    }
  }
}

/** `{ Ref: X }` and `{ Fn::Sub: X }` are the same as `!Ref X` and `!Sub X`. */
function longForm(map: MapNode): SourceNode {
  if (map.entries.size !== 1) return map
  const [[name, argument]] = [...map.entries] as [[string, SourceNode]]
  // A loop is a key among others, not a function.
  if (name.startsWith('Fn::ForEach')) return map
  if (name !== 'Ref' && !name.startsWith('Fn::')) return map
  return { is: 'intrinsic', line: map.line, name: name as IntrinsicName, argument }
}

function scalar(line: number, value: unknown, source: string | undefined): ScalarNode {
  if (value === null || value === undefined) return { is: 'scalar', line, value: null, text: '' }
  if (typeof value === 'boolean') return { is: 'scalar', line, value, text: String(value) }
  if (typeof value === 'number') {
    // Account ids begin with zeros, which a number would lose; a lone dot is the folder, and to YAML 1.1 almost a number.
    if (source !== undefined && (/^0\d/.test(source) || source === '.')) {
      return { is: 'scalar', line, value: source, text: source }
    }
    return { is: 'scalar', line, value, text: String(value) }
  }
  return { is: 'scalar', line, value: String(value), text: String(value) }
}

/** The node as JSON has it; what is not worked out is said in words. */
export function plain(node: SourceNode): unknown {
  switch (node.is) {
    case 'scalar':
      return node.value
    case 'list':
      return node.items.map(plain)
    case 'map':
      return Object.fromEntries([...node.entries].map(([name, each]) => [name, plain(each)]))
    case 'intrinsic':
    case 'unresolved':
      return describe(node)
  }
}

/** A node in few words, for error messages. */
export function describe(node: SourceNode): string {
  switch (node.is) {
    case 'scalar':
      return node.value === null ? 'nothing' : JSON.stringify(node.value)
    case 'list':
      return 'a list'
    case 'map':
      return 'a map'
    case 'intrinsic':
      return `!${node.name.replace('Fn::', '')}`
    case 'unresolved':
      return node.text
  }
}
