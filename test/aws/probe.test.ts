// Every operation of the model: a minimal valid request reaches it, a wrong one is refused, one without a handler says so.

import t from 'tap'
import type { LambdaHandlers } from '../../src/aws/lambda.js'
import { lambdaModel } from '../../src/aws/models/lambda-model.js'
import { compilePattern } from '../../src/aws/protocol/constraints.js'
import type { MemberModel, ShapeModel } from '../../src/aws/protocol/model.js'
import { minimalInput, shapeNamed, toRequest } from './arbitrary-values.js'
import { plainClient, startLambda } from './lambda-server.js'

const operations = Object.keys(lambdaModel.operations)

t.test('the model has the 91 operations of Lambda, on 89 routes', async (t) => {
  t.equal(operations.length, 91)
  const { routes } = await startLambda(t)
  t.equal(routes.length, 89)
  t.equal(new Set(routes.map(({ method, url }) => `${method} ${url}`)).size, 89)
})

t.test(
  'a minimal valid request reaches the handler of its own operation, with its own input',
  async (t) => {
    const reached: { operation: string; input: unknown }[] = []
    const handlers = Object.fromEntries(
      operations.map((operation) => [
        operation,
        (input: unknown, context: { readonly operation: string }) => {
          t.equal(context.operation, operation)
          reached.push({ operation, input })
          return {}
        },
      ]),
    ) as unknown as LambdaHandlers
    const { port } = await startLambda(t, handlers)
    const send = plainClient(t, port)
    for (const operation of operations) {
      const input = minimalInput(operation)
      const response = await send(toRequest(operation, input))
      t.equal(
        response.status,
        lambdaModel.operations[operation]?.status,
        `${operation}: the model's status`,
      )
      t.match(response.headers['x-amzn-requestid'], /^[0-9a-f-]{36}$/)
      t.same(reached.splice(0), [{ operation, input: asRead(input) }], operation)
    }
  },
)

function asRead(input: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value) : value,
    ]),
  )
}

t.test('an operation without a handler answers 501 and names itself', async (t) => {
  const { port } = await startLambda(t)
  const send = plainClient(t, port)
  for (const operation of operations) {
    const response = await send(toRequest(operation, minimalInput(operation)))
    t.equal(response.status, 501, operation)
    t.equal(response.headers['x-amzn-errortype'], 'NotEmulatedException')
    t.match(response.json().message, ` ${operation} `)
  }
})

t.test('a slash at the end of the path, as older clients send it, changes nothing', async (t) => {
  const { port } = await startLambda(t)
  const send = plainClient(t, port)
  for (const operation of operations) {
    const request = toRequest(operation, minimalInput(operation))
    const [path, query] = request.path.split('?')
    const response = await send({
      ...request,
      path: `${path}/${query === undefined ? '' : `?${query}`}`,
    })
    t.match(response.json().message, ` ${operation} `)
  }
})

/** A value that breaks a constraint of the member's shape, and that a request can carry. */
function wrongValue(member: MemberModel): unknown {
  const shape = shapeNamed(member.shape)
  if (shape.enum !== undefined) return 'no-such-value'
  if (shape.pattern !== undefined && !compilePattern(shape.pattern).test(' ')) return ' '
  if (shape.type === 'string' && shape.max !== undefined) return 'x'.repeat(shape.max + 1)
  const numeric = shape.type === 'integer' || shape.type === 'long'
  if (numeric && shape.max !== undefined) return shape.max + 1
  return undefined
}

/** Members that can be wrong in a small request; the largest allowed header or path bounds the length. */
function breakable(shape: ShapeModel): readonly (readonly [string, unknown])[] {
  return Object.entries(shape.members ?? {})
    .map(([name, member]) => [name, wrongValue(member)] as const)
    .filter(
      ([, value]) => value !== undefined && !(typeof value === 'string' && value.length > 3000),
    )
}

t.test(
  'each member that breaks its constraint is named in a ValidationException, and no handler sees it',
  async (t) => {
    const { port } = await startLambda(t)
    const send = plainClient(t, port)
    const unbreakable: string[] = []
    for (const operation of operations) {
      const wrong = breakable(shapeNamed(lambdaModel.operations[operation]?.input ?? ''))
      if (wrong.length === 0) unbreakable.push(operation)
      for (const [name, value] of wrong) {
        const response = await send(
          toRequest(operation, { ...minimalInput(operation), [name]: value }),
        )
        const label = name.charAt(0).toLowerCase() + name.slice(1)
        t.equal(response.status, 400, `${operation} ${name}`)
        t.equal(response.headers['x-amzn-errortype'], 'ValidationException', `${operation} ${name}`)
        t.match(
          response.json().message,
          `' at '${label}' failed to satisfy constraint: Member must`,
        )
      }
    }
    t.same(unbreakable, ['GetAccountSettings'], 'the one operation without input')
  },
)

t.test('a required member of the body that is missing is named', async (t) => {
  const { port } = await startLambda(t)
  const send = plainClient(t, port)
  let tried = 0
  for (const operation of operations) {
    const shape = shapeNamed(lambdaModel.operations[operation]?.input ?? '')
    const inBody = (shape.required ?? []).filter(
      (name) => shape.members?.[name]?.location === undefined && shape.payload === undefined,
    )
    for (const name of inBody) {
      const { [name]: _, ...rest } = minimalInput(operation)
      const response = await send(toRequest(operation, rest))
      const label = name.charAt(0).toLowerCase() + name.slice(1)
      t.equal(response.status, 400)
      t.match(
        response.json().message,
        `Value null at '${label}' failed to satisfy constraint: Member must not be null`,
      )
      tried += 1
    }
  }
  t.ok(tried > 20, `${tried} members were left out`)
})
