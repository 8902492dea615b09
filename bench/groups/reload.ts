// From saving a file to the first answer of its new code, called at once, beside a bare start of the same runtime.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Daemon, environmentsAtRest, startDaemon, temporaryFolder } from '../daemon.js'
import type { Group } from '../group.js'
import { median } from '../statistics.js'
import { bareNode, barePython } from './cold.js'

const sides = {
  'reload-node': {
    runtime: 'nodejs22.x',
    handler: 'index.handler',
    file: 'index.mjs',
    says: (word: string) => `export const handler = async () => '${word}'\n`,
    bare: bareNode,
  },
  'reload-python': {
    runtime: 'python3.12',
    handler: 'app.handler',
    file: 'app.py',
    says: (word: string) => `def handler(event, context):\n    return "${word}"\n`,
    bare: barePython,
  },
} as const
type Side = keyof typeof sides
const names = Object.keys(sides) as readonly Side[]

export const reload: Group = {
  rows: names,
  async open({ scope, load, smoke, output }) {
    const folder = temporaryFolder(scope)
    const functions = Object.fromEntries(names.map((side) => [side, written(folder, side)]))
    const daemon: Daemon = await startDaemon(scope, { functions, output })
    for (const side of names) await load.oneCall(daemon.target(side, {}, 'first'))
    let generation = 0
    const once = async (side: Side) => {
      // A save meets a function that is idle and frozen, as after a look at its last answer.
      await environmentsAtRest(daemon)
      generation += 1
      const word = `generation ${generation}`
      const path = join(folder, side, sides[side].file)
      const target = daemon.target(side, {}, word)
      const { elapsedMs, calls } = await load.save({ path, text: sides[side].says(word), target })
      return { subject: elapsedMs, calls, reference: await load.bare(sides[side].bare) }
    }
    for (const side of names) await once(side)
    const times = smoke ? 1 : 5
    return async () => {
      const taken: Record<Side, Awaited<ReturnType<typeof once>>[]> = {
        'reload-node': [],
        'reload-python': [],
      }
      for (let time = 0; time < times; time += 1)
        for (const side of names) taken[side].push(await once(side))
      const pair = (side: Side) => ({
        subject: median(taken[side].map(({ subject }) => subject)),
        reference: median(taken[side].map(({ reference }) => reference)),
        seen: { 'calls until it was new': Math.max(...taken[side].map(({ calls }) => calls)) },
      })
      return { 'reload-node': pair('reload-node'), 'reload-python': pair('reload-python') }
    }
  },
}

function written(folder: string, side: Side) {
  const { runtime, handler, file, says } = sides[side]
  const code = join(folder, side)
  mkdirSync(code)
  writeFileSync(join(code, file), says('first'))
  return { runtime, handler, code }
}
