// What the placement reducer knows: plain JSON data, nothing that runs.

import type {
  CommandId,
  EmulatorMs,
  EnvironmentId,
  GenerationId,
  InvocationId,
  TimerKey,
} from '../domain/brand.js'
import type { FunctionError, Invocation, Outcome } from '../domain/invocation.js'

/** Who has to ask for the next event before an environment is idle. Extensions join the runtime here. */
export interface Participant {
  readonly id: string
  readonly kind: 'runtime'
  state: 'starting' | 'idle' | 'working' | 'exited'
}

/**
 * `delivered`: the event is in the runtime's hands. `settling`: the caller has its answer, but someone
 * has not asked for the next event yet; the slot is held until then.
 */
export interface ActiveInvocation {
  readonly invocationId: InvocationId
  stage: 'delivered' | 'settling'
  outstanding: string[]
  readonly deadline: TimerKey
  settlingSinceMs?: EmulatorMs
}

export type InitCause = 'on-demand' | 'in-invoke'
export type ResetReason = 'timeout' | 'crash' | 'init-failed'
export type ShutdownReason = 'expired' | 'redeploy' | 'deleted' | 'failed' | 'stopping'

export type Phase =
  | { readonly is: 'created' }
  | {
      readonly is: 'initializing'
      readonly cause: InitCause
      readonly pending?: InvocationId
      readonly limit: TimerKey
    }
  | { readonly is: 'ready'; readonly sinceMs: EmulatorMs; readonly expiry: TimerKey }
  | { readonly is: 'busy'; readonly active: ActiveInvocation }
  /** Processes go, /tmp stays. `pending`: init is started again inside this invocation. */
  | { readonly is: 'resetting'; readonly reason: ResetReason; readonly pending?: InvocationId }
  /** No process, /tmp kept, until an invocation takes it. */
  | { readonly is: 'dormant'; readonly sinceMs: EmulatorMs; readonly expiry: TimerKey }
  | { readonly is: 'shutting-down'; readonly reason: ShutdownReason }
  | { readonly is: 'gone' }

export type PhaseName = Phase['is']

export interface Suspension {
  is: 'running' | 'freezing' | 'frozen' | 'thawing'
  sinceMs: EmulatorMs
}

export interface EnvironmentState {
  readonly id: EnvironmentId
  readonly generation: GenerationId
  readonly functionArn: string
  phase: Phase
  suspension: Suspension
  participants: Participant[]
  readonly bornMs: EmulatorMs
  lastUsedMs: EmulatorMs
  invocations: number
  /** It finishes what it is doing, then shuts down. */
  doomed?: ShutdownReason
  /** A user thawed it by hand: it stays running to the end of the next invocation. */
  heldThawed: boolean
  /** The invocation that waits for this environment to settle or to be reset. */
  claimedBy?: InvocationId
}

/** What the reducer needs to know of one deployed state of a function. */
export interface GenerationFacts {
  readonly id: GenerationId
  readonly functionArn: string
  readonly timeoutMs: number
  /** The next one, once it is deployed; null when the function is deleted. */
  replacedBy?: GenerationId | null
}

export type TimerPurpose =
  | { readonly for: 'deadline'; readonly env: EnvironmentId; readonly invocation: InvocationId }
  | { readonly for: 'init-limit'; readonly env: EnvironmentId }
  | { readonly for: 'expiry'; readonly env: EnvironmentId }
  | { readonly for: 'claim'; readonly env: EnvironmentId; readonly invocation: InvocationId }

export interface PlacementFigures {
  readonly initLimitMs: number
  readonly idleLifeMs: number
  readonly settleWaitMs: number
  readonly resetWaitMs: number
  /** False with --freeze none. */
  readonly suspendable: boolean
}

/** An invocation that has a slot or waits for one, with what is decided while it runs. */
export interface PlacedInvocation {
  readonly invocation: Invocation
  /** The generation it runs on: the newest at the moment it was placed. */
  generation: GenerationId
  /** Set when init runs inside the invocation: both share the function's timeout. */
  deadlineMs?: EmulatorMs
  answered: boolean
}

export interface PlacementState {
  readonly figures: PlacementFigures
  environments: Record<EnvironmentId, EnvironmentState>
  generations: Record<GenerationId, GenerationFacts>
  invocations: Record<InvocationId, PlacedInvocation>
  /** Ready environments of a generation, most recently used last. */
  ready: Record<GenerationId, EnvironmentId[]>
  /** Dormant environments of a generation, most recently used last. */
  dormant: Record<GenerationId, EnvironmentId[]>
  /** Environments of a generation that will soon be free: settling, or being reset with nobody waiting inside. */
  claimable: Record<GenerationId, EnvironmentId[]>
  /** Slots taken: invocations that are initializing, running or settling. */
  slots: { total: number; byFunction: Record<string, number> }
  limits: { account: number; reserved: Record<string, number> }
  timers: Record<TimerKey, TimerPurpose>
  /** Commands that have not come back as done or failed. */
  open: Record<CommandId, OpenCommand>
  /** Environments with work under way, or thawed by hand: while there is one, time flows. */
  running: number
  nextCommandId: number
  nextEnvironment: number
  stopping: boolean
}

