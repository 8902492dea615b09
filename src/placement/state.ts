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

/** Who has to ask for the next event before an environment is idle: the runtime, and every extension that has registered. */
export interface Participant {
  readonly id: string
  readonly kind: 'runtime' | 'external-extension' | 'internal-extension'
  /** It is given each invocation; without that it need not ask again. */
  readonly invoked: boolean
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
/** `evicted`: idle, and its memory is needed for an invocation that waits. */
export type ShutdownReason = 'expired' | 'evicted' | 'redeploy' | 'deleted' | 'failed' | 'stopping'

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
  /** Frozen, or on its way from there to running. */
  wasFrozen: boolean
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
  /** Its part of the memory budget now (memory.ts). */
  chargedMb: number
  /** Private memory of its processes as last measured, rounded up. */
  measuredMb?: number
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
  /** Its start counts no longer. */
  | { readonly for: 'start-turn'; readonly env: EnvironmentId }
  | { readonly for: 'claim'; readonly env: EnvironmentId; readonly invocation: InvocationId }
  /** `last`: its patience is over, whatever happened meanwhile. */
  | { readonly for: 'room'; readonly invocation: InvocationId; readonly last: boolean }

export interface PlacementFigures {
  readonly initLimitMs: number
  readonly idleLifeMs: number
  readonly settleWaitMs: number
  readonly resetWaitMs: number
  /** False with --freeze none. */
  readonly suspendable: boolean
  /** What all environments together may be charged; undefined: no limit. */
  readonly budgetMb: number | undefined
  /** What an environment that is not frozen is charged at least. */
  readonly environmentFloorMb: number
  /** The longest that an invocation waits for memory. */
  readonly queueWaitMsMax: number
  /** How many starts of environments count at the same time. */
  readonly startsAtOnce: number
}

/** An invocation that has a slot or waits for one, with what is decided while it runs. */
export interface PlacedInvocation {
  readonly invocation: Invocation
  /** The generation it runs on: the newest at the moment it was placed. */
  generation: GenerationId
  /** Set when init runs inside the invocation: both share the function's timeout. */
  deadlineMs?: EmulatorMs
  answered: boolean
  /** 1, 2, 3 … in the order of arrival over all functions. */
  readonly arrival: number
  /** Set while it waits in the queue for memory. */
  waiting?: {
    readonly sinceMs: EmulatorMs
    /** What `progress` was then. */
    readonly progress: number
  }
}

/** The memory budget and what is charged to it: sums that are kept, never made by looking at every environment. */
export interface MemoryState {
  /** Null: no limit. */
  budgetMb: number | null
  chargedMb: number
  /** How much of it belongs to environments that are shutting down: room that is about to come. */
  comingMb: number
  /** How many environments are charged something. */
  environments: number
  /** How far beyond the budget we are by no decision of ours: memory grew, a user thawed, the budget shrank. */
  overMb: number
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
  /** Environments whose starts count: no more are begun at once than `figures.startsAtOnce`. */
  startTurns: EnvironmentId[]
  memory: MemoryState
  /** Invocations that wait for memory, in the order of arrival. Each holds its slot. */
  queue: InvocationId[]
  /** How many invocations their functions have ended, by an answer or a crash: while it stands still nothing moves. */
  progress: number
  /** Slots taken: invocations that wait for memory, are initializing, running or settling. */
  slots: { total: number; byFunction: Record<string, number> }
  limits: { account: number; reserved: Record<string, number> }
  timers: Record<TimerKey, TimerPurpose>
  /** Commands that have not come back as done or failed, at their ids; an id that is free again is taken first. */
  open: (OpenCommand | null)[]
  freeCommandIds: CommandId[]
  /** Environments with work under way, or thawed by hand: while there is one, time flows. */
  running: number
  nextEnvironment: number
  nextArrival: number
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
  /** It waits for memory or for a turn to start, behind those that came before it. */
  | {
      readonly kind: 'invocation.queued'
      readonly invocation: InvocationId
      readonly functionArn: string
      readonly why: 'memory' | 'starts'
      /** How many wait now, with this one. */
      readonly waiting: number
      readonly budgetMb: number | null
      readonly chargedMb: number
      /** How many environments are charged that. */
      readonly environments: number
    }
  /** It has waited for memory in vain. */
  | {
      readonly kind: 'invocation.refused'
      readonly invocation: InvocationId
      readonly functionArn: string
      readonly why: 'memory'
      readonly waitedMs: number
      readonly budgetMb: number | null
      readonly chargedMb: number
      readonly environments: number
    }

export interface ExitStatus {
  readonly code: number | null
  readonly signal: string | null
}

export type PlacementEvent = { readonly atMs: EmulatorMs } & (
  | { readonly on: 'submitted'; readonly invocation: Invocation }
  | { readonly on: 'done'; readonly command: CommandId }
  | { readonly on: 'failed'; readonly command: CommandId; readonly error: FunctionError }
  /** An extension: from here on its init is part of the environment's. */
  | {
      readonly on: 'registered'
      readonly env: EnvironmentId
      readonly participant: string
      readonly kind: 'external-extension' | 'internal-extension'
      readonly invoked: boolean
    }
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
      /** The environment's first fatal error, where that is an extension's. */
      readonly errorType?: string
    }
  /** Private memory of an environment's processes: what would be free if they were gone. */
  | { readonly on: 'measured'; readonly env: EnvironmentId; readonly privateMb: number }
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
  /** Null: no limit from now on. */
  | { readonly on: 'budget'; readonly budgetMb: number | null }
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
    startTurns: [],
    memory: {
      budgetMb: figures.budgetMb ?? null,
      chargedMb: 0,
      comingMb: 0,
      environments: 0,
      overMb: 0,
    },
    queue: [],
    progress: 0,
    slots: { total: 0, byFunction: {} },
    limits: { account, reserved: {} },
    timers: {},
    open: [],
    freeCommandIds: [],
    running: 0,
    nextEnvironment: 1,
    nextArrival: 1,
    stopping: false,
  }
}
