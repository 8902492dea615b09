// Every verb: its options and help for yargs, and where its code is. The code is loaded only when the verb runs.

import yargs, { type Argv } from 'yargs'
import { eventSources } from './event-sources.js'
import type { Outcome } from './outcome.js'
import { shells } from './shell-variables.js'
import { startOptions } from './start-options.js'
import type { Terminal } from './terminal.js'

/** A verb's own argument type is checked by yargs from its options; here it is erased. */
type Run = (given: never, terminal: Terminal) => Promise<Outcome>

export interface Verb {
  readonly name: string
  /** Positional arguments as yargs writes them. */
  readonly positionals: string
  readonly describe: string
  /** Words after `--` are not this program's: they come as `command`. */
  readonly takesCommand?: true
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
    startOptions(yargs)
      .example('$0 start', 'the project in this folder')
      .example('$0 start fixtures/sample --lambda-port 0', 'another folder, any free port')
      .example('$0 start --parameter Stage=dev --env LEVEL=debug', 'with values'),
  load: async () => (await import('./start.js')).run,
}

const execVerb: Verb = {
  name: 'exec',
  positionals: '[path]',
  describe: 'Start an emulator, run a command with it, stop it: exit code of the command',
  takesCommand: true,
  options: (yargs) =>
    startOptions(yargs, { lambdaPort: '0', httpPort: '0', watch: 'false' })
      .usage(
        '$0 exec [path] [options] -- <command> [words]\n\nStart an emulator, run a command with it, stop it',
      )
      .option('verbose', { type: 'boolean', describe: 'What happens, too, on standard error' })
      .example('$0 exec -- npm test', 'AWS_ENDPOINT_URL_LAMBDA and its like are set for it')
      .example(`$0 exec service -- sh -c 'curl "$LAMBDA_EMU_HTTP_URL/hello"'`, 'any free ports'),
  load: async () => (await import('./exec.js')).run,
}

const invokeVerb: Verb = {
  name: 'invoke',
  positionals: '<function> [payload]',
  describe: 'Invoke a function: payload to stdout, its log to stderr',
  options: (yargs) =>
    yargs
      .positional('function', { type: 'string', demandOption: true, describe: 'Name or ARN' })
      .positional('payload', { type: 'string', describe: 'JSON text; - reads standard input' })
      .option('event', {
        alias: 'e',
        type: 'string',
        requiresArg: true,
        describe: 'File with the payload',
      })
      .option('type', {
        alias: 't',
        choices: ['RequestResponse', 'Event', 'DryRun'] as const,
        default: 'RequestResponse' as const,
        describe: 'Wait for the answer, queue it, or only check',
      })
      .option('qualifier', { type: 'string', requiresArg: true, describe: 'Version or alias' })
      .option('log-tail', {
        type: 'boolean',
        default: true,
        describe: 'The last 4 KB of its log; --no-log-tail: only the payload',
      })
      .example(`$0 invoke hello '{"name":"Ada"}'`, 'exit code 1 if the function fails')
      .example('$0 invoke hello -e event.json -t Event', 'asynchronous')
      .example('$0 events sqs | $0 invoke hello -', 'from standard input'),
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
      .option('since', { type: 'string', requiresArg: true, describe: 'As 90s, 10m, 2h' })
      .example('$0 logs hello -f', 'one function, as it happens'),
  load: async () => (await import('./logs.js')).run,
}

const envVerb: Verb = {
  name: 'env',
  positionals: '[function]',
  describe: 'Shell lines that point clients here, or the variables of a function',
  options: (yargs) =>
    yargs
      .positional('function', { type: 'string', describe: 'Its variables, and where from' })
      .option('shell', { choices: shells, describe: 'Whose syntax; without it by $SHELL' })
      .option('reveal', { type: 'boolean', default: false, describe: 'Secrets, too' })
      .example('eval "$($0 env)"', 'AWS clients of this shell call the emulator')
      .example('$0 env hello --reveal', 'every variable, its value and its source'),
  load: async () => (await import('./env.js')).run,
}

const eventsVerb: Verb = {
  name: 'events',
  positionals: '[source]',
  describe: 'Print a sample event, or list the sources',
  options: (yargs) =>
    yargs
      .positional('source', { type: 'string', describe: Object.keys(eventSources).join(', ') })
      .option('method', { type: 'string', requiresArg: true, describe: 'HTTP: its method' })
      .option('path', { type: 'string', requiresArg: true, describe: 'HTTP: path and query' })
      .option('header', {
        type: 'string',
        requiresArg: true,
        describe: 'HTTP: NAME: VALUE; repeatable',
      })
      .option('body', { type: 'string', describe: 'Body, message, data or detail' })
      .option('name', {
        type: 'string',
        requiresArg: true,
        describe: 'Of the bucket, queue, topic, table, stream or rule',
      })
      .option('key', { type: 'string', requiresArg: true, describe: 'Of the object or item' })
      .option('region', { type: 'string', default: 'us-east-1', describe: 'In its ARNs' })
      .option('account', { type: 'string', default: '000000000000', describe: 'In its ARNs' })
      .example('$0 events', 'the sources')
      .example(`$0 events apigateway-v1 --method POST --path /orders --body '{}'`, '')
      .example('$0 events sqs | $0 invoke hello -', 'hand one to a function'),
  load: async () => (await import('./events.js')).run,
}

