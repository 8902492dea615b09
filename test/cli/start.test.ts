// start around a library that the test holds: what is printed, and how Ctrl-C ends it. The real one is tested end to end.

import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type {
  Emulator,
  EmulatorOptions,
  JournalRecord,
  LogRecord,
  Status,
} from '../../src/admin/contract.js'
import { main } from '../../src/cli/main.js'
import { programName } from '../../src/cli/terminal.js'
import { completeSandbox, stage } from './stage.js'

/** Node 20 has no Promise.withResolvers. */
function promiseToKeep() {
  let resolve: () => void = () => {}
  const promise = new Promise<void>((keep) => {
    resolve = keep
  })
  return { promise, resolve }
}

function fakeLibrary(project: string) {
  const asked: EmulatorOptions[] = []
  const listeners: {
    journal?: (record: JournalRecord) => void
    log?: (record: LogRecord) => void
  } = {}
  let stops = 0
  const stopped = promiseToKeep()
  const started = promiseToKeep()
  const status = {
    project,
    profile: 'local',
    lambdaUrl: 'http://127.0.0.1:3001',
    freezer: { backend: 'v2', wanted: null, reason: '', escapes: [] },
    sandbox: completeSandbox,
  } as unknown as Status
  const emulator: Emulator = {
    lambdaUrl: status.lambdaUrl,
    httpUrl: null,
    adminUrl: 'http://127.0.0.1:3999',
    adminToken: 'secret',
    stateDirectory: '/state',
    warnings: [],
    functions: () => [],
    status: () => status,
    onJournal: (listener) => {
      listeners.journal = listener
      return () => {}
    },
    onLog: (listener) => {
      listeners.log = listener
      started.resolve()
      return () => {}
    },
    stop: async () => {
      stops += 1
    },
    stopped: stopped.promise,
  }
  const startEmulator = async (options: EmulatorOptions) => {
    asked.push(options)
    return emulator
  }
  const loadLibrary = async () => ({ startEmulator })
  return { asked, listeners, loadLibrary, stopped, started: started.promise, stops: () => stops }
}

function emptyProject(t: Test): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lambda-emu-start-')))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

t.test('start --json prints ready first, then one object an event', async (t) => {
  const folder = emptyProject(t)
  const library = fakeLibrary(folder)
  const terminal = stage({ loadLibrary: library.loadLibrary, workingFolder: folder })
  const args = ['start', '--json', '--lambda-port', '0', '--freeze', 'signal', '--account']
  const more = ['123456789012', '--memory-budget', '192', '--state-dir', 'state']
  const ended = main([...args, ...more], terminal)
  await library.started
  library.listeners.journal?.({ atMs: 1, kind: 'invocation.placed' })
  library.stopped.resolve()
  t.equal(await ended, 0)
  t.same(library.asked, [
    {
      path: folder,
      host: '127.0.0.1',
      lambdaPort: 0,
      stateDirectory: join(folder, 'state'),
      accountId: '123456789012',
      freeze: 'signal',
      cpu: true,
      memoryBudgetMb: 192,
    },
  ])
  t.equal(
    terminal.out(),
    `{"event":"ready","lambda":"http://127.0.0.1:3001","http":null,"admin":{"url":"http://127.0.0.1:3999","token":"secret"}}
{"event":"journal","atMs":1,"kind":"invocation.placed"}
{"event":"stopped"}
`,
  )
})

t.test('start tells people what happens, and one Ctrl-C stops it cleanly', async (t) => {
  const folder = emptyProject(t)
  const library = fakeLibrary(folder)
  const terminal = stage({ loadLibrary: library.loadLibrary, workingFolder: folder })
  const ended = main(['start'], terminal)
  await library.started
  t.match(terminal.out(), /freeze ● cgroup v2/)
  t.match(terminal.out(), /ready in 200 ms/)
  terminal.interrupt()
  t.equal(library.stops(), 1)
  t.same(terminal.exits, [])
  library.stopped.resolve()
  t.equal(await ended, 0)
  t.match(terminal.out(), /stopped\n$/)
})

t.test('a second Ctrl-C ends the process at once with 130', async (t) => {
  const folder = emptyProject(t)
  const library = fakeLibrary(folder)
  const terminal = stage({ loadLibrary: library.loadLibrary, workingFolder: folder })
  const ended = main(['start', '--json'], terminal)
  await library.started
  terminal.interrupt()
  terminal.interrupt()
  t.same(terminal.exits, [130])
  library.stopped.resolve()
  await ended
})

t.test('Ctrl-C while it is still starting stops it as soon as it has started', async (t) => {
  const folder = emptyProject(t)
  const library = fakeLibrary(folder)
  const loadLibrary = () => {
    terminal.interrupt()
    return library.loadLibrary()
  }
  const terminal = stage({ loadLibrary, workingFolder: folder })
  const ended = main(['start', '--json'], terminal)
  await library.started
  t.equal(library.stops(), 1)
  library.stopped.resolve()
  t.equal(await ended, 0)
})

t.test('a folder that does not exist is refused before anything starts', async (t) => {
  const library = fakeLibrary('/x')
  const terminal = stage({ loadLibrary: library.loadLibrary })
  t.equal(await main(['start', '/does/not/exist'], terminal), 2)
  t.match(terminal.err(), /^EMU_CONFIG_NOT_FOUND: \/does\/not\/exist does not exist\n {2}give a /)
  t.same(library.asked, [])
})

t.test('the program is named as somebody would type it', async (t) => {
  t.equal(programName('/usr/local/bin/lambda-emu', '/home'), 'lambda-emu')
  t.equal(programName('/repo/bin/lambda-emu.js', '/repo'), 'node bin/lambda-emu.js')
  t.equal(programName('/repo/bin/lambda-emu.js', '/other'), 'node /repo/bin/lambda-emu.js')
})
