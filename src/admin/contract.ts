// What the daemon's admin routes and the library say to the command line: types, route paths and the header; no code that runs them.

import type { LogRecord } from '../domain/log-record.js'
import type { VariableLayer } from '../domain/variable-layer.js'

/** Carries the daemon's token on every admin request. */
export const adminTokenHeader = 'x-lambda-emu-token'

/** Paths below the admin URL. `:id` is an environment's id, or a function's name, percent-encoded. */
export const adminRoutes = {
  status: '/status',
  functions: '/functions',
  variables: '/functions/:id/variables',
  environments: '/environments',
  freeze: '/environments/:id/freeze',
  thaw: '/environments/:id/thaw',
  expire: '/environments/:id/expire',
  logs: '/logs',
  journal: '/journal',
  stop: '/stop',
} as const

export type FreezeBackend = 'v2' | 'v1' | 'signal' | 'none'

/** Every phase an environment can be in. */
export const environmentPhases = [
  'created',
  'initializing',
  'ready',
  'busy',
  'resetting',
  'dormant',
  'shutting-down',
  'gone',
] as const
export type EnvironmentPhase = (typeof environmentPhases)[number]

export type EnvironmentSuspension = 'running' | 'freezing' | 'frozen' | 'thawing'

/** What was loaded but is not emulated, or is worth a look: never an error. */
export interface Warning {
  readonly code: string
  /** Where it stands, as `Resources.Hello.Properties.VpcConfig`. */
  readonly property: string
  readonly message: string
}

/** GET /status */
export interface Status {
  readonly pid: number
  readonly version: string
  /** Absolute path of the folder or file that was loaded. */
  readonly project: string
  readonly profile: string
  readonly lambdaUrl: string
  /** Where the HTTP APIs are; null while the project has none. */
  readonly httpUrl: string | null
  readonly apis: readonly ApiSummary[]
  readonly schedules: readonly ScheduleSummary[]
  /** Epoch milliseconds. */
  readonly startedAtMs: number
  readonly uptimeMs: number
  readonly freezer: {
    readonly backend: FreezeBackend
    /** What the user asked for; null when the best was taken. */
    readonly wanted: FreezeBackend | null
    /** Why no better backend is in use; empty with v2. */
    readonly reason: string
    /** What this backend cannot hold still, one sentence each. */
    readonly escapes: readonly string[]
    /** With --freeze-network: each environment has a network, which is down while it is frozen. */
    readonly network: boolean
  }
  /** What environments get here, in the words of `lambda-emu doctor`. */
  readonly sandbox: SandboxStatus
  /** How many functions there are. */
  readonly functions: number
  /** How many environments are in each phase; a phase without one may be missing. */
  readonly environments: Readonly<Partial<Record<EnvironmentPhase, number>>>
  readonly frozen: number
  readonly memory: {
    /** What all environments together may be charged; null: no limit. */
    readonly budgetMb: number | null
    readonly chargedMb: number
    /** Invocations that wait for it. */
    readonly waiting: number
  }
  /** Accepted asynchronous events that have not ended. */
  readonly events: number
  readonly invocations: { readonly total: number; readonly failed: number }
}

export interface SandboxStatus {
  /** What the user asked for. */
  readonly isolation: 'standard' | 'none'
  readonly filesystem: 'namespaces' | 'user-namespaces' | 'none'
  readonly runtimeApi: 'bpf' | 'host-name' | 'none'
  /** `off`: with --no-cpu. */
  readonly cpu: 'quota' | 'duty-cycle' | 'none' | 'off'
  readonly memory: 'cgroup' | 'sampled' | 'none'
  readonly storage: 'loop' | 'folder'
  readonly guardian: 'yes' | 'no'
}

/** One HTTP API, and where it is served. */
export interface ApiSummary {
  readonly id: string
  readonly logicalId: string
  readonly kind: 'rest' | 'http'
  readonly stageName: string
  /** The shortest address that is this API's alone; the stage is part of it where a client needs it. */
  readonly url: string
  /** In the order of the source. */
  readonly routes: readonly {
    /** A verb, ANY, or for HTTP APIs also $default. */
    readonly method: string
    readonly path: string
    /** Null when the gateway answers alone. */
    readonly functionName: string | null
  }[]
}

