#!/usr/bin/env node
// npm run test:modes: the behaviour tests once in every mode that an emulator may find itself in, from root with everything to a
// container with next to nothing; then a table of what differs where. Needs Linux, root, a C compiler, setpriv and unshare.
// Words after it choose modes by name. A mode that cannot be made here is a failure. Last line: `N passed, N failed`.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { closeWith, runFiles } from './tap-files.js'

const root = join(import.meta.dirname, '..')
const compiled = join(root, process.env.LAMBDA_EMU_TEST_OUT ?? 'dist')
const fileTimeoutMs = 400_000

const table = ['modes/behaviour.test.js']
/** What is about behaviour, and so must hold in every mode. */
const behaviour = [
  ...table,
  'behaviour/inside.test.js',
  'e2e/failures.test.js',
  'e2e/timeouts.test.js',
  'e2e/logs.test.js',
  'e2e/reuse.test.js',
  'e2e/freeze.test.js',
  'e2e/budget.test.js',
  'e2e/f1.test.js',
  'e2e/layers.test.js',
  'e2e/extensions.test.js',
  'e2e/telemetry.test.js',
]
/** With what waits for real time to pass: in the modes that have the least in common. */
const everything = [
  ...behaviour,
  'behaviour/thaw.test.js',
  'behaviour/thaw-connections.test.js',
  'e2e/extension-failures.test.js',
  'e2e/extension-shutdown.test.js',
  'e2e/telemetry-external.test.js',
]

/** An ordinary user: a number that no distribution, container or emulator gives to anybody. */
const user = 1_879_099_999
const asUser = ['setpriv', '--reuid', `${user}`, '--regid', `${user}`, '--clear-groups']
const userPath = [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':')
const noHelper = '/nonexistent/lambda-emu-helper'

/** In a mount namespace of its own: every cgroup tree read-only, then the program. */
const readOnlyGroups = [
  'sh',
  '-ec',
  `grep -E ' - cgroup2? ' /proc/self/mountinfo | cut -d' ' -f5 | while read -r place; do
     mount -o remount,bind,ro "$place"
   done
   exec "$@"`,
  'sh',
]
/** Those that a container engine leaves to root. Source: Docker's documentation, default capabilities. */
const containerCapabilities = [
  'chown',
  'dac_override',
  'fsetid',
  'fowner',
  'mknod',
  'net_raw',
  'setgid',
  'setuid',
  'setfcap',
  'setpcap',
  'net_bind_service',
  'sys_chroot',
  'kill',
  'audit_write',
]

