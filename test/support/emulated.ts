// The real reducer, clock, invoker and event queue over a host without processes, on the virtual clock.

import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { seededChance } from '../../src/clock/kernel.js'
import type { GenerationId } from '../../src/domain/brand.js'
import type { Invocation, Outcome } from '../../src/domain/invocation.js'
import { MemoryEventQueue } from '../../src/event-queue/memory-event-queue.js'
import { Runner } from '../../src/host/runner.js'
import { LocalInvoker } from '../../src/invoke/local-invoker.js'
import { PayloadStore } from '../../src/invoke/payloads.js'
import { ResponseStreams } from '../../src/invoke/response-streams.js'
import { Journal } from '../../src/journal/journal.js'
import { InvocationTails } from '../../src/logs/invocation-tails.js'
import { initialState } from '../../src/placement/state.js'
import { localProfile } from '../../src/profile/profile.js'
import { AnsweringHost } from './answering-host.js'
import { localFigures } from './placement.js'

export const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:retried'
export const generation = 'g1' as GenerationId

export function emulated(answer: (invocation: Invocation, payloads: PayloadStore) => Outcome) {
  const clock = new EmulatorClock({ mode: 'virtual', startMs: Date.UTC(2026, 10, 21, 10) })
  const journal = new Journal(clock)
  const payloads = new PayloadStore()
  const streams = new ResponseStreams()
  const host = new AnsweringHost({ rule: (invocation) => answer(invocation, payloads) })
  const state = initialState(localFigures, localProfile.accountConcurrency.value)
  const runner = new Runner({ clock, host, journal, state })
  runner.post({ on: 'deployed', generation: { id: generation, functionArn, timeoutMs: 3_000 } })
  const invoker = new LocalInvoker({
    clock,
    chance: seededChance('emulated'),
    payloads,
    streams,
    tails: new InvocationTails(),
    submit: (invocation, answered) => runner.submit(invocation, answered),
  })
  const events = new MemoryEventQueue({
    clock,
    invoker,
    journal,
    nameOf: () => 'retried',
    figures: {
      retryDelaysMs: localProfile.retryDelaysMs.value,
      throttleBackoffMs: localProfile.throttleBackoffMs.value,
      maximumEventAgeMs: localProfile.maximumEventAgeMs.value,
    },
  })
  return { clock, journal, payloads, streams, host, runner, invoker, events, state }
}
