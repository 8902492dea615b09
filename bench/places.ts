// Where the bench finds what it starts, and where it keeps what it makes.

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The compiled bench. */
export const benchBuild = dirname(fileURLToPath(import.meta.url))

function findRoot(from: string): string {
  return existsSync(join(from, 'package.json')) ? from : findRoot(dirname(from))
}

export const repositoryRoot = findRoot(benchBuild)
export const program = join(repositoryRoot, 'bin/lambda-emu.js')
/** The built-in Node runtime. */
export const bootstrapFile = join(repositoryRoot, 'dist/runtimes/nodejs/bootstrap.cjs')
export const functionsFolder = join(repositoryRoot, 'bench/functions')

/** Kept from run to run: what takes minutes to make. */
export const cacheFolder = process.env.XDG_CACHE_HOME
  ? join(process.env.XDG_CACHE_HOME, 'lambda-emu-bench')
  : join(repositoryRoot, '.cache/bench')
