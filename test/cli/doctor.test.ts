// What `lambda-emu doctor` says: the page exactly, and the real verb against this machine.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import { abilityNames, type Diagnosis } from '../../src/admin/diagnosis.js'
import { detect } from '../../src/cgroups/detect.js'
import { doctor, run } from '../../src/cli/doctor.js'
import { explain } from '../../src/cli/doctor-advice.js'
import { texts } from '../../src/cli/doctor-texts.js'
import { main } from '../../src/cli/main.js'
import { renderDoctor } from '../../src/cli/render-doctor.js'
import { createStyle } from '../../src/cli/text.js'
import { systemKernel } from '../../src/clock/kernel.js'
import { findAbilities } from '../../src/sandbox/abilities.js'
import { findHelper } from '../../src/sandbox/helper.js'
import { repositoryRoot } from '../support/paths.js'
import { asUser, best, diagnosis } from './diagnosis.js'
import { stage } from './stage.js'

function page(given: Diagnosis, columns = 80): string {
  const lines = explain(given, 'lambda-emu')
  return renderDoctor({ diagnosis: given, lines }, { columns, style: createStyle(false) }).join(
    '\n',
  )
}

t.test('where everything works nothing is asked of anybody', async (t) => {
  t.equal(
    page(diagnosis()),
    `lambda-emu 0.1.0   what this machine can do, each line tried

  ● freeze       cgroup v2: every process stands still between requests
  ● CPU          given out by the kernel, in proportion to memory
  ● memory       limited by the kernel
  ● processes    limited by the kernel
  ● files        a file system, process list and user id of its own
  ● Runtime API  closed to other environments' processes by the kernel
  ● /tmp         a file system of the configured size
  ● start        by the native helper
  ● guardian     cleans up if the emulator is killed

  Everything works, and nothing is reduced.

  system         Linux 6.8.0-45-generic x64, root
  Node           20.20.2
  Python         3.12.3
  cgroups        v2
  CPUs           8
  memory         31.3 GB, 20.0 GB of it free
  budget         14.0 GB for all functions together
  helper         /opt/lambda-emu/lambda-emu-helper
  port 3000      free
  port 3001      in use by node (pid 4711)`,
  )
})

t.test('an ordinary user hears what is lost, and which command lifts which line', async (t) => {
  const text = page(diagnosis({ machine: { uid: 1000 }, worse: asUser }))
  t.equal(
    text.split('\n\n').slice(1, 3).join('\n\n'),
    `  ◐ freeze       SIGSTOP to every process of an environment
    lost         a process can notice the thaw (SIGCONT), and a fork just then
                 runs on for 1 ms
    lift         systemd-run --user --scope -p Delegate=yes lambda-emu start
  ◐ CPU          given out by stopping and continuing
    lost         shares hold within ±10 %, and never go below 5 %
    lift         systemd-run --user --scope -p Delegate=yes lambda-emu start
  ◐ memory       looked at 20 times a second, and ended when over the limit
    lost         a quick burst passes the limit before it is seen
    lift         systemd-run --user --scope -p Delegate=yes lambda-emu start
  ○ processes    not limited
    lost         a fork bomb is not stopped at 1,024 processes
    lift         systemd-run --user --scope -p Delegate=yes lambda-emu start
  ◐ files        a file system and process list of its own, under your user id
    lost         environments share your user id: only namespaces keep them
                 apart
    lift         sudo lambda-emu start
  ◐ Runtime API  kept apart by a secret name in its hosts file
    lost         whoever learns the name of another environment can speak for it
    lift         sudo lambda-emu start
  ◐ /tmp         a folder on this disk
    lost         its size is watched and not enforced
    lift         sudo lambda-emu start
  ● start        by the native helper
  ● guardian     cleans up if the emulator is killed

  Functions run: 2 in full, 6 reduced, 1 missing.`,
  )
  t.ok(
    text.split('\n').every((line) => [...line].length <= 80),
    'no line is wider than the terminal',
  )
})

