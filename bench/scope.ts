// What a run has opened, so that all of it is closed, last first, however the run ends.

export type Close = () => unknown

export class Scope {
  readonly #opened: Close[] = []

  add(close: Close): void {
    this.#opened.push(close)
  }

  /** Closes everything, whatever fails on the way. @throws the first failure. */
  async close(): Promise<void> {
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
