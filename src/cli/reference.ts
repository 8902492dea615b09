// docs/reference.md out of the tables that the code itself runs by: a test keeps the file in step.

import {
  httpApiProperties,
  httpEventProperties,
  restApiProperties,
  restEventProperties,
  scheduleProperties,
  schedulerProperties,
} from '../config/api-properties.js'
import {
  lambdaProperties,
  type Standing,
  serverlessProperties,
} from '../config/function-properties.js'
import { type SettingName, settingNames, specOf } from '../config/settings.js'
import { type EmulatorErrorCode, emulatorErrors } from '../domain/emulator-error.js'
import { waysToGive } from './config.js'
import { eventSources } from './event-sources.js'
import { exitMeanings, warningMeanings, words } from './glossary.js'
import { samFlags } from './start-options.js'
import { verbs } from './verbs.js'

/** The whole text. `helpOf` gives a verb's --help at 100 columns. */
export async function renderReference(helpOf: (verb: string) => Promise<string>): Promise<string> {
  const help = await Promise.all(
    verbs.map(async ({ name }) => [`### ${name}`, '', '```', await helpOf(name), '```', '']),
  )
  const sections = [
    [
      '# Reference',
      '',
      'Made from the code by `node scripts/generate-reference.js`; a test keeps it in step.',
      '',
    ],
    ['## Commands', '', ...help.flat()],
    settingsSection(),
    samSection(),
    eventsSection(),
    exitSection(),
    errorsSection(),
    warningsSection(),
    wordsSection(),
    propertiesSection('AWS::Serverless::Function', serverlessProperties),
    propertiesSection('AWS::Lambda::Function', lambdaProperties),
    propertiesSection('AWS::Serverless::Api', restApiProperties),
    propertiesSection('AWS::Serverless::HttpApi', httpApiProperties),
    propertiesSection('an Api event', restEventProperties),
    propertiesSection('an HttpApi event', httpEventProperties),
    propertiesSection('a Schedule event', scheduleProperties),
    propertiesSection('a ScheduleV2 event', schedulerProperties),
  ]
  return `${sections.flat().join('\n').trimEnd()}\n`
}

type Row = readonly string[]

function table(titles: Row, rows: readonly Row[]): readonly string[] {
  const line = (cells: Row) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('<', '&lt;')).join(' | ')} |`
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line), '']
}

function settingsSection(): readonly string[] {
  const rows = settingNames.map((name) => {
    const { flag, variable, member } = waysToGive(name)
    const { describe } = specOf(name)
    const codes = [flag, variable, member].map((each) => `\`${each}\``)
    return [...codes, defaultOf(name), describe.replace(/; repeatable$/, '')]
  })
  return [
    '## Settings of `start`',
    '',
    'A flag wins over the environment, that over the member `start` of lambda-emu.json, that over the default.',
    '`lambda-emu config show --origin` prints each value and where it comes from. `parameter`, `importValue` and `env`',
    'are merged name by name; in the environment they are words, in lambda-emu.json a map. `exec` takes any free ports',
    'and does not watch unless its own flags say so.',
    '',
    ...table(['flag', 'environment', 'lambda-emu.json', 'default', 'what'], rows),
  ]
}

function defaultOf(name: SettingName): string {
  const { defaultText, default: value } = specOf(name)
  return defaultText ?? (value === undefined ? '' : `\`${value}\``)
}

function samSection(): readonly string[] {
  const rows = Object.entries(samFlags).map(([flag, { instead }]) => [`\`--${flag}\``, instead])
  return [
    '## Options of `sam local` that have no effect',
    '',
    'They are accepted, with one line that says what is done instead.',
    '',
    ...table(['flag', 'instead'], rows),
  ]
}

function eventsSection(): readonly string[] {
  const rows = Object.entries(eventSources).map(([name, { describe, options }]) => [
    `\`${name}\``,
    describe,
    options.map((option) => `\`--${option === 'headers' ? 'header' : option}\``).join(' '),
  ])
  return ['## Sources of `events`', '', ...table(['source', 'what', 'options'], rows)]
}

function exitSection(): readonly string[] {
  const rows = exitMeanings.map(([code, what]) => [`${code}`, what])
  return ['## Exit codes', '', ...table(['code', 'meaning'], rows)]
}

function errorsSection(): readonly string[] {
  const rows = (Object.keys(emulatorErrors) as EmulatorErrorCode[]).map((code) => {
    const { message, hint, exitCode } = emulatorErrors[code]
    const text = (template: string) => template.replace(/\{(\w+)\}/g, '*$1*')
    return [`\`${code}\``, `${exitCode}`, text(message), text(hint)]
  })
  return ['## Errors', '', ...table(['code', 'exit', 'sentence', 'hint'], rows)]
}

function warningsSection(): readonly string[] {
  const rows = Object.entries(warningMeanings).map(([code, { what, advice }]) => [
    `\`${code}\``,
    what,
    advice,
  ])
  return ['## Warnings', '', ...table(['code', 'what', 'what to do'], rows)]
}

function wordsSection(): readonly string[] {
  const rows = Object.entries(words).map(([word, what]) => [word, what])
  return ['## Words of the output', '', ...table(['word', 'meaning'], rows)]
}

const standings: Readonly<Record<Standing, string>> = {
  honoured: 'has its effect',
  recorded: 'kept and shown by `list --json`, without effect on one machine',
  'not-emulated': 'one warning',
}

function propertiesSection(
  type: string,
  properties: Readonly<Record<string, Standing>>,
): readonly string[] {
  const names = (wanted: Standing) =>
    Object.keys(properties)
      .filter((name) => properties[name] === wanted)
      .map((name) => `\`${name}\``)
      .join(', ')
  const rows = (Object.keys(standings) as Standing[]).map((each) => [standings[each], names(each)])
  return [`## Properties of ${type}`, '', ...table(['standing', 'properties'], rows)]
}