export interface ScheduleSummary {
  readonly name: string
  readonly functionName: string
  readonly expression: string
  readonly enabled: boolean
}

/** GET /functions */
export interface FunctionSummary {
  readonly functionName: string
  readonly functionArn: string
  readonly runtime: string
  readonly handler: string
  readonly memoryMb: number
  readonly timeoutSeconds: number
  /** Lambda's State: Pending, Active, Inactive, Failed. */
  readonly state: string
  readonly source: 'template' | 'api'
  readonly codeFolder: string
  /** Properties that are kept and shown but have no effect on this machine. */
  readonly recordedOnly: readonly string[]
}

/** One member of GET /functions/:id/variables: what an environment of the function starts with. */
export interface FunctionVariable {
  readonly name: string
  readonly value: string
  /** `template`, a `VariableLayer`'s source, `api` for a function made through Lambda's API, or `Lambda` for its own. */
  readonly source: string
}

/** GET /environments, and the answer to freeze, thaw and expire. */
export interface EnvironmentSummary {
  readonly id: string
  readonly functionName: string
  readonly phase: EnvironmentPhase
  readonly suspension: EnvironmentSuspension
  /** Epoch milliseconds since when it is in this phase. */
  readonly sinceMs: number
  readonly frozenForMs?: number
  readonly memoryUsedMb?: number
  readonly memoryMb: number
  /** CPU time of all its processes so far. */
  readonly cpuMs?: number
  readonly invocations: number
  /** The request in flight. */
  readonly requestId?: string
  readonly pids: readonly number[]
  /** The folder of this machine that is its /tmp; missing before its first start. */
  readonly tmpFolder?: string
  readonly logStreamName: string
}

/** One line of GET /logs?functionName=&follow=1&sinceMs= (NDJSON). */
export type { LogRecord }

/**
 * One line of GET /journal?follow=1&tail= (NDJSON). Kinds that are not listed in `ShownRecord` may come at any time;
 * readers skip what they do not know.
 */
export interface JournalRecord {
  /** Epoch milliseconds. */
  readonly atMs: number
  /** 1, 2, 3 … in the order of happening. */
  readonly sequence?: number
  readonly kind: string
  readonly [member: string]: unknown
}

/** One ended attempt: a line of `lambda-emu start`. To be appended once its duration is known, with its REPORT. */
export interface InvocationEnded {
  readonly atMs: number
  readonly kind: 'invocation.ended'
  readonly functionName: string
  readonly requestId: string
  readonly type: 'RequestResponse' | 'Event'
  readonly attempt: number
  /** `error`: posted by the runtime; `fault`: crash, failed init, too large a response; `refused`: it never ran. */
  readonly status: 'ok' | 'error' | 'timeout' | 'fault' | 'refused'
  /** Lambda's Duration: without the init. */
  readonly durationMs: number
  /** Only for a cold start. */
  readonly initMs?: number
  /** Environment id; missing when it was refused. */
  readonly env?: string
  readonly cold: boolean
  /** As `invocation.placed` and `invocation.queued` name it. */
  readonly invocation?: string
  /** Who asked for it: `rest-api` and `http-api` have an `http.ended` of the same request id. */
  readonly origin?: 'invoke-api' | 'event-queue' | 'rest-api' | 'http-api'
  /** Epoch milliseconds when it was accepted; it may have waited since. */
  readonly acceptedAtMs?: number
  readonly maxMemoryUsedMb?: number
  /** How long its environment had been frozen when it was thawed for this invocation. */
  readonly frozenForMs?: number
  readonly errorType?: string
  readonly errorMessage?: string
}

/** As placement tells it. `frozen` is shown once after an invocation. */
export interface EnvironmentSuspended {
  readonly atMs: number
  readonly kind: 'environment.suspension'
  readonly env: string
  readonly functionArn: string
  readonly to: EnvironmentSuspension
}

/** As placement tells it. Moves to `resetting` and `shutting-down` are shown with their reason. */
export interface EnvironmentMoved {
  readonly atMs: number
  readonly kind: 'environment.phase'
  readonly env: string
  readonly functionArn: string
  readonly from: EnvironmentPhase
  readonly to: EnvironmentPhase
  readonly why?: string
}

