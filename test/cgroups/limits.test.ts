// Limits on trees of fake files: which file is written with what, in which order, and what the counts are read from.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { GroupFolders } from '../../src/cgroups/folders.js'
import { Group } from '../../src/cgroups/group.js'
import { type CpuQuota, quotaWrites } from '../../src/cgroups/group-limits.js'
import { fakeTree } from './fake-tree.js'

const noLimit = '9223372036854771712\n'

const v2Files = {
  'cgroup.procs': '',
  'cpu.max': 'max 100000\n',
  'cpu.stat': 'usage_usec 1234\nnr_throttled 2\nthrottled_usec 40500\n',
  'memory.max': 'max\n',
  'memory.swap.max': 'max\n',
  'memory.events': 'low 0\nhigh 0\nmax 12\noom 4\noom_kill 3\noom_group_kill 0\n',
  'memory.stat': 'anon 1000000\nfile 9000000\nkernel 70000\nshmem 24000\nanon_thp 5\n',
  'pids.max': 'max\n',
}
const v1Files = {
  'cgroup.procs': '',
  'cpu.cfs_period_us': '100000\n',
  'cpu.cfs_quota_us': '-1\n',
  'cpu.stat': 'nr_periods 9\nnr_throttled 2\nthrottled_time 40500000\n',
  'memory.limit_in_bytes': noLimit,
  'memory.memsw.limit_in_bytes': noLimit,
  'memory.swappiness': '60\n',
  'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n',
  'memory.stat': 'rss 5\nshmem 6\ntotal_cache 9000000\ntotal_rss 1000000\ntotal_shmem 24000\n',
  'pids.max': 'max\n',
}

interface Fake {
  readonly group: Group
  readonly path: (name: string) => string
  readonly read: (name: string) => string
}

function onV2(t: Test, files: Readonly<Record<string, string>> = v2Files): Fake {
  const tree = fakeTree(t, files)
  return fake(t, tree, { v2: tree.root })
}

function onV1(t: Test, files: Readonly<Record<string, string>> = v1Files): Fake {
  const tree = fakeTree(t, files)
  const { root } = tree
  return fake(t, tree, { v1: { cpu: root, cpuacct: root, memory: root, pids: root } })
}

function fake(
  t: Test,
  { root, folders }: ReturnType<typeof fakeTree>,
  parents: Parameters<typeof Group.make>[1],
): Fake {
  const group = Group.make('env', parents, { folders, sendSignal: () => t.ok(false) })
  t.teardown(() => group.close())
  const path = (name: string) => join(root, 'env', name)
  return { group, path, read: (name) => readFileSync(path(name), 'utf8').trim() }
}

t.test('on v2 each limit is one file, swap is none, and "none" leaves the period', async (t) => {
  const { group, read } = onV2(t)
  const { limits } = group
  t.same([limits.has('cpu'), limits.has('memory'), limits.has('pids')], [true, true, true])
  t.equal(limits.cpuQuota(), 'none')
  limits.setCpuQuota({ quotaUs: 1_447, periodUs: 20_000 })
  t.equal(read('cpu.max'), '1447 20000')
  t.same(limits.cpuQuota(), { quotaUs: 1_447, periodUs: 20_000 })
  limits.setCpuQuota('none')
  t.equal(read('cpu.max'), 'max')
  limits.setMemoryLimit(134_217_728)
  t.equal(read('memory.max'), '134217728')
  t.equal(read('memory.swap.max'), '0')
  limits.setPidsMax(1_024)
  t.equal(read('pids.max'), '1024')
})

t.test('on v1 each limit is in its own files, and swap does not come on top', async (t) => {
  const { group, read } = onV1(t)
  const { limits } = group
  t.same([limits.has('cpu'), limits.has('memory'), limits.has('pids')], [true, true, true])
  t.equal(limits.cpuQuota(), 'none')
  limits.setCpuQuota({ quotaUs: 1_447, periodUs: 20_000 })
  t.same([read('cpu.cfs_quota_us'), read('cpu.cfs_period_us')], ['1447', '20000'])
  limits.setCpuQuota('none')
  t.same([read('cpu.cfs_quota_us'), read('cpu.cfs_period_us')], ['-1', '20000'])
  limits.setMemoryLimit(134_217_728)
  t.equal(read('memory.limit_in_bytes'), '134217728')
  t.equal(read('memory.memsw.limit_in_bytes'), '134217728')
  t.equal(read('memory.swappiness'), '0')
  limits.setPidsMax(1_024)
  t.equal(read('pids.max'), '1024')
})

