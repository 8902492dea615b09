// Limits on real control groups with real processes: the kernel enforces what was set and counts what was said.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { limitControllers, withLimits } from '../../src/cgroups/controllers.js'
import { detect } from '../../src/cgroups/detect.js'
import type { GroupParents } from '../../src/cgroups/group.js'
import { cpuQuota, cpuShare } from '../../src/profile/cpu.js'
import { makeGroup, until } from './real-group.js'

const MB = 1_048_576
const support = detect()
const places = limitControllers(support)

/** As an environment has it: the v2 tree where there is one, v1 otherwise, and limits wherever they live. */
function limitedGroup(t: Test) {
  const v1 = support.v1.cpuacct?.root
  const base: GroupParents =
    support.v2?.root !== undefined
      ? { v2: support.v2.root }
      : { v1: v1 === undefined ? {} : { cpuacct: v1 } }
  const made = makeGroup(t, withLimits(base, places))
  for (const controller of ['cpu', 'memory', 'pids'] as const) {
    t.ok(made.group.limits.has(controller), `${controller}: ${JSON.stringify(places[controller])}`)
  }
  return made
}

t.test('a busy loop at 128 MB gets its share of a processor', async (t) => {
  const { group, join } = limitedGroup(t)
  const { limits } = group
  t.equal(limits.cpuQuota(), 'none')
  limits.setCpuQuota(cpuQuota(128))
  t.same(limits.cpuQuota(), { quotaUs: 1_447, periodUs: 20_000 })
  join('while :; do :; done')
  await until(() => usedUs() > 20_000, 'the loop runs')
  const [fromUs, startedAtMs] = [usedUs(), performance.now()]
  await until(() => usedUs() - fromUs > 200_000, 'the loop used 200 ms')
  const share = (usedUs() - fromUs) / 1_000 / (performance.now() - startedAtMs)
  const part = share / cpuShare(128)
  t.ok(part > 0.75 && part < 1.25, `${share.toFixed(4)} of a processor, ${part.toFixed(2)} of due`)
  t.ok((limits.throttledUs() ?? 0) > 0, 'and the kernel says that it stood still')
  limits.setCpuQuota('none')
  t.equal(limits.cpuQuota(), 'none')

  function usedUs(): number {
    return group.cpuUs() ?? 0
  }
})

t.test('a quota goes from any size to any other on the kernel', async (t) => {
  const { group } = limitedGroup(t)
  for (const memoryMb of [128, 10_240, 512, 1_024, 128, 1_769]) {
    group.limits.setCpuQuota(cpuQuota(memoryMb))
    t.same(group.limits.cpuQuota(), cpuQuota(memoryMb))
  }
  group.limits.setCpuQuota('none')
  group.limits.setCpuQuota(cpuQuota(256))
  t.same(group.limits.cpuQuota(), cpuQuota(256))
})

t.test('64 MB in a group of 32 MB die, and the kernel counts one kill', async (t) => {
  const { group, join } = limitedGroup(t)
  group.limits.setMemoryLimit(32 * MB)
  t.equal(group.limits.oomKills(), 0)
  // One buffer of that size, filled: no runtime that would itself need most of the 32 MB.
  const child = join('exec dd if=/dev/zero of=/dev/null bs=67108864 count=1')
  t.same(await child.ended, { code: null, signal: 'SIGKILL' })
  t.equal(group.limits.oomKills(), 1)
})

t.test('a process that kills itself is not counted as out of memory', async (t) => {
  const { group, join } = limitedGroup(t)
  group.limits.setMemoryLimit(32 * MB)
  const child = join('kill -9 $$')
  t.same(await child.ended, { code: null, signal: 'SIGKILL' })
  t.equal(group.limits.oomKills(), 0)
})

t.test(
  'a limit goes up and down, and below what is held is EBUSY with nobody killed',
  async (t) => {
    const { group, join } = limitedGroup(t)
    for (const size of [128, 256, 64, 3_008, 128]) group.limits.setMemoryLimit(size * MB)
    const script =
      'const held = Buffer.alloc(41943040, 1); console.log("held"); process.stdin.on("data", () => { console.log(held.length); process.exit() })'
    const child = join('exec "$1" -e "$2"', process.execPath, script)
    await child.said('held')
    t.throws(() => group.limits.setMemoryLimit(16 * MB), { code: 'EBUSY' })
    t.equal(group.limits.oomKills(), 0)
    child.process.stdin.write('\n')
    t.same(await child.ended, { code: 0, signal: null })
    t.ok(child.lines.includes('41943040'), 'it went on with all its memory')
  },
)

t.test('anonymous memory is heap and shared memory, and no page of a file on disk', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-limits-'))
  const shared = mkdtempSync('/dev/shm/lambda-emu-limits-')
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  t.teardown(() => rmSync(shared, { recursive: true, force: true }))
  const { group, join: run } = limitedGroup(t)
  const child = run(
    'fill() { head -c 31457280 /dev/zero >"$1"; echo "$2"; read -r line; }; read -r line; fill "$1/a" shared; fill "$2/a" disk',
    shared,
    folder,
  )
  await child.joined
  const heldMb = () => (group.limits.anonymousBytes() ?? Number.NaN) / MB
  t.ok(heldMb() < 5, `a shell holds ${heldMb()} MB`)
  child.process.stdin.write('\n')
  await child.said('shared')
  t.ok(Math.abs(heldMb() - 30) < 5, `30 MB of shared memory are ${heldMb()} MB`)
  child.process.stdin.write('\n')
  await child.said('disk')
  t.ok(Math.abs(heldMb() - 30) < 5, `with 30 MB on disk beside them they are ${heldMb()} MB`)
  const heap = run(
    'exec "$1" -e "$2"',
    process.execPath,
    'globalThis.held = Buffer.alloc(41943040, 1); console.log("held"); process.stdin.resume()',
  )
  await heap.said('held')
  t.ok(heldMb() > 70 && heldMb() < 100, `with a runtime that holds 40 MB they are ${heldMb()} MB`)
})

t.test('one process too many is EAGAIN to who forks', async (t) => {
  const { group, join } = limitedGroup(t)
  group.limits.setPidsMax(32)
  const script = `const { spawn } = require('node:child_process'); let started = 0
    const next = () => spawn('/bin/cat').on('error', (error) => { console.log(error.code, started > 5 && started < 32); process.exit() })
      .on('spawn', () => { started += 1; next() })
    next()`
  const child = join('exec "$1" -e "$2"', process.execPath, script)
  await child.ended
  t.same(child.lines, ['in', 'EAGAIN true'], child.errors())
})