/** As placement tells it: the host could not carry out a command. */
export interface EnvironmentTrouble {
  readonly atMs: number
  readonly kind: 'environment.trouble'
  readonly env: string
  readonly command: string
  readonly problem: string
}

/** Its /tmp, whose size nothing here enforces, holds more than its function may have. Told once an environment. */
export interface TmpOverfull {
  readonly atMs: number
  readonly kind: 'environment.tmp-overfull'
  readonly env: string
  readonly functionName: string
  /** Counted up to twice the size. */
  readonly usedMb: number
  readonly sizeMb: number
}

/** As placement tells it: the budget is used by this many environments, and this many invocations wait now. */
export interface InvocationQueued {
  readonly atMs: number
  readonly kind: 'invocation.queued'
  readonly functionArn: string
  readonly why: 'memory' | 'starts'
  readonly waiting: number
  readonly budgetMb: number | null
  readonly chargedMb: number
  readonly environments: number
}

/** As placement tells it: it waited for memory in vain; its caller has a 429. */
export interface InvocationRefused {
  readonly atMs: number
  readonly kind: 'invocation.refused'
  readonly functionArn: string
  readonly why: 'memory'
  readonly waitedMs: number
  readonly budgetMb: number | null
  readonly chargedMb: number
  readonly environments: number
}

/** An HTTP request has its answer, whoever gave it. Comes before or after the `invocation.ended` of its request id. */
export interface HttpEnded {
  readonly atMs: number
  readonly kind: 'http.ended'
  readonly method: string
  /** As the client sent it, with its query. */
  readonly target: string
  readonly status: number
  readonly durationMs: number
  /** The API's logical id; missing when none served it. */
  readonly api?: string
  /** Missing when the gateway answered alone. */
  readonly functionName?: string
  /** Of the invocation. */
  readonly requestId?: string
  /** What the client saw as x-amzn-RequestId or apigw-requestid: as on AWS not that of the invocation. */
  readonly gatewayRequestId?: string
  /** Why the gateway answered alone, or what it made of the function's answer: one sentence. */
  readonly why?: string
}

/** New code or configuration is served from the next invocation on. */
export interface ProjectReloaded {
  readonly atMs: number
  readonly kind: 'project.reloaded'
  /** Names of functions that have a new generation. */
  readonly changed: readonly string[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Whether routes or schedules changed. */
  readonly apis: boolean
  /** From the first change that was seen to the new state being served. */
  readonly tookMs: number
}

/** A change that could not be taken over: what was served before is served on. */
export interface ReloadFailed {
  readonly atMs: number
  readonly kind: 'project.reload-failed'
  readonly code: string
  readonly message: string
  readonly hint: string
}

/** A schedule was due, and its event is accepted. */
export interface ScheduleFired {
  readonly atMs: number
  readonly kind: 'schedule.fired'
  readonly schedule: string
  readonly functionName: string
  readonly requestId: string
}

/** An asynchronous invocation failed and will be tried again at `nextAtMs`. */
export interface EventRetry {
  readonly atMs: number
  readonly kind: 'event.retry'
  readonly functionName: string
  readonly requestId: string
  /** The attempt that comes next. */
  readonly attempt: number
  readonly nextAtMs: number
}

/** An asynchronous invocation is given up. */
export interface EventDropped {
  readonly atMs: number
  readonly kind: 'event.dropped'
  readonly functionName: string
  readonly requestId: string
  readonly reason: string
}

/** The kinds of journal records that `lambda-emu start` prints. */
export type ShownRecord =
  | InvocationEnded
  | EnvironmentSuspended
  | EnvironmentMoved
  | EnvironmentTrouble
  | TmpOverfull
  | InvocationQueued
  | InvocationRefused
  | EventRetry
  | EventDropped
  | HttpEnded
  | ProjectReloaded
  | ReloadFailed
  | ScheduleFired

/** Body of every admin answer with status 400 and above. */
export interface AdminErrorBody {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly hint: string
    readonly exitCode: number
  }
}

