// Bad flags, files, ports and payloads, given to the command line, some to the program itself: one sentence, a hint, the right exit code, nothing left.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { main as runMain } from '../../src/cli/main.js'
import { startDaemon } from '../../src/index.js'
import { buildFolder } from '../support/daemon.js'
import { temporaryFolder, writeProject } from '../support/in-process.js'
import { stage } from './stage.js'

const program = `
const { setTimeout: sleep } = await import('node:timers/promises')
const [main, ...words] = process.argv.slice(1)
const cli = await import(main)
process.exitCode = await cli.main(words, cli.processTerminal({ sleep }))`
const main = pathToFileURL(join(buildFolder, 'src/cli/main.js')).href

interface Given {
  readonly words: readonly string[]
  readonly stdin?: Buffer | string
  readonly variables?: Readonly<Record<string, string>>
}

function runProgram(t: Test, folder: string, { words, stdin = '', variables = {} }: Given) {
  const { NODE_EXTRA_CA_CERTS: _, AWS_REGION: __, ...own } = process.env
  return new Promise<{ exitCode: number | null; stdout: string; stderr: string }>((resolve) => {
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', program, '--', main, ...words],
      {
        cwd: folder,
        env: { ...own, XDG_STATE_HOME: join(folder, '.xdg'), ...variables },
        stdio: 'pipe',
      },
    )
    // One that starts after all must not outlive its test.
    t.teardown(() => child.kill())
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk
    })
    child.stdin.on('error', () => {})
    child.stdin.end(stdin)
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }))
  })
}

/** The same command line in this process. */
async function runHere(folder: string, { words, stdin = '', variables = {} }: Given) {
  const terminal = stage({
    workingFolder: folder,
    variables: { XDG_STATE_HOME: join(folder, '.xdg'), ...variables },
    stdin: (async function* () {
      yield Buffer.from(stdin)
    })(),
    loadLibrary: () => import('../../src/index.js'),
  })
  const exitCode = await runMain(words, terminal)
  return { exitCode, stdout: terminal.out(), stderr: terminal.err() }
}

interface Bad extends Given {
  /** Run by the program as a process of its own. */
  readonly own?: true
  readonly code: string
  readonly exitCode: number
  readonly says: RegExp
  readonly files?: Readonly<Record<string, string>>
}

const usage = { code: 'EMU_USAGE', exitCode: 2 }
const config = { code: 'EMU_CONFIG_INVALID', exitCode: 2 }
const start = ['start', '.', '--lambda-port', '0', '--http-port', '0']
const settings = (start_: unknown) => ({
  'lambda-emu.json': JSON.stringify({ functions: {}, start: start_ }),
})

