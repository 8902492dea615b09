// External extensions as real processes: their phases, what they see, and how long everybody waits for them.

import t from 'tap'
import { mode } from '../support/modes.js'
import {
  handler,
  nodeExtension,
  pythonExtension,
  type Said,
  stage,
  until,
} from './extension-stage.js'

// Only against hanging.
t.setTimeout(400_000)

const files = { 'index.js': handler }

t.test(
  'a Node extension registers, gets every invocation and the end, in Lambda’s order',
  async (t) => {
    const { invoke, emulator, said, lines, logs } = await stage(t, {
      layers: { one: { agent: nodeExtension } },
      functions: { f: { files, layers: ['one'], environment: { MINE: '1' } } },
    })
    const first = await invoke('f')
    t.equal(first.functionError, undefined, first.text)
    // Used again only once the extension, too, has asked for the next event.
    await until(() => emulator.environments()[0]?.phase === 'ready', 'the end of the first')
    await invoke('f')
    await emulator.stop()
    t.same(
      said().map(({ what, event }) => event?.eventType ?? what),
      ['start', 'registered', 'next', 'INVOKE', 'next', 'INVOKE', 'next', 'SHUTDOWN', 'bye'],
    )
    const [start, registered, , event] = said()
    t.same(registered?.more, {
      functionName: 'f',
      functionVersion: '$LATEST',
      handler: 'index.handler',
      accountId: '000000000000',
    })
    t.match(event?.event, {
      requestId: first.requestId,
      invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
      tracing: { type: 'X-Amzn-Trace-Id' },
    })
    t.match(said().find(({ event }) => event?.eventType === 'SHUTDOWN')?.event, {
      shutdownReason: 'spindown',
    })
    const { argv, names } = (start as Said).more as { argv: string[]; names: string[] }
    t.same(argv, [], 'it gets no arguments')
    for (const name of [
      'MINE',
      'AWS_ACCESS_KEY_ID',
      'AWS_REGION',
      'AWS_LAMBDA_FUNCTION_NAME',
      'PATH',
    ])
      t.ok(names.includes(name), name)
    // Without control groups its processes are found by their log stream.
    const told = mode.freezers.includes('v2') ? names : names.filter((name) => !/STREAM/.test(name))
    t.same(
      told.filter((name) =>
        /^_|XRAY|EXECUTION_ENV|LOG_GROUP|LOG_STREAM|TASK_ROOT|RUNTIME_DIR/.test(name),
      ),
      [],
      'nothing of the runtime’s own',
    )
    const platform = lines('platform')
    t.ok(platform.includes('EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE, SHUTDOWN]'))
    const order = platform.map((line) => line.split(/[ \t]/)[0])
    t.same(order.slice(0, 5), ['INIT_START', 'EXTENSION', 'START', 'END', 'REPORT'])
    t.ok(logs.every(({ source, message }) => source !== 'function' || !message.includes('"ext"')))
  },
)

t.test('a Python extension does the same', async (t) => {
  const { invoke, emulator, said } = await stage(t, {
    layers: { one: { 'agent.py': pythonExtension } },
    functions: {
      f: {
        runtime: 'python3.12',
        files: { 'app.py': 'def handler(event, context): return context.aws_request_id' },
        layers: ['one'],
      },
    },
  })
  const { text, requestId } = await invoke('f')
  t.equal(text, JSON.stringify(requestId))
  await emulator.stop()
  t.same(
    said().map(({ what, event }) => event?.eventType ?? what),
    ['start', 'registered', 'next', 'INVOKE', 'next', 'SHUTDOWN', 'bye'],
  )
})

t.test(
  'all extensions register before the runtime starts, and init waits for all of them',
  async (t) => {
    const lazy = nodeExtension.replace("await doIf('start')", 'await sleep(300)')
    const { invoke, said } = await stage(t, {
      layers: { a: { first: nodeExtension, 'sub/not-one': nodeExtension }, b: { second: lazy } },
      functions: {
        f: {
          files: { 'index.js': `const bornMs = Date.now()\nexports.handler = async () => bornMs` },
          layers: ['a', 'b'],
        },
      },
    })
    const bornMs = Number((await invoke('f')).text)
    const registered = said().filter(({ what }) => what === 'registered')
    t.same(registered.map(({ ext }) => ext).sort(), ['first', 'second'], 'no folder is looked into')
    for (const { at, ext } of registered) t.ok(at <= bornMs, `${ext} had registered by then`)
  },
)

