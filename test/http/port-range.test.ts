// Emulators take their ports in turn from one range, past those that are taken.

import t from 'tap'
import { emulatorPorts, portRange } from '../../src/http/port-range.js'

function taken(): Error {
  return Object.assign(new Error('taken'), { code: 'EADDRINUSE' })
}

t.test('ports come one after another, and begin again at the end of the range', async (t) => {
  const range = portRange(0.9999)
  const got: number[] = []
  const bind = async (port: number) => {
    got.push(port)
  }
  for (let count = 0; count < 3; count += 1) await range.listen(bind)
  t.same(got, [65_535, 61_000, 61_001])
})

t.test('a port that is taken is passed over', async (t) => {
  const tried: number[] = []
  await portRange(0).listen(async (port) => {
    tried.push(port)
    if (tried.length < 4) throw taken()
  })
  t.same(tried, [61_000, 61_001, 61_002, 61_003])
})

t.test('when none is free, and for every other error, the error of listen is told', async (t) => {
  let tries = 0
  await t.rejects(
    portRange(0.5).listen(async () => {
      tries += 1
      throw taken()
    }),
    { code: 'EADDRINUSE' },
  )
  t.equal(tries, emulatorPorts.last - emulatorPorts.first + 1)
  await t.rejects(
    portRange(0).listen(() => Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' }))),
    { code: 'EACCES' },
  )
})
