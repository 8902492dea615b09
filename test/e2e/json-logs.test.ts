// Logs of real functions in both formats: what Lambda tells, which levels stay, and that a record of several lines is one event.

import t from 'tap'
import type { RunningEmulator, WrittenFunction } from '../support/in-process.js'
import { logged, startWith } from '../support/in-process.js'

const nodeCode = `
  const { writeSync } = require('node:fs')
  exports.handler = async (event, { awsRequestId }) => {
    if (event.exit) process.exit(3)
    if (event.fail) throw new TypeError('thrown')
    if (event.sleep) await new Promise((resolve) => setTimeout(resolve, 60_000))
    if (event.out) writeSync(1, event.out)
    console.debug('a debug line')
    console.log('two\\nlines')
    console.warn('a warning')
    return { env: process.env, awsRequestId }
  }`

const pythonCode = `
import logging, os
log = logging.getLogger()
def handler(event, context):
    if event.get('own_level'):
        log.setLevel(logging.DEBUG)
    if event.get('out'):
        print(event['out'], end='')
    print('printed')
    log.debug('a debug line')
    log.info('two\\nlines')
    log.warning('a warning')
    return {'env': dict(os.environ)}
`

const node: WrittenFunction = { files: { 'index.js': nodeCode } }
const python: WrittenFunction = { runtime: 'python3.12', files: { 'app.py': pythonCode } }
const json = { format: 'JSON' }

interface Event {
  readonly type?: string
  readonly record?: Readonly<Record<string, unknown>>
  readonly level?: string
  readonly message?: unknown
}

function events(lines: readonly string[]): Event[] {
  return lines.map((line) =>
    line.startsWith('{') ? (JSON.parse(line) as Event) : { message: line },
  )
}

/** The messages of one request, once its log is whole; `last` is in its last one. */
async function logOf(emu: RunningEmulator, requestId: string, last: string): Promise<string[]> {
  await logged(emu, (record) => record.requestId === requestId && record.message.includes(last))
  return emu.logs.filter((record) => record.requestId === requestId).map(({ message }) => message)
}

t.test(
  'with JSON, start, end and figures of an invocation are events, and so is each line',
  async (t) => {
    const emu = await startWith(t, { f: { ...node, logging: json } })
    const { tail, requestId, text } = await emu.invoke('f', {}, { tail: true })
    const lines = await logOf(emu, requestId, 'platform.report')
    const [start, info, warning, report] = events(lines)
    t.equal(lines.length, 4, 'a debug line is below the level that both have by default')
    const { functionArn } = start?.record ?? {}
    t.match(functionArn, /^arn:aws:lambda:us-east-1:\d{12}:function:f$/)
    t.same(start?.record, { requestId, functionArn, version: '$LATEST' })
    t.match(info, { level: 'INFO', message: 'two\nlines' })
    t.match(warning, { level: 'WARN', message: 'a warning' })
    const { metrics, status } = (report?.record ?? {}) as {
      metrics: Record<string, number>
      status: string
    }
    t.equal(status, 'success')
    t.same(Object.keys(metrics), [
      'durationMs',
      'billedDurationMs',
      'memorySizeMB',
      'maxMemoryUsedMB',
      'initDurationMs',
    ])
    const { durationMs = 0, initDurationMs = 0, billedDurationMs } = metrics
    t.equal(billedDurationMs, Math.ceil(Number((durationMs + initDurationMs).toFixed(3))))
    t.same(
      events(tail.trimEnd().split('\n')).map(({ type, level }) => type ?? level),
      ['platform.start', 'INFO', 'WARN', 'platform.report'],
      'the tail has the same',
    )
    const { env } = JSON.parse(text)
    t.match(env, { AWS_LAMBDA_LOG_FORMAT: 'JSON', AWS_LAMBDA_LOG_LEVEL: 'INFO' })
    t.notOk('_LAMBDA_TELEMETRY_LOG_FD' in env, 'the runtime takes its descriptor out')
    const [init] = events(emu.logs.map(({ message }) => message))
    t.equal(init?.type, 'platform.initStart')
    t.equal(init?.record?.instanceId, emu.logs[0]?.logStreamName)
  },
)

t.test('the text format has neither of the variables, and no events', async (t) => {
  const emu = await startWith(t, { f: node })
  const { tail, requestId, text } = await emu.invoke('f', {}, { tail: true })
  const { env } = JSON.parse(text)
  t.same(
    Object.keys(env).filter((name) => /LOG_(FORMAT|LEVEL|FD)$/.test(name)),
    [],
  )
  t.notMatch(tail, /platform\./)
  t.match(tail, new RegExp(`^START RequestId: ${requestId} Version: \\$LATEST\\n`))
  t.match(tail, new RegExp(`\\t${requestId}\\tINFO\\ttwo\\nlines\\n.*\\tWARN\\ta warning\\nEND `))
})

