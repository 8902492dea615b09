// Our event stream frames, read by Smithy's codec.

import { EventStreamCodec } from '@smithy/core/event-streams'
import fc from 'fast-check'
import t from 'tap'
import { encodeEvent, encodeFrame, encodeStreamError } from '../../src/aws/protocol/event-stream.js'

const oracle = new EventStreamCodec(
  (bytes) => Buffer.from(bytes).toString('utf8'),
  (text) => Buffer.from(text, 'utf8'),
)

function strings(
  headers: Readonly<Record<string, { readonly value: unknown }>>,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).map(([name, { value }]) => [name, value]))
}

t.test('every frame decodes to its headers and payload, checksums included', (t) => {
  const name = fc.stringMatching(/^[a-z:][a-z-]{0,40}$/)
  const headers = fc.dictionary(name, fc.string({ unit: 'binary', maxLength: 300 }), {
    noNullPrototype: true,
  })
  const property = fc.property(headers, fc.uint8Array({ maxLength: 5000 }), (given, payload) => {
    const message = oracle.decode(encodeFrame(given, payload))
    const back = JSON.stringify(Object.entries(strings(message.headers)).sort())
    return (
      back === JSON.stringify(Object.entries(given).sort()) &&
      Buffer.from(message.body).equals(Buffer.from(payload))
    )
  })
  const result = fc.check(property, { numRuns: 500 })
  t.equal(result.failed ? fc.defaultReportMessage(result) : '', '')
  t.end()
})

t.test('frames are byte for byte those of the oracle', (t) => {
  const payload = Buffer.from('{"a":1}')
  const theirs = oracle.encode({
    headers: {
      ':event-type': { type: 'string', value: 'InvokeComplete' },
      ':content-type': { type: 'string', value: 'application/json' },
      ':message-type': { type: 'string', value: 'event' },
    },
    body: payload,
  })
  t.ok(encodeEvent('InvokeComplete', 'application/json', payload).equals(Buffer.from(theirs)))
  t.end()
})

t.test('a stream that cannot go on ends with an error message', (t) => {
  const { headers } = oracle.decode(encodeStreamError('InternalFailure', 'sorry'))
  t.same(strings(headers), {
    ':message-type': 'error',
    ':error-code': 'InternalFailure',
    ':error-message': 'sorry',
  })
  t.end()
})