/**
 * What startEmulator takes. Missing members have the defaults of `lambda-emu start`; but startEmulator of the library takes
 * free ports and a state directory of its own, which goes when it stops.
 */
export interface EmulatorOptions {
  /** A template, a lambda-emu.json, or a folder with one of them; none: no functions to begin with. */
  readonly path?: string
  readonly host?: string
  /** 0 takes any free port. */
  readonly lambdaPort?: number
  /** Where the HTTP APIs are served; 0 takes any free port. */
  readonly httpPort?: number
  /** False: a REST API is served at the root, without its stage, as SAM local does. */
  readonly stagePath?: boolean
  /** Values of the template's Parameters, by name. */
  readonly parameters?: Readonly<Record<string, string>>
  /** What other stacks export, by name. */
  readonly importValues?: Readonly<Record<string, string>>
  /** Environment variables from outside the source, weakest first. */
  readonly variables?: readonly VariableLayer[]
  /** New code and configuration are served as soon as they are saved. Default false; `lambda-emu start` sets it. */
  readonly watch?: boolean
  /** Whatever would be a warning of the source is an error. */
  readonly strict?: boolean
  readonly stateDirectory?: string
  /**
   * `virtual`: time stands still while no function runs, and goes on by `clock.advance`. It rules schedules, retries, expiry and
   * the times of logs; what code in a function reads and waits for goes by this machine's time. Default `real`.
   */
  readonly clock?: 'real' | 'virtual'
  /** Epoch milliseconds at which the emulator's time begins; default now. */
  readonly startAtMs?: number
  readonly region?: string
  readonly accountId?: string
  readonly freeze?: FreezeBackend
  /** A network for each environment, its link down while it is frozen; needs root. Default false. */
  readonly freezeNetwork?: boolean
  /** With `freezeNetwork`: ports of 127.0.0.1 on this machine that functions reach at the same address. */
  readonly relay?: readonly number[]
  /** Between the last request for the next event and the freeze: 0 (at once) to 1,000. Default: the profile's. */
  readonly freezeGraceMs?: number
  /** How logs in text format tell of a failure: Status in REPORT, or in words before END, as until 2024. Default: the profile's. */
  readonly reportStyle?: 'status' | 'classic'
  /** `standard` (default): functions are kept apart as well as this machine can; `none`: they see what you see. */
  readonly isolation?: 'standard' | 'none'
  /** How the built-in runtimes reach their Runtime API: over a socket that they inherit (default), or over HTTP as all others do. */
  readonly runtimeChannel?: 'frames' | 'http'
  /** False: functions get as much CPU as there is, whatever their memory. */
  readonly cpu?: boolean
  /** What all environments together may take of this machine's memory; 64 at least. Default: 70 % of what is free. */
  readonly memoryBudgetMb?: number
}

/** A running emulator in this process. */
export interface ProjectSource {
  /** The file that was read; undefined when there was none. */
  readonly path: string | undefined
  /** Commands worth trying, given by the template's Metadata.LambdaEmu.Try; what comes after `lambda-emu`. */
  readonly suggestions: readonly { readonly command: string; readonly see: string }[]
}

export interface Emulator {
  readonly lambdaUrl: string
  /** Null while the project has no HTTP API. */
  readonly httpUrl: string | null
  readonly adminUrl: string
  readonly adminToken: string
  readonly stateDirectory: string
  readonly warnings: readonly Warning[]
  /** Of the project as it was at the start. */
  readonly source: ProjectSource
  functions(): readonly FunctionSummary[]
  status(): Status
  /** Returns the way to stop listening. */
  onJournal(listener: (record: JournalRecord) => void): () => void
  /** `json` is the record's text, for whoever tells it as such. Returns the way to stop listening. */
  onLog(listener: (record: LogRecord, json: string) => void): () => void
  /** Loads the project anew and serves what has changed; what cannot be loaded is told in the journal. Missing where there is none. */
  reload?(): Promise<void>
  /** Ends every environment and frees everything; a second call waits for the first. */
  stop(): Promise<void>
  /** Resolves when it has stopped, whoever asked. */
  readonly stopped: Promise<void>
}
