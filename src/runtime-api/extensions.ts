// The extensions of one environment without any transport: registers them, parks next, hands out events, refuses misuse.

import { assert } from '../domain/assert.js'
import {
  type ExtensionEvent,
  type ExtensionStateName,
  emptyExtensionName,
  eventRefused,
  extensionMayMove,
  extensionNameTaken,
  extensionsMax,
  extensionTransitionRefused,
  invalidIdentifier,
  missingErrorType,
  missingIdentifier,
  parsedIdentifier,
  registrationClosed,
  tooManyExtensions,
  unknownExtension,
  unknownIdentifier,
} from './extension-state.js'
import type { Delivery } from './machine.js'
import type { ApiError } from './runtime-state.js'

/** One extension, as others may look at it. */
export interface Extension {
  /** A UUID, new for each init. */
  readonly id: string
  /** An external one's is that of its file. */
  readonly name: string
  /** `internal`: it lives in the runtime's process. */
  readonly kind: 'external' | 'internal'
  readonly state: ExtensionStateName
  /** What it registered for, in its order. */
  readonly events: readonly ExtensionEvent[]
  /** What it said of itself in init/error or exit/error, or why it could not be launched. */
  readonly errorType: string | undefined
}

export type ExtensionChange =
  | { readonly is: 'extension-registered'; readonly extension: Extension }
  | { readonly is: 'extension-asked-next'; readonly extension: Extension }
  /** It has reported an error, and should end now. */
  | {
      readonly is: 'extension-error'
      readonly extension: Extension
      readonly phase: 'init' | 'exit'
    }

/** Why an environment ends. Source: the open Runtime API agent, which writes them in lower case. */
export type ShutdownReasonName = 'spindown' | 'timeout' | 'failure'

/** Somebody who asked for an extension's next event. */
export interface ExtensionAsker {
  /** @param body one JSON object */
  give(eventId: string, body: string): void
  refuse(error: ApiError): void
}

export interface ExtensionsOptions {
  /** A random UUID. */
  readonly newId: () => string
  readonly onChange: (change: ExtensionChange) => void
}

interface Member {
  readonly id: string
  readonly name: string
  readonly kind: Extension['kind']
  state: ExtensionStateName
  events: readonly ExtensionEvent[]
  errorType: string | undefined
  parked: ExtensionAsker | undefined
  /** The end of the environment, for a next that has not come yet. */
  shutdown: string | undefined
}

export class Extensions {
  readonly #options: ExtensionsOptions
  readonly #members = new Map<string, Member>()
  #registrationClosed = false
  #initDone = false
  #initDoneListeners: (() => void)[] = []
  /** How many get invocations: nothing is looked at where it is none. */
  #subscribers = 0

  constructor(options: ExtensionsOptions) {
    this.#options = options
  }

