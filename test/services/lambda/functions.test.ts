// The function store: which generations it announces, in which order, and what a template's functions are.

import t from 'tap'
import type { FunctionDefinition, Generation } from '../../../src/domain/function.js'
import { functionStore } from '../../../src/services/lambda/functions.js'
import { manualClock, numberedUuid, startMs } from './lambda-api.js'

const key = { accountId: '111111111111', region: 'eu-west-1', functionName: 'hello' }

function definition(changes: Partial<FunctionDefinition> = {}): FunctionDefinition {
  return {
    ...key,
    functionArn: 'arn:aws:lambda:eu-west-1:111111111111:function:hello',
    runtime: 'nodejs22.x',
    handler: 'index.handler',
    role: 'arn:aws:iam::111111111111:role/any',
    description: '',
    memoryMb: 128,
    timeoutSeconds: 3,
    ephemeralStorageMb: 512,
    architecture: 'x86_64',
    layers: [],
    logGroup: '/aws/lambda/hello',
    logFormat: 'Text',
    tracingMode: 'PassThrough',
    code: { folder: '/code', sha256: 'hash', sizeBytes: 1 },
    ...changes,
  }
}

function startStore(transitionMs = 0) {
  const told: { deployed?: Generation; replaces?: Generation; deleted?: Generation }[] = []
  const clock = manualClock()
  const store = functionStore({
    clock,
    newRevisionId: numberedUuid(),
    transitionMs,
    listener: {
      onDeployed: ({ generation, replaces }) =>
        told.push({ deployed: generation, ...(replaces === undefined ? {} : { replaces }) }),
      onDeleted: ({ generation }) => told.push({ deleted: generation }),
    },
  })
  return { store, told, clock }
}

t.test('a function of a template is Active at once and replaces the one before it', async (t) => {
  const { store, told } = startStore()
  const first = store.define(definition(), ['Policies'])
  t.match(first, {
    source: 'template',
    state: 'Active',
    lastUpdateStatus: 'Successful',
    recordedOnly: ['Policies'],
  })
  const second = store.define(definition({ timeoutSeconds: 9 }))
  t.equal(told[1]?.deployed?.id, second.generation?.id)
  t.equal(told[1]?.replaces?.id, first.generation?.id)
  t.equal(store.all().length, 1)
})

t.test(
  'a function of a template that is changed through the API stays the template’s',
  async (t) => {
    const { store } = startStore()
    const { recorded } = store.define(definition(), ['Policies'])
    store.update(key, { definition: definition({ tracingMode: 'Active' }), recorded })
    t.match(store.get(key), { source: 'template', recordedOnly: ['Policies', 'TracingConfig'] })
  },
)

t.test('every change is a new generation, also one that changes nothing', async (t) => {
  const { store, told } = startStore()
  store.create({ definition: definition(), recorded: {} })
  store.update(key, { definition: definition(), recorded: {} })
  const [first, second] = told.map(({ deployed }) => deployed?.id)
  t.match(first, /^[0-9a-f]{32}$/)
  t.ok(second !== first)
})

t.test(
  'the end of a function names the generation that ran, and nothing after it is deployed',
  async (t) => {
    const { store, told, clock } = startStore(1_000)
    store.create({ definition: definition(), recorded: {} })
    clock.advance(1_000)
    store.update(key, { definition: definition({ timeoutSeconds: 9 }), recorded: {} })
    store.delete(key)
    clock.advance(1_000)
    t.equal(told.length, 2)
    t.equal(told[1]?.deleted?.id, told[0]?.deployed?.id)
    t.equal(store.get(key), undefined)
    t.equal(store.delete(key), undefined)
  },
)

t.test('a transition ends on the emulator’s clock, with a revision of its own', async (t) => {
  const { store, clock } = startStore(1_000)
  const pending = store.create({ definition: definition(), recorded: {} })
  t.match(pending, { state: 'Pending', lastModifiedMs: startMs })
  clock.advance(999)
  t.equal(store.get(key)?.state, 'Pending')
  const settled = store.settled(key)
  clock.advance(1)
  await settled
  const active = store.get(key)
  t.match(active, { state: 'Active', lastUpdateStatus: 'Successful', lastModifiedMs: startMs })
  t.ok(active?.revisionId !== pending.revisionId)
})

t.test('records never change: what was returned stays what it was', async (t) => {
  const { store } = startStore()
  const pending = store.create({ definition: definition(), recorded: {} })
  t.equal(pending.state, 'Pending')
  t.equal(store.get(key)?.state, 'Active')
})

t.test(
  'a template function that comes while one of its name is being created takes its place',
  async (t) => {
    const { store, told, clock } = startStore(1_000)
    store.create({ definition: definition(), recorded: {} })
    const waiting = store.settled(key)
    store.define(definition({ timeoutSeconds: 9 }))
    await waiting
    clock.advance(1_000)
    t.equal(told.length, 1)
    t.equal(told[0]?.deployed?.definition.timeoutSeconds, 9)
  },
)
