// Compiles native/*.c to one static program for this machine: dist/native/<platform>-<arch>/lambda-emu-helper.
// Static, because it starts with a function's own variables: nothing of those may be loaded into it. Where it cannot be
// built the emulator works without it (see `lambda-emu doctor`).

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const sources = join(root, 'native')
const name = `${process.platform}-${process.arch}`
const folder = process.argv[2] ?? join(root, 'dist/native', name)
const program = join(folder, 'lambda-emu-helper')

function works(compiler) {
  return spawnSync(compiler, ['--version'], { stdio: 'ignore' }).status === 0
}

function isFresh() {
  if (!existsSync(program)) return false
  const builtMs = statSync(program).mtimeMs
  const inputs = [
    ...readdirSync(sources).map((file) => join(sources, file)),
    fileURLToPath(import.meta.url),
  ]
  return inputs.every((file) => statSync(file).mtimeMs < builtMs)
}

function compile(compiler) {
  const files = readdirSync(sources).filter((file) => file.endsWith('.c'))
  // Built beside its place and moved there whole, so that nobody ever starts half of it.
  const unfinished = `${program}.${process.pid}`
  const flags = ['-std=gnu11', '-O2', '-static', '-s', '-Wall', '-Wextra', '-Werror']
  const paths = files.map((file) => join(sources, file))
  mkdirSync(folder, { recursive: true })
  const built = spawnSync(compiler, [...flags, '-o', unfinished, ...paths], { stdio: 'inherit' })
  if (built.status === 0) renameSync(unfinished, program)
  else rmSync(unfinished, { force: true })
  return built.status === 0
}

function tell(sentence) {
  process.stdout.write(`${sentence} (lambda-emu doctor says what that means)\n`)
}

if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
  tell(`lambda-emu-helper is not built for ${name}`)
} else if (!isFresh()) {
  const wanted = process.env.CC === undefined ? [] : [process.env.CC]
  const compilers = [...wanted, 'cc', 'gcc', 'clang', 'musl-gcc'].filter(works)
  if (compilers.length === 0) tell('no C compiler: lambda-emu-helper is not built')
  else if (!compilers.some(compile)) {
    // An older one would do something else than its callers think.
    rmSync(program, { force: true })
    tell('lambda-emu-helper cannot be compiled here; it needs a static C library')
  }
}
