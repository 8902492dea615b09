// The end of environments with extensions: order, reasons and budgets, measured; and internal extensions.

import t from 'tap'
import type { LibraryEmulator } from '../../src/index.js'
import { mode } from '../support/modes.js'
import { handler, nodeExtension, type Said, stage, until } from './extension-stage.js'

// Only against hanging.
t.setTimeout(400_000)

const files = { 'index.js': handler }
const sigtermAt = (lines: readonly string[]): number =>
  Number(/SIGTERM at (\d+)/.exec(lines.find((line) => line.includes('SIGTERM')) ?? '')?.[1])
const shutdownOf = (said: readonly Said[]) =>
  said.find(({ event }) => event?.eventType === 'SHUTDOWN')

/** Its one environment is frozen, as far as it can be. */
function idle(emulator: LibraryEmulator): Promise<void> {
  const still = mode.freeze === 'none' ? 'running' : 'frozen'
  return until(() => {
    const [environment] = emulator.environments()
    return environment?.phase === 'ready' && environment.suspension === still
  }, 'the freeze')
}

const expire = (emulator: LibraryEmulator) => emulator.expire(emulator.environments()[0]?.id ?? '')

async function msOf(act: () => Promise<unknown>): Promise<number> {
  const fromMs = performance.now()
  await act()
  return performance.now() - fromMs
}

t.test(
  'first the runtime gets SIGTERM, then extensions the event; it is over as soon as all have ended',
  async (t) => {
    const { invoke, emulator, said, lines } = await stage(t, {
      layers: { one: { agent: nodeExtension } },
      functions: { f: { files, layers: ['one'] } },
    })
    await invoke('f')
    await idle(emulator)
    const beforeMs = Date.now()
    const tookMs = await msOf(() => expire(emulator))
    t.ok(tookMs < 1_000, `nobody takes long: ${tookMs} ms`)
    const shutdown = shutdownOf(said())
    t.match(shutdown?.event, { shutdownReason: 'spindown' })
    const at = sigtermAt(lines('function'))
    t.ok(at >= beforeMs && at <= (shutdown?.at ?? 0), 'in this order')
    const leftMs = Number(shutdown?.event?.deadlineMs) - beforeMs
    t.ok(leftMs > 1_900 && leftMs < 2_400, `2 s for all, counted from the start: ${leftMs}`)
    t.equal(said().at(-1)?.what, 'bye', 'it ended by itself')
  },
)

t.test(
  'a runtime that ignores SIGTERM is killed after 300 ms, and the extension has the rest',
  async (t) => {
    const stubborn = `process.on('SIGTERM', () => console.log('SIGTERM at ' + Date.now()))\nexports.handler = async () => 1`
    const { invoke, emulator, said, lines } = await stage(t, {
      layers: { one: { agent: nodeExtension } },
      functions: { f: { files: { 'index.js': stubborn }, layers: ['one'] } },
    })
    await invoke('f')
    await idle(emulator)
    await expire(emulator)
    const betweenMs = (shutdownOf(said())?.at ?? 0) - sigtermAt(lines('function'))
    t.ok(betweenMs >= 280 && betweenMs < 800, `${betweenMs} ms`)
  },
)

t.test('an extension that does not end is killed when 2 s are over', async (t) => {
  const { invoke, emulator, said } = await stage(t, {
    layers: { one: { agent: nodeExtension } },
    functions: { f: { files, layers: ['one'], environment: { AT: 'shutdown', DOES: 'hang' } } },
  })
  await invoke('f')
  await idle(emulator)
  const tookMs = await msOf(() => expire(emulator))
  t.ok(tookMs >= 1_990 && tookMs < 3_000, `${tookMs} ms`)
  t.equal(said().at(-1)?.event?.eventType, 'SHUTDOWN')
})

t.test('who did not ask for SHUTDOWN is killed without a word', async (t) => {
  const { invoke, emulator, said } = await stage(t, {
    layers: { one: { agent: nodeExtension } },
    functions: { f: { files, layers: ['one'], environment: { EVENTS: 'INVOKE' } } },
  })
  await invoke('f')
  await idle(emulator)
  const tookMs = await msOf(() => expire(emulator))
  t.ok(tookMs < 1_000, `${tookMs} ms`)
  t.equal(said().at(-1)?.what, 'next')
  t.notOk(said().some(({ what }) => what === 'SIGTERM'))
})

t.test('stop takes 2 s and a little with many that do not end', async (t) => {
  const { invoke, emulator } = await stage(t, {
    layers: { one: { agent: nodeExtension } },
    functions: { f: { files, layers: ['one'], environment: { AT: 'shutdown', DOES: 'hang' } } },
  })
  const calls = [1, 2, 3].map(() => invoke('f', { sleepMs: 300 }))
  await Promise.all(calls)
  t.equal(emulator.environments().length, 3)
  const tookMs = await msOf(() => emulator.stop())
  t.ok(tookMs >= 1_900 && tookMs < 5_000, `${tookMs} ms`)
})

