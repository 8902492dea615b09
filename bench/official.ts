// Makes the function that runs on AWS's own Node client, the package aws-lambda-ric: built once, kept in the cache folder.

import { spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { cacheFolder, functionsFolder, repositoryRoot } from './places.js'

const pinned = join(repositoryRoot, 'test/clients/functions/official-nodejs')
const client = 'node_modules/aws-lambda-ric'
/** What of the client runs; the rest only builds it. */
const parts = ['package.json', 'bin', 'dist']

/** Where `npm run test:clients` has built the same, if it was run. */
const builtByTests = join(repositoryRoot, '.cache/clients/official-nodejs-client')

/** The code folder of a provided.* function: bootstrap, client, and a handler that echoes. @throws Error when it cannot be built. */
export async function officialFunction(tell: (line: string) => void): Promise<string> {
  const lock = readFileSync(join(pinned, 'package-lock.json'), 'utf8')
  const version = (JSON.parse(lock) as Lock).packages[client]?.version ?? 'unpinned'
  const folder = join(cacheFolder, `official-nodejs-${version}-${process.version}`)
  if (!existsSync(join(folder, 'bootstrap'))) {
    const built = await builtClient(version, tell)
    rmSync(folder, { recursive: true, force: true })
    for (const part of parts)
      cpSync(join(built, client, part), join(folder, client, part), { recursive: true })
    const bootstrap = `#!/bin/sh\nexec '${process.execPath}' "$LAMBDA_TASK_ROOT/${client}/bin/index.mjs" "$_HANDLER"\n`
    writeFileSync(join(folder, 'bootstrap'), bootstrap)
    chmodSync(join(folder, 'bootstrap'), 0o755)
  }
  cpSync(join(functionsFolder, 'echo/index.mjs'), join(folder, 'index.mjs'))
  return folder
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly version?: string }>>
}

async function builtClient(version: string, tell: (line: string) => void): Promise<string> {
  if (versionIn(builtByTests) === version && existsSync(join(builtByTests, '.made-from')))
    return builtByTests
  const folder = join(cacheFolder, `client-${version}-${process.version}`)
  const stamp = join(folder, '.built')
  if (existsSync(stamp)) return folder
  tell(`building aws-lambda-ric ${version}, once; it takes minutes …`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const file of ['package.json', 'package-lock.json'])
    cpSync(join(pinned, file), join(folder, file))
  await install(folder)
  writeFileSync(stamp, '')
  return folder
}

function versionIn(folder: string): string | undefined {
  const path = join(folder, client, 'package.json')
  if (!existsSync(path)) return undefined
  return (JSON.parse(readFileSync(path, 'utf8')) as { version?: string }).version
}

function install(cwd: string): Promise<void> {
  // Whatever npm told this process is about another folder.
  const own = Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle)/.test(name))
  const env = { ...Object.fromEntries(own), MAKEFLAGS: `-j${availableParallelism()}` }
  const words = ['ci', '--ignore-scripts=false', '--no-audit', '--no-fund']
  return new Promise((resolve, reject) => {
    const child = spawn('npm', words, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] })
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString()
    })
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`aws-lambda-ric cannot be built: ${errors.slice(-2_000)}`))
    })
  })
}
