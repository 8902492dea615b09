// AWS's own client against our server: random inputs arrive as they were sent, random outputs come back as they were given.

import * as sdk from '@aws-sdk/client-lambda'
import fc from 'fast-check'
import t from 'tap'
import type { LambdaHandlers } from '../../src/aws/lambda.js'
import { lambdaModel } from '../../src/aws/models/lambda-model.js'
import type { MemberModel } from '../../src/aws/protocol/model.js'
import { shapeNamed, structureOf } from './arbitrary-values.js'
import { startLambda } from './lambda-server.js'

type Values = Record<string, unknown>
type CommandClass = new (input: Values) => Parameters<sdk.LambdaClient['send']>[0]

const runsPerOperation = 10
const exported = sdk as unknown as Readonly<Record<string, CommandClass | undefined>>
const operations = Object.keys(lambdaModel.operations)
const inSdk = operations.filter((name) => exported[`${name}Command`] !== undefined)

/** Members that the SDK's own schema of a shape has: it is a little older than the model. */
function sdkMembers(shape: string): ReadonlySet<string> | undefined {
  const schema = (sdk as unknown as Readonly<Record<string, readonly unknown[] | undefined>>)[
    `${shape}$`
  ]
  return schema === undefined ? undefined : new Set(schema[4] as readonly string[])
}

/** The same value in the SDK's types (timestamps are Dates) or, from them, in ours; empty blobs count as absent. */
function convert(
  value: unknown,
  member: MemberModel,
  leaf: (value: unknown, type: string) => unknown,
): unknown {
  if (value === undefined || value === null) return undefined
  const shape = shapeNamed(member.shape)
  const { member: element, value: mapValue, members } = shape
  if (shape.type === 'structure') {
    const given = value as Values
    const known = sdkMembers(member.shape)
    const entries = Object.entries(members ?? {})
      .filter(([name]) => known === undefined || known.has(name))
      .map(([name, each]) => [name, convert(given[name], each, leaf)] as const)
      .filter(([, each]) => each !== undefined)
    return Object.fromEntries(entries)
  }
  if (shape.type === 'list' && element !== undefined) {
    return (value as unknown[]).map((each) => convert(each, element, leaf))
  }
  if (shape.type === 'map' && mapValue !== undefined) {
    return Object.fromEntries(
      Object.entries(value).map(([key, each]) => [key, convert(each, mapValue, leaf)]),
    )
  }
  return leaf(value, shape.type)
}

const toSdk = (value: unknown, type: string) =>
  type === 'timestamp' ? new Date(value as number) : value

const plain = (value: unknown, type: string) => {
  if (type === 'timestamp') return value instanceof Date ? value.getTime() : value
  if (type === 'blob')
    return (value as Uint8Array).length === 0
      ? undefined
      : Buffer.from(value as Uint8Array).toString('hex')
  return value
}

function client(t: Tap, url: string): sdk.LambdaClient {
  const made = new sdk.LambdaClient({
    endpoint: url,
    region: 'eu-west-3',
    credentials: { accessKeyId: '111122223333', secretAccessKey: 'none' },
    maxAttempts: 1,
  })
  t.teardown(() => made.destroy())
  return made
}

type Tap = Parameters<typeof startLambda>[0]

t.test('the SDK has nearly all operations and members of the model', (t) => {
  t.ok(inSdk.length >= 88, `${inSdk.length} of ${operations.length}`)
  const missing = Object.entries(lambdaModel.shapes).flatMap(([shape, { type, members }]) => {
    const known = type === 'structure' ? sdkMembers(shape) : undefined
    return Object.keys(members ?? {}).filter((name) => known !== undefined && !known.has(name))
  })
  t.ok(missing.length < 20, `${missing.length} members are too new for it`)
  t.end()
})

