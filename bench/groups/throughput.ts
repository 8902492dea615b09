// Calls a second over sixteen connections, with as many environments as that takes, beside fastify alone.

import { type Daemon, startDaemon } from '../daemon.js'
import { nodeEcho } from '../functions.js'
import { event, type Group } from '../group.js'
import { type Load, startLoad } from '../load/load.js'
import type { Target } from '../load/protocol.js'
import { cpuMsOf } from '../processes.js'
import { startReference } from '../references.js'

const connections = 16
/** More than sixteen environments are ever charged. */
const budget = ['--memory-budget', '16384']

export const throughput: Group = {
  rows: ['throughput', 'floor-throughput', 'two-daemons'],
  async open({ scope, load, smoke, output }) {
    const functions = { node: nodeEcho }
    const wish = { functions, words: budget, output }
    const daemon = await startDaemon(scope, wish)
    const twins = [await startDaemon(scope, wish), await startDaemon(scope, wish)]
    const other = startLoad()
    scope.add(other.close)
    const reference = await startReference(scope, 'fastify-echo')
    const words = [String(connections), nodeEcho.code, nodeEcho.handler]
    const floor = await startReference(scope, 'floor', words)
    const sides = {
      subject: [{ load, target: daemon.target('node', event, event), pid: daemon.pid }],
      floor: [{ load, target: floor.target(event), pid: floor.pid }],
      reference: [{ load, target: reference.target(event), pid: reference.pid }],
      pair: twins.map((each, index) => ({
        load: index === 0 ? load : other,
        target: each.target('node', event, event),
        pid: each.pid,
      })),
    }
    const [warmUpMs, slices, sliceMs] = smoke ? [200, 1, 200] : [3_000, 2, 1_000]
    const names = ['subject', 'floor', 'pair', 'reference'] as const
    for (const side of names) await run(sides[side], warmUpMs)
    return async () => {
      const [subject, floor, pair, reference] = [emptySum(), emptySum(), emptySum(), emptySum()]
      const sum = { subject, floor, pair, reference }
      for (let slice = 0; slice < slices; slice += 1)
        for (const side of names) add(sum[side], await run(sides[side], sliceMs))
      const environments = await environmentsOf([daemon])
      return {
        throughput: pairOf(sum.subject, sum.reference, environments),
        'floor-throughput': pairOf(sum.floor, sum.reference, connections),
        'two-daemons': pairOf(sum.pair, sum.reference, await environmentsOf(twins)),
      }
    }
  },
}

async function environmentsOf(daemons: readonly Daemon[]): Promise<number> {
  const all = await Promise.all(daemons.map(({ admin }) => admin.environments()))
  return all.flat().length
}

interface Side {
  readonly load: Load
  readonly target: Target
  readonly pid: number
}

/** The connections shared among the targets, all at once. */
async function run(sides: readonly Side[], durationMs: number): Promise<Sum> {
  const each = connections / sides.length
  const all = await Promise.all(
    sides.map(async ({ load, target, pid }) => {
      const cpuBeforeMs = cpuMsOf(pid)
      const done = await load.calls({ target, connections: each, durationMs })
      const { elapsedMs, cpuMs: generatorMs } = done
      const cpuMs = cpuMsOf(pid) - cpuBeforeMs
      return { calls: done.latenciesMs.length, elapsedMs, cpuMs, generatorMs }
    }),
  )
  const sum = emptySum()
  for (const one of all) add(sum, one)
  return { ...sum, elapsedMs: Math.max(...all.map(({ elapsedMs }) => elapsedMs)) }
}

interface Sum {
  calls: number
  elapsedMs: number
  cpuMs: number
  generatorMs: number
}

function emptySum(): Sum {
  return { calls: 0, elapsedMs: 0, cpuMs: 0, generatorMs: 0 }
}

function add(sum: Sum, more: Readonly<Sum>): void {
  sum.calls += more.calls
  sum.elapsedMs += more.elapsedMs
  sum.cpuMs += more.cpuMs
  sum.generatorMs += more.generatorMs
}

function pairOf(subject: Sum, reference: Sum, environments: number) {
  const perSecond = ({ calls, elapsedMs }: Sum) => (calls / elapsedMs) * 1000
  return {
    subject: perSecond(subject),
    reference: perSecond(reference),
    seen: {
      environments,
      'daemon CPU a call, ms': subject.cpuMs / subject.calls,
      'reference CPU a call, ms': reference.cpuMs / reference.calls,
      // Below the reference's own: then it is not the generator that is measured.
      'generator CPU a call of the reference, ms': reference.generatorMs / reference.calls,
    },
  }
}
