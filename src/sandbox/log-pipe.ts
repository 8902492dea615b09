// The log FIFO of one environment: the function's output, and the daemon's marks in it that say what was written before.

import { execFile } from 'node:child_process'
import { closeSync, constants, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { assert } from '../domain/assert.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { ownIdentity } from './identity.js'
import { encodeMark, MarkSplitter } from './mark-splitter.js'

export interface LogPipe {
  /** Write end for a process's standard output and error; open until `close`. */
  readonly childFd: number
  /** Sets the one listener and begins to read. The bytes are there only until the listener returns. */
  onData(listener: (bytes: Buffer) => void): void
  /** Sets the one listener for marks; set it before `onData`. */
  onMark(listener: (id: string) => void): void
  /**
   * Writes a mark behind everything that is in the pipe, and reads up to it at once unless reading is paused. When the
   * pipe is full it goes in as soon as something has been read. `id` is one line of at most 1,000 characters.
   */
  mark(id: string): void
  /** Every mark so far has been reached, and nobody holds up the reading. */
  readonly caughtUp: boolean
  /** Stops reading for a while: a full pipe makes the function wait, as a slow disk would. */
  pause(): void
  resume(): void
  /** Hands over what is still in the pipe, marks included, and closes every descriptor of it. */
  close(): void
}

export interface LogPipes {
  /** @throws EmulatorError EMU_STATE_DIRECTORY when no FIFO can be made. */
  open(): Promise<LogPipe>
  /** Removes what the pool holds; pipes that are open stay open. */
  close(): Promise<void>
}

export interface LogPipesOptions {
  readonly stateDirectory: string
  /** Unguessable, at least 16 hexadecimal digits, a new one at each call. */
  readonly newToken: () => string
  /** FIFOs that one run of mkfifo makes. */
  readonly batch?: number
}

const BATCH = 8
const MARK_CHARACTERS_MAX = 1000
/** Read at once: short enough that even lines of one byte hold nothing else up for long. */
const READ_BYTES = 8 * 1024
/** More than a pipe holds by default (64 KB), so that a close reads all of it and still ends. */
const DRAIN_BYTES_MAX = 1024 * 1024

export function pipesFolder(stateDirectory: string): string {
  return join(stateDirectory, 'pipes')
}

const run = promisify(execFile)

/** Counted over every pool of this process, since two may share a state directory. */
let made = 0

/** Node cannot make a FIFO itself; one run of mkfifo (about 1 ms) makes a batch, the next one in the background. */
export function createLogPipes(options: LogPipesOptions): LogPipes {
  const folder = pipesFolder(options.stateDirectory)
  const batch = options.batch ?? BATCH
  const { pid, startTime } = ownIdentity()
  const ready: string[] = []
  let refilling: Promise<void> | undefined
  let closed = false

  async function makeBatch(): Promise<void> {
    const paths = Array.from({ length: batch }, () => {
      made += 1
      return join(folder, `${pid}-${startTime}-${made}`)
    })
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw cannotMake(folder, error)
    }
    try {
      // A function of another user may open its own standard output once more, for writing; the folder is nobody else's.
      await run('mkfifo', ['-m', '622', ...paths])
    } catch (error) {
      for (const path of paths) rmSync(path, { force: true })
      throw cannotMake(folder, error)
    }
    ready.push(...paths)
  }

  function refill(): Promise<void> {
    refilling ??= makeBatch().finally(() => {
      refilling = undefined
    })
    return refilling
  }

  return {
    async open() {
      assert(!closed, 'the pool of log pipes is open')
      while (ready.length === 0) await refill()
      const path = ready.shift()
      assert(path !== undefined, 'a refilled pool is not empty')
      // A failure is not lost: the next open runs mkfifo again and throws.
      if (ready.length < batch / 2) refill().catch(() => {})
      try {
        return openLogPipe(path, options.newToken())
      } finally {
        rmSync(path, { force: true })
      }
    },
    async close() {
      closed = true
      await refilling?.catch(() => {})
      for (const path of ready.splice(0)) rmSync(path, { force: true })
    },
  }
}

function cannotMake(path: string, error: unknown): EmulatorError {
  const reason = error instanceof Error ? error.message : String(error)
  return new EmulatorError('EMU_STATE_DIRECTORY', { path, reason })
}

function openLogPipe(path: string, token: string): LogPipe {
  const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants
  // In this order no open has to wait for the other end.
  const readFd = openSync(path, O_RDONLY | O_NONBLOCK)
  const childFd = openSync(path, O_WRONLY)
  const markFd = openSync(path, O_WRONLY | O_NONBLOCK)
  return new OpenLogPipe({ readFd, childFd, markFd }, token)
}

interface PipeDescriptors {
  readonly readFd: number
  readonly childFd: number
  readonly markFd: number
}

