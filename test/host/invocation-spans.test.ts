// The parts of an invocation's time: names, starts and lengths, and none where there was no answer.

import t from 'tap'
import { EmulatorClock } from '../../src/clock/emulator-clock.js'
import { SimulatedKernel } from '../../src/clock/simulated-kernel.js'
import { InvocationSpans } from '../../src/host/invocation-spans.js'

function stage(traceHeader = 'Root=1-a-b;Parent=c;Sampled=1') {
  const kernel = new SimulatedKernel(1_000_000)
  const clock = new EmulatorClock({ mode: 'real', kernel })
  const spans = new InvocationSpans(clock, clock.monotonicMs(), traceHeader)
  return { kernel, clock, spans, startedAtMs: clock.nowMs() }
}

t.test('latency, duration and overhead follow each other', async (t) => {
  const { kernel, clock, spans, startedAtMs } = stage()
  kernel.elapse(30)
  spans.answering()
  kernel.elapse(5)
  spans.answered(clock.monotonicMs())
  kernel.elapse(2)
  spans.runtimeDone(clock.monotonicMs())
  kernel.elapse(100)
  spans.ended(clock.monotonicMs())
  t.same(spans.ofRuntime().spans, [
    { name: 'responseLatency', startMs: startedAtMs, durationMs: 30 },
    { name: 'responseDuration', startMs: startedAtMs + 30, durationMs: 5 },
    { name: 'runtimeOverhead', startMs: startedAtMs + 35, durationMs: 2 },
  ])
  t.same(spans.ofExtensions().spans, [
    { name: 'extensionOverhead', startMs: startedAtMs + 37, durationMs: 100 },
  ])
})

t.test('an invocation that was cut off has no spans', async (t) => {
  const { kernel, clock, spans } = stage()
  kernel.elapse(1_000)
  spans.ended(clock.monotonicMs())
  t.equal(spans.ofRuntime().spans, undefined)
  t.equal(spans.ofExtensions().spans, undefined)
})

t.test('only sampled traces are told', async (t) => {
  const value = 'Root=1-a-b;Parent=c;Sampled=1'
  t.same(stage(value).spans.trace.tracing, { type: 'X-Amzn-Trace-Id', value })
  t.equal(stage('Root=1-a-b;Parent=c;Sampled=0').spans.trace.tracing, undefined)
  t.equal(stage('').spans.trace.tracing, undefined)
})
