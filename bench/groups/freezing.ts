// What freezing adds to a warm invoke: calls so far apart that each one thaws, beside a daemon that never freezes.

import type { JournalRecord } from '../../src/admin/contract.js'
import { type Daemon, startDaemon } from '../daemon.js'
import { nodeEcho } from '../functions.js'
import { event, type Group } from '../group.js'
import { quantile } from '../statistics.js'

/** Longer than the grace and the freeze together. */
const pauseMs = 5
/** Of the calls of a round; the first of a slice may find an environment that is not frozen yet. */
const thawedMin = 0.9

const sides = {
  default: [],
  strict: ['--freeze-grace', '0'],
  off: ['--freeze', 'none'],
} as const
type Side = keyof typeof sides
const names = Object.keys(sides) as readonly Side[]

export const freezing: Group = {
  rows: ['freeze-grace-0', 'freeze-default'],
  async open({ scope, load, smoke, output }) {
    const functions = { node: nodeEcho }
    const daemons = {} as Record<Side, Daemon>
    for (const side of names)
      daemons[side] = await startDaemon(scope, { functions, words: sides[side], output })
    const call = async (side: Side, calls: number, pause: number) => {
      const target = daemons[side].target('node', event, event)
      return (await load.calls({ target, connections: 1, calls, pauseMs: pause })).latenciesMs
    }
    for (const side of names) {
      await call(side, smoke ? 20 : 1_500, 0)
      await call(side, 20, pauseMs)
    }
    const [slices, calls] = smoke ? [1, 10] : [5, 40]
    return async () => {
      const latenciesMs: Record<Side, number[]> = { default: [], strict: [], off: [] }
      for (let slice = 0; slice < slices; slice += 1)
        for (const side of names) latenciesMs[side].push(...(await call(side, calls, pauseMs)))
      for (const side of names) await checkThawed(side, daemons[side], slices * calls)
      const off = quantile(latenciesMs.off, 0.5)
      const pair = (own: number[]) => ({
        subject: quantile(own, 0.5),
        reference: off,
        seen: { 'p90, ms': quantile(own, 0.9), 'p90 without, ms': quantile(latenciesMs.off, 0.9) },
      })
      return {
        'freeze-grace-0': pair(latenciesMs.strict),
        'freeze-default': pair(latenciesMs.default),
      }
    }
  },
}

/** @throws Error when the calls did not find what they were to find: frozen environments, or none. */
async function checkThawed(side: Side, { admin }: Daemon, calls: number): Promise<void> {
  const ended: JournalRecord[] = []
  for await (const record of admin.journal(false, undefined, calls * 20))
    if (record.kind === 'invocation.ended') ended.push(record)
  const last = ended.slice(-calls)
  const thawed = last.filter(({ frozenForMs }) => frozenForMs !== undefined).length
  const fits = side === 'off' ? thawed === 0 : thawed >= calls * thawedMin
  if (!fits) throw new Error(`${thawed} of ${calls} calls found a frozen environment (${side})`)
}
