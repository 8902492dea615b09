// Rows on what goes in and out of a function: payloads, context, environment variables, log lines.

import { until } from '../../support/daemon.js'
import type { Row } from './rows.js'

const values: readonly unknown[] = [
  'é😀 日本語 "quoted" \\ \t\n \u2028 \u0000',
  { nested: { list: [1, 2.5, -1e21, null, true, 'x'], empty: {} } },
  [],
  'x',
  0,
  false,
  null,
]

/** Bytes of a request and of a response. Source: AWS Lambda guide and recorded answers. */
const requestLimit = 6_291_456
const responseLimit = 6_291_556

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

export const payloadRows: readonly Row[] = [
  {
    name: 'echo',
    claim: 'any JSON comes back as it went in',
    play: async (t, { value }) => {
      for (const each of values) t.same(await value('echo', { action: 'echo', value: each }), each)
    },
  },
  {
    name: 'large',
    claim: 'megabytes go in and come out whole',
    play: async (t, { value }) => {
      const text = 'é😀'.repeat(300_000)
      t.ok((await value('large', { action: 'echo', value: text })) === text)
    },
  },
  {
    name: 'limits',
    claim:
      'a request and a response of 6 MB pass, and one byte more is refused in the words of Lambda',
    play: async (t, { act, atRest, client, emu, value }) => {
      const filled = (bytes: number) => {
        const rest = bytes - '{"action":"length","value":""}'.length
        return Buffer.from(JSON.stringify({ action: 'length', value: 'y'.repeat(rest) }))
      }
      const full = await emu.invoke('limits', filled(requestLimit))
      t.equal(full.text, String(requestLimit - '{"action":"length","value":""}'.length))
      t.equal((await emu.invoke('limits', filled(requestLimit + 1))).status, 413)
      await atRest('limits')
      const most = await act('limits', { action: 'large', size: responseLimit - 2 })
      t.equal(most.functionError, undefined)
      t.equal(most.text.length, responseLimit)
      await atRest('limits')
      const more = await act('limits', { action: 'large', size: responseLimit - 1 })
      t.equal(more.functionError, 'Unhandled')
      t.same(JSON.parse(more.text), {
        errorMessage: `Response payload size exceeded maximum allowed payload size (${responseLimit} bytes).`,
        errorType: 'Function.ResponseSizeTooLarge',
      })
      await atRest('limits')
      const call = await value('limits', { action: 'count' })
      t.equal(call, client.outlivesRefusal ? 4 : 1, 'the next call meets who outlives a refusal')
    },
  },
  {
    name: 'context',
    claim: 'the context tells of the request, of the function and of the time that is left',
    play: async (t, { act }) => {
      const clientContext = Buffer.from('{"custom":{"colour":"blue"},"client":{},"env":{}}')
      const headers = { 'x-amz-client-context': clientContext.toString('base64') }
      const { text, requestId } = await act('context', { action: 'context' }, { headers })
      const { remainingMs, trace, logStream, ...told } = JSON.parse(text)
      t.same(told, {
        requestId,
        functionName: 'context',
        functionVersion: '$LATEST',
        memoryMb: 1769,
        arn: 'arn:aws:lambda:us-east-1:000000000000:function:context',
        logGroup: '/aws/lambda/context',
        custom: { colour: 'blue' },
      })
      t.match(logStream, /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/)
      t.match(trace, /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};/)
      t.ok(remainingMs > 25_000 && remainingMs <= 30_000, `${remainingMs} of 30,000 ms are left`)
    },
  },
  {
    name: 'variables',
    claim: "environment variables are Lambda's and the function's, and nothing of the daemon's",
    settings: { environment: { OWN: 'the function’s = own' } },
    play: async (t, { client, mode, value }) => {
      const told = (await value('variables', { action: 'environment' })) as Record<string, string>
      const sealed = mode.status.filesystem !== 'none'
      t.match(told.AWS_LAMBDA_RUNTIME_API, mode.runtimeApi)
      t.equal(told.LAMBDA_TASK_ROOT, sealed ? '/var/task' : client.folder)
      t.equal(told._HANDLER, client.handler)
      t.equal(told.OWN, 'the function’s = own')
      t.equal(told.AWS_LAMBDA_FUNCTION_NAME, 'variables')
      t.equal(told.AWS_LAMBDA_FUNCTION_MEMORY_SIZE, '1769')
      t.equal(told.AWS_LAMBDA_INITIALIZATION_TYPE, 'on-demand')
      t.equal(told.TZ, ':UTC')
      // LAMBDA_EMU_CLIENTS is set for these tests, and HOME for nearly everybody.
      t.same(
        Object.keys(told).filter((name) => name === 'HOME' || name.startsWith('LAMBDA_EMU')),
        [],
      )
    },
  },
  {
    name: 'lines',
    claim: 'the tail holds every line between START and REPORT, of stdout, stderr and the logger',
    play: async (t, { act, client }) => {
      const given = { action: 'lines', count: 20 }
      const { text, tail, requestId } = await act('lines', given, { tail: true })
      t.equal(text.trim(), 'null')
      const lines = Array.from({ length: 20 }, (_, number) => `line ${number} é\n`).join('')
      const logger = client.loggerLine.replace('<id>', requestId)
      t.match(
        tail,
        new RegExp(
          [
            `^START RequestId: ${requestId} Version: \\$LATEST\n`,
            `${escaped(lines)}on stderr\n${logger}\n`,
            `END RequestId: ${requestId}\nREPORT RequestId: ${requestId}\tDuration: [\\d.]+ ms\t`,
            'Billed Duration: \\d+ ms\tMemory Size: 1769 MB\tMax Memory Used: \\d+ MB\t',
            'Init Duration: [\\d.]+ ms\t\n$',
          ].join(''),
        ),
      )
    },
  },
  {
    name: 'manylines',
    claim: 'more lines than a pipe holds are all logged, in order, and the tail is their last 4 KB',
    play: async (t, { act, emu }) => {
      const count = 10_000
      const given = { action: 'lines', count }
      const { tail, requestId, headers } = await act('manylines', given, { tail: true })
      const written = emu.logs
        .filter((each) => each.requestId === requestId && each.message.startsWith('line '))
        .map((each) => each.message)
      t.equal(written.length, count)
      t.ok(written.every((message, number) => message === `line ${number} é`))
      t.ok(tail.includes(`line ${count - 1} é\n`))
      t.equal(Buffer.from(String(headers['x-amz-log-result']), 'base64').length, 4_096)
    },
  },
  {
    name: 'asynchronous',
    claim: 'an asynchronous invocation is accepted at once and runs',
    play: async (t, { act, emu }) => {
      const given = { action: 'lines', count: 1 }
      const { status, requestId } = await act('asynchronous', given, { type: 'Event' })
      t.equal(status, 202)
      const report = `REPORT RequestId: ${requestId}\t`
      await until('it has run', () => emu.logs.some(({ message }) => message.startsWith(report)))
      const own = emu.logs.filter((each) => each.requestId === requestId)
      t.ok(own.some(({ message }) => message === 'line 0 é'))
    },
  },
]
