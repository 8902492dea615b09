// Extensions that fail: what the caller gets, what the log tells, and that the environment goes on.

import t from 'tap'
import { handler, nodeExtension, stage, until } from './extension-stage.js'

// Only against hanging.
t.setTimeout(400_000)

const files = { 'index.js': handler }

interface Failure {
  readonly claim: string
  readonly environment: Readonly<Record<string, string>>
  readonly errorType: string
  readonly reason: string
  /** What the log says of the extension in each init that fails. */
  readonly line?: string
}

const inInit: readonly Failure[] = [
  {
    claim: 'one that exits before it registers',
    environment: { AT: 'start', DOES: 'exit 0' },
    errorType: 'Extension.Crash',
    reason: 'exit code 0',
    line: 'EXTENSION\tName: agent\tState: Started\tEvents: []',
  },
  {
    claim: 'one that exits after it has registered',
    environment: { AT: 'registered', DOES: 'exit 3' },
    errorType: 'Extension.Crash',
    reason: 'exit status 3',
    line: 'EXTENSION\tName: agent\tState: Registered\tEvents: [INVOKE, SHUTDOWN]',
  },
  {
    claim: 'one that is killed',
    environment: { AT: 'registered', DOES: 'kill' },
    errorType: 'Extension.Crash',
    reason: 'signal: killed',
  },
  {
    claim: 'one that reports init/error and exits',
    environment: { AT: 'registered', DOES: 'init 1' },
    errorType: 'Extension.InitError',
    reason: 'exit status 1',
    line: 'EXTENSION\tName: agent\tState: InitError\tEvents: [INVOKE, SHUTDOWN]\tError Type: Extension.Told',
  },
]

for (const { claim, environment, errorType, reason, line } of inInit) {
  t.test(`${claim} fails the init, and the invocation after another try`, async (t) => {
    const { invoke, lines } = await stage(t, {
      layers: { one: { agent: nodeExtension } },
      functions: { f: { files, layers: ['one'], environment } },
    })
    const { text, functionError, requestId } = await invoke('f')
    t.equal(functionError, 'Unhandled')
    t.same(JSON.parse(text), {
      errorType,
      errorMessage: `RequestId: ${requestId} Error: ${reason}`,
    })
    await until(() => lines('platform').some((each) => each.startsWith('REPORT')), 'the report')
    const platform = lines('platform')
    const failed = platform.filter((each) => each.startsWith('INIT_REPORT'))
    t.equal(failed.length, 2, 'on demand, and once more inside the invocation')
    for (const each of failed) t.match(each, `Status: error\tError Type: ${errorType}`)
    t.match(failed[1], 'Phase: invoke')
    if (line !== undefined) t.equal(platform.filter((each) => each === line).length, 2, line)
    t.match(
      platform.find((each) => each.startsWith('REPORT')),
      `Error Type: ${errorType}`,
    )
  })
}

t.test('a file that is not executable cannot be launched', async (t) => {
  const { invoke, lines } = await stage(t, {
    layers: { one: { agent: { text: nodeExtension, mode: 0o644 } } },
    functions: { f: { files, layers: ['one'] } },
  })
  const { text, requestId } = await invoke('f')
  t.same(JSON.parse(text), {
    errorType: 'Extension.LaunchError',
    errorMessage: `RequestId: ${requestId} Error: fork/exec /opt/extensions/agent: permission denied`,
  })
  await until(() => lines('platform').some((each) => each.startsWith('REPORT')), 'the report')
  t.ok(
    lines('platform').includes(
      'EXTENSION\tName: agent\tState: LaunchError\tEvents: []\tError Type: PermissionDenied',
    ),
  )
})

t.test('a file that is no program cannot be launched', async (t) => {
  const { invoke } = await stage(t, {
    layers: { one: { agent: 'no interpreter\n' } },
    functions: { f: { files, layers: ['one'] } },
  })
  t.match(
    JSON.parse((await invoke('f')).text).errorMessage,
    /Error: fork\/exec \/opt\/extensions\/agent: exec format error$/,
  )
})

