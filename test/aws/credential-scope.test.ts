// Region and account of a request, from its signature.

import t from 'tap'
import { accountOf, parseCredentialScope } from '../../src/aws/credential-scope.js'

const signed = (credential: string) =>
  `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host;x-amz-date, Signature=abc`

t.test(
  'the scope is read from the Authorization header, with or without a space after the commas',
  (t) => {
    const scope = { accessKeyId: 'AKIDEXAMPLE', region: 'eu-central-1', service: 'lambda' }
    const header = signed('AKIDEXAMPLE/20261121/eu-central-1/lambda/aws4_request')
    t.same(parseCredentialScope(header, '/'), scope)
    t.same(parseCredentialScope(header.replaceAll(', ', ','), '/'), scope)
    t.end()
  },
)

t.test('the scope is read from a presigned URL', (t) => {
  const url =
    '/x?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=KEY%2F20261121%2Fus-west-2%2Flambda%2Faws4_request'
  t.same(parseCredentialScope(undefined, url), {
    accessKeyId: 'KEY',
    region: 'us-west-2',
    service: 'lambda',
  })
  t.end()
})

t.test('unsigned and otherwise signed requests have no scope', (t) => {
  const none = [
    undefined,
    '',
    'Bearer abc',
    'Basic abc',
    signed('KEY/2026/us-east-1/lambda/aws4_request'),
    signed('KEY'),
  ]
  for (const header of none) t.equal(parseCredentialScope(header, '/'), undefined, String(header))
  t.end()
})

t.test('a 12-digit access key names an account; any other key means the default one', (t) => {
  t.equal(accountOf('123456789012', '000000000000'), '123456789012')
  for (const key of ['AKIDEXAMPLE', '1234', '1234567890123', undefined]) {
    t.equal(accountOf(key, '000000000000'), '000000000000')
  }
  t.end()
})