t.test(
  'what the SDK sends is what the handler gets, and what the handler gives is what the SDK returns',
  async (t) => {
    let seen: unknown
    let output: Values = {}
    const handlers = Object.fromEntries(
      inSdk.map((name) => [
        name,
        (input: Values, context: { readonly accountId: string; readonly region: string }) => {
          t.same([context.accountId, context.region], ['111122223333', 'eu-west-3'])
          seen = input
          return output
        },
      ]),
    ) as unknown as LambdaHandlers
    const { url } = await startLambda(t, handlers)
    const lambda = client(t, url)
    for (const name of inSdk.filter((each) => each !== 'InvokeWithResponseStream')) {
      const operation = lambdaModel.operations[name]
      const Command = exported[`${name}Command`]
      if (operation?.input === undefined || Command === undefined) throw new Error(name)
      const inputShape = { shape: operation.input }
      const outputShape = operation.output === undefined ? undefined : { shape: operation.output }
      const given =
        outputShape === undefined ? fc.constant({}) : structureOf(shapeNamed(outputShape.shape))
      const property = fc.asyncProperty(
        structureOf(shapeNamed(operation.input)),
        given,
        async (input, answer) => {
          output = answer
          const returned = await lambda.send(
            new Command(convert(input, inputShape, toSdk) as Values),
          )
          const read = convert(seen, inputShape, plain)
          const wanted = convert(input, inputShape, plain)
          if (!same(read, wanted))
            throw new Error(`read ${JSON.stringify(read)} wanted ${JSON.stringify(wanted)}`)
          if (outputShape === undefined) return
          const back = convert(returned, outputShape, plain)
          const gave = convert(answer, outputShape, plain)
          if (!same(back, gave))
            throw new Error(`SDK got ${JSON.stringify(back)} wanted ${JSON.stringify(gave)}`)
        },
      )
      const result = await fc.check(property, { numRuns: runsPerOperation, seed: 20_261_121 })
      t.equal(
        result.failed ? `${result.errorInstance} for ${JSON.stringify(result.counterexample)}` : '',
        '',
        name,
      )
    }
  },
)

function same(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b)
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  )
}

t.test('the SDK reads a response stream event by event', async (t) => {
  const chunks = [Buffer.from('one'), Buffer.alloc(100_000, 7), Buffer.from('')]
  const { url } = await startLambda(t, {
    InvokeWithResponseStream: (input) => ({
      StatusCode: 200,
      ExecutedVersion: '$LATEST',
      EventStream: (async function* () {
        t.equal(input.FunctionName, 'fn')
        for (const chunk of chunks) yield { PayloadChunk: { Payload: chunk } }
        yield { InvokeComplete: { ErrorCode: 'Unhandled', LogResult: 'bG9n' } }
      })(),
    }),
  })
  const answer = await client(t, url).send(
    new sdk.InvokeWithResponseStreamCommand({ FunctionName: 'fn', Payload: Buffer.from('{}') }),
  )
  t.equal(answer.ExecutedVersion, '$LATEST')
  const payloads: Buffer[] = []
  let complete: unknown
  for await (const event of answer.EventStream ?? []) {
    if (event.PayloadChunk !== undefined)
      payloads.push(Buffer.from(event.PayloadChunk.Payload ?? []))
    if (event.InvokeComplete !== undefined) complete = event.InvokeComplete
  }
  t.ok(Buffer.concat(payloads).equals(Buffer.concat(chunks)))
  t.match(complete, { ErrorCode: 'Unhandled', LogResult: 'bG9n' })
})

t.test(
  'a response stream that fails on the way ends with an error, and the bug is reported',
  async (t) => {
    const bugs: string[] = []
    const handlers: Partial<LambdaHandlers> = {
      InvokeWithResponseStream: () => ({
        EventStream: (async function* () {
          yield { PayloadChunk: { Payload: Buffer.from('one') } }
          throw new TypeError('secret detail')
        })(),
      }),
    }
    const { url } = await startLambda(t, handlers, {
      reportBug: (error) => bugs.push(String(error)),
    })
    const answer = await client(t, url).send(
      new sdk.InvokeWithResponseStreamCommand({ FunctionName: 'fn' }),
    )
    const read = async () => {
      for await (const event of answer.EventStream ?? []) t.ok(event.PayloadChunk)
    }
    await t.rejects(read(), { name: 'InternalFailure' })
    t.same(bugs, ['TypeError: secret detail'])
  },
)
