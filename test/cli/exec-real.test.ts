// exec with real commands and a real emulator: variables that work, exit codes, two at once, and Ctrl-C at any moment.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { buildFolder, until } from '../support/daemon.js'
import { temporaryFolder, writeProject } from '../support/in-process.js'

const program = `
const { setTimeout: sleep } = await import('node:timers/promises')
const [main, ...words] = process.argv.slice(1)
const cli = await import(main)
process.exitCode = await cli.main(words, cli.processTerminal({ sleep }))`
const main = pathToFileURL(join(buildFolder, 'src/cli/main.js')).href
const node = [process.execPath, '--input-type=module', '-e', program, '--', main]

interface Started {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  readonly ended: Promise<number | null>
}

function exec(t: Test, folder: string, words: readonly string[]): Started {
  const { NODE_EXTRA_CA_CERTS: _, AWS_REGION: __, ...own } = process.env
  const [command = '', ...rest] = [...node, 'exec', ...words]
  const child = spawn(command, rest, {
    cwd: folder,
    env: { ...own, XDG_STATE_HOME: join(folder, '.xdg'), TMPDIR: temporaryIn(folder) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, stdout: () => stdout, stderr: () => stderr, ended }
}

/** Where exec makes its state directory: a folder of this test alone. */
const temporaryIn = (folder: string) => join(folder, '.tmp')

function project(t: Test): string {
  const folder = temporaryFolder(t)
  mkdirSync(temporaryIn(folder))
  const text = 'exports.handler = async (event) => (console.log("called"), { got: event })'
  writeProject(folder, { hello: { files: { 'index.js': text } } })
  return folder
}

/** Control groups that name this process, and whatever is in the temporary folder. */
function traces(folder: string, pid: number | undefined): readonly string[] {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
  const roots = mounts
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, at]) => at as string)
  const groups = roots.flatMap((root) =>
    readdirSync(root).filter((name) => name.startsWith(`lambda-emu-${pid}-`)),
  )
  return [...groups, ...readdirSync(temporaryIn(folder))]
}

/** What the emulator of a run says of itself so far. */
function daemonOf(folder: string): { readonly adminUrl: string } | undefined {
  const [state = ''] = readdirSync(temporaryIn(folder))
  const file = join(temporaryIn(folder), state, 'daemon.json')
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

const invokes = `
const url = process.env.AWS_ENDPOINT_URL_LAMBDA + '/2015-03-31/functions/hello/invocations'
const answer = await fetch(url, { method: 'POST', body: '{"n":1}' })
console.log(await answer.text())`

t.test('the command reaches the emulator, and nothing is left of it', async (t) => {
  const folder = project(t)
  const command = ['--', process.execPath, '--input-type=module', '-e', invokes]
  const { child, ended, stdout, stderr } = exec(t, folder, command)
  t.equal(await ended, 0, stderr())
  t.equal(stdout(), '{"got":{"n":1}}\n')
  t.match(stderr(), /e1 │ .*called/, 'what functions write goes to standard error')
  t.same(traces(folder, child.pid), [])
  t.notOk(existsSync(join(folder, '.xdg')), 'the state directory of `start` is not touched')
})

t.test('lambda-emu itself, inside of it, means this emulator', async (t) => {
  const folder = project(t)
  const { ended, stdout, stderr } = exec(t, folder, ['--quiet', '--', ...node, 'invoke', 'hello'])
  t.equal(await ended, 0, stderr())
  t.equal(stdout(), '{"got":{}}\n')
})

t.test('exit codes are the command’s own', async (t) => {
  const folder = project(t)
  for (const [command, code] of [
    [['false'], 1],
    [['sh', '-c', 'exit 42'], 42],
    [['sh', '-c', 'kill -TERM $$'], 143],
    [['true'], 0],
  ] as const) {
    const { child, ended, stderr } = exec(t, folder, ['--', ...command])
    t.equal(await ended, code, stderr())
    t.same(traces(folder, child.pid), [])
  }
})

t.test('two run side by side', async (t) => {
  const folder = project(t)
  const command = ['--', process.execPath, '--input-type=module', '-e', invokes]
  const both = [exec(t, folder, command), exec(t, folder, command)]
  t.same(await Promise.all(both.map(({ ended }) => ended)), [0, 0])
  for (const { stdout, child } of both) {
    t.equal(stdout(), '{"got":{"n":1}}\n')
    t.same(traces(folder, child.pid), [])
  }
})

t.test('Ctrl-C at any moment leaves nothing', async (t) => {
  const command = ['--', 'sh', '-c', 'echo ready; exec sleep 60']
  type Moment = (folder: string, started: Started) => boolean
  const moments: Readonly<Record<string, Moment>> = {
    'at once': () => true,
    'its folder is there': (folder) => readdirSync(temporaryIn(folder)).length > 0,
    'it is starting': (folder) => daemonOf(folder) !== undefined,
    'it listens': (folder) => (daemonOf(folder)?.adminUrl ?? '') !== '',
    'the command runs': (_, { stdout }) => stdout().includes('ready'),
  }
  for (const [moment, reached] of Object.entries(moments)) {
    const folder = project(t)
    const started = exec(t, folder, command)
    const { child, ended } = started
    await until(moment, () => reached(folder, started))
    child.kill('SIGINT')
    const code = await ended
    // Before the program listens at all, the signal ends node itself.
    t.ok(code === 130 || (code === null && moment === 'at once'), `${moment}: ${code}`)
    t.same(traces(folder, child.pid), [], moment)
  }
})

t.test('impatience while it is stopping changes nothing', async (t) => {
  const folder = project(t)
  const { child, ended, stdout } = exec(t, folder, ['--', 'sh', '-c', 'echo ready; exec sleep 60'])
  await until('the command runs', () => stdout().includes('ready'))
  for (let more = 0; more < 5; more += 1) child.kill('SIGINT')
  t.equal(await ended, 130)
  t.same(traces(folder, child.pid), [])
})

t.test('the folder of a run that was killed goes with the next run', async (t) => {
  const folder = project(t)
  const killed = exec(t, folder, ['--', 'sh', '-c', 'echo $$; exec sleep 60'])
  await until('the command runs', () => killed.stdout() !== '')
  killed.child.kill('SIGKILL')
  process.kill(Number(killed.stdout()), 'SIGKILL')
  await killed.ended
  await until('its guardian has ended the rest', () =>
    traces(folder, killed.child.pid).every((name) => name.startsWith('lambda-emu-state-')),
  )
  const next = exec(t, folder, ['--', 'true'])
  t.equal(await next.ended, 0, next.stderr())
  t.same(traces(folder, killed.child.pid), [])
})
