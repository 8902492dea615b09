// A guardian that cannot start: the daemon starts all the same, says what is lost, and its next start cleans up.

import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { packageRoot } from '../../src/admin/package-root.js'
import { findHelper } from '../../src/sandbox/helper.js'
import { begin, nowMs } from '../support/daemon.js'
import { nodeFunction, projectOf, temporaryFolder } from '../support/functions.js'
import { markName } from './machine.js'
import { Traces } from './traces.js'

// Only against hanging.
t.setTimeout(400_000)

const helper = findHelper(packageRoot)
if (helper === undefined) throw new Error('build the helper first: node scripts/build-helper.js')

/** The real helper for everything but `guard`, for which it is this script. */
function helperWithout(t: Test, guard: string): string {
  const path = join(temporaryFolder(t), 'helper')
  writeFileSync(path, `#!/bin/sh\nif [ "$1" = guard ]; then ${guard}; fi\nexec ${helper} "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

const isOurs = ({ code }: { readonly code: string }) => /^W_(GUARDIAN|SWEEP)$/.test(code)

const broken: Readonly<Record<string, (t: Test) => string>> = {
  'is no helper at all': () => '/bin/false',
  'ends at once': (t) => helperWithout(t, 'exit 7'),
  'is killed before it is ready': (t) => helperWithout(t, 'kill -KILL $$'),
  'says something else': (t) => helperWithout(t, 'echo hello; exec sleep 60'),
  'says nothing': (t) => helperWithout(t, 'exec sleep 60'),
}

for (const [how, make] of Object.entries(broken)) {
  t.test(`with a guardian that ${how} the daemon starts, warns and works`, async (t) => {
    const mark = `none-${process.pid}-${nowMs()}`
    const stateDirectory = temporaryFolder(t)
    const traces = new Traces({ stateDirectory, mark })
    const project = projectOf(t, {
      sleeper: nodeFunction('sleeper', { environment: { [markName]: mark } }),
    })
    const variables = { LAMBDA_EMU_HELPER: make(t), [markName]: mark }
    const starting = begin({ project, stateDirectory, variables })
    traces.follow(starting.pid)
    const daemon = await starting.ready
    t.teardown(() => daemon.stop())
    const answer = await daemon.invoke('sleeper', {})
    t.match(answer.body, { invocations: 1 }, JSON.stringify(answer.body))
    t.equal((await daemon.admin.status()).sandbox.guardian, 'no')
    t.equal(traces.guardianOf(daemon.pid), undefined)
    traces.look()
    await daemon.kill9()
    const [warning, ...others] = daemon.warnings.filter(isOurs)
    t.same(others, [])
    t.match(warning, {
      code: 'W_GUARDIAN',
      message: /next start cleans up: the guardian does not start/,
    })

    const again = begin({ project, stateDirectory, variables: { [markName]: mark } })
    traces.follow(again.pid)
    const next = await again.ready
    t.teardown(() => next.stop())
    t.same(traces.left(next.pid), [], 'after the next start nothing is left')
    t.equal(await next.stop(), 0)
    t.same(next.warnings.filter(isOurs), [])
    t.same(traces.left(), [])
  })
}
