// Real folders that are hard to take away.

import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { removeTree } from '../../src/sandbox/removal.js'
import { temporaryFolder } from './real-sandbox.js'

function folderOf(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-test-'))
  t.teardown(() => execFileSync('rm', ['-rf', folder]))
  return folder
}

t.test('a folder deeper than any path can name is taken away', async (t) => {
  const folder = folderOf(t)
  const dig =
    'cd "$0"; i=0; while [ $i -lt 300 ]; do mkdir a-name-of-some-length && cd -P a-name-of-some-length; i=$((i+1)); done'
  execFileSync('bash', ['-c', dig, folder])
  await removeTree(folder)
  t.equal(existsSync(folder), false)
})

t.test('names that are no UTF-8 are taken away', async (t) => {
  const folder = folderOf(t)
  const name = Buffer.concat([Buffer.from(`${folder}/bad-`), Buffer.from([0xff, 0xfe])])
  mkdirSync(name)
  writeFileSync(Buffer.concat([name, Buffer.from([0x2f, 0xff])]), '')
  await removeTree(folder)
  t.equal(existsSync(folder), false)
})

t.test('a link in it is taken away and not what it leads to', async (t) => {
  const kept = temporaryFolder(t)
  writeFileSync(join(kept, 'file'), 'kept')
  const folder = folderOf(t)
  symlinkSync(kept, join(folder, 'link'))
  const name = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0xff])])
  writeFileSync(name, '')
  await removeTree(folder)
  t.equal(existsSync(folder), false)
  t.equal(readFileSync(join(kept, 'file'), 'utf8'), 'kept')
})

t.test('what is not there is taken away already', async (t) => {
  const folder = join(temporaryFolder(t), 'nothing')
  await removeTree(folder)
  t.equal(existsSync(folder), false)
})
