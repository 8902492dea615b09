// CPU profiles by the stops of an invoke: who asked for the time is charged for it, warm-up and idle time are nobody's.

import t from 'tap'
import { type CpuProfile, stopsOf } from '../../bench/profile-stops.js'

const frame = (functionName: string, url = '') => ({ functionName, url })
const ours = (functionName: string, module: string) =>
  frame(functionName, `file:///somewhere/dist/src/${module}.js`)

/** (root) → onread → #askedNext → mark → writeBuffer; and what stands beside it. */
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 6, 7, 8] },
    { id: 2, callFrame: frame('onStreamRead', 'node:internal/stream'), children: [3] },
    { id: 3, callFrame: ours('#askedNext', 'host/live-environment'), children: [4] },
    { id: 4, callFrame: ours('mark', 'sandbox/log-pipe'), children: [5] },
    { id: 5, callFrame: frame('writeBuffer') },
    { id: 6, callFrame: frame('(idle)') },
    { id: 7, callFrame: frame('(garbage collector)') },
    { id: 8, callFrame: frame('find', 'file:///node_modules/find-my-way/index.js') },
  ],
  samples: [3, 3, 5, 4, 6, 7, 8, 2],
  timeDeltas: [1000, 10, 20, 30, 500, 40, 50, 60],
}

t.test('the innermost module of ours is charged, calls of the kernel apart', async (t) => {
  t.same(stopsOf(profile, 1.005, 1), [
    { stop: 'HTTP front (node:http, fastify, guard)', codeUs: 110, kernelUs: 0 },
    { stop: 'the environment: deliver, answered, asked next', codeUs: 10, kernelUs: 0 },
    { stop: 'log: marks, START, END, REPORT', codeUs: 30, kernelUs: 20 },
    { stop: 'garbage collection', codeUs: 40, kernelUs: 0 },
  ])
})

t.test('figures are those of one call', async (t) => {
  const [front] = stopsOf(profile, 1.005, 10)
  t.equal(front?.codeUs, 11)
})
