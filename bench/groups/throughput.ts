// Calls a second over sixteen connections, with as many environments as that takes, beside fastify alone.

import { startDaemon } from '../daemon.js'
import { nodeEcho } from '../functions.js'
import { event, type Group } from '../group.js'
import { cpuMsOf } from '../processes.js'
import { startReference } from '../references.js'

const connections = 16
/** More than sixteen environments are ever charged. */
const budget = ['--memory-budget', '16384']

export const throughput: Group = {
  rows: ['throughput', 'floor-throughput'],
  async open({ scope, load, smoke, output }) {
    const functions = { node: nodeEcho }
    const daemon = await startDaemon(scope, { functions, words: budget, output })
    const reference = await startReference(scope, 'fastify-echo')
    const words = [String(connections), nodeEcho.code, nodeEcho.handler]
    const floor = await startReference(scope, 'floor', words)
    const sides = {
      subject: { target: daemon.target('node', event, event), pid: daemon.pid },
      floor: { target: floor.target(event), pid: floor.pid },
      reference: { target: reference.target(event), pid: reference.pid },
    }
    const run = async (side: keyof typeof sides, durationMs: number) => {
      const { target, pid } = sides[side]
      const cpuBeforeMs = cpuMsOf(pid)
      const done = await load.calls({ target, connections, durationMs })
      return {
        calls: done.latenciesMs.length,
        elapsedMs: done.elapsedMs,
        cpuMs: cpuMsOf(pid) - cpuBeforeMs,
        generatorMs: done.cpuMs,
      }
    }
    const [warmUpMs, slices, sliceMs] = smoke ? [200, 1, 200] : [3_000, 2, 1_000]
    const names = ['subject', 'floor', 'reference'] as const
    for (const side of names) await run(side, warmUpMs)
    return async () => {
      const sum = { subject: emptySum(), floor: emptySum(), reference: emptySum() }
      for (let slice = 0; slice < slices; slice += 1)
        for (const side of names) add(sum[side], await run(side, sliceMs))
      const environments = (await daemon.admin.environments()).length
      return {
        throughput: pairOf(sum.subject, sum.reference, environments),
        'floor-throughput': pairOf(sum.floor, sum.reference, connections),
      }
    }
  },
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
