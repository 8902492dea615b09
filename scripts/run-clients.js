#!/usr/bin/env node
// Prepares real clients in a cache folder: SDKs in other languages, and functions on the official runtime clients; runs
// test/clients with them, and ends with `N passed, N failed`.
// What cannot be prepared fails the run: a client that nobody tried is not one that works.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { closeWith, runFiles } from './tap-files.js'

const root = join(import.meta.dirname, '..')
const sources = join(root, 'test/clients')
const compiled = join(root, process.env.LAMBDA_EMU_TEST_OUT ?? 'dist', 'test/clients')
const cache = process.env.XDG_CACHE_HOME
  ? join(process.env.XDG_CACHE_HOME, 'lambda-emu-clients')
  : join(root, '.cache/clients')
const fileTimeoutMs = 400_000

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
  await once('the Go client and functions', built, [...goSources(), version], async () => {
    const env = {
      ...process.env,
      // Static, so that the function runs wherever it is unpacked.
      CGO_ENABLED: '0',
      GOCACHE: join(cache, 'go-build'),
      GOMODCACHE: join(cache, 'go-modules'),
      GOFLAGS: '-buildvcs=false -mod=readonly -modcacherw',
    }
    const targets = ['./client', './function', './rows']
    const args = ['build', '-trimpath', '-ldflags=-s -w', '-o', `${built}/`, ...targets]
    await command('go', args, { cwd: join(sources, 'go'), env })
  })
}

/** A bootstrap that starts the runtime client which its package carries. */
function writeBootstrap(folder, script) {
  const path = join(folder, 'bootstrap')
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}

/** What the native part of the Node.js client is built with, by the Debian package that holds it. */
const buildTools = {
  autoreconf: 'autoconf',
  automake: 'automake',
  libtoolize: 'libtool',
  cmake: 'cmake',
  make: 'make',
  'c++': 'g++',
}

function isOnPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

async function prepareBuildTools() {
  const missing = Object.entries(buildTools).filter(([program]) => !isOnPath(program))
  if (missing.length === 0) return
  const packages = missing.map(([, name]) => name)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  console.log(`installing ${packages.join(', ')} …`)
  await command('apt-get', ['update'], { env })
  await command('apt-get', ['install', '--yes', '--no-install-recommends', ...packages], { env })
}

const ric = 'node_modules/aws-lambda-ric'

/** The two majors of the client, by the name of their function: what of it runs, and on which Node. */
const nodeFunctions = {
  'official-nodejs': {
    parts: ['package.json', 'bin', 'dist'],
    program: `exec '${process.execPath}' "$LAMBDA_TASK_ROOT/${ric}/bin/index.mjs" "$_HANDLER"`,
  },
  'official-nodejs24': {
    parts: ['package.json', 'index.mjs', 'rapid-client.node'],
    program: `exec "$LAMBDA_TASK_ROOT/node" "$LAMBDA_TASK_ROOT/${ric}/index.mjs"`,
    carriesNode: true,
  },
}

/** What the folder's package-lock.json names. */
async function installPackages(cwd, { args = [], env = {} } = {}) {
  // Whatever npm told this script is about another folder.
  const own = Object.entries(process.env).filter(
    ([variable]) => !/^npm_(package|lifecycle)/.test(variable),
  )
  const words = ['ci', ...args, '--no-audit', '--no-fund']
  await command('npm', words, { cwd, env: { ...Object.fromEntries(own), ...env } })
}

/** The client is built where it is installed; its function carries only what runs. */
async function prepareNodeFunction(name) {
  const { parts, program, carriesNode } = nodeFunctions[name]
  const source = join(sources, 'functions', name)
  const pinned = ['package.json', 'package-lock.json'].map((file) => join(source, file))
  const texts = pinned.map((path) => readFileSync(path, 'utf8'))
  const built = join(cache, `${name}-client`)
  await once(`aws-lambda-ric of ${name}`, built, [...texts, process.version, built], async () => {
    for (const path of pinned) cpSync(path, join(built, path.slice(source.length)))
    const env = { MAKEFLAGS: `-j${availableParallelism()}` }
    await installPackages(built, { args: ['--ignore-scripts=false'], env })
  })
  const folder = join(cache, name)
  const handler = join(sources, 'functions/official-nodejs/index.mjs')
  const inputs = [...texts, readFileSync(handler, 'utf8'), program, process.version]
  await once(`the function ${name}`, folder, inputs, () => {
    for (const part of parts)
      cpSync(join(built, ric, part), join(folder, ric, part), { recursive: true })
    if (carriesNode) {
      const node = `node_modules/node-linux-${process.arch}/bin/node`
      cpSync(join(built, node), join(folder, 'node'))
    }
    cpSync(handler, join(folder, 'index.mjs'))
    writeBootstrap(folder, program)
  })
}

async function prepareNodeFunctions() {
  await prepareBuildTools()
  await Promise.all(Object.keys(nodeFunctions).map(prepareNodeFunction))
}

/** Tells where this machine's Python is, which the function takes along: a function does not see a home folder. */
const pythonQuestion = `import json, os, sys, sysconfig
shared = os.path.join(sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME") or "")
print(json.dumps({
    "version": sys.version,
    "program": os.path.realpath(sys.executable),
    "modules": sysconfig.get_path("stdlib"),
    "shared": shared if os.path.isfile(shared) and ".so" in shared else None,
}))`
const unneededModules =
  /\/(test|tests|site-packages|dist-packages|idlelib|tkinter|ensurepip|config-[^/]*)(\/|$)/

