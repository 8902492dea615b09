// Which program runs a function: the built-in bootstraps for Node and Python, the package's own for provided.*.

import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
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
  /** Never rejects. The first search for an interpreter takes some 50 ms, the next ones nothing. */
  find(definition: FunctionDefinition): Promise<ProgramSearch>
  /** The interpreter that is on no PATH, so that a start would fail; undefined when there is one. Cheap. */
  missingInterpreter(definition: FunctionDefinition): string | undefined
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
    const [exact, any] = await Promise.all([interpreter(runtime), interpreter('python3')])
    const path = exact ?? any
    if (path === undefined) return { missing: 'interpreter', program: 'python3' }
    const argv = [path, join(runtimesFolder, 'python', 'bootstrap.py')]
    return { found: { argv, folder: dirname(path) } }
  }

  return {
    async find(definition) {
      switch (runtimeFamily(definition.runtime)) {
        case 'nodejs': {
          const argv = [process.execPath, join(runtimesFolder, 'nodejs', 'bootstrap.cjs')]
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
    missingInterpreter({ runtime }) {
      if (runtimeFamily(runtime) !== 'python') return undefined
      const names = [runtime, 'python3']
      return names.some((name) => isOnPath(name)) ? undefined : 'python3'
    },
  }
}

function isOnPath(name: string): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.some((folder) => isProgram(join(folder, name)))
}

/** What is on the PATH may be a script that chooses a version by variables that functions do not get. */
async function realPython(name: string): Promise<string | undefined> {
  if (!isOnPath(name)) return undefined
  try {
    const { stdout } = await execa(name, ['-c', 'import sys; print(sys.executable)'], {
      stdin: 'ignore',
      timeout: 10_000,
      killSignal: 'SIGKILL',
    })
    return stdout.trim() === '' ? undefined : stdout.trim()
  } catch {
    // A name that is there and does not run (a version manager's, for a version that is not installed) is no interpreter.
    return undefined
  }
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    // Not there, or not to be run by this user: either way no program for us.
    return false
  }
}
