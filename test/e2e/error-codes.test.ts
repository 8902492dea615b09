// Every error code of ours, provoked by a user's command: one sentence, a hint, the right exit code, nothing left behind.

import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import yazl from 'yazl'
import { type EmulatorErrorCode, emulatorErrors } from '../../src/domain/emulator-error.js'
import { startEmulator } from '../../src/index.js'
import { buildFolder, until } from '../support/daemon.js'
import { temporaryFolder, writeProject } from '../support/in-process.js'

// Only against hanging.
t.setTimeout(400_000)

const commandLine = `
const { setTimeout: sleep } = await import('node:timers/promises')
const [main, ...words] = process.argv.slice(1)
const cli = await import(main)
process.exitCode = await cli.main(words, cli.processTerminal({ sleep }))`
const main = pathToFileURL(join(buildFolder, 'src/cli/main.js')).href

const library = pathToFileURL(join(buildFolder, 'src/index.js')).href
/** A test of somebody's that asks for what cannot be. */
const libraryProgram = `
const { startEmulator } = await import(process.argv[1])
const emulator = await startEmulator({ path: '.', stateDirectory: '.state' })
try {
  await emulator.clock.advance(1)
} catch (error) {
  console.error(error.code + ': ' + error.message + '\\n' + error.hint)
  process.exitCode = error.exitCode
}
await emulator.stop()`

interface Ran {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

interface RunOptions {
  readonly cwd: string
  readonly variables?: Readonly<Record<string, string>>
  /** Put before node: a wrapper that changes the world around it. */
  readonly wrapper?: readonly string[]
  /** In place of the command line. */
  readonly program?: string
}

/** Every process that a test has started. */
const started = new Set<number>()

function run(
  words: readonly string[],
  { cwd, variables = {}, wrapper = [], program = commandLine }: RunOptions,
): Promise<Ran> {
  const command = [
    ...wrapper,
    process.execPath,
    '--input-type=module',
    '-e',
    program,
    ...(program === commandLine ? [main] : []),
    ...words,
  ]
  return new Promise((resolve, reject) => {
    const child = spawn(command[0] as string, command.slice(1), {
      cwd,
      env: { ...process.env, XDG_STATE_HOME: join(cwd, '.xdg'), ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.add(child.pid ?? 0)
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk
    })
    child.on('error', reject)
    child.on('close', (exitCode) => resolve({ exitCode, stdout, stderr }))
  })
}

const hello = { files: { 'index.js': 'exports.handler = async () => 1' } }

function zip(entries: readonly { name: string; text: string; mode?: number }[]): Promise<Buffer> {
  const file = new yazl.ZipFile()
  for (const { name, text, mode } of entries)
    file.addBuffer(Buffer.from(text), name, mode === undefined ? {} : { mode })
  file.end()
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    file.outputStream.on('data', (chunk: Buffer) => chunks.push(chunk))
    file.outputStream.on('end', () => resolve(Buffer.concat(chunks)))
    file.outputStream.on('error', reject)
  })
}

function projectOfZip(folder: string, bytes: Buffer): void {
  writeFileSync(join(folder, 'code.zip'), bytes)
  const described = { f: { runtime: 'nodejs22.x', handler: 'index.handler', code: './code.zip' } }
  writeFileSync(join(folder, 'lambda-emu.json'), JSON.stringify({ functions: described }))
}

function projectWithLayer(folder: string, layer: string): void {
  writeProject(folder, { hello: { ...hello, layers: [layer] } })
}

type Provoke = (t: Test, folder: string) => Promise<Ran>

const start = ['start', '.', '--lambda-port', '0']

/** A second daemon, or a verb of one, beside an emulator of this process. */
async function beside(folder: string, words: readonly string[]): Promise<Ran> {
  writeProject(folder, { hello })
  const stateDirectory = join(folder, '.state')
  const emulator = await startEmulator({ path: folder, lambdaPort: 0, stateDirectory })
  try {
    return await run([...words, '--state-dir', stateDirectory], { cwd: folder })
  } finally {
    await emulator.stop()
  }
}

