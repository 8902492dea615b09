// The choice of a freezer on this machine: tried, never assumed, and refused with a sentence.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { type CgroupSupport, detect } from '../../src/cgroups/detect.js'
import { chooseFreezer } from '../../src/freezer/choose.js'
import { noFreezer } from '../../src/freezer/freezer.js'

const wait = (durationMs: number) => new Promise<void>((resolve) => setTimeout(resolve, durationMs))
const probeName = `lambda-emu-probe-${process.pid}-test`
const nothing: CgroupSupport = { mode: 'none', v2: undefined, v1: {} }

t.test('the best backend that works is taken, and nothing of the probe is left', async (t) => {
  const support = detect()
  const choice = await chooseFreezer({ support, probeName, wait })
  t.equal(choice.backend, 'v2')
  t.same(choice.passedOver, [])
  t.same(choice.parents, { v2: support.v2?.root })
  t.equal(readdirSync(support.v2?.root ?? '').includes(probeName), false)
})

t.test('v1 can be demanded, and takes cpuacct along', async (t) => {
  const support = detect()
  const choice = await chooseFreezer({ preference: 'v1', support, probeName, wait })
  t.equal(choice.backend, 'v1')
  t.same(Object.keys(choice.parents?.v1 ?? {}).sort(), ['cpuacct', 'freezer'])
})

t.test('without control groups signals are taken, and the reasons are told', async (t) => {
  const choice = await chooseFreezer({ support: nothing, probeName, wait })
  t.equal(choice.backend, 'signal')
  t.equal(choice.passedOver.length, 2)
  t.match(choice.passedOver[0], /^v2: no cgroup v2 hierarchy/)
})

t.test(
  'a demanded backend that cannot be had is EMU_FREEZER_UNAVAILABLE with the reason',
  async (t) => {
    for (const preference of ['v2', 'v1'] as const) {
      const failed = chooseFreezer({ preference, support: nothing, probeName, wait })
      await t.rejects(failed, { code: 'EMU_FREEZER_UNAVAILABLE', message: new RegExp(preference) })
    }
  },
)

t.test(
  'a tree that only looks like control groups is passed over, because no process can be frozen in it',
  async (t) => {
    const root = mkdtempSync(join(tmpdir(), 'lambda-emu-fake-'))
    t.teardown(() => rmSync(root, { recursive: true, force: true }))
    const fake = {
      version: 2 as const,
      controllers: [],
      mountPoint: root,
      root,
      writable: true,
      reason: '',
      can: { freeze: true, kill: true },
    }
    const support: CgroupSupport = { mode: 'v2', v2: fake, v1: {} }
    const failed = chooseFreezer({ preference: 'v2', support, probeName, wait })
    await t.rejects(failed, { code: 'EMU_FREEZER_UNAVAILABLE' })
  },
)

t.test('none freezes nothing and says so', async (t) => {
  const choice = await chooseFreezer({ preference: 'none', support: nothing, probeName, wait })
  t.equal(choice.backend, 'none')
  noFreezer.freeze()
  t.equal(noFreezer.state(), 'running')
  noFreezer.thaw()
  t.equal(noFreezer.escapes.length, 1)
})
