// Starts the references that are servers, each a process of its own that ends with the bench.

import { fork } from 'node:child_process'
import { join } from 'node:path'
import type { Target } from './load/protocol.js'
import { benchBuild } from './places.js'
import type { Scope } from './scope.js'

export interface Reference {
  readonly pid: number
  target(event: unknown): Target
}

/** @throws Error when it ends before it listens. */
export async function startReference(
  scope: Scope,
  name: 'fastify-echo' | 'floor' | 'runtime-loop' | 'idle',
  words: readonly string[] = [],
): Promise<Reference> {
  const child = fork(join(benchBuild, 'references', `${name}.js`), words)
  scope.add(() => {
    if (child.connected) child.disconnect()
  })
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the reference ${name} ended with ${code}`)))
    child.once('message', (message) => resolve((message as { port: number }).port))
  })
  return {
    pid: child.pid as number,
    target: (event) => ({
      host: '127.0.0.1',
      port,
      path: '/2015-03-31/functions/reference/invocations',
      body: JSON.stringify(event),
      answer: JSON.stringify(event),
    }),
  }
}
