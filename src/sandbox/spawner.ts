// The spawner's side of the daemon: a small native process that forks for it, in a fraction of the time that a fork of the daemon takes.

import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { constants } from 'node:os'
import type { Duplex, Readable, Writable } from 'node:stream'
import { assert } from '../domain/assert.js'
import type { ProcessExit, SandboxedProcess } from './spawn.js'

export interface SpawnRequest {
  /** What `lambda-emu-helper run` would get, after its verb. */
  readonly words: readonly string[]
  /** The whole of it. */
  readonly env: Readonly<Record<string, string>>
  /** Descriptor of this process that becomes standard output and standard error: a pipe with a name in /proc. */
  readonly output: number
  /** The program inherits one end of a socket pair as `channelDescriptor`. */
  readonly channel: boolean
}

/** It is the spawner that could not, and not what was to be started. */
export class SpawnerFailure extends Error {
  override readonly name = 'SpawnerFailure'
}

export interface SpawnedProcess extends SandboxedProcess {
  kill(): void
  /** What kept the program from running, `<what was tried> <errno>`; empty when it runs. Never rejects. */
  readonly told: Promise<string>
  /** This end of its channel, if it was asked for. */
  readonly channel?: Duplex
}

export interface Spawner {
  /** The parent of whatever is started. */
  readonly pid: number
  /** Resolves once the process is there. @throws SpawnerFailure when there is none: nothing runs then. */
  start(request: SpawnRequest): Promise<SpawnedProcess>
  /** Ends it, and with it whatever it started. Resolves at its end. */
  close(): Promise<void>
  /** Resolves when it has ended, however; what it had started has got its parent-death signal then. */
  readonly ended: Promise<void>
}

export interface SpawnerOptions {
  readonly helper: string
  /** Ends the wait for a spawner that does not come up. */
  readonly giveUp?: AbortSignal | undefined
}

/** Resolves when it takes requests, after some 2 ms. It keeps this process alive only while something runs. @throws Error */
export async function startSpawner({ helper, giveUp }: SpawnerOptions): Promise<Spawner> {
  const child = spawn(helper, ['spawner', String(process.pid)], {
    argv0: 'lambda-emu-spawner',
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore', 'ipc'],
    killSignal: 'SIGKILL',
    ...(giveUp === undefined ? {} : { signal: giveUp }),
  })
  const { stdin, stdout } = child
  assert(stdin !== null && stdout !== null, 'both are pipes')
  const running = new RunningSpawner(child, stdin, stdout)
  await running.ready
  return running
}

interface Started {
  readonly exited: (exit: ProcessExit) => void
  readonly told: (problem: string) => void
}

interface Asked {
  readonly started: (pid: number) => void
  readonly channel: (socket: Socket) => void
  readonly failed: (error: Error) => void
}

const kinds = { start: 1, kill: 2 } as const
/** Nothing that it started outlives it. */
const killed: ProcessExit = { code: null, signal: 'SIGKILL' }

class RunningSpawner implements Spawner {
  readonly pid: number
  readonly ready: Promise<void>
  readonly ended: Promise<void>
  readonly #child: ChildProcess
  readonly #requests: Writable
  readonly #answers: Readable
  readonly #asked = new Map<number, Asked>()
  readonly #live = new Map<number, Started>()
  #tickets = 0
  #said = ''
  #over = false
  #comeUp: () => void = () => {}

