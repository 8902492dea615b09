// The packages that the clients upload: each function twice, differing in what its version file says.

import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import yazl from 'yazl'
import { repositoryRoot } from '../support/paths.js'
import { prepared } from './prepared.js'

export type RuntimeName = 'nodejs22.x' | 'python3.12' | 'provided.al2023'

export interface Package {
  readonly handler: string
  readonly first: string
  readonly second: string
}

export interface PackageFile {
  readonly name: string
  /** The content, or where the file is. */
  readonly content: string | { readonly path: string }
  /** Permissions of the entry; 0644 when missing. */
  readonly mode?: number
}

/** Writes a zip and returns its path. */
export async function writeZip(path: string, files: readonly PackageFile[]): Promise<string> {
  const zip = new yazl.ZipFile()
  for (const { name, content, mode = 0o644 } of files) {
    const options = { mode: 0o100_000 | mode, mtime: new Date(0), compressionLevel: 1 }
    if (typeof content === 'string') zip.addBuffer(Buffer.from(content), name, options)
    else zip.addFile(content.path, name, options)
  }
  zip.end()
  await pipeline(zip.outputStream, createWriteStream(path))
  return path
}

/** The Go function's package without its version file. */
export const goFunction: PackageFile = {
  name: 'bootstrap',
  content: { path: prepared.goFunction },
  mode: 0o755,
}

const sources = join(repositoryRoot, 'test/clients/functions')

const contents: Readonly<
  Record<RuntimeName, { handler: string; files: (version: string) => readonly PackageFile[] }>
> = {
  'nodejs22.x': {
    handler: 'index.handler',
    files: (version) => [
      { name: 'index.mjs', content: { path: join(sources, 'nodejs/index.mjs') } },
      { name: 'version.mjs', content: `export const version = '${version}'\n` },
    ],
  },
  'python3.12': {
    handler: 'app.handler',
    files: (version) => [
      { name: 'app.py', content: { path: join(sources, 'python/app.py') } },
      { name: 'version.py', content: `version = "${version}"\n` },
    ],
  },
  'provided.al2023': {
    handler: 'bootstrap',
    files: (version) => [goFunction, { name: 'version', content: version }],
  },
}

/** Writes both packages of a runtime's function into the folder. */
export async function writePackage(folder: string, runtime: RuntimeName): Promise<Package> {
  const { handler, files } = contents[runtime]
  return {
    handler,
    first: await writeZip(join(folder, 'first.zip'), files('1')),
    second: await writeZip(join(folder, 'second.zip'), files('2')),
  }
}