  /** External ones first, in the order of their files. */
  get all(): readonly Extension[] {
    return [...this.#members.values()]
  }

  get count(): number {
    return this.#members.size
  }

  /** How many get invocations. */
  get subscribers(): number {
    return this.#subscribers
  }

  /** Every one of them has asked for its first event. */
  get allReady(): boolean {
    for (const { state } of this.#members.values()) if (state !== 'Ready') return false
    return true
  }

  /** Every external one that was announced has registered. */
  get allRegistered(): boolean {
    for (const { state } of this.#members.values()) if (state === 'Started') return false
    return true
  }

  /** Subscribers that have not asked for the next event since they got an invocation. */
  get busy(): boolean {
    if (this.#subscribers === 0) return false
    for (const { state, events } of this.#members.values())
      if (events.includes('INVOKE') && state !== 'Ready') return true
    return false
  }

  /** The environment's init is over: from here on nobody can subscribe to logs or telemetry. */
  get initDone(): boolean {
    return this.#initDone
  }

  /** Told once, when the init under way is over, or never. */
  onInitDone(listener: () => void): void {
    this.#initDoneListeners.push(listener)
  }

  /** Runtime and extensions have all asked for their first event. */
  endInit(): void {
    this.#initDone = true
    for (const listener of this.#initDoneListeners.splice(0)) listener()
  }

  /** Whose identifier that is. Answers of the Telemetry API and the Logs API are the same as those of the Extensions API. */
  identify(header: string | undefined): Extension | ApiError {
    const found = this.#find(header)
    return typeof found === 'string' ? unknownExtension(found) : found
  }

  /** An external extension is about to be launched. Undefined when it would be one too many: then it has failed. */
  announce(name: string): Extension | undefined {
    const member = this.#add(name, 'external')
    if (this.#members.size <= extensionsMax) return member
    this.launchFailed(name, 'TooManyExtensions')
    return undefined
  }

  /** @param errorType PermissionDenied, TooManyExtensions or UnknownError. Source: the open Runtime API agent. */
  launchFailed(name: string, errorType: string): void {
    const member = this.#named(name)
    assert(member !== undefined, `extension ${name} has been announced`)
    this.#become(member, 'LaunchError')
    member.errorType = errorType
  }

  register(name: string, events: readonly string[]): Extension | ApiError {
    if (name === '') return emptyExtensionName
    const known = this.#named(name)
    const kind = known?.kind === 'external' ? 'external' : 'internal'
    for (const event of events) {
      const refused = eventRefused(event, kind)
      if (refused !== undefined) return refused
    }
    const wanted = [...new Set(events)] as ExtensionEvent[]
    if (kind === 'external') return this.#registerExternal(known as Member, wanted)
    if (this.#registrationClosed) return registrationClosed
    if (this.#members.size >= extensionsMax) return tooManyExtensions
    if (known !== undefined) return extensionNameTaken
    return this.#registered(this.#add(name, 'internal'), wanted)
  }

  next(identifier: string | undefined, asker: ExtensionAsker): void {
    const member = this.#find(identifier)
    if (typeof member === 'string') return asker.refuse(unknownExtension(member))
    if ('status' in member) return asker.refuse(member)
    if (member.state !== 'Registered' && member.state !== 'Running')
      return asker.refuse(extensionTransitionRefused(member.state, 'Ready', member.id))
    this.#become(member, 'Ready')
    member.parked = asker
    if (member.shutdown !== undefined) return this.#release(member, member.shutdown)
    this.#options.onChange({ is: 'extension-asked-next', extension: member })
  }

  /** Undefined when it is accepted. */
  reportError(
    phase: 'init' | 'exit',
    identifier: string | undefined,
    errorType: string | undefined,
  ): ApiError | undefined {
    const member = this.#find(identifier)
    if (typeof member !== 'string' && 'status' in member) return member
    if (errorType === undefined || errorType === '') return missingErrorType
    if (typeof member === 'string') return unknownIdentifier
    const to = phase === 'init' ? 'InitError' : 'ExitError'
    if (!extensionMayMove(member.state, to)) {
      // The agent names another state than the one that it would move to.
      const named = phase === 'init' ? 'InitError' : 'Exited'
      return extensionTransitionRefused(member.state, named, member.id)
    }
    if (member.state === to) return undefined
    this.#become(member, to)
    member.errorType = errorType
    this.#options.onChange({ is: 'extension-error', extension: member, phase })
    return undefined
  }

  /** The runtime has asked for its first event. */
  closeRegistration(): void {
    this.#registrationClosed = true
  }

  /** Hands an invocation to every subscriber. Does not thaw them. Call it only where there are subscribers. */
  invoke(delivery: Delivery): void {
    const body = invokeEvent(delivery)
    for (const member of this.#members.values())
      if (member.events.includes('INVOKE')) this.#release(member, body)
  }

  /** Tells the external ones that asked for it that the environment ends, at their next question if they have none open. */
  shutDown(reason: ShutdownReasonName, deadlineEpochMs: number): void {
    const body = JSON.stringify({
      eventType: 'SHUTDOWN',
      deadlineMs: Math.round(deadlineEpochMs),
      shutdownReason: reason,
    })
    for (const member of this.#members.values()) {
      if (!member.events.includes('SHUTDOWN')) continue
      if (member.parked === undefined) member.shutdown = body
      else this.#release(member, body)
    }
  }

  /** The processes are gone: the next ones start from the beginning. */
  reset(): void {
    this.#members.clear()
    this.#initDoneListeners = []
    this.#subscribers = 0
    this.#registrationClosed = false
    this.#initDone = false
  }

  #registerExternal(member: Member, events: readonly ExtensionEvent[]): Extension | ApiError {
    if (member.state === 'Started') return this.#registered(member, events)
    return extensionTransitionRefused(member.state, 'Registered', member.name)
  }

  #registered(member: Member, events: readonly ExtensionEvent[]): Extension {
    this.#become(member, 'Registered')
    member.events = events
    if (events.includes('INVOKE')) this.#subscribers += 1
    this.#options.onChange({ is: 'extension-registered', extension: member })
    return member
  }

  /** Answers the question that waits, unless an error came in between. */
  #release(member: Member, body: string): void {
    const asker = member.parked
    member.parked = undefined
    member.shutdown = undefined
    if (member.state === 'Ready') {
      this.#become(member, 'Running')
      return asker?.give(this.#options.newId(), body)
    }
    const { state, id } = member
    asker?.refuse(extensionTransitionRefused(state, 'Ready', id, 'Concurrent state modification'))
  }

  /** The extension; the well-formed identifier of none; or what is wrong with it. */
  #find(header: string | undefined): Member | ApiError | string {
    if (header === undefined || header === '') return missingIdentifier
    const id = parsedIdentifier(header)
    if (id === undefined) return invalidIdentifier
    const member = this.#members.get(id)
    // One that is announced has an identifier that nobody has been told.
    return member === undefined || member.state === 'Started' ? id : member
  }

  #named(name: string): Member | undefined {
    for (const member of this.#members.values()) if (member.name === name) return member
    return undefined
  }

  #add(name: string, kind: Extension['kind']): Member {
    const member: Member = {
      id: this.#options.newId(),
      name,
      kind,
      state: 'Started',
      events: [],
      errorType: undefined,
      parked: undefined,
      shutdown: undefined,
    }
    this.#members.set(member.id, member)
    return member
  }

  #become(member: Member, to: ExtensionStateName): void {
    assert(extensionMayMove(member.state, to), `extension: ${member.state} → ${to} is not a move`)
    member.state = to
  }
}

function invokeEvent({ deadlineEpochMs, requestId, invokedArn, traceHeader }: Delivery): string {
  return JSON.stringify({
    eventType: 'INVOKE',
    deadlineMs: Math.round(deadlineEpochMs),
    requestId,
    invokedFunctionArn: invokedArn,
    ...(traceHeader === '' ? {} : { tracing: { type: 'X-Amzn-Trace-Id', value: traceHeader } }),
  })
}
