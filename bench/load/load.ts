// The bench's side of its load generator: one order at a time.

import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { assert } from '../../src/domain/assert.js'
import type {
  BareOrder,
  CallsDone,
  CallsOrder,
  Done,
  Order,
  Reply,
  SaveOrder,
  Target,
  TimedDone,
} from './protocol.js'

export interface Load {
  /** @throws Error for a call that was not answered as it should be. */
  calls(order: Omit<CallsOrder, 'do'>): Promise<CallsDone>
  /** Wall time of one call over its own connection, or over one that is kept. Milliseconds. */
  oneCall(target: Target): Promise<number>
  /** @throws Error when the new code is not served within 10 s. */
  save(order: Omit<SaveOrder, 'do'>): Promise<TimedDone>
  /** Wall time of a bare program, or of so many at once. Milliseconds. @throws Error when it fails. */
  bare(order: Omit<BareOrder, 'do' | 'parallel'>, parallel?: number): Promise<number>
  close(): void
}

export function startLoad(): Load {
  const program = fileURLToPath(new URL('./generator.js', import.meta.url))
  const child = fork(program, { serialization: 'advanced' })
  const give = async (order: Order): Promise<Done> => answerOf(await exchange(child, order))
  const calls = async (order: Omit<CallsOrder, 'do'>) =>
    (await give({ do: 'calls', ...order })) as CallsDone
  return {
    calls,
    oneCall: async (target) => (await calls({ target, connections: 1, calls: 1 })).elapsedMs,
    save: async (order) => (await give({ do: 'save', ...order })) as TimedDone,
    bare: async (order, parallel = 1) =>
      ((await give({ do: 'bare', parallel, ...order })) as TimedDone).elapsedMs,
    close: () => {
      if (child.connected) child.disconnect()
    },
  }
}

function exchange(child: ChildProcess, order: Order): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) =>
      reject(new Error(`the load generator ended with ${code}`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message as Reply)
    })
    assert(child.connected, 'the load generator lives')
    child.send(order)
  })
}

function answerOf(reply: Reply): Done {
  if ('problem' in reply) throw new Error(reply.problem)
  return reply.done
}
