// A function whose spans leave in batches, as the SDK's documentation sets it up: flushed by its timer, or before it returns.

import { setTimeout as sleep } from 'node:timers/promises'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base'

const exporter = new OTLPTraceExporter({ url: process.env.COLLECTOR_URL })
const processor = new BatchSpanProcessor(exporter, { scheduledDelayMillis: 500 })
const provider = new BasicTracerProvider({ spanProcessors: [processor] })
const tracer = provider.getTracer('function')

/** The bug: the timer of the batch is due while the environment is frozen. */
export async function byTimer({ name, workMs }) {
  const span = tracer.startSpan(name)
  await sleep(workMs)
  span.end()
}

/** Mended. */
export async function beforeReturn(event) {
  await byTimer(event)
  await provider.forceFlush()
}
