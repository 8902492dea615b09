// Intrinsic functions of values: Join, Split, Select, Length, Base64, Cidr, GetAZs, ToJsonString. Pure; their arguments are worked out.

import { parseCidr, writeAddress } from './addresses.js'
import { type Found, firstUnresolved, nothing, text, value } from './scope.js'
import { type MapNode, plain, type SourceNode } from './source.js'

/** An argument that CloudFormation would refuse. */
export interface WrongArgument {
  readonly is: 'wrong'
  /** Completes `Fn::Join takes …`. */
  readonly takes: string
}

export type Result = Found | WrongArgument

function wrong(takes: string): WrongArgument {
  return { is: 'wrong', takes }
}

/** The reason of the first part without a value, as a result. */
function lacking(node: SourceNode): Found | undefined {
  const missing = firstUnresolved(node)
  return missing === undefined ? undefined : nothing(missing.reason)
}

function pair(argument: SourceNode): readonly [SourceNode, SourceNode] | undefined {
  if (argument.is !== 'list' || argument.items.length !== 2) return undefined
  return argument.items as unknown as readonly [SourceNode, SourceNode]
}

/** [delimiter, [texts]] */
export function join(argument: SourceNode): Result {
  const [delimiter, list] = pair(argument) ?? []
  const takes = 'a delimiter and a list of texts'
  if (delimiter === undefined || list === undefined) return wrong(takes)
  const missing = lacking(delimiter) ?? lacking(list)
  if (missing !== undefined) return missing
  if (delimiter.is !== 'scalar' || list.is !== 'list') return wrong(takes)
  const texts = list.items.map((item) => (item.is === 'scalar' ? item.text : undefined))
  return texts.includes(undefined) ? wrong(takes) : value(text(texts.join(delimiter.text)))
}

/** [delimiter, text] */
export function split(argument: SourceNode): Result {
  const [delimiter, whole] = pair(argument) ?? []
  const takes = 'a delimiter and a text'
  if (delimiter === undefined || whole === undefined) return wrong(takes)
  const missing = lacking(delimiter) ?? lacking(whole)
  if (missing !== undefined) return missing
  if (delimiter.is !== 'scalar' || whole.is !== 'scalar' || delimiter.text === '')
    return wrong(takes)
  return value({ is: 'list', line: 1, items: whole.text.split(delimiter.text).map(text) })
}

/** [index, list]: other items of the list need no value. */
export function select(argument: SourceNode): Result {
  const [index, list] = pair(argument) ?? []
  const takes = 'an index from 0 and a list'
  if (index === undefined || list === undefined) return wrong(takes)
  const missing = lacking(index) ?? (list.is === 'unresolved' ? lacking(list) : undefined)
  if (missing !== undefined) return missing
  if (index.is !== 'scalar' || !/^\d+$/.test(index.text) || list.is !== 'list') return wrong(takes)
  const item = list.items[Number(index.text)]
  if (item === undefined) {
    return nothing(`the list has ${list.items.length} items, and none with index ${index.text}`)
  }
  return lacking(item) ?? value(item)
}

/** A list's number of items: it may hold items without value. */
export function length(argument: SourceNode): Result {
  if (argument.is === 'unresolved') return nothing(argument.reason)
  if (argument.is !== 'list') return wrong('a list')
  const count = argument.items.length
  return value({ is: 'scalar', line: 1, value: count, text: String(count) })
}

export function base64(argument: SourceNode): Result {
  const missing = lacking(argument)
  if (missing !== undefined) return missing
  if (argument.is !== 'scalar') return wrong('a text')
  return value(text(Buffer.from(argument.text).toString('base64')))
}

/**
 * The zones a, b and c of a region: every region has at least these by convention, an account's own may differ.
 * @param here the region that an empty argument stands for.
 */
export function zones(argument: SourceNode, here: string): Result {
  const missing = lacking(argument)
  if (missing !== undefined) return missing
  if (argument.is !== 'scalar') return wrong('the name of a region, or an empty text')
  const region = argument.text === '' ? here : argument.text
  return value({ is: 'list', line: 1, items: ['a', 'b', 'c'].map((zone) => text(region + zone)) })
}

/** A map or list as JSON text. */
export function toJsonString(argument: SourceNode): Result {
  const missing = lacking(argument)
  if (missing !== undefined) return missing
  if (argument.is !== 'map' && argument.is !== 'list') return wrong('a map or a list')
  return value(text(JSON.stringify(plain(argument))))
}

/** [block, count from 1 to 256, host bits]. */
export function cidr(argument: SourceNode): Result {
  const takes = 'a block such as 10.0.0.0/16, a count from 1 to 256, and the number of host bits'
  const missing = lacking(argument)
  if (missing !== undefined) return missing
  if (argument.is !== 'list') return wrong(takes)
  const [block, count, hostBits] = argument.items.map((item) =>
    item.is === 'scalar' ? item.text : '',
  )
  const parsed = parseCidr(block ?? '')
  if (parsed === undefined || !/^\d+$/.test(count ?? '')) return wrong(takes)
  // No document says what CloudFormation takes then.
  if (hostBits === undefined) return nothing('Fn::Cidr without its number of host bits')
  const wanted = Number(count)
  const bits = Number(hostBits)
  const prefix = parsed.width - bits
  if (wanted < 1 || wanted > 256 || !Number.isInteger(bits) || bits < 0) return wrong(takes)
  const room = prefix < parsed.prefix ? 0n : 1n << BigInt(prefix - parsed.prefix)
  if (room < BigInt(wanted)) {
    return wrong(`no more blocks than ${block} holds: ${room} with ${bits} host bits`)
  }
  const blocks = Array.from({ length: wanted }, (_, index) => {
    const address = parsed.base + (BigInt(index) << BigInt(bits))
    return text(`${writeAddress(address, parsed.width)}/${prefix}`)
  })
  return value({ is: 'list', line: 1, items: blocks })
}

/** [map, first key, second key, { DefaultValue }] of the template's Mappings. */
export function findInMap(argument: SourceNode, mappings: MapNode | undefined): Result {
  const takes = 'the name of a mapping and two keys'
  if (argument.is !== 'list') return wrong(takes)
  const [name, first, second, more] = argument.items
  if (name === undefined || first === undefined || second === undefined) return wrong(takes)
  const preset = more?.is === 'map' ? more.entries.get('DefaultValue') : undefined
  if (more !== undefined && preset === undefined) return wrong(`${takes}, and a DefaultValue`)
  for (const part of [name, first, second]) {
    const missing = lacking(part)
    if (missing !== undefined) return missing
    if (part.is !== 'scalar') return wrong(takes)
  }
  const keys = [name, first, second].map((part) => (part.is === 'scalar' ? part.text : ''))
  let found: SourceNode | undefined = mappings
  for (const key of keys) found = found?.is === 'map' ? found.entries.get(key) : undefined
  if (found !== undefined) return value(found)
  if (preset !== undefined) return lacking(preset) ?? value(preset)
  return nothing(`Mappings have no ${keys.join('.')}`)
}
