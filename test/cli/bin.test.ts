// The program itself as a child process: exit codes, and where its words go.

import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { repositoryRoot } from '../support/paths.js'

interface Ended {
  readonly code: number | string | null | undefined
  readonly stdout: string
  readonly stderr: string
}

function runProgram(program: string, args: readonly string[], folder: string): Promise<Ended> {
  const env = { ...process.env, XDG_STATE_HOME: folder, NO_COLOR: '1' }
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
  cpSync(join(repositoryRoot, 'bin/lambda-emu.js'), program)
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