const provoke: Record<EmulatorErrorCode, Provoke> = {
  EMU_USAGE: async (_t, folder) => run(['start', '--no-such-option'], { cwd: folder }),
  EMU_PORT_IN_USE: async (t, folder) => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    const address = server.address()
    const port = typeof address === 'object' ? String(address?.port) : ''
    writeProject(folder, { hello })
    return run(['start', '.', '--lambda-port', port], { cwd: folder })
  },
  EMU_HOST_NOT_LOOPBACK: async (_t, folder) =>
    run([...start, '--host', '192.0.2.1'], { cwd: folder }),
  EMU_STATE_DIRECTORY: async (_t, folder) => {
    writeFileSync(join(folder, 'file'), 'not a folder')
    return run([...start, '--state-dir', 'file/below'], { cwd: folder })
  },
  EMU_DAEMON_NOT_RUNNING: async (_t, folder) => run(['status'], { cwd: folder }),
  EMU_DAEMON_RUNNING: async (_t, folder) => beside(folder, start),
  EMU_DAEMON_UNREACHABLE: async (_t, folder) => {
    // A living process that says it is the daemon and listens nowhere.
    const own = readFileSync('/proc/self/stat', 'utf8')
    const startTime = own.slice(own.lastIndexOf(')') + 2).split(' ')[19]
    const state = join(folder, '.state')
    mkdirSync(state, { mode: 0o700 })
    const said = {
      pid: process.pid,
      startTime,
      adminUrl: 'http://127.0.0.1:9',
      token: 'x',
      lambdaUrl: 'http://127.0.0.1:9',
      project: folder,
    }
    writeFileSync(join(state, 'daemon.json'), JSON.stringify(said), { mode: 0o600 })
    return run(['status', '--state-dir', state], { cwd: folder })
  },
  EMU_CONFIG_NOT_FOUND: async (_t, folder) => run(['start', './nowhere'], { cwd: folder }),
  EMU_CONFIG_INVALID: async (_t, folder) => {
    writeFileSync(
      join(folder, 'template.yaml'),
      'Resources:\n  F: {Type: AWS::Serverless::Function, Properties: [\n',
    )
    return run(start, { cwd: folder })
  },
  EMU_RUNTIME_UNSUPPORTED: async (_t, folder) => {
    writeProject(folder, { f: { ...hello, runtime: 'ruby3.4' } })
    return run(start, { cwd: folder })
  },
  EMU_RUNTIME_MISSING: async (_t, folder) => {
    writeProject(folder, {
      f: { runtime: 'python3.12', files: { 'app.py': 'def handler(e, c): pass' } },
    })
    return run(start, { cwd: folder, variables: { PATH: join(folder, 'empty') } })
  },
  EMU_HANDLER_NOT_FOUND: async (_t, folder) => {
    writeProject(folder, { f: { ...hello, handler: 'missing.handler' } })
    return run(start, { cwd: folder })
  },
  EMU_CODE_NOT_FOUND: async (_t, folder) => {
    const described = { f: { runtime: 'nodejs22.x', handler: 'index.handler', code: './gone' } }
    writeFileSync(join(folder, 'lambda-emu.json'), JSON.stringify({ functions: described }))
    return run(start, { cwd: folder })
  },
  EMU_ZIP_INVALID: async (_t, folder) => {
    projectOfZip(folder, Buffer.from('PK\u0003\u0004 but no zip'))
    return run(start, { cwd: folder })
  },
  EMU_ZIP_ESCAPES: async (_t, folder) => {
    const bytes = await zip([
      { name: 'index.js', text: '1' },
      { name: 'aa/evil', text: 'outside' },
    ])
    // yazl refuses to write such a name, so it is written over one of the same length.
    projectOfZip(
      folder,
      Buffer.from(bytes.toString('latin1').replaceAll('aa/evil', '../evil'), 'latin1'),
    )
    return run(start, { cwd: folder })
  },
  EMU_ZIP_TOO_LARGE: async (_t, folder) => {
    projectOfZip(folder, await zip([{ name: 'index.js', text: 'x'.repeat(262_144_001) }]))
    return run(start, { cwd: folder })
  },
  EMU_FREEZER_UNAVAILABLE: async (_t, folder) => {
    writeProject(folder, { hello })
    // A namespace whose control groups can be seen and not written, as in most containers.
    const script =
      'for at in $(grep -E " cgroup2? " /proc/self/mounts | cut -d" " -f2); do mount -o remount,ro,bind "$at" || exit 99; done; exec "$@"'
    const user = process.getuid?.() === 0 ? [] : ['-r']
    return run([...start, '--freeze', 'v2'], {
      cwd: folder,
      wrapper: ['unshare', '-m', ...user, 'sh', '-c', script, 'sh'],
    })
  },
  EMU_FREEZE_NETWORK_UNAVAILABLE: async (_t, folder) => {
    writeProject(folder, { hello })
    return run([...start, '--freeze-network', '--isolation', 'none'], { cwd: folder })
  },
  EMU_FUNCTION_NOT_FOUND: async (_t, folder) => beside(folder, ['logs', 'nobody']),
  EMU_ENVIRONMENT_NOT_FOUND: async (_t, folder) => beside(folder, ['freeze', 'e999']),
  EMU_ENVIRONMENT_STATE: async (t, folder) => {
    const busy = {
      timeoutSeconds: 60,
      files: { 'index.js': 'exports.handler = () => new Promise((r) => setTimeout(r, 60_000))' },
    }
    writeProject(folder, { busy })
    const stateDirectory = join(folder, '.state')
    const emulator = await startEmulator({ path: folder, lambdaPort: 0, stateDirectory })
    t.teardown(() => emulator.stop())
    const isBusy = new Promise<string>((resolve) => {
      emulator.onJournal((record) => {
        if (record.kind === 'environment.phase' && record.to === 'busy') resolve(String(record.env))
      })
    })
    void fetch(`${emulator.lambdaUrl}/2015-03-31/functions/busy/invocations`, {
      method: 'POST',
    }).catch(() => {})
    const ran = await run(['freeze', await isBusy, '--state-dir', stateDirectory], { cwd: folder })
    await emulator.stop()
    return ran
  },
  EMU_LIBRARY_USE: async (_t, folder) => {
    writeProject(folder, { hello })
    return run([library], { cwd: folder, program: libraryProgram })
  },
  EMU_LAYER_INVALID: async (_t, folder) => {
    projectWithLayer(folder, '/dev/null')
    return run(start, { cwd: folder })
  },
  EMU_LAYERS_TOO_LARGE: async (_t, folder) => {
    projectWithLayer(folder, './layer')
    mkdirSync(join(folder, 'layer'))
    writeFileSync(join(folder, 'layer/large'), '')
    truncateSync(join(folder, 'layer/large'), 262_144_001)
    return run(start, { cwd: folder })
  },
  EMU_STRICT: async (_t, folder) => {
    writeFileSync(join(folder, 'index.js'), 'exports.handler = async () => 1')
    const properties = {
      Runtime: 'nodejs22.x',
      Handler: 'index.handler',
      CodeUri: '.',
      VpcConfig: {},
    }
    const resources = { Hello: { Type: 'AWS::Serverless::Function', Properties: properties } }
    writeFileSync(join(folder, 'template.json'), JSON.stringify({ Resources: resources }))
    return run([...start, '--strict'], { cwd: folder })
  },
  EMU_COMMAND_NOT_FOUND: async (_t, folder) =>
    run(['exec', '--', 'no-such-program-anywhere'], { cwd: folder }),
  EMU_NOTHING_TO_EXPLAIN: async (_t, folder) => beside(folder, ['explain', 'e999']),
  EMU_PAYLOAD_INVALID: async (_t, folder) => beside(folder, ['invoke', 'hello', '{not json']),
}

