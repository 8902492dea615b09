// Everything that Lambda's API refuses, over the real protocol: status, error, and the text where it has a source.

import t from 'tap'
import { rawZip } from '../../packages/raw-zip.js'
import {
  base64,
  type Call,
  create,
  get,
  getConfiguration,
  helloArn,
  invoke,
  jsonOf,
  list,
  remove,
  startWithHello,
  textOf,
  updateCode,
  updateConfiguration,
  zipOf,
} from './lambda-api.js'

const badZip = (entry: Parameters<typeof rawZip>[0][number]) => ({
  ZipFile: rawZip([entry]).toString('base64'),
})

interface Refusal {
  readonly claim: string
  readonly call: Call
  readonly status: number
  readonly error: string
  /** Only for texts that have a source; the others are not asserted. */
  readonly text?: string | RegExp
}

// One function, hello, exists.
const refusals: readonly Refusal[] = [
  {
    claim: 'a taken name',
    call: create(),
    status: 409,
    error: 'ResourceConflictException',
  },
  {
    claim: 'a taken name written as an ARN',
    call: create({ FunctionName: helloArn }),
    status: 409,
    error: 'ResourceConflictException',
  },
  {
    claim: 'a name with a version',
    call: create({ FunctionName: `${helloArn}:1` }),
    status: 400,
    error: 'InvalidParameterValueException',
  },
  {
    claim: 'a name of 65 characters',
    call: create({ FunctionName: 'n'.repeat(65) }),
    status: 400,
    error: 'InvalidParameterValueException',
  },
  {
    claim: 'code in S3',
    call: create({ FunctionName: 'b', Code: { S3Bucket: 'abc', S3Key: 'k' } }),
    status: 501,
    error: 'NotEmulatedException',
    text: /S3.*ZipFile/,
  },
  {
    claim: 'an image',
    call: create({ FunctionName: 'b', PackageType: 'Image', Code: { ImageUri: 'x' } }),
    status: 501,
    error: 'NotEmulatedException',
    text: /container images/,
  },
  {
    claim: 'no code',
    call: create({ FunctionName: 'b', Code: {} }),
    status: 400,
    error: 'InvalidParameterValueException',
  },
  {
    claim: 'bytes that are no zip',
    call: create({ FunctionName: 'b', Code: { ZipFile: base64('not a zip') } }),
    status: 400,
    error: 'InvalidParameterValueException',
    text: /EOCD|end of central|not a zip file/i,
  },
  {
    claim: 'a zip that climbs out',
    call: create({ FunctionName: 'b', Code: badZip({ name: '../x' }) }),
    status: 400,
    error: 'InvalidParameterValueException',
    text: /outside the package/,
  },
  {
    claim: 'no handler',
    call: create({ FunctionName: 'b', Handler: undefined }),
    status: 400,
    error: 'InvalidParameterValueException',
  },
  {
    claim: 'no runtime',
    call: create({ FunctionName: 'b', Runtime: undefined }),
    status: 400,
    error: 'InvalidParameterValueException',
  },
  {
    claim: 'a runtime that cannot be run here',
    call: create({ FunctionName: 'b', Runtime: 'java21' }),
    status: 400,
    error: 'InvalidParameterValueException',
    text: /EMU_RUNTIME_UNSUPPORTED.*java21/,
  },
  {
    claim: 'a role that is none',
    call: create({ FunctionName: 'b', Role: 'admin' }),
    status: 400,
    error: 'ValidationException',
  },
  {
    claim: '901 seconds',
    call: create({ FunctionName: 'b', Timeout: 901 }),
    status: 400,
    error: 'InvalidParameterValueException',
    text: /900/,
  },
  {
    claim: '10,241 MB',
    call: create({ FunctionName: 'b', MemorySize: 10_241 }),
    status: 400,
    error: 'InvalidParameterValueException',
    text: /10240/,
  },
  {
    claim: '10,241 MB of /tmp',
    call: create({ FunctionName: 'b', EphemeralStorage: { Size: 10_241 } }),
    status: 400,
    error: 'InvalidParameterValueException',
    text: /10240/,
  },
  {
    claim: 'reserved variables',
    call: create({
      FunctionName: 'b',
      Environment: { Variables: { A_KEY: '1', AWS_REGION: 'x', LAMBDA_TASK_ROOT: 'y' } },
    }),
    status: 400,
    error: 'InvalidParameterValueException',
    text: /AWS_REGION, LAMBDA_TASK_ROOT/,
  },
  {
    claim: 'published versions',
    call: create({ FunctionName: 'b', Publish: true }),
    status: 501,
    error: 'NotEmulatedException',
    text: /Publish/,
  },
  {
    claim: 'layers',
    call: create({
      FunctionName: 'b',
      Layers: ['arn:aws:lambda:eu-west-1:111111111111:layer:l:1'],
    }),
    status: 501,
    error: 'NotEmulatedException',
    text: /Layers/,
  },
  {
    claim: 'file systems',
    call: create({
      FunctionName: 'b',
      FileSystemConfigs: [
        {
          Arn: 'arn:aws:elasticfilesystem:eu-west-1:111111111111:access-point/fsap-0123456789abcdef0',
          LocalMountPath: '/mnt/a',
        },
      ],
    }),
    status: 501,
    error: 'NotEmulatedException',
  },
  {
    claim: 'an update of a function that is missing',
    call: updateConfiguration('missing', { Timeout: 5 }),
    status: 404,
    error: 'ResourceNotFoundException',
  },
  {
    claim: 'new code for a function that is missing',
    call: updateCode('missing', { ZipFile: zipOf('x') }),
    status: 404,
    error: 'ResourceNotFoundException',
  },
  {
    claim: 'an update without code',
    call: updateCode('hello', {}),
    status: 400,
    error: 'InvalidParameterValueException',
  },
  {
    claim: 'an update from S3',
    call: updateCode('hello', { S3Bucket: 'abc', S3Key: 'k' }),
    status: 501,
    error: 'NotEmulatedException',
  },
  {
    claim: 'an update that publishes',
    call: updateCode('hello', { ZipFile: zipOf('x'), Publish: true }),
    status: 501,
    error: 'NotEmulatedException',
  },
  {
    claim: 'code for an old revision',
    call: updateCode('hello', { ZipFile: zipOf('x'), RevisionId: 'old' }),
    status: 412,
    error: 'PreconditionFailedException',
  },
  {
    claim: 'a change to an old revision',
    call: updateConfiguration('hello', { Timeout: 5, RevisionId: 'old' }),
    status: 412,
    error: 'PreconditionFailedException',
  },
  {
    claim: 'a change to an unsupported runtime',
    call: updateConfiguration('hello', { Runtime: 'ruby3.4' }),
    status: 400,
    error: 'InvalidParameterValueException',
  },
  {
    claim: 'a version that does not exist',
    call: get('hello', '?Qualifier=7'),
    status: 404,
    error: 'ResourceNotFoundException',
    text: `Function not found: ${helloArn}:7`,
  },
  {
    claim: 'an alias that does not exist',
    call: getConfiguration('hello', '?Qualifier=live'),
    status: 404,
    error: 'ResourceNotFoundException',
    text: `Function not found: ${helloArn}:live`,
  },
  {
    claim: 'deleting $LATEST alone',
    call: remove('hello', '?Qualifier=$LATEST'),
    status: 400,
    error: 'InvalidParameterValueException',
  },
  {
    claim: 'a marker that nobody gave',
    call: list('?Marker=abc'),
    status: 400,
    error: 'InvalidParameterValueException',
  },
  {
    claim: 'an invocation of a version that does not exist',
    call: invoke('hello', '{}', {}, '?Qualifier=7'),
    status: 404,
    error: 'ResourceNotFoundException',
    text: `Function not found: ${helloArn}:7`,
  },
  {
    claim: 'a payload that is not JSON',
    call: invoke('hello', '{"a":'),
    status: 400,
    error: 'InvalidRequestContentException',
    text: /^Could not parse request body into json: /,
  },
  {
    claim: 'an event that is not JSON',
    call: invoke('hello', 'x', { 'x-amz-invocation-type': 'Event' }),
    status: 400,
    error: 'InvalidRequestContentException',
  },
  {
    claim: 'an event over 1 MB',
    call: invoke('hello', jsonOf(1_048_577), { 'x-amz-invocation-type': 'Event' }),
    status: 413,
    error: 'RequestEntityTooLargeException',
  },
  {
    claim: 'a client context that is no JSON',
    call: invoke('hello', '{}', { 'x-amz-client-context': base64('no json') }),
    status: 400,
    error: 'InvalidRequestContentException',
  },
  {
    claim: 'a client context that is too long',
    call: invoke('hello', '{}', { 'x-amz-client-context': base64(jsonOf(2_700)) }),
    status: 400,
    error: 'InvalidRequestContentException',
  },
  {
    claim: 'tenants',
    call: invoke('hello', '{}', { 'x-amz-tenant-id': 'blue' }),
    status: 501,
    error: 'NotEmulatedException',
    text: /TenantId/,
  },
]

t.test('refusals', async (t) => {
  const api = await startWithHello(t)
  const before = (await api.call(get('hello'))).body
  for (const { claim, call, status, error, text } of refusals) {
    const answer = await api.call(call)
    t.same(
      [answer.status, answer.headers['x-amzn-errortype']],
      [status, error],
      `${claim} is refused`,
    )
    if (text !== undefined) t.match(textOf(answer), text, `${claim} is told why`)
  }
  t.equal((await api.call(get('hello'))).body, before, 'no refusal changed anything')
  t.equal(api.functions.all().length, 1)
  t.same([api.invoked, api.queued, api.bugs], [[], [], []])
})
