// The code of a project whose files are watched: what is known of each folder stays known until something in it changes.

import { statSync } from 'node:fs'
import { homedir } from 'node:os'
import type { Warning } from '../admin/contract.js'
import type { LoadedFunction } from '../config/loaded.js'
import { EmulatorError } from '../domain/emulator-error.js'
import type { CodePackage, LayerContent } from '../domain/function.js'
import type { CodeStore } from '../packages/code-store.js'
import { packageLocalCode } from '../packages/folder.js'
import type { LayerStore, LayerWish } from '../packages/layers.js'
import { findLinkedModules, type LinkedModules } from '../packages/linked-modules.js'
import { type Snapshots, stampFolder } from '../packages/snapshots.js'
import { type CodeSource, once, type WantedFunction } from './define-functions.js'

export interface WatchedCodeParts {
  readonly codeStore: CodeStore
  readonly layers: LayerStore
  readonly snapshots: Snapshots
  readonly stateDirectory: string
}

export class WatchedCode implements CodeSource, LayerStore {
  readonly #parts: WatchedCodeParts
  readonly #packages = new Map<string, Promise<CodePackage>>()
  readonly #modules = new Map<string, Promise<LinkedModules>>()
  readonly #layers = new Map<string, Promise<LayerContent | undefined>>()
  readonly #stamps = new Map<string, Promise<string>>()
  readonly #inPlace = new Map<string, string>()

  constructor(parts: WatchedCodeParts) {
    this.#parts = parts
  }

  packageOf(functionName: string, path: string): Promise<CodePackage> {
    return once(this.#packages, path, async () => {
      if (!isFolder(path)) return packageLocalCode(functionName, path, this.#parts.codeStore)
      const { code, inPlace } = await this.#parts.snapshots.take(path)
      if (inPlace === undefined) this.#inPlace.delete(path)
      else this.#inPlace.set(path, inPlace)
      return code
    }).catch((error: unknown) => {
      // It went while we looked.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      throw new EmulatorError('EMU_CODE_NOT_FOUND', { functionName, path })
    })
  }

  modulesOf(folder: string): Promise<LinkedModules> {
    return once(this.#modules, folder, () => findLinkedModules(folder, { home: homedir() }))
  }

  merge(wish: LayerWish): Promise<LayerContent | undefined> {
    // The code counts by its size, which is known of a package only.
    const code = wish.code.zipPath === undefined ? '' : wish.code.sha256
    const key = JSON.stringify([...wish.layers, code])
    return once(this.#layers, key, () => this.#parts.layers.merge(wish))
  }

  /** @param of the folder or file that was watched. */
  forget(of: string, change: { readonly path: string; readonly installing: boolean }): void {
    this.#packages.delete(of)
    this.#stamps.delete(of)
    const name = JSON.stringify(of)
    for (const key of this.#layers.keys()) if (key.includes(name)) this.#layers.delete(key)
    // Links in there may lead to others now, and package.json says which modules are needed.
    if (change.installing || change.path.endsWith('package.json')) this.#modules.clear()
  }

  forgetPackages(): void {
    this.#packages.clear()
  }

  forgetAll(): void {
    this.#packages.clear()
    this.#modules.clear()
    this.#layers.clear()
    this.#stamps.clear()
  }

  /** Changes whenever something does that the function sees and that is no part of its package. */
  async stampOf(wanted: WantedFunction): Promise<readonly string[]> {
    const { stateDirectory } = this.#parts
    return Promise.all(
      foldersBeside(wanted).map((path) =>
        once(this.#stamps, path, () => stampFolder(path, stateDirectory)),
      ),
    )
  }

  /** Which functions' code is run in place, and why. */
  warningsOf(functions: readonly LoadedFunction[]): readonly Warning[] {
    return functions.flatMap(({ codePath, functionName }) => {
      const message = this.#inPlace.get(codePath)
      const property = `function ${functionName}`
      return message === undefined ? [] : [{ code: 'W_CODE_LIVE', property, message }]
    })
  }
}

/** Folders outside a function's code that it sees where they are: packages of the same workspace. */
export function foldersBeside({ definition }: WantedFunction): readonly string[] {
  const { code } = definition
  const own = code.copyOf ?? code.folder
  return (code.linkedModules?.binds ?? []).filter(
    (path) =>
      !path.split('/').includes('node_modules') &&
      path !== own &&
      !own.startsWith(`${path}/`) &&
      !path.startsWith(`${own}/`),
  )
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