  constructor(child: ChildProcess, requests: Writable, answers: Readable) {
    this.pid = child.pid ?? 0
    this.#child = child
    this.#requests = requests
    this.#answers = answers
    // Its end is told by `exit`; a request that it can no longer take fails there.
    requests.on('error', () => {})
    answers.on('error', () => {})
    answers.setEncoding('latin1')
    answers.on('data', (text: string) => this.#heard(text))
    // Node can pass descriptors only in its own messages between a process and its child.
    child.on('message', (message, handle) => this.#received(message, handle))
    this.ready = new Promise((resolve, reject) => {
      this.#comeUp = () => {
        this.#hold()
        resolve()
      }
      child.once('error', (error) => reject(new Error(`the spawner does not start: ${error}`)))
      child.once('exit', (code, signal) =>
        reject(new Error(`the spawner does not start: it ended with ${signal ?? code}`)),
      )
    })
    this.ended = new Promise((resolve) => {
      const end = (): void => {
        this.#lost()
        resolve()
      }
      // What it said before its end is read first.
      child.once('close', end)
      if (child.pid === undefined) child.once('error', end)
    })
  }

  start(request: SpawnRequest): Promise<SpawnedProcess> {
    const ticket = this.#newTicket()
    let exited: (exit: ProcessExit) => void = () => {}
    let told: (problem: string) => void = () => {}
    const promises = {
      exited: new Promise<ProcessExit>((resolve) => {
        exited = resolve
      }),
      told: new Promise<string>((resolve) => {
        told = resolve
      }),
    }
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(new SpawnerFailure('the spawner has ended'))
      const bytes = startRequest(ticket, request)
      const kill = this.#killer(ticket)
      let pid: number | undefined
      let channel: Socket | undefined
      const settle = (): void => {
        if (pid === undefined || (request.channel && channel === undefined)) return
        this.#asked.delete(ticket)
        resolve({ pid, ...promises, kill, ...(channel === undefined ? {} : { channel }) })
      }
      this.#asked.set(ticket, {
        started: (its) => {
          this.#live.set(ticket, { exited, told })
          pid = its
          settle()
        },
        channel: (socket) => {
          channel = socket
          settle()
        },
        failed: (error) => {
          this.#asked.delete(ticket)
          channel?.destroy()
          reject(error)
        },
      })
      this.#hold()
      this.#requests.write(bytes)
    })
  }

  close(): Promise<void> {
    this.#requests.end()
    // Whoever waits for this must not find the event loop empty before it comes.
    for (const part of [this.#child, this.#answers]) setHeld(part, true)
    return this.ended
  }

  #newTicket(): number {
    this.#tickets = (this.#tickets + 1) % 0x1_0000_0000
    return this.#tickets
  }

  /** Outlives the request, and so must not hold it. */
  #killer(ticket: number): () => void {
    return () => this.#kill(ticket)
  }

  #kill(ticket: number): void {
    if (!this.#live.has(ticket) || this.#over) return
    this.#requests.write(head(0, kinds.kill, ticket))
  }

  #heard(text: string): void {
    const lines = (this.#said + text).split('\n')
    this.#said = lines.pop() ?? ''
    for (const line of lines) this.#take(line)
    this.#hold()
  }

  #take(line: string): void {
    if (line === 'ready') return this.#comeUp()
    const [, word = '', number, rest = ''] = /^(\w+) (\d+) ?(.*)$/.exec(line) ?? []
    const ticket = Number(number)
    const asked = this.#asked.get(ticket)
    const live = this.#live.get(ticket)
    switch (word) {
      case 'started':
        return asked?.started(Number(rest))
      case 'unheard':
        return asked?.failed(new SpawnerFailure('its channel did not arrive'))
      case 'failed':
        return asked?.failed(new SpawnerFailure(`the spawner cannot start it: ${rest}`))
      case 'runs':
        return live?.told('')
      case 'refused':
        return live?.told(rest)
      case 'ended':
        this.#live.delete(ticket)
        return live?.exited(exitOf(rest))
      default:
        assert(false, `the spawner says nothing like ${JSON.stringify(line.slice(0, 80))}`)
    }
  }

  #received(message: unknown, handle: unknown): void {
    const { ticket } = message as { readonly ticket?: number }
    if (!(handle instanceof Socket)) return
    const asked = this.#asked.get(ticket ?? 0)
    if (asked === undefined) handle.destroy()
    else asked.channel(handle)
    this.#hold()
  }

  #lost(): void {
    this.#over = true
    for (const { failed } of this.#asked.values())
      failed(new SpawnerFailure('the spawner has ended'))
    for (const { told, exited } of this.#live.values()) {
      told('')
      exited(killed)
    }
    this.#asked.clear()
    this.#live.clear()
  }

  /** Only while an answer is to come may it count for whether this process has something to do. */
  #hold(): void {
    const wanted = this.#asked.size + this.#live.size > 0
    const { channel } = this.#child
    const parts = [this.#child, this.#requests, this.#answers, ...(channel ? [channel] : [])]
    for (const part of parts) setHeld(part, wanted)
  }
}

/** The pipes are sockets to Node. */
function setHeld(part: object, held: boolean): void {
  const name = held ? 'ref' : 'unref'
  const change: unknown = name in part ? part[name as keyof typeof part] : undefined
  if (typeof change === 'function') change.call(part)
}

/** Of two names for one number the first counts: SIGABRT, not SIGIOT. */
const signalNames = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name as NodeJS.Signals]),
)

/** `code <n>` or `signal <n>`. A signal without a name is told as shells tell it. */
function exitOf(text: string): ProcessExit {
  const [how, number] = text.split(' ')
  const signal = how === 'signal' ? signalNames.get(Number(number)) : undefined
  if (signal !== undefined) return { code: null, signal }
  return { code: how === 'code' ? Number(number) : 128 + Number(number), signal: null }
}

/** In this machine's byte order, as the C program reads it: `struct head` in native/spawner.c. */
function head(bytes: number, kind: number, ticket: number): Buffer {
  return Buffer.from(new Uint32Array([bytes, kind, ticket]).buffer)
}

function startRequest(ticket: number, { words, env, output, channel }: SpawnRequest): Buffer {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const strings = [...words, ...variables]
  // It would end the string for C, and make two of it here.
  if (strings.some((text) => text.includes('\0'))) throw new TypeError('a word with a NUL in it')
  const counts = new Uint32Array([output, channel ? 1 : 0, words.length, variables.length])
  const text = Buffer.from(strings.map((word) => `${word}\0`).join(''))
  const bytes = counts.byteLength + text.length
  return Buffer.concat([head(bytes, kinds.start, ticket), Buffer.from(counts.buffer), text])
}
