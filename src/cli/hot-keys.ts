// The keys of `lambda-emu start` on a terminal: each shows or does what a verb does, without a second terminal.

import { createAdminClient } from '../admin/client.js'
import type { Emulator, JournalRecord } from '../admin/contract.js'
import { exchange, readAll } from '../admin/exchange.js'
import { reportOf } from './outcome.js'
import { type Page, renderEnvironments, renderFunctions, renderWarnings } from './render.js'
import { apiLines, keyLines, type ShownKey, scheduleLines } from './render-banner.js'
import type { Terminal } from './terminal.js'
import { escapeControls, fit } from './text.js'

export interface HotKeys {
  /** Those that do something here. */
  readonly shown: readonly ShownKey[]
  /** Remembers which function was called last. */
  heard(record: JournalRecord): void
  /** Gives the keyboard back. */
  release(): void
}

interface Parts {
  readonly emulator: Emulator
  readonly terminal: Terminal
  readonly page: Page
  readonly print: (lines: readonly string[]) => void
  readonly interrupt: () => void
}

interface Key extends ShownKey {
  readonly press: () => void | Promise<void>
}

/** What the journal has told since the start. */
interface Memory {
  lastFunction: string | undefined
  reloads: number
}

const clearScreen = '\u001b[2J\u001b[3J\u001b[H'
const ctrlC = '\u0003'

/** Undefined without a keyboard. */
export function listenToKeys(parts: Parts): HotKeys | undefined {
  const { terminal, interrupt } = parts
  if (terminal.onKey === undefined) return undefined
  const memory: Memory = { lastFunction: undefined, reloads: 0 }
  const keys = () => keysOf(parts, memory)
  const shownKeys = (): readonly ShownKey[] => keys().filter(({ does }) => does !== '')
  const press = async (pressed: string) => {
    if (pressed === ctrlC || pressed === 'q') return interrupt()
    if (pressed === '?') return parts.print(keyLines(shownKeys(), parts.page))
    if (pressed === '\r') return parts.print([''])
    await keys()
      .find(({ key }) => key === pressed)
      ?.press()
  }
  const release = terminal.onKey((pressed) => {
    press(pressed).catch((error: unknown) => parts.print([`  ${reportOf(error).report.message}`]))
  })
  return {
    shown: shownKeys(),
    heard: ({ kind, functionName }) => {
      if (kind.startsWith('project.')) memory.reloads += 1
      if (kind === 'invocation.ended' && typeof functionName === 'string') {
        memory.lastFunction = functionName
      }
    },
    release,
  }
}

function keysOf(parts: Parts, memory: Memory): readonly Key[] {
  const { emulator, page, print, terminal } = parts
  const { warnings } = emulator
  const functions = emulator.functions()
  const client = createAdminClient({ adminUrl: emulator.adminUrl, token: emulator.adminToken })
  const keys: (Key | false)[] = [
    functions.length > 0 && {
      key: 'i',
      does: 'invoke',
      press: () => invoke(parts, memory.lastFunction),
    },
    functions.length > 0 && {
      key: 'l',
      does: 'list',
      press: () => {
        const status = emulator.status()
        print(['', ...renderFunctions(functions, page)])
        print([...apiLines(status, page), ...scheduleLines(status, page), ''])
      },
    },
    {
      key: 'e',
      does: 'environments',
      press: async () => {
        const status = emulator.status()
        const nowMs = status.startedAtMs + status.uptimeMs
        print(['', ...renderEnvironments(await client.environments(), nowMs, page), ''])
      },
    },
    emulator.status().freezer.backend !== 'none' && {
      key: 'f',
      does: 'freeze',
      press: () => freezeIdle(client, print),
    },
    warnings.length > 0 && {
      key: 'w',
      does: 'warnings',
      press: () => print(['', ...renderWarnings(warnings, page), '']),
    },
    emulator.reload !== undefined && {
      key: 'r',
      does: 'reload',
      press: async () => {
        const before = memory.reloads
        await emulator.reload?.()
        if (memory.reloads === before) print(['  nothing has changed'])
      },
    },
    { key: 'c', does: 'clear', press: () => terminal.stdout.write(clearScreen) },
    { key: '?', does: 'keys', press: () => {} },
    { key: 'q', does: 'quit', press: () => {} },
  ]
  return keys.filter((key) => key !== false)
}

/** The function that was called last, or the first; with an empty object. */
async function invoke({ emulator, print, page }: Parts, last: string | undefined): Promise<void> {
  const name = last ?? emulator.functions()[0]?.functionName
  if (name === undefined) return
  const path = `/2015-03-31/functions/${encodeURIComponent(name)}/invocations`
  const url = new URL(path, emulator.lambdaUrl).href
  const answer = await exchange({ method: 'POST', url, body: Buffer.from('{}') })
  const text = (await readAll(url, answer.stream)).toString('utf8')
  print([page.style.dim(`  ${name} answered ${fit(escapeControls(text), 200)}`)])
}

async function freezeIdle(
  client: ReturnType<typeof createAdminClient>,
  print: (lines: readonly string[]) => void,
): Promise<void> {
  const idle = (await client.environments()).filter(
    ({ phase, suspension }) => phase === 'ready' && suspension === 'running',
  )
  if (idle.length === 0) return print(['  no idle environment is running'])
  // One that has been taken meanwhile refuses, and is not idle any more.
  await Promise.allSettled(idle.map(({ id }) => client.act('freeze', id)))
}
