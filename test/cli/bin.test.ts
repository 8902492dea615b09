// The program itself as a child process: exit codes, and where its words go.

import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { repositoryRoot } from '../support/paths.js'

interface Ended {
  readonly code: number | string | null | undefined
  readonly stdout: string
  readonly stderr: string
}

function runProgram(
  program: string,
  args: readonly string[],
  folder: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const env = { ...process.env, XDG_STATE_HOME: folder, NO_COLOR: '1', ...variables }
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env, cwd: folder }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    )
  })
}

t.test('bin/lambda-emu.js runs the compiled program, and says so when there is none', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-bin-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const program = join(folder, 'bin/lambda-emu.js')
  cpSync(join(repositoryRoot, 'bin'), join(folder, 'bin'), { recursive: true })
  cpSync(join(repositoryRoot, 'package.json'), join(folder, 'package.json'))
  t.same(await runProgram(program, ['--version'], folder), {
    code: 3,
    stdout: '',
    stderr: 'lambda-emu is not built: run `npm run build` in its folder first.\n',
  })

  // This test's own build stands for dist: nobody need have built there.
  const build = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
  symlinkSync(build, join(folder, 'dist'))
  symlinkSync(join(repositoryRoot, 'node_modules'), join(folder, 'node_modules'))
  const version = await runProgram(program, ['--version'], folder)
  t.match(version, { code: 0, stdout: /^\d+\.\d+\.\d+\n$/, stderr: '' })
  t.match(await runProgram(program, ['dance'], folder), {
    code: 2,
    stdout: '',
    stderr: /^EMU_USAGE: there is no verb dance\n/,
  })
  t.match(await runProgram(program, ['stop'], folder), {
    code: 3,
    stdout: '',
    stderr: /^EMU_DAEMON_NOT_RUNNING: no daemon is running for .*\n {2}start one/,
  })
})

/** The program and its bundle, which nothing else runs. */
function ownCopy(t: Test) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'lambda-emu-bundle-')))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const bundle = join(folder, 'dist/bundle')
  for (const part of ['bin', 'package.json', 'dist/src/cli/main.js', 'dist/bundle']) {
    cpSync(join(repositoryRoot, part), join(folder, part), {
      recursive: true,
      filter: (path) => !path.includes('.v8'),
      preserveTimestamps: true,
    })
  }
  return { program: join(folder, 'bin/lambda-emu.js'), bundle, folder }
}

t.test(
  'what V8 has compiled is kept beside the bundle, and used only while it is whole',
  async (t) => {
    const { program, bundle, folder } = ownCopy(t)
    const kept = () => readdirSync(bundle).filter((name) => name.endsWith('.v8'))
    t.same(kept(), [])
    const isWell = async (what: string) => {
      const version = await runProgram(program, ['--version'], folder)
      t.match(version, { code: 0, stdout: /^\d+\.\d+\.\d+\n$/, stderr: '' }, what)
    }
    await isWell('the first time')
    const [name = ''] = kept()
    t.match(name, /^client-[0-9a-f]{16}-v[\d.]+-.*\.v8$/)
    const path = join(bundle, name)
    const whole = readFileSync(path)
    const writtenMs = statSync(path).mtimeMs
    await isWell('the second time')
    t.equal(statSync(path).mtimeMs, writtenMs, 'what is there is not written again')

    const damaged = Buffer.from(whole)
    for (let at = 5_000; at < damaged.length; at += 7_001) damaged[at] = (damaged[at] ?? 0) ^ 0x5a
    for (const wrong of [damaged, whole.subarray(0, 100_000), Buffer.alloc(0), Buffer.alloc(9)]) {
      writeFileSync(path, wrong)
      await isWell(`${wrong.length} bytes that are wrong`)
      t.ok(readFileSync(path).length > 100_000, 'and they are written anew')
    }
    t.same(kept(), [name], 'nothing else is left')
  },
)

t.test('a bundle that is older than what was compiled in a checkout is not run', async (t) => {
  const { program, bundle, folder } = ownCopy(t)
  const path = join(bundle, 'lambda-emu.cjs')
  const wrong = "// 0\n(() => { throw new Error('the bundle was run') })"
  writeFileSync(path, wrong)
  const run = await runProgram(program, ['--version'], folder)
  t.match(run.stderr, /the bundle was run/, 'the newer one is')
  const compiled = 'export const processTerminal = () => {}\nexport const main = async () => 7\n'
  writeFileSync(join(folder, 'dist/src/cli/main.js'), compiled)
  utimesSync(path, 0, 0)
  const installed = await runProgram(program, ['--version'], folder)
  t.match(installed.stderr, /the bundle was run/, 'in an installed package times say nothing')
  writeFileSync(join(folder, 'tsconfig.json'), '{}')
  t.match(await runProgram(program, ['--version'], folder), { code: 7, stderr: '' })
})

t.test('the stack of a bug names the files that were written, not the bundle', async (t) => {
  const { program, folder } = ownCopy(t)
  const broken = join(folder, 'broken.cjs')
  const runBroken = (how: string) => {
    writeFileSync(broken, `const fs = require('node:fs')\nconst { readFileSync } = fs\n${how}`)
    return runProgram(program, ['--version'], folder, { NODE_OPTIONS: `--require=${broken}` })
  }
  const told = await runBroken(
    `fs.readFileSync = (path, how) => {
      if (String(path).endsWith('package.json')) throw new TypeError('broken')
      return readFileSync(path, how)
    }`,
  )
  t.equal(told.code, 3)
  t.match(told.stderr, /^BUG: TypeError: broken\n/)
  t.match(told.stderr, `${join(folder, 'src/admin/package-root.ts')}:`)
  t.notMatch(told.stderr, 'dist/bundle')

  const died = await runBroken("process.cwd = () => { throw new TypeError('broken') }")
  t.equal(died.code, 1)
  t.match(died.stderr, `at ${join(folder, 'src/cli/main.ts')}:`)
})