t.test(
  'a record of several lines is one event in both formats, from Node and Python',
  async (t) => {
    const emu = await startWith(t, {
      nodeText: node,
      nodeJson: { ...node, logging: json },
      pythonText: { ...python, environment: { AWS_LAMBDA_LOG_LEVEL: 'INFO' } },
      pythonJson: { ...python, logging: json },
    })
    for (const name of ['nodeText', 'nodeJson', 'pythonText', 'pythonJson']) {
      const { requestId } = await emu.invoke(name)
      const last = name.endsWith('Json') ? 'platform.report' : 'REPORT '
      const lines = await logOf(emu, requestId, last)
      const held = lines.filter((line) => line.includes('two'))
      t.equal(held.length, 1, name)
      t.match(held[0], name.endsWith('Json') ? /"two\\nlines"/ : /two\nlines$/, name)
    }
  },
)

t.test('Python: levels in JSON; print is as it was, and a level set in code wins', async (t) => {
  const emu = await startWith(t, {
    warn: { ...python, logging: { ...json, applicationLevel: 'WARN' } },
  })
  const first = await emu.invoke('warn')
  const shown = async (requestId: string) =>
    events(await logOf(emu, requestId, 'platform.report')).map(
      ({ type, level, message }) => type ?? `${level ?? ''} ${message}`,
    )
  t.same(await shown(first.requestId), [
    'platform.start',
    ' printed',
    'WARNING a warning',
    'platform.report',
  ])
  t.equal(JSON.parse(first.text).env.AWS_LAMBDA_LOG_LEVEL, 'WARN')
  const second = await emu.invoke('warn', { own_level: true })
  t.same(await shown(second.requestId), [
    'platform.start',
    ' printed',
    'DEBUG a debug line',
    'INFO two\nlines',
    'WARNING a warning',
    'platform.report',
  ])
})

const at = '"timestamp":"2024-11-02T16:51:31.587199Z"'
const metrics =
  '{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["f"]],"Metrics":[{"Name":"m"}]}]},"f":"x","m":1}'

t.test(
  'plain output in JSON: objects by their level, embedded metrics and text untouched',
  async (t) => {
    const logging = { ...json, applicationLevel: 'WARN' }
    const emu = await startWith(t, { node: { ...node, logging }, python: { ...python, logging } })
    const kept = ['plain text', metrics, `{"level":"error",${at},"own":1}`]
    const dropped = [`{"level":"info",${at}}`, '{"message":"no level"}']
    const out = [...kept, ...dropped].map((line) => `${line}\n`).join('')
    for (const name of ['node', 'python']) {
      const { tail, requestId } = await emu.invoke(name, { out }, { tail: true })
      const lines = await logOf(emu, requestId, 'platform.report')
      t.same(lines.slice(1, 1 + kept.length), kept, name)
      for (const line of dropped) {
        t.notOk(lines.includes(line), `${name}: ${line}`)
        t.notOk(tail.includes(line), `${name}: ${line} in the tail`)
      }
      for (const line of kept) t.ok(tail.includes(`${line}\n`), `${name}: ${line} in the tail`)
    }
  },
)

t.test('the system level chooses the events: all at DEBUG, at WARN only what failed', async (t) => {
  const emu = await startWith(t, {
    debug: { ...node, logging: { ...json, systemLevel: 'DEBUG', applicationLevel: 'FATAL' } },
    warn: {
      ...node,
      timeoutSeconds: 1,
      logging: { ...json, systemLevel: 'WARN', applicationLevel: 'FATAL' },
    },
  })
  const types = (name: string) =>
    events(
      emu.logs.filter(({ functionName }) => functionName === name).map(({ message }) => message),
    ).map(({ type }) => type)
  const { requestId } = await emu.invoke('debug')
  await logOf(emu, requestId, 'platform.report')
  t.same(types('debug'), [
    'platform.initStart',
    'platform.initRuntimeDone',
    'platform.initReport',
    'platform.start',
    'platform.runtimeDone',
    'platform.report',
  ])
  const quiet = await emu.emulator.invoke('warn')
  t.equal(quiet.log, '', 'who asks the library waits for the end of a log that shows nothing')
  t.equal(quiet.report, undefined)
  t.same(types('warn'), [])
  const late = await emu.invoke('warn', { sleep: true }, { tail: true })
  t.equal(JSON.parse(late.text).errorType, 'Sandbox.Timedout')
  const [done, report] = events(await logOf(emu, late.requestId, 'platform.report'))
  t.match(done, { type: 'platform.runtimeDone', record: { status: 'timeout' } })
  t.match(report?.record, { status: 'timeout', metrics: { billedDurationMs: Number } })
  t.equal(events(late.tail.trimEnd().split('\n')).length, 2)
})

