// Warm invokes back to back over one connection: the official client and the built-in runtimes, each beside its reference.

import { type Daemon, startDaemon } from '../daemon.js'
import { nodeEcho, pythonEcho } from '../functions.js'
import { event, type Group, type GroupParts } from '../group.js'
import type { Target } from '../load/protocol.js'
import { officialFunction } from '../official.js'
import { cpuMsOf } from '../processes.js'
import { startReference } from '../references.js'
import type { Pair } from '../rows.js'
import { quantile } from '../statistics.js'

interface Side {
  readonly target: Target
  /** Whose CPU time is counted. */
  readonly pid: number
}

interface Measured {
  readonly latenciesMs: number[]
  cpuMs: number
}

export const warm: Group = {
  rows: ['warm-official', 'warm-node', 'floor-warm', 'warm-python'],
  async open(parts) {
    const { load, smoke } = parts
    const sides = await openSides(parts)
    for (const { target } of Object.values(sides))
      await load.calls({ target, connections: 1, calls: smoke ? 20 : 1_500 })
    return async () => {
      const measured = await inTurn(parts, sides)
      return {
        'warm-official': pairOf(measured.official, measured.loop),
        'warm-node': pairOf(measured.node, measured.echo),
        'floor-warm': pairOf(measured.floor, measured.echo),
        'warm-python': pairOf(measured.python, measured.echo),
      }
    }
  },
}

async function openSides({ scope, output, tell }: GroupParts) {
  const code = await officialFunction(tell)
  const official = { runtime: 'provided.al2023', handler: 'index.handler', code }
  const functions = { official, node: nodeEcho, python: pythonEcho }
  const daemon = await startDaemon(scope, { functions, output })
  const loop = await startReference(scope, 'runtime-loop', [code, 'index.handler'])
  const floor = await startReference(scope, 'floor', ['1', nodeEcho.code, nodeEcho.handler])
  const fastify = await startReference(scope, 'fastify-echo')
  return {
    official: sideOf(daemon, 'official'),
    loop: { target: loop.target(event), pid: loop.pid },
    node: sideOf(daemon, 'node'),
    echo: { target: fastify.target(event), pid: fastify.pid },
    floor: { target: floor.target(event), pid: floor.pid },
    python: sideOf(daemon, 'python'),
  }
}

function sideOf(daemon: Daemon, name: string): Side {
  return { target: daemon.target(name, event, event), pid: daemon.pid }
}

/** Slices of all sides in turn, so that a busy moment of the machine hits them alike. */
async function inTurn<N extends string>(
  { load, smoke }: GroupParts,
  sides: Readonly<Record<N, Side>>,
): Promise<Record<N, Measured>> {
  const names = Object.keys(sides) as N[]
  const measured = Object.fromEntries(
    names.map((name): [string, Measured] => [name, { latenciesMs: [], cpuMs: 0 }]),
  ) as Record<N, Measured>
  const [slices, calls] = smoke ? [1, 20] : [5, 150]
  for (let slice = 0; slice < slices; slice += 1)
    for (const name of names) {
      const { target, pid } = sides[name]
      const cpuBeforeMs = cpuMsOf(pid)
      const done = await load.calls({ target, connections: 1, calls })
      measured[name].cpuMs += cpuMsOf(pid) - cpuBeforeMs
      measured[name].latenciesMs.push(...done.latenciesMs)
    }
  return measured
}

function pairOf(subject: Measured, reference: Measured): Pair {
  return {
    subject: quantile(subject.latenciesMs, 0.5),
    reference: quantile(reference.latenciesMs, 0.5),
    seen: {
      'p90, ms': quantile(subject.latenciesMs, 0.9),
      'daemon CPU a call, ms': subject.cpuMs / subject.latenciesMs.length,
      'reference CPU a call, ms': reference.cpuMs / reference.latenciesMs.length,
    },
  }
}
