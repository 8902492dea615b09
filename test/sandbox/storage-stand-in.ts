// A process that takes storage as a daemon does, says where it is, and waits to be killed; or only says whether it could.

import { createStorage, loopStorageProblem } from '../../src/sandbox/storage.js'

const [what, stateDirectory = '', helper = ''] = process.argv.slice(2)
if (what === 'problem') {
  const problem = await loopStorageProblem({ stateDirectory, helper })
  process.stdout.write(`${problem ?? 'none'}\n`)
} else {
  const loop = createStorage({ stateDirectory, helper, kind: 'loop' })
  const folder = createStorage({ stateDirectory, helper: undefined, kind: 'folder' })
  const taken = [await loop.take(512), await loop.take(512), await folder.take(512)]
  process.stdout.write(`${JSON.stringify(taken.map((storage) => storage.folder))}\n`)
  setInterval(() => {}, 1000)
}
