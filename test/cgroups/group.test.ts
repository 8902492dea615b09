// Groups and their detection on trees of fake files: what is read, what is written, in which order, and what is left.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { detect } from '../../src/cgroups/detect.js'
import type { GroupFolders } from '../../src/cgroups/folders.js'
import { Group } from '../../src/cgroups/group.js'
import { parseHierarchyMounts } from '../../src/cgroups/mounts.js'
import { fakeTree } from './fake-tree.js'

const v2Files = {
  'cgroup.procs': '',
  'cgroup.freeze': '0\n',
  'cgroup.kill': '',
  'cgroup.events': 'populated 0\nfrozen 0\n',
  'cpu.stat': 'usage_usec 1234\nuser_usec 1000\n',
}
const v1Files = {
  'cgroup.procs': '',
  'freezer.state': 'THAWED\n',
  'cpuacct.usage': '5678000\n',
}

const mountLine = (mountPoint: string, type: string, options: string, mountRoot = '/') =>
  `31 23 0:28 ${mountRoot} ${mountPoint} rw,relatime shared:1 - ${type} ${type} rw,${options}\n`

t.test('a v2 tree alone is mode v2, with the root where a group could be made', async (t) => {
  const { root, folders } = fakeTree(t, v2Files)
  writeFileSync(join(root, 'cgroup.controllers'), 'cpu memory pids\n')
  const found = detect({ mountInfo: mountLine(root, 'cgroup2', ''), selfCgroup: '0::/\n', folders })
  t.equal(found.mode, 'v2')
  t.equal(found.v2?.root, root)
  t.same(found.v2?.controllers, ['cpu', 'memory', 'pids'])
  t.same(found.v2?.can, { freeze: true, kill: true })
  t.same(
    readdirSync(root).filter((name) => name.includes('probe')),
    [],
    'the probe is gone',
  )
})

t.test(
  'v1 controllers beside a v2 tree are mode hybrid, and co-mounted controllers share a folder',
  async (t) => {
    const v2 = fakeTree(t, v2Files)
    const v1 = fakeTree(t, v1Files)
    const mountInfo =
      mountLine(v1.root, 'cgroup', 'cpu,cpuacct') +
      mountLine('/sys/fs/cgroup/systemd', 'cgroup', 'xattr,name=systemd') +
      mountLine(v2.root, 'cgroup2', 'nsdelegate')
    const selfCgroup = '5:name=systemd:/\n4:cpu,cpuacct:/\n0::/\n'
    const found = detect({ mountInfo, selfCgroup, folders: v2.folders })
    t.equal(found.mode, 'hybrid')
    t.same(Object.keys(found.v1).sort(), ['cpu', 'cpuacct'])
    t.equal(found.v1.cpu?.root, v1.root)
    t.equal(found.v1.cpuacct?.root, v1.root)
  },
)

t.test('no cgroup mount is mode none', async (t) => {
  t.same(detect({ mountInfo: '22 1 8:1 / / rw - ext4 /dev/sda rw\n', selfCgroup: '' }), {
    mode: 'none',
    v2: undefined,
    v1: {},
  })
})

t.test('a tree in which mkdir fails is not writable, and the errno says why', async (t) => {
  // A real folder in which not even root can make another one.
  const mountInfo = mountLine('/proc/self', 'cgroup2', '')
  const found = detect({ mountInfo, selfCgroup: '0::/\n' })
  t.equal(found.mode, 'v2')
  t.equal(found.v2?.writable, false)
  t.equal(found.v2?.root, undefined)
  t.match(found.v2?.reason, /^\/proc\/self: E[A-Z]+$/)
})

t.test('the root is the first delegated folder on the way down to the own group', async (t) => {
  const { root, folders } = fakeTree(t, v2Files)
  const own = join(root, 'user.slice', 'app.scope')
  mkdirSync(own, { recursive: true })
  const readOnly: GroupFolders = {
    make(path) {
      if (!path.startsWith(own)) throw Object.assign(new Error('EACCES'), { code: 'EACCES' })
      folders.make(path)
    },
    remove: folders.remove,
  }
  writeFileSync(join(own, 'cgroup.procs'), '')
  const mountInfo = mountLine(root, 'cgroup2', '')
  const selfCgroup = '0::/user.slice/app.scope\n'
  t.equal(detect({ mountInfo, selfCgroup, folders: readOnly }).v2?.root, own)
})

t.test(
  'a folder without cgroup.procs cannot be joined, so it is not writable, and the probe is removed',
  async (t) => {
    const { root, folders, removed } = fakeTree(t, { 'cgroup.freeze': '0\n' })
    const found = detect({
      mountInfo: mountLine(root, 'cgroup2', ''),
      selfCgroup: '0::/\n',
      folders,
    })
    t.equal(found.v2?.writable, false)
    t.match(found.v2?.reason, /ENOENT/)
    t.equal(removed.length, 1)
  },
)

