// Where environments have roots of their own, sandbox.localdomain is an address of each: extensions of two listen on one port.

import t from 'tap'
import { freePort } from './telemetry-agent.js'
import { nodeAgent, stage } from './telemetry-stage.js'

t.test(
  'two environments at once have extensions on one port, each with its own news',
  async (t) => {
    const { told, invoke, emulator } = await stage(t, nodeAgent, { port: await freePort() })
    const both = await Promise.all([told(), told()])
    t.equal((await emulator.environments()).length, 2)
    for (const { requestId, got } of both) {
      const starts = got.filter(({ type }) => type === 'platform.start')
      t.same(
        starts.map(({ record }) => (record as { requestId: string }).requestId),
        [requestId],
      )
    }
    t.equal((await invoke('f')).functionError, undefined)
  },
)
