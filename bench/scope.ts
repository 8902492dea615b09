// What a run has opened, so that all of it is closed, last first, however the run ends.

export type Close = () => unknown

export class Scope {
  readonly #opened: Close[] = []
  #closing: Promise<void> | undefined

  /** @throws Error when it is closed already: the new one is closed at once. */
  add(close: Close): void {
    if (this.#closing !== undefined) {
      close()
      throw new Error('interrupted')
    }
    this.#opened.push(close)
  }

  /** Closes everything, whatever fails on the way; a second call waits for the first. @throws the first failure. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll()
    return this.#closing
  }

  async #closeAll(): Promise<void> {
    const failures: unknown[] = []
    for (let close = this.#opened.pop(); close !== undefined; close = this.#opened.pop()) {
      try {
        await close()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
}
