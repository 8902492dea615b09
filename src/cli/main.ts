// The command line: arguments → one verb → its outcome, printed for people or as JSON → an exit code.

import yargs from 'yargs'
import { packageVersion } from '../admin/package-root.js'
import { EmulatorError, exitCodes } from '../domain/emulator-error.js'
import {
  type ErrorReport,
  envelope,
  type GlobalArguments,
  type Outcome,
  reportOf,
  standardInput,
} from './outcome.js'
import type { Terminal } from './terminal.js'
import { createStyle, wantsColour } from './text.js'
import { type Verb, verbs } from './verbs.js'

export { processTerminal } from './terminal.js'

/** Runs one command. Never throws; gives the exit code (the table in domain/emulator-error.ts). */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  const asked = {
    json: argv.includes('--json'),
    command: argv.find((word) => !word.startsWith('-')),
  }
  try {
    const parsed = parse(argv, terminal)
    if (parsed.is === 'text') {
      terminal.stdout.write(`${parsed.text}\n`)
      return exitCodes.ok
    }
    const run = await parsed.verb.load()
    const outcome = await run(parsed.given as never, terminal)
    return await print(parsed.verb.name, parsed.given, outcome, terminal)
  } catch (error) {
    const { report, exitCode } = reportOf(error)
    if (asked.json) printJson(asked.command ?? '', null, report, terminal)
    else await printError(report, terminal)
    return exitCode
  }
}

type Parsed =
  /** --help and --version. */
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'verb'; readonly verb: Verb; readonly given: GlobalArguments }

/** @throws EmulatorError EMU_USAGE. */
function parse(argv: readonly string[], terminal: Terminal): Parsed {
  let chosen: Parsed | undefined
  let parser = yargs()
    .scriptName('lambda-emu')
    .usage(
      '$0 <verb> [options]\n\nAWS Lambda on this machine: functions truly frozen between requests.',
    )
    .locale('en')
    .version(packageVersion())
    .option('state-dir', {
      type: 'string',
      describe: 'State directory of the daemon',
      global: true,
    })
    .option('json', { type: 'boolean', default: false, describe: 'Output for programs' })
    .option('quiet', { type: 'boolean', default: false, describe: 'Only what was asked for' })
    .parserConfiguration({ 'duplicate-arguments-array': false })
    .example('$0 start', 'the functions of the project in this folder')
    .example('$0 invoke hello', 'in another terminal')
    .demandCommand(1, 'no verb is given')
    .strict()
    .strictCommands()
    .showHelpOnFail(false)
    .wrap(Math.min(terminal.stdout.columns, 100))
  for (const verb of verbs) {
    parser = parser.command({
      command: `${verb.name} ${verb.positionals}`.trimEnd(),
      describe: verb.describe,
      builder: (each) => verb.options(each),
      handler: (given) => {
        chosen = { is: 'verb', verb, given: given as unknown as GlobalArguments }
      },
    })
  }
  let failure: string | undefined
  let text = ''
  const words = argv.map((word) => (word === '-' ? standardInput : word))
  parser.parse(words, {}, (error, _given, output) => {
    if (error) failure = error.message
    text = output
  })
  if (failure !== undefined) {
    throw new EmulatorError('EMU_USAGE', { problem: problemOf(failure, argv) })
  }
  return text === '' && chosen !== undefined ? chosen : { is: 'text', text }
}

/** yargs' own words, on one line, with what would have been right. */
function problemOf(failure: string, argv: readonly string[]): string {
  const verb = verbs.find(({ name }) => argv.includes(name))
  if (failure.startsWith('Not enough') && verb !== undefined) {
    return `something is missing: ${verb.name} ${verb.positionals}`
  }
  return failure.replace(/:?\s*\n\s*/g, ': ')
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
