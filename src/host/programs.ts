// Which program runs a function: the built-in bootstraps for Node and Python, the package's own for provided.*.

import { accessSync, constants, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join, relative } from 'node:path'
import { execa } from 'execa'
import { type FunctionDefinition, runtimeFamily } from '../domain/function.js'

export interface Program {
  readonly argv: readonly string[]
  /** Folder of the interpreter, so that PATH reaches it. */
  readonly folder?: string
  /** Files and folders of this machine without which the interpreter does not run. */
  readonly paths: readonly string[]
  /** The interpreter by the names it has on Lambda. */
  readonly names: Readonly<Record<string, string>>
  /** It is one of our bootstraps, which can speak frames over an inherited descriptor. */
  readonly speaksFrames?: boolean
  /** Packages that the user installed for himself, by the path below the home folder where the interpreter looks. */
  readonly homePackages?: Readonly<Record<string, string>>
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

interface Python {
  readonly executable: string
  /** Its own folders, and those it finds modules in. */
  readonly folders: readonly string[]
  /** Below the home folder. */
  readonly userPackages: string | undefined
}

/** @param runtimesFolder the folder `dist/runtimes/` of this package. */
export function programs(runtimesFolder: string): Programs {
  const interpreters = new Map<string, Promise<Python | undefined>>()

  function interpreter(name: string): Promise<Python | undefined> {
    const known = interpreters.get(name) ?? realPython(name, runtimesFolder)
    interpreters.set(name, known)
    return known
  }

  async function python(runtime: string): Promise<ProgramSearch> {
    // The very version when it is there, else whatever python3 is.
    const [exact, any] = await Promise.all([interpreter(runtime), interpreter('python3')])
    const found = exact ?? any
    if (found === undefined) return { missing: 'interpreter', program: 'python3' }
    const { executable, userPackages } = found
    const argv = [executable, join(runtimesFolder, 'python', 'bootstrap.py')]
    const names = { [runtime]: executable, python3: executable, python: executable }
    const program = {
      argv,
      folder: dirname(executable),
      paths: found.folders,
      names,
      speaksFrames: true,
    }
    if (userPackages === undefined) return { found: program }
    const homePackages = { [userPackages]: join(homedir(), userPackages) }
    return { found: { ...program, homePackages } }
  }

  return {
    async find(definition) {
      switch (runtimeFamily(definition.runtime)) {
        case 'nodejs':
          return { found: node(join(runtimesFolder, 'nodejs', 'bootstrap.cjs')) }
        case 'python':
          return python(definition.runtime)
        case 'provided': {
          const inCode = join(definition.code.folder, 'bootstrap')
          const { layerContent } = definition
          const inLayer = layerContent === undefined ? [] : [join(layerContent.folder, 'bootstrap')]
          const path = [inCode, ...inLayer].find(isProgram)
          // A bootstrap may be a script for this machine's Node.
          return path === undefined
            ? { missing: 'bootstrap', program: inCode }
            : { found: { argv: [path], paths: [process.execPath], names: {} } }
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

function node(bootstrap: string): Program {
  const path = process.execPath
  return {
    argv: [path, bootstrap],
    folder: dirname(path),
    paths: [path],
    names: { node: path },
    speaksFrames: true,
  }
}

function isOnPath(name: string): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')
  return folders.some((folder) => isProgram(join(folder, name)))
}

/**
 * Tells where it is, and compiles the built-in runtime, which functions cannot write to: without that every
 * cold start would compile it again.
 */
const pythonQuestion = `import compileall, json, os, site, sys
compileall.compile_dir(sys.argv[1], quiet=2)
own = site.getusersitepackages() if site.ENABLE_USER_SITE else ''
folders = [path for path in sys.path[1:] if os.path.isdir(path) and path != own]
folders += [sys.prefix, sys.base_prefix, sys.exec_prefix]
print(json.dumps([sys.executable, folders, own if own in sys.path else '']))`

/** What is on the PATH may be a script that chooses a version by variables that functions do not get. */
async function realPython(name: string, runtimesFolder: string): Promise<Python | undefined> {
  if (!isOnPath(name)) return undefined
  try {
    const { stdout } = await execa(name, ['-c', pythonQuestion, join(runtimesFolder, 'python')], {
      stdin: 'ignore',
      timeout: 10_000,
      killSignal: 'SIGKILL',
    })
    const [executable, folders, userSite] = JSON.parse(stdout) as [string, string[], string]
    if (executable === '') return undefined
    // A folder of programs that holds everything of the user's is no installation: only the program itself is shown.
    const home = homedir()
    const own = folders.filter((folder) => !`${home}/`.startsWith(`${folder.replace(/\/$/, '')}/`))
    const userPackages = userSite.startsWith(`${home}/`) ? relative(home, userSite) : undefined
    return { executable, folders: [executable, ...own], userPackages }
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
