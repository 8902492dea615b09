// The figures of one era of AWS: plain data, each with its source. Decisions take them as a parameter.

type Mark = 'doc' | 'measured' | 'recorded' | 'recalled' | 'chosen'

interface Figure<T> {
  readonly value: T
  readonly source: string
  readonly mark: Mark
}

/** Milliseconds of real time. */
export interface ShutdownBudget {
  readonly internal: number
  readonly external: number
  readonly runtime: number
}

export interface StreamRate {
  readonly freeBytes: number
  readonly bytesPerSecond: number
}

export interface Profile {
  readonly name: string
  /** Longest init before it is started again inside the first invoke. */
  readonly initLimitMs: Figure<number>
  /** How long an environment stays after its last use. */
  readonly idleLifeMs: Figure<number>
  /** Real time between the last request for the next event and the freeze; 0 is strict. */
  readonly freezeGraceMs: Figure<number>
  /** How long a request waits for a runtime that has answered and not yet asked for the next event. */
  readonly settleWaitMs: Figure<number>
  /** How long a request waits for an environment that is being reset. */
  readonly resetWaitMs: Figure<number>
  /**
   * How long processes have to end by themselves where there are extensions; without one they have no time. `internal`: only
   * such are registered. `external`: there is one at least. `runtime`: the part of that which the runtime may take.
   */
  readonly shutdownMs: Figure<ShutdownBudget>
  /** What an environment that is not frozen is charged of the memory budget at least. */
  readonly environmentFloorMb: Figure<number>
  /** How long an invocation waits for memory, if its function's timeout is not shorter. */
  readonly queueWaitMsMax: Figure<number>
  /** Invocations in flight in the whole account and region. */
  readonly accountConcurrency: Figure<number>
  /** Waits before the second and third try of an asynchronous invocation that failed. */
  readonly retryDelaysMs: Figure<readonly number[]>
  /** Waits while an asynchronous invocation is throttled: from the first to the longest, doubling. */
  readonly throttleBackoffMs: Figure<{ readonly first: number; readonly longest: number }>
  /** An asynchronous event older than this is dropped. */
  readonly maximumEventAgeMs: Figure<number>
  /** What a streamed response may have at once, and how fast the rest; undefined: as fast as it is taken. */
  readonly streamRate: Figure<StreamRate | undefined>
  /** How logs in text format tell of a failure: Status in REPORT, or in words before END. */
  readonly reportStyle: Figure<'status' | 'classic'>
}

export const localProfile: Profile = {
  name: 'local',
  initLimitMs: { value: 10_000, source: 'AWS Lambda guide, execution environment', mark: 'doc' },
  idleLifeMs: { value: 600_000, source: 'idle life from July 2019 on', mark: 'measured' },
  freezeGraceMs: { value: 1, source: 'wins back a third of the throughput', mark: 'measured' },
  settleWaitMs: {
    value: 50,
    source: 'official clients settle within 30 ms on a busy machine; a cold start costs more',
    mark: 'chosen',
  },
  resetWaitMs: { value: 2_000, source: 'AWS Lambda guide, shutdown budget', mark: 'doc' },
  shutdownMs: {
    value: { internal: 500, external: 2_000, runtime: 300 },
    source: 'AWS Lambda guide, Extensions API, shutdown phase',
    mark: 'doc',
  },
  environmentFloorMb: {
    value: 64,
    source: 'a Node or Python runtime with a small function',
    mark: 'chosen',
  },
  queueWaitMsMax: {
    value: 30_000,
    source: 'a client waits 60 s, and should hear why before',
    mark: 'chosen',
  },
  accountConcurrency: { value: 1_000, source: 'AWS Lambda guide, quotas', mark: 'doc' },
  retryDelaysMs: {
    value: [60_000, 120_000],
    source: 'AWS Lambda guide, asynchronous invocation',
    mark: 'doc',
  },
  throttleBackoffMs: {
    value: { first: 1_000, longest: 300_000 },
    source: 'AWS Lambda guide, asynchronous invocation',
    mark: 'doc',
  },
  maximumEventAgeMs: {
    value: 21_600_000,
    source: 'AWS Lambda guide, asynchronous invocation',
    mark: 'doc',
  },
  streamRate: {
    value: undefined,
    source: 'AWS Lambda guide, quotas, has 6 MB and 2 MB/s: nobody waits for that on a laptop',
    mark: 'chosen',
  },
  reportStyle: { value: 'status', source: 'AWS Lambda guide, since 2024–25', mark: 'doc' },
}
