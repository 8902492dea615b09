// The Node.js function of the behaviour table, on the official runtime client.

import { readFileSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const kept = join(tmpdir(), 'kept')
const ticks = []
let calls = 0

class RowError extends Error {
  name = 'RowError'
}

function atLoad(what) {
  // Written whole before anything can end the process.
  writeSync(1, 'loading\n')
  if (what === 'exit') process.exit(4)
  if (what === 'kill') process.kill(process.pid, 'SIGKILL')
  if (what === 'fail') throw new RowError('at load')
}

atLoad(process.env.AT_LOAD)

const forever = () => sleep(60_000)

const actions = {
  echo: ({ value }) => value,
  context: (_, context) => ({
    requestId: context.awsRequestId,
    functionName: context.functionName,
    functionVersion: context.functionVersion,
    memoryMb: Number(context.memoryLimitInMB),
    arn: context.invokedFunctionArn,
    logGroup: context.logGroupName,
    logStream: context.logStreamName,
    remainingMs: context.getRemainingTimeInMillis(),
    custom: context.clientContext?.custom ?? null,
    trace: process.env._X_AMZN_TRACE_ID,
  }),
  environment: () => process.env,
  count: () => calls,
  lines: async ({ count }) => {
    for (let number = 0; number < count; number += 1) process.stdout.write(`line ${number} é\n`)
    // Node keeps what a full pipe does not take, and would write it after the response.
    await new Promise((written) => process.stdout.write('', written))
    process.stderr.write('on stderr\n')
    console.warn('by the logger')
    return null
  },
  fail: ({ message }) => {
    throw new RowError(message)
  },
  exit: ({ code }) => process.exit(code),
  signal: ({ name }) => {
    process.kill(process.pid, name)
    return forever()
  },
  hang: () => {
    writeFileSync(kept, 'kept over a timeout')
    return forever()
  },
  kept: () => readFileSync(kept, 'utf8'),
  large: ({ size }) => 'x'.repeat(size),
  length: ({ value }) => value.length,
  'start-ticking': async () => {
    setInterval(() => ticks.push(Date.now()), 20)
    await sleep(100)
    return ticks.length > 0
  },
  ticked: async ({ forMs }) => {
    await sleep(forMs)
    return ticks
  },
  sleep: async ({ forMs }, context) => {
    await sleep(forMs)
    return context.logStreamName
  },
  'exit-later': () => {
    setTimeout(() => process.exit(7), 1_000)
    return 'answered'
  },
  'ignore-term': () => {
    process.on('SIGTERM', () => {})
    return 'ignored'
  },
}

export async function handler(event, context) {
  calls += 1
  return actions[event.action](event, context)
}

/** Writes its half, and then fails. */
export const streaming = awslambda.streamifyResponse(async (event, stream) => {
  stream.write('first half, ')
  await sleep(20)
  if (event.fails) throw new RowError('second half')
  stream.write('second half')
  stream.end()
})
