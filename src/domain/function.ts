// A function as the emulator runs it: plain data, whatever it was loaded from.

import type { GenerationId } from './brand.js'
import type { LogLevels } from './log-levels.js'

/** Code on disk, ready to run. */
export interface CodePackage {
  /** Absolute folder that is the task root (/var/task). */
  readonly folder: string
  /** Base64 SHA-256: of the zip, or of the folder's listing when there was no zip. */
  readonly sha256: string
  readonly sizeBytes: number
  /** The zip as uploaded, when there was one: what GetFunction's Location serves. */
  readonly zipPath?: string
  /** Node modules of a source folder that lie outside it; AWS would not have them. */
  readonly linkedModules?: LinkedModules
  /** The user's own folder, when `folder` is a copy of it. */
  readonly copyOf?: string
  /** Folders of dependencies that a copy leaves where they are: absolute, by their path below the task root. */
  readonly live?: readonly { readonly path: string; readonly folder: string }[]
}

/** Real paths of this machine, and the links by which a process finds them from the task root. */
export interface LinkedModules {
  /** Folders to be seen read-only at their own paths. */
  readonly binds: readonly string[]
  /** Symbolic links to be made outside the task root. */
  readonly links: readonly { readonly path: string; readonly target: string }[]
  /** What node_modules of the task root must hold in place of what is there. */
  readonly taskLinks?: readonly { readonly name: string; readonly target: string }[]
}

/** What a function finds in /opt: its local layers, merged. */
export interface LayerContent {
  /** Absolute. */
  readonly folder: string
  /** Base64 SHA-256 of names, permissions and content. */
  readonly sha256: string
  readonly sizeBytes: number
  /** What is directly in the folder. */
  readonly top: Readonly<Record<string, 'folder' | 'file' | { readonly link: string }>>
}

/** Everything needed to run a function and to describe it. Memory in MB, times in seconds as Lambda's API has them. */
export interface FunctionDefinition {
  readonly functionName: string
  readonly accountId: string
  readonly region: string
  /** Unqualified. */
  readonly functionArn: string
  /** Lambda's runtime identifier: nodejs22.x, python3.12, provided.al2023 … */
  readonly runtime: string
  readonly handler: string
  readonly role: string
  readonly description: string
  readonly memoryMb: number
  readonly timeoutSeconds: number
  readonly ephemeralStorageMb: number
  readonly architecture: 'x86_64' | 'arm64'
  /** Undefined when the caller gave no Environment at all: AWS then leaves the member out. */
  readonly environment?: Readonly<Record<string, string>>
  /** Where each of them comes from, in the words of `lambda-emu env`; missing for a function made through the API. */
  readonly environmentOrigins?: Readonly<Record<string, string>>
  /** In order: absolute paths of local content, or ARNs of layers that are not here. */
  readonly layers: readonly string[]
  /** Missing when no layer is local. */
  readonly layerContent?: LayerContent
  readonly logGroup: string
  readonly logFormat: 'Text' | 'JSON'
  /** Only with the JSON format; missing: the defaults. */
  readonly logLevels?: LogLevels
  readonly tracingMode: 'PassThrough' | 'Active'
  readonly code: CodePackage
}

/** One deployed state of a function: what an environment is started from. */
export interface Generation {
  readonly id: GenerationId
  readonly definition: FunctionDefinition
  readonly version: string
}

/** arn:aws:lambda:<region>:<account>:function:<name> */
export function functionArn(region: string, accountId: string, functionName: string): string {
  return `arn:aws:lambda:${region}:${accountId}:function:${functionName}`
}

/** The name in an unqualified ARN. */
export function functionNameOf(arn: string): string {
  return arn.slice(arn.lastIndexOf(':') + 1)
}

export type RuntimeFamily = 'nodejs' | 'python' | 'provided'

/** The family whose bootstrap runs this runtime identifier; undefined for one that is not supported yet. */
export function runtimeFamily(runtime: string): RuntimeFamily | undefined {
  if (/^nodejs\d/.test(runtime)) return 'nodejs'
  if (/^python\d/.test(runtime)) return 'python'
  if (/^provided(\.|$)/.test(runtime)) return 'provided'
  return undefined
}
