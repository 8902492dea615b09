// Which names in a source folder are code, and which are somebody else's: one rule for what is watched, copied and hashed. Pure.

/**
 * `code`: copied, and a change of it is a new state of the function. `live`: dependencies, seen where they are; only
 * their being installed counts. `quiet`: there for the function, but a change of it is none of the code.
 * `left-out`: no packaging tool puts it into a package.
 */
export type SourceName = 'code' | 'live' | 'quiet' | 'left-out'

const leftOut: ReadonlySet<string> = new Set(['.git', '.hg', '.svn', '.aws-sam', '.DS_Store'])
const live: ReadonlySet<string> = new Set(['node_modules', '.venv', 'venv'])
const quietFolders: ReadonlySet<string> = new Set([
  '__pycache__',
  '.pytest_cache',
  '.mypy_cache',
  '.ruff_cache',
  '.nyc_output',
  '.tap',
  '.cache',
  '.idea',
  '.vscode',
  'coverage',
])

/**
 * What editors write beside the file that they save: vim's 4913 and swap files, Emacs's locks and copies, JetBrains'
 * ___jb_tmp___, and .tmp.
 */
const editorFile = /^4913$|~$|^\.#|^#.*#$|\.sw[a-z]$|\.tmp$|___jb_(tmp|old)___$/

/** @param name one part of a path. */
export function sourceNameOf(name: string): SourceName {
  if (leftOut.has(name)) return 'left-out'
  if (live.has(name)) return 'live'
  if (quietFolders.has(name) || name.endsWith('.pyc') || editorFile.test(name)) return 'quiet'
  return 'code'
}

/** What package managers write into a folder of dependencies when they are done. */
export const installMarks = [
  '.package-lock.json',
  '.modules.yaml',
  '.yarn-integrity',
  '.yarn-state.yml',
] as const

/** Folders that build tools make: what another function's build does there is no change of this one's code. */
export const buildFolders: ReadonlySet<string> = new Set([
  'dist',
  'build',
  'out',
  'cdk.out',
  '.build',
  '.esbuild',
  '.serverless',
])
