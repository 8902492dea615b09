// Writes a response frame by frame: each as soon as it is there, and no faster than the client reads.

import type { ServerResponse } from 'node:http'

/**
 * `frames` are what is written, `source` is told by its `return` when the client leaves, even when nothing has been asked of it
 * yet. The response's head has been written. Rejects only when `frames` do.
 */
export async function sendFrames(
  frames: AsyncIterable<Buffer>,
  source: AsyncIterator<Buffer>,
  response: ServerResponse,
): Promise<void> {
  const leave = (): void => void source.return?.()
  if (response.destroyed) return leave()
  response.once('close', leave)
  // A connection that breaks is closed next.
  response.on('error', () => {})
  for await (const frame of frames) {
    if (response.destroyed) return
    if (!response.write(frame)) await writable(response)
  }
  if (!response.destroyed) response.end()
}

/** Or closed. */
function writable(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}
