// Ten calls at once of a function that sleeps 200 ms, cold and warm, beside ten bare starts of Node at once in the same rounds.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { type Daemon, environmentsAtRest, nowMs, startDaemon, until } from '../support/daemon.js'
import { nodeFunction, projectOf, temporaryFolder } from '../support/functions.js'
import { calm, median } from './stage.js'

// Only against hanging.
t.setTimeout(600_000)

const rounds = 9
const parallel = 10
const sleepMs = 200
const warmMsMax = 260

/** An environment has none of our variables either: NODE_EXTRA_CA_CERTS alone costs Node 60 ms. */
async function bareStart(): Promise<void> {
  const env = { PATH: process.env.PATH }
  await once(spawn(process.execPath, ['-e', '0'], { env, stdio: 'ignore' }), 'exit')
}

/** Milliseconds from the first to the end of the last. */
async function tenTimes(run: () => Promise<unknown>): Promise<number> {
  const startedAtMs = nowMs()
  await Promise.all(Array.from({ length: parallel }, run))
  return nowMs() - startedAtMs
}

async function expireAll({ admin }: Daemon): Promise<void> {
  await until('no environment is left', async () => {
    const found = await admin.environments()
    const idle = found.filter(({ phase }) => phase === 'ready')
    await Promise.all(idle.map(({ id }) => admin.act('expire', id)))
    return found.length === 0
  })
}

t.test('ten calls of a 200 ms sleeper run at the same time, cold and warm', async (t) => {
  const project = projectOf(t, { sleeper: nodeFunction('sleeper') })
  const daemon = await startDaemon(t, { project, stateDirectory: temporaryFolder(t) })
  const bares: number[] = []
  const colds: number[] = []
  const warms: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    await calm(daemon, 0.2)
    bares.push(await tenTimes(bareStart))
    const call = async () => {
      const { body, functionError } = await daemon.invoke('sleeper', { sleepMs })
      t.equal(functionError, undefined)
      return (body as { readonly invocations: number }).invocations
    }
    const counts: number[] = []
    const counted = async () => counts.push(await call())
    colds.push(await tenTimes(counted))
    t.same(counts, Array(parallel).fill(1), 'ten environments for ten calls')
    await environmentsAtRest(daemon)
    warms.push(await tenTimes(counted))
    t.same(counts.slice(parallel), Array(parallel).fill(2), 'the same ten for ten more')
    await environmentsAtRest(daemon)
    await expireAll(daemon)
  }
  const figures = [bares, colds, warms].map((each) => median(each))
  const [bareMs = 0, coldMs = 0, warmMs = 0] = figures
  const words = figures.map((each) => each.toFixed(0))
  const told = `ten bare starts ${words[0]} ms, cold ${words[1]} ms, warm ${words[2]} ms`
  t.comment(told)
  t.ok(coldMs <= sleepMs + 2 * bareMs, `${told}: cold ≤ ${sleepMs} ms + 2 × bare`)
  t.ok(warmMs <= warmMsMax, `${told}: warm ≤ ${warmMsMax} ms`)
})
