// What the bench and its load generator say to each other. Types only.

export interface Target {
  readonly host: string
  readonly port: number
  readonly path: string
  /** JSON. */
  readonly body: string
  /** The answer, as JSON, when it is known. */
  readonly answer?: string
}

export interface CallsOrder {
  readonly do: 'calls'
  readonly target: Target
  /** Each calls back to back; they are kept open between orders. */
  readonly connections: number
  /** Of each connection; or: */
  readonly calls?: number
  /** How long new calls are begun. */
  readonly durationMs?: number
  /** Between an answer and the next call of that connection. */
  readonly pauseMs?: number
}

export interface BareOrder {
  readonly do: 'bare'
  readonly program: string
  readonly args: readonly string[]
  /** Started at the same time; the answer is when the last has ended. */
  readonly parallel: number
}

/** Saves a file and calls at once, until the answer is the new one. */
export interface SaveOrder {
  readonly do: 'save'
  readonly path: string
  readonly text: string
  readonly target: Target
}

export type Order = CallsOrder | BareOrder | SaveOrder

export interface CallsDone {
  readonly latenciesMs: Float64Array
  readonly elapsedMs: number
  /** The generator's own. */
  readonly cpuMs: number
}

export interface TimedDone {
  readonly elapsedMs: number
  /** Calls that it took. */
  readonly calls: number
}

export interface DoneOf {
  readonly calls: CallsDone
  readonly bare: TimedDone
  readonly save: TimedDone
}

export type Done<D extends Order['do'] = Order['do']> = DoneOf[D]

export type Reply = { readonly done: Done } | { readonly problem: string }
