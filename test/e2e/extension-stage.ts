// Functions with extensions for tests: a Node and a Python one, written by the documented calls alone, that do as variables say.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import type { EmulatorOptions, LogRecord } from '../../src/index.js'
import {
  type RunningEmulator,
  startWith,
  temporaryFolder,
  type WrittenFunction,
} from '../support/in-process.js'

/** What an extension says of itself, one line each: what it did, when, and with what. */
export interface Said {
  readonly environment: string
  readonly ext: string
  readonly what: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly status?: number
  readonly event?: Readonly<Record<string, unknown>>
  readonly more?: unknown
}

/**
 * SLOW_MS: it works so long after each INVOKE. EVENTS: what it registers for. AT: when it does what DOES says: `start`,
 * `registered`, `invoke` or `shutdown`.
 */
export const nodeExtension = `#!/usr/bin/env node
const { basename } = require('node:path')
const name = basename(process.argv[1])
const env = process.env
const say = (what, more = {}) => console.log(JSON.stringify({ ext: name, what, at: Date.now(), ...more }))
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const base = 'http://' + env.AWS_LAMBDA_RUNTIME_API + '/2020-01-01/extension/'
let id
const ids = () => ({ 'Lambda-Extension-Identifier': id, 'Lambda-Extension-Function-Error-Type': 'Extension.Told' })
async function doIf(moment) {
  if (env.AT !== moment || (env.ONLY !== undefined && env.ONLY !== name)) return
  const [what, code] = (env.DOES || '').split(' ')
  if (what === 'exit') process.exit(Number(code))
  if (what === 'kill') process.kill(process.pid, 'SIGKILL')
  if (what === 'hang') await sleep(60000)
  if (what === 'init' || what === 'exit-error') {
    const told = await fetch(base + (what === 'init' ? 'init/error' : 'exit/error'), { method: 'POST', headers: ids() })
    say('told', { status: told.status })
    process.exit(Number(code))
  }
}
async function main() {
  say('start', { more: { argv: process.argv.slice(2), cwd: process.cwd(), names: Object.keys(env).sort() } })
  await doIf('start')
  const answer = await fetch(base + 'register', {
    method: 'POST',
    headers: { 'Lambda-Extension-Name': name, 'Lambda-Extension-Accept-Feature': 'accountId' },
    body: JSON.stringify({ events: (env.EVENTS || 'INVOKE SHUTDOWN').split(' ') }),
  })
  id = answer.headers.get('lambda-extension-identifier')
  say('registered', { status: answer.status, more: await answer.json() })
  await doIf('registered')
  for (;;) {
    say('next')
    const next = await fetch(base + 'event/next', { headers: ids() })
    const event = await next.json()
    say('event', { status: next.status, event })
    await doIf(event.eventType === 'SHUTDOWN' ? 'shutdown' : 'invoke')
    if (event.eventType === 'SHUTDOWN') return say('bye')
    await sleep(Number(env.SLOW_MS || 0))
  }
}
process.on('SIGTERM', () => say('SIGTERM'))
main()
`

export const pythonExtension = `#!/usr/bin/env python3
import json, os, sys, time, urllib.request
name = os.path.basename(sys.argv[0])
base = 'http://' + os.environ['AWS_LAMBDA_RUNTIME_API'] + '/2020-01-01/extension/'
def say(what, **more):
    print(json.dumps({'ext': name, 'what': what, 'at': time.time() * 1000, **more}), flush=True)
def call(path, data=None, **headers):
    request = urllib.request.Request(base + path, data=data, headers=headers)
    with urllib.request.urlopen(request) as answer:
        return answer.status, answer.headers, json.loads(answer.read() or b'null')
say('start')
status, headers, told = call('register', b'{"events":["INVOKE","SHUTDOWN"]}', **{'Lambda-Extension-Name': name})
identifier = headers['Lambda-Extension-Identifier']
say('registered', status=status, more=told)
while True:
    say('next')
    status, headers, event = call('event/next', **{'Lambda-Extension-Identifier': identifier})
    say('event', status=status, event=event)
    if event['eventType'] == 'SHUTDOWN':
        break
say('bye')
`

/** Its end is a signal: as the official client it would not exit before its GET next has returned. */
export const handler = `
let calls = 0
exports.handler = async (event) => {
  calls += 1
  if (event.sleepMs) await new Promise((resolve) => setTimeout(resolve, event.sleepMs))
  return { calls, at: Date.now(), stream: process.env.AWS_LAMBDA_LOG_STREAM_NAME }
}
process.on('SIGTERM', () => { console.log('SIGTERM at ' + Date.now()); process.kill(process.pid, 'SIGKILL') })
`

/** An executable, unless it is text with a mode. */
export type ExtensionFiles = Readonly<
  Record<string, string | { readonly text: string; readonly mode: number }>
>

/** Layers, and the functions that use them. */
export interface Project {
  readonly layers: Readonly<Record<string, ExtensionFiles>>
  readonly functions: Readonly<Record<string, WrittenFunction>>
}

export interface ExtensionStage extends RunningEmulator {
  /** What extensions have said, in their order. */
  readonly said: () => readonly Said[]
  readonly lines: (source: LogRecord['source']) => readonly string[]
}

/** A running emulator of the project; `layers` name files below `extensions/`. */
export async function stage(
  t: Test,
  { layers, functions }: Project,
  options: EmulatorOptions = {},
): Promise<ExtensionStage> {
  const shared = temporaryFolder(t)
  for (const [layer, files] of Object.entries(layers)) {
    for (const [name, file] of Object.entries(files)) {
      const path = join(shared, layer, 'extensions', name)
      mkdirSync(dirname(path), { recursive: true })
      const { text, mode } = typeof file === 'string' ? { text: file, mode: 0o755 } : file
      writeFileSync(path, text, { mode })
    }
  }
  const placed = Object.fromEntries(
    Object.entries(functions).map(([name, { layers: named = [], ...rest }]) => [
      name,
      { ...rest, layers: named.map((layer) => join(shared, layer)) },
    ]),
  )
  const running = await startWith(t, placed, options)
  const lines = (source: LogRecord['source']) =>
    running.logs.filter((record) => record.source === source).map(({ message }) => message)
  const said = () =>
    running.logs.flatMap(({ source, message, environment }) =>
      source === 'extension' && message.startsWith('{')
        ? [{ ...(JSON.parse(message) as Said), environment }]
        : [],
    )
  return { ...running, said, lines }
}

export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + 15_000
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`${what} has not come`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
