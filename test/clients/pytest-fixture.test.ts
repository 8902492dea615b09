// The pytest fixtures of fixtures/pytest: on their own, and inside `lambda-emu exec`.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { buildFolder } from '../support/daemon.js'
import { temporaryFolder } from '../support/functions.js'
import { repositoryRoot } from '../support/paths.js'
import { prepared } from './prepared.js'

t.setTimeout(400_000)

const source = join(repositoryRoot, 'fixtures/pytest')
const main = pathToFileURL(join(buildFolder, 'src/cli/main.js')).href
/** What bin/lambda-emu.js does, with the command line of this test's own build. */
const program = `#!${process.execPath}
import { setTimeout as sleep } from 'node:timers/promises'
import { main, processTerminal } from ${JSON.stringify(main)}
process.exitCode = await main(process.argv.slice(2), processTerminal({ sleep }))
`
const pytest = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider']

interface Ran {
  readonly code: number | null
  readonly output: string
}

async function run(
  words: readonly [string, ...string[]],
  cwd: string,
  variables: Readonly<Record<string, string>>,
): Promise<Ran> {
  const [command, ...rest] = words
  const child = spawn(command, rest, {
    cwd,
    env: {
      ...process.env,
      PYTHONPATH: source,
      PYTHONDONTWRITEBYTECODE: '1',
      ...variables,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk
    })
  }
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

/** A copy of the example, a PATH with the program on it, and a folder for everything temporary. */
function arrange(t: Parameters<typeof temporaryFolder>[0]) {
  const folder = temporaryFolder(t)
  const example = join(folder, 'example')
  cpSync(join(source, 'example'), example, { recursive: true })
  const programs = join(folder, 'bin')
  mkdirSync(programs)
  // Without a name that says so only a package.json makes it a module.
  writeFileSync(join(programs, 'package.json'), '{ "type": "module" }')
  const lambdaEmu = join(programs, 'lambda-emu')
  writeFileSync(lambdaEmu, program, { mode: 0o755 })
  const temporary = join(folder, 'tmp')
  mkdirSync(temporary)
  const variables = { PATH: `${programs}:${process.env.PATH}`, TMPDIR: temporary }
  return { example, temporary, variables, lambdaEmu }
}

t.test('the fixture starts an emulator of its own, and leaves nothing', async (t) => {
  const { example, temporary, variables } = arrange(t)
  const { code, output } = await run([prepared.python, ...pytest], example, variables)
  t.equal(code, 0, output)
  t.match(output, '6 passed')
  t.same(readdirSync(temporary), [])
})

t.test('inside exec it takes the emulator that is there', async (t) => {
  const { example, temporary, variables, lambdaEmu } = arrange(t)
  const seen = join(dirname(example), 'seen')
  const test = `
import os
def test_it_is_the_one_around(lambda_emu):
    assert lambda_emu.lambda_url == os.environ["AWS_ENDPOINT_URL_LAMBDA"]
    open(${JSON.stringify(seen)}, "w").write(lambda_emu.lambda_url)
`
  writeFileSync(join(example, 'test_around.py'), test)
  const exec = [lambdaEmu, 'exec', '.', '--', prepared.python, ...pytest] as const
  const { code, output } = await run([...exec], example, variables)
  t.equal(code, 0, output)
  t.match(output, '7 passed')
  t.match(readFileSync(seen, 'utf8'), /^http:\/\/127\.0\.0\.1:\d+$/)
  t.same(readdirSync(temporary), [])
})

t.test('a test that fails is a failed run, and leaves nothing either', async (t) => {
  const { example, temporary, variables, lambdaEmu } = arrange(t)
  writeFileSync(join(example, 'test_wrong.py'), 'def test_wrong(lambda_emu): assert 0\n')
  const exec = [lambdaEmu, 'exec', '.', '--', prepared.python, ...pytest] as const
  const { code, output } = await run([...exec], example, variables)
  t.equal(code, 1, output)
  t.match(output, '1 failed, 6 passed')
  t.same(readdirSync(temporary), [])
})

t.test('a project that cannot be started says why', async (t) => {
  const { example, variables } = arrange(t)
  writeFileSync(join(example, 'lambda-emu.json'), '{ "functions": 7 }')
  const { code, output } = await run([prepared.python, ...pytest], example, variables)
  t.equal(code, 1)
  t.match(output, /EmulatorError: lambda-emu did not start: .*EMU_CONFIG_INVALID/)
})
