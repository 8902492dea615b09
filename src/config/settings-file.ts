// The member `start` of a project's lambda-emu.json: settings with the lines that they stand on.

import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { SettingsFile } from './settings.js'
import { invalid, parseSource, plain } from './source.js'

/**
 * lambda-emu.json of the folder that `path` is or stands in; undefined when there is none or it has no `start`.
 * @throws EmulatorError EMU_CONFIG_INVALID.
 */
export function readSettingsFile(path: string): SettingsFile | undefined {
  const asked = resolve(path)
  const isFile = statSync(asked, { throwIfNoEntry: false })?.isFile() ?? false
  const folder = isFile ? dirname(asked) : asked
  const file = isFile && basename(asked).endsWith('.json') ? asked : join(folder, 'lambda-emu.json')
  const own = settingsIn(file)
  // A template.json has none of its own.
  if (own !== undefined || file === join(folder, 'lambda-emu.json')) return own
  return settingsIn(join(folder, 'lambda-emu.json'))
}

function settingsIn(path: string): SettingsFile | undefined {
  if (!existsSync(path)) return undefined
  const root = parseSource(path, textOf(path))
  const start = root.is === 'map' ? root.entries.get('start') : undefined
  if (start === undefined || root.is !== 'map') return undefined
  if (start.is !== 'map') {
    const line = root.keyLines.get('start') ?? start.line
    return invalid(path, line, 'start is no map', 'it must be a map of settings to values')
  }
  const entries = [...start.entries].map(
    ([name, node]) =>
      [name, { line: start.keyLines.get(name) ?? node.line, value: plain(node) }] as const,
  )
  return { path, entries: new Map(entries) }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return invalid(path, 1, `it cannot be read: ${reason}`, 'check its permissions')
  }
}
