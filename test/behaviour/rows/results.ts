// What handlers return, in Node, Python and over the bare Runtime API.

import type { Row } from '../table.js'
import { cold, end, start } from './texts.js'

export const results: readonly Row[] = [
  {
    claim: 'Node: an event passes through whatever JSON it is',
    function: 'node',
    event: { do: 'echo', value: [null, 'é😀', 1e21, { a: [] }] },
    expects: { payload: [null, 'é😀', 1e21, { a: [] }] },
  },
  {
    claim: 'Node: nothing is null',
    function: 'node',
    event: { do: 'nothing' },
    expects: { payload: null },
  },
  {
    claim: 'Node: values that JSON does not have',
    function: 'node',
    event: { do: 'special' },
    expects: {
      payload: {
        date: '<time>',
        nan: null,
        text: 'é😀',
        buffer: { type: 'Buffer', data: [97, 98, 99] },
      },
    },
  },
  {
    claim: 'Python: values that JSON does not have',
    function: 'python',
    event: { do: 'special' },
    expects: { payload: { nan: null, text: 'é😀', tuple: [1, 2], 3: true } },
  },
  {
    claim: 'Python: bytes are passed on as they are',
    function: 'python',
    event: { do: 'bytes' },
    expects: { payload: 'abc' },
  },
  {
    claim: 'provided: a response that is no JSON is passed on',
    function: 'provided',
    event: { do: 'text' },
    expects: { payload: 'no JSON' },
  },
  {
    claim: 'Python: an exception in a thread is nobody’s error',
    function: 'python',
    event: { do: 'thread' },
    expects: { payload: null },
  },
  ...(
    [
      ['result', { done: true }],
      ['early', 'early'],
      ['succeed', 'succeeded'],
      ['nothing', null],
      ['value', null],
    ] as const
  ).map(
    ([way, payload]): Row => ({
      claim: `Node 22: a callback handler, ${way}`,
      // What it leaves running is met by whoever comes next.
      ...(way === 'early' ? { alone: true as const } : {}),
      function: 'callback',
      event: { way },
      expects: { payload },
    }),
  ),
  {
    claim: 'Node 22: a callback waits for an empty loop',
    function: 'callback',
    alone: true,
    event: { way: 'open' },
    expects: { payload: 'early', log: [start, '<time>\t<id>\tINFO\tthe loop is empty', end, cold] },
  },
  {
    claim: 'Node 22: a callback with an error',
    function: 'callback',
    event: { way: 'error' },
    expects: {
      fails: true,
      payload: { errorType: 'Error', errorMessage: 'called back', trace: '<stack>' },
    },
  },
  {
    claim: 'Node 22: a callback with a text for an error',
    function: 'callback',
    event: { way: 'text' },
    expects: {
      fails: true,
      payload: { errorType: 'string', errorMessage: 'only text', trace: [] },
    },
  },
  {
    claim: 'Node 22: context.fail',
    function: 'callback',
    event: { way: 'fail' },
    expects: {
      fails: true,
      payload: { errorType: 'Error', errorMessage: 'failed', trace: '<stack>' },
    },
  },
  {
    claim: 'Node 22: what a handler without async returns is nothing',
    function: 'two',
    event: {},
    expects: { payload: null },
  },
  {
    claim: 'Node 24: what a handler without async returns is its result',
    function: 'two24',
    event: {},
    expects: { payload: 'returned' },
  },
]
