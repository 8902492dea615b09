// Lets a client play the plan against a real emulator and compares what it tells, step by step.

import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { startEmulatorProcess } from './emulator-process.js'
import { writePackage } from './packages.js'
import {
  asyncMarker,
  type Case,
  cases,
  comparable,
  expectedSteps,
  expectedTail,
  makePlan,
  type Plan,
  type Step,
  surroundings,
  unrecorded,
} from './plan.js'

/** Plays the whole plan. Rejects when the client meets what it did not expect. */
export type Client = (plan: Plan, env: NodeJS.ProcessEnv) => Promise<readonly Step[]>

/** A client in a process of its own, which takes the plan as its last argument and prints a line of JSON a step. */
export function separateProcess(file: string, args: readonly string[] = []): Client {
  return async (plan, env) => {
    const { stdout } = await promisify(execFile)(file, [...args, JSON.stringify(plan)], {
      env,
      maxBuffer: 64 * 1024 * 1024,
    })
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Step)
  }
}

export interface Played {
  readonly name: string
  readonly client: Client
  /** Facts that this client does not tell with every step. */
  readonly untold?: readonly string[]
  /** All cases of the plan when missing. */
  readonly cases?: readonly Case[]
}

/** Registers the tests of a client, each case with an emulator of its own. */
export function playAll(played: Played): void {
  for (const each of played.cases ?? cases) {
    t.test(
      `${played.name}, told by ${each.finding}, runs the whole life of a ${each.runtime} function`,
      { timeout: 120_000 },
      (t) => play(t, played, each),
    )
  }
}

async function play(t: Parameters<typeof startEmulatorProcess>[0], played: Played, each: Case) {
  const emulator = await startEmulatorProcess(t)
  const plan = makePlan({
    client: played.name.replace(/\W/g, '-').toLowerCase(),
    case: each,
    url: emulator.url,
    built: await writePackage(emulator.folder, each.runtime),
    folder: emulator.folder,
  })
  const home = mkdtempSync(join(emulator.folder, 'home-'))
  const steps = await played.client(plan, surroundings(each.finding, emulator.url, home))
  const expected = expectedSteps(plan)
  t.same(
    steps.map(({ step }) => step),
    expected.map(({ step }) => step),
    'every step was played',
  )
  for (const [index, wanted] of expected.entries()) {
    const said = comparable(steps[index] ?? { step: 'none' })
    // A text that was never recorded is not compared: any will do, but there must be one.
    const anyText = wanted.message === unrecorded && Boolean(said.message)
    const told = anyText ? { ...said, message: unrecorded } : said
    const untold = (played.untold ?? []).filter((name) => !(name in told))
    t.same(told, without(wanted, untold), wanted.step)
  }
  const tail = steps.find(({ step }) => step === 'invoke')?.log
  t.match(tail, expectedTail(plan), 'the tail is what the function wrote, whole')
  await emulator.logged(asyncMarker(plan.functionName))
}

function without(step: Step, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(step).filter(([name]) => !names.includes(name)))
}
