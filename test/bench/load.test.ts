// The load generator and the references as the processes that they are: what they time, and what they refuse to time.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startLoad } from '../../bench/load/load.js'
import { startReference } from '../../bench/references.js'
import { Scope } from '../../bench/scope.js'

t.setTimeout(120_000)

function arrange(t: Test) {
  const scope = new Scope()
  t.teardown(() => scope.close())
  const load = startLoad()
  scope.add(() => load.close())
  return { scope, load }
}

t.test('every call is timed, over as many connections as are wanted', async (t) => {
  const { scope, load } = arrange(t)
  const echo = await startReference(scope, 'fastify-echo')
  const target = echo.target({ text: 'é' })
  const one = await load.calls({ target, connections: 1, calls: 30 })
  t.equal(one.latenciesMs.length, 30)
  const sumMs = one.latenciesMs.reduce((sum, each) => sum + each, 0)
  t.ok(sumMs > 0 && sumMs <= one.elapsedMs, 'one after the other, within the time of them all')
  const many = await load.calls({ target, connections: 4, calls: 10 })
  t.equal(many.latenciesMs.length, 40)
  const timed = await load.calls({ target, connections: 2, durationMs: 50 })
  t.ok(timed.elapsedMs >= 50 && timed.latenciesMs.length >= 2)
  const apart = await load.calls({ target, connections: 1, calls: 3, pauseMs: 20 })
  t.ok(apart.elapsedMs >= 58, 'with pauses between them')
})

t.test('an answer that is not the expected one ends the measurement', async (t) => {
  const { scope, load } = arrange(t)
  const target = { ...(await startReference(scope, 'fastify-echo')).target(1), answer: '2' }
  await t.rejects(load.calls({ target, connections: 2, calls: 5 }), {
    message: 'another answer: 1',
  })
  const { answer: _, ...anything } = target
  const done = await load.calls({ target: anything, connections: 1, calls: 1 })
  t.equal(done.latenciesMs.length, 1, 'and the generator goes on')
})

t.test('a bare program is timed, and one that fails is not', async (t) => {
  const { load } = arrange(t)
  const bare = { program: process.execPath, args: ['-e', '0'] }
  t.ok((await load.bare(bare)) > 1)
  t.ok((await load.bare(bare, 3)) > 1)
  await t.rejects(load.bare({ ...bare, args: ['-e', 'process.exit(3)'] }), {
    message: `${process.execPath} ended with 3`,
  })
  await t.rejects(load.bare({ program: '/nowhere/python3', args: [] }), { message: /ENOENT/ })
})

t.test('a file is saved before it is called for', async (t) => {
  const { scope, load } = arrange(t)
  const folder = mkdtempSync(join(tmpdir(), 'lambda-emu-bench-test-'))
  scope.add(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'index.mjs')
  const target = (await startReference(scope, 'fastify-echo')).target({ code: 'new' })
  const served = await load.save({ path, text: 'new', target })
  t.equal(served.calls, 1)
  t.equal(readFileSync(path, 'utf8'), 'new')
  const refusing = { ...target, host: '127.0.0.1', port: 1 }
  await t.rejects(load.save({ path, text: 'new', target: refusing }), { message: /ECONNREFUSED/ })
})

t.test('a reference that ends before it listens is told', async (t) => {
  const { scope } = arrange(t)
  await t.rejects(startReference(scope, 'runtime-loop', ['/nowhere', 'index.handler']), {
    message: /^the reference runtime-loop ended with 1$/,
  })
})
