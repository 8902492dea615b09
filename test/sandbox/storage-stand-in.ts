// A process that takes storage as a daemon does, says where it is, and waits to be killed.

import { createStorage } from '../../src/sandbox/storage.js'

const [stateDirectory = '', helper = ''] = process.argv.slice(2)
const loop = createStorage({ stateDirectory, helper, kind: 'loop' })
const folder = createStorage({ stateDirectory, helper: undefined, kind: 'folder' })
const taken = [await loop.take(512), await loop.take(512), await folder.take(512)]
process.stdout.write(`${JSON.stringify(taken.map((storage) => storage.folder))}\n`)
setInterval(() => {}, 1000)
