// The code store: what is kept, how it lies on disk, and what survives a crash.

import { createHash } from 'node:crypto'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import * as yazl from 'yazl'
import { EmulatorError } from '../../src/domain/emulator-error.js'
import { openCodeStore } from '../../src/packages/code-store.js'
import { temporaryFolder, tree } from './folders.js'
import { type RawEntry, rawZip } from './raw-zip.js'

const link = 0o120777
const megabyte = 1_048_576

async function yazlZip(fill: (zip: yazl.ZipFile) => void): Promise<Buffer> {
  const zip = new yazl.ZipFile()
  fill(zip)
  zip.end()
  return buffer(zip.outputStream)
}

function modeOf(...path: string[]): string {
  return (statSync(join(...path)).mode & 0o7777).toString(8)
}

t.test('a zip is unpacked under its hash and described as Lambda describes it', async (t) => {
  const state = temporaryFolder(t)
  const store = await openCodeStore(state)
  const zip = await yazlZip((zip) => {
    zip.addBuffer(Buffer.from('exports.handler = async () => 1\n'), 'index.js', { mode: 0o100644 })
    zip.addBuffer(Buffer.from('#!/bin/sh\n'), 'bootstrap', { mode: 0o100755 })
    zip.addBuffer(Buffer.alloc(3 * megabyte, 'x'), 'data/large.bin')
    zip.addBuffer(Buffer.from('stored'), 'data/stored.txt', { compress: false })
    zip.addEmptyDirectory('empty')
  })
  const code = await store.storeZip(zip)
  const hash = createHash('sha256').update(zip)
  t.equal(code.sha256, hash.copy().digest('base64'))
  t.equal(code.sizeBytes, zip.length)
  t.equal(code.folder, join(state, 'code', hash.digest('hex'), 'task'))
  t.same(tree(code.folder), [
    'bootstrap',
    'data/',
    'data/large.bin',
    'data/stored.txt',
    'empty/',
    'index.js',
  ])
  t.equal(readFileSync(join(code.folder, 'index.js'), 'utf8'), 'exports.handler = async () => 1\n')
  t.ok(readFileSync(join(code.folder, 'data/large.bin')).equals(Buffer.alloc(3 * megabyte, 'x')))
  t.equal(modeOf(code.folder, 'bootstrap'), '755')
  t.ok(code.zipPath !== undefined && readFileSync(code.zipPath).equals(zip))
})

t.test('the same zip is unpacked once, also when it comes many times at once', async (t) => {
  const state = temporaryFolder(t)
  const store = await openCodeStore(state)
  const zip = rawZip([{ name: 'index.js', data: 'one' }])
  const all = await Promise.all(Array.from({ length: 8 }, () => store.storeZip(zip)))
  const [first] = all
  t.ok(all.every((code) => code.folder === first?.folder))
  const inode = statSync(join(first?.folder ?? '', 'index.js')).ino
  const again = await (await openCodeStore(state)).storeZip(zip)
  t.equal(statSync(join(again.folder, 'index.js')).ino, inode, 'a later run takes what is there')
  t.equal(readdirSync(join(state, 'code')).length, 1)
})

t.test(
  'a package that was cut off or changed on disk is unpacked again by the next run',
  async (t) => {
    const state = temporaryFolder(t)
    const zip = rawZip([{ name: 'index.js', data: 'exports.handler' }])
    const { folder } = await (await openCodeStore(state)).storeZip(zip)
    truncateSync(join(folder, 'index.js'), 0)
    await (await openCodeStore(state)).storeZip(zip)
    t.equal(readFileSync(join(folder, 'index.js'), 'utf8'), 'exports.handler')
  },
)

t.test('what a crash left half unpacked is removed when the store opens', async (t) => {
  const state = temporaryFolder(t)
  mkdirSync(join(state, 'code', '.incoming-abc', 'task'), { recursive: true })
  writeFileSync(join(state, 'code', '.incoming-abc', 'task', 'half.js'), '')
  await openCodeStore(state)
  t.same(readdirSync(join(state, 'code')), [])
})

t.test('a stored package is found by its hash, and no other is', async (t) => {
  const state = temporaryFolder(t)
  const store = await openCodeStore(state)
  const code = await store.storeZip(rawZip([{ name: 'a', data: 'b' }]))
  const hex = Buffer.from(code.sha256, 'base64').toString('hex')
  t.same(await store.find(hex), code)
  t.same(await (await openCodeStore(state)).find(hex), code)
  t.equal(await store.find('0'.repeat(64)), undefined)
})

t.test('a state directory that cannot be used is named', async (t) => {
  const state = temporaryFolder(t)
  writeFileSync(join(state, 'code'), 'a file where the folder should be')
  await t.rejects(openCodeStore(state), { code: 'EMU_STATE_DIRECTORY' })
})

interface Accepted {
  readonly claim: string
  readonly entries: readonly RawEntry[]
  readonly check: (t: Test, folder: string) => void
}

