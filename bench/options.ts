// The command line of the bench: what to measure, how often, and how to tell it. Pure.

import { parseArgs } from 'node:util'
import { type RowName, rowNames } from './rows.js'

/** How the daemons tell what happens, into a file: `lambda-emu start` with --json, as it is, or with --quiet. */
export const outputs = ['json', 'text', 'quiet'] as const
export type Output = (typeof outputs)[number]

export interface BenchOptions {
  readonly rows: readonly RowName[]
  readonly rounds: number
  readonly json: boolean
  readonly smoke: boolean
  readonly output: Output
}

export const usage = `npm run bench -- [options]
  --only <row,…>    only these rows
  --rounds <n>      5 unless given; fewer are only for a look
  --json            one JSON object on standard output
  --smoke           everything once and small: does it run?
  --output <kind>   what the daemons print meanwhile: ${outputs.join(', ')}; json unless given
rows: ${rowNames.join(', ')}`

/** @throws Error with a sentence about what was given. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      json: { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      output: { type: 'string', default: 'json' },
    },
  })
  const { only, rounds, json, smoke, output } = values
  if (smoke && rounds !== undefined) throw new Error('--smoke has one round')
  if (rounds !== undefined && !/^[1-9]\d{0,2}$/.test(rounds))
    throw new Error(`--rounds ${rounds} is not a number from 1 to 999`)
  if (!isOutput(output)) throw new Error(`--output ${output} is not one of ${outputs.join(', ')}`)
  return {
    rows: only === undefined ? rowNames : chosen(only),
    rounds: smoke ? 1 : Number(rounds ?? 5),
    json,
    smoke,
    output,
  }
}

function isOutput(text: string): text is Output {
  return (outputs as readonly string[]).includes(text)
}

/** In the order of the table, each once. */
function chosen(only: string): readonly RowName[] {
  const wanted = only.split(',')
  const unknown = wanted.filter((name) => !(rowNames as readonly string[]).includes(name))
  if (unknown.length > 0) throw new Error(`there is no row ${unknown.join(', ')}`)
  return rowNames.filter((name) => wanted.includes(name))
}
