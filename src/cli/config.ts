// lambda-emu config show: every setting as `start` would take it here, and where its value comes from.

import { relative } from 'node:path'
import { flagOf, type SettingOrigin, specOf, variableOf } from '../config/settings.js'
import { pageOf } from './connect.js'
import { type Outcome, once } from './outcome.js'
import { readStartOptions, type StartArguments } from './start-options.js'
import type { Terminal } from './terminal.js'
import { table } from './text.js'

export interface ConfigArguments extends StartArguments {
  readonly action: 'show'
  readonly origin?: boolean
}

/** @throws EmulatorError EMU_USAGE, EMU_CONFIG_INVALID. */
export async function run(given: ConfigArguments, terminal: Terminal): Promise<Outcome> {
  const { settings, options } = await readStartOptions(given, terminal)
  const rows = settings.shown.map(({ setting, member, value, origin }) => {
    const name = member === undefined ? setting : `${setting}.${member}`
    const text = value === undefined ? (specOf(setting).defaultText ?? '') : String(value)
    return { name, value: value ?? null, text, origin }
  })
  const from = (origin: SettingOrigin) => originText(origin, terminal.workingFolder)
  const data = {
    path: options.path,
    settings: rows.map(({ name, value, origin }) => ({ name, value, origin: from(origin) })),
  }
  const texts = rows.map(({ name, text, origin }) =>
    given.origin === true ? [name, text, from(origin)] : [name, text],
  )
  const columns = [{ title: 'SETTING' }, { title: 'VALUE', shrinkTo: 20 }]
  const shown = given.origin === true ? [...columns, { title: 'FROM', shrinkTo: 12 }] : columns
  const page = pageOf(terminal.stdout, terminal)
  return once(data, table(shown, texts, page.columns, page.style))
}

function originText(origin: SettingOrigin, workingFolder: string): string {
  switch (origin.from) {
    case 'flag':
      return origin.flag
    case 'environment':
      return `environment ${origin.variable}`
    case 'file': {
      const short = relative(workingFolder, origin.path)
      return `${short.startsWith('..') ? origin.path : short}:${origin.line}`
    }
    case 'default':
      return 'default'
  }
}

/** All ways to give one setting, for the reference. */
export function waysToGive(name: Parameters<typeof specOf>[0]): {
  readonly flag: string
  readonly variable: string
  readonly member: string
} {
  const aliases = (specOf(name).alias ?? []).map(
    (each) => `${each.length === 1 ? '-' : '--'}${each}`,
  )
  return {
    flag: [flagOf(name), ...aliases].join(', '),
    variable: variableOf(name),
    member: `start.${name}`,
  }
}
