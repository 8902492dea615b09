// What is decided from attempts, over a table of machines; and that the helper's attempts equal those of other programs.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { detect } from '../../src/cgroups/detect.js'
import { systemKernel } from '../../src/clock/kernel.js'
import {
  type Abilities,
  decideAbilities,
  type Findings,
  findAbilities,
} from '../../src/sandbox/abilities.js'
import { findHelper } from '../../src/sandbox/helper.js'
import { daemonOfSubtree, isAlive } from '../../src/sandbox/identity.js'
import {
  type ProbeName,
  type ProbeResult,
  parseProbes,
  probeNames,
  runProbe,
} from '../../src/sandbox/probe.js'
import { repositoryRoot } from '../support/paths.js'

const allWork = parseProbes(probeNames.map((name) => `${name} yes`).join('\n'))

function probes(refused: Partial<Record<ProbeName, string>>): Findings['probe'] {
  const changes = Object.entries(refused).map(([name, text]): [string, ProbeResult] => {
    const [errno = '', step = ''] = text.split(' ')
    return [name, { works: false, errno, step }]
  })
  return { probes: { ...allWork, ...Object.fromEntries(changes) } }
}

const everywhere = { version: 1, root: '/sys/fs/cgroup/x' } as const
const rootHost: Findings = {
  freezer: { backend: 'v2', passedOver: [] },
  limits: { cpu: everywhere, memory: everywhere, pids: everywhere },
  probe: { probes: allWork },
  procfs: true,
  makeFileSystem: '/usr/sbin/mkfs.ext4',
}
const noGroup = { refused: 'no group can be made (/sys/fs/cgroup: EACCES)' }
const ordinaryUser: Findings = {
  ...rootHost,
  freezer: {
    backend: 'signal',
    passedOver: [
      'v2: no group can be made (/sys/fs/cgroup: EACCES)',
      'v1: no v1 freezer hierarchy is mounted',
    ],
  },
  limits: { cpu: noGroup, memory: noGroup, pids: noGroup },
  probe: probes({
    namespaces: 'EPERM clone',
    'drop-user': 'EPERM setgroups',
    'clone-into-cgroup': 'ENOENT v2-folder',
    'bpf-connect': 'ENOENT v2-folder',
    'loop-mount': 'EACCES loop-control',
  }),
}
const filteredContainer: Findings = {
  ...ordinaryUser,
  probe: probes({
    namespaces: 'EPERM clone',
    'user-namespaces': 'EPERM clone',
    'drop-user': 'EPERM setgroups',
    'bpf-connect': 'ENOENT v2-folder',
    'loop-mount': 'ENOENT loop-control',
    'session-keyring': 'EPERM join',
  }),
}
const readOnlyGroups: Findings = {
  ...ordinaryUser,
  probe: probes({ 'bpf-connect': 'EROFS make-group' }),
}
const noHelper = { refused: 'there is no native helper' }
const macOs: Findings = {
  freezer: { backend: 'none', passedOver: ['v2: no cgroup v2 hierarchy is mounted'] },
  limits: { cpu: noGroup, memory: noGroup, pids: noGroup },
  probe: noHelper,
  procfs: false,
  makeFileSystem: undefined,
}

function choices(abilities: Abilities): Record<string, string> {
  return Object.fromEntries(Object.entries(abilities).map(([name, { choice }]) => [name, choice]))
}

const full = {
  freeze: 'v2',
  cpu: 'quota',
  memory: 'cgroup',
  processes: 'cgroup',
  filesystem: 'namespaces',
  runtimeApi: 'bpf',
  storage: 'loop',
  guardian: 'yes',
  launcher: 'yes',
}
const withoutHelper = {
  filesystem: 'none',
  runtimeApi: 'none',
  storage: 'folder',
  guardian: 'no',
  launcher: 'no',
}
const withoutGroups = { freeze: 'signal', cpu: 'duty-cycle', memory: 'sampled', processes: 'none' }

