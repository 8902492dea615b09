// The command line: arguments → one verb → its outcome, printed for people or as JSON → an exit code.

import yargs from 'yargs'
import { packageVersion } from '../admin/package-root.js'
import { closest } from '../config/function-checks.js'
import { EmulatorError, exitCodes } from '../domain/emulator-error.js'
import {
  type ErrorReport,
  envelope,
  type GlobalArguments,
  type Outcome,
  reportOf,
  standardInput,
} from './outcome.js'
import { repeatable } from './start-options.js'
import type { Terminal } from './terminal.js'
import { createStyle, wantsColour } from './text.js'
import { globalOptions, type Verb, verbs } from './verbs.js'

export { processTerminal } from './terminal.js'

/** Runs one command. Never throws; gives the exit code (the table in domain/emulator-error.ts). */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const asked = {
    json: splitCommand(argv).own.includes('--json'),
    command: argv.find((word) => !word.startsWith('-')),
  }
  try {
    const parsed = parse(argv, terminal.stdout.columns)
    if (parsed.is === 'text') {
      terminal.stdout.write(`${parsed.text}\n`)
      return exitCodes.ok
    }
    const run = await parsed.verb.load()
    const outcome = await run(parsed.given as never, terminal)
    return await print(parsed.verb.name, parsed.given, outcome, terminal)
  } catch (error) {
    const { report, exitCode } = reportOf(error, terminal.readStack)
    if (asked.json) printJson(asked.command ?? '', null, report, terminal)
    else await printError(report, terminal)
    return exitCode
  }
}

/** A verb's --help, 100 columns wide, for the reference. */
export async function helpOf(verb: string): Promise<string> {
  const parsed = parse([verb, '--help'], 100)
  return parsed.is === 'text' ? parsed.text.replace(/[ \t]+$/gm, '').trim() : ''
}

type Parsed =
  /** --help and --version. */
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'verb'; readonly verb: Verb; readonly given: GlobalArguments }

/** @throws EmulatorError EMU_USAGE. */
function parse(argv: readonly string[], columns: number): Parsed {
  let chosen: Parsed | undefined
  const { own, command } = splitCommand(argv)
  let parser = globalOptions(yargs())
    .scriptName('lambda-emu')
    .usage(
      '$0 <verb> [options]\n\nAWS Lambda on this machine: functions truly frozen between requests.',
    )
    .locale('en')
    .version(packageVersion())
    // Of an option that is given twice the last one counts, unless it may be repeated.
    .middleware((given) => {
      for (const [name, value] of Object.entries(given)) {
        if (Array.isArray(value) && name !== '_' && !mayRepeat(name)) given[name] = value.at(-1)
      }
    }, true)
    .example('$0 start', 'the functions of the project in this folder')
    .example('$0 invoke hello', 'in another terminal')
    .demandCommand(1, 'no verb is given')
    .strict()
    .strictCommands()
    .showHelpOnFail(false)
    .wrap(Math.min(columns, 100))
  for (const verb of verbs) {
    parser = parser.command({
      command: `${verb.name} ${verb.positionals}`.trimEnd(),
      describe: verb.describe,
      builder: (each) => verb.options(each),
      handler: (given) => {
        const all = verb.takesCommand === true ? { ...given, command } : given
        chosen = { is: 'verb', verb, given: all as unknown as GlobalArguments }
      },
    })
  }
  let failure: string | undefined
  let text = ''
  const words = own.map((word) => (word === '-' ? standardInput : word))
  parser.parse(words, {}, (error, _given, output) => {
    if (error) failure = error.message
    text = output
  })
  if (failure !== undefined) {
    throw new EmulatorError('EMU_USAGE', { problem: problemOf(failure, argv) })
  }
  return text === '' && chosen !== undefined ? chosen : { is: 'text', text }
}

