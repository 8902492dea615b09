// Which program runs a function: the built-in bootstraps for Node and Python, the package's own for provided.*.

import { accessSync, constants, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { type FunctionDefinition, runtimeFamily } from '../domain/function.js'

export interface Program {
  readonly argv: readonly string[]
  /** Folder of the interpreter, so that PATH reaches it. */
  readonly folder?: string
}

export type ProgramSearch =
  | { readonly found: Program }
  /** `program` names what is not there. */
  | { readonly missing: 'interpreter' | 'bootstrap' | 'runtime'; readonly program: string }

export interface Programs {
  /** Never rejects. */
  find(definition: FunctionDefinition): Promise<ProgramSearch>
}

/** @param runtimesFolder the folder `runtimes/` of this package. */
export function programs(runtimesFolder: string): Programs {
  const interpreters = new Map<string, Promise<string | undefined>>()

  function interpreter(name: string): Promise<string | undefined> {
    const known = interpreters.get(name) ?? realPython(name)
    interpreters.set(name, known)
    return known
  }

  async function python(runtime: string): Promise<ProgramSearch> {
    // The very version when it is there, else whatever python3 is.
    const path = (await interpreter(runtime)) ?? (await interpreter('python3'))
    if (path === undefined) return { missing: 'interpreter', program: 'python3' }
    const argv = [path, join(runtimesFolder, 'python', 'bootstrap.py')]
    return { found: { argv, folder: dirname(path) } }
  }

  return {
    async find(definition) {
      switch (runtimeFamily(definition.runtime)) {
        case 'nodejs': {
          const argv = [process.execPath, join(runtimesFolder, 'nodejs', 'bootstrap.mjs')]
          return { found: { argv, folder: dirname(process.execPath) } }
        }
        case 'python':
          return python(definition.runtime)
        case 'provided': {
          const path = join(definition.code.folder, 'bootstrap')
          return isProgram(path)
            ? { found: { argv: [path] } }
            : { missing: 'bootstrap', program: path }
        }
        case undefined:
          return { missing: 'runtime', program: definition.runtime }
      }
    },
  }
}

/** What is on the PATH may be a script that chooses a version by variables that functions do not get. */
async function realPython(name: string): Promise<string | undefined> {
  try {
    const { stdout } = await execa(name, ['-c', 'import sys; print(sys.executable)'])
    return stdout.trim() === '' ? undefined : stdout.trim()
  } catch {
    return undefined
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