t.test('counts are read from where each version has them', async (t) => {
  for (const { limits } of [onV2(t).group, onV1(t).group]) {
    t.equal(limits.oomKills(), 3)
    t.equal(limits.anonymousBytes(), 1_024_000)
    t.equal(limits.throttledUs(), 40_500)
  }
})

t.test('a count is read anew each time, though its descriptor is kept', async (t) => {
  const { group, path } = onV2(t)
  t.equal(group.limits.anonymousBytes(), 1_024_000)
  writeFileSync(path('memory.stat'), 'anon 7\nshmem 1\n')
  t.equal(group.limits.anonymousBytes(), 8)
})

t.test('on v1 the kills of groups below are counted too', async (t) => {
  const { group, path } = onV1(t)
  mkdirSync(path('inner'))
  writeFileSync(path('inner/memory.oom_control'), 'oom_kill 2\n')
  t.equal(group.limits.oomKills(), 5)
})

t.test('without a controller nothing is counted, and setting its limit is our bug', async (t) => {
  const { limits } = onV2(t, { 'cgroup.procs': '', 'cpu.stat': 'usage_usec 1234\n' }).group
  t.same([limits.has('cpu'), limits.has('memory'), limits.has('pids')], [false, false, false])
  t.equal(limits.cpuQuota(), undefined)
  t.equal(limits.oomKills(), undefined)
  t.equal(limits.anonymousBytes(), undefined)
  t.equal(limits.throttledUs(), undefined)
  t.throws(() => limits.setCpuQuota('none'), { message: 'the group has no cpu controller' })
  t.throws(() => limits.setMemoryLimit(1), { message: 'the group has no memory controller' })
  t.throws(() => limits.setPidsMax(1), { message: 'the group has no pids controller' })
})

t.test('a controller that is enabled after the group was made is found', async (t) => {
  const { group, path } = onV2(t, { 'cgroup.procs': '' })
  t.equal(group.limits.has('pids'), false)
  writeFileSync(path('pids.max'), 'max\n')
  t.equal(group.limits.has('pids'), true)
})

t.test(
  'the limits of a hybrid group are in its v1 folders, its freezer in the v2 one',
  async (t) => {
    const v2 = fakeTree(t, { 'cgroup.procs': '', 'cgroup.freeze': '0\n', 'cgroup.events': '' })
    const v1 = fakeTree(t, v1Files)
    const parents = { v2: v2.root, v1: { cpu: v1.root, memory: v1.root } }
    const folders: GroupFolders = {
      make: (path) => (path.startsWith(v1.root) ? v1 : v2).folders.make(path),
      remove: v2.folders.remove,
    }
    const group = Group.make('env', parents, { folders, sendSignal: () => t.ok(false) })
    t.same(group.folders, [join(v2.root, 'env'), join(v1.root, 'env')], 'each folder is made once')
    const joins = [join(v1.root, 'env', 'tasks'), join(v2.root, 'env', 'cgroup.procs')]
    t.same(group.joinPaths, joins, 'and joined once, the freezing one last')
    group.limits.setCpuQuota({ quotaUs: 5_000, periodUs: 100_000 })
    t.equal(readFileSync(join(v1.root, 'env', 'cpu.cfs_quota_us'), 'utf8'), '5000')
    group.freeze()
    t.match(readFileSync(join(v2.root, 'env', 'cgroup.freeze'), 'utf8'), /^1/)
    await group.remove(async () => {})
  },
)

t.test('a quota that is set already is not written again: a write fills the bucket', async (t) => {
  const wanted = { quotaUs: 1_447, periodUs: 20_000 }
  for (const version of [1, 2] as const) {
    t.same(quotaWrites(version, wanted, wanted), [])
    t.same(quotaWrites(version, { quotaUs: -1, periodUs: 20_000 }, 'none'), [])
  }
})