/** Groups of daemons that are dead: those of living ones, in other tests, are theirs. */
function deadGroups(): string[] {
  const roots = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, , type]) => type === 'cgroup' || type === 'cgroup2')
    .map(([, at]) => at as string)
  return roots.flatMap((root) =>
    readdirSync(root).filter((name) => {
      const pid = pidOf(name)
      return pid !== 0 && !existsSync(`/proc/${pid}`)
    }),
  )
}

/** Of the daemon whose control group has this name; 0 when it is nobody's. */
function pidOf(group: string): number {
  return Number(/^lambda-emu-(?:probe-)?(\d+)-/.exec(group)?.[1] ?? 0)
}

for (const [code, make] of Object.entries(provoke) as [EmulatorErrorCode, Provoke][]) {
  t.test(
    `${code} is one sentence, a hint and exit code ${emulatorErrors[code].exitCode}`,
    async (t) => {
      const folder = temporaryFolder(t)
      const { exitCode, stderr, stdout } = await make(t, folder)
      t.equal(exitCode, emulatorErrors[code].exitCode, stderr)
      const lines = stderr.trim().split('\n')
      t.match(lines[0], code, 'the first line names the code')
      t.ok(lines.length >= 2 && lines.length <= 3, `a sentence and a hint: ${stderr}`)
      t.notMatch(stderr, /\n\s+at /, 'no stack')
      t.notMatch(stderr, /\{\w+\}|undefined/, 'every detail is filled in')
      t.notMatch(stdout, /ready/)
      const left = deadGroups()
      t.same(
        left.filter((name) => started.has(pidOf(name))),
        [],
        'no control group is left',
      )
      // Where a wrapper stands between, the daemon's number is not known; another test's killed daemon has a guardian.
      await until('no control group stays', () => {
        const now = new Set(deadGroups())
        return left.every((name) => !now.has(name))
      })
      const states = [
        join(folder, '.state'),
        ...(existsSync(join(folder, '.xdg/lambda-emu'))
          ? readdirSync(join(folder, '.xdg/lambda-emu')).map((name) =>
              join(folder, '.xdg/lambda-emu', name),
            )
          : []),
      ]
      for (const state of states) {
        if (code !== 'EMU_DAEMON_UNREACHABLE')
          t.notOk(existsSync(join(state, 'daemon.json')), 'no daemon.json is left')
        for (const part of ['environments', 'pipes'])
          if (existsSync(join(state, part)))
            t.same(readdirSync(join(state, part)), [], `nothing is left in ${part}`)
      }
    },
  )
}

t.test('a link that leads out of a package is refused like a path that does', async (t) => {
  const folder = temporaryFolder(t)
  const bytes = await zip([
    { name: 'index.js', text: '1' },
    { name: 'link', text: '/etc/passwd', mode: 0o120777 },
  ])
  projectOfZip(folder, bytes)
  const { exitCode, stderr } = await run(start, { cwd: folder })
  t.equal(exitCode, 2)
  t.match(stderr, /EMU_ZIP_ESCAPES.*link/)
})
