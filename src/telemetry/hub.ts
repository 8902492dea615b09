// The telemetry of one environment: who takes it, and what is told before anybody does.

import type { KernelTimers } from '../clock/clock.js'
import type { LogsDropped, PlatformEvent, TelemetrySubscribed } from '../logs/platform-event.js'
import { destinationOf } from './destination.js'
import { eventRecords, lineRecord, type WrittenLine } from './records.js'
import { Subscriber } from './subscriber.js'
import {
  parseSubscription,
  type Refusal,
  type Subscription,
  subscribedElsewhere,
  subscriptionClosed,
  type TelemetryApi,
} from './subscription.js'

export interface TelemetryHubOptions {
  readonly timers: KernelTimers
  readonly monotonicMs: () => number
  /** Of loopback, where extensions may listen; known once one can subscribe. */
  readonly addresses: () => readonly string[]
  /** The function's log format is JSON. */
  readonly jsonLog: boolean
  /** Something to be told in the log, and through it to all who subscribe. */
  readonly tell: (event: TelemetrySubscribed | LogsDropped) => void
}

interface Subscribed {
  readonly subscription: Subscription
  readonly subscriber: Subscriber
}

type Told = { readonly timeMs: number } & (
  | { readonly event: PlatformEvent }
  | { readonly line: WrittenLine }
)

/** Source: the open agent; the guide's example of platform.logsDropped. */
const tooSlow =
  'Some logs were dropped because the downstream consumer is slower than the logs production rate'
/** Of the form around a line; lines that are dropped are not made into records. */
const envelopeBytes = 67
/** Figures of ours: as much as a subscriber gathers. */
const historyItemsMax = 10_000
const historyBytesMax = 262_144

export class TelemetryHub {
  /** Somebody takes what is told, or may yet come to. Otherwise nothing need be told. */
  listening = true
  readonly #options: TelemetryHubOptions
  /** By the extension's name: an extension that is started again goes on with what it had subscribed to. */
  readonly #subscribed = new Map<string, Subscribed>()
  /** What was told in the init, for those who subscribe later in it; missing: nobody can any more. */
  #history: Told[] | undefined = []
  #historyBytes = 0
  #paused = false
  #hurried = false
  #closed = false

  constructor(options: TelemetryHubOptions) {
    this.#options = options
  }

  /** Answers a subscribe request of an extension that is registered. Nothing: it is subscribed. */
  subscribe(name: string, api: TelemetryApi, body: string): Refusal | undefined {
    if (this.#history === undefined) return subscriptionClosed(api)
    const found = parseSubscription(api, body)
    if ('refusal' in found) return found.refusal
    const { subscription } = found
    const known = this.#subscribed.get(name)
    if (known !== undefined && known.subscription.api !== api)
      return subscribedElsewhere(name, api, known.subscription.api)
    const already = known !== undefined && isSame(known.subscription, subscription)
    if (!already) this.#replace(name, known, subscription)
    this.#options.tell({
      type: api === 'Logs' ? 'platform.logsSubscription' : 'platform.telemetrySubscription',
      name,
      state: already ? 'Already subscribed' : 'Subscribed',
      types: subscription.types,
    })
    return undefined
  }

  #replace(name: string, known: Subscribed | undefined, subscription: Subscription): void {
    known?.subscriber.close()
    const { timers, monotonicMs, tell, addresses } = this.#options
    const subscriber = new Subscriber({
      buffering: subscription.buffering,
      destination: destinationOf(subscription.destination, addresses()),
      timers,
      monotonicMs,
      dropped: (dropped) => {
        if (!this.#closed) tell({ type: 'platform.logsDropped', reason: tooSlow, ...dropped })
      },
    })
    if (this.#paused) subscriber.pause()
    const subscribed = { subscription, subscriber }
    this.#subscribed.set(name, subscribed)
    for (const told of this.#history ?? []) this.#give(subscribed, told)
  }

  /** @param timeMs epoch milliseconds */
  event(event: PlatformEvent, timeMs: number): void {
    this.#take({ event, timeMs })
  }

  /** @param timeMs epoch milliseconds */
  line(line: WrittenLine, timeMs: number): void {
    this.#take({ line, timeMs })
  }

  #take(told: Told): void {
    if (!this.listening) return
    if (this.#history !== undefined) this.#remember(this.#history, told)
    for (const subscribed of this.#subscribed.values()) {
      this.#give(subscribed, told)
      if (this.#hurried) subscribed.subscriber.flush()
    }
  }

  /** A storm before anybody subscribed is cut off at its end: how an init began is what counts. */
  #remember(history: Told[], told: Told): void {
    if (history.length >= historyItemsMax || this.#historyBytes >= historyBytesMax) return
    this.#historyBytes += envelopeBytes + ('line' in told ? told.line.message.length : 0)
    history.push(told)
  }

  #give({ subscription, subscriber }: Subscribed, told: Told): void {
    const { types, schemaVersion } = subscription
    if ('event' in told) {
      if (!types.includes('platform')) return
      for (const record of eventRecords(told.event, told.timeMs, schemaVersion))
        subscriber.add(record)
      return
    }
    const { line, timeMs } = told
    if (!types.includes(line.type)) return
    if (subscriber.isFull) return subscriber.drop(envelopeBytes + Buffer.byteLength(line.message))
    subscriber.add(lineRecord(line, timeMs, schemaVersion, this.#options.jsonLog))
  }

  /** Whoever has not subscribed by now never will. */
  initEnded(): void {
    this.#history = undefined
    this.#historyBytes = 0
    this.listening = this.#subscribed.size > 0
  }

  /** Its processes are gone and others will be started: what was subscribed to stays, and may be subscribed to anew. */
  restarting(): void {
    if (this.#closed) return
    this.#history ??= []
    this.#hurried = false
    this.listening = true
    this.pause()
  }

  /** The environment is frozen. */
  pause(): void {
    this.#paused = true
    // Most environments have none, and are frozen and thawed all the time.
    if (this.#subscribed.size === 0) return
    for (const { subscriber } of this.#subscribed.values()) subscriber.pause()
  }

  /** It is thawed, or its processes are started. */
  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#subscribed.size === 0) return
    for (const { subscriber } of this.#subscribed.values()) subscriber.resume()
  }

  /** The environment is thawed a last time, and its processes have moments to go: everything goes out at once. */
  hurry(): void {
    this.#hurried = true
    this.resume()
    for (const { subscriber } of this.#subscribed.values()) subscriber.flush()
  }

  /** Nobody takes anything any more. */
  close(): void {
    this.#closed = true
    this.listening = false
    this.#history = undefined
    for (const { subscriber } of this.#subscribed.values()) subscriber.close()
    this.#subscribed.clear()
  }
}

function isSame(one: Subscription, other: Subscription): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
