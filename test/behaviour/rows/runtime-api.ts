// What a runtime does wrong, and what is too large: seen by the caller and in the log.

import type { Row } from '../table.js'
import { cold, coldFailed, end, start, tooLarge, truncated, warm } from './texts.js'

export const misuse: readonly Row[] = [
  {
    claim: 'provided: a second answer is refused, and the first one counts',
    function: 'provided',
    alone: true,
    event: { do: 'twice' },
    expects: { payload: 'first', log: [start, 'twice: 403 InvalidStateTransition', end, cold] },
  },
  {
    claim: 'provided: an answer of another attempt is refused, the right one counts',
    function: 'provided',
    event: { do: 'attempt' },
    expects: { payload: [400, 'InvalidInvocationId'] },
  },
  {
    claim: 'provided: an init error after next is refused',
    function: 'provided',
    event: { do: 'initError' },
    expects: {
      payload: [
        403,
        'State transition from Running to InitError failed for runtime. Error: State transition is not allowed',
      ],
    },
  },
  {
    claim: 'provided: next with an event in hand gives it again',
    function: 'provided',
    event: { do: 'again' },
    expects: { payload: [200, true, 'again'] },
  },
  {
    claim: 'provided: a response mode that is none fails the invocation, not the environment',
    function: 'provided',
    steps: [
      {
        event: { do: 'mode' },
        expects: {
          fails: true,
          payload: {
            errorType: 'Runtime.InvalidResponseModeHeader',
            errorMessage: 'Invalid function response mode',
          },
          log: [
            start,
            'mode: 400 InvalidFunctionResponseMode',
            end,
            coldFailed('Runtime.InvalidResponseModeHeader'),
          ],
        },
      },
      { event: { do: 'echo', value: 1 }, expects: { payload: 1, log: [start, end, warm] } },
    ],
  },
  {
    claim: 'provided: a response cut short is answered with 400 and ends the invocation',
    function: 'provided',
    steps: [
      {
        event: { do: 'cut' },
        expects: {
          fails: true,
          payload: truncated,
          log: [start, 'cut: 400', end, coldFailed('Runtime.TruncatedResponse')],
        },
      },
      { event: { do: 'echo', value: 1 }, expects: { payload: 1, log: [start, end, warm] } },
    ],
  },
  {
    claim: 'provided: a connection that breaks in the middle of a response ends the invocation',
    function: 'provided',
    steps: [
      {
        event: { do: 'cut', breaks: true },
        expects: {
          fails: true,
          payload: truncated,
          log: [start, 'cut: nothing', end, coldFailed('Runtime.TruncatedResponse')],
        },
      },
      { event: { do: 'echo', value: 1 }, expects: { payload: 1, log: [start, end, warm] } },
    ],
  },
]

export const limits: readonly Row[] = [
  {
    claim: 'Node: a response of 6,291,556 bytes',
    function: 'node',
    event: { do: 'size', bytes: 6_291_556 },
    expects: { payload: '6291556 bytes' },
  },
  {
    claim: 'Node: a response of one byte more',
    function: 'node',
    steps: [
      {
        event: { do: 'size', bytes: 6_291_557 },
        expects: {
          fails: true,
          payload: tooLarge,
          report: /Status: error\tError Type: Function\.ResponseSizeTooLarge\t$/,
        },
      },
      { event: { do: 'look' }, expects: { payload: { calls: 2, kept: null } } },
    ],
  },
  {
    claim: 'Python: a response of 6,291,556 bytes',
    function: 'python',
    event: { do: 'size', bytes: 6_291_556 },
    expects: { payload: '6291556 bytes' },
  },
  {
    claim: 'Python: a response of one byte more ends the runtime, as its client does',
    function: 'python',
    steps: [
      { event: { do: 'size', bytes: 6_291_557 }, expects: { fails: true, payload: tooLarge } },
      { event: { do: 'look' }, expects: { payload: { calls: 1, kept: null } } },
    ],
  },
  {
    claim: 'provided: a response of one byte more is 413 to the runtime',
    function: 'provided',
    alone: true,
    event: { do: 'size', bytes: 6_291_557 },
    expects: {
      fails: true,
      payload: tooLarge,
      log: [start, 'size: 413', end, coldFailed('Function.ResponseSizeTooLarge')],
    },
  },
  {
    claim: 'a request of more than 6,291,456 bytes does not reach the function',
    function: 'node',
    event: { do: 'echo', value: 'x'.repeat(6_291_456) },
    expects: { status: 413 },
  },
]
