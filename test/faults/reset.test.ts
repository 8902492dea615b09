// A reset of an environment whose code needs packages that lie below /tmp on this machine: its /tmp is kept, and is in nobody's way.

import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startDaemon } from '../support/daemon.js'
import { projectOf, temporaryFolder } from '../support/functions.js'

// Only against hanging.
t.setTimeout(400_000)

const source = `
const { appendFileSync, readFileSync } = require('node:fs')
exports.handler = async ({ crash }) => {
  if (crash) {
    appendFileSync('/tmp/kept', 'x')
    process.exit(1)
  }
  return { linked: require('linked'), kept: readFileSync('/tmp/kept', 'utf8') }
}`

t.test('packages that are reached by a link below /tmp are there after every reset', async (t) => {
  const folder = temporaryFolder(t)
  t.match(folder, /^\/tmp\//, 'else this shows nothing')
  mkdirSync(join(folder, 'project/code'), { recursive: true })
  mkdirSync(join(folder, 'packages/linked'), { recursive: true })
  writeFileSync(join(folder, 'packages/linked/index.js'), 'module.exports = "found"')
  symlinkSync(join(folder, 'packages'), join(folder, 'project/node_modules'))
  writeFileSync(join(folder, 'project/code/index.js'), source)
  const code = join(folder, 'project/code')
  const project = projectOf(t, { user: { runtime: 'nodejs22.x', handler: 'index.handler', code } })
  const daemon = await startDaemon(t, { project, stateDirectory: temporaryFolder(t) })
  for (const kept of ['x', 'xx', 'xxx']) {
    const crash = await daemon.invoke('user', { crash: true })
    t.match(crash.body, { errorType: 'Runtime.ExitError' })
    const after = await daemon.invoke('user', {})
    t.same(after.body, { linked: 'found', kept }, 'in the same environment')
  }
  t.same(readdirSync(join(folder, 'project')).sort(), ['code', 'node_modules'])
})