const table: readonly (readonly [string, Findings, Record<string, string>])[] = [
  ['root', rootHost, full],
  ['root without helper', { ...rootHost, probe: noHelper }, { ...full, ...withoutHelper }],
  [
    'root without mkfs.ext4',
    { ...rootHost, makeFileSystem: undefined },
    { ...full, storage: 'folder' },
  ],
  [
    'an ordinary user',
    ordinaryUser,
    {
      ...full,
      ...withoutGroups,
      filesystem: 'user-namespaces',
      runtimeApi: 'host-name',
      storage: 'folder',
    },
  ],
  [
    'a container with a filter of system calls',
    filteredContainer,
    { ...full, ...withoutGroups, filesystem: 'none', runtimeApi: 'none', storage: 'folder' },
  ],
  [
    'root with read-only groups',
    readOnlyGroups,
    { ...full, ...withoutGroups, runtimeApi: 'host-name' },
  ],
  [
    'root who cannot become another user',
    { ...rootHost, probe: probes({ 'drop-user': 'EPERM setgroups' }) },
    { ...full, filesystem: 'user-namespaces' },
  ],
  [
    'a kernel without parent-death signal',
    { ...rootHost, probe: probes({ 'parent-death-signal': 'EINVAL prctl' }) },
    { ...full, launcher: 'no' },
  ],
  [
    'macOS',
    macOs,
    { ...withoutHelper, freeze: 'none', cpu: 'none', memory: 'none', processes: 'none' },
  ],
]

for (const [machine, findings, expected] of table)
  t.test(`on ${machine} the best that was not refused is taken`, async (t) => {
    t.same(choices(decideAbilities(findings)), expected)
  })

t.test('every better choice is told with what refused it', async (t) => {
  const user = decideAbilities(ordinaryUser)
  t.same(user.freeze.better, [
    { choice: 'v2', refused: 'no group can be made (/sys/fs/cgroup: EACCES)' },
    { choice: 'v1', refused: 'no v1 freezer hierarchy is mounted' },
  ])
  t.same(user.filesystem.better, [{ choice: 'namespaces', refused: 'namespaces: EPERM at clone' }])
  t.same(user.storage.better, [{ choice: 'loop', refused: 'loop-mount: EACCES at loop-control' }])
  const container = decideAbilities(filteredContainer)
  t.same(container.filesystem.better, [
    { choice: 'namespaces', refused: 'namespaces: EPERM at clone' },
    { choice: 'user-namespaces', refused: 'user-namespaces: EPERM at clone' },
  ])
  t.same(container.runtimeApi.better, [
    { choice: 'bpf', refused: 'bpf-connect: ENOENT at v2-folder' },
    { choice: 'host-name', refused: 'there is no file system of its own' },
  ])
  const bare = decideAbilities({ ...rootHost, probe: noHelper })
  t.same(bare.guardian.better, [{ choice: 'yes', refused: 'there is no native helper' }])
})

t.test(
  'what the helper did not say counts as refused, and what nobody knows is skipped',
  async (t) => {
    const found = parseProbes(
      'namespaces yes\nlandlock-scope yes abi-7\nteleport yes\nrlimits no E2BIG get\n',
    )
    t.same(found.namespaces, { works: true, detail: '' })
    t.same(found['landlock-scope'], { works: true, detail: 'abi-7' })
    t.same(found.rlimits, { works: false, errno: 'E2BIG', step: 'get' })
    t.same(found.affinity, { works: false, errno: 'ENOSYS', step: 'probe' })
    t.same(Object.keys(found).sort(), [...probeNames].sort())
  },
)

t.test('a helper that cannot be run is a refusal, not an error', async (t) => {
  t.same(await runProbe({ helper: undefined, v2Root: undefined }), noHelper)
  const missing = await runProbe({ helper: '/nonexistent/helper', v2Root: undefined })
  t.match(missing, { refused: '/nonexistent/helper cannot be run (ENOENT)' })
  t.match(await runProbe({ helper: '/bin/false', v2Root: undefined }), { refused: /cannot be run/ })
})

/** The helper of this build; a machine that runs these tests on Linux can compile it. */
function builtHelper(): string {
  const helper = findHelper(repositoryRoot)
  if (helper === undefined) throw new Error('the helper is not built: npm run build')
  return helper
}

interface Mode {
  readonly name: string
  /** Put before a command, it runs in this mode. */
  readonly prefix: readonly string[]
}

