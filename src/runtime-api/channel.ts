// One environment's Runtime API: the state machine, and the transports by which its runtime reaches it.

import type { Duplex } from 'node:stream'
import type { KernelTimers } from '../clock/clock.js'
import type { HttpExchange } from '../http/exchange.js'
import type { PortRange } from '../http/port-range.js'
import type { FunctionMetadata } from './extension-routes.js'
import { type ExtensionChange, Extensions } from './extensions.js'
import { FrameConnection } from './frame-transport.js'
import { httpTransport, type Subscribe } from './http-transport.js'
import { type ChannelEvent, type Delivery, RuntimeMachine } from './machine.js'
import type { Metadata } from './metadata.js'
import { listenFast, type RuntimeServer } from './server.js'

export interface ChannelOptions {
  /** Loopback address to listen on. */
  readonly host: string
  /** Where ports are taken from. */
  readonly ports: PortRange
  /** host:port by which the environment reaches it, where that is not the address itself. */
  readonly reachedAs?: ((port: number) => string) | undefined
  /** Served at the same address. */
  readonly metadata: Metadata
  readonly timers: KernelTimers
  /** The host's time, for the Date of answers. */
  readonly nowMs: () => number
  readonly onEvent: (event: ChannelEvent) => void
  /** As MachineOptions has it. */
  readonly onAnswering?: () => void
  readonly onExtension: (change: ExtensionChange) => void
  /** A random UUID. */
  readonly newId: () => string
  /** What extensions are told of the function. */
  readonly ofFunction: FunctionMetadata
  /** Takes subscriptions to telemetry and logs, of `extensions`. */
  readonly subscribe?: (extensions: Extensions) => Subscribe
}

// A connection that somebody else in the environment keeps open must not hold back the news of an exit.
const drainMsMax = 50

export class RuntimeChannel {
  /** host:port, the value of AWS_LAMBDA_RUNTIME_API. */
  readonly address: string
  readonly port: number
  readonly extensions: Extensions
  readonly #server: RuntimeServer
  readonly #timers: KernelTimers
  readonly #machine: RuntimeMachine
  #frames: FrameConnection | undefined
  #drained: (() => void)[] = []

  private constructor(
    server: RuntimeServer,
    address: string,
    machine: RuntimeMachine,
    extensions: Extensions,
    timers: KernelTimers,
  ) {
    this.#server = server
    this.#machine = machine
    this.extensions = extensions
    this.#timers = timers
    this.port = server.port
    this.address = address
    server.onConnectionClosed(() => this.#look())
  }

  /** Listens on a free port of the range. */
  static async listen(options: ChannelOptions): Promise<RuntimeChannel> {
    const { reachedAs, timers, newId, onExtension, ofFunction, metadata } = options
    const machine = new RuntimeMachine(options)
    const extensions = new Extensions({ newId, onChange: onExtension })
    let transport: (exchange: HttpExchange) => void = () => {}
    const server = await listenFast(options, (exchange) => transport(exchange))
    const { host, port } = server
    const own = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
    const address = reachedAs?.(port) ?? own
    const secret = reachedAs !== undefined
    const subscribe = options.subscribe?.(extensions)
    const apis = { machine, extensions, ofFunction, metadata, subscribe }
    transport = httpTransport({ ...apis, address, secret })
    return new RuntimeChannel(server, address, machine, extensions, timers)
  }

  /** Hands an event to the runtime that waits in next. Does not thaw it. */
  deliver(delivery: Delivery): void {
    if (this.extensions.subscribers > 0) this.extensions.invoke(delivery)
    this.#machine.deliver(delivery)
  }

  /** From here on the runtime may also speak frames over `socket`, the daemon's end of what it has inherited. */
  attach(socket: Duplex): void {
    this.#frames?.destroy()
    const onClosed = (connection: FrameConnection): void => {
      if (this.#frames === connection) this.#frames = undefined
      this.#look()
    }
    this.#frames = new FrameConnection({ socket, machine: this.#machine, onClosed })
  }

  /** The processes are gone: the next ones start from the beginning. */
  reset(): void {
    this.#machine.reset()
    this.extensions.reset()
    this.#closeConnections()
  }

  /** Resolves when the processes' connections have closed and been read to their end; soon in any case. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#timers.after(drainMsMax, resolve)
      this.#drained.push(() => {
        cancel()
        resolve()
      })
      this.#look()
    })
  }

  close(): void {
    this.#machine.close()
    this.#closeConnections()
    this.#server.close()
  }

  #closeConnections(): void {
    this.#server.closeAllConnections()
    this.#frames?.destroy()
    this.#frames = undefined
  }

  #look(): void {
    if (this.#server.connections() > 0 || this.#frames !== undefined) return
    for (const resolve of this.#drained.splice(0)) resolve()
  }
}