t.test('what is the same for all is said once', async (t) => {
  const given = diagnosis({ machine: { uid: 1000, cgroups: 'hybrid' }, worse: asUser })
  const text = page(given, 120)
  t.match(
    text,
    /Functions run: 2 in full, 6 reduced, 1 missing, and one thing lifts all of it:\n {4}lift {9}sudo lambda-emu start\n/,
  )
  t.equal(text.split('lift').length, 3, 'in the summary, as its label, and no more')
  t.equal(text.split('lost').length, 8)
  const two = page(
    diagnosis({
      worse: { storage: ['folder', 'mkfs.ext4 is not installed'] },
      probes: { 'loop-mount': 'yes' },
    }),
  )
  t.match(two, /lift {9}apt-get install -y e2fsprogs\n/)
  t.match(two, /Functions run: 8 in full, 1 reduced\.\n/)
})

t.test('colour marks what is full, reduced and missing, and moves no column', async (t) => {
  const given = diagnosis({ machine: { uid: 1000 }, worse: asUser })
  const lines = explain(given, 'lambda-emu')
  const coloured = renderDoctor(
    { diagnosis: given, lines },
    { columns: 80, style: createStyle(true) },
  )
  const plain = coloured.map((line) => stripVTControlCharacters(line))
  t.equal(plain.join('\n'), page(given))
  const marks = coloured.map((line) => line.split(' ')[2])
  t.equal(marks[2], createStyle(true).yellow('◐'))
  t.ok(marks.includes(createStyle(true).red('○')))
  t.ok(marks.includes(createStyle(true).green('●')))
})

t.test('every choice that there is has its words', async (t) => {
  for (const name of abilityNames) {
    t.ok(texts[name][best[name]], `${name} ${best[name]}`)
    t.equal(texts[name][best[name]]?.mark, 'full')
    for (const [choice, { mark, lost }] of Object.entries(texts[name]))
      t.equal(lost === '', mark === 'full', `${name} ${choice} says what is lost`)
  }
})

t.test(
  'the verb ends with 0 however much is reduced, and with 3 when nothing can run',
  async (t) => {
    const reduced = stage()
    const given = { json: false, quiet: false }
    const fine = await doctor(async () => diagnosis({ worse: asUser }))(given, reduced)
    t.match(fine, { is: 'once', exitCode: 0 })
    const hint = 'choose another with --state-dir'
    const obstacles = [{ code: 'EMU_STATE_DIRECTORY', message: 'cannot use /x: EACCES', hint }]
    const stuck = await doctor(async () => diagnosis({ obstacles }))(given, reduced)
    t.match(stuck, {
      exitCode: 3,
      error: {
        code: 'EMU_STATE_DIRECTORY',
        message: 'lambda-emu cannot run here: cannot use /x: EACCES',
        hint,
      },
    })
    t.notMatch(stuck.is === 'once' && stuck.text, /Everything works|Functions run/)
  },
)

t.test('on this machine it shows what the daemon would find, and leaves nothing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-doctor-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const terminal = stage({ workingFolder: folder })
  t.equal(await main(['doctor', '--json', '--state-dir', 'state'], terminal), 0)
  const told = JSON.parse(terminal.out())
  t.match(told, { schemaVersion: 1, command: 'doctor', status: 'ok', error: null })
  const helper = findHelper(repositoryRoot)
  const found = await findAbilities({
    helper,
    support: detect(),
    timers: systemKernel,
    variables: process.env,
  })
  t.same(told.data.abilities, JSON.parse(JSON.stringify(found.abilities)))
  t.equal(told.data.lines.length, abilityNames.length)
  t.match(told.data.machine, { nodeVersion: process.versions.node, uid: process.getuid?.() })
  t.same(readdirSync(folder), [], 'no state directory was left')

  const people = stage({ workingFolder: folder })
  t.equal(await main(['doctor'], people), 0)
  t.match(people.out(), /^lambda-emu \d+\.\d+\.\d+ {3}what this machine can do/)
  t.equal(people.err(), '')
})

t.test('a state directory that cannot be written to is found by trying', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-doctor-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'kept'))
  writeFileSync(join(folder, 'file'), '')
  const terminal = stage({ workingFolder: folder })
  const given = { json: false, quiet: false }
  t.match(await run({ ...given, stateDir: 'file' }, terminal), {
    exitCode: 3,
    error: { code: 'EMU_STATE_DIRECTORY', message: /ENOTDIR/ },
  })
  t.match(await run({ ...given, stateDir: 'kept' }, terminal), { exitCode: 0 })
  t.same(readdirSync(folder).sort(), ['file', 'kept'])
})