t.test('a slow extension keeps the environment, not the caller', async (t) => {
  const { invoke, emulator, said, lines } = await stage(t, {
    layers: { one: { agent: nodeExtension } },
    functions: { f: { files, layers: ['one'], environment: { SLOW_MS: '700' } } },
  })
  const first = await invoke('f')
  const given = () => said().find(({ event }) => event?.requestId === first.requestId)
  await until(() => given() !== undefined, 'the extension’s event')
  const slow = given()
  t.equal(said().at(-1)?.what, 'event', 'the caller has its answer, the extension is at work')
  t.match(emulator.environments(), [{ phase: 'busy', suspension: 'running' }])
  const elsewhere = await invoke('f')
  const streams = [first, elsewhere].map(({ text }) => JSON.parse(text).stream)
  t.not(streams[0], streams[1], 'the next invocation goes to another environment')
  await until(
    () => emulator.environments().every(({ suspension }) => suspension === 'frozen'),
    'the freeze of both',
  )
  const again = said().find(
    ({ what, at, environment }) =>
      what === 'next' && at > (slow?.at ?? 0) && environment === slow?.environment,
  )
  t.ok((again?.at ?? 0) - (slow?.at ?? 0) >= 690, 'it was never stopped in its work')
  const report = lines('platform').find((line) =>
    line.startsWith(`REPORT RequestId: ${first.requestId}`),
  )
  t.ok(Number(/Duration: ([\d.]+)/.exec(report ?? '')?.[1]) >= 690, `it counts: ${report}`)
  const warm = await invoke('f')
  t.ok(streams.includes(JSON.parse(warm.text).stream), 'then they are used again')
})

t.test('who did not ask for INVOKE is not waited for', async (t) => {
  const { invoke, emulator, said } = await stage(t, {
    layers: { one: { agent: nodeExtension } },
    functions: { f: { files, layers: ['one'], environment: { EVENTS: 'SHUTDOWN' } } },
  })
  await invoke('f')
  await invoke('f')
  t.equal(emulator.environments().length, 1)
  await emulator.stop()
  t.same(
    said().map(({ what, event }) => event?.eventType ?? what),
    ['start', 'registered', 'next', 'SHUTDOWN', 'bye'],
  )
})

t.test(
  'the deadline covers extensions too: a slow one ends the environment, with the answer given',
  async (t) => {
    const { invoke, said, lines } = await stage(t, {
      layers: { one: { agent: nodeExtension } },
      functions: {
        f: { files, layers: ['one'], environment: { SLOW_MS: '20000' }, timeoutSeconds: 1 },
      },
    })
    const { text, functionError, requestId } = await invoke('f')
    t.equal(functionError, undefined)
    t.equal(JSON.parse(text).calls, 1)
    await until(
      () => lines('platform').some((line) => line.startsWith(`REPORT RequestId: ${requestId}`)),
      'the report',
    )
    const report = lines('platform').find((line) =>
      line.startsWith(`REPORT RequestId: ${requestId}`),
    )
    t.match(report, /Duration: 1\d\d\d\.\d\d ms.*Status: timeout/)
    t.ok(said().length > 0)
  },
)

t.test(
  'in JSON the runtime’s part is told while an extension is at work, the rest when it is done',
  async (t) => {
    const { invoke, said, logs } = await stage(t, {
      layers: { one: { agent: nodeExtension } },
      functions: {
        f: {
          files,
          layers: ['one'],
          environment: { SLOW_MS: '400' },
          logging: { format: 'JSON', systemLevel: 'DEBUG' },
        },
      },
    })
    await invoke('f')
    const types = () =>
      logs
        .filter(({ source }) => source === 'platform')
        .map(({ message }) => String(JSON.parse(message).type).slice('platform.'.length))
    await until(() => types().includes('runtimeDone'), 'the end of the runtime’s part')
    await until(() => said().at(-1)?.what === 'event', 'the extension’s event')
    t.notOk(types().includes('report'), 'the extension is at work')
    await until(() => types().includes('report'), 'the report')
    t.same(types(), [
      'initStart',
      'initRuntimeDone',
      'extension',
      'initReport',
      'start',
      'runtimeDone',
      'report',
    ])
    const records = logs.flatMap(({ source, message }) =>
      source === 'platform' ? [JSON.parse(message)] : [],
    )
    t.same(records[2].record, { name: 'agent', state: 'Ready', events: ['INVOKE', 'SHUTDOWN'] })
    t.ok(records[5].record.metrics.durationMs < 390, 'which is the shorter one')
    t.ok(records[6].record.metrics.durationMs >= 390)
  },
)
