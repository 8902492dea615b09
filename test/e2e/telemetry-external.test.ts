// External extensions in Node and Python that take telemetry: they wait for the runtime's end before they ask for more.

import t from 'tap'
import { freePort } from './telemetry-agent.js'
import { nodeAgent, pythonAgent, stage } from './telemetry-stage.js'

for (const [language, agent] of [
  ['Node', nodeAgent],
  ['Python', pythonAgent],
] as const) {
  t.test(`${language}: the documented order, and the end of each invocation in time`, async (t) => {
    const { told, settled, emulator, logs, invoke } = await stage(t, agent)
    const first = await told()
    const second = await told()
    const failed = await invoke('f', { fails: true })
    t.equal(failed.functionError, 'Unhandled')
    await settled(failed.requestId)
    const { got, requestId } = await told()
    t.equal(
      (await emulator.environments()).length,
      1,
      'it waits for its news inside one environment',
    )
    const platform = got.filter(({ type }) => type.startsWith('platform.'))
    t.same(
      platform.slice(0, 5).map(({ type }) => type),
      [
        'platform.initStart',
        'platform.telemetrySubscription',
        'platform.initRuntimeDone',
        'platform.extension',
        'platform.initReport',
      ],
    )
    t.match(platform[3]?.record, { name: 'agent', state: 'Ready', events: ['INVOKE', 'SHUTDOWN'] })
    const ofInvocations = platform
      .slice(5)
      .map(({ type, record }) => [type, (record as { requestId: string }).requestId])
    const each = ['platform.start', 'platform.runtimeDone', 'platform.report']
    t.same(
      ofInvocations.slice(0, 9),
      [first.requestId, second.requestId, failed.requestId].flatMap((id) =>
        each.map((type) => [type, id]),
      ),
    )
    const done = platform.find(({ type }) => type === 'platform.runtimeDone')
    const spans = ['responseLatency', 'responseDuration', 'runtimeOverhead']
    t.match(done?.record, { spans: spans.map((name) => ({ name })) })
    const report = platform.find(({ type }) => type === 'platform.report')
    t.match(report?.record, { spans: [{ name: 'extensionOverhead' }] })
    const lines = got.filter(({ type }) => !type.startsWith('platform.'))
    t.same(lines[0], { ...lines[0], type: 'extension', record: 'subscribed 200 "OK"\n' })
    t.match(lines[1]?.record, /\tINFO\tat work\n$/)
    await emulator.stop()
    const end = logs.find(({ message }) => message.includes('the end has come'))
    t.equal(end?.source, 'extension', `${requestId} is reported at the shutdown`)
  })
}

t.test(
  'a timeout is told before the extension is shut down, and the next life is told too',
  async (t) => {
    const port = await freePort()
    const { told, settled, invoke, logs } = await stage(t, nodeAgent, { timeoutSeconds: 3, port })
    await told()
    const late = await invoke('f', { hangs: true })
    t.match(late.text, /Task timed out/)
    await settled(late.requestId)
    const { got } = await told()
    t.ok(
      logs.some(({ message }) => message.includes('the end has come')),
      'the extension had the report before it ended',
    )
    const about = got.filter(
      ({ record }) => typeof record === 'object' && record.requestId === late.requestId,
    )
    t.match(
      about.map(({ type, record }) => [type, (record as { status?: string }).status]),
      [
        ['platform.start', undefined],
        ['platform.runtimeDone', 'timeout'],
        ['platform.report', 'timeout'],
      ],
    )
    const inits = got.filter(({ type }) => type === 'platform.initStart')
    t.match(
      inits.map(({ record }) => record),
      [{ phase: 'init' }, { phase: 'invoke' }],
    )
    const subscriptions = got.filter(({ type }) => type === 'platform.telemetrySubscription')
    t.match(
      subscriptions.map(({ record }) => record),
      [{ state: 'Subscribed' }, { state: 'Already subscribed' }],
    )
  },
)
