// What code inside an execution environment meets: the rows of the table, against three emulators, several at a time.

import t, { type Test } from 'tap'
import type { ProfiledOptions } from '../../src/daemon/chosen-profile.js'
import { localProfile } from '../../src/profile/profile.js'
import { startWith, type WrittenFunction } from '../support/in-process.js'
import { lambdaClient } from '../support/lambda-client.js'
import { functions } from './functions.js'
import { classicRows, initLimitRows, rows } from './rows.js'
import { isAlone, play, type Row, type Stage } from './table.js'

// Only against hanging.
t.setTimeout(300_000)

/** More than there are processors: many rows wait for a second to pass. */
const lanes = 8

/** A function for each row that wants one of its own, and one for all the others. */
function namesOf(played: readonly Row[]): ReadonlyMap<Row, string> {
  return new Map(
    played.map((row, index) => [row, isAlone(row) ? `${row.function}_${index}` : row.function]),
  )
}

async function stage(
  t: Test,
  names: ReadonlyMap<Row, string>,
  options: ProfiledOptions,
): Promise<Stage> {
  const project = [...names].map(([row, name]): [string, WrittenFunction] => [
    name,
    functions[row.function],
  ])
  const emu = await startWith(t, Object.fromEntries(project), options)
  const lambda = lambdaClient(t, emu.emulator.lambdaUrl)
  return { emu, lambda }
}

type Played = () => Promise<void>

async function prepare(
  t: Test,
  played: readonly Row[],
  options: ProfiledOptions = {},
): Promise<readonly Played[]> {
  const names = namesOf(played)
  const on = await stage(t, names, options)
  return [...names].map(
    ([row, name]) =>
      () =>
        play(t, on, row, name),
  )
}

const count = rows.length + classicRows.length + initLimitRows.length

t.test(`${count} behaviours`, async (t) => {
  const initLimitMs = { ...localProfile.initLimitMs, value: 3_000 }
  const waiting = [
    ...(await prepare(t, initLimitRows, { figures: { initLimitMs } })),
    ...(await prepare(t, classicRows, { reportStyle: 'classic' })),
    ...(await prepare(t, rows)),
  ]
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next()
  }
  await Promise.all(Array.from({ length: lanes }, lane))
})
