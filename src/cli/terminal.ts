// What a verb may know of the world around the process, as one value: so that tests can give another.

import { spawn } from 'node:child_process'
import { basename, relative } from 'node:path'
import type { Emulator, EmulatorOptions } from '../admin/contract.js'
import { processUptimeMs } from '../clock/kernel.js'

export interface Output {
  write(text: string): void
  /** False for files and pipes: no colour, no escaping, no truncation there. */
  readonly isTerminal: boolean
  readonly columns: number
}

/** How a program ended, or why it never ran. */
export type RunEnd =
  | { readonly is: 'exited'; readonly code: number }
  | { readonly is: 'killed'; readonly signal: NodeJS.Signals }
  | { readonly is: 'not-started'; readonly reason: string }

export interface Running {
  /** Nothing when it has ended. */
  kill(signal: NodeJS.Signals): void
  readonly ended: Promise<RunEnd>
}

/** What `start` and `exec` need of the library. */
export interface Library {
  /** Where other commands find it by its project. */
  startDaemon(options: EmulatorOptions): Promise<Emulator>
  /** Nobody's but the caller's. */
  startEmulator(options: EmulatorOptions): Promise<Emulator>
}

type Variables = Readonly<Record<string, string | undefined>>

export interface Terminal {
  /** How this program was called, as somebody would type it again. */
  readonly program: string
  readonly workingFolder: string
  readonly variables: Variables
  readonly stdin: AsyncIterable<Buffer>
  readonly stdout: Output
  readonly stderr: Output
  /** Waits on the host's clock. */
  sleep(durationMs: number): Promise<void>
  /** As sleep, but the process may end meanwhile. */
  pause(durationMs: number): Promise<void>
  /** Since this process was started. */
  uptimeMs(): number
  /**
   * Called for each Ctrl-C, SIGTERM, SIGHUP, and, without a signal, when nobody reads stdout any more. Returns the way
   * to stop.
   */
  onInterrupt(listener: (signal?: NodeJS.Signals) => void): () => void
  /**
   * Each key as it is pressed, without echo; Ctrl-C comes here as \u0003. Returns the way to give the keyboard back.
   * Missing unless standard input and output are both a terminal.
   */
  readonly onKey?: (listener: (key: string) => void) => () => void
  /** Whether Ctrl-C at the keyboard reaches the programs that this one has started, too. */
  readonly sharesKeyboard: boolean
  /** Runs a program with this process's own input, output and errors. */
  run(command: string, words: readonly string[], variables: Variables): Running
  /** Ends the process at once. */
  exit(code: number): void
  loadLibrary(): Promise<Library>
  /** Called once an emulator is ready, before the process is set up for a long life. */
  started?(): void
  /** A stack that names the files that were written, where this program was made of others. */
  readStack?(stack: string): string
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The terminal of this process. `sleep` comes from outside: nothing here touches timers. */
export function processTerminal(given: {
  readonly sleep: (
    durationMs: number,
    value?: undefined,
    options?: { readonly ref?: boolean },
  ) => Promise<void>
  readonly started?: () => void
  readonly readStack?: (stack: string) => string
}): Terminal {
  const interrupted = new Set<(signal?: NodeJS.Signals) => void>()
  process.stdout.on('error', () => {
    // The reader (`head`, a closed window) has gone: there is nobody to tell.
    if (interrupted.size === 0) process.exit(0)
    for (const listener of interrupted) listener()
  })
  process.stderr.on('error', () => {})
  return {
    program: programName(process.argv[1] ?? '', process.cwd()),
    workingFolder: process.cwd(),
    variables: process.env,
    stdin: process.stdin,
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    sleep: (durationMs) => given.sleep(durationMs),
    pause: (durationMs) => given.sleep(durationMs, undefined, { ref: false }),
    uptimeMs: processUptimeMs,
    onInterrupt: (listener) => {
      interrupted.add(listener)
      for (const signal of signals) process.on(signal, listener)
      return () => {
        interrupted.delete(listener)
        for (const signal of signals) process.off(signal, listener)
      }
    },
    ...(process.stdin.isTTY === true && process.stdout.isTTY === true ? { onKey } : {}),
    sharesKeyboard: process.stdin.isTTY === true,
    run,
    exit: (code) => process.exit(code),
    loadLibrary: () => import('../index.js'),
    ...(given.started === undefined ? {} : { started: given.started }),
    ...(given.readStack === undefined ? {} : { readStack: given.readStack }),
  }
}

/** Ctrl-Z and Ctrl-\ do what they always do: only lines and echo are given up. */
function onKey(listener: (key: string) => void): () => void {
  const { stdin } = process
  const raw = () => stdin.setRawMode(true)
  const cooked = () => stdin.setRawMode(false)
  const heard = (chunk: Buffer) => {
    for (const key of chunk.toString('utf8')) {
      if (key !== '\u001a' && key !== '\u001c') listener(key)
      else {
        cooked()
        process.kill(process.pid, key === '\u001a' ? 'SIGTSTP' : 'SIGQUIT')
        // Here it goes on when it is continued, or at once where nobody could continue it.
        raw()
      }
    }
  }
  raw()
  stdin.on('data', heard)
  process.on('SIGCONT', raw)
  process.on('exit', cooked)
  return () => {
    stdin.off('data', heard)
    stdin.pause()
    process.off('SIGCONT', raw)
    process.off('exit', cooked)
    cooked()
  }
}

function run(command: string, words: readonly string[], variables: Variables): Running {
  const child = spawn(command, words, { env: variables, stdio: 'inherit' })
  return {
    kill: (signal) => {
      child.kill(signal)
    },
    ended: new Promise((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        if (child.pid === undefined) resolve({ is: 'not-started', reason: error.code ?? '' })
      })
      child.once('exit', (code, signal) => {
        if (signal !== null) resolve({ is: 'killed', signal })
        else resolve({ is: 'exited', code: code ?? 0 })
      })
    }),
  }
}

function outputOf(stream: NodeJS.WriteStream): Output {
  return {
    write: (text) => {
      stream.write(text)
    },
    isTerminal: stream.isTTY === true,
    get columns() {
      return stream.columns ?? 100
    },
  }
}

/** `lambda-emu` when it is installed, `node bin/lambda-emu.js` from a checkout. */
export function programName(script: string, workingFolder: string): string {
  if (basename(script) !== 'lambda-emu.js') return 'lambda-emu'
  const path = relative(workingFolder, script)
  return `node ${path.startsWith('..') ? script : path}`
}