const asUser = ['setpriv', '--reuid', '1000', '--regid', '1000', '--clear-groups', '--no-new-privs']
const readOnly =
  'for m in $(awk \'$5 ~ "^/sys/fs/cgroup" {print $5}\' /proc/self/mountinfo); do ' +
  'mount -o remount,bind,ro $m || exit 99; done; exec "$@"'
const own: Mode = { name: 'as it is', prefix: [] }
const modes: readonly Mode[] =
  process.getuid?.() === 0
    ? [
        own,
        { name: 'as user 1000', prefix: asUser },
        {
          name: 'in a user namespace, groups read-only',
          prefix: ['unshare', '-Urm', 'sh', '-c', readOnly, 'sh'],
        },
      ]
    : [own]

/** The same attempt by another program; none where there is no such program. */
function attempts(v2Root: string): Partial<Record<ProbeName, readonly string[]>> {
  const group = join(v2Root, `lambda-emu-test-${process.pid}`)
  const inGroup = `mkdir ${group} && { sh -c 'echo $$ >${group}/cgroup.procs'; code=$?; rmdir ${group}; exit $code; }`
  // The mount goes with its namespace, and the loop device with the mount.
  const image =
    'f=$(mktemp) && truncate -s 4M $f && PATH=$PATH:/usr/sbin:/sbin mkfs.ext4 -q $f && ' +
    'unshare -m mount -o loop $f /mnt; code=$?; rm -f $f; exit $code'
  const folders = 'mount -t tmpfs x /tmp && mkdir /tmp/p && mount -t proc p /tmp/p'
  return {
    namespaces: ['unshare', '-m', '-p', '-i', '-f', 'sh', '-c', folders],
    'user-namespaces': ['unshare', '-U', '-r', '-m', '-p', '-i', '-f', 'sh', '-c', folders],
    'drop-user': [
      'setpriv',
      '--reuid',
      '1879100000',
      '--regid',
      '1879100000',
      '--clear-groups',
      'true',
    ],
    'clone-into-cgroup': ['sh', '-c', inGroup],
    'loop-mount': ['sh', '-c', image],
    'no-new-privs': ['setpriv', '--no-new-privs', 'true'],
    affinity: ['taskset', '1', 'true'],
    rlimits: ['prlimit', '--nofile=64', '--nproc=64', 'true'],
  }
}

function run(mode: Mode, words: readonly string[]) {
  const [program = '', ...args] = [...mode.prefix, ...words]
  return spawnSync(program, args, { encoding: 'utf8', cwd: '/' })
}

for (const mode of modes)
  t.test(`the probe says what another program's attempt shows, ${mode.name}`, async (t) => {
    const v2Root = detect().v2?.root ?? '/sys/fs/cgroup'
    const probe = run(mode, [builtHelper(), 'probe', '--v2', v2Root])
    t.equal(probe.status, 0, probe.stderr)
    const lines = probe.stdout.trim().split('\n')
    t.same(
      lines.map((line) => line.split(' ')[0]),
      probeNames,
      'each ability has a line of its own',
    )
    for (const line of lines) t.match(line, /^\S+ (yes( \S+)?|no E[A-Z0-9]+ \S+)$/)
    const found = parseProbes(probe.stdout)
    for (const [name, words] of Object.entries(attempts(v2Root))) {
      const attempt = run(mode, words)
      const { works } = found[name as ProbeName]
      t.equal(works, attempt.status === 0, `${name}: ${attempt.stderr.trim() || 'worked'}`)
    }
  })

/** Groups of attempts that have ended: each is named after its process, as a sweep looks for it. */
function ownerlessGroups(v2Root: string | undefined): readonly string[] {
  const names = v2Root === undefined ? [] : readdirSync(v2Root)
  return names.filter((name) => {
    const owner = daemonOfSubtree(name.replace('-probe', ''))
    return name.startsWith('lambda-emu-probe-') && owner !== undefined && !isAlive(owner)
  })
}

