// The code of functions that came as a zip: unpacked once for each content, under the state directory.

import { subtle } from 'node:crypto'
import { chmod, mkdir, mkdtemp, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { EmulatorError } from '../domain/emulator-error.js'
import type { CodePackage } from '../domain/function.js'
import { absent } from './absent.js'
import { extract, holds } from './zip-extract.js'
import { planZip, type ZipPlan } from './zip-plan.js'

const incomingPrefix = '.incoming-'
/** What a function finds at /var/task. */
const taskFolder = 'task'
const zipName = 'package.zip'

export interface CodeStore {
  /**
   * Unpacks a zip and keeps it beside its files. The same bytes give the same package and are unpacked once.
   * @param label what errors call the zip: its path, or words for an upload.
   * @throws EmulatorError EMU_ZIP_INVALID, EMU_ZIP_ESCAPES or EMU_ZIP_TOO_LARGE; then nothing was kept.
   */
  storeZip(bytes: Uint8Array, label?: string): Promise<CodePackage>
  /** The package of this hex SHA-256, when it is here whole. */
  find(sha256Hex: string): Promise<CodePackage | undefined>
}

/**
 * Opens the store under `<stateDirectory>/code` and removes what a crash left half done.
 * @throws EmulatorError EMU_STATE_DIRECTORY when the folder cannot be used.
 */
export async function openCodeStore(stateDirectory: string): Promise<CodeStore> {
  const root = join(stateDirectory, 'code')
  try {
    await mkdir(root, { recursive: true, mode: 0o700 })
    for (const name of await readdir(root)) {
      if (name.startsWith(incomingPrefix)) await removeTree(join(root, name))
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new EmulatorError('EMU_STATE_DIRECTORY', { path: root, reason })
  }
  return codeStore(root)
}

function codeStore(root: string): CodeStore {
  // Packages that this run has unpacked or compared with their zip: trusted from then on.
  const known = new Map<string, Promise<CodePackage>>()

  return {
    async storeZip(bytes, label = 'the uploaded package') {
      const zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      const hex = await sha256Hex(zip)
      const pending = known.get(hex) ?? store(root, hex, zip, label)
      known.set(hex, pending)
      try {
        return await pending
      } catch (error) {
        known.delete(hex)
        throw error
      }
    },
    async find(hex) {
      const pending = known.get(hex)
      if (pending !== undefined) return pending
      const found = await stat(join(root, hex, zipName)).catch(absent)
      return found === undefined ? undefined : codePackage(root, hex, found.size)
    },
  }
}

async function store(root: string, hex: string, zip: Buffer, label: string): Promise<CodePackage> {
  const plan = await planZip(zip, label)
  const place = join(root, hex)
  if (!(await holds(plan, join(place, taskFolder)))) {
    await removeTree(place)
    await unpack(root, place, plan, zip, label)
  }
  return codePackage(root, hex, zip.length)
}

/** Everything happens in a folder of its own; the rename at the end is the moment when the package exists. */
async function unpack(
  root: string,
  place: string,
  plan: ZipPlan,
  zip: Buffer,
  label: string,
): Promise<void> {
  const incoming = await mkdtemp(join(root, incomingPrefix))
  try {
    await chmod(incoming, 0o755)
    const task = join(incoming, taskFolder)
    await mkdir(task, { mode: 0o755 })
    await extract(plan, task, label)
    const kept = await open(join(incoming, zipName), 'wx', 0o600)
    try {
      await kept.writeFile(zip)
      await kept.sync()
    } finally {
      await kept.close()
    }
    await rename(incoming, place)
  } catch (error) {
    await removeTree(incoming)
    throw error
  }
}

/** Works without root too: the owner may write to every folder that we unpack. */
async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true })
}

function codePackage(root: string, hex: string, sizeBytes: number): CodePackage {
  return {
    folder: join(root, hex, taskFolder),
    sha256: Buffer.from(hex, 'hex').toString('base64'),
    sizeBytes,
    zipPath: join(root, hex, zipName),
  }
}

/** Off the event loop: a large zip would hold it for a tenth of a second. */
async function sha256Hex(bytes: Buffer): Promise<string> {
  return Buffer.from(await subtle.digest('SHA-256', bytes)).toString('hex')
}
