// Every hostile or broken archive that must be refused and leave nothing behind.

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EmulatorError } from '../../src/domain/emulator-error.js'
import { openCodeStore } from '../../src/packages/code-store.js'
import { temporaryFolder, tree } from './folders.js'
import { rawZip } from './raw-zip.js'

const link = 0o120777
const megabyte = 1_048_576

interface Refused {
  readonly claim: string
  readonly zip: Buffer | (() => Buffer)
  readonly code: 'EMU_ZIP_INVALID' | 'EMU_ZIP_ESCAPES' | 'EMU_ZIP_TOO_LARGE'
  readonly says?: RegExp
}

const small = rawZip([{ name: 'index.js', data: 'exports.handler = 1', deflate: true }])

const refused: readonly Refused[] = [
  { claim: 'an empty upload', zip: Buffer.alloc(0), code: 'EMU_ZIP_INVALID' },
  {
    claim: 'a zip without files',
    zip: rawZip([{ name: 'only/', mode: 0o040755 }]),
    code: 'EMU_ZIP_INVALID',
    says: /no files/,
  },
  { claim: 'bytes that are no zip', zip: Buffer.from('not a zip'), code: 'EMU_ZIP_INVALID' },
  { claim: 'a gzip', zip: Buffer.from('1f8b08000000000000030300', 'hex'), code: 'EMU_ZIP_INVALID' },
  { claim: 'a zip without its end', zip: small.subarray(0, -22), code: 'EMU_ZIP_INVALID' },
  { claim: 'a zip without its beginning', zip: small.subarray(20), code: 'EMU_ZIP_INVALID' },
  {
    claim: 'more entries announced than there are',
    zip: rawZip([{ name: 'a' }], 3),
    code: 'EMU_ZIP_INVALID',
  },
  {
    claim: 'a name that climbs out',
    zip: rawZip([{ name: '../evil.js', data: 'x' }]),
    code: 'EMU_ZIP_ESCAPES',
    says: /evil/,
  },
  {
    claim: 'a name that climbs out from below',
    zip: rawZip([{ name: 'a/b/../../../evil.js', data: 'x' }]),
    code: 'EMU_ZIP_ESCAPES',
  },
  {
    claim: 'a name that climbs and comes back',
    zip: rawZip([{ name: 'a/../b.js', data: 'x' }]),
    code: 'EMU_ZIP_ESCAPES',
  },
  {
    claim: 'a folder that climbs out',
    zip: rawZip([{ name: '../', mode: 0o040755 }]),
    code: 'EMU_ZIP_ESCAPES',
  },
  {
    claim: 'a name that climbs out with backslashes',
    zip: rawZip([{ name: '..\\..\\evil.js', data: 'x' }]),
    code: 'EMU_ZIP_ESCAPES',
  },
  {
    claim: 'an absolute name',
    zip: rawZip([{ name: '/tmp/evil.js', data: 'x' }]),
    code: 'EMU_ZIP_ESCAPES',
  },
  {
    claim: 'an absolute name of Windows',
    zip: rawZip([{ name: 'C:\\evil.js', data: 'x' }]),
    code: 'EMU_ZIP_ESCAPES',
  },
  {
    claim: 'a name with a zero byte',
    zip: rawZip([{ name: 'a\0.js', data: 'x' }]),
    code: 'EMU_ZIP_INVALID',
    says: /zero byte/,
  },
  {
    claim: 'a file without a name',
    zip: rawZip([{ name: '.', data: 'x' }]),
    code: 'EMU_ZIP_INVALID',
    says: /no name/,
  },
  {
    claim: 'a name longer than a name can be',
    zip: rawZip([{ name: 'n'.repeat(256), data: 'x' }]),
    code: 'EMU_ZIP_INVALID',
    says: /longer than 255/,
  },
  {
    claim: 'a path longer than a path can be',
    zip: rawZip([{ name: 'p/'.repeat(2_000), mode: 0o040755 }]),
    code: 'EMU_ZIP_INVALID',
    says: /longer than 3072/,
  },
  {
    claim: 'a link to an absolute place',
    zip: rawZip([{ name: 'l', data: '/etc/passwd', mode: link }]),
    code: 'EMU_ZIP_ESCAPES',
  },
  {
    claim: 'a link that climbs out',
    zip: rawZip([{ name: 'a/l', data: '../../etc', mode: link }]),
    code: 'EMU_ZIP_ESCAPES',
  },
  {
    claim: 'two links that climb out only together',
    zip: rawZip([
      { name: 'deep/er/root', data: '../..', mode: link },
      { name: 'l', data: 'deep/er/root/../x', mode: link },
    ]),
    code: 'EMU_ZIP_ESCAPES',
  },
  {
    claim: 'links in a circle',
    zip: rawZip([
      { name: 'a', data: 'b', mode: link },
      { name: 'b', data: 'a', mode: link },
    ]),
    code: 'EMU_ZIP_ESCAPES',
  },
  {
    claim: 'a link outside, then a file written through it',
    zip: rawZip([
      { name: 'l', data: '/tmp', mode: link },
      { name: 'l/evil.js', data: 'x' },
    ]),
    code: 'EMU_ZIP_ESCAPES',
  },
  {
    claim: 'a link inside, then a file written through it',
    zip: rawZip([
      { name: 'l', data: 'lib', mode: link },
      { name: 'l/a.js', data: 'x' },
    ]),
    code: 'EMU_ZIP_INVALID',
    says: /no folder/,
  },
  {
    claim: 'a file below a file',
    zip: rawZip([
      { name: 'a', data: 'x' },
      { name: 'a/b', data: 'y' },
    ]),
    code: 'EMU_ZIP_INVALID',
    says: /no folder/,
  },
  {
    claim: 'a link to nowhere',
    zip: rawZip([{ name: 'l', data: '', mode: link }]),
    code: 'EMU_ZIP_INVALID',
    says: /nowhere/,
  },
  {
    claim: 'a link with a very long target',
    zip: rawZip([{ name: 'l', data: 'x'.repeat(5_000), mode: link }]),
    code: 'EMU_ZIP_INVALID',
    says: /too long/,
  },
  {
    claim: 'a character device',
    zip: rawZip([{ name: 'zero', mode: 0o020666 }]),
    code: 'EMU_ZIP_INVALID',
    says: /device/,
  },
  {
    claim: 'a block device',
    zip: rawZip([{ name: 'sda', mode: 0o060660 }]),
    code: 'EMU_ZIP_INVALID',
    says: /device/,
  },
  {
    claim: 'a named pipe',
    zip: rawZip([{ name: 'pipe', mode: 0o010666 }]),
    code: 'EMU_ZIP_INVALID',
    says: /pipe/,
  },
  {
    claim: 'a socket',
    zip: rawZip([{ name: 'sock', mode: 0o140666 }]),
    code: 'EMU_ZIP_INVALID',
    says: /socket/,
  },
  {
    claim: 'an encrypted entry',
    zip: rawZip([{ name: 'a', data: 'x'.repeat(20), claimedSize: 8, flags: 1 }]),
    code: 'EMU_ZIP_INVALID',
    says: /encrypted/,
  },
  {
    claim: 'an unknown compression',
    zip: rawZip([{ name: 'a', data: 'x', method: 93 }]),
    code: 'EMU_ZIP_INVALID',
    says: /method 93/,
  },
  {
    claim: 'bytes that do not inflate',
    zip: rawZip([{ name: 'a', data: 'xxxxxxxx', method: 8 }]),
    code: 'EMU_ZIP_INVALID',
  },
  {
    claim: 'a wrong check sum',
    zip: rawZip([{ name: 'a', data: 'x', claimedCrc: 1 }]),
    code: 'EMU_ZIP_INVALID',
    says: /check sum/,
  },
  {
    claim: 'a stored file of another size than it claims',
    zip: rawZip([{ name: 'a', data: 'x', claimedSize: 2 }]),
    code: 'EMU_ZIP_INVALID',
  },
  {
    claim: 'a file that is larger than it claims',
    zip: rawZip([{ name: 'a', data: 'x'.repeat(10_000), deflate: true, claimedSize: 9_000 }]),
    code: 'EMU_ZIP_INVALID',
  },
  {
    claim: 'a file that is smaller than it claims',
    zip: rawZip([{ name: 'a', data: 'x'.repeat(9_000), deflate: true, claimedSize: 10_000 }]),
    code: 'EMU_ZIP_INVALID',
    says: /size/,
  },
  {
    claim: 'a large file that is larger than it claims',
    zip: () =>
      rawZip([
        { name: 'a', data: Buffer.alloc(64 * megabyte), deflate: true, claimedSize: 2 * megabyte },
      ]),
    code: 'EMU_ZIP_INVALID',
    says: /size/,
  },
  {
    claim: 'a size that the bytes cannot hold',
    zip: rawZip([{ name: 'a', data: 'x', deflate: true, claimedSize: 200_000_000 }]),
    code: 'EMU_ZIP_INVALID',
    says: /cannot hold/,
  },
  {
    claim: 'a bomb of one file',
    zip: () => rawZip([{ name: 'a', data: Buffer.alloc(262_144_001), deflate: true }]),
    code: 'EMU_ZIP_TOO_LARGE',
    says: /262144000/,
  },
  {
    claim: 'a bomb of many files',
    zip: () =>
      rawZip(
        [...'abcdefghi'].map((name) => ({
          name,
          data: Buffer.alloc(30 * megabyte),
          deflate: true,
        })),
      ),
    code: 'EMU_ZIP_TOO_LARGE',
  },
  {
    claim: 'a bomb of entries that share their bytes',
    zip: () =>
      rawZip([
        { name: 'a', data: Buffer.alloc(megabyte), deflate: true },
        ...[...'bcdef'].map((name) => ({
          name,
          data: Buffer.alloc(megabyte),
          deflate: true,
          sameBytesAs: 0,
        })),
      ]),
    code: 'EMU_ZIP_INVALID',
    says: /overlap/,
  },
]

for (const { claim, zip, code, says } of refused) {
  t.test(`refused, and nothing of it is kept: ${claim}`, async (t) => {
    const around = temporaryFolder(t)
    const state = join(around, 'state')
    const store = await openCodeStore(state)
    const bytes = typeof zip === 'function' ? zip() : zip
    const error = await store.storeZip(bytes, 'my.zip').catch((error: unknown) => error)
    t.ok(error instanceof EmulatorError, String(error))
    t.equal((error as EmulatorError).code, code)
    t.match((error as EmulatorError).message, says ?? /my\.zip/)
    t.same(tree(around), ['state/', 'state/code/'])
    t.ok(!existsSync('/tmp/evil.js'))
  })
}

t.test('more than 100,000 entries are refused', async (t) => {
  const state = temporaryFolder(t)
  const store = await openCodeStore(state)
  const zip = rawZip(Array.from({ length: 100_001 }, (_, n) => ({ name: `f${n}` })))
  await t.rejects(store.storeZip(zip), { code: 'EMU_ZIP_INVALID', message: /100000 entries/ })
  t.same(readdirSync(join(state, 'code')), [])
})