/** Files behind loop devices that a probe of anybody has attached now. */
function probedLoops(): readonly string[] {
  return readdirSync('/sys/block')
    .filter((name) => name.startsWith('loop'))
    .flatMap((name) => {
      const path = `/sys/block/${name}/loop/backing_file`
      return existsSync(path) ? [readFileSync(path, 'utf8')] : []
    })
    .filter((file) => file.includes('lambda-emu-probe'))
}

t.test('a probe leaves nothing behind, also when 20 run at once', async (t) => {
  const v2Root = detect().v2?.root
  const args = v2Root === undefined ? ['probe'] : ['probe', '--v2', v2Root]
  const mountsOnTmp = () => readFileSync('/proc/self/mountinfo', 'utf8').split(' /tmp ').length
  const before = mountsOnTmp()
  const probes = Array.from({ length: 20 }, () => spawn(builtHelper(), args, { stdio: 'pipe' }))
  const answers = await Promise.all(
    probes.map(async (probe) => {
      let text = ''
      for await (const part of probe.stdout) text += part
      if (probe.exitCode === null) await once(probe, 'exit')
      return text
    }),
  )
  for (const text of answers) t.equal(text, answers[0], 'each says the same')
  t.same(ownerlessGroups(v2Root), [])
  t.equal(mountsOnTmp(), before)
  // Another test's probe may have one just now, for a millisecond.
  await until(() => probedLoops().length === 0)
  t.same(probedLoops(), [])
})

t.test('a probe that is killed in the middle takes its attempts along', async (t) => {
  const root = detect().v2?.root
  const args = root === undefined ? ['probe'] : ['probe', '--v2', root]
  const probe = spawn(builtHelper(), args, { stdio: 'ignore', detached: true })
  // It may be done before it can be killed.
  const exited = once(probe, 'exit')
  await until(() => readChildren(probe.pid) !== '')
  probe.kill('SIGKILL')
  await exited
  // An orphan that has ended is a zombie until somebody takes note, which is not ours to hurry.
  const states = () => spawnSync('ps', ['-o', 'stat=', '-s', `${probe.pid}`]).stdout.toString()
  const alive = () =>
    states()
      .split('\n')
      .filter((state) => /^[^Z]/.test(state))
  await until(() => alive().length === 0)
  t.same(alive(), [], 'no attempt goes on')
  for (const name of ownerlessGroups(root)) rmdirSync(join(root ?? '', name))
})

function readChildren(pid: number | undefined): string {
  const path = `/proc/${pid}/task/${pid}/children`
  return existsSync(path) ? readFileSync(path, 'utf8') : 'none any more'
}

async function until(done: () => boolean): Promise<void> {
  for (let tries = 0; !done() && tries < 2_000; tries++) await systemKernel.sleep(1)
}

t.test('without a folder for groups only what needs one is refused', async (t) => {
  const helper = builtHelper()
  const none = await runProbe({ helper, v2Root: undefined })
  const wrong = await runProbe({ helper, v2Root: '/nonexistent' })
  t.match(none, {
    probes: {
      'clone-into-cgroup': { works: false, errno: 'ENOENT', step: 'v2-folder' },
      'bpf-connect': { works: false, errno: 'ENOENT', step: 'v2-folder' },
      'no-new-privs': { works: true },
    },
  })
  t.match(wrong, {
    probes: {
      'clone-into-cgroup': { works: false, errno: 'ENOENT', step: 'make-group' },
      'bpf-connect': { works: false, errno: 'ENOENT', step: 'make-group' },
      'no-new-privs': { works: true },
    },
  })
})

t.test('what is known already is not tried again', async (t) => {
  const found = await findAbilities({
    helper: '/nonexistent',
    support: { mode: 'none', v2: undefined, v1: {} },
    timers: systemKernel,
    variables: {},
    known: rootHost,
  })
  t.same(choices(found.abilities), full)
})

t.test('a machine without groups and helper still has its answer', async (t) => {
  const { abilities } = await findAbilities({
    helper: undefined,
    support: { mode: 'none', v2: undefined, v1: {} },
    timers: systemKernel,
    variables: { PATH: '' },
  })
  t.match(choices(abilities), { ...withoutGroups, ...withoutHelper })
  t.same(
    abilities.freeze.better.map(({ choice }) => choice),
    ['v2', 'v1'],
  )
})
