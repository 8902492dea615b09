// From a save to the answer of new code, beside a bare start of the same runtime in the same run.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { nowMs, startDaemon } from '../support/daemon.js'
import { temporaryFolder, writeProject } from '../support/in-process.js'
import { calm, median } from './stage.js'

// Only against hanging.
t.setTimeout(600_000)

/**
 * What a save may cost beside the start of the runtime that it needs in any case, where that takes `bareMs`; a machine on
 * which it takes longer at the time is given as many times more.
 */
const overheadMsMax = 40
const rounds = 21

/** The environment of a function has none of our variables either: NODE_EXTRA_CA_CERTS alone costs Node 60 ms. */
async function bareStartMs(program: string, words: readonly string[]): Promise<number> {
  const env = { PATH: process.env.PATH }
  const startedAtMs = nowMs()
  const child = spawn(program, words, { env, stdio: 'ignore' })
  await once(child, 'exit')
  return nowMs() - startedAtMs
}

const languages = {
  node: {
    bare: () => bareStartMs(process.execPath, ['-e', '0']),
    // Source: medians of this test on two quiet cores.
    bareMs: 32,
    file: 'index.js',
    text: (round: number) => `exports.handler = async () => ${round}`,
    runtime: 'nodejs22.x',
  },
  python: {
    bare: () => bareStartMs('python3', ['-c', 'pass']),
    bareMs: 14,
    file: 'app.py',
    text: (round: number) => `def handler(event, context):\n    return ${round}\n`,
    runtime: 'python3.12',
  },
} as const

for (const [name, { bare, bareMs, file, text, runtime }] of Object.entries(languages)) {
  t.test(`${name}: from a save to its answer takes a bare start and at most 40 ms`, async (t) => {
    const project = temporaryFolder(t)
    writeProject(project, { fn: { runtime, files: { [file]: text(0) } } })
    const daemon = await startDaemon(t, { project, stateDirectory: temporaryFolder(t) })
    t.equal((await daemon.invoke('fn', {})).body, 0)
    const bares: number[] = []
    const reloads: number[] = []
    for (let round = 1; round <= rounds; round += 1) {
      await calm(daemon, 0.2)
      bares.push(await bare())
      const savedAtMs = nowMs()
      writeFileSync(join(project, 'fn', file), text(round))
      const answer = await daemon.invoke('fn', {})
      reloads.push(answer.answeredAtMs - savedAtMs)
      t.equal(answer.body, round)
    }
    const overheadMs = median(reloads) - median(bares)
    const slowness = Math.max(1, median(bares) / bareMs)
    const figures = `bare ${median(bares).toFixed(1)} ms (${slowness.toFixed(2)} × quiet), reload ${median(reloads).toFixed(1)} ms`
    t.ok(overheadMs <= overheadMsMax * slowness, `${figures}: ${overheadMs.toFixed(1)} ms more`)
    t.comment(figures)
  })
}