const accepted: readonly Accepted[] = [
  {
    claim: 'permission bits are kept, setuid, setgid and sticky are not',
    entries: [
      { name: 'tool', data: '', mode: 0o107755 },
      { name: 'shared/', mode: 0o042775 },
    ],
    check: (t, folder) => {
      t.equal(modeOf(folder, 'tool'), '755')
      t.equal(modeOf(folder, 'shared'), '775')
    },
  },
  {
    claim: 'a file without any read bit can be read by its owner, and by nobody more',
    entries: [{ name: 'secret.py', data: 'x = 1', mode: 0o100000 }],
    check: (t, folder) => t.equal(modeOf(folder, 'secret.py'), '400'),
  },
  {
    claim: 'a folder without write permission still gets its files',
    entries: [
      { name: 'sealed/', mode: 0o040555 },
      { name: 'sealed/a.txt', data: 'a', mode: 0o100444 },
    ],
    check: (t, folder) => {
      t.equal(readFileSync(join(folder, 'sealed/a.txt'), 'utf8'), 'a')
      t.equal(modeOf(folder, 'sealed'), '755')
      t.equal(modeOf(folder, 'sealed/a.txt'), '444')
    },
  },
  {
    claim: 'a zip from a system without Unix modes gets ordinary ones',
    entries: [
      { name: 'dir/', system: 0 },
      { name: 'dir/a.js', data: '', system: 0 },
    ],
    check: (t, folder) => {
      t.equal(modeOf(folder, 'dir'), '755')
      t.equal(modeOf(folder, 'dir/a.js'), '644')
    },
  },
  {
    claim: 'folders that are only implied are made',
    entries: [{ name: 'a/b/c.txt', data: 'deep' }],
    check: (t, folder) => t.same(tree(folder), ['a/', 'a/b/', 'a/b/c.txt']),
  },
  {
    claim: 'of two entries with one name the last one counts',
    entries: [
      { name: 'index.js', data: 'first' },
      { name: './index.js', data: 'second' },
    ],
    check: (t, folder) => t.equal(readFileSync(join(folder, 'index.js'), 'utf8'), 'second'),
  },
  {
    claim: 'names that differ only in case are two files',
    entries: [
      { name: 'Index.js', data: 'upper' },
      { name: 'index.js', data: 'lower' },
    ],
    check: (t, folder) => {
      t.equal(readFileSync(join(folder, 'Index.js'), 'utf8'), 'upper')
      t.equal(readFileSync(join(folder, 'index.js'), 'utf8'), 'lower')
    },
  },
  {
    claim: 'a link that stays inside is kept as a link',
    entries: [
      { name: 'lib/libx.so.1', data: 'library' },
      { name: 'lib/libx.so', data: 'libx.so.1', mode: link },
      { name: 'bin/up', data: '../lib/./libx.so', mode: link, deflate: true },
    ],
    check: (t, folder) => {
      t.equal(readFileSync(join(folder, 'bin/up'), 'utf8'), 'library')
      t.equal(readFileSync(join(folder, 'lib/libx.so'), 'utf8'), 'library')
    },
  },
  {
    claim: 'names in UTF-8 are kept',
    entries: [{ name: 'größe-日本.txt', data: 'ü' }],
    check: (t, folder) => t.same(tree(folder), ['größe-日本.txt']),
  },
  {
    claim: 'a backslash is a character of the name, as on Linux',
    entries: [{ name: 'lib\\a.js', data: 'windows' }],
    check: (t, folder) => t.same(tree(folder), ['lib\\a.js']),
  },
  {
    claim: 'a zip in a zip stays a file',
    entries: [{ name: 'inner.zip', data: rawZip([{ name: 'a', data: 'b' }]) }],
    check: (t, folder) => t.same(tree(folder), ['inner.zip']),
  },
]

for (const { claim, entries, check } of accepted) {
  t.test(claim, async (t) => {
    const store = await openCodeStore(temporaryFolder(t))
    check(t, (await store.storeZip(rawZip(entries))).folder)
  })
}

t.test('a refused zip does not stand in the way of a good one', async (t) => {
  const store = await openCodeStore(temporaryFolder(t))
  const bad = rawZip([{ name: 'a', data: 'x', claimedCrc: 1 }])
  await t.rejects(store.storeZip(bad), { code: 'EMU_ZIP_INVALID' })
  await t.rejects(store.storeZip(bad), { code: 'EMU_ZIP_INVALID' })
  const good = rawZip([{ name: 'index.js', data: 'x' }])
  t.same(tree((await store.storeZip(good)).folder), ['index.js'])
})

t.test('an error of the machine is not blamed on the zip', async (t) => {
  const state = temporaryFolder(t)
  const store = await openCodeStore(state)
  rmSync(join(state, 'code'), { recursive: true })
  const error = await store
    .storeZip(rawZip([{ name: 'a', data: 'b' }]))
    .catch((error: unknown) => error)
  t.ok(!(error instanceof EmulatorError))
  t.match(error, { code: 'ENOENT' })
})
