// Memory that the machine can give: as the kernel tells it, and by another way where it does not.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { freemem, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { availableMemoryMb } from '../../src/procfs/available-memory.js'

const bytesPerMb = 1024 * 1024

t.test('it is MemAvailable in whole megabytes', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-meminfo-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'meminfo')
  writeFileSync(path, 'MemTotal:  900000 kB\nMemFree:  80000 kB\nMemAvailable:  103423 kB\n')
  t.equal(availableMemoryMb(path), 100)
})

t.test('this machine has some, and less than all', async (t) => {
  const availableMb = availableMemoryMb()
  t.ok(Number.isInteger(availableMb) && availableMb > 0, `${availableMb} MB`)
  t.ok(availableMb <= totalmem() / bytesPerMb)
  t.match(readFileSync('/proc/meminfo', 'latin1'), /^MemAvailable:/m)
})

t.test('where there is no such file it is what Node calls free', async (t) => {
  const before = freemem() / bytesPerMb
  const found = availableMemoryMb('/does/not/exist')
  t.ok(Math.abs(found - before) < before / 2, `${found} MB, ${before} before`)
})
