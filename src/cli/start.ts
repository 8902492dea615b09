// lambda-emu start: runs the emulator in the foreground and tells what happens, a line an event, until Ctrl-C.

import { relative } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import type { Emulator, JournalRecord } from '../admin/contract.js'
import { packageVersion } from '../admin/package-root.js'
import type { Release } from '../clock/clock.js'
import { systemKernel } from '../clock/kernel.js'
import { projectFolder } from '../config/load.js'
import { exitCodes } from '../domain/emulator-error.js'
import { pageOf } from './connect.js'
import { createEventLines, type EventLines, overdueMs } from './event-lines.js'
import { type HotKeys, listenToKeys } from './hot-keys.js'
import { sweepWhenIdle } from './idle-sweep.js'
import { watchInterrupts } from './interrupts.js'
import type { Outcome } from './outcome.js'
import { renderBanner } from './render-banner.js'
import { createRunningAccount, type RunningAccount } from './running-account.js'
import { readStartOptions, type StartArguments, type StartWish } from './start-options.js'
import type { Terminal } from './terminal.js'
import { createClockTime } from './text.js'

/**
 * V8 would let the heap grow, by 48 MB its young part alone, while much is made and thrown away, as by a storm of
 * output. What a daemon leaves behind is worth no more room: it is swept more often instead. Source: measured, 120
 * against 190 MB resident under a load of 16 callers, and 27 against 55 MB that a storm adds; growing by 20 % only would
 * save 4 MB more and cost a tenth of the CPU time.
 */
function keepHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=50')
}

/**
 * For whoever has an emulator ready. Not sooner: all that a start loads stays, and a heap that is swept often would be swept
 * in vain. Source: measured, 150 of 900 ms of a start's CPU time.
 */
export function liveLong(terminal: Terminal): void {
  terminal.started?.()
  keepHeapSmall()
}

/** Resolves after a clean stop. @throws EmulatorError of startDaemon. */
export async function run(given: StartArguments, terminal: Terminal): Promise<Outcome> {
  const interrupts = watchInterrupts(terminal)
  let keys: HotKeys | undefined
  let endSweeping: Release | undefined
  try {
    const wish = await readStartOptions(given, terminal)
    for (const note of given.quiet ? [] : wish.notes) terminal.stderr.write(`${note}\n`)
    // What is easily mistyped is refused before anything is loaded.
    await projectFolder(wish.options.path)
    const library = await terminal.loadLibrary()
    const emulator = await library.startDaemon(wish.options)
    const readyMs = terminal.uptimeMs()
    interrupts.stops(emulator)
    const invocations = () => emulator.status().invocations.total
    endSweeping = sweepWhenIdle({ timers: systemKernel, invocations })
    let account: Flushable | undefined
    if (given.json) account = tellJson(emulator, terminal)
    else {
      const told = { emulator, wish, readyMs, terminal, given }
      ;({ keys, account } = tellPeople(told, interrupts.interrupt))
    }
    liveLong(terminal)
    await emulator.stopped
    account?.flush()
    if (given.json) terminal.stdout.write(`${JSON.stringify({ event: 'stopped' })}\n`)
    else if (!given.quiet) terminal.stdout.write('stopped\n')
    return { is: 'streamed', exitCode: exitCodes.ok }
  } finally {
    endSweeping?.()
    keys?.release()
    interrupts.release()
  }
}

type Flushable = Pick<RunningAccount<never>, 'flush'>

function tellJson(emulator: Emulator, terminal: Terminal): Flushable {
  const account = createRunningAccount<Told>(terminal.stdout, terminal, lineOf)
  const tell = (event: string, facts: object | string, characters?: number) =>
    account.tell({ event, facts }, characters)
  tell('ready', {
    lambda: emulator.lambdaUrl,
    http: emulator.httpUrl,
    admin: { url: emulator.adminUrl, token: emulator.adminToken },
  })
  for (const warning of emulator.warnings) tell('warning', warning)
  account.flush()
  emulator.onJournal((record) => tell('journal', record))
  emulator.onLog((_record, json) => tell('log', json, json.length))
  return account
}

interface Told {
  readonly event: string
  /** As an object, or as the text of one. */
  readonly facts: object | string
}

/** A copy of each record with one member more would cost more than the line. */
function lineOf({ event, facts }: Told): string {
  const json = typeof facts === 'string' ? facts : JSON.stringify(facts)
  return `{"event":"${event}",${json.slice(1)}\n`
}

interface Started {
  readonly emulator: Emulator
  readonly wish: StartWish
  readonly readyMs: number
  readonly terminal: Terminal
  readonly given: StartArguments
}

/** The banner and the running account; with --quiet nothing, and no keys. */
function tellPeople(
  told: Started,
  interrupt: () => void,
): { readonly keys: HotKeys | undefined; readonly account: Flushable | undefined } {
  const { emulator, terminal, given } = told
  if (given.quiet) return { keys: undefined, account: undefined }
  const page = pageOf(terminal.stdout, terminal)
  const account = createRunningAccount<() => readonly string[]>(
    terminal.stdout,
    terminal,
    (linesOf) => {
      const lines = linesOf()
      return lines.length === 0 ? '' : `${lines.join('\n')}\n`
    },
  )
  const print = (lines: readonly string[]) => {
    account.tell(() => lines)
    account.flush()
  }
  const keys = listenToKeys({ emulator, terminal, page, print, interrupt })
  const status = emulator.status()
  const facts = {
    version: packageVersion(),
    status,
    functions: emulator.functions(),
    warnings: emulator.warnings,
    readyMs: told.readyMs,
    suggestions: emulator.source.suggestions,
    program: terminal.program,
    project: shortPath(emulator.source.path ?? status.project, terminal.workingFolder),
    region: told.wish.options.region ?? 'us-east-1',
    keys: keys?.shown ?? [],
  }
  print(renderBanner(facts, page))
  const events = createEventLines({
    style: page.style,
    escape: terminal.stdout.isTerminal,
    clockTime: createClockTime(),
  })
  emulator.onJournal((record) => {
    keys?.heard(record)
    account.tell(() => {
      const lines = events.ofJournal(record)
      tellOverdue(record, { events, terminal, print })
      return lines
    })
  })
  emulator.onLog((record) => account.tell(() => events.ofLog(record), record.message.length))
  return { keys, account }
}

/** An HTTP request whose invocation never ran has no second half to wait for. */
export function tellOverdue(
  record: JournalRecord,
  parts: {
    readonly events: EventLines
    readonly terminal: Terminal
    readonly print: (lines: readonly string[]) => void
  },
): void {
  const waiting = parts.events.waitsFor(record)
  if (waiting === undefined) return
  void parts.terminal.pause(overdueMs).then(() => parts.print(parts.events.overdue(waiting)))
}

/** Relative to the working folder, unless that leads out of it. */
function shortPath(path: string, workingFolder: string): string {
  const short = relative(workingFolder, path)
  if (short === '') return '.'
  return short.startsWith('..') ? path : short
}
