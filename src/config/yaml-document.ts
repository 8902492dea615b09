// The yaml package as CloudFormation reads YAML: version 1.1 with short tags, and no deeper than one can follow.

import {
  type CollectionTag,
  Composer,
  type CST,
  type Document,
  type LineCounter,
  Parser,
  type ScalarTag,
  type Tags,
  YAMLParseError,
} from 'yaml'
import { assert } from '../domain/assert.js'

/** `Ref`, `Condition`, or `Fn::` and a name: the long form, whatever the source used. */
export type IntrinsicName = 'Ref' | 'Condition' | `Fn::${string}`

const shortTagNames = [
  'And',
  'Base64',
  'Cidr',
  'Equals',
  'FindInMap',
  'GetAtt',
  'GetAZs',
  'If',
  'ImportValue',
  'Join',
  'Length',
  'Not',
  'Or',
  'Select',
  'Split',
  'Sub',
  'ToJsonString',
  'Transform',
] as const

/** `!Sub` → `Fn::Sub`. */
export const intrinsicByTag: ReadonlyMap<string, IntrinsicName> = new Map<string, IntrinsicName>([
  ['!Ref', 'Ref'],
  ['!Condition', 'Condition'],
  ...shortTagNames.map((name): [string, IntrinsicName] => [`!${name}`, `Fn::${name}`]),
])

/** A tag of each kind of node, so that `!Sub text`, `!Sub [..]` and `!Transform {..}` all parse. */
const shortTags: readonly (ScalarTag | CollectionTag)[] = [...intrinsicByTag.keys()].flatMap(
  (tag) => [
    { tag, resolve: (text: string) => text },
    { tag, collection: 'seq' as const },
    { tag, collection: 'map' as const },
  ],
)

/**
 * CloudFormation reads YAML 1.1 (so `no` is false), but dates and base-60 numbers stay text:
 * AWSTemplateFormatVersion is a date only by its looks. `y` and `n` are text to it as well, though the specification
 * counts them among the booleans. Source: PyYAML's resolver, by which the SAM and AWS command lines read.
 */
function tagsOf(defaults: Tags): Tags {
  const kept = defaults.filter(
    (tag) => typeof tag === 'string' || (tag.format !== 'TIME' && !tag.tag.endsWith(':timestamp')),
  )
  return [...kept.map(exceptLetters), ...shortTags]
}

function exceptLetters(tag: Tags[number]): Tags[number] {
  if (typeof tag === 'string' || tag.collection !== undefined || !tag.tag.endsWith(':bool'))
    return tag
  return { ...tag, test: new RegExp(`(?!^.$)${tag.test?.source}`) }
}

/**
 * The first document of a text, its errors inside: a second document is one of them. Unknown tags are only warnings.
 * undefined: it is nested deeper than `depthMax`. Composing calls itself for every level, and a stack that ends within
 * a regular expression ends the process.
 */
export function parseDocument(
  text: string,
  lines: LineCounter,
  depthMax: number,
): Document.Parsed | undefined {
  const tokens = [...new Parser(lines.addNewLine).parse(text)]
  if (tokens.some((token) => isDeeper(token, depthMax))) return undefined
  const composer = new Composer({
    version: '1.1',
    schema: 'yaml-1.1',
    customTags: tagsOf,
    lineCounter: lines,
    prettyErrors: false,
  })
  const [first, second] = composer.compose(tokens, true, text.length)
  assert(first !== undefined, 'the composer was asked for a document in any case')
  if (second !== undefined) {
    const [start, end] = second.range
    const problem = 'a second document begins here'
    first.errors.push(new YAMLParseError([start, end], 'MULTIPLE_DOCS', problem))
  }
  return first
}

/** Walks without calling itself. */
function isDeeper(root: CST.Token, depthMax: number): boolean {
  const open: { readonly token: CST.Token; readonly depth: number }[] = [{ token: root, depth: 0 }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next
    if (depth > depthMax) return true
    for (const inside of insideOf(token)) open.push({ token: inside, depth: depth + 1 })
  }
  return false
}

function insideOf(token: CST.Token): readonly CST.Token[] {
  if (token.type === 'document') return token.value === undefined ? [] : [token.value]
  if (!('items' in token)) return []
  return token.items.flatMap(({ key, value }) => [key, value].filter((each) => each != null))
}
