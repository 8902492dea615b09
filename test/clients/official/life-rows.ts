// Rows on the life of environments: reuse, concurrency, what happens while nobody asks, the end.

import { setTimeout as sleep } from 'node:timers/promises'
import { isDead, readProcess } from '../../../src/procfs/process.js'
import { nowMs, until } from '../../support/daemon.js'
import type { Row } from './rows.js'

export const lifeRows: readonly Row[] = [
  {
    name: 'reuse',
    claim: 'calls one after another meet one environment, which is initialized once',
    play: async (t, { act, atRest, emu }) => {
      for (let call = 1; call <= 10; call += 1) {
        t.equal((await act('reuse', { action: 'count' })).text.trim(), String(call))
        await atRest('reuse')
      }
      const reports = emu.logs.filter(
        ({ functionName, message }) => functionName === 'reuse' && message.startsWith('REPORT'),
      )
      t.equal(reports.filter(({ message }) => message.includes('Init Duration')).length, 1)
      t.equal((await atRest('reuse')).length, 1)
    },
  },
  {
    name: 'concurrent',
    claim: 'calls at the same time have an environment each, and these serve the next ones',
    play: async (t, { atRest, value }) => {
      const slow = { action: 'sleep', forMs: 1_000 }
      const streams = await Promise.all([1, 2, 3].map(() => value('concurrent', slow)))
      t.equal(new Set(streams).size, 3)
      await atRest('concurrent')
      const again = await value('concurrent', { action: 'sleep', forMs: 0 })
      t.ok(streams.includes(again))
    },
  },
  {
    name: 'frozen',
    claim: 'what a function left running stands still between calls and goes on during the next',
    play: async (t, { atRest, value }) => {
      t.equal(await value('frozen', { action: 'start-ticking' }), true)
      await atRest('frozen')
      const frozenAtMs = Math.ceil(nowMs())
      await sleep(1_000)
      const thawedAtMs = Math.floor(nowMs())
      const ticks = (await value('frozen', { action: 'ticked', forMs: 300 })) as readonly number[]
      t.same(
        ticks.filter((atMs) => atMs > frozenAtMs && atMs < thawedAtMs),
        [],
      )
      t.ok(ticks.some((atMs) => atMs >= thawedAtMs))
    },
  },
  {
    name: 'unwilling',
    claim: 'a function that ignores SIGTERM is ended all the same, with all its processes',
    play: async (t, { admin, atRest, value }) => {
      t.equal(await value('unwilling', { action: 'ignore-term' }), 'ignored')
      const [environment] = await atRest('unwilling')
      const { id = '', pids = [] } = environment ?? {}
      t.ok(pids.length > 0)
      await admin.act('expire', id)
      await until('its processes are gone', () => pids.every((pid) => isDead(readProcess(pid))))
      t.same(await atRest('unwilling'), [])
    },
  },
  {
    name: 'streamed',
    claim: 'a streamed response reaches a buffered caller whole',
    streams: true,
    play: async (t, { act }) => {
      const { functionError, text } = await act('streamed', { action: 'stream', fails: false })
      t.equal(functionError, undefined)
      t.equal(text, 'first half, second half')
    },
  },
]
