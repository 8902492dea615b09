// Where limits can be had: on the control groups of this machine, and on fake trees for what this machine is not.

import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { enableControllers, limitControllers, withLimits } from '../../src/cgroups/controllers.js'
import { type CgroupSupport, detect, type HierarchySupport } from '../../src/cgroups/detect.js'
import { fakeTree } from './fake-tree.js'
import { makeGroup } from './real-group.js'

const none: CgroupSupport = { mode: 'none', v2: undefined, v1: {} }

function hierarchy(version: 1 | 2, root: string | undefined, reason = ''): HierarchySupport {
  const can = { freeze: version === 2, kill: version === 2 }
  const mountPoint = root ?? '/nowhere'
  return { version, controllers: [], mountPoint, root, writable: root !== undefined, reason, can }
}

const limitFilesOf: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  cpu: { 'cpu.max': 'max 100000\n' },
  memory: { 'memory.max': 'max\n', 'memory.stat': 'anon 0\n' },
  pids: { 'pids.max': 'max\n' },
}

/** Children have the files of the controllers that their parent hands down, as on a v2 tree. */
function v2Tree(t: Test, controllers = 'cpu memory pids') {
  const files = { 'cgroup.controllers': `${controllers}\n`, 'cgroup.subtree_control': '' }
  return fakeTree(t, files, (parent) => {
    const handed = readFileSync(join(parent, 'cgroup.subtree_control'), 'utf8')
    const names = Object.keys(limitFilesOf).filter((name) => handed.includes(name))
    return Object.assign({}, ...names.map((name) => limitFilesOf[name]))
  })
}

t.test('this machine has all three, each where a limit was set and read back', async (t) => {
  const support = detect()
  const places = limitControllers(support)
  for (const [controller, place] of Object.entries(places)) {
    const there = support.v1[controller] ?? support.v2
    t.same(place, { version: there?.version, root: there?.root }, controller)
    const left = readdirSync(there?.root ?? '').filter((name) => name.includes('probe'))
    const ours = left.filter((name) => name.includes(String(process.pid)))
    t.same(ours, [], `nothing of the ${controller} probe is left`)
  }
})

t.test('on a v2 tree controllers are handed down two levels and tried there', async (t) => {
  const { root, folders, removed } = v2Tree(t)
  const places = limitControllers({ ...none, v2: hierarchy(2, root) }, { folders, probeName: 'p' })
  const place = { version: 2, root }
  t.same(places, { cpu: place, memory: place, pids: place })
  const both = [join(root, 'p', 'one'), join(root, 'p')]
  t.same(removed, [...both, ...both, ...both], 'what was made is removed, children first')
})

t.test('a v2 tree without a controller refuses that one only, and says why', async (t) => {
  const { root, folders } = v2Tree(t, 'memory pids')
  const places = limitControllers({ ...none, v2: hierarchy(2, root) }, { folders })
  t.same(places.cpu, { refused: `${root} was not given the controller cpu` })
  t.same(places.memory, { version: 2, root })
})

t.test(
  'a controller that is enabled and brings no file is refused: tried, not inferred',
  async (t) => {
    const files = { 'cgroup.controllers': 'cpu memory pids\n', 'cgroup.subtree_control': '' }
    const { root, folders } = fakeTree(t, files)
    const places = limitControllers({ ...none, v2: hierarchy(2, root) }, { folders })
    t.same(places.cpu, { refused: 'groups have no cpu.max' })
    t.same(places.memory, { refused: 'groups have no memory.max' })
  },
)

t.test('a hierarchy in which no group can be made gives its reason', async (t) => {
  const support = { ...none, v1: { cpu: hierarchy(1, undefined, '/sys/fs/cgroup/cpu: EROFS') } }
  const places = limitControllers(support)
  t.same(places.cpu, { refused: 'no group can be made (/sys/fs/cgroup/cpu: EROFS)' })
  t.same(places.pids, { refused: 'no hierarchy has the pids controller' })
})

