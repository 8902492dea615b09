// Rows on what goes wrong in a function: errors, exits, signals, timeouts, failed inits.

import type { Test } from 'tap'
import type { Invoked } from '../../support/in-process.js'
import type { Row } from './rows.js'
import type { Action, World } from './world.js'

const silent = 'Runtime exited without providing a reason'
const ended = (how: string) => `Runtime exited with error: ${how}`

function isExit(t: Test, { functionError, text, tail, requestId }: Invoked, how: string): void {
  t.equal(functionError, 'Unhandled')
  t.same(JSON.parse(text), {
    errorType: 'Runtime.ExitError',
    errorMessage: `RequestId: ${requestId} Error: ${how}`,
  })
  t.match(tail, /\tStatus: error\tError Type: Runtime\.ExitError\t\n$/)
}

/** One way to end in the handler, and what the caller is told of it. */
function exitRow(name: string, event: Action, how: (world: World) => string): Row {
  return {
    name,
    claim: `a handler that ends its process: ${JSON.stringify(event)}`,
    play: async (t, world) => {
      const { act, value } = world
      isExit(t, await act(name, event, { tail: true }), how(world))
      t.equal(await value(name, { action: 'count' }), 1, 'the next call meets a new process')
      isExit(t, await act(name, event, { tail: true }), how(world))
    },
  }
}

/** The error that the client posted: its members in its order, whatever else it tells of the stack. */
function isPosted(
  t: Test,
  { client }: World,
  { functionError, text, requestId }: Invoked,
  message: string,
): void {
  t.equal(functionError, 'Unhandled')
  const posted = JSON.parse(text)
  t.same(Object.keys(posted), client.errorMembers)
  t.equal(posted.errorType, 'RowError')
  t.ok(posted.errorMessage === message, 'the whole message')
  if ('requestId' in posted) t.equal(posted.requestId, requestId)
}

function loadRow(name: string, how: string, expected: string): Row {
  return {
    name,
    claim: `code that ends its process while it is loaded (${how}) fails every call`,
    settings: { environment: { AT_LOAD: how } },
    play: async (t, { act }) => {
      for (const call of [1, 2]) {
        t.comment(`call ${call}`)
        isExit(t, await act(name, { action: 'count' }, { tail: true }), expected)
      }
    },
  }
}

export const failureRows: readonly Row[] = [
  {
    name: 'error',
    claim: 'an error that the client posts reaches the caller as posted, and the process lives on',
    play: async (t, world) => {
      const given = { action: 'fail', message: 'as asked: é😀\nsecond line' }
      const failed = await world.act('error', given, { tail: true })
      t.equal(failed.status, 200)
      isPosted(t, world, failed, given.message)
      t.match(failed.tail, /\nREPORT RequestId: \S+\tDuration: .*\n$/)
      await world.atRest('error')
      t.equal(await world.value('error', { action: 'count' }), 2)
    },
  },
  {
    name: 'longerror',
    claim: 'an error of 300,000 characters arrives whole, though the client repeats it in a header',
    play: async (t, world) => {
      const message = 'long '.repeat(60_000)
      isPosted(t, world, await world.act('longerror', { action: 'fail', message }), message)
      await world.atRest('longerror')
      t.equal(await world.value('longerror', { action: 'count' }), 2)
    },
  },
  exitRow('exit0', { action: 'exit', code: 0 }, () => silent),
  exitRow('exit3', { action: 'exit', code: 3 }, () => ended('exit status 3')),
  exitRow('killed', { action: 'signal', name: 'SIGKILL' }, () => ended('signal: killed')),
  exitRow('terminated', { action: 'signal', name: 'SIGTERM' }, () => ended('signal: terminated')),
  exitRow('aborted', { action: 'signal', name: 'SIGABRT' }, ({ client }) => ended(client.aborted)),
  {
    name: 'exitlater',
    claim:
      'a process that ends after its response fails the next call, and the one after is served',
    play: async (t, { act, atRest, value }) => {
      t.equal(await value('exitlater', { action: 'exit-later' }), 'answered')
      await atRest('exitlater')
      const met = await act('exitlater', { action: 'sleep', forMs: 10_000 }, { tail: true })
      isExit(t, met, ended('exit status 7'))
      t.equal(await value('exitlater', { action: 'count' }), 1)
    },
  },
  {
    name: 'timeout',
    claim: 'a timeout is answered in the words of Lambda; /tmp is kept, memory is not',
    settings: { timeoutSeconds: 1 },
    play: async (t, { act, atRest, value }) => {
      t.equal(await value('timeout', { action: 'count' }), 1)
      await atRest('timeout')
      const slow = await act('timeout', { action: 'hang' }, { tail: true })
      t.equal(slow.functionError, 'Unhandled')
      t.same(JSON.parse(slow.text), {
        errorType: 'Sandbox.Timedout',
        errorMessage: `RequestId: ${slow.requestId} Error: Task timed out after 1.00 seconds`,
      })
      t.match(slow.tail, /\tStatus: timeout\t\n$/)
      await atRest('timeout')
      t.equal(await value('timeout', { action: 'kept' }), 'kept over a timeout')
      await atRest('timeout')
      t.equal(await value('timeout', { action: 'count' }), 2)
    },
  },
  loadRow('exitatload', 'exit', ended('exit status 4')),
  loadRow('killedatload', 'kill', ended('signal: killed')),
  {
    name: 'failsatload',
    claim:
      'code that cannot be loaded is tried twice before its error is the answer, and again for the next call',
    settings: { environment: { AT_LOAD: 'fail' } },
    play: async (t, { act, atRest, client, emu }) => {
      const { errorType, errorMessage, reported } = client.loadFailure
      const loads = () =>
        emu.logs.filter((each) => each.functionName === 'failsatload' && each.message === 'loading')
      for (const loaded of [2, 3]) {
        const failed = await act('failsatload', { action: 'count' }, { tail: true })
        t.equal(failed.functionError, 'Unhandled')
        t.match(JSON.parse(failed.text), { errorType, errorMessage })
        t.ok(failed.tail.endsWith(`\tStatus: error\tError Type: ${reported}\t\n`), failed.tail)
        t.equal(loads().length, loaded)
        await atRest('failsatload')
      }
    },
  },
  {
    name: 'brokenstream',
    claim: 'a stream that fails half way is an error for a buffered caller, told in trailers',
    streams: true,
    play: async (t, world) => {
      const failed = await world.act('brokenstream', { action: 'stream', fails: true })
      isPosted(t, world, failed, 'second half')
      const again = await world.act('brokenstream', { action: 'stream', fails: false })
      t.equal(again.text, 'first half, second half')
    },
  },
]
