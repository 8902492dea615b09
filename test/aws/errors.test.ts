// Errors on the wire: the shapes recorded from AWS, and those of our own refusals.

import t from 'tap'
import { errorAnswer, ServiceError } from '../../src/aws/errors.js'
import { lambdaError } from '../../src/aws/lambda.js'
import { lambdaModel } from '../../src/aws/models/lambda-model.js'
import { plainClient, startLambda } from './lambda-server.js'

const written = (error: ServiceError) => {
  const answer = errorAnswer(lambdaModel, error, 'the-id')
  return { ...answer, body: JSON.parse(answer.body) as unknown }
}

t.test(
  'an error of the model has its status, Type, and the spelling of message that AWS uses for it',
  (t) => {
    t.same(written(lambdaError('ResourceNotFoundException', 'no')), {
      status: 404,
      headers: {
        'content-type': 'application/json',
        'x-amzn-requestid': 'the-id',
        'x-amzn-errortype': 'ResourceNotFoundException',
      },
      body: { Type: 'User', Message: 'no' },
    })
    const invalid = written(lambdaError('InvalidParameterValueException', 'no'))
    t.same([invalid.status, invalid.body], [400, { Type: 'User', message: 'no' }])
    const service = written(lambdaError('ServiceException', 'no'))
    t.same([service.status, service.body], [500, { Type: 'Service', Message: 'no' }])
    t.end()
  },
)

t.test('every error of the model carries its message and its name', (t) => {
  const names = Object.entries(lambdaModel.shapes).filter(([, shape]) => shape.error !== undefined)
  t.equal(names.length, 58)
  for (const [name, shape] of names) {
    const { status, headers, body } = written(new ServiceError(name, 'said'))
    t.equal(status, shape.error?.status, name)
    t.equal(headers['x-amzn-errortype'], name)
    const { Type, message, Message } = body as Record<string, unknown>
    t.equal(Type, shape.error?.fault, name)
    t.same(
      [message, Message].filter((text) => text !== undefined),
      ['said'],
      name,
    )
  }
  t.end()
})

t.test('throttling carries its reason in the body and the delay in a header', (t) => {
  const error = lambdaError('TooManyRequestsException', 'Rate Exceeded.', {
    Reason: 'ConcurrentInvocationLimitExceeded',
    retryAfterSeconds: '1',
  })
  const { status, headers, body } = written(error)
  t.equal(status, 429)
  t.equal(headers['retry-after'], '1')
  t.same(body, {
    Reason: 'ConcurrentInvocationLimitExceeded',
    Type: 'User',
    message: 'Rate Exceeded.',
  })
  t.end()
})

t.test('an error that the model does not list has only its message', (t) => {
  const { status, body } = written(
    new ServiceError('RequestEntityTooLargeException', 'big', { status: 413 }),
  )
  t.same([status, body], [413, { message: 'big' }])
  t.equal(written(new ServiceError('toString', 'x')).status, 400)
  t.end()
})

t.test('unknown routes and undecodable URLs are answered in the shape of AWS', async (t) => {
  const { port } = await startLambda(t)
  const send = plainClient(t, port)
  const unknown = [
    { method: 'GET', path: '/' },
    { method: 'PATCH', path: '/2015-03-31/functions' },
    { method: 'OPTIONS', path: '/2015-03-31/functions' },
    { method: 'HEAD', path: '/2015-03-31/functions' },
    {
      method: 'POST',
      path: '/2099-01-01/functions?x=1',
      headers: { 'content-type': 'application/json' },
      body: '{',
    },
  ]
  for (const request of unknown) {
    const response = await send(request)
    t.equal(response.status, 404, `${request.method} ${request.path}`)
    t.equal(response.headers['x-amzn-errortype'], 'UnknownOperationException')
    t.equal(response.headers['content-type'], 'application/json')
    t.match(response.headers['x-amzn-requestid'], /^[0-9a-f-]{36}$/)
  }
  const bad = await send({ path: '/2015-03-31/functions/%zz' })
  t.equal(bad.status, 400)
  t.equal(bad.headers['x-amzn-errortype'], 'BadRequestException')
})

t.test(
  'a body over its limit is read to the end and refused in the words recorded from AWS',
  async (t) => {
    const { port } = await startLambda(t, { Invoke: (input) => ({ Payload: input.Payload }) })
    const send = plainClient(t, port)
    const path = '/2015-03-31/functions/fn/invocations'
    const fits = await send({ method: 'POST', path, body: Buffer.alloc(6_291_456, 'x') })
    t.same([fits.status, fits.body.length], [200, 6_291_456])
    const large = await send({ method: 'POST', path, body: Buffer.alloc(6_291_457, 'x') })
    t.equal(large.status, 413)
    t.equal(large.headers['x-amzn-errortype'], 'RequestEntityTooLargeException')
    t.same(large.json(), {
      message: 'Request must be smaller than 6291456 bytes for the InvokeFunction operation',
    })
    const chunked = { 'transfer-encoding': 'chunked', 'content-type': 'x' }
    const unannounced = await send({
      method: 'POST',
      path,
      headers: chunked,
      body: Buffer.alloc(7_000_000, 'x'),
    })
    t.equal(unannounced.status, 413)
    const create = await send({
      method: 'POST',
      path: '/2015-03-31/functions',
      body: Buffer.alloc(70_167_212, 'x'),
    })
    t.same(create.json(), {
      message: 'Request must be smaller than 70167211 bytes for the CreateFunction operation',
    })
  },
)

t.test(
  'a bug in a handler is reported, and its caller gets a 500 without its details',
  async (t) => {
    const bugs: unknown[] = []
    const handlers = {
      GetFunction: () => {
        throw new TypeError('secret detail')
      },
    }
    const { port } = await startLambda(t, handlers, {
      reportBug: (error, operation) => bugs.push([String(error), operation]),
    })
    const response = await plainClient(t, port)({ path: '/2015-03-31/functions/fn' })
    t.equal(response.status, 500)
    t.equal(response.headers['x-amzn-errortype'], 'ServiceException')
    t.equal(response.body.includes('secret'), false)
    t.same(bugs, [['TypeError: secret detail', 'GetFunction']])
  },
)
