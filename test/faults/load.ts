// Seeded load on a daemon: callers that call one after another, of functions that each leave something else to clean up.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import type { FreezeBackend } from '../../src/admin/contract.js'
import type { Daemon } from '../support/daemon.js'
import {
  nodeFunction,
  type ProjectFunction,
  projectOf,
  pythonFunction,
  temporaryFolder,
} from '../support/functions.js'
import { markName } from './machine.js'

export const callers = 8

const storms = `
const line = 'x'.repeat(1000)
exports.handler = async ({ lines }) => {
  for (let n = 0; n < lines; n += 1) {
    console.log(n, line)
    if (n % 200 === 0) await new Promise(setImmediate)
  }
}`

const hoards = `
held = []

def handler(event, context):
    while True:
        held.append(bytearray(b'x' * (8 << 20)))`

const fillsTmp = `
import os, subprocess

def handler(event, context):
    with open('/tmp/filler', 'ab') as file:
        file.write(os.urandom(4 << 20))
        file.flush()
        held = os.dup(file.fileno())
    subprocess.Popen(['/bin/sh', '-c', 'exec 3</tmp/filler; sleep 600'], start_new_session=True)
    return held`

/** Numbers from 0 to 1, the same ones for the same seed. */
export function draws(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The project that all of it runs on; every function carries the mark. */
export function loadedProject(t: Test, mark: string): string {
  const folder = temporaryFolder(t)
  const written = (name: string, file: string, source: string) => {
    mkdirSync(join(folder, name))
    writeFileSync(join(folder, name, file), source)
    return join(folder, name)
  }
  const small = { memoryMb: 256 }
  const functions: Record<string, ProjectFunction> = {
    'sleeper-node': nodeFunction('sleeper', small),
    'sleeper-python': pythonFunction('sleeper', small),
    // Far longer than its timeout, when it is told to sleep.
    'late-node': nodeFunction('sleeper', { ...small, timeoutSeconds: 1 }),
    'lingers-node': nodeFunction('lingers', small),
    'lingers-python': pythonFunction('lingers', small),
    storms: {
      ...{ runtime: 'nodejs22.x', handler: 'index.handler', ...small },
      code: written('storms', 'index.js', storms),
    },
    hoards: {
      ...{ runtime: 'python3.12', handler: 'app.handler', memoryMb: 128 },
      code: written('hoards', 'app.py', hoards),
    },
    fills: {
      ...{ runtime: 'python3.12', handler: 'app.handler', ...small },
      code: written('fills', 'app.py', fillsTmp),
    },
  }
  const marked = Object.entries(functions).map(([name, each]) => [
    name,
    { ...each, environment: { [markName]: mark } },
  ])
  return projectOf(t, Object.fromEntries(marked))
}

/** With `adrift`, processes without any variable. */
const calls = [
  ['sleeper-node', { sleepMs: 20 }],
  ['sleeper-node', {}],
  ['sleeper-python', { sleepMs: 50 }],
  ['sleeper-python', {}],
  ['late-node', { sleepMs: 30_000 }],
  ['lingers-node', { sleepMs: 10, adrift: true }],
  ['lingers-python', { adrift: true }],
  ['storms', { lines: 3_000 }],
  ['hoards', {}],
  ['hoards', {}],
  ['fills', {}],
] as const

export interface Load {
  /** Resolves when every caller has given up. */
  readonly ended: Promise<unknown>
  readonly answered: () => number
  stop(): void
}

/** Callers that call until the daemon is gone, and one who lets environments expire. */
export function load(daemon: Daemon, draw: () => number): Load {
  let stopped = false
  let answered = 0
  const caller = async () => {
    while (!stopped) {
      const [name, payload] = calls[Math.floor(draw() * calls.length)] ?? calls[0]
      const type = draw() < 0.15 ? 'Event' : 'RequestResponse'
      try {
        await daemon.invoke(name, payload, { type })
        answered += 1
      } catch {
        // The connection broke: the daemon was killed, which is what this is about.
        return
      }
      // Leaves some environments time to freeze.
      if (draw() < 0.3) await sleep(30)
    }
  }
  const reaper = async () => {
    while (!stopped) {
      await sleep(150)
      try {
        const idle = (await daemon.admin.environments()).filter(({ phase }) => phase === 'ready')
        const chosen = idle[Math.floor(draw() * idle.length)]
        if (chosen !== undefined) await daemon.admin.act('expire', chosen.id).catch(() => {})
      } catch {
        return
      }
    }
  }
  return {
    ended: Promise.all([...Array.from({ length: callers }, caller), reaper()]),
    answered: () => answered,
    stop: () => {
      stopped = true
    },
  }
}

export const replaySeed = process.env.LAMBDA_EMU_SEED

/** In turn. */
export function backendOf(seed: number): FreezeBackend {
  return (['v2', 'v1', 'signal'] as const)[seed % 3] ?? 'v2'
}

/** The seeds that run: those of the series, or the one that is replayed if it is of it. */
export function seedsOf(first: number, count: number): readonly number[] {
  const seeds = Array.from({ length: count }, (_, index) => first + index)
  return seeds.filter((seed) => replaySeed === undefined || seed === Number(replaySeed))
}