export interface OpenCommand {
  readonly do: HostCommand['do']
  readonly env: EnvironmentId
}

/** Carried out by the host; each comes back as `done` or `failed`. */
export type HostCommand = { readonly id: CommandId; readonly env: EnvironmentId } & (
  | {
      readonly do: 'start'
      readonly generation: GenerationId
      readonly cause: InitCause
      /** The invocation that waits for this init. */
      readonly pending?: Invocation
    }
  | {
      readonly do: 'deliver'
      readonly invocation: Invocation
      readonly deadlineMs: EmulatorMs
      /** The first invocation after an init on demand reports that init's duration. */
      readonly initInside: boolean
    }
  | { readonly do: 'freeze' }
  | { readonly do: 'thaw' }
  | { readonly do: 'kill'; readonly reason: ResetReason | ShutdownReason }
  | { readonly do: 'remove' }
)

export type TimerCommand =
  | {
      readonly do: 'arm'
      readonly timer: TimerKey
      readonly atMs: EmulatorMs
      readonly kind: 'background' | 'patience' | 'execution'
    }
  | { readonly do: 'disarm'; readonly timer: TimerKey }

export type Command =
  | HostCommand
  | TimerCommand
  | {
      readonly do: 'answer'
      readonly invocation: InvocationId
      readonly outcome: Outcome
      readonly env?: EnvironmentId
    }
  | { readonly do: 'journal'; readonly record: PlacementRecord }

/** Everything that changes in the life of an environment is told to the journal. */
export type PlacementRecord =
  | {
      readonly kind: 'environment.phase'
      readonly env: EnvironmentId
      readonly functionArn: string
      readonly from: PhaseName
      readonly to: PhaseName
      readonly why?: string
    }
  | {
      readonly kind: 'environment.suspension'
      readonly env: EnvironmentId
      readonly functionArn: string
      readonly to: Suspension['is']
    }
  | {
      readonly kind: 'environment.trouble'
      readonly env: EnvironmentId
      readonly command: HostCommand['do']
      readonly problem: string
    }
  | {
      readonly kind: 'invocation.placed'
      readonly invocation: InvocationId
      readonly env: EnvironmentId
      readonly start: 'warm' | 'cold' | 'dormant'
    }

export interface ExitStatus {
  readonly code: number | null
  readonly signal: string | null
}

export type PlacementEvent = { readonly atMs: EmulatorMs } & (
  | { readonly on: 'submitted'; readonly invocation: Invocation }
  | { readonly on: 'done'; readonly command: CommandId }
  | { readonly on: 'failed'; readonly command: CommandId; readonly error: FunctionError }
  | { readonly on: 'asked-next'; readonly env: EnvironmentId; readonly participant: string }
  /** The runtime's answer, or the platform's in its place (a response too large). */
  | {
      readonly on: 'answered'
      readonly env: EnvironmentId
      readonly invocation: InvocationId
      readonly outcome: Outcome
    }
  | { readonly on: 'init-error'; readonly env: EnvironmentId; readonly outcome: Outcome }
  | {
      readonly on: 'exited'
      readonly env: EnvironmentId
      readonly participant: string
      readonly exit: ExitStatus
    }
  | { readonly on: 'timer'; readonly timer: TimerKey }
  | {
      readonly on: 'deployed'
      readonly generation: GenerationFacts
      readonly replaces?: GenerationId
    }
  | { readonly on: 'deleted'; readonly generation: GenerationId }
  | {
      readonly on: 'limits'
      readonly account: number
      readonly reserved: Readonly<Record<string, number>>
    }
  | { readonly on: 'user-froze' | 'user-thawed' | 'user-expired'; readonly env: EnvironmentId }
  | { readonly on: 'stopping' }
)

export function initialState(figures: PlacementFigures, account: number): PlacementState {
  return {
    figures,
    environments: {},
    generations: {},
    invocations: {},
    ready: {},
    dormant: {},
    claimable: {},
    slots: { total: 0, byFunction: {} },
    limits: { account, reserved: {} },
    timers: {},
    open: {},
    running: 0,
    nextCommandId: 1,
    nextEnvironment: 1,
    stopping: false,
  }
}