t.test(
  'a crash is an error in its report; an error of the handler is a success of Lambda',
  async (t) => {
    const emu = await startWith(t, { f: { ...node, logging: json } })
    const thrown = await emu.emulator.invoke('f', { fail: true })
    t.match(thrown.report, { durationMs: Number, memorySizeMb: 1769 })
    t.equal(thrown.report?.status, undefined)
    const error = thrown.log.split('\n').find((line) => line.includes('"ERROR"')) ?? ''
    t.match(JSON.parse(error).message, { errorType: 'TypeError', errorMessage: 'thrown' })
    const crashed = await emu.emulator.invoke('f', { exit: true })
    t.match(crashed.report, { status: 'error', errorType: 'Runtime.ExitError' })
    t.match(
      crashed.log,
      /"platform\.runtimeDone".*"status":"error","errorType":"Runtime\.ExitError"/,
    )
  },
)

t.test('an init that fails tells so at every level', async (t) => {
  const broken: WrittenFunction = { files: { 'index.js': 'process.exit(1)' } }
  const emu = await startWith(t, { f: { ...broken, logging: { ...json, systemLevel: 'WARN' } } })
  const { requestId } = await emu.invoke('f')
  await logOf(emu, requestId, 'platform.report')
  const told = events(emu.logs.map(({ message }) => message))
  t.same(
    told.map(({ type, record }) => `${type} ${record?.phase ?? ''}`.trim()),
    [
      'platform.initRuntimeDone init',
      'platform.initReport init',
      'platform.initRuntimeDone invoke',
      'platform.initReport invoke',
      'platform.runtimeDone',
      'platform.report',
    ],
  )
  for (const { record } of told)
    t.match(record, { status: 'error', errorType: 'Runtime.ExitError' })
})

t.test('in the classic style a failure stands in words before END', async (t) => {
  const emu = await startWith(t, { f: { ...node, timeoutSeconds: 1 } }, { reportStyle: 'classic' })
  const crashed = await emu.emulator.invoke('f', { exit: true })
  const { requestId } = crashed
  t.match(
    crashed.log,
    `RequestId: ${requestId} Error: Runtime exited with error: exit status 3\nRuntime.ExitError\nEND RequestId: ${requestId}\n`,
  )
  t.notMatch(crashed.log, /Status:/)
  const late = await emu.emulator.invoke('f', { sleep: true }, { logTail: true })
  t.match(
    late.log,
    new RegExp(`\\n\\S+Z ${late.requestId} Task timed out after 1\\.00 seconds\\n\\nEND RequestId`),
  )
})

t.test('in a log group of the user the stream is named after the function too', async (t) => {
  const emu = await startWith(t, {
    own: node,
    shared: { ...node, logging: { group: '/apps/all' } },
  })
  const variables = async (name: string) => JSON.parse((await emu.invoke(name)).text).env
  const shared = await variables('shared')
  t.equal(shared.AWS_LAMBDA_LOG_GROUP_NAME, '/apps/all')
  t.match(shared.AWS_LAMBDA_LOG_STREAM_NAME, /^\d{4}\/\d\d\/\d\d\/shared\[\$LATEST\][0-9a-f]{32}$/)
  const own = await variables('own')
  t.equal(own.AWS_LAMBDA_LOG_GROUP_NAME, '/aws/lambda/own')
  t.match(own.AWS_LAMBDA_LOG_STREAM_NAME, /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/)
})

t.test('a record waits for a full pipe, also once process.stdout has been used', async (t) => {
  const code = `
    exports.handler = async ({ records }) => {
      process.stdout.write('plain\\n')
      for (let each = 0; each < records; each += 1) console.log('x'.repeat(1_000))
      return 'all written'
    }`
  for (const logging of [{ format: 'Text' }, json]) {
    const emu = await startWith(t, { f: { files: { 'index.js': code }, logging } })
    const { requestId, text } = await emu.invoke('f', { records: 2_000 })
    t.equal(text, '"all written"')
    const last = logging === json ? 'platform.report' : 'REPORT '
    const lines = await logOf(emu, requestId, last)
    t.equal(lines.filter((line) => line.includes('xxxx')).length, 2_000)
    t.equal(lines.filter((line) => line === 'plain').length, 1)
  }
})
