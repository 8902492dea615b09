// What loading a project gives: the functions somebody wishes to have, before any code is packed. Types only.

import type { ApiDefinition, ScheduleDefinition } from '../domain/api.js'
import type { LogLevels } from '../domain/log-levels.js'
import type { VariableLayer } from '../domain/variable-layer.js'

/** A function as its source describes it: checked, with AWS's defaults filled in. */
export interface LoadedFunction {
  /** Its key in the template or in lambda-emu.json. */
  readonly logicalId: string
  readonly functionName: string
  readonly runtime: string
  readonly handler: string
  /** Absolute; an existing folder or .zip file. */
  readonly codePath: string
  readonly memoryMb: number
  readonly timeoutSeconds: number
  readonly ephemeralStorageMb: number
  readonly architecture: 'x86_64' | 'arm64'
  /** Missing when the source gives no environment at all. */
  readonly environment?: Readonly<Record<string, string>>
  /**
   * Where each variable comes from, in the words of `lambda-emu env`: `template`, `lambda-emu.json`, or a
   * `VariableLayer`'s source. Missing when there are none.
   */
  readonly environmentOrigins?: Readonly<Record<string, string>>
  readonly description: string
  readonly role: string
  /** In order: absolute paths of local content, or ARNs of layers that are not here. */
  readonly layers: readonly string[]
  /** Only when the source names one. */
  readonly logGroup?: string
  readonly logFormat: 'Text' | 'JSON'
  /** Only with the JSON format, and when the source names one. */
  readonly logLevels?: LogLevels
  readonly tracingMode: 'PassThrough' | 'Active'
  /** Properties that are kept and shown but have no effect on this machine. */
  readonly recordedOnly: readonly string[]
  readonly origin: SourcePosition
}

export interface SourcePosition {
  /** Absolute. */
  readonly path: string
  /** From 1. */
  readonly line: number
}

/** Something in the source that has no effect here, or could not be worked out. */
export interface LoadWarning {
  readonly code: LoadWarningCode
  /** Where it stands, as `Resources.Hello.Properties.VpcConfig`. */
  readonly property: string
  readonly message: string
}

export type LoadWarningCode =
  /** A known property without effect here. */
  | 'W_NOT_EMULATED'
  /** A property that no AWS document knows: most likely a typing error. */
  | 'W_UNKNOWN_PROPERTY'
  /** An intrinsic function or reference without a value here. */
  | 'W_UNRESOLVED'
  /** A function that is left out: its runtime, or its kind of package, cannot be run here yet. */
  | 'W_FUNCTION_LEFT_OUT'
  /** A layer that is on AWS and not on this machine. */
  | 'W_LAYER_NOT_LOCAL'
  /** A route, a schedule or a whole API that is left out. */
  | 'W_ROUTE_LEFT_OUT'
  /** Variables for a function that the project does not have. */
  | 'W_UNKNOWN_FUNCTION'

/** A command worth trying, given by the template's Metadata.LambdaEmu.Try. */
export interface Suggestion {
  /** What comes after `lambda-emu`. */
  readonly command: string
  readonly see: string
}

export interface LoadedProject {
  /** Absolute folder of the source, or the working folder when there is none. */
  readonly project: string
  /** The file that was read; missing when there was none. */
  readonly sourcePath?: string
  /** Every file that was read: when one changes, the project has changed. Absolute. */
  readonly sources: readonly string[]
  readonly functions: readonly LoadedFunction[]
  readonly apis: readonly ApiDefinition[]
  readonly schedules: readonly ScheduleDefinition[]
  readonly warnings: readonly LoadWarning[]
  readonly suggestions: readonly Suggestion[]
}

/** What pseudo-parameters and parameters resolve to. */
export interface LoadOptions {
  /** Default us-east-1. */
  readonly region?: string
  /** Twelve digits; default 000000000000. */
  readonly accountId?: string
  /** What CloudFormation would be given for the template's Parameters. */
  readonly parameters?: Readonly<Record<string, string>>
  /** What other stacks export, by name. */
  readonly importValues?: Readonly<Record<string, string>>
  /** Environment variables from outside the source, weakest first. */
  readonly variables?: readonly VariableLayer[]
  /**
   * Absolute folder for code that stands inside a template (InlineCode, ZipFile): written to `<logicalId>/index.js` or
   * `index.py` there. Without it such functions are left out.
   */
  readonly inlineCodeFolder?: string
}