const configVerb: Verb = {
  name: 'config',
  positionals: '<action> [path]',
  describe: 'Show every setting that `start` would take here',
  options: (yargs) =>
    startOptions(yargs)
      .positional('action', { choices: ['show'] as const, demandOption: true, describe: 'show' })
      .option('origin', { type: 'boolean', default: false, describe: 'Where each comes from' })
      .example('$0 config show --origin', 'flag, environment, lambda-emu.json:line or default'),
  load: async () => (await import('./config.js')).run,
}

const completionVerb: Verb = {
  name: 'completion',
  positionals: '[shell]',
  describe: 'Print a script that completes verbs, options and function names',
  takesCommand: true,
  options: (yargs) =>
    yargs
      .positional('shell', { choices: ['bash', 'zsh', 'fish'], describe: 'By $SHELL' })
      .option('words', { type: 'boolean', hidden: true })
      .example('eval "$($0 completion bash)"', 'in ~/.bashrc'),
  load: async () => (await import('./completion.js')).run,
}

/** A verb without options of its own. */
function plain(name: string, describe: string, example: string, load: () => Promise<Run>): Verb {
  const options = (yargs: Argv) => yargs.example(`$0 ${name}`, example)
  return { name, positionals: '', describe, options, load }
}

/** In the order of `lambda-emu --help`. */
export const verbs: readonly Verb[] = [
  startVerb,
  plain(
    'stop',
    'Stop the emulator of this folder',
    'returns when its process is gone',
    async () => (await import('./stop.js')).run,
  ),
  plain(
    'status',
    'Show where it listens, how it freezes and what it does',
    'with --json for scripts',
    async () => (await import('./status.js')).run,
  ),
  plain(
    'list',
    'List the functions, routes and schedules',
    'with what is only recorded of each',
    async () => (await import('./list.js')).run,
  ),
  invokeVerb,
  logsVerb,
  envVerb,
  execVerb,
  eventsVerb,
  {
    name: 'explain',
    positionals: '<id>',
    describe: 'Tell a request, an environment, an API, a code or a word in sentences',
    options: (yargs) =>
      yargs
        .positional('id', {
          type: 'string',
          demandOption: true,
          describe: 'Or the beginning of it',
        })
        .example('$0 explain e1', 'the life of an environment')
        .example('$0 explain 5f3a9c1e', 'a request: wait, cold start and why, freeze, end')
        .example('$0 explain EMU_PORT_IN_USE', 'needs no running emulator'),
    load: async () => (await import('./explain.js')).run,
  },
  plain(
    'environments',
    'List the execution environments, frozen or not',
    'with their processes and memory',
    async () => (await import('./environments.js')).run,
  ),
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
  plain(
    'doctor',
    'Try out what this machine can do, and say how to get more',
    'needs no running emulator',
    async () => (await import('./doctor.js')).run,
  ),
  configVerb,
  completionVerb,
]

/** Options of every verb. */
export function globalOptions(parser: Argv): Argv {
  return parser
    .option('state-dir', {
      type: 'string',
      requiresArg: true,
      describe: 'State directory of the daemon',
      global: true,
    })
    .option('json', { type: 'boolean', default: false, describe: 'Output for programs' })
    .option('quiet', { type: 'boolean', default: false, describe: 'Only what was asked for' })
}

/** Long flags of a verb that are worth proposing. */
export function flagsOf(verb: Verb): readonly string[] {
  const parser = verb.options(globalOptions(yargs()))
  const known = (parser as unknown as { getOptions(): KnownOptions }).getOptions()
  const positionals = new Set(verb.positionals.match(/\w+/g) ?? [])
  const hidden = new Set(known.hiddenOptions)
  const names = Object.keys(known.key).filter(
    (name) => name.length > 1 && !positionals.has(name) && !hidden.has(name),
  )
  const isOn = (name: string) => String(known.default[name] ?? known.defaultDescription[name])
  const offOnes = known.boolean.filter((name) => isOn(name) === 'true')
  return [...names.filter((name) => !/[A-Z]/.test(name)), ...offOnes.map((name) => `no-${name}`)]
    .map((name) => `--${name}`)
    .sort()
}

/** The part of yargs' own book-keeping that is read here. */
interface KnownOptions {
  readonly key: Readonly<Record<string, unknown>>
  readonly boolean: readonly string[]
  readonly default: Readonly<Record<string, unknown>>
  readonly defaultDescription: Readonly<Record<string, unknown>>
  readonly hiddenOptions: readonly string[]
}
