// The network of one environment, with --freeze-network: a namespace with one link, kept by a native process; up, down, and gone.

import { closeSync, openSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { assert } from '../domain/assert.js'
import type { Link } from '../freezer/network-freezer.js'
import type { StartedProcess } from './spawn.js'

/** An address and a port of this machine's loopback. */
export interface LoopbackPort {
  readonly address: string
  readonly port: number
}

/** The two ends of the link. */
export interface LinkAddresses {
  /** Of the end on the host. */
  readonly interface: string
  /** The environment's own. */
  readonly inside: string
  /** The host, as the environment sees it. */
  readonly outside: string
}

export interface NetworkParts {
  readonly addresses: LinkAddresses
  /** What is asked there arrives before the thaw. */
  readonly runtimeApi: LoopbackPort | undefined
  /** At the same address inside; looked up when the network is made. */
  readonly relays: () => readonly LoopbackPort[]
  /** Starts the helper's `run` with these words, a channel and this output. */
  readonly launch: (words: readonly string[], output: number) => Promise<StartedProcess>
  /** The process that keeps it has ended before its time: nothing is relayed any more. */
  readonly onLost: () => void
}

/** Two addresses for each port. Source: RFC 2544, a block for tests between networks, which no network of a user's is in. */
const firstAddress = (198 << 24) | (19 << 16) | (64 << 8)
/** Half of 198.19.64.0/18. */
const linksMax = 8192

/** @param port of its Runtime API: nobody else on this machine has it @param first of the ports of Runtime APIs */
export function linkOfPort(port: number, first: number): LinkAddresses {
  const number = port - first
  // The last one is for trials.
  assert(number >= 0 && number < linksMax - 1, 'the port is one of a Runtime API')
  return linkOf(number, `lemu${port}`)
}

/** For finding out whether a network can be had. */
export function trialLink(pid: number): LinkAddresses {
  return linkOf(linksMax - 1, `lemu-${pid.toString(36)}`)
}

function linkOf(number: number, name: string): LinkAddresses {
  const outside = firstAddress + 2 * number
  return { interface: name, outside: dotted(outside), inside: dotted(outside + 1) }
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.')
}

/** Source: native/spawner.h, NETWORK. */
const namespaceDescriptor = 5
/** Source: native/relay.c. */
const orders = { freeze: 'f', thaw: 't' } as const

interface Keeper {
  readonly process: StartedProcess
  readonly channel: Duplex
}

export class Network implements Link {
  /** sandbox.localdomain: where the daemon reaches what listens inside. */
  readonly address: string
  readonly #parts: NetworkParts
  #opening: Promise<Keeper> | undefined
  #keeper: Keeper | undefined
  #down = false
  #closed = false
  readonly #waiting: (() => void)[] = []

  constructor(parts: NetworkParts) {
    this.#parts = parts
    this.address = parts.addresses.inside
  }

  /** Path of the namespace, for as long as somebody keeps it. @throws Error with what could not be done. */
  async namespace(): Promise<string> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    const { process } = await this.#opening
    return `/proc/${process.pid}/fd/${namespaceDescriptor}`
  }

  takeDown(): void {
    if (this.#down || this.#keeper === undefined) return
    this.#down = true
    this.#keeper.channel.write(orders.freeze)
  }

  bringUp(up: () => void): void {
    if (this.#keeper === undefined || (!this.#down && this.#waiting.length === 0)) return up()
    this.#down = false
    this.#waiting.push(up)
    this.#keeper.channel.write(orders.thaw)
  }

  /** At once, unless the link is on its way up. */
  whenUp(run: () => void): void {
    const last = this.#waiting.pop()
    if (last === undefined) return run()
    this.#waiting.push(() => {
      last()
      run()
    })
  }

  /** Resolves when the link is gone; the namespace is when its processes are. */
  async close(): Promise<void> {
    this.#closed = true
    const keeper = await this.#opening?.catch(() => undefined)
    keeper?.channel.destroy()
    await keeper?.process.exited
  }

  async #open(): Promise<Keeper> {
    assert(!this.#closed, 'a closed network is not opened')
    const output = openSync('/dev/null', 'r+')
    const process = await this.#parts.launch(this.#words(), output).finally(() => closeSync(output))
    const { channel } = process
    // Asked for at the start: without it nothing was started.
    assert(channel !== undefined || process.pid === 0, 'the network has a channel')
    try {
      await process.ready
    } catch (error) {
      channel?.destroy()
      throw error
    }
    assert(channel !== undefined, 'the network has a channel')
    const keeper = { process, channel }
    this.#keeper = keeper
    channel.on('error', () => {})
    channel.on('data', (answers: Buffer) => this.#answered(answers.length))
    void process.exited.then(() => this.#ended(keeper))
    return keeper
  }

  #answered(times: number): void {
    for (const up of this.#waiting.splice(0, times)) up()
  }

  #ended(keeper: Keeper): void {
    if (this.#keeper !== keeper) return
    keeper.channel.destroy()
    this.#keeper = undefined
    this.#opening = undefined
    this.#down = false
    this.#answered(this.#waiting.length)
    if (!this.#closed) this.#parts.onLost()
  }

  #words(): readonly string[] {
    const { addresses, runtimeApi, relays } = this.#parts
    const own = runtimeApi === undefined ? [] : [runtimeApi]
    const others = relays().filter((each) => !own.some((one) => isSame(one, each)))
    return [
      ...['network', '--interface', addresses.interface],
      ...['--inside', addresses.inside, '--outside', addresses.outside],
      ...own.flatMap(({ address, port }) => ['--api', address, String(port)]),
      ...unique(others).flatMap(({ address, port }) => ['--relay', address, String(port)]),
    ]
  }
}

function isSame(left: LoopbackPort, right: LoopbackPort): boolean {
  return left.address === right.address && left.port === right.port
}

function unique(ports: readonly LoopbackPort[]): readonly LoopbackPort[] {
  return ports.filter((each, index) => index === ports.findIndex((other) => isSame(each, other)))
}
