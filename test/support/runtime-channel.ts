// Over what the tests of the bootstraps speak with them: over-frames.test.ts runs the same tables once more with the other.

/** Read when it is needed: a test file may set it before it loads the tables. */
export function speaksFrames(): boolean {
  return /^frames/.test(process.env.TEST_RUNTIME_CHANNEL ?? '')
}

/** What makes the Node runtime read its descriptor by node:net. */
export function channelVariables(): Readonly<Record<string, string>> {
  return process.env.TEST_RUNTIME_CHANNEL === 'frames-by-net'
    ? { NODE_PENDING_DEPRECATION: '1' }
    : {}
}
