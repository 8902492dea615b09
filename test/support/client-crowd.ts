// A process that holds many connections to a listener: what they cost is not the listener's, nor are their open files.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

export interface CrowdOptions {
  readonly port: number
  readonly count: number
  /** Sent on each once it is open, one character a byte. */
  readonly bytes: string
  /** Sends a byte on each again and again after this time. */
  readonly trickleMs?: number
  /** False: none of them ever reads. */
  readonly reads?: boolean
}

export interface CrowdState {
  readonly opened: number
  /** By the first line that came on it: how many. */
  readonly answers: Readonly<Record<string, number>>
  /** By the listener. */
  readonly ended: number
}

export interface Crowd {
  state(): Promise<CrowdState>
  /** Resolves with the first state that fits; the test's timeout is its only limit. */
  until(fits: (state: CrowdState) => boolean): Promise<CrowdState>
  /** Ends them all. */
  leave(): Promise<void>
}

const program = `
const { connect } = require('node:net')
const { createInterface } = require('node:readline')
const { port, count, bytes, trickleMs, reads = true } = JSON.parse(process.argv[1])
const state = { opened: 0, answers: {}, ended: 0 }
const sockets = new Set()
let begun = 0
const next = () => {
  if (begun === count) return
  begun += 1
  let first = true
  const socket = connect(port, '127.0.0.1', () => {
    state.opened += 1
    sockets.add(socket)
    socket.write(Buffer.from(bytes, 'latin1'))
    next()
  })
  if (reads) socket.on('data', (chunk) => {
    const line = chunk.toString('latin1').split('\\r\\n', 1)[0]
    if (first) state.answers[line] = (state.answers[line] ?? 0) + 1
    first = false
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    state.ended += 1
    sockets.delete(socket)
  })
}
for (let lane = 0; lane < 64; lane += 1) next()
if (trickleMs !== undefined) setInterval(() => {
  for (const socket of sockets) if (socket.writable) socket.write('x')
}, trickleMs)
createInterface({ input: process.stdin })
  .on('line', () => console.log(JSON.stringify(state)))
  .on('close', () => process.exit())`

/** Begins to open them; they are gone when the test ends at the latest. */
export function gather(t: Test, options: CrowdOptions): Crowd {
  const words = ['-e', program, JSON.stringify(options)]
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const lines = createInterface({ input: child.stdout })
  const leave = async () => {
    child.stdin.end()
    await closed
  }
  t.teardown(leave)
  const state = async () => {
    child.stdin.write('?\n')
    const [line] = await once(lines, 'line')
    return JSON.parse(line) as CrowdState
  }
  return {
    state,
    until: async (fits) => {
      for (;;) {
        const now = await state()
        if (fits(now)) return now
        await sleep(20)
      }
    },
    leave,
  }
}