async function preparePythonFunction() {
  const source = join(sources, 'functions/official-python')
  const folder = join(cache, 'official-python')
  const requirements = join(source, 'requirements.txt')
  const told = await command('python3', ['-c', pythonQuestion])
  const { program, modules, shared } = JSON.parse(told)
  const files = ['requirements.txt', 'app.py'].map((name) =>
    readFileSync(join(source, name), 'utf8'),
  )
  await once('awslambdaric and its function', folder, [...files, told], async () => {
    const own = join(folder, 'python')
    const library = join(own, 'lib', modules.slice(modules.lastIndexOf('/')))
    const wanted = (path) => !unneededModules.test(path.slice(modules.length))
    cpSync(modules, library, {
      recursive: true,
      dereference: true,
      preserveTimestamps: true,
      filter: wanted,
    })
    mkdirSync(join(own, 'bin'))
    cpSync(program, join(own, 'bin/python3'))
    if (shared !== null) cpSync(shared, join(own, 'lib', shared.slice(shared.lastIndexOf('/'))))
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    const target = ['--target', folder, '--requirement', requirements]
    await command('python3', [...install, ...target])
    cpSync(join(source, 'app.py'), join(folder, 'app.py'))
    writeBootstrap(
      folder,
      [
        'export PYTHONHOME="$LAMBDA_TASK_ROOT/python"',
        'export LD_LIBRARY_PATH="$PYTHONHOME/lib:$LD_LIBRARY_PATH"',
        'exec "$PYTHONHOME/bin/python3" -m awslambdaric "$_HANDLER"',
      ].join('\n'),
    )
  })
}

async function prepareGoFunction() {
  await prepareGo()
  const folder = join(cache, 'official-go')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  cpSync(join(cache, 'go/rows'), join(folder, 'bootstrap'))
}

const webAdapter = 'lambda_web_adapter@1.0.0-rc1'

async function prepareRust() {
  const source = join(sources, 'rust')
  const built = join(cache, 'rust')
  const version = await command('cargo', ['--version'])
  const texts = ['Cargo.toml', 'src/main.rs'].map((file) =>
    readFileSync(join(source, file), 'utf8'),
  )
  await once('extensions in Rust', built, [webAdapter, ...texts, version], async () => {
    const env = {
      ...process.env,
      CARGO_TARGET_DIR: join(cache, 'rust-build'),
      // Small enough to be copied into a layer for each test.
      CARGO_PROFILE_DEV_DEBUG: 'false',
      CARGO_PROFILE_DEV_STRIP: 'symbols',
    }
    const install = ['install', '--quiet', '--debug', '--no-track', '--root', built]
    await command('cargo', [...install, '--locked', webAdapter], { env })
    // cargo writes its lock file beside the sources.
    const copy = join(cache, 'rust-source')
    cpSync(source, copy, { recursive: true })
    await command('cargo', [...install, '--path', copy], { env })
  })
}

const nodeApps = ['express', 'fastify']

/** Every file of a folder but its installed packages, by name. */
function filesOf(folder) {
  return readdirSync(folder)
    .filter((file) => !/^(node_modules|__pycache__)$/.test(file))
    .sort()
}

/** What the application's own files say, so that a change makes it anew. */
function textsOf(folder) {
  return filesOf(folder).map((file) => `${file}\0${readFileSync(join(folder, file), 'utf8')}`)
}

/** An application in a web framework with its template, as its developer's folder would be. */
async function prepareNodeApp(name) {
  const source = join(sources, 'apps', name)
  const folder = join(cache, `app-${name}`)
  const shared = join(sources, 'apps/content.mjs')
  const inputs = [...textsOf(source), readFileSync(shared, 'utf8'), process.version]
  await once(`the application in ${name}`, folder, inputs, async () => {
    for (const file of filesOf(source)) cpSync(join(source, file), join(folder, file))
    cpSync(shared, join(folder, 'content.mjs'))
    await installPackages(folder)
  })
}

/** A function whose packages are those of its package-lock.json. */
async function preparePackagedFunction(name) {
  const source = join(sources, 'functions', name)
  const folder = join(cache, name)
  await once(`the function ${name}`, folder, [...textsOf(source), process.version], async () => {
    for (const file of filesOf(source)) cpSync(join(source, file), join(folder, file))
    await installPackages(folder)
  })
}

async function preparePythonApp() {
  const source = join(sources, 'apps/fastapi')
  const folder = join(cache, 'app-fastapi')
  const version = await command('python3', ['--version'])
  await once('the application in fastapi', folder, [...textsOf(source), version], async () => {
    for (const file of filesOf(source)) cpSync(join(source, file), join(folder, file))
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    const target = ['--target', folder, '--requirement', join(folder, 'requirements.txt')]
    await command('python3', [...install, ...target])
  })
}

mkdirSync(cache, { recursive: true })
const results = []
const preparing = [
  preparePython(),
  prepareGoFunction(),
  prepareNodeFunctions(),
  preparePythonFunction(),
  prepareRust(),
  ...nodeApps.map(prepareNodeApp),
  preparePackagedFunction('opentelemetry'),
  preparePythonApp(),
]
for (const prepared of await Promise.allSettled(preparing)) {
  if (prepared.status === 'fulfilled') continue
  const path = `a client cannot be prepared: ${prepared.reason.message}`
  console.log(`FAIL ${path}`)
  results.push({ passed: 0, failed: 1, failures: [{ path }] })
}
const wanted = process.argv.slice(2)
const files = readdirSync(compiled)
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort()
const env = { LAMBDA_EMU_CLIENTS: cache }
const how = { folder: compiled, cwd: root, env, timeoutMs: fileTimeoutMs }
closeWith([...results, ...(await runFiles(files, 2, how))])
