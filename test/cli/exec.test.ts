// exec around an emulator that the test holds: what the command gets, which code comes out, what signals do.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { main } from '../../src/cli/main.js'
import type { RunEnd, Running, Terminal } from '../../src/cli/terminal.js'
import { fakeEmulator, promiseToKeep } from './fake-emulator.js'
import { type Stage, stage } from './stage.js'

interface Asked {
  readonly command: string
  readonly words: readonly string[]
  readonly variables: Readonly<Record<string, string | undefined>>
}

function around(t: Test, end: RunEnd | 'never', changes: Partial<Terminal> = {}) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lambda-emu-around-')))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const library = fakeEmulator({ project: folder, status: { httpUrl: 'http://127.0.0.1:4000' } })
  const asked: Asked[] = []
  const signals: string[] = []
  const running = promiseToKeep()
  const run = (
    command: string,
    words: readonly string[],
    variables: Asked['variables'],
  ): Running => {
    asked.push({ command, words, variables })
    running.resolve()
    let killed: (end: RunEnd) => void = () => {}
    const ended = new Promise<RunEnd>((resolve) => {
      killed = resolve
      if (end !== 'never') resolve(end)
    })
    const kill = (signal: NodeJS.Signals) => {
      signals.push(signal)
      killed({ is: 'killed', signal })
    }
    return { kill, ended }
  }
  const terminal: Stage = stage({
    loadLibrary: library.loadLibrary,
    workingFolder: folder,
    variables: { PATH: '/bin', HOME: folder },
    run,
    ...changes,
  })
  return { terminal, library, asked, signals, running: running.promise }
}

t.test(
  'the command has the variables, its words as they are, and its code comes out',
  async (t) => {
    const { terminal, library, asked } = around(t, { is: 'exited', code: 7 })
    const words = ['exec', '--env', 'A=1', '--', 'npm', 'test', '--json', '--', '-p']
    t.equal(await main(words, terminal), 7)
    t.match(asked, [{ command: 'npm', words: ['test', '--json', '--', '-p'] }])
    t.match(asked[0]?.variables, {
      PATH: '/bin',
      AWS_ENDPOINT_URL_LAMBDA: 'http://127.0.0.1:3001',
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: /^AKIA/,
      AWS_SECRET_ACCESS_KEY: /./,
      LAMBDA_EMU_HTTP_URL: 'http://127.0.0.1:4000',
      LAMBDA_EMU_STATE_DIR: '/state',
    })
    t.match(library.asked, [{ lambdaPort: 0, httpPort: 0, watch: false }])
    t.notOk('stateDirectory' in (library.asked[0] ?? {}), 'its state directory is its own')
    t.equal(library.stops(), 1)
    t.equal(terminal.out(), '', 'standard output is the command’s own')
  },
)

t.test(
  'a signal comes out as 128 and its number, a program that is not there as 127',
  async (t) => {
    const table: readonly (readonly [RunEnd, number])[] = [
      [{ is: 'exited', code: 0 }, 0],
      [{ is: 'exited', code: 255 }, 255],
      [{ is: 'killed', signal: 'SIGKILL' }, 137],
      [{ is: 'killed', signal: 'SIGINT' }, 130],
      [{ is: 'not-started', reason: 'ENOENT' }, 127],
      [{ is: 'not-started', reason: 'EACCES' }, 127],
    ]
    for (const [end, code] of table) {
      const { terminal, library } = around(t, end)
      t.equal(await main(['exec', '--', 'it'], terminal), code)
      t.equal(library.stops(), 1)
      if (end.is === 'not-started')
        t.match(terminal.err(), /^EMU_COMMAND_NOT_FOUND: cannot run it: /)
    }
  },
)

t.test('signals are passed on, and everything is stopped when the command has ended', async (t) => {
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) {
    const { terminal, library, signals, running } = around(t, 'never')
    const ended = main(['exec', '--', 'sleep'], terminal)
    await running
    terminal.interrupt(signal)
    t.equal(await ended, { SIGTERM: 143, SIGHUP: 129, SIGINT: 130 }[signal])
    t.same(signals, [signal])
    t.equal(library.stops(), 1)
    terminal.interrupt(signal)
    t.same(terminal.exits, [], 'nothing is left to interrupt')
  }
})

t.test('Ctrl-C at the keyboard has reached the command already', async (t) => {
  const { terminal, signals, running } = around(t, 'never', { sharesKeyboard: true })
  const ended = main(['exec', '--', 'sleep'], terminal)
  await running
  terminal.interrupt('SIGINT')
  t.same(signals, [])
  terminal.interrupt('SIGTERM')
  t.equal(await ended, 143)
})

t.test('Ctrl-C while it is still starting runs nothing', async (t) => {
  const { terminal, library, asked } = around(t, { is: 'exited', code: 0 })
  const loadLibrary = () => {
    terminal.interrupt('SIGINT')
    return library.loadLibrary()
  }
  Object.assign(terminal, { loadLibrary })
  t.equal(await main(['exec', '--', 'it'], terminal), 130)
  t.same(asked, [])
  t.equal(library.stops(), 1)
})

t.test('what the user has of AWS himself is left alone', async (t) => {
  for (const own of [{ AWS_PROFILE: 'work' }, { AWS_ACCESS_KEY_ID: 'AKIAOWN' }]) {
    const { terminal, asked } = around(t, { is: 'exited', code: 0 }, { variables: own })
    t.equal(await main(['exec', '--', 'it'], terminal), 0)
    t.equal(asked[0]?.variables.AWS_SECRET_ACCESS_KEY, undefined)
    t.match(asked[0]?.variables, own)
  }
})

t.test('function output goes to standard error, with --verbose what happens too', async (t) => {
  for (const [more, expected] of [
    [[], /^ {14}e1 │ hi\n$/],
    [['--verbose'], /^Lambda http:\/\/127\.0\.0\.1:3001 {3}HTTP .*\n {14}e1 │ hi\n.*e1 frozen\n$/s],
    [['--quiet'], /^$/],
  ] as const) {
    const { terminal, library, running } = around(t, 'never')
    const ended = main(['exec', ...more, '--', 'it'], terminal)
    await running
    const record = { timeMs: 0, functionName: 'f', logStreamName: 's', environment: 'e1' }
    library.listeners.log?.({ ...record, source: 'function', message: 'hi' })
    const frozen = { atMs: 0, kind: 'environment.suspension', env: 'e1', functionArn: 'a' }
    library.listeners.journal?.({ ...frozen, to: 'frozen' })
    terminal.interrupt('SIGTERM')
    await ended
    t.match(terminal.err(), expected)
  }
})

t.test('without a command it says how to name one', async (t) => {
  for (const words of [['exec'], ['exec', '--'], ['exec', '.']]) {
    const { terminal, library } = around(t, { is: 'exited', code: 0 })
    t.equal(await main(words, terminal), 2)
    t.match(terminal.err(), /^EMU_USAGE: the command is missing: exec \[path\] -- <command>/)
    t.same(library.asked, [])
  }
})
