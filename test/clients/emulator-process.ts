// A real emulator for the clients: the command line in a process of its own, in an empty folder, stopped with the test.

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { repositoryRoot } from '../support/paths.js'

const program = join(repositoryRoot, 'bin/lambda-emu.js')

export interface EmulatorProcess {
  readonly url: string
  /** For the test's own files; removed with the test. */
  readonly folder: string
  /** Resolves when a function has written a line with this text; rejects when the emulator ends without it. */
  logged(text: string): Promise<void>
}

interface StartedLine {
  readonly event: string
  readonly lambda?: string
  readonly message?: string
}

/** Starts it on any free port. Its teardown stops it with the verb `stop` and checks that it ended well. */
export async function startEmulatorProcess(
  t: Test,
  options: readonly string[] = [],
): Promise<EmulatorProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-clients-'))
  const empty = join(folder, 'empty')
  const state = join(folder, 'state')
  mkdirSync(empty)
  const child = spawn(
    process.execPath,
    [program, 'start', '--lambda-port', '0', '--json', '--state-dir', state, ...options],
    { cwd: empty, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  t.teardown(async () => {
    await stop(child, state)
    rmSync(folder, { recursive: true, force: true })
  })
  const messages: string[] = []
  const waiting = new Set<() => void>()
  let over = false
  const url = await new Promise<string>((resolve, reject) => {
    const lines = createInterface({ input: child.stdout })
    lines.on('line', (line) => {
      const told = JSON.parse(line) as StartedLine
      if (told.event === 'ready' && told.lambda !== undefined) resolve(told.lambda)
      if (told.event === 'log') messages.push(told.message ?? '')
      for (const look of waiting) look()
    })
    child.on('close', (code, signal) => {
      over = true
      reject(new Error(`the emulator ended with ${signal ?? `exit ${code}`} before it was ready`))
      for (const look of waiting) look()
    })
  })
  const logged = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        const found = messages.some((message) => message.includes(text))
        if (!found && !over) return
        waiting.delete(look)
        if (found) resolve()
        else reject(new Error(`no function wrote ${JSON.stringify(text)}`))
      }
      waiting.add(look)
      look()
    })
  return { url, folder, logged }
}

/** Rejects, and so fails the test, when it does not stop cleanly. */
async function stop(child: ChildProcess, state: string): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    throw new Error('the emulator ended before it was told to')
  }
  const ended = once(child, 'close')
  await promisify(execFile)(process.execPath, [program, 'stop', '--state-dir', state])
  await ended
  if (child.exitCode !== 0) {
    throw new Error(`told to stop, the emulator ended with ${child.signalCode ?? child.exitCode}`)
  }
}