/** Words after the first `--` belong to the command of a verb that takes one. */
function splitCommand(argv: readonly string[]): {
  readonly own: readonly string[]
  readonly command: readonly string[]
} {
  const at = argv.indexOf('--')
  const verb = verbs.find(({ name }) => name === argv.find((word) => !word.startsWith('-')))
  if (at < 0 || verb?.takesCommand !== true) return { own: argv, command: [] }
  return { own: argv.slice(0, at), command: argv.slice(at + 1) }
}

function mayRepeat(name: string): boolean {
  const camel = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
  return repeatable.has(camel) || camel === 'header' || name === 'n'
}

/** yargs' own words, on one line, with what would have been right. */
function problemOf(failure: string, argv: readonly string[]): string {
  const verb = verbs.find(({ name }) => argv.includes(name))
  const valueless = /^Not enough arguments following: (\S+)/.exec(failure)?.[1]
  if (valueless !== undefined) {
    return `${valueless.length === 1 ? '-' : '--'}${valueless} needs a value`
  }
  if (failure.startsWith('Not enough') && verb !== undefined) {
    return `something is missing: ${verb.name} ${verb.positionals}`
  }
  const unknown = /^Unknown arguments?: (.+)$/.exec(failure)?.[1]
  if (unknown !== undefined) return unknownWords(unknown.split(', '), argv, verb)
  const verbless = /^Unknown commands?: (\S+)/.exec(failure)?.[1]
  if (verbless !== undefined && verb !== undefined) {
    return `${verbless} is a word too many: ${`${verb.name} ${verb.positionals}`.trimEnd()}`
  }
  if (verbless !== undefined) {
    const names = verbs.map(({ name }) => name)
    return `there is no verb ${verbless}${orMeant(closest(verbless, names))}`
  }
  return failure.replace(/:?\s*\n\s*/g, ': ')
}

/** Each word as it was written, and the option that the first was most likely meant to be. */
function unknownWords(
  names: readonly string[],
  argv: readonly string[],
  verb: Verb | undefined,
): string {
  // yargs names an option with a dash in it a second time, without.
  const written = argv.filter((word) =>
    names.includes(word.replace(/^--?/, '').replace(/=.*/s, '')),
  )
  const [first = names[0] ?? ''] = written
  const all = written.length === 0 ? names.join(', ') : written.join(', ')
  const meant = first.startsWith('--')
    ? closest(first.replace(/=.*/s, ''), optionsOf(verb))
    : undefined
  return `there is no ${all}${orMeant(meant)}`
}

function orMeant(meant: string | undefined): string {
  return meant === undefined ? '' : `; did you mean ${meant}?`
}

/** The long options of a verb, as its help has them. */
function optionsOf(verb: Verb | undefined): readonly string[] {
  const parsed = parse([...(verb === undefined ? [] : [verb.name]), '--help'], 100)
  return parsed.is === 'text' ? (parsed.text.match(/--[a-z][\w-]*/g) ?? []) : []
}

async function print(
  command: string,
  given: GlobalArguments,
  outcome: Outcome,
  terminal: Terminal,
): Promise<number> {
  if (outcome.is === 'streamed') return outcome.exitCode
  if (given.json) {
    printJson(command, outcome.data, outcome.error, terminal)
    return outcome.exitCode
  }
  if (outcome.notes !== undefined && !given.quiet) terminal.stderr.write(ended(outcome.notes))
  terminal.stdout.write(ended(outcome.text))
  if (outcome.error !== undefined) await printError(outcome.error, terminal)
  return outcome.exitCode
}

function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

function printJson(
  command: string,
  data: unknown,
  error: ErrorReport | undefined,
  terminal: Terminal,
): void {
  terminal.stdout.write(`${JSON.stringify(envelope(command, data, error))}\n`)
}

async function printError(report: ErrorReport, terminal: Terminal): Promise<void> {
  const { renderError } = await import('./render.js')
  const { stderr, variables } = terminal
  const style = createStyle(wantsColour(stderr.isTerminal, variables))
  stderr.write(`${renderError(report, style).join('\n')}\n`)
}