t.test('on v1 every quota between two others is legal and no looser than both', async (t) => {
  const from: CpuQuota = { quotaUs: -1, periodUs: 100_000 }
  t.same(quotaWrites(1, from, { quotaUs: 1_447, periodUs: 20_000 }), [
    ['cpu.cfs_period_us', '20000'],
    ['cpu.cfs_quota_us', '1447'],
  ])
  const figures = [1_000, 1_447, 20_000, 57_886, 100_000, 579_000]
  const periods = [1_000, 20_000, 100_000, 1_000_000]
  const all = periods.flatMap((periodUs) => figures.map((quotaUs) => ({ quotaUs, periodUs })))
  let steps = 0
  for (const before of all) {
    for (const after of all) {
      const loosest = Math.max(ratio(before), ratio(after))
      let between: CpuQuota = before
      for (const [file, text] of quotaWrites(1, before, after)) {
        const key = file === 'cpu.cfs_quota_us' ? 'quotaUs' : 'periodUs'
        between = { ...between, [key]: Number(text) }
        if (ratio(between) > loosest) t.fail(JSON.stringify({ before, between, after }))
        steps += 1
      }
      if (ratio(between) !== ratio(after)) t.fail(JSON.stringify({ before, between, after }))
    }
  }
  t.ok(steps > all.length * all.length, `${steps} states were looked at`)
})

function ratio({ quotaUs, periodUs }: CpuQuota): number {
  return quotaUs / periodUs
}

t.test('what no kernel takes is a RangeError, and nothing was written', async (t) => {
  const { group, read } = onV1(t)
  const quota = (quotaUs: number, periodUs: number) => () =>
    group.limits.setCpuQuota({ quotaUs, periodUs })
  for (const wrong of [
    quota(999, 20_000),
    quota(1_447.5, 20_000),
    quota(Number.NaN, 20_000),
    quota(1_447, 999),
    quota(1_447, 1_000_001),
    () => group.limits.setMemoryLimit(0),
    () => group.limits.setMemoryLimit(1.5),
    () => group.limits.setPidsMax(-1),
  ])
    t.throws(wrong, RangeError)
  t.equal(read('cpu.cfs_quota_us'), '-1')
  t.equal(read('cpu.cfs_period_us'), '100000')
  t.equal(read('pids.max'), 'max')
})

t.test('on v1 the limit with swap is written first upwards and last downwards', async (t) => {
  const { group, path, read } = onV1(t)
  group.limits.setMemoryLimit(67_108_864)
  const rest = 'memory.limit_in_bytes'
  // A limit that cannot be written shows what was written before it.
  for (const [bytes, withSwap] of [
    [134_217_728, '134217728'],
    [33_554_432, '67108864'],
  ] as const) {
    writeFileSync(path('memory.memsw.limit_in_bytes'), '67108864\n')
    rmSync(path(rest), { recursive: true })
    mkdirSync(path(rest))
    t.throws(() => group.limits.setMemoryLimit(bytes), { code: 'EISDIR' })
    t.equal(read('memory.memsw.limit_in_bytes'), withSwap)
  }
})

t.test('a kernel that does not account swap has only the one limit', async (t) => {
  const { 'memory.memsw.limit_in_bytes': _, 'memory.swappiness': __, ...files } = v1Files
  const { group, read } = onV1(t, files)
  group.limits.setMemoryLimit(67_108_864)
  t.equal(read('memory.limit_in_bytes'), '67108864')
  t.throws(() => read('memory.memsw.limit_in_bytes'), { code: 'ENOENT' })
})

t.test('on v2 a limit below what is held is EBUSY before the kernel kills for it', async (t) => {
  const { group, read } = onV2(t)
  t.throws(() => group.limits.setMemoryLimit(1_000_000), { code: 'EBUSY', message: /1024000/ })
  t.equal(read('memory.max'), 'max')
  t.equal(read('memory.swap.max'), 'max')
})
