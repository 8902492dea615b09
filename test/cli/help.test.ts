// Help, completion and the reference: made from the tables that the code runs by, and complete.

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { candidates } from '../../src/cli/completion.js'
import { exitMeanings, meaningOf, warningMeanings } from '../../src/cli/glossary.js'
import { helpOf, main } from '../../src/cli/main.js'
import { renderReference } from '../../src/cli/reference.js'
import { flagsOf, verbs } from '../../src/cli/verbs.js'
import { settingNames } from '../../src/config/settings.js'
import { exitCodes } from '../../src/domain/emulator-error.js'
import { repositoryRoot } from '../support/paths.js'
import { stage } from './stage.js'

t.test('every verb has help with an example, no wider than the terminal', async (t) => {
  const help = stage()
  t.equal(await main(['--help'], help), 0)
  for (const { name } of verbs) {
    t.match(help.out(), `lambda-emu ${name}`)
    const terminal = stage()
    t.equal(await main([name, '--help'], terminal), 0)
    t.match(terminal.out(), /Examples:\n {2}\S/, name)
    t.notMatch(terminal.out(), /undefined/)
  }
})

t.test('the reference is what the code says', async (t) => {
  const written = readFileSync(join(repositoryRoot, 'docs/reference.md'), 'utf8')
  t.equal(written, await renderReference(helpOf), 'run `node scripts/generate-reference.js`')
  for (const name of settingNames) t.match(written, `start.${name}\``)
})

t.test('every warning code of the sources can be explained', async (t) => {
  const folder = join(repositoryRoot, 'src')
  const files = (readdirSync(folder, { recursive: true }) as string[]).filter((name) =>
    name.endsWith('.ts'),
  )
  const used = new Set(
    files.flatMap(
      (name) => readFileSync(join(folder, name), 'utf8').match(/(?<![.\w])W_[A-Z_]+\b/g) ?? [],
    ),
  )
  t.ok(used.size > 5)
  t.same([...used].filter((code) => !Object.hasOwn(warningMeanings, code)).sort(), [])
  for (const code of used) t.match(meaningOf(code), [new RegExp(`^${code}: a warning`), /^ {2}\S/])
})

t.test('every exit code has its meaning', async (t) => {
  t.same(
    exitMeanings.map(([code]) => code),
    Object.values(exitCodes).sort((a, b) => a - b),
  )
})

t.test('completion proposes verbs, flags, sources and shells', async (t) => {
  const given = { json: false, quiet: false }
  const table: readonly (readonly [readonly string[], readonly string[]])[] = [
    [['st'], ['start', 'stop', 'status']],
    [['config', ''], ['show']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [
      ['events', 's'],
      ['s3', 'sqs', 'sns', 'schedule'],
    ],
    [['start', '--no-s'], ['--no-stage-path']],
    [['start', '--stat'], ['--state-dir']],
    [['exec', '--verb'], ['--verbose']],
    [['invoke', '--ev'], ['--event']],
    [['nonsense', ''], []],
  ]
  for (const [line, expected] of table) {
    t.same(await candidates(line, given, stage()), expected, line.join(' '))
  }
  const start = verbs.find(({ name }) => name === 'start')
  const flags = start === undefined ? [] : flagsOf(start)
  t.ok(flags.includes('--http-port') && flags.includes('--no-watch') && flags.includes('--json'))
  t.notOk(flags.includes('--warm-containers'), 'what has no effect is not proposed')
  t.notOk(flags.includes('--path'), 'nor are positionals')
})

t.test('the scripts are words that their shells can read', async (t) => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const terminal = stage()
    t.equal(await main(['completion', shell], terminal), 0)
    t.match(terminal.out(), /lambda-emu completion --words -- /)
  }
  const bash = stage({ variables: { SHELL: '/bin/bash' } })
  t.equal(await main(['completion'], bash), 0)
  // A program of the script's own name answers with the words that it is given.
  const script = `lambda-emu() { shift 3; printf '%s\\n' "answered:$*"; }
${bash.out()}
COMP_WORDS=(lambda-emu invoke he); COMP_CWORD=2
_lambda_emu
echo "\${COMPREPLY[@]}"`
  const said = await new Promise<string>((resolve, reject) => {
    execFile('bash', ['--norc', '-c', script], (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    )
  })
  t.equal(said, 'answered:invoke he\n')
})