/** How each is made: words before the program, and variables. `user`: its folders belong to the ordinary user. */
function modesIn(place) {
  const kept = containerCapabilities.map((name) => `+${name}`).join(',')
  return {
    // `npm test` runs the others in this one.
    root: { wrapper: [], files: table },
    'root-by-signal': { wrapper: [] },
    'root-without-helper': {
      wrapper: [],
      env: { LAMBDA_EMU_HELPER: noHelper },
      files: behaviour,
    },
    user: { wrapper: asUser, user: true, files: behaviour },
    // As `user`, but that no program can gain rights.
    'user-no-new-privs': {
      wrapper: [...asUser, '--no-new-privs'],
      user: true,
      files: [...table, 'behaviour/inside.test.js', 'e2e/failures.test.js', 'e2e/timeouts.test.js'],
    },
    'user-without-helper': {
      wrapper: asUser,
      user: true,
      env: { LAMBDA_EMU_HELPER: noHelper },
    },
    'user-namespace': {
      wrapper: ['unshare', '--user', '--map-root-user', '--mount', ...readOnlyGroups],
      files: behaviour,
    },
    container: {
      wrapper: [
        ...['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
        ...readOnlyGroups,
        ...['setpriv', '--bounding-set', `-all,${kept}`],
        join(place, 'container-filter'),
      ],
    },
    // As `root`, but that our own bootstraps speak what every other runtime speaks.
    'runtime-api-by-http': {
      wrapper: [],
      env: { LAMBDA_EMU_RUNTIME_CHANNEL: 'http' },
      files: behaviour,
    },
  }
}

function fail(text) {
  console.log(`FAIL ${text}`)
  return { passed: 0, failed: 1, failures: [{ path: text }] }
}

/** A copy that every user may read: a checkout may be closed to all but its owner. */
function copyRepository(place) {
  const copy = join(place, 'lambda-emu')
  cpSync(compiled, join(copy, 'dist'), { recursive: true })
  const native = `dist/native/${process.platform}-${process.arch}`
  const helper = process.env.LAMBDA_EMU_HELPER ?? join(root, native, 'lambda-emu-helper')
  cpSync(helper, join(copy, native, 'lambda-emu-helper'))
  for (const name of ['package.json', 'bin', 'dist/runtimes', 'fixtures'])
    cpSync(join(root, name), join(copy, name), { recursive: true })
  const modules = join(root, 'node_modules')
  const readable = attempt([...asUser, 'test', '-r', join(modules, 'tap/package.json')]) === ''
  if (readable) symlinkSync(modules, join(copy, 'node_modules'))
  else cpSync(modules, join(copy, 'node_modules'), { recursive: true, verbatimSymlinks: true })
  spawnSync('chmod', ['-R', 'go+rX', copy])
  return copy
}

/** Why these words cannot be run to a good end; empty when they can. */
function attempt([program, ...words], options = {}) {
  const { error, status, signal, stderr } = spawnSync(program, words, {
    encoding: 'utf8',
    ...options,
  })
  if (error !== undefined) return error.message
  return status === 0 ? '' : `${signal ?? `exit ${status}`} ${stderr.trim()}`
}

function compileFilter(place) {
  const source = join(root, 'test/modes/container-filter.c')
  const compiler = process.env.CC ?? 'cc'
  const flags = ['-Wall', '-Wextra', '-O1']
  return attempt([compiler, ...flags, '-o', join(place, 'container-filter'), source])
}

/** Folders of the mode's own, and the variables that lead to them. */
function home(place, name, { user: ordinary, env = {} }) {
  const folder = join(place, name)
  for (const part of ['', 'tmp', 'home', 'state']) {
    mkdirSync(join(folder, part), { recursive: true })
    chmodSync(join(folder, part), 0o700)
    if (ordinary) chownSync(join(folder, part), user, user)
  }
  const { LAMBDA_EMU_HELPER: _, ...own } = process.env
  return {
    ...own,
    ...(ordinary ? { PATH: userPath, USER: 'ordinary', LOGNAME: 'ordinary' } : {}),
    TMPDIR: join(folder, 'tmp'),
    HOME: join(folder, 'home'),
    XDG_STATE_HOME: join(folder, 'state'),
    XDG_RUNTIME_DIR: join(folder, 'state'),
    LAMBDA_EMU_TEST_MODE: name,
    LAMBDA_EMU_TEST_REPORT: join(folder, 'observed.json'),
    ...env,
  }
}

/** What should have ended with the mode: number and program. */
function survivors() {
  const all = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
  return all.flatMap((pid) => {
    try {
      if (statSync(`/proc/${pid}`).uid !== user) return []
      const [, program, state] = /^\d+ \((.*)\) (\S)/s.exec(
        readFileSync(`/proc/${pid}/stat`, 'utf8'),
      )
      // Dead, and only waits for whoever adopted it.
      return state === 'Z' ? [] : [`${pid} (${program})`]
    } catch {
      // It has ended since.
      return []
    }
  })
}

async function runMode(place, copy, name, made) {
  console.log(`\n── ${name}`)
  const env = home(place, name, made)
  const refused = attempt([...made.wrapper, process.execPath, '-e', '0'], { env, cwd: copy })
  if (refused !== '') return { results: [fail(`${name} cannot be made here: ${refused}`)] }
  const how = { folder: join(copy, 'dist/test'), cwd: copy, env, wrapper: made.wrapper }
  const files = made.files ?? everything
  const ran = await runFiles(files, 1, { ...how, timeoutMs: fileTimeoutMs })
  const results = ran.map((result) => ({ ...result, file: `${name}: ${result.file}` }))
  const left = made.user ? survivors() : []
  if (left.length > 0) results.push(fail(`${name}: still there: ${left.join(', ')}`))
  const report = env.LAMBDA_EMU_TEST_REPORT
  const rows = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : []
  return { results, rows }
}

/** Every row: what root has, and below it where another mode differs, and why. */
function printTable(observed) {
  const [first] = observed.values()
  if (first === undefined) return
  console.log('\n── what differs where')
  for (const { behaviour, value } of first) {
    console.log(`${behaviour}: ${value}`)
    for (const [name, rows] of observed) {
      const row = rows.find((each) => each.behaviour === behaviour)
      if (row === undefined || row.value === value) continue
      console.log(`    ${name}: ${row.value}${row.why === '' ? '' : ` (${row.why})`}`)
    }
  }
}

async function main() {
  if (process.getuid?.() !== 0) return [fail('only root can make all the modes')]
  const place = mkdtempSync(join(tmpdir(), 'lambda-emu-modes-'))
  chmodSync(place, 0o755)
  try {
    const problem = compileFilter(place)
    const results = problem === '' ? [] : [fail(`the filter cannot be compiled: ${problem}`)]
    const copy = copyRepository(place)
    const made = modesIn(place)
    const { modeNames } = await import(join(compiled, 'test/support/modes.js'))
    if (Object.keys(made).join() !== modeNames.join())
      results.push(fail('test/support/modes.ts knows other modes'))
    const wanted = process.argv.slice(2)
    const unknown = wanted.filter((each) => !(each in made))
    results.push(...unknown.map((each) => fail(`there is no mode ${each}`)))
    const names = Object.keys(made).filter((each) => wanted.length === 0 || wanted.includes(each))
    const observed = new Map()
    for (const name of names) {
      const ran = await runMode(place, copy, name, made[name])
      results.push(...ran.results)
      if (ran.rows?.length > 0) observed.set(name, ran.rows)
    }
    printTable(observed)
    return results
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

closeWith(await main())
