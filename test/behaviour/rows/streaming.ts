// Responses as streams: bytes, and how they end.

import type { Row } from '../table.js'
import { exitStatus, timedOut } from './texts.js'

const zeros = '\0'.repeat(8)
export const streaming: readonly Row[] = (['stream', 'stream24'] as const).flatMap(
  (name): Row[] => [
    {
      claim: `${name}: what is written is what comes`,
      function: name,
      event: { pieces: ['one ', 'two'] },
      expects: { stream: { text: 'one two', complete: {} } },
    },
    {
      claim: `${name}: nothing`,
      function: name,
      event: {},
      expects: { stream: { text: '', complete: {} } },
    },
    {
      claim: `${name}: a prelude, eight zeros, the body`,
      function: name,
      event: { prelude: { statusCode: 201 }, pieces: ['body'] },
      expects: { stream: { text: `{"statusCode":201}${zeros}body`, complete: {} } },
    },
    {
      claim: `${name}: an error after the first byte`,
      function: name,
      event: { pieces: ['some'], throw: true },
      expects: {
        stream: {
          text: 'some',
          complete: {
            ErrorCode: 'TypeError',
            ErrorDetails: { errorType: 'TypeError', errorMessage: 'late' },
          },
        },
      },
    },
    {
      claim: `${name}: an exit in the middle`,
      function: name,
      alone: true,
      event: { pieces: ['some'], exit: 4 },
      expects: {
        stream: {
          text: 'some',
          complete: { ErrorCode: 'Runtime.TruncatedResponse', ErrorDetails: exitStatus(4) },
        },
      },
    },
    {
      claim: `${name}: gathered for a caller who does not stream`,
      function: name,
      event: { pieces: ['{"a"', ':1}'] },
      expects: { payload: { a: 1 } },
    },
    {
      claim: `${name}: a late error is one for a caller who does not stream`,
      function: name,
      event: { pieces: ['some'], throw: true },
      expects: { fails: true, like: { errorType: 'TypeError', errorMessage: 'late' } },
    },
  ],
)
export const notStreaming: readonly Row[] = [
  {
    claim: 'a function that does not stream comes in one piece',
    function: 'node',
    event: { do: 'echo', value: { a: 1 } },
    expects: { stream: { text: '{"a":1}', complete: {} } },
  },
  {
    claim: 'its error is told beside its payload',
    function: 'python',
    event: { do: 'set' },
    expects: {
      stream: {
        text: '{"errorMessage": "Unable to marshal response: Object of type set is not JSON serializable", "errorType": "Runtime.MarshalError", "requestId": "<id>", "stackTrace": []}',
        complete: { ErrorCode: 'Unhandled' },
      },
    },
  },
  {
    claim: 'its timeout too',
    function: 'short',
    alone: true,
    event: { do: 'hang' },
    expects: {
      stream: {
        text: JSON.stringify(timedOut),
        complete: { ErrorCode: 'Unhandled', ErrorDetails: timedOut },
      },
    },
  },
]