t.test('ten extensions are launched, eleven are too many', async (t) => {
  const many = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, each) => [`agent-${each}`, '#!/bin/sh\nsleep 60\n']),
    )
  const { invoke } = await stage(t, {
    layers: { many: many(11) },
    functions: { f: { files, layers: ['many'] } },
  })
  const { text, requestId } = await invoke('f')
  t.same(JSON.parse(text), {
    errorType: 'Extension.LaunchError',
    errorMessage: `RequestId: ${requestId} Error: ErrTooManyExtensions`,
  })
})

const inInvoke: readonly Failure[] = [
  {
    claim: 'one that exits with 0',
    environment: { AT: 'invoke', DOES: 'exit 0' },
    errorType: 'Extension.Crash',
    reason: 'exit code 0',
  },
  {
    claim: 'one that reports exit/error and exits',
    environment: { AT: 'invoke', DOES: 'exit-error 2' },
    errorType: 'Extension.ExitError',
    reason: 'exit status 2',
  },
]

for (const { claim, environment, errorType, reason } of inInvoke) {
  t.test(`${claim} in an invocation ends it, and the next one finds /tmp`, async (t) => {
    const keeps = `
const fs = require('node:fs')
exports.handler = async (event) => {
  const kept = require('node:os').tmpdir() + '/kept'
  if (fs.existsSync(kept)) return 'kept'
  fs.writeFileSync(kept, '')
  await new Promise((resolve) => setTimeout(resolve, 60000))
}`
    const once = nodeExtension.replace(
      'async function doIf(moment) {',
      "async function doIf(moment) {\n  if (require('node:fs').existsSync(require('node:os').tmpdir() + '/done')) return\n  if (moment === 'invoke') require('node:fs').writeFileSync(require('node:os').tmpdir() + '/done', '')",
    )
    const { invoke, emulator, lines } = await stage(t, {
      layers: { one: { agent: once } },
      functions: {
        f: { files: { 'index.js': keeps }, layers: ['one'], environment, timeoutSeconds: 30 },
      },
    })
    const { text, functionError, requestId } = await invoke('f')
    t.equal(functionError, 'Unhandled')
    t.same(JSON.parse(text), {
      errorType,
      errorMessage: `RequestId: ${requestId} Error: ${reason}`,
    })
    await until(() => emulator.environments()[0]?.phase === 'dormant', 'the reset')
    t.match(
      lines('platform').find((each) => each.startsWith('REPORT')),
      `Error Type: ${errorType}`,
    )
    const second = await invoke('f')
    t.equal(second.text, '"kept"', 'by then the handler or the extension had written it')
    t.equal(emulator.environments().length, 1)
  })
}

t.test(
  'an extension that dies while the environment is idle costs nobody an invocation',
  async (t) => {
    const dies = nodeExtension.replace(
      "say('event'",
      "setTimeout(() => process.exit(5), 300)\n    say('event'",
    )
    const { invoke, emulator } = await stage(
      t,
      {
        layers: { one: { agent: dies } },
        functions: { f: { files, layers: ['one'] } },
      },
      // Frozen it would not die.
      { freeze: 'none' },
    )
    t.equal(JSON.parse((await invoke('f')).text).calls, 1)
    await until(() => emulator.environments()[0]?.phase === 'dormant', 'the reset')
    t.equal(JSON.parse((await invoke('f')).text).calls, 1)
  },
)

t.test(
  'one that registers under another name than its file’s is taken for an internal one',
  async (t) => {
    const other = nodeExtension
      .replace("'Lambda-Extension-Name': name", "'Lambda-Extension-Name': 'other'")
      .replace("'INVOKE SHUTDOWN'", "'INVOKE'")
    const { invoke, lines } = await stage(t, {
      layers: { one: { agent: other } },
      functions: { f: { files, layers: ['one'], timeoutSeconds: 1 } },
    })
    // The file itself never registers, so that init does not end: 10 s on demand, then the function's timeout.
    const { text } = await invoke('f')
    t.match(JSON.parse(text), { errorType: 'Sandbox.Timedout' })
    const states = lines('platform').filter((each) => each.startsWith('EXTENSION'))
    t.ok(states.includes('EXTENSION\tName: agent\tState: Started\tEvents: []'), String(states))
    t.ok(states.includes('EXTENSION\tName: other\tState: Ready\tEvents: [INVOKE]'))
  },
)
