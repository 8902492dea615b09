// What functions there are: the control plane's truth, for every account and region. Every change makes a new generation.

import { createHash } from 'node:crypto'
import type { Clock } from '../../clock/clock.js'
import { assert } from '../../domain/assert.js'
import type { EmulatorMs, GenerationId, TimerKey } from '../../domain/brand.js'
import type { FunctionDefinition, Generation } from '../../domain/function.js'

/** Settings that are given back as they came and have no effect on this machine. */
export interface RecordedSettings {
  readonly tags?: Readonly<Record<string, string>>
  readonly vpc?: {
    readonly subnetIds: readonly string[]
    readonly securityGroupIds: readonly string[]
    readonly ipv6AllowedForDualStack: boolean
  }
  readonly deadLetterTargetArn?: string
  readonly kmsKeyArn?: string
  readonly snapStart?: 'None' | 'PublishedVersions'
}

/** A function at one moment: plain data that never changes. */
export interface FunctionRecord {
  readonly definition: FunctionDefinition
  readonly recorded: RecordedSettings
  readonly source: 'template' | 'api'
  /** Names of what is recorded without effect, as the user's own file or request has them. */
  readonly recordedOnly: readonly string[]
  readonly state: 'Pending' | 'Active'
  /** Undefined while the function is being created. */
  readonly lastUpdateStatus: 'InProgress' | 'Successful' | undefined
  /** A new UUID at every change, and at the end of every transition. */
  readonly revisionId: string
  readonly lastModifiedMs: EmulatorMs
  /** What invocations run; undefined until the function is first Active. During an update the old one serves. */
  readonly generation: Generation | undefined
}

export interface FunctionKey {
  readonly accountId: string
  readonly region: string
  readonly functionName: string
}

export interface FunctionWish {
  readonly definition: FunctionDefinition
  readonly recorded: RecordedSettings
}

/** Told of what can be run, in order, before the call that changed it returns or its timer has fired. */
export interface DeploymentListener {
  onDeployed(deployment: { readonly generation: Generation; readonly replaces?: Generation }): void
  onDeleted(removal: { readonly generation: Generation }): void
}

export interface FunctionStoreOptions {
  readonly clock: Clock
  readonly newRevisionId: () => string
  /** How long a function stays Pending or InProgress. 0: it has moved on before the next request is read. */
  readonly transitionMs: number
  readonly listener: DeploymentListener
  /** Runs `run` when whatever was saved before is deployed; at once where nobody watches files. */
  readonly whenCurrent?: (run: () => void) => void
}

export interface FunctionStore {
  /** A function made through the API: the record returned is Pending. The name must be free. */
  create(wish: FunctionWish): FunctionRecord
  /** A function from a file: Active at once; replaces one of the same name. */
  define(definition: FunctionDefinition, recordedOnly?: readonly string[]): FunctionRecord
  /** The record returned is InProgress. The function must exist and not be in a transition. */
  update(key: FunctionKey, wish: FunctionWish): FunctionRecord
  /** Undefined when there was none. */
  delete(key: FunctionKey): FunctionRecord | undefined
  get(key: FunctionKey): FunctionRecord | undefined
  /** Resolves when the function is in no transition any more, or gone. */
  settled(key: FunctionKey): Promise<void>
  /** Resolves when whatever was saved before this call is deployed. */
  current(): Promise<void>
  /** In the order of their names. */
  list(scope: { readonly accountId: string; readonly region: string }): readonly FunctionRecord[]
  /** Every function of every account and region. */
  all(): readonly FunctionRecord[]
}

interface Entry {
  record: FunctionRecord
  /** Called when the transition ends. */
  readonly waiting: (() => void)[]
}

