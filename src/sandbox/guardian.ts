// The guardian: a process of its own that ends and removes every environment when the daemon dies in any way.

import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { ProcessIdentity } from './identity.js'

export interface GuardianOptions {
  /** Absolute path of the native helper: see helper.ts. */
  readonly helper: string
  readonly stateDirectory: string
  /** This process: only what carries its pid and start time is ever touched. */
  readonly daemon: ProcessIdentity
  /**
   * The daemon's own subtree, one folder a hierarchy, there or not yet; none without control groups. Beside each
   * the group is known in which the daemon tries freezers.
   */
  readonly groupFolders: readonly string[]
  /** Number of the factory, with which the names of its groups start. */
  readonly factory: number
  /** Ends the wait for a guardian that does not come up. */
  readonly giveUp?: AbortSignal
}

export interface Guardian {
  readonly pid: number
  /** A root process of an environment: killed with all its descendants if the daemon dies. Never throws. */
  watch(identity: ProcessIdentity): void
  /** That process was waited for, and its pid may come again. Never throws. */
  forget(pid: number): void
  /** A clean stop, after everything is removed: the guardian leaves and touches nothing. Resolves at its end. */
  close(): Promise<void>
  /** Resolves when the guardian has ended, however. Never rejects. */
  readonly ended: Promise<void>
}

/**
 * Takes about 2 ms; resolves when the guardian is on its watch. It never keeps this process alive.
 * @throws Error when it does not come up: the daemon works without one, and leaves more to the next start.
 */
export async function startGuardian(options: GuardianOptions): Promise<Guardian> {
  const { helper, stateDirectory, daemon, groupFolders, factory, giveUp } = options
  const words = [
    ...['guard', '--state', resolve(stateDirectory), '--factory', String(factory)],
    ...['--daemon', String(daemon.pid), String(daemon.startTime)],
    ...groupFolders.flatMap((folder) => ['--group', folder]),
  ]
  const child = spawn(helper, words, {
    argv0: 'lambda-emu-guard',
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    killSignal: 'SIGKILL',
    ...(giveUp === undefined ? {} : { signal: giveUp }),
  })
  const { stdin, stdout } = child
  // Its end is told by `exit`; a line that it can no longer take needs nobody's care.
  stdin.on('error', () => {})
  stdout.on('error', () => {})
  const ended = new Promise<void>((end) => {
    child.once('exit', () => end())
    child.once('error', () => end())
  })
  try {
    await ready(child, stdout)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  } finally {
    stdout.destroy()
  }
  letGo(child, stdin)
  return new RunningGuardian(child, stdin, ended)
}

class RunningGuardian implements Guardian {
  readonly pid: number
  readonly ended: Promise<void>
  private readonly child: ChildProcess
  private readonly stdin: Writable

  constructor(child: ChildProcess, stdin: Writable, ended: Promise<void>) {
    this.pid = child.pid ?? 0
    this.child = child
    this.stdin = stdin
    this.ended = ended
  }

  watch({ pid, startTime }: ProcessIdentity): void {
    this.say(`pid ${pid} ${startTime}\n`)
  }

  forget(pid: number): void {
    this.say(`gone ${pid}\n`)
  }

  close(): Promise<void> {
    this.say('bye\n')
    this.stdin.end()
    // Whoever waits for this must not find the event loop empty before it comes.
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.ref()
    return this.ended
  }

  /** Written to the kernel at once, so that it counts even if this process dies at the next instruction. */
  private say(line: string): void {
    if (this.stdin.writable) this.stdin.write(line)
  }
}

function ready(child: ChildProcess, stdout: Readable): Promise<void> {
  return new Promise((comeUp, reject) => {
    let said = ''
    const failed = (reason: string) => reject(new Error(`the guardian does not start: ${reason}`))
    child.once('error', (error) =>
      failed(error.name === 'AbortError' ? 'it says nothing' : error.message),
    )
    child.once('exit', (code, signal) => failed(`it ended with ${signal ?? code}`))
    stdout.setEncoding('latin1')
    stdout.on('data', (text: string) => {
      said += text
      if (said === 'ready\n') comeUp()
      else if (!'ready\n'.startsWith(said)) failed(`it says ${JSON.stringify(said.slice(0, 80))}`)
    })
  })
}

/** The pipe is a socket to Node: as long as it counts, a program that has this emulator as a library never ends. */
function letGo(child: ChildProcess, stdin: Writable): void {
  child.unref()
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
}
