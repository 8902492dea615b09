// The verbs freeze, thaw and expire on real environments, through the admin client that the command line uses.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { FreezeBackend } from '../../src/admin/contract.js'
import {
  type Daemon,
  environmentsAtRest,
  startDaemon,
  tmpFolderOf,
  until,
} from '../support/daemon.js'
import { nodeFunction, projectOf, temporaryFolder } from '../support/functions.js'

// Only against hanging.
t.setTimeout(400_000)

interface Ticker {
  readonly tmp: string
  readonly logStreamName: string
}

async function start(t: Test, freeze: FreezeBackend): Promise<Daemon> {
  const project = projectOf(t, {
    ticker: nodeFunction('ticker', { timeoutSeconds: 30 }),
    sleeper: nodeFunction('sleeper', { timeoutSeconds: 30 }),
  })
  return startDaemon(t, { project, stateDirectory: temporaryFolder(t), freeze })
}

async function invokeTicker(daemon: Daemon): Promise<Ticker> {
  const { body } = await daemon.invoke('ticker', { sleepMs: 0 })
  const { logStreamName } = body as { readonly logStreamName: string }
  return { tmp: await tmpFolderOf(daemon, logStreamName), logStreamName }
}

/** Ticks of the timer and of the double-forked child. */
function ticks({ tmp }: Ticker): readonly number[] {
  return ['own', 'double'].map((name) => {
    const path = join(tmp, `ticks-${name}`)
    return existsSync(path) ? readFileSync(path, 'latin1').split('\n').length : 0
  })
}

async function onlyEnvironment(daemon: Daemon) {
  const [environment, ...others] = await environmentsAtRest(daemon)
  if (environment === undefined || others.length > 0) throw new Error('there is one environment')
  return environment
}

for (const backend of ['v2', 'v1', 'signal'] as const) {
  t.test(
    `${backend}: a thawed environment runs without a request until it is frozen`,
    async (t) => {
      const daemon = await start(t, backend)
      const ticker = await invokeTicker(daemon)
      const { id } = await onlyEnvironment(daemon)
      await t.rejects(daemon.admin.act('freeze', id), {
        code: 'EMU_ENVIRONMENT_STATE',
        message: `environment ${id} is already frozen: it cannot freeze now`,
      })

      const before = ticks(ticker)
      t.match(await daemon.admin.act('thaw', id), { id, phase: 'ready' })
      await t.rejects(daemon.admin.act('thaw', id), { code: 'EMU_ENVIRONMENT_STATE' })
      await until('both tickers have ticked five times', () =>
        ticks(ticker).every((count, index) => count >= (before[index] ?? 0) + 5),
      )
      t.pass('it ticks while it is thawed by hand')

      await daemon.admin.act('freeze', id)
      const { cpuMs } = await atFullStop(daemon, ticker)
      const frozen = ticks(ticker)
      await sleep(500)
      t.same(ticks(ticker), frozen, 'it ticks no more')
      t.equal((await onlyEnvironment(daemon)).cpuMs, cpuMs, 'and uses no CPU time')

      const { logStreamName } = await invokeTicker(daemon)
      t.equal(logStreamName, ticker.logStreamName, 'and it still serves')
      t.equal((await onlyEnvironment(daemon)).invocations, 2)
    },
  )
}

/** Frozen in the daemon's words is asked for; here two looks 150 ms apart have found nothing that moves. */
async function atFullStop(daemon: Daemon, ticker: Ticker) {
  await onlyEnvironment(daemon)
  let seen = ticks(ticker)
  await until('nothing ticks in 150 ms', async () => {
    await sleep(150)
    const now = ticks(ticker)
    const still = now.every((count, index) => count === seen[index])
    seen = now
    return still
  })
  return onlyEnvironment(daemon)
}

t.test('an environment thawed by hand is frozen again after its next request', async (t) => {
  const daemon = await start(t, 'v2')
  await invokeTicker(daemon)
  const { id } = await onlyEnvironment(daemon)
  await daemon.admin.act('thaw', id)
  await environmentsAtRest(daemon, 'running')
  await invokeTicker(daemon)
  t.match(await onlyEnvironment(daemon), { id, suspension: 'frozen', invocations: 2 })
})

t.test('a busy environment refuses all three verbs and goes on undisturbed', async (t) => {
  const daemon = await start(t, 'v2')
  await daemon.invoke('sleeper', {})
  const { id } = await onlyEnvironment(daemon)
  const call = daemon.invoke('sleeper', { sleepMs: 1_000 })
  await until('it is busy', async () => (await daemon.admin.environments())[0]?.phase === 'busy')
  for (const verb of ['freeze', 'thaw', 'expire'] as const) {
    await t.rejects(daemon.admin.act(verb, id), {
      code: 'EMU_ENVIRONMENT_STATE',
      exitCode: 2,
      message: `environment ${id} is busy: it cannot ${verb} now`,
    })
  }
  t.match(await call, { status: 200, functionError: undefined, body: { invocations: 2 } })
  t.match(await onlyEnvironment(daemon), { id, invocations: 2 })
})

t.test(
  'an expired environment ends with all its processes, and the next call starts another',
  async (t) => {
    const daemon = await start(t, 'v2')
    const ticker = await invokeTicker(daemon)
    const { id, pids } = await onlyEnvironment(daemon)
    t.ok(pids.length >= 3, `${pids.length} processes are in it`)
    await daemon.admin.act('expire', id)
    await until('it is gone', async () => (await daemon.admin.environments()).length === 0)
    t.same(
      pids.filter((pid) => existsSync(`/proc/${pid}/exe`)),
      [],
      'no process of it is alive',
    )
    t.notOk(existsSync(ticker.tmp), 'its /tmp is gone')
    await t.rejects(daemon.admin.act('thaw', id), {
      code: 'EMU_ENVIRONMENT_NOT_FOUND',
      message: `there is no environment ${id}`,
    })
    const next = await invokeTicker(daemon)
    t.not(next.logStreamName, ticker.logStreamName)
  },
)
