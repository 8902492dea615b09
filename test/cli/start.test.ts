// start around a library that the test holds: what is printed, and how Ctrl-C ends it. The real one is tested end to end.

import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { main } from '../../src/cli/main.js'
import { samFlags } from '../../src/cli/start-options.js'
import { programName } from '../../src/cli/terminal.js'
import { fakeEmulator, orders } from './fake-emulator.js'
import { stage } from './stage.js'

function emptyProject(t: Test): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lambda-emu-start-')))
  t.teardown(() => rmSync(folder, { recursive: true }))
  return folder
}

t.test('start --json prints ready first, then one object an event', async (t) => {
  const folder = emptyProject(t)
  const library = fakeEmulator({ project: folder })
  const terminal = stage({ loadLibrary: library.loadLibrary, workingFolder: folder })
  const args = ['start', '--json', '--lambda-port', '0', '--freeze', 'signal', '--account']
  const sized = ['123456789012', '--memory-budget', '192', '--freeze-grace', '0']
  const network = ['--freeze-network', '--relay', '5432,8000']
  const more = [...sized, ...network, '--state-dir', 'state']
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
      httpPort: 3000,
      stagePath: true,
      watch: true,
      strict: false,
      parameters: {},
      importValues: {},
      variables: [],
      stateDirectory: join(folder, 'state'),
      accountId: '123456789012',
      freeze: 'signal',
      cpu: true,
      memoryBudgetMb: 192,
      freezeGraceMs: 0,
      freezeNetwork: true,
      relay: [5432, 8000],
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
  const library = fakeEmulator({ project: folder })
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

t.test('everything that comes from outside is handed on, from every place', async (t) => {
  const folder = emptyProject(t)
  writeFileSync(join(folder, '.env'), 'FROM=dotenv\n')
  writeFileSync(join(folder, 'more.env'), 'export MORE="1 2"\n')
  writeFileSync(join(folder, 'vars.json'), '{"Parameters":{"ALL":"1"},"hello":{"ONE":"2"}}')
  const settings = { start: { httpPort: 0, env: { LEVEL: 'info' }, watch: false } }
  writeFileSync(join(folder, 'lambda-emu.json'), JSON.stringify(settings))
  const library = fakeEmulator({ project: folder })
  const terminal = stage({
    loadLibrary: library.loadLibrary,
    workingFolder: folder,
    variables: { LAMBDA_EMU_STATE_DIR: 'state', LAMBDA_EMU_CPU: 'no' },
  })
  const words = ['--env-file', 'more.env', '-n', 'vars.json', '--env', 'A=1', '--no-stage-path']
  const sam = ['--parameter-overrides', 'Stage=dev', 'Size="1 2"', '--warm-containers', 'EAGER']
  const ended = main(['start', '--json', '--import-value', 'Net=n1', ...words, ...sam], terminal)
  await library.started
  library.stopped.resolve()
  t.equal(await ended, 0)
  t.match(library.asked[0], {
    httpPort: 0,
    watch: false,
    stagePath: false,
    cpu: false,
    stateDirectory: join(folder, 'state'),
    parameters: { Stage: 'dev', Size: '1 2' },
    importValues: { Net: 'n1' },
  })
  t.same(
    library.asked[0]?.variables?.map(({ source, common }) => [source, common]),
    [
      ['.env', { FROM: 'dotenv' }],
      ['--env-file more.env', { MORE: '1 2' }],
      ['--env-vars vars.json', { ALL: '1' }],
      ['lambda-emu.json', { LEVEL: 'info' }],
      ['--env', { A: '1' }],
    ],
  )
  t.equal(
    terminal.err(),
    '--warm-containers has no effect: environments always stay warm, as on AWS, and the first invocation starts one\n',
  )
})

t.test(
  'every flag of sam local is accepted: heeded, or with a line on what is done instead',
  async (t) => {
    const folder = emptyProject(t)
    const parameters = ['A', 'B', 'C'].map((name) => `  ${name}: { Type: String }\n`).join('')
    writeFileSync(join(folder, 'other.yaml'), `Parameters:\n${parameters}Resources: {}\n`)
    const library = fakeEmulator({ project: folder })
    const terminal = stage({ loadLibrary: library.loadLibrary, workingFolder: folder })
    const without = Object.entries(samFlags).flatMap(([flag, { takesValue }]) =>
      takesValue ? [`--${flag}`, '1'] : [`--${flag}`],
    )
    const heeded = ['-t', 'other.yaml', '-p', '4001', '--parameter-overrides', 'A=1', 'B="x y" C=2']
    const ended = main(['start', '--json', ...without, ...heeded], terminal)
    await library.started
    library.stopped.resolve()
    t.equal(await ended, 0)
    t.match(library.asked[0], {
      path: join(folder, 'other.yaml'),
      httpPort: 4001,
      parameters: { A: '1', B: 'x y', C: '2' },
    })
    const lines = terminal.err().trim().split('\n')
    t.same(
      lines.map((line) => line.split(' has no effect: ')[0]),
      Object.keys(samFlags).map((flag) => `--${flag}`),
    )
    const quiet = stage({ loadLibrary: library.loadLibrary, workingFolder: folder })
    t.equal(await main(['start', '--quiet', '-d', '5858', '.'], quiet), 0)
    t.equal(quiet.err(), '')
  },
)

t.test('the banner shows addresses, routes, schedules and a count of many warnings', async (t) => {
  const folder = emptyProject(t)
  const route = (method: string, path: string) => ({ method, path, functionName: 'orders' })
  const warning = { code: 'W_NOT_EMULATED', property: 'P', message: 'm' }
  const library = fakeEmulator({
    project: folder,
    functions: [orders],
    warnings: [warning, warning, { ...warning, code: 'W_UNRESOLVED' }, warning],
    status: {
      httpUrl: 'http://127.0.0.1:3000',
      apis: [
        {
          id: 'a1b2c3d4e5',
          logicalId: 'Shop',
          kind: 'rest',
          stageName: 'Prod',
          url: 'http://127.0.0.1:3000/Prod',
          routes: [
            route('GET', '/orders/{id}'),
            route('DELETE', '/orders/{id}'),
            { method: 'OPTIONS', path: '/orders', functionName: null },
          ],
        },
      ],
      schedules: [
        { name: 'nightly', functionName: 'orders', expression: 'rate(1 day)', enabled: false },
      ],
    },
  })
  const pressed: ((key: string) => void)[] = []
  const terminal = stage({
    loadLibrary: library.loadLibrary,
    workingFolder: folder,
    onKey: (listener) => {
      pressed.push(listener)
      return () => void pressed.pop()
    },
  })
  const ended = main(['start'], terminal)
  await library.started
  t.match(
    terminal.out(),
    `  .   1 function · 1 API · 1 schedule
    orders  nodejs22.x  256 MB  6 s

  Shop   http://127.0.0.1:3000/Prod
    GET      /orders/{id} → orders
    DELETE   /orders/{id} → orders
    OPTIONS  /orders      answered by the API

  Schedules
    nightly   rate(1 day) → orders   disabled

  ! 4 warnings: W_NOT_EMULATED × 3, W_UNRESOLVED (press w)

  Lambda   http://127.0.0.1:3001
  HTTP     http://127.0.0.1:3000
  ready in 200 ms
`,
  )
  t.match(
    terminal.out(),
    /╭─+╮\n {2}│ \[i\] invoke {3}\[l\] list {3}\[e\] environments {3}\[f\] freeze/,
  )
  t.notMatch(terminal.out(), /\[r\]/, 'what cannot be done is not offered')
  pressed[0]?.('w')
  t.equal(terminal.out().match(/! W_/g)?.length, 4)
  pressed[0]?.('q')
  t.equal(library.stops(), 1)
  library.stopped.resolve()
  t.equal(await ended, 0)
  t.same(pressed, [], 'the keyboard is given back')
})

t.test('Ctrl-C is a key while keys are heard one by one', async (t) => {
  const folder = emptyProject(t)
  const library = fakeEmulator({ project: folder })
  const pressed: ((key: string) => void)[] = []
  const onKey = (listener: (key: string) => void) => {
    pressed.push(listener)
    return () => {}
  }
  const terminal = stage({ loadLibrary: library.loadLibrary, workingFolder: folder, onKey })
  const ended = main(['start'], terminal)
  await library.started
  pressed[0]?.('\u0003')
  t.equal(library.stops(), 1)
  pressed[0]?.('\u0003')
  t.same(terminal.exits, [130])
  library.stopped.resolve()
  t.equal(await ended, 0)
})

t.test('a second Ctrl-C ends the process at once with 130', async (t) => {
  const folder = emptyProject(t)
  const library = fakeEmulator({ project: folder })
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
  const library = fakeEmulator({ project: folder })
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
  const library = fakeEmulator()
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
