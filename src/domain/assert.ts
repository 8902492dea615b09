// Assertions: our own bugs. Never caught on purpose; the daemon cleans up and exits on one.

export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** @throws AssertionError when `condition` does not hold: a bug of ours, not of the user's. */
export function assert(condition: unknown, claim: string): asserts condition {
  if (!condition) throw new AssertionError(claim)
}

/** Ends an exhaustive switch: a new variant becomes a compile error here. */
export function assertNever(value: never): never {
  throw new AssertionError(`unexpected variant: ${JSON.stringify(value)}`)
}
