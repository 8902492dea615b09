// lambda-emu exec: an emulator for as long as one command runs, and that command's exit code.

import { constants } from 'node:os'
import type { Emulator } from '../admin/contract.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { pageOf } from './connect.js'
import { createEventLines } from './event-lines.js'
import type { Outcome } from './outcome.js'
import { clientVariables } from './shell-variables.js'
import { liveLong, tellOverdue } from './start.js'
import { readStartOptions, type StartArguments } from './start-options.js'
import type { RunEnd, Running, Terminal } from './terminal.js'
import { createClockTime } from './text.js'

export interface ExecArguments extends StartArguments {
  /** The words after `--`. */
  readonly command: readonly string[]
  readonly verbose?: boolean
}

/** @throws EmulatorError EMU_USAGE, EMU_COMMAND_NOT_FOUND, and those of startEmulator. */
export async function run(given: ExecArguments, terminal: Terminal): Promise<Outcome> {
  const [command, ...words] = given.command
  if (command === undefined) {
    throw new EmulatorError('EMU_USAGE', {
      problem: 'the command is missing: exec [path] -- <command> [words]',
    })
  }
  const signals = watchSignals(terminal)
  let emulator: Emulator | undefined
  try {
    const wish = await readStartOptions({ ...given, ...ownPorts(given) }, terminal)
    for (const note of given.quiet ? [] : wish.notes) terminal.stderr.write(`${note}\n`)
    const library = await terminal.loadLibrary()
    // LAMBDA_EMU_STATE_DIR is that of an emulator around this one: only a flag names one for this run.
    const { stateDirectory: named, ...options } = wish.options
    emulator = await library.startEmulator({
      ...options,
      watch: given.watch === true,
      ...(given.stateDir === undefined || named === undefined ? {} : { stateDirectory: named }),
    })
    liveLong(terminal)
    if (!given.quiet) tell(emulator, given.verbose === true, terminal)
    const early = signals.received()
    if (early !== undefined) return ended({ is: 'killed', signal: early }, command)
    const { lambdaUrl, httpUrl, stateDirectory } = emulator
    const region = wish.options.region ?? 'us-east-1'
    const running = terminal.run(command, words, {
      ...terminal.variables,
      ...clientVariables({ lambdaUrl, httpUrl, region }, terminal.variables),
      // Verbs that the command runs mean this emulator, whatever else runs for the project.
      LAMBDA_EMU_STATE_DIR: stateDirectory,
    })
    signals.passTo(running)
    return ended(await running.ended, command)
  } finally {
    signals.passTo(undefined)
    await emulator?.stop()
    signals.release()
  }
}

/** Two side by side must not meet: ports of the project's own settings are for `start`. */
function ownPorts(given: ExecArguments): Pick<StartArguments, 'lambdaPort' | 'httpPort'> {
  return { lambdaPort: given.lambdaPort ?? '0', httpPort: given.httpPort ?? '0' }
}

/** Standard output belongs to the command. */
function tell(emulator: Emulator, verbose: boolean, terminal: Terminal): void {
  const { style } = pageOf(terminal.stderr, terminal)
  const events = createEventLines({
    style,
    escape: terminal.stderr.isTerminal,
    clockTime: createClockTime(),
  })
  const print = (lines: readonly string[]) => {
    if (lines.length > 0) terminal.stderr.write(`${lines.join('\n')}\n`)
  }
  for (const { code, property, message } of emulator.warnings) {
    print([`! ${code} ${property}: ${message}`])
  }
  emulator.onLog((record) => print(events.ofLog(record)))
  if (!verbose) return
  const http = emulator.httpUrl === null ? [] : [`HTTP ${emulator.httpUrl}`]
  print([[`Lambda ${emulator.lambdaUrl}`, ...http].join('   ')])
  emulator.onJournal((record) => {
    print(events.ofJournal(record))
    tellOverdue(record, { events, terminal, print })
  })
}

interface Signals {
  /** The first that came. */
  received(): NodeJS.Signals | undefined
  /** Whoever gets them from now on; until then, and after, they are only kept. */
  passTo(running: Running | undefined): void
  release(): void
}

function watchSignals(terminal: Terminal): Signals {
  let first: NodeJS.Signals | undefined
  let target: Running | undefined
  const release = terminal.onInterrupt((signal = 'SIGHUP') => {
    first ??= signal
    // The terminal has sent it to the command already; a second one would be taken for impatience.
    if (signal === 'SIGINT' && terminal.sharesKeyboard) return
    target?.kill(signal)
  })
  return {
    received: () => first,
    passTo: (running) => {
      target = running
    },
    release,
  }
}

/** The command's own exit code; 128 and the signal's number, as shells have it. */
function ended(end: RunEnd, command: string): Outcome {
  if (end.is === 'exited') return { is: 'streamed', exitCode: end.code }
  if (end.is === 'killed') {
    return { is: 'streamed', exitCode: 128 + (constants.signals[end.signal] ?? 0) }
  }
  const reason = end.reason === 'ENOENT' ? 'there is no such program' : end.reason
  throw new EmulatorError('EMU_COMMAND_NOT_FOUND', { command, reason })
}
