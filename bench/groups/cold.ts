// Cold starts: every environment ended before the call, beside a bare start of the same program.

import { expireAll, startDaemon } from '../daemon.js'
import { nodeEcho, pythonEcho } from '../functions.js'
import { event, type Group } from '../group.js'
import { median } from '../statistics.js'

export const bareNode = { program: process.execPath, args: ['-e', '0'] }
export const barePython = { program: 'python3', args: ['-c', '0'] }

const sides = {
  'cold-node': { functionName: 'node', bare: bareNode },
  'cold-python': { functionName: 'python', bare: barePython },
} as const
type Side = keyof typeof sides
const names = Object.keys(sides) as readonly Side[]

export const cold: Group = {
  rows: names,
  async open({ scope, load, smoke, output }) {
    const functions = { node: nodeEcho, python: pythonEcho }
    const daemon = await startDaemon(scope, { functions, output })
    const once = async (side: Side) => {
      const { functionName, bare } = sides[side]
      const subject = await load.oneCall(daemon.target(functionName, event, event))
      await expireAll(daemon)
      return { subject, reference: await load.bare(bare) }
    }
    // The first ones find nothing in the page cache and no /tmp in stock.
    for (const side of names) for (let at = 0; at < (smoke ? 1 : 3); at += 1) await once(side)
    const times = smoke ? 1 : 7
    return async () => {
      const subjects: Record<Side, number[]> = { 'cold-node': [], 'cold-python': [] }
      const references: Record<Side, number[]> = { 'cold-node': [], 'cold-python': [] }
      for (let time = 0; time < times; time += 1)
        for (const side of names) {
          const { subject, reference } = await once(side)
          subjects[side].push(subject)
          references[side].push(reference)
        }
      const pair = (side: Side) => ({
        subject: median(subjects[side]),
        reference: median(references[side]),
      })
      return { 'cold-node': pair('cold-node'), 'cold-python': pair('cold-python') }
    }
  },
}
