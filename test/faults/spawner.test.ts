// The end of the process that starts environments: a crash of those it had started, and of nothing else.

import t from 'tap'
import { childrenOf, readProcess } from '../../src/procfs/process.js'
import { type Daemon, nowMs, until } from '../support/daemon.js'
import { nodeFunction, projectOf, temporaryFolder } from '../support/functions.js'
import { markName, nameOf } from './machine.js'
import { start } from './moments.js'
import { Traces } from './traces.js'

// Only against hanging.
t.setTimeout(120_000)

function spawnerOf(daemon: Daemon): number | undefined {
  const own = readProcess(daemon.pid)
  const children = own === undefined ? [] : childrenOf(own)
  return children.find((pid) => nameOf(pid) === 'lambda-emu-spaw')
}

for (const freeze of ['v2', 'signal'] as const) {
  t.test(`${freeze}: kill -9 of the spawner is a crash, after which all works`, async (t) => {
    const mark = `spawner-${process.pid}-${nowMs()}`
    const settings = { memoryMb: 128, environment: { [markName]: mark } }
    const project = projectOf(t, {
      busy: nodeFunction('sleeper', settings),
      idle: nodeFunction('sleeper', settings),
    })
    const stateDirectory = temporaryFolder(t)
    const traces = new Traces({ stateDirectory, mark })
    const place = { project, stateDirectory, mark, traces, startMs: 0 }
    const daemon = await start(place, freeze).ready
    t.teardown(() => daemon.stop())
    const phases = async () =>
      (await daemon.admin.environments()).map(
        ({ functionName, phase }) => `${functionName} ${phase}`,
      )

    // As often as it is replaced, and once more, when the daemon starts processes itself.
    for (let round = 1; round <= 4; round += 1) {
      t.match((await daemon.invoke('idle', {})).body, { invocations: 1 }, `${round}: a cold start`)
      const call = daemon.invoke('busy', { sleepMs: 60_000 })
      await until('one is busy', async () => (await phases()).includes('busy busy'))
      await until('one is idle', async () => (await phases()).includes('idle ready'))
      if (round === 4) {
        t.equal(spawnerOf(daemon), undefined)
        break
      }
      await until('there is a spawner', () => spawnerOf(daemon) !== undefined)
      process.kill(spawnerOf(daemon) ?? 0, 'SIGKILL')
      t.match((await call).body, { errorType: 'Runtime.ExitError' }, 'the caller knows')
      await until('the idle one is given up', async () => !(await phases()).includes('idle ready'))
    }
    t.equal(await daemon.stop(), 0)
    t.same(traces.left(), [], 'and nothing is left at the end')
  })
}
