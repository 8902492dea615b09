// Layers from folders and zip files, merged into one: which wins, what becomes of links, and what is copied once.

import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import yazl from 'yazl'
import type { CodePackage, LayerContent } from '../../src/domain/function.js'
import { openCodeStore } from '../../src/packages/code-store.js'
import { openLayerStore } from '../../src/packages/layers.js'
import { temporaryFolder } from '../support/functions.js'

type Files = Readonly<Record<string, string>>

const noCode: CodePackage = { folder: '/nowhere', sha256: '', sizeBytes: 0 }

async function arrange(t: Test) {
  const folder = temporaryFolder(t)
  const state = join(folder, 'state')
  const open = async () => openLayerStore(state, await openCodeStore(state))
  const store = await open()
  const layer = (name: string, files: Files): string => {
    for (const [path, text] of Object.entries(files)) {
      const at = join(folder, name, path)
      mkdirSync(dirname(at), { recursive: true })
      writeFileSync(at, text, { mode: 0o644 })
    }
    mkdirSync(join(folder, name), { recursive: true })
    return join(folder, name)
  }
  const merge = (...layers: string[]) =>
    store.merge({ functionName: 'f', layers, code: noCode }) as Promise<LayerContent>
  return { folder, state, store, open, layer, merge }
}

function zipOf(path: string, entries: readonly { name: string; text: string; mode?: number }[]) {
  const zip = new yazl.ZipFile()
  for (const { name, text, mode = 0o100644 } of entries)
    zip.addBuffer(Buffer.from(text), name, { mode })
  zip.end()
  return new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = []
    zip.outputStream.on('data', (chunk: Buffer) => chunks.push(chunk))
    zip.outputStream.on('error', reject)
    zip.outputStream.on('end', () => {
      writeFileSync(path, Buffer.concat(chunks))
      resolve(path)
    })
  })
}

const text = (content: LayerContent, path: string) =>
  readFileSync(join(content.folder, path), 'utf8')

t.test('later layers win, file by file, and folders are merged', async (t) => {
  const { layer, merge } = await arrange(t)
  const first = layer('first', { 'bin/tool': 'first', 'lib/only-first': '1', shared: 'first' })
  const second = layer('second', { 'bin/other': 'second', shared: 'second' })
  const content = await merge(first, second)
  t.same(readdirSync(content.folder).sort(), ['bin', 'lib', 'shared'])
  t.same(readdirSync(join(content.folder, 'bin')).sort(), ['other', 'tool'])
  t.equal(text(content, 'shared'), 'second')
  t.equal(text(await merge(second, first), 'shared'), 'first')
  t.same(content.top, { bin: 'folder', lib: 'folder', shared: 'file' })
})

t.test('a file takes the place of a folder and a folder that of a file or a link', async (t) => {
  const { layer, merge } = await arrange(t)
  const folders = layer('folders', { 'a/inside': '1', 'b/inside': '1' })
  const files = layer('files', { a: 'file', c: 'file' })
  symlinkSync('/opt/elsewhere', join(files, 'b'))
  const content = await merge(folders, files)
  t.equal(text(content, 'a'), 'file')
  t.equal(readlinkSync(join(content.folder, 'b')), '/opt/elsewhere')
  const back = await merge(files, folders)
  t.same(readdirSync(join(back.folder, 'a')), ['inside'])
  t.ok(lstatSync(join(back.folder, 'b')).isDirectory(), 'nothing was written through the link')
})

t.test('zip files and folders are layers alike, and ARNs are none', async (t) => {
  const { folder, layer, merge, store } = await arrange(t)
  const zip = await zipOf(join(folder, 'layer.zip'), [
    { name: 'nodejs/node_modules/greet/index.js', text: 'zip' },
    { name: 'bin/run', text: '#!', mode: 0o100755 },
  ])
  const arn = 'arn:aws:lambda:eu-west-1:123456789012:layer:x:1'
  const content = await merge(zip, arn, layer('plain', { 'python/greet.py': 'plain' }))
  t.same(readdirSync(content.folder).sort(), ['bin', 'nodejs', 'python'])
  t.equal(statSync(join(content.folder, 'bin/run')).mode & 0o777, 0o755)
  t.equal(await store.merge({ functionName: 'f', layers: [arn], code: noCode }), undefined)
})

t.test('links within a layer stay links; what others lead to is taken along', async (t) => {
  const { folder, layer, merge } = await arrange(t)
  layer('elsewhere', { 'lib/index.js': 'mine', 'lib/deep/x': 'x' })
  symlinkSync('index.js', join(folder, 'elsewhere/lib/main.js'))
  const one = layer('one', { 'lib/real.so.1': 'so' })
  symlinkSync('real.so.1', join(one, 'lib/real.so'))
  symlinkSync(join(one, 'lib/real.so.1'), join(one, 'absolute'))
  symlinkSync('../one/lib', join(one, 'round'))
  symlinkSync('../elsewhere/lib', join(one, 'linked'))
  symlinkSync(join(folder, 'elsewhere/lib/index.js'), join(one, 'file.js'))
  symlinkSync('/opt/from/another/layer', join(one, 'dangling'))
  const { folder: merged } = await merge(one)
  const link = (path: string) => readlinkSync(join(merged, path))
  t.equal(link('lib/real.so'), 'real.so.1')
  t.equal(link('absolute'), 'lib/real.so.1')
  t.equal(link('round'), 'lib')
  t.equal(link('dangling'), '/opt/from/another/layer')
  t.ok(lstatSync(join(merged, 'linked')).isDirectory())
  t.equal(readFileSync(join(merged, 'linked/deep/x'), 'utf8'), 'x')
  t.equal(link('linked/main.js'), 'index.js')
  t.equal(readFileSync(join(merged, 'file.js'), 'utf8'), 'mine')
  t.ok(lstatSync(join(merged, 'file.js')).isFile())
})

