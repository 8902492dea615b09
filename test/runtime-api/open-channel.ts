// A channel for tests with a runtime at its other end, over HTTP or over frames.

import { request as httpRequest } from 'node:http'
import type { Test } from 'tap'
import { systemChance, systemKernel } from '../../src/clock/kernel.js'
import type { InvocationId, RequestId } from '../../src/domain/brand.js'
import { portRange } from '../../src/http/port-range.js'
import { type ChannelOptions, RuntimeChannel } from '../../src/runtime-api/channel.js'
import type { ExtensionChange } from '../../src/runtime-api/extensions.js'
import type { ChannelEvent, Delivery } from '../../src/runtime-api/machine.js'
import { type FrameRuntime, frameRuntime } from '../support/frame-runtime.js'
import { speaksFrames } from '../support/runtime-channel.js'
import { socketPair } from '../support/socket-pair.js'

export const base = '/2018-06-01/runtime'
export const metadataToken = 'token-of-the-environment'
export const requestId = '11111111-1111-4111-8111-111111111111'

export const ofFunction = {
  functionName: 'f',
  functionVersion: '$LATEST',
  handler: 'index.handler',
  accountId: '000000000000',
}

export interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
}

export function delivery(changes: Partial<Delivery> = {}): Delivery {
  return {
    invocationId: 'attempt-1' as InvocationId,
    requestId: requestId as RequestId,
    deadlineEpochMs: 1_795_000_000_123.4,
    invokedArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
    traceHeader: 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0',
    contentType: 'application/json',
    body: Buffer.from('{"a":1}'),
    ...changes,
  }
}

type Call = (
  method: string,
  path: string,
  body?: string | Buffer,
  headers?: Record<string, string>,
) => Promise<Answer>

/** `far`: the runtime's end, where it speaks frames. */
export async function open(
  t: Test,
  frames = speaksFrames(),
  more: Pick<ChannelOptions, 'subscribe' | 'onAnswering'> = {},
) {
  const events: ChannelEvent[] = []
  const changes: ExtensionChange[] = []
  const listeners: (() => void)[] = []
  const channel = await RuntimeChannel.listen({
    host: '127.0.0.1',
    ports: portRange(0.5),
    metadata: { token: metadataToken, availabilityZoneId: 'euw1-az1' },
    timers: systemKernel,
    nowMs: systemKernel.nowMs,
    newId: () => systemChance.uuid(),
    ofFunction,
    ...more,
    onExtension: (change) => changes.push(change),
    onEvent: (event) => {
      events.push(event)
      for (const listener of listeners.splice(0)) listener()
    },
  })
  t.teardown(() => channel.close())
  const overHttp: Call = (method, path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const [host, port] = channel.address.split(':')
      const request = httpRequest(
        { host, port, method, path, headers, agent: false },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (chunk: string) => {
            text += chunk
          })
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
          )
        },
      )
      request.on('error', reject)
      request.end(body)
    })
  const [near, far] = frames ? await socketPair(t) : []
  const runtime = far === undefined ? undefined : frameRuntime(far)
  if (near !== undefined) channel.attach(near)
  const overFrames: Call = (_method, path, body = '', headers = {}) => {
    const [, what = ''] = path.split('/runtime/')
    if (what === 'invocation/next') return (runtime as FrameRuntime).next()
    return (runtime as FrameRuntime).post(what.replace('invocation/', ''), body, headers)
  }
  const call = frames ? overFrames : overHttp
  const next = () => call('GET', `${base}/invocation/next`)
  const heard = async (is: ChannelEvent['is'], count = 1): Promise<ChannelEvent> => {
    for (;;) {
      const found = events.filter((event) => event.is === is)
      if (found.length >= count) return found[count - 1] as ChannelEvent
      await new Promise<void>((resolve) => listeners.push(resolve))
    }
  }
  /** The runtime has asked for an event and has it. */
  const running = async (changes: Partial<Delivery> = {}) => {
    const asked = events.filter((event) => event.is === 'asked-next').length
    const waiting = next()
    await heard('asked-next', asked + 1)
    channel.deliver(delivery(changes))
    return waiting
  }
  const respond = (body: string | Buffer = '"ok"', headers: Record<string, string> = {}) =>
    call('POST', `${base}/invocation/${requestId}/response`, body, headers)
  return { channel, events, changes, call, next, heard, running, respond, runtime, far }
}

export function isError(
  t: Test,
  answer: Answer,
  status: number,
  errorType: string,
  text?: string,
): void {
  t.equal(answer.status, status)
  t.match(answer.headers['content-type'], 'application/json')
  t.ok(answer.body.endsWith('}\n'), 'one object and a newline')
  const body = JSON.parse(answer.body)
  t.equal(body.errorType, errorType)
  if (text !== undefined) t.equal(body.errorMessage, text)
}

export const transition = (from: string, to: string): string =>
  `State transition from ${from} to ${to} failed for runtime. Error: State transition is not allowed`
