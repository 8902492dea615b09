// What a verb may know of the world around the process, as one value: so that tests can give another.

import { basename, relative } from 'node:path'
import type { Emulator, EmulatorOptions } from '../admin/contract.js'
import { processUptimeMs } from '../clock/kernel.js'

export interface Output {
  write(text: string): void
  /** False for files and pipes: no colour, no escaping, no truncation there. */
  readonly isTerminal: boolean
  readonly columns: number
}

/** What `start` needs of the library. */
export interface Library {
  startEmulator(options: EmulatorOptions): Promise<Emulator>
}

export interface Terminal {
  /** How this program was called, as somebody would type it again. */
  readonly program: string
  readonly workingFolder: string
  readonly variables: Readonly<Record<string, string | undefined>>
  readonly stdin: AsyncIterable<Buffer>
  readonly stdout: Output
  readonly stderr: Output
  /** Waits on the host's clock. */
  sleep(durationMs: number): Promise<void>
  /** Since this process was started. */
  uptimeMs(): number
  /** Called for each Ctrl-C, SIGTERM, SIGHUP, and when nobody reads stdout any more. Returns the way to stop. */
  onInterrupt(listener: () => void): () => void
  /** Ends the process at once. */
  exit(code: number): void
  loadLibrary(): Promise<Library>
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The terminal of this process. `sleep` comes from outside: nothing here touches timers. */
export function processTerminal(given: {
  readonly sleep: (durationMs: number) => Promise<void>
}): Terminal {
  const interrupted = new Set<() => void>()
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
    sleep: given.sleep,
    uptimeMs: processUptimeMs,
    onInterrupt: (listener) => {
      interrupted.add(listener)
      for (const signal of signals) process.on(signal, listener)
      return () => {
        interrupted.delete(listener)
        for (const signal of signals) process.off(signal, listener)
      }
    },
    exit: (code) => process.exit(code),
    loadLibrary: () => import('../index.js'),
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
