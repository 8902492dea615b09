// The words and the rules of validation, on real operations of the model.

import t from 'tap'
import { lambdaModel } from '../../src/aws/models/lambda-model.js'
import { compilePattern } from '../../src/aws/protocol/constraints.js'
import { compileRestJson } from '../../src/aws/protocol/rest-json.js'

const operations = compileRestJson(lambdaModel)

function readCreate(body: Record<string, unknown>): unknown {
  const valid = { FunctionName: 'fn', Role: 'arn:aws:iam::123456789012:role/r', Code: {} }
  return operations.get('CreateFunction')?.read({
    params: {},
    query: {},
    headers: {},
    body: Buffer.from(JSON.stringify({ ...valid, ...body })),
  })
}

const prefix = '1 validation error detected: '

t.test('each broken rule has its sentence', (t) => {
  const cases: readonly (readonly [Record<string, unknown>, string])[] = [
    [
      { Timeout: 0 },
      "Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ],
    [
      { MemorySize: 99_999 },
      "Value '99999' at 'memorySize' failed to satisfy constraint: Member must have value less than or equal to 32768",
    ],
    [
      { PackageType: 'Tar' },
      "Value 'Tar' at 'packageType' failed to satisfy constraint: Member must satisfy enum value set: [Zip, Image]",
    ],
    [
      { Role: 'nobody' },
      "Value 'nobody' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+",
    ],
    [{ Role: null }, "Value null at 'role' failed to satisfy constraint: Member must not be null"],
    [
      { Description: 'x'.repeat(257) },
      `Value '${'x'.repeat(257)}' at 'description' failed to satisfy constraint: Member must have length less than or equal to 256`,
    ],
    [
      { EphemeralStorage: { Size: 1 } },
      "Value '1' at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value greater than or equal to 512",
    ],
    [
      { EphemeralStorage: {} },
      "Value null at 'ephemeralStorage.size' failed to satisfy constraint: Member must not be null",
    ],
  ]
  // The wording for lists was never recorded: only that the rule and its place are named.
  for (const architectures of [['x86_64', 'arm64'], ['riscv']]) {
    t.throws(() => readCreate({ Architectures: architectures }), {
      name: 'ValidationException',
      message: /^1 validation error detected: .* at 'architectures' failed to satisfy constraint: /,
    })
  }
  for (const [body, message] of cases) {
    t.throws(() => readCreate(body), { name: 'ValidationException', message: prefix + message })
  }
  t.end()
})

t.test('several broken rules are counted and joined', (t) => {
  t.throws(() => readCreate({ Timeout: 0, MemorySize: 1 }), {
    message:
      "2 validation errors detected: Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1; " +
      "Value '1' at 'memorySize' failed to satisfy constraint: Member must have value greater than or equal to 128",
  })
  t.end()
})

t.test('a value that is marked sensitive is never repeated', (t) => {
  try {
    readCreate({ Environment: { Variables: { '1': 'a-password' } } })
    t.equal('no error', 'an error')
  } catch (error) {
    t.match(String(error), / at 'environment.variables/)
    t.equal(String(error).includes('a-password'), false)
  }
  t.end()
})

t.test('JSON of the wrong type is a SerializationException', (t) => {
  for (const body of [
    { FunctionName: 1 },
    { Timeout: '3' },
    { Timeout: 1.5 },
    { Publish: 'true' },
    { Layers: {} },
    { Tags: [] },
    { Code: 'x' },
    { Code: { ZipFile: '!!!' } },
  ]) {
    t.throws(() => readCreate(body), { name: 'SerializationException' }, JSON.stringify(body))
  }
  t.end()
})

t.test('members that the model does not have are dropped, and hostile keys stay data', (t) => {
  const read = operations.get('TagResource')?.read({
    params: { Resource: 'arn:aws:lambda:us-east-1:123456789012:function:fn' },
    query: {},
    headers: {},
    body: Buffer.from(
      '{"Tags":{"__proto__":"x","constructor":"y"},"NoSuchMember":1,"__proto__":{"Resource":"z"}}',
    ),
  }) as { readonly Tags: object; readonly Resource: string }
  t.same(Object.keys(read), ['Resource', 'Tags'])
  t.same(Object.entries(read.Tags), [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
  t.equal(Object.getPrototypeOf(read.Tags), Object.prototype)
  t.equal(read.Resource.endsWith('function:fn'), true)
  t.end()
})

t.test('patterns hold for the whole text and know letters of every script', (t) => {
  const tag = compilePattern('([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)')
  t.equal(tag.test('größe 日本'), true)
  t.equal(tag.test('{}'), false)
  t.equal(compilePattern('a|b').test('ab'), false)
  for (const { pattern } of Object.values(lambdaModel.shapes)) {
    if (pattern !== undefined) t.ok(compilePattern(pattern), pattern)
  }
  t.end()
})
