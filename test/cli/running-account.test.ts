// What `start` tells while it runs: in order, in few writes, and never so much at once that it fills the memory.

import t from 'tap'
import { createRunningAccount } from '../../src/cli/running-account.js'

function arrange() {
  const written: string[] = []
  const pauses: (() => void)[] = []
  const output = {
    write: (text: string) => void written.push(text),
    isTerminal: false,
    columns: 80,
  }
  const pause = () => new Promise<void>((resolve) => pauses.push(resolve))
  const account = createRunningAccount<string>(output, { pause }, (item) =>
    item === '' ? '' : `${item}\n`,
  )
  const passTime = async () => {
    for (const resolve of pauses.splice(0)) resolve()
    await null
    await null
  }
  return { account, written, passTime, pauses }
}

t.test('what comes within a moment is one write, in order', async (t) => {
  const { account, written, passTime, pauses } = arrange()
  for (const item of ['a', '', 'b']) account.tell(item)
  t.same(written, [])
  t.equal(pauses.length, 1)
  await passTime()
  t.same(written, ['a\nb\n'])
  account.tell('c')
  await passTime()
  t.same(written, ['a\nb\n', 'c\n'])
})

t.test('what reads like nothing is not written', async (t) => {
  const { account, written, passTime } = arrange()
  account.tell('')
  await passTime()
  account.flush()
  t.same(written, [])
})

t.test('many items, or long ones, do not wait', async (t) => {
  const { account, written } = arrange()
  for (let item = 0; item < 256; item += 1) account.tell(String(item))
  t.equal(written.length, 1)
  t.equal(written[0]?.split('\n').length, 257)
  account.tell('long', 65_536)
  t.same(written.slice(1), ['long\n'])
})

t.test(
  'a flush writes what there is, and the moment that follows writes nothing twice',
  async (t) => {
    const { account, written, passTime } = arrange()
    account.tell('a')
    account.flush()
    await passTime()
    t.same(written, ['a\n'])
  },
)