/** What needs no emulator. */
const withoutDaemon: readonly Bad[] = [
  { ...usage, own: true, words: [], says: /no verb is given/ },
  { ...usage, words: ['strat'], says: /there is no verb strat; did you mean start\?/ },
  {
    ...usage,
    words: ['start', '--prot', '3000'],
    says: /there is no --prot; did you mean --port\?/,
  },
  { ...usage, words: ['start', 'a', 'b'], says: /b is a word too many: start \[path\]/ },
  {
    ...usage,
    own: true,
    words: [...start, '-p', '99999'],
    says: /--http-port 99999 is not a port/,
  },
  { ...usage, words: [...start, '--http-port', '3k'], says: /--http-port 3k is not a port/ },
  { ...usage, words: [...start, '--http-port'], says: /--http-port needs a value/ },
  {
    ...usage,
    words: [...start, '--lambda-port', '-1'],
    says: /--lambda-port (-1 is not a port|needs a value)/,
  },
  { ...usage, words: [...start, '--account', 'me'], says: /--account me is not twelve digits/ },
  {
    ...usage,
    words: [...start, '--memory-budget', '1GB'],
    says: /1GB is not a whole number of MB/,
  },
  { ...usage, words: [...start, '--freeze', 'hard'], says: /Invalid values: .*"hard"/ },
  { ...usage, words: [...start, '--isolation', 'max'], says: /Invalid values: .*"max"/ },
  {
    ...usage,
    words: [...start, '--parameter', 'Stage'],
    says: /--parameter Stage is not NAME=VALUE/,
  },
  { ...usage, words: [...start, '--env', '=x'], says: /--env =x is not NAME=VALUE/ },
  { ...usage, words: [...start, '-t', 'other.yaml'], says: /give a path or --template, not both/ },
  {
    ...usage,
    words: start,
    variables: { LAMBDA_EMU_HTTP_PORT: '0', LAMBDA_EMU_STRICT: 'perhaps' },
    says: /LAMBDA_EMU_STRICT=perhaps is not true or false/,
  },
  {
    code: 'EMU_HOST_NOT_LOOPBACK',
    exitCode: 2,
    own: true,
    words: [...start, '--host', '0.0.0.0'],
    says: /0\.0\.0\.0 is not a loopback address/,
  },
  {
    ...config,
    words: start,
    files: settings({ memoryBudget: 'a' }),
    says: /lambda-emu\.json:1: start\.memoryBudget is "a"/,
  },
  {
    ...config,
    words: start,
    files: settings({ htttpPort: 1 }),
    says: /start\.htttpPort: there is no such setting\n {2}did you mean httpPort\?/,
  },
  { ...config, words: start, files: settings([]), says: /start is no map/ },
  { ...config, words: start, files: { 'lambda-emu.json': '{' }, says: /lambda-emu\.json:1: / },
  {
    ...config,
    words: [...start, '--env-file', 'bad.env'],
    files: { 'bad.env': 'A=1\nnot an assignment\n' },
    says: /bad\.env:2: /,
  },
  {
    ...config,
    words: [...start, '--env-vars', 'bad.json'],
    files: { 'bad.json': '{"f": 3, "g": {}}' },
    says: /bad\.json:1: /,
  },
  {
    code: 'EMU_CONFIG_',
    exitCode: 2,
    words: [...start, '--env-file', 'gone.env'],
    says: /gone\.env/,
  },
  { code: 'EMU_CONFIG_NOT_FOUND', exitCode: 2, words: ['start', './nowhere'], says: /nowhere/ },
  { ...usage, words: ['exec'], says: /the command is missing/ },
  {
    code: 'EMU_COMMAND_NOT_FOUND',
    exitCode: 127,
    words: ['exec', '--', 'no-such-program-anywhere'],
    says: /cannot run no-such-program-anywhere: there is no such program/,
  },
  {
    code: 'EMU_COMMAND_NOT_FOUND',
    exitCode: 127,
    words: ['exec', '--', './plain'],
    files: { plain: 'no program' },
    says: /cannot run \.\/plain: EACCES/,
  },
  { ...usage, words: ['events', 'pigeon'], says: /there is no event source pigeon: known are / },
  { ...usage, words: ['events', 's3', '--method', 'GET'], says: /s3 has no --method/ },
  {
    ...usage,
    words: ['events', 'http-v2', '--header', 'X'],
    says: /--header X is not NAME: VALUE/,
  },
  {
    code: 'EMU_PAYLOAD_INVALID',
    exitCode: 2,
    words: ['events', 'eventbridge', '--body', '{'],
    says: /the payload in --body is not JSON/,
  },
  { ...usage, words: ['config', 'hide'], says: /Invalid values/ },
  { ...usage, words: ['env', '--shell', 'tcsh'], says: /Invalid values/ },
  { ...usage, words: ['explain'], says: /something is missing: explain <id>/ },
  { ...usage, words: ['logs', '--since', 'noon'], says: /--since noon is not a time/ },
  {
    ...usage,
    words: ['invoke', 'f', '{}', '-e', 'x'],
    says: /give a payload or --event, not both/,
  },
  { ...usage, words: ['invoke', 'f', '-e', 'gone.json'], says: /cannot read --event .*gone\.json/ },
  {
    code: 'EMU_PAYLOAD_INVALID',
    exitCode: 2,
    words: ['invoke', 'f', "{'a':1}"],
    says: /on the command line is not JSON: .*\(line 1, column 2\)/,
  },
  {
    code: 'EMU_PAYLOAD_INVALID',
    exitCode: 2,
    words: ['invoke', 'f', '-'],
    says: /on standard input is not JSON: it is empty/,
  },
  {
    code: 'EMU_PAYLOAD_INVALID',
    exitCode: 2,
    words: ['invoke', 'f', '-'],
    own: true,
    stdin: Buffer.from([0x22, 0xff, 0x22]),
    says: /on standard input is not JSON: byte 1 is not UTF-8/,
  },
  {
    code: 'EMU_DAEMON_NOT_RUNNING',
    exitCode: 3,
    words: ['env'],
    says: /no daemon is running/,
  },
]

