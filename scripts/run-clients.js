#!/usr/bin/env node
// Prepares real clients in other languages in a cache folder, runs test/clients with them, and ends with `N passed, N failed`.
// What cannot be prepared fails the run: a client that nobody tried is not one that works.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { closeWith, runFiles } from './tap-files.js'

const root = join(import.meta.dirname, '..')
const sources = join(root, 'test/clients')
const compiled = join(root, process.env.LAMBDA_EMU_TEST_OUT ?? 'dist', 'test/clients')
const cache = process.env.XDG_CACHE_HOME
  ? join(process.env.XDG_CACHE_HOME, 'lambda-emu-clients')
  : join(root, '.cache/clients')
const fileTimeoutMs = 240_000

/** Runs a program to its end; its output is shown only when it fails. */
function command(file, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk
      })
    }
    child.on('error', (error) => reject(new Error(`${file} cannot be run: ${error.message}`)))
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(output)
      const end = output.slice(-4_000)
      reject(new Error(`${file} ${args.join(' ')} ended with ${signal ?? `exit ${code}`}\n${end}`))
    })
  })
}

/** Makes `folder` unless it was made, whole, from the same inputs before. */
async function once(name, folder, inputs, make) {
  const stamp = join(folder, '.made-from')
  const made = createHash('sha256').update(inputs.join('\0')).digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === made) {
    console.log(`${name}: already prepared`)
    return
  }
  console.log(`${name}: preparing …`)
  const started = performance.now()
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  await make()
  writeFileSync(stamp, made)
  console.log(`${name}: prepared in ${((performance.now() - started) / 1000).toFixed(0)} s`)
}

async function preparePython() {
  const venv = join(cache, 'venv')
  const requirements = join(sources, 'requirements.txt')
  const version = await command('python3', ['--version'])
  await once(
    'boto3 and the AWS CLI',
    venv,
    [readFileSync(requirements, 'utf8'), version, venv],
    async () => {
      await command('python3', ['-m', 'venv', venv])
      const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
      await command(join(venv, 'bin/python'), [...install, '--requirement', requirements])
    },
  )
}

function goSources() {
  const folder = join(sources, 'go')
  return readdirSync(folder, { recursive: true })
    .filter((file) => /\.go$|^go\.(mod|sum)$/.test(file))
    .sort()
    .map((file) => `${file}\0${readFileSync(join(folder, file), 'utf8')}`)
}

async function prepareGo() {
  const built = join(cache, 'go')
  const version = await command('go', ['version'])
  await once('the Go client and function', built, [...goSources(), version], async () => {
    const env = {
      ...process.env,
      // Static, so that the function runs wherever it is unpacked.
      CGO_ENABLED: '0',
      GOCACHE: join(cache, 'go-build'),
      GOMODCACHE: join(cache, 'go-modules'),
      GOFLAGS: '-buildvcs=false -mod=readonly -modcacherw',
    }
    const args = [
      'build',
      '-trimpath',
      '-ldflags=-s -w',
      '-o',
      `${built}/`,
      './client',
      './function',
    ]
    await command('go', args, { cwd: join(sources, 'go'), env })
  })
}

mkdirSync(cache, { recursive: true })
const results = []
for (const prepared of await Promise.allSettled([preparePython(), prepareGo()])) {
  if (prepared.status === 'fulfilled') continue
  console.log(`FAIL a client cannot be prepared: ${prepared.reason.message}`)
  results.push({ passed: 0, failed: 1 })
}
const wanted = process.argv.slice(2)
const files = readdirSync(compiled)
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
const env = { LAMBDA_EMU_CLIENTS: cache }
const how = { folder: compiled, cwd: root, env, timeoutMs: fileTimeoutMs }
closeWith([...results, ...(await runFiles(files, 2, how))])