t.test('a link into a folder that it is in is refused', async (t) => {
  const { folder, layer, merge } = await arrange(t)
  const one = layer('outer/one', { x: '1' })
  symlinkSync(join(folder, 'outer'), join(one, 'up'))
  await t.rejects(merge(one), {
    code: 'EMU_LAYER_INVALID',
    message: /outer.*which that link is in/,
  })
})

t.test(
  'modes and times are kept; a layer for its owner alone can be read by functions',
  async (t) => {
    const { layer, merge } = await arrange(t)
    const one = layer('one', { 'bin/run': '#!', data: 'x' })
    chmodSync(join(one, 'bin/run'), 0o755)
    chmodSync(join(one, 'data'), 0o600)
    utimesSync(join(one, 'data'), 1_600_000_000, 1_600_000_000)
    const open = await merge(one)
    t.equal(statSync(join(open.folder, 'bin/run')).mode & 0o777, 0o755)
    t.equal(statSync(join(open.folder, 'data')).mode & 0o777, 0o600, 'as on AWS')
    t.equal(statSync(join(open.folder, 'data')).mtimeMs, 1_600_000_000_000)
    chmodSync(one, 0o700)
    const closed = await merge(one)
    t.equal(statSync(join(closed.folder, 'data')).mode & 0o777, 0o644)
    t.equal(statSync(closed.folder).mode & 0o777, 0o755)
  },
)

t.test(
  'the same content is copied once, whatever its place; other content is another copy',
  async (t) => {
    const { state, open, layer, merge } = await arrange(t)
    const one = layer('one', { 'bin/x': '1' })
    const same = layer('same', { 'bin/x': '1' })
    const [first, second] = await Promise.all([merge(one), merge(same)])
    t.same(first, second)
    const { ino } = statSync(join(first.folder, 'bin/x'))
    const again = await (await open()).merge({ functionName: 'g', layers: [one], code: noCode })
    t.same(again, first)
    t.equal(statSync(join(first.folder, 'bin/x')).ino, ino, 'the next run takes it as it is')
    writeFileSync(join(one, 'bin/x'), '2')
    const changed = await merge(one)
    t.not(changed.sha256, first.sha256)
    t.equal(text(first, 'bin/x'), '1', 'who runs on the old one keeps it')
    t.equal(text(changed, 'bin/x'), '2')
    t.equal(readdirSync(join(state, 'layers')).length, 2)
  },
)

t.test('a copy that was cut off or changed is made again by the next run', async (t) => {
  const { open, layer, merge } = await arrange(t)
  const one = layer('one', { 'bin/x': '1', 'bin/y': '2' })
  const { folder } = await merge(one)
  chmodSync(join(folder, 'bin/y'), 0o644)
  truncateSync(join(folder, 'bin/y'), 0)
  const next = await (await open()).merge({ functionName: 'g', layers: [one], code: noCode })
  t.equal(text(next as LayerContent, 'bin/y'), '2')
})

t.test('of earlier runs the ten copies that were used last are kept', async (t) => {
  const { state, open, layer, merge } = await arrange(t)
  const one = layer('one', { x: '0' })
  const first = await merge(one)
  utimesSync(join(dirname(first.folder), 'used'), 1, 1)
  for (let round = 1; round <= 11; round += 1) {
    writeFileSync(join(one, 'x'), String(round))
    const { folder } = await merge(one)
    utimesSync(join(dirname(folder), 'used'), 100 + round, 100 + round)
  }
  mkdirSync(join(state, 'layers/.incoming-abcdef/opt'), { recursive: true })
  t.equal(readdirSync(join(state, 'layers')).length, 13, 'this run keeps what it made')
  const next = await open()
  const wish = { functionName: 'f', layers: [one], code: noCode }
  t.ok(existsSync(((await next.merge(wish)) as LayerContent).folder))
  t.equal(readdirSync(join(state, 'layers')).length, 10)
  t.notOk(existsSync(first.folder))
})

t.test('250 MB are the limit, of layers alone and together with a packaged code', async (t) => {
  const { folder, layer, merge, store, state } = await arrange(t)
  const one = layer('one', { large: '' })
  truncateSync(join(one, 'large'), 262_144_000)
  const small = layer('small', { x: '1' })
  const layers = [small]
  await t.rejects(merge(one, small), { code: 'EMU_LAYERS_TOO_LARGE', message: /function f/ })
  t.notOk(existsSync(join(state, 'layers')), 'nothing was copied')
  const code = { ...noCode, folder: one, zipPath: join(folder, 'code.zip') }
  await t.rejects(store.merge({ functionName: 'f', layers, code }), {
    code: 'EMU_LAYERS_TOO_LARGE',
  })
  truncateSync(join(one, 'large'), 262_143_999)
  t.ok(await store.merge({ functionName: 'f', layers, code }))
})

t.test('what is no layer is refused by its name', async (t) => {
  const { folder, layer, merge } = await arrange(t)
  await t.rejects(merge(join(folder, 'gone')), {
    code: 'EMU_LAYER_INVALID',
    message: /gone cannot be used: it does not exist/,
  })
  const bad = layer('bad', { 'x.zip': 'no zip' })
  await t.rejects(merge(join(bad, 'x.zip')), { code: 'EMU_ZIP_INVALID' })
  await t.rejects(merge('/dev/null'), { code: 'EMU_LAYER_INVALID' })
})