async function refused(t: Test, folder: string, bad: Bad): Promise<void> {
  const here = bad.own === undefined && bad.words[0] !== 'exec'
  const { exitCode, stdout, stderr } = here
    ? await runHere(folder, bad)
    : await runProgram(t, folder, bad)
  const name = bad.words.join(' ')
  t.equal(exitCode, bad.exitCode, `${name}: ${stderr}`)
  t.match(stderr, bad.says, name)
  t.ok(stderr.startsWith(bad.code), `${name}: the code comes first: ${stderr}`)
  const lines = stderr.trim().split('\n')
  t.equal(lines.length, 2, `${name}: a sentence and a hint: ${stderr}`)
  t.notMatch(stderr, /undefined|\{\w+\}|\n\s+at /, name)
  t.equal(stdout, '', name)
}

for (const bad of withoutDaemon) {
  t.test(`${bad.code}: ${bad.words.join(' ')}`, async (t) => {
    const folder = temporaryFolder(t)
    for (const [name, text] of Object.entries(bad.files ?? {})) {
      writeFileSync(join(folder, name), text)
    }
    await refused(t, folder, bad)
    const state = join(folder, '.xdg/lambda-emu')
    const left = existsSync(state) ? (readdirSync(state, { recursive: true }) as string[]) : []
    t.same(
      left.filter((name) => name.endsWith('daemon.json')),
      [],
      'no daemon.json is left',
    )
  })
}

t.test(
  'a port that somebody has is told with its holder and the flag that chooses another',
  async (t) => {
    const folder = temporaryFolder(t)
    writeProject(folder, { hello: { files: { 'index.js': 'exports.handler = async () => 1' } } })
    const holder = createServer()
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    t.teardown(() => holder.close())
    const address = holder.address()
    const port = typeof address === 'object' ? `${address?.port}` : ''
    await refused(t, folder, {
      code: 'EMU_PORT_IN_USE',
      exitCode: 3,
      own: true,
      words: ['start', '.', '--lambda-port', port],
      says: new RegExp(
        `port ${port} on 127\\.0\\.0\\.1 is already in use by .*pid ${process.pid}.*\\n.*--lambda-port`,
      ),
    })
  },
)

t.test('what a running emulator cannot do is told in the same way', async (t) => {
  const folder = temporaryFolder(t)
  writeProject(folder, { hello: { files: { 'index.js': 'exports.handler = async () => 1' } } })
  const stateDirectory = join(folder, '.state')
  mkdirSync(stateDirectory, { mode: 0o700 })
  const emulator = await startDaemon({
    path: folder,
    lambdaPort: 0,
    httpPort: 0,
    stateDirectory,
  })
  t.teardown(() => emulator.stop())
  const state = ['--state-dir', stateDirectory]
  const table: readonly Bad[] = [
    {
      code: 'EMU_FUNCTION_NOT_FOUND',
      exitCode: 2,
      words: ['env', 'nobody', ...state],
      says: /no function nobody/,
    },
    {
      code: 'EMU_NOTHING_TO_EXPLAIN',
      exitCode: 2,
      words: ['explain', 'e99', ...state],
      says: /nothing here is called e99/,
    },
    {
      code: 'EMU_ENVIRONMENT_NOT_FOUND',
      exitCode: 2,
      words: ['thaw', '../e1', ...state],
      says: /no environment \.\.\/e1/,
    },
    {
      code: 'EMU_DAEMON_RUNNING',
      exitCode: 3,
      own: true,
      words: [...start, ...state],
      says: /already running/,
    },
  ]
  for (const bad of table) await refused(t, folder, bad)
  const large = JSON.stringify('x'.repeat(20 * 1024 * 1024))
  const tooLarge = await runProgram(t, folder, {
    words: ['invoke', 'hello', '-', ...state],
    stdin: large,
  })
  t.equal(tooLarge.exitCode, 2)
  t.match(tooLarge.stderr, /^RequestEntityTooLargeException: |^RequestTooLargeException: /)
})
