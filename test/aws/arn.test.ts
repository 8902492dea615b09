// Every form in which callers name a function.

import t from 'tap'
import { parseFunctionReference, resolveFunctionReference } from '../../src/aws/arn.js'

const scope = { accountId: '000000000000', region: 'us-east-1' }
const arn = 'arn:aws:lambda:us-east-1:111122223333:function:fn'
const full = {
  partition: 'aws',
  region: 'us-east-1',
  accountId: '111122223333',
  functionName: 'fn',
}

const forms: readonly (readonly [string, ReturnType<typeof parseFunctionReference>])[] = [
  ['fn', { functionName: 'fn' }],
  ['my-Fn_1', { functionName: 'my-Fn_1' }],
  ['123', { functionName: '123' }],
  ['fn:live', { functionName: 'fn', qualifier: 'live' }],
  ['fn:12', { functionName: 'fn', qualifier: '12' }],
  ['fn:$LATEST', { functionName: 'fn', qualifier: '$LATEST' }],
  ['fn:$LATEST.PUBLISHED', { functionName: 'fn', qualifier: '$LATEST.PUBLISHED' }],
  ['function:fn', { functionName: 'fn' }],
  ['111122223333:function:fn', { accountId: '111122223333', functionName: 'fn' }],
  [
    '111122223333:function:fn:live',
    { accountId: '111122223333', functionName: 'fn', qualifier: 'live' },
  ],
  ['111122223333:fn', { accountId: '111122223333', functionName: 'fn' }],
  [arn, full],
  [`${arn}:live`, { ...full, qualifier: 'live' }],
  [`${arn}:$LATEST`, { ...full, qualifier: '$LATEST' }],
  [
    'arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:fn',
    {
      partition: 'aws-us-gov',
      region: 'us-gov-west-1',
      accountId: '111122223333',
      functionName: 'fn',
    },
  ],
  ['', undefined],
  ['a b', undefined],
  ['fn:', undefined],
  ['fn:live:more', undefined],
  ['fn:$OLDEST', undefined],
  ['arn:aws:lambda:us-east-1:111122223333:layer:fn', undefined],
  ['arn:aws:s3:::bucket', undefined],
  ['arn:aws:lambda:us-east-1:1111:function:fn', undefined],
  [`${arn}:live:more`, undefined],
  ['../fn', undefined],
]

t.test('a reference is taken apart, or refused', (t) => {
  for (const [text, parts] of forms) t.same(parseFunctionReference(text), parts, text)
  t.end()
})

t.test('what a name leaves out comes from the request', (t) => {
  t.same(resolveFunctionReference('fn', undefined, scope), {
    ...scope,
    functionName: 'fn',
    functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:fn',
    invokedArn: 'arn:aws:lambda:us-east-1:000000000000:function:fn',
  })
  t.same(resolveFunctionReference(arn, 'live', scope), {
    accountId: '111122223333',
    region: 'us-east-1',
    functionName: 'fn',
    qualifier: 'live',
    functionArn: arn,
    invokedArn: `${arn}:live`,
  })
  t.equal(resolveFunctionReference('fn:3', '3', scope).qualifier, '3')
  t.end()
})

t.test(
  'a qualifier in the name and another beside it are refused in the words recorded from AWS',
  (t) => {
    t.throws(() => resolveFunctionReference(`${arn}:live`, '1', scope), {
      name: 'InvalidParameterValueException',
      message:
        'The derived qualifier from the function name does not match the specified qualifier.',
    })
    t.end()
  },
)

t.test('a function of another region is not found, and a name without form is invalid', (t) => {
  const elsewhere = 'arn:aws:lambda:eu-west-1:111122223333:function:fn'
  t.throws(() => resolveFunctionReference(elsewhere, undefined, scope), {
    name: 'ResourceNotFoundException',
  })
  t.throws(() => resolveFunctionReference('a:b:c', undefined, scope), {
    name: 'InvalidParameterValueException',
  })
  t.end()
})
