// The bench as a command: its exit codes, and one row measured for real.

import { execFile, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { buildFolder, until } from '../support/daemon.js'

t.setTimeout(180_000)

const run = promisify(execFile)

async function bench(words: readonly string[], env = process.env) {
  const main = join(buildFolder, 'bench/main.js')
  try {
    const { stdout, stderr } = await run(process.execPath, [main, ...words], { env })
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, stdout, stderr }
  }
}

t.test('what is not understood ends with 2, and says what there is', async (t) => {
  const { code, stdout, stderr } = await bench(['--only', 'everything'])
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(stderr, /^there is no row everything\nnpm run bench -- /)
  t.match(stderr, /^rows: warm-official, /m)
})

t.test('a figure that misses its bar is no failure', async (t) => {
  const { code, stdout } = await bench(['--smoke', '--json', '--only', 'start'])
  t.equal(code, 0)
  const { options, results, failures } = JSON.parse(stdout)
  t.match(options, { smoke: true, rounds: 1, functionMemoryMb: 1769 })
  t.same(failures, [])
  t.equal(results.length, 1)
  t.match(results[0], { row: 'start', about: { bar: { most: 300 } } })
  t.ok(results[0].subject.median > results[0].reference.median)
})

t.test('an interrupted run leaves no daemon behind', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-bench-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const main = join(buildFolder, 'bench/main.js')
  const words = [main, '--rounds', '50', '--only', 'start']
  const env = { ...process.env, TMPDIR: folder }
  const child = spawn(process.execPath, words, { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let told = ''
  child.stderr.on('data', (chunk) => {
    told += chunk
  })
  await until('a round has begun', () => told.includes('round 1'))
  child.kill('SIGTERM')
  const code = await new Promise((resolve) => child.once('exit', resolve))
  t.equal(code, 130)
  t.same(readdirSync(folder), [])
  t.same(processesIn(folder), [])
})

/** Command lines that name the folder. */
function processesIn(folder: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      } catch {
        // It has ended since.
        return ''
      }
    })
    .filter((line) => line.includes(folder))
}

t.test('a row whose reference cannot be measured is a failure', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-bench-test-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  // Whoever asks for a version gets one, and -c 0 of the reference fails.
  const python = join(folder, 'python3')
  const real = (await run('sh', ['-c', 'command -v python3'])).stdout.trim()
  writeFileSync(python, `#!/bin/sh\n[ "$1 $2" = '-c 0' ] && exit 7\nexec ${real} "$@"\n`)
  chmodSync(python, 0o755)
  chmodSync(folder, 0o755)
  const env = { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` }
  const { code, stdout } = await bench(['--smoke', '--only', 'cold-python'], env)
  t.equal(code, 1)
  t.match(stdout, /^NOT MEASURED cold-python: python3 ended with 7$/m)
})
