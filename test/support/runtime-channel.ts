// Over what the tests of the bootstraps speak with them: over-frames.test.ts runs the same tables once more with the other.

/** Read when it is needed: a test file may set it before it loads the tables. */
export function speaksFrames(): boolean {
  return process.env.TEST_RUNTIME_CHANNEL === 'frames'
}
