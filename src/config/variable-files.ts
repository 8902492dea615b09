// Environment variables from files beside a project: .env, and SAM's JSON for --env-vars → VariableLayer.

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { VariableLayer } from '../domain/variable-layer.js'
import { section } from './reader.js'
import { describe, invalid, type MapNode, parseSource } from './source.js'

type Variables = Readonly<Record<string, string>>

/**
 * A .env file: `NAME=value` lines, `#` comments, `export ` before a name, values in ', " or ` that may go over several
 * lines; `\n`, `\r`, `\t`, `\"` and `\\` are meant as such between double quotes only. No value is looked into for `$`.
 * @param source how the layer is called, as `.env`.
 * @throws EmulatorError EMU_CONFIG_INVALID at its line.
 */
export async function readDotEnvFile(path: string, source: string): Promise<VariableLayer> {
  const absolute = resolve(path)
  const common = parseDotEnv(absolute, await readWhole(absolute))
  return { source, common, byFunction: {} }
}

/**
 * SAM's file for --env-vars: `{ "Parameters": { … for all }, "LogicalId or name": { … } }`, or one flat map for all.
 * @param source how the layer is called, as `--env-vars env.json`.
 * @throws EmulatorError EMU_CONFIG_INVALID at its line.
 */
export async function readEnvVarsFile(path: string, source: string): Promise<VariableLayer> {
  const absolute = resolve(path)
  const root = parseSource(absolute, await readWhole(absolute))
  const reading = { path: absolute, warnings: [], sources: [absolute] }
  const { map } = section(reading, 'file', root)
  const isFlat =
    map.entries.size > 0 && [...map.entries.values()].every(({ is }) => is === 'scalar')
  if (isFlat) return { source, common: textsOf(absolute, 'file', map), byFunction: {} }
  const byFunction: Record<string, Variables> = {}
  for (const [name, node] of map.entries) {
    byFunction[name] = textsOf(absolute, name, section(reading, name, node).map)
  }
  const { Parameters: common = {}, ...rest } = byFunction
  return { source, common, byFunction: rest }
}

async function readWhole(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    const reason = error instanceof Error ? error.message : String(error)
    const problem = isMissing ? 'the file does not exist' : `it cannot be read: ${reason}`
    return invalid(path, 1, problem, 'check its path and permissions')
  }
}

function textsOf(path: string, where: string, map: MapNode): Variables {
  const texts: Record<string, string> = {}
  for (const [name, node] of map.entries) {
    if (node.is !== 'scalar') {
      const problem = `${where}.${name} is ${describe(node)}`
      invalid(path, node.line, problem, 'the value of an environment variable is a text')
    }
    texts[name] = node.text
  }
  return texts
}

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=[^\S\n]*/

/**
 * The variables of a .env text.
 * @param path only for errors.
 * @throws EmulatorError EMU_CONFIG_INVALID at the line that is no assignment, or whose quote never ends.
 */
export function parseDotEnv(path: string, content: string): Variables {
  const variables: Record<string, string> = {}
  const lines = content.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] ?? ''
    if (/^\s*(#|$)/.test(line)) continue
    const found = assignment.exec(line)
    if (found?.[1] === undefined) {
      return invalid(
        path,
        index + 1,
        `${JSON.stringify(line)} sets no variable`,
        'write NAME=value',
      )
    }
    const rest = line.slice(found[0].length)
    const quote = /^['"`]/.exec(rest)?.[0]
    if (quote === undefined) {
      variables[found[1]] = rest.replace(/(^|\s)#.*$/, '').trim()
      continue
    }
    const quoted = readQuoted([rest.slice(1), ...lines.slice(index + 1)].join('\n'), quote)
    if (quoted === undefined) {
      const problem = `the value of ${found[1]} has no closing ${quote}`
      return invalid(path, index + 1, problem, 'close the quotes')
    }
    if (!/^\s*(#.*)?$/.test(quoted.after)) {
      const problem = `${JSON.stringify(quoted.after.trim())} stands behind the value of ${found[1]}`
      const advice = 'put a # before a comment, or a \\ before a quote inside the value'
      return invalid(path, index + 1 + quoted.lineCount - 1, problem, advice)
    }
    variables[found[1]] = quoted.value
    index += quoted.lineCount - 1
  }
  return variables
}

interface Quoted {
  readonly value: string
  /** What stands behind the closing quote on its line. */
  readonly after: string
  readonly lineCount: number
}

function readQuoted(text: string, quote: string): Quoted | undefined {
  const closing = quote === '"' ? /^((?:[^"\\]|\\[\s\S])*)"/ : new RegExp(`^([^${quote}]*)${quote}`)
  const found = closing.exec(text)
  if (found?.[1] === undefined) return undefined
  const value = quote === '"' ? unescaped(found[1]) : found[1]
  const after = /^.*/.exec(text.slice(found[0].length))?.[0] ?? ''
  return { value, after, lineCount: found[0].split('\n').length }
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  '\\': '\\',
}

function unescaped(inside: string): string {
  return inside.replace(/\\([\s\S])/g, (both, letter: string) => escapes[letter] ?? both)
}