/** A store without functions. */
export function functionStore(options: FunctionStoreOptions): FunctionStore {
  const entries = new Map<string, Entry>()

  return {
    create(wish) {
      const key = keyOf(wish.definition)
      assert(!entries.has(key), `no function is called ${key} yet`)
      const entry: Entry = { record: started(wish, undefined, options), waiting: [] }
      entries.set(key, entry)
      return begin(key, entry, options)
    },
    define(definition, recordedOnly = []) {
      const key = keyOf(definition)
      const before = entries.get(key)
      const record: FunctionRecord = {
        ...started({ definition, recorded: {} }, undefined, options),
        source: 'template',
        recordedOnly,
        generation: before?.record.generation,
      }
      const entry = before ?? { record, waiting: [] }
      entry.record = record
      entries.set(key, entry)
      options.clock.disarm(timerKey(key))
      endTransition(entry, options)
      return entry.record
    },
    update(key, wish) {
      const text = keyOf(key)
      const entry = entries.get(text)
      assert(entry !== undefined, `there is a function ${text}`)
      assert(!inTransition(entry.record), `${text} is in no transition`)
      entry.record = started(wish, entry.record, options)
      return begin(text, entry, options)
    },
    delete(key) {
      const text = keyOf(key)
      const entry = entries.get(text)
      if (entry === undefined) return undefined
      entries.delete(text)
      options.clock.disarm(timerKey(text))
      const { generation } = entry.record
      if (generation !== undefined) options.listener.onDeleted({ generation })
      release(entry)
      return entry.record
    },
    get: (key) => entries.get(keyOf(key))?.record,
    async settled(key) {
      const entry = entries.get(keyOf(key))
      if (entry === undefined || !inTransition(entry.record)) return
      await new Promise<void>((resolve) => entry.waiting.push(resolve))
    },
    async current() {
      const { whenCurrent } = options
      if (whenCurrent !== undefined) await new Promise<void>(whenCurrent)
    },
    list: (scope) =>
      sorted(
        entries,
        (definition) =>
          definition.accountId === scope.accountId && definition.region === scope.region,
      ),
    all: () => sorted(entries, () => true),
  }
}

/** The record of a change that has begun: Pending for a new function, InProgress for one that was there before. */
function started(
  wish: FunctionWish,
  before: FunctionRecord | undefined,
  { newRevisionId, clock }: FunctionStoreOptions,
): FunctionRecord {
  return {
    ...wish,
    source: before?.source ?? 'api',
    recordedOnly: recordedNames(wish, before),
    state: before === undefined ? 'Pending' : 'Active',
    lastUpdateStatus: before === undefined ? undefined : 'InProgress',
    revisionId: newRevisionId(),
    lastModifiedMs: clock.nowMs(),
    generation: before?.generation,
  }
}

/** Lets the transition run its time and returns the record as it was at the beginning. */
function begin(key: string, entry: Entry, options: FunctionStoreOptions): FunctionRecord {
  const { record } = entry
  const finish = () => endTransition(entry, options)
  if (options.transitionMs === 0) finish()
  else {
    const dueMs = (options.clock.nowMs() + options.transitionMs) as EmulatorMs
    options.clock.arm(timerKey(key), dueMs, 'wait', finish)
  }
  return record
}

function keyOf(key: FunctionKey): string {
  return `${key.accountId}/${key.region}/${key.functionName}`
}

function timerKey(key: string): TimerKey {
  return `function-transition/${key}` as TimerKey
}

/** Whether the function is being created or updated. */
export function inTransition(record: FunctionRecord): boolean {
  return record.state === 'Pending' || record.lastUpdateStatus === 'InProgress'
}

/** The new state is what invocations run from now on. */
function endTransition(entry: Entry, { newRevisionId, listener }: FunctionStoreOptions): void {
  const replaces = entry.record.generation
  const generation = generationOf(entry.record)
  entry.record = {
    ...entry.record,
    state: 'Active',
    lastUpdateStatus: 'Successful',
    revisionId: newRevisionId(),
    generation,
  }
  listener.onDeployed({ generation, ...(replaces === undefined ? {} : { replaces }) })
  release(entry)
}

function release(entry: Entry): void {
  for (const resolve of entry.waiting.splice(0)) resolve()
}

/** The revision is part of it: on AWS an update that changes nothing still ends the environments. */
function generationOf({ definition, revisionId }: FunctionRecord): Generation {
  const content = JSON.stringify([definition, revisionId])
  const id = createHash('sha256').update(content).digest('hex').slice(0, 32) as GenerationId
  return { id, definition, version: '$LATEST' }
}

function sorted(
  entries: ReadonlyMap<string, Entry>,
  wanted: (definition: FunctionDefinition) => boolean,
): readonly FunctionRecord[] {
  return [...entries.values()]
    .map((entry) => entry.record)
    .filter((record) => wanted(record.definition))
    .sort((a, b) => (a.definition.functionArn < b.definition.functionArn ? -1 : 1))
}

function recordedNames(
  { definition, recorded }: FunctionWish,
  before: FunctionRecord | undefined,
): readonly string[] {
  const names: readonly (readonly [string, boolean])[] = [
    ['DeadLetterConfig', recorded.deadLetterTargetArn !== undefined],
    ['KMSKeyArn', recorded.kmsKeyArn !== undefined],
    ['SnapStart', recorded.snapStart === 'PublishedVersions'],
    ['Tags', recorded.tags !== undefined],
    ['TracingConfig', definition.tracingMode === 'Active'],
    ['VpcConfig', recorded.vpc !== undefined],
  ]
  const given = names.filter(([, isGiven]) => isGiven).map(([name]) => name)
  // A template may record more than the API has members for.
  return before?.source === 'template' ? [...new Set([...before.recordedOnly, ...given])] : given
}
