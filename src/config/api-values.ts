// Values as APIs write them: flags, maps of texts, and API Gateway's mapping expressions with their single quotes.

import type { Complaint } from './function-checks.js'
import { lineOf, optionalText, present, refuse, type Section, warn } from './reader.js'
import { describe, invalid } from './source.js'

/** @throws EmulatorError EMU_CONFIG_INVALID when it is neither true nor false. */
export function optionalFlag(of: Section, name: string): boolean | undefined {
  const text = optionalText(of, name)?.toLowerCase()
  if (text === undefined) return undefined
  if (text === 'true' || text === 'false') return text === 'true'
  return invalid(
    of.reading.path,
    lineOf(of, name),
    `${of.where}.${name} is ${JSON.stringify(text)}`,
    'it must be true or false',
  )
}

/**
 * A map of names to texts; a value that is unresolved warns and is left out.
 * @throws EmulatorError EMU_CONFIG_INVALID for lists and maps as values.
 */
export function textMap(of: Section | undefined): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {}
  if (of === undefined) return texts
  for (const [name, node] of of.map.entries) {
    if (node.is === 'scalar') {
      texts[name] = node.text
    } else if (node.is === 'unresolved') {
      const message = `${node.text} has no value here (${node.reason}); it is left out`
      warn(of.reading, 'W_UNRESOLVED', `${of.where}.${name}`, message)
    } else {
      const place = `${of.where}.${name}`
      invalid(of.reading.path, node.line, `${place} is ${describe(node)}`, 'it must be a text')
    }
  }
  return texts
}

/** What API Gateway can put into a header beside a text in single quotes. */
const mappingSource =
  /^(context|stageVariables|integration\.response\.(header|body)|method\.request\.(header|path|querystring))\.\S+$/

/**
 * What is wrong with a mapping expression.
 * Source: API Gateway developer guide, "Request and response data mapping reference".
 */
export function checkMapping(text: string): Complaint | undefined {
  if (isStatic(text) || mappingSource.test(text)) return undefined
  return {
    problem: `${JSON.stringify(text)} is not in single quotes`,
    advice: `API Gateway wants them inside the value: write "'${text}'"`,
  }
}

function isStatic(text: string): boolean {
  return /^'[^']*'$/.test(text)
}

/**
 * The text of a header that an API always sends. An expression that API Gateway would work out for each request warns,
 * and the header is left out.
 * @throws EmulatorError EMU_CONFIG_INVALID when it has no single quotes.
 */
export function optionalHeader(of: Section, name: string): string | undefined {
  const text = optionalText(of, name)
  if (text === undefined) return undefined
  refuse(of, name, checkMapping(text))
  if (isStatic(text)) return text.slice(1, -1)
  const message = `${text} is not emulated yet; the header is left out`
  warn(of.reading, 'W_NOT_EMULATED', `${of.where}.${name}`, message)
  return undefined
}

/** As `present`, but a property that says false, or nothing, is not there either. */
export function isGiven(of: Section, name: string): boolean {
  const node = present(of, name)
  if (node === undefined) return false
  return node.is !== 'scalar' || !['', 'false'].includes(node.text.toLowerCase())
}
