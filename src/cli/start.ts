// lambda-emu start: runs the emulator in the foreground and tells what happens, a line an event, until Ctrl-C.

import { relative, resolve } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import type { Emulator, EmulatorOptions, FreezeBackend } from '../admin/contract.js'
import { packageVersion } from '../admin/package-root.js'
import { load } from '../config/load.js'
import type { Suggestion } from '../config/loaded.js'
import { exitCodes } from '../domain/emulator-error.js'
import { pageOf } from './connect.js'
import { createEventLines } from './event-lines.js'
import type { GlobalArguments, Outcome } from './outcome.js'
import { renderBanner } from './render.js'
import type { Terminal } from './terminal.js'
import { createClockTime } from './text.js'

export interface StartArguments extends GlobalArguments {
  readonly path?: string
  readonly host: string
  readonly lambdaPort: number
  readonly region?: string
  readonly account?: string
  readonly freeze?: FreezeBackend
  readonly isolation?: 'standard' | 'none'
  readonly cpu: boolean
  readonly memoryBudget?: number
}

/**
 * V8 would let the heap grow, by 48 MB its young part alone, while much is made and thrown away, as by a storm of
 * output. What a daemon leaves behind is worth no more room: it is swept more often instead. Source: measured, 97
 * against 134 MB resident after 5,000 invocations for some 6 % of its CPU time, and 22 against 45 MB in a storm.
 */
function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=20')
}

/** Resolves after a clean stop. @throws EmulatorError of startEmulator. */
export async function run(given: StartArguments, terminal: Terminal): Promise<Outcome> {
  keepHeapSmall()
  const interrupt = watchInterrupts(terminal)
  try {
    const options = optionsOf(given, terminal)
    // Loading here too makes a wrong template fail before anything is started.
    const [library, { suggestions }] = await Promise.all([
      terminal.loadLibrary(),
      load(options.path, loadOptionsOf(options)),
    ])
    const emulator = await library.startEmulator(options)
    const readyMs = terminal.uptimeMs()
    interrupt.stops(emulator)
    if (given.json) tellJson(emulator, terminal)
    else if (!given.quiet) tellPeople({ emulator, options, suggestions, readyMs, terminal })
    await emulator.stopped
    if (given.json) terminal.stdout.write(`${JSON.stringify({ event: 'stopped' })}\n`)
    else if (!given.quiet) terminal.stdout.write('stopped\n')
    return { is: 'streamed', exitCode: exitCodes.ok }
  } finally {
    interrupt.release()
  }
}

function optionsOf(given: StartArguments, terminal: Terminal): EmulatorOptions {
  const region = given.region ?? terminal.variables.AWS_REGION
  return {
    path: resolve(terminal.workingFolder, given.path ?? '.'),
    host: given.host,
    lambdaPort: given.lambdaPort,
    ...(given.stateDir === undefined
      ? {}
      : { stateDirectory: resolve(terminal.workingFolder, given.stateDir) }),
    ...(region === undefined || region === '' ? {} : { region }),
    ...(given.account === undefined ? {} : { accountId: given.account }),
    ...(given.freeze === undefined ? {} : { freeze: given.freeze }),
    ...(given.isolation === undefined ? {} : { isolation: given.isolation }),
    cpu: given.cpu,
    ...(given.memoryBudget === undefined ? {} : { memoryBudgetMb: given.memoryBudget }),
  }
}

function loadOptionsOf(options: EmulatorOptions) {
  return {
    ...(options.region === undefined ? {} : { region: options.region }),
    ...(options.accountId === undefined ? {} : { accountId: options.accountId }),
  }
}

interface InterruptWatch {
  stops(emulator: Emulator): void
  release(): void
}

/** The first Ctrl-C stops cleanly, even while it is still starting; the second ends the process at once. */
function watchInterrupts(terminal: Terminal): InterruptWatch {
  let emulator: Emulator | undefined
  let interrupts = 0
  const release = terminal.onInterrupt(() => {
    interrupts += 1
    if (interrupts > 1) return terminal.exit(exitCodes.interrupted)
    void emulator?.stop()
  })
  return {
    stops: (started) => {
      emulator = started
      if (interrupts > 0) void started.stop()
    },
    release,
  }
}

function tellJson(emulator: Emulator, terminal: Terminal): void {
  const print = (value: object) => terminal.stdout.write(`${JSON.stringify(value)}\n`)
  print({
    event: 'ready',
    lambda: emulator.lambdaUrl,
    http: null,
    admin: { url: emulator.adminUrl, token: emulator.adminToken },
  })
  for (const warning of emulator.warnings) print({ event: 'warning', ...warning })
  emulator.onJournal((record) => print({ event: 'journal', ...record }))
  emulator.onLog((record) => print({ event: 'log', ...record }))
}

function tellPeople(started: {
  readonly emulator: Emulator
  readonly options: EmulatorOptions
  readonly suggestions: readonly Suggestion[]
  readonly readyMs: number
  readonly terminal: Terminal
}): void {
  const { emulator, terminal } = started
  const page = pageOf(terminal.stdout, terminal)
  const print = (lines: readonly string[]) => {
    if (lines.length > 0) terminal.stdout.write(`${lines.join('\n')}\n`)
  }
  const status = emulator.status()
  const facts = {
    version: packageVersion(),
    status,
    functions: emulator.functions(),
    warnings: emulator.warnings,
    readyMs: started.readyMs,
    suggestions: started.suggestions,
    program: terminal.program,
    project: shortPath(status.project, terminal.workingFolder),
    region: started.options.region ?? 'us-east-1',
  }
  print(renderBanner(facts, page))
  const events = createEventLines({
    style: page.style,
    escape: terminal.stdout.isTerminal,
    clockTime: createClockTime(),
  })
  emulator.onJournal((record) => print(events.ofJournal(record)))
  emulator.onLog((record) => print(events.ofLog(record)))
}

/** Relative to the working folder, unless that leads out of it. */
function shortPath(path: string, workingFolder: string): string {
  const short = relative(workingFolder, path)
  if (short === '') return '.'
  return short.startsWith('..') ? path : short
}
