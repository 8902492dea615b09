// How a chain of requests through functions is counted, whatever stands in the trace header.

import t from 'tap'
import { continueChain } from '../../../src/services/lambda/lineage.js'

const arn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`
const trace = 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0'

/** How often the function runs before it is stopped, when every run causes the next. */
function runs(names: readonly string[], first = trace): number {
  let header: string | undefined = first
  for (let count = 0; count < 1_000; count += 1) {
    const chain = continueChain(header, arn(names[count % names.length] ?? ''))
    if (chain.endless) return count
    header = chain.traceHeader
  }
  return Number.POSITIVE_INFINITY
}

t.test('a function runs 16 times in one chain', async (t) => {
  t.equal(runs(['a']), 16)
  t.equal(runs(['a', 'b']), 32, 'each of two that call one another')
})

t.test(
  'a call without a parent is no part of a chain, and its header stays as it is',
  async (t) => {
    const root = 'Root=1-5759e988-bd862e3fe1be46a994272793'
    t.same(continueChain(root, arn('a')), { traceHeader: root, endless: false })
    t.same(continueChain(undefined, arn('a')), { traceHeader: undefined, endless: false })
  },
)

t.test('the rest of the header is passed on as it came', async (t) => {
  const { traceHeader } = continueChain(`${trace};Self=x`, arn('a'))
  t.match(
    traceHeader,
    /^Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Self=x;Lineage=1:[0-9a-f]{8}:1$/,
  )
})

t.test('a lineage of another form counts for nothing', async (t) => {
  for (const lineage of ['', 'x', '25:a87bd80c:1', '1:a87bd80c:99999999999', '|||'])
    t.equal(runs(['a'], `${trace};Lineage=${lineage}`), 16, lineage)
})