class OpenLogPipe implements LogPipe {
  readonly childFd: number
  private readonly fds: PipeDescriptors
  private readonly token: string
  private readonly splitter: MarkSplitter
  private reader: Socket | undefined
  private readonly waiting: Buffer[] = []
  private dataListener: ((bytes: Buffer) => void) | undefined
  private markListener: (id: string) => void = () => {}
  private closed = false
  private paused = false
  /** What is being read is not read twice: a listener may set a mark. */
  private reading = false
  private lastMark: string | undefined
  private marksAhead = 0

  constructor(fds: PipeDescriptors, token: string) {
    this.fds = fds
    this.childFd = fds.childFd
    this.token = token
    this.splitter = new MarkSplitter(token, {
      onData: (bytes) => this.dataListener?.(bytes),
      onMark: (id) => this.reached(id),
    })
  }

  onData(listener: (bytes: Buffer) => void): void {
    this.dataListener = listener
    this.reader ??= this.read()
  }

  /** One buffer for all that all pipes read: a storm of output leaves nothing for the collector but its lines. */
  private read(): Socket {
    const callback = (length: number, buffer: Uint8Array): boolean => {
      this.take(Buffer.from(buffer.buffer, buffer.byteOffset, length))
      this.writeWaiting()
      return true
    }
    // @types/node knows `onread` of connections only.
    const options: SocketConstructorOpts & { readonly onread: OnReadOpts } = {
      fd: this.fds.readFd,
      readable: true,
      writable: false,
      onread: { buffer: outputChunk, callback },
    }
    return new Socket(options)
  }

  private take(bytes: Buffer): void {
    this.reading = true
    try {
      this.splitter.push(bytes)
    } finally {
      this.reading = false
    }
  }

  onMark(listener: (id: string) => void): void {
    this.markListener = listener
  }

  get caughtUp(): boolean {
    return this.marksAhead === 0 && !this.paused && this.splitter.holdsNothing
  }

  private reached(id: string): void {
    this.lastMark = id
    this.marksAhead -= 1
    this.markListener(id)
  }

  mark(id: string): void {
    assert(!this.closed, 'a closed log pipe takes no marks')
    assert(id.length <= MARK_CHARACTERS_MAX, 'a mark fits into one atomic write')
    const mark = encodeMark(this.token, id)
    this.marksAhead += 1
    this.waiting.push(mark)
    this.writeWaiting()
    if (this.waiting.length === 0) this.readUpTo(id, mark)
  }

  /** A mark that is in the pipe is reached within what a pipe holds: two calls to the kernel, and no turn of the event loop. */
  private readUpTo(id: string, mark: Buffer): void {
    if (this.reader === undefined || this.reading) return
    while (this.lastMark !== id && !this.paused) {
      const bytes = this.readNow(markChunk)
      if (bytes === 0) return
      const read = markChunk.subarray(0, bytes)
      // Most often nothing was written since the last one.
      if (this.splitter.holdsNothing && read.equals(mark)) return this.reached(id)
      this.take(read)
    }
  }

  pause(): void {
    this.paused = true
    if (!this.closed) this.reader?.pause()
  }

  resume(): void {
    this.paused = false
    if (!this.closed) this.reader?.resume()
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.reader?.pause()
    this.drain()
    this.splitter.end()
    if (this.reader === undefined) closeSync(this.fds.readFd)
    else this.reader.destroy()
    closeSync(this.fds.childFd)
    closeSync(this.fds.markFd)
  }

  /** Below PIPE_BUF (4,096 bytes) a write goes in whole or not at all, so no other writer can split a mark. */
  private writeWaiting(): void {
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      try {
        writeSync(this.fds.markFd, next)
      } catch (error) {
        if (isFull(error)) return
        throw error
      }
      this.waiting.shift()
    }
  }

  private drain(): void {
    const chunk = Buffer.alloc(64 * 1024)
    for (let drained = 0; drained < DRAIN_BYTES_MAX; ) {
      const bytes = this.readNow(chunk)
      if (bytes === 0) break
      drained += bytes
      this.take(chunk.subarray(0, bytes))
      this.writeWaiting()
    }
  }

  /** 0 when the pipe is empty. */
  private readNow(chunk: Buffer): number {
    try {
      return readSync(this.fds.readFd, chunk, 0, chunk.length, null)
    } catch (error) {
      if (isFull(error)) return 0
      throw error
    }
  }
}

/**
 * Read into by every pipe in turn: what is read is taken before the next read. One when there is output, the other at once
 * for a mark, which a listener to the output of another pipe may set.
 */
const outputChunk = Buffer.alloc(READ_BYTES)
const markChunk = Buffer.alloc(READ_BYTES)

/** EAGAIN on either end: full for a writer, empty for a reader. */
function isFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN'
}
