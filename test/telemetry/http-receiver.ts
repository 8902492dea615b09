// A real HTTP server that takes telemetry, and may hold its answers back.

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface ReceivedRecord {
  readonly time: string
  readonly type: string
  readonly record: unknown
}

export class HttpReceiver {
  readonly port: number
  /** In the order in which they came. */
  readonly all: ReceivedRecord[] = []
  #requests = 0
  #holds: boolean
  readonly #held: ServerResponse[] = []
  #changed: () => void = () => {}

  private constructor(port: number, holds: boolean) {
    this.port = port
    this.#holds = holds
  }

  static async listen(t: Test, { holds = false } = {}): Promise<HttpReceiver> {
    let receiver: HttpReceiver | undefined
    const server = createServer((request, response) => {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      request.on('end', () => receiver?.take(Buffer.concat(pieces).toString(), response))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    receiver = new HttpReceiver((server.address() as AddressInfo).port, holds)
    return receiver
  }

  private take(body: string, response: ServerResponse): void {
    this.all.push(...(JSON.parse(body) as ReceivedRecord[]))
    this.#requests += 1
    if (this.#holds) this.#held.push(response)
    else response.end()
    this.#changed()
  }

  /** Answers what is held, and all that comes. */
  release(): void {
    this.#holds = false
    for (const response of this.#held.splice(0)) response.end()
  }

  /** Resolves with the first so many, when they are there. */
  async records(count: number): Promise<readonly ReceivedRecord[]> {
    await this.#until(() => this.all.length >= count)
    return this.all.slice(0, count)
  }

  async requested(count: number): Promise<void> {
    await this.#until(() => this.#requests >= count)
  }

  async #until(fits: () => boolean): Promise<void> {
    while (!fits())
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
  }
}
