// How a function's log is written: format, levels and group, whatever the source calls them.

import {
  applicationLogLevels,
  defaultLogLevels,
  type LogLevels,
  systemLogLevels,
} from '../domain/log-levels.js'
import type { LoadedFunction } from './loaded.js'
import { optionalChoice, optionalText, refuse, type Section } from './reader.js'

/** How one kind of source names the members. */
export interface LoggingNames {
  readonly format: string
  readonly application: string
  readonly system: string
  readonly group: string
}

/** LoggingConfig of SAM and CloudFormation. */
export const templateLoggingNames: LoggingNames = {
  format: 'LogFormat',
  application: 'ApplicationLogLevel',
  system: 'SystemLogLevel',
  group: 'LogGroup',
}

/** `logging` of lambda-emu.json. */
export const ownLoggingNames: LoggingNames = {
  format: 'format',
  application: 'applicationLevel',
  system: 'systemLevel',
  group: 'group',
}

type Logging = Pick<LoadedFunction, 'logFormat' | 'logLevels' | 'logGroup'>

/** @throws EmulatorError EMU_CONFIG_INVALID for unknown words, a level of a log in Text format, and what is no log group. */
export function readLogging(of: Section | undefined, names: LoggingNames): Logging {
  if (of === undefined) return { logFormat: 'Text' }
  const logFormat = optionalChoice(of, names.format, ['Text', 'JSON'] as const) ?? 'Text'
  const application = optionalChoice(of, names.application, applicationLogLevels)
  const system = optionalChoice(of, names.system, systemLogLevels)
  const logGroup = groupOf(of, names.group)
  const levels = levelsOf(application, system)
  if (logFormat === 'Text' && levels !== undefined) {
    const name = application === undefined ? names.system : names.application
    refuse(of, name, {
      problem: 'Lambda has no log level when the log format is Text',
      advice: `leave it out, or set ${names.format} to JSON`,
    })
  }
  return {
    logFormat,
    ...(levels === undefined ? {} : { logLevels: levels }),
    ...(logGroup === undefined ? {} : { logGroup }),
  }
}

function levelsOf(
  application: LogLevels['application'] | undefined,
  system: LogLevels['system'] | undefined,
): LogLevels | undefined {
  if (application === undefined && system === undefined) return undefined
  return {
    application: application ?? defaultLogLevels.application,
    system: system ?? defaultLogLevels.system,
  }
}

/** Source: Lambda's API model, LogGroup. */
function groupOf(of: Section, name: string): string | undefined {
  const group = optionalText(of, name)
  if (group === undefined || /^[.\-_/#A-Za-z0-9]{1,512}$/.test(group)) return group
  refuse(of, name, {
    problem: `${JSON.stringify(group)} cannot be the name of a log group`,
    advice: 'use letters, digits and . - _ / #, at most 512',
  })
  return undefined
}
