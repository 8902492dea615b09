// Every recorded scenario that needs no later feature, played by boto3 against a real emulator and compared member by member.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { repositoryRoot } from '../support/paths.js'
import {
  type Comparison,
  type Json,
  type JsonObject,
  newComparison,
  recordedAnswers,
} from '../support/recorded-answers.js'
import { startEmulatorProcess } from './emulator-process.js'
import { goFunction, writeZip } from './packages.js'
import { surroundings } from './plan.js'
import { prepared } from './prepared.js'
import { deviations, laterScenarios, overtaken } from './recorded-table.js'

interface Told {
  readonly scenario: string
  readonly answer: string
  readonly value: Json
}

const script = join(repositoryRoot, 'test/clients/recorded/play.py')
const recording = join(repositoryRoot, 'fixtures/recorded/aws-recorded-answers.json')
/** The account of the recording; a key of twelve digits names the account. */
const account = '111111111111'

const { answers } = JSON.parse(readFileSync(recording, 'utf8')) as { answers: JsonObject }
const played = Object.keys(answers).filter((name) => !(name in laterScenarios))

t.test('the table of differences names only what was recorded', async (t) => {
  t.same(
    Object.keys(laterScenarios).filter((name) => !(name in answers)),
    [],
  )
  const named = [...deviations, ...overtaken, ...overtaken.map(({ by }) => by)]
  t.same(
    named.filter(({ scenario, answer }) => !(answer in recordedAnswers(scenario))),
    [],
  )
})

t.test('boto3 gets what AWS answered', { timeout: 200_000 }, async (t) => {
  const emulator = await startEmulatorProcess(t)
  const settings = {
    endpoint: emulator.url,
    goZip: await writeZip(join(emulator.folder, 'go.zip'), [goFunction]),
    scenarios: played,
  }
  const home = mkdtempSync(join(emulator.folder, 'home-'))
  const { stdout } = await promisify(execFile)(
    prepared.python,
    ['-B', script, JSON.stringify(settings)],
    {
      env: {
        ...surroundings('endpoint option', emulator.url, home),
        AWS_ACCESS_KEY_ID: account,
      },
      maxBuffer: 64 * 1024 * 1024,
    },
  )
  const told = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Told)
  for (const scenario of played) {
    t.test(scenario, async (t) => {
      const comparison = newComparison()
      for (const answer of Object.keys(recordedAnswers(scenario))) {
        compareAnswer(t, told, { scenario, answer, comparison })
      }
    })
  }
})

interface Compared {
  readonly scenario: string
  readonly answer: string
  readonly comparison: Comparison
}

function compareAnswer(
  t: Parameters<typeof startEmulatorProcess>[0],
  told: readonly Told[],
  { scenario, answer, comparison }: Compared,
): void {
  const actual = told.find((each) => each.scenario === scenario && each.answer === answer)
  const differences = comparison.differences(expected(scenario, answer), actual?.value)
  const paths = deviations
    .filter((each) => each.scenario === scenario && each.answer === answer)
    .flatMap((each) => each.paths)
  const isOf = (difference: string, path: string) => difference.startsWith(`${path}: `)
  t.same(
    differences.filter((difference) => !paths.some((path) => isOf(difference, path))),
    [],
    answer,
  )
  t.same(
    paths.filter((path) => !differences.some((difference) => isOf(difference, path))),
    [],
    `${answer}: what is listed as different still is`,
  )
}

/** The recorded answer as today's AWS would give it. */
function expected(scenario: string, answer: string): Json | undefined {
  const recorded = readable(recordedAnswers(scenario)[answer])
  const newer = overtaken.find((each) => each.scenario === scenario && each.answer === answer)
  if (newer === undefined) return recorded
  const { [newer.member]: member } = recordedAnswers(newer.by.scenario)[
    newer.by.answer
  ] as JsonObject
  return {
    ...(recorded as JsonObject),
    ...(member === undefined ? {} : { [newer.member]: member }),
  }
}

/** The recorder wrapped what its own fixture had made, and cut the times out of log lines. */
function readable(recorded: Json | undefined): Json | undefined {
  if (typeof recorded !== 'object' || recorded === null || Array.isArray(recorded)) return recorded
  const { CreateFunctionResponse: wrapped, logs } = recorded as JsonObject
  if (wrapped !== undefined) return wrapped
  if (!Array.isArray(logs)) return recorded
  return { logs: logs.map((line) => String(line).replace(/^date\t/, '<date>\t')) }
}