t.test(
  'mount tables of containers are read right: bind roots, escapes, a group out of sight',
  async (t) => {
    const inside = mountLine('/sys/fs/cgroup', 'cgroup2', '', '/docker/abc')
    const [bound] = parseHierarchyMounts(inside, '0::/docker/abc/init\n')
    t.equal(bound?.ownFolder, '/sys/fs/cgroup/init')
    t.equal(parseHierarchyMounts(inside, '0::/elsewhere\n')[0]?.ownFolder, undefined)
    t.equal(parseHierarchyMounts(inside, '0::/../other\n')[0]?.ownFolder, undefined)
    const spaced = mountLine('/a\\040b', 'cgroup2', '')
    t.equal(parseHierarchyMounts(spaced, '0::/\n')[0]?.mountPoint, '/a b')
    t.equal(parseHierarchyMounts(spaced, '0::/\n')[0]?.ownFolder, '/a b')
  },
)

t.test(
  'a v2 group freezes, thaws and kills by its control files and reads usage from cpu.stat',
  async (t) => {
    const { root, folders, removed } = fakeTree(t, v2Files)
    const group = Group.make('env', { v2: root }, { folders, sendSignal: () => t.ok(false) })
    const file = (name: string) => join(root, 'env', name)
    t.same(group.joinPaths, [file('cgroup.procs')])
    t.equal(group.state(), 'running')
    group.freeze()
    t.equal(readFileSync(file('cgroup.freeze'), 'utf8'), '1\n')
    t.equal(group.state(), 'freezing')
    writeFileSync(file('cgroup.events'), 'populated 1\nfrozen 1\n')
    t.equal(group.state(), 'frozen')
    group.thaw()
    t.equal(readFileSync(file('cgroup.freeze'), 'utf8'), '0\n')
    t.equal(group.cpuUs(), 1234)
    t.equal(group.memoryBytes(), undefined)
    group.kill()
    t.equal(readFileSync(file('cgroup.kill'), 'utf8'), '1')
    await group.remove(async () => {})
    t.same(removed, [join(root, 'env')])
    await group.remove(async () => {})
  },
)

t.test(
  'a v1 group is killed in the order stop, SIGKILL, thaw: frozen tasks do not die before',
  async (t) => {
    const freezer = fakeTree(t, v1Files)
    const cpuacct = fakeTree(t, v1Files)
    const state = () => readFileSync(join(freezer.root, 'env', 'freezer.state'), 'utf8').trim()
    const seen: [number, string, string][] = []
    const group = Group.make(
      'env',
      { v1: { freezer: freezer.root, cpuacct: cpuacct.root } },
      {
        folders: freezer.folders,
        sendSignal: (pid, signal) => {
          seen.push([pid, signal, state()])
        },
      },
    )
    t.same(group.joinPaths, [
      join(cpuacct.root, 'env', 'tasks'),
      join(freezer.root, 'env', 'tasks'),
    ])
    writeFileSync(join(freezer.root, 'env', 'cgroup.procs'), '4000001\n4000002\n')
    const inner = join(freezer.root, 'env', 'inner')
    freezer.folders.make(inner)
    writeFileSync(join(inner, 'cgroup.procs'), '4000003\n')
    writeFileSync(join(inner, 'freezer.state'), 'FROZEN')
    group.kill()
    t.same(seen, [
      [4000003, 'SIGKILL', 'FROZEN'],
      [4000001, 'SIGKILL', 'FROZEN'],
      [4000002, 'SIGKILL', 'FROZEN'],
    ])
    t.equal(state(), 'THAWED')
    t.equal(readFileSync(join(inner, 'freezer.state'), 'utf8'), 'THAWED')
    t.equal(group.cpuUs(), 5678)
    await group.remove(async () => {})
    t.same(freezer.removed, [inner, join(freezer.root, 'env'), join(cpuacct.root, 'env')])
  },
)

t.test(
  'removing waits while the kernel says EBUSY, and gives up after 30 s of waiting',
  async (t) => {
    const { root, folders } = fakeTree(t, v2Files)
    let busy = 3
    const remove = (path: string) => {
      busy -= 1
      if (busy >= 0) throw Object.assign(new Error('EBUSY'), { code: 'EBUSY' })
      folders.remove(path)
    }
    const system = { folders: { make: folders.make, remove }, sendSignal: () => {} }
    const waits: number[] = []
    const wait = async (durationMs: number) => {
      waits.push(durationMs)
    }
    await Group.make('env', { v2: root }, system).remove(wait)
    t.same(waits, [1, 2, 4])
    busy = Number.POSITIVE_INFINITY
    await t.rejects(Group.make('env', { v2: root }, system).remove(wait), { code: 'EBUSY' })
  },
)

t.test('a group that cannot be made in one hierarchy is not left in the other', async (t) => {
  const { root, folders, removed } = fakeTree(t, v1Files)
  const parents = { v1: { freezer: root, cpuacct: join(root, 'missing') } }
  t.throws(() => Group.make('env', parents, { folders, sendSignal: () => {} }), { code: 'ENOENT' })
  t.same(removed, [join(root, 'env')])
})
