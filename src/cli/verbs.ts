// Every verb: its options and help for yargs, and where its code is. The code is loaded only when the verb runs.

import type { Argv } from 'yargs'
import type { Outcome } from './outcome.js'
import type { Terminal } from './terminal.js'

/** A verb's own argument type is checked by yargs from its options; here it is erased. */
type Run = (given: never, terminal: Terminal) => Promise<Outcome>

export interface Verb {
  readonly name: string
  /** Positional arguments as yargs writes them. */
  readonly positionals: string
  readonly describe: string
  options(yargs: Argv): Argv
  load(): Promise<Run>
}

const environmentVerbs = {
  freeze: 'Freeze an idle environment now',
  thaw: 'Thaw an environment until the end of its next invocation',
  expire: 'End an idle environment: the next invocation is a cold start',
} as const

const startVerb: Verb = {
  name: 'start',
  positionals: '[path]',
  describe: 'Start the emulator and show what happens',
  options: (yargs) =>
    yargs
      .positional('path', { type: 'string', describe: 'Template, lambda-emu.json or their folder' })
      .option('host', { type: 'string', default: '127.0.0.1', describe: 'Loopback address' })
      .option('lambda-port', {
        type: 'number',
        default: 3001,
        describe: 'Port of the Lambda API; 0 takes any free one',
      })
      .option('region', { type: 'string', describe: 'Region of unsigned requests' })
      .option('account', { type: 'string', describe: 'Account id, 12 digits' })
      .option('freeze', {
        choices: ['v2', 'v1', 'signal', 'none'] as const,
        describe: 'How to freeze; without it the best that works',
      })
      .option('isolation', {
        choices: ['standard', 'none'] as const,
        describe: 'none: functions see the files and processes that you see',
      })
      .option('cpu', {
        type: 'boolean',
        default: true,
        describe: 'CPU in proportion to memory; --no-cpu: as much as there is',
      })
      .option('memory-budget', {
        type: 'number',
        describe: 'MB for all environments together; 70 % of what is free',
      })
      .check(({ lambdaPort, account, memoryBudget }) => {
        const port = Number(lambdaPort)
        if (!Number.isInteger(port) || port < 0 || port > 65_535) {
          throw new Error(`--lambda-port ${lambdaPort} is not a port from 0 to 65535`)
        }
        if (account !== undefined && !/^\d{12}$/.test(String(account))) {
          throw new Error(`--account ${account} is not twelve digits`)
        }
        const budgetMb = Number(memoryBudget ?? 64)
        if (!Number.isInteger(budgetMb) || budgetMb < 64) {
          throw new Error('--memory-budget takes a whole number of MB from 64 on')
        }
        return true
      })
      .example('$0 start', 'the project in this folder')
      .example('$0 start fixtures/sample --lambda-port 0', 'another folder, any free port'),
  load: async () => (await import('./start.js')).run,
}

const invokeVerb: Verb = {
  name: 'invoke',
  positionals: '<function> [payload]',
  describe: 'Invoke a function: payload to stdout, its log to stderr',
  options: (yargs) =>
    yargs
      .positional('function', { type: 'string', demandOption: true, describe: 'Name or ARN' })
      .positional('payload', { type: 'string', describe: 'JSON text; - reads standard input' })
      .option('event', { alias: 'e', type: 'string', describe: 'File with the payload' })
      .option('type', {
        alias: 't',
        choices: ['RequestResponse', 'Event', 'DryRun'] as const,
        default: 'RequestResponse' as const,
        describe: 'Wait for the answer, queue it, or only check',
      })
      .option('qualifier', { type: 'string', describe: 'Version or alias' })
      .example(`$0 invoke hello '{"name":"Ada"}'`, 'exit code 1 if the function fails')
      .example('$0 invoke hello -e event.json -t Event', 'asynchronous'),
  load: async () => (await import('./invoke.js')).run,
}

const logsVerb: Verb = {
  name: 'logs',
  positionals: '[function]',
  describe: 'Show what functions and the platform logged',
  options: (yargs) =>
    yargs
      .positional('function', { type: 'string', describe: 'Only this one' })
      .option('follow', { alias: 'f', type: 'boolean', default: false, describe: 'Go on' })
      .option('since', { type: 'string', describe: 'As 90s, 10m, 2h' })
      .example('$0 logs hello -f', 'one function, as it happens'),
  load: async () => (await import('./logs.js')).run,
}

/** In the order of `lambda-emu --help`. */
export const verbs: readonly Verb[] = [
  startVerb,
  {
    name: 'stop',
    positionals: '',
    describe: 'Stop the emulator of this folder',
    options: (yargs) => yargs.example('$0 stop', 'returns when its process is gone'),
    load: async () => (await import('./stop.js')).run,
  },
  {
    name: 'status',
    positionals: '',
    describe: 'Show where it listens, how it freezes and what it does',
    options: (yargs) => yargs.example('$0 status --json', 'for scripts'),
    load: async () => (await import('./status.js')).run,
  },
  {
    name: 'list',
    positionals: '',
    describe: 'List the functions',
    options: (yargs) => yargs.example('$0 list', 'with what is only recorded of each'),
    load: async () => (await import('./list.js')).run,
  },
  invokeVerb,
  logsVerb,
  {
    name: 'environments',
    positionals: '',
    describe: 'List the execution environments, frozen or not',
    options: (yargs) => yargs.example('$0 environments', 'with their processes and memory'),
    load: async () => (await import('./environments.js')).run,
  },
  ...(['freeze', 'thaw', 'expire'] as const).map(
    (name): Verb => ({
      name,
      positionals: '<environment>',
      describe: environmentVerbs[name],
      options: (yargs) =>
        yargs
          .positional('environment', {
            type: 'string',
            demandOption: true,
            describe: 'Its id, as `environments` shows it',
          })
          .example(`$0 ${name} e1`, ''),
      load: async () => (await import('./act.js')).act(name),
    }),
  ),
  {
    name: 'doctor',
    positionals: '',
    describe: 'Try out what this machine can do, and say how to get more',
    options: (yargs) => yargs.example('$0 doctor', 'needs no running emulator'),
    load: async () => (await import('./doctor.js')).run,
  },
]