t.test('without extensions nobody gets SIGTERM or time', async (t) => {
  const { invoke, emulator, lines } = await stage(t, {
    layers: {},
    functions: { f: { files } },
  })
  await invoke('f')
  await idle(emulator)
  const tookMs = await msOf(() => expire(emulator))
  t.ok(tookMs < 300, `${tookMs} ms`)
  t.notOk(lines('function').some((line) => line.includes('SIGTERM')))
})

t.test('after a timeout the reason is timeout, after a crash it is failure', async (t) => {
  const { invoke, emulator, said } = await stage(t, {
    layers: { one: { agent: nodeExtension } },
    functions: {
      slow: { files, layers: ['one'], timeoutSeconds: 1 },
      dies: { files: { 'index.js': 'exports.handler = () => process.exit(4)' }, layers: ['one'] },
    },
  })
  const slow = await invoke('slow', { sleepMs: 20_000 })
  t.equal(JSON.parse(slow.text).errorType, 'Sandbox.Timedout')
  t.ok(slow.endedAtMs - slow.startedAtMs < 2_900, 'the caller does not wait for the end')
  await until(() => emulator.environments()[0]?.phase === 'dormant', 'the reset')
  t.match(shutdownOf(said())?.event, { shutdownReason: 'timeout' })
  const dies = await invoke('dies')
  t.match(JSON.parse(dies.text), {
    errorType: 'Runtime.ExitError',
    errorMessage: `RequestId: ${dies.requestId} Error: Runtime exited with error: exit status 4`,
  })
  await until(() => emulator.environments()[1]?.phase === 'dormant', 'the reset')
  const reasons = said().flatMap(({ event }) => event?.shutdownReason ?? [])
  t.same(reasons, ['timeout', 'failure'])
})

const internal = `
const base = 'http://' + process.env.AWS_LAMBDA_RUNTIME_API + '/2020-01-01/extension/'
const events = []
async function extension() {
  const answer = await fetch(base + 'register', { method: 'POST', headers: { 'Lambda-Extension-Name': 'inside' }, body: '{"events":["INVOKE"]}' })
  const id = answer.headers.get('lambda-extension-identifier')
  const loop = async () => {
    for (;;) {
      const next = await fetch(base + 'event/next', { headers: { 'Lambda-Extension-Identifier': id } })
      events.push(await next.json())
      await new Promise((resolve) => setTimeout(resolve, Number(process.env.SLOW_MS || 0)))
    }
  }
  loop()
}
let late
const ready = extension()
exports.handler = async () => {
  await ready
  late ??= await (await fetch(base + 'register', { method: 'POST', headers: { 'Lambda-Extension-Name': 'late' }, body: '{}' })).json()
  return { events, late }
}
process.on('SIGTERM', () => { console.log('SIGTERM at ' + Date.now()); if (!process.env.STAYS) process.kill(process.pid, 'SIGKILL') })
`
/** Registered before the module is loaded to its end, and so before the runtime's first next. */
const internalFirst = `import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
const inside = require('./inside.cjs')
await inside.ready
export const handler = inside.handler
`
const internalFiles = {
  'index.mjs': internalFirst,
  'inside.cjs': `${internal}\nexports.ready = ready\n`,
}

t.test(
  'an internal extension gets invocations and is waited for; later registration is refused',
  async (t) => {
    const { invoke, emulator, lines } = await stage(t, {
      layers: {},
      functions: { f: { files: internalFiles, environment: { SLOW_MS: '500' } } },
    })
    const first = await invoke('f')
    t.equal(first.functionError, undefined, first.text)
    t.same(JSON.parse(first.text).late, {
      errorMessage: 'Extension registration closed already',
      errorType: 'Extension.RegistrationClosed',
    })
    t.match(emulator.environments(), [{ phase: 'busy', suspension: 'running' }])
    await until(() => emulator.environments()[0]?.suspension === 'frozen', 'the freeze')
    const report = lines('platform').find((line) => line.startsWith('REPORT'))
    t.ok(Number(/\tDuration: ([\d.]+)/.exec(report ?? '')?.[1]) >= 490, String(report))
    const second = await invoke('f')
    t.match(JSON.parse(second.text).events, [
      { eventType: 'INVOKE', requestId: first.requestId },
      { eventType: 'INVOKE', requestId: second.requestId },
    ])
    t.ok(lines('platform').includes('EXTENSION\tName: inside\tState: Ready\tEvents: [INVOKE]'))
  },
)

t.test('with internal extensions only the runtime gets SIGTERM and 500 ms', async (t) => {
  const { invoke, emulator, lines } = await stage(t, {
    layers: {},
    functions: {
      ends: { files: internalFiles },
      stays: { files: internalFiles, environment: { STAYS: '1' } },
    },
  })
  await invoke('ends')
  await idle(emulator)
  const endsMs = await msOf(() => expire(emulator))
  t.ok(sigtermAt(lines('function')) > 0, 'it may end by itself')
  t.ok(endsMs < 450, `${endsMs} ms`)
  await invoke('stays')
  await idle(emulator)
  const staysMs = await msOf(() => expire(emulator))
  t.ok(staysMs >= 490 && staysMs < 1_200, `${staysMs} ms`)
})