t.test('a v1 kernel without CPU bandwidth says which file it lacks', async (t) => {
  const { root, folders, removed } = fakeTree(t, { 'cpu.shares': '1024\n' })
  const support = { ...none, v1: { cpu: hierarchy(1, root) } }
  t.same(limitControllers(support, { folders, probeName: 'p' }).cpu, {
    refused: 'groups have no cpu.cfs_quota_us',
  })
  t.same(removed, [join(root, 'p')])
})

t.test('a root that is gone is a reason and no error', async (t) => {
  const support = { ...none, v1: { pids: hierarchy(1, '/nowhere') }, v2: hierarchy(2, '/nowhere') }
  const places = limitControllers(support, { probeName: 'p' })
  t.same(places.pids, { refused: '/nowhere/p: ENOENT' })
  t.same(places.memory, { refused: '/nowhere/cgroup.subtree_control: ENOENT' })
})

t.test('only what is not handed down yet is written', async (t) => {
  const { root } = v2Tree(t)
  const file = join(root, 'cgroup.subtree_control')
  t.equal(enableControllers(root, ['cpu', 'memory', 'pids']), undefined)
  t.equal(readFileSync(file, 'utf8'), '+cpu +memory +pids')
  writeFileSync(file, 'cpu pids\n')
  t.equal(enableControllers(root, ['cpu', 'pids']), undefined)
  t.equal(readFileSync(file, 'utf8'), 'cpu pids\n')
  t.equal(enableControllers(root, ['cpu', 'memory', 'pids']), undefined)
  t.equal(readFileSync(file, 'utf8'), '+memory')
})

t.test('limits add v1 hierarchies to the parents, and nothing for v2', async (t) => {
  const refused = { refused: 'no' }
  const v1 = { cpu: at(1, '/c'), memory: at(1, '/m'), pids: at(1, '/p') }
  t.same(withLimits({ v2: '/u' }, v1), { v2: '/u', v1: { cpu: '/c', memory: '/m', pids: '/p' } })
  const freezing = { v1: { freezer: '/f', cpuacct: '/c' } }
  t.same(withLimits(freezing, { ...v1, memory: refused }), {
    v1: { freezer: '/f', cpuacct: '/c', cpu: '/c', pids: '/p' },
  })
  const v2 = { cpu: at(2, '/u'), memory: at(2, '/u'), pids: refused }
  t.same(withLimits({ v2: '/u' }, v2), { v2: '/u' })
})

function at(version: 1 | 2, root: string) {
  return { version, root }
}

t.test('the v2 tree of this machine hands down, and not from a group with processes', async (t) => {
  const { v2 } = detect()
  const root = v2?.root ?? ''
  const given = readFileSync(join(root, 'cgroup.controllers'), 'utf8').trim().split(/\s+/)
  const controller = given[0] ?? ''
  t.ok(controller !== '', `the v2 tree has ${given.join(', ')}`)
  const before = readFileSync(join(root, 'cgroup.subtree_control'), 'utf8')
  if (!before.split(/\s+/).includes(controller)) {
    // Registered first, hence run last: the group below has to be gone by then.
    t.teardown(() => writeFileSync(join(root, 'cgroup.subtree_control'), `-${controller}`))
  }
  t.equal(enableControllers(root, [controller]), undefined)
  const { group, join: joined } = makeGroup(t, { v2: root })
  const [folder = ''] = group.folders
  const child = joined('read -r line')
  await child.joined
  t.match(enableControllers(folder, [controller]), /holds processes itself.*\(EBUSY\)$/)
  child.process.stdin.end()
  await once(child.process, 'exit')
  t.equal(enableControllers(folder, [controller]), undefined)
  const handed = readFileSync(join(folder, 'cgroup.subtree_control'), 'utf8')
  t.ok(handed.split(/\s+/).includes(controller))
  t.match(enableControllers(folder, ['no-such']), /was not given the controller no-such$/)
})
