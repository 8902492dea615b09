// The network of an environment as the daemon has it: orders and answers, and what happens when nobody answers any more.

import { Duplex } from 'node:stream'
import t from 'tap'
import { findHelper } from '../../src/sandbox/helper.js'
import { launchNetwork } from '../../src/sandbox/launcher.js'
import { type LoopbackPort, linkOfPort, Network, trialLink } from '../../src/sandbox/network.js'
import { repositoryRoot } from '../support/paths.js'

const addresses = linkOfPort(61_001, 61_000)

/** The process that would keep it, played by the test. */
function stage(relays: readonly LoopbackPort[] = []) {
  const said: string[] = []
  const starts: (readonly string[])[] = []
  let end: () => void = () => {}
  let lost = 0
  let channel = new Duplex()
  const network = new Network({
    addresses,
    runtimeApi: { address: '127.0.0.1', port: 61_001 },
    relays: () => relays,
    launch: async (words) => {
      starts.push(words)
      channel = new Duplex({
        read: () => {},
        write(bytes, _encoding, done) {
          said.push(String(bytes))
          done()
        },
      })
      const exited = new Promise<{ code: number; signal: null }>((resolve) => {
        end = () => resolve({ code: 0, signal: null })
      })
      const child = { kill: () => {} }
      return { pid: 100 + starts.length, exited, child, channel, ready: Promise.resolve() }
    },
    onLost: () => {
      lost += 1
    },
  })
  return {
    network,
    said,
    starts,
    lost: () => lost,
    answer: async () => {
      channel.push('t')
      await turn()
    },
    end: async () => {
      end()
      await turn()
    },
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

t.test('each Runtime API has a link, and two addresses that no other has', async (t) => {
  const first = { interface: 'lemu61000', outside: '198.19.64.0', inside: '198.19.64.1' }
  t.same(linkOfPort(61_000, 61_000), first)
  const last = { interface: 'lemu65535', outside: '198.19.99.110', inside: '198.19.99.111' }
  t.same(linkOfPort(65_535, 61_000), last)
  const trial = { interface: 'lemu-2ldwb', outside: '198.19.127.254', inside: '198.19.127.255' }
  t.same(trialLink(4_357_019), trial)
})

t.test('ports that are relayed are named once, and the Runtime API as such', async (t) => {
  const other = { address: '127.0.0.1', port: 3001 }
  const { network, starts } = stage([other, { address: '127.0.0.1', port: 61_001 }, other])
  t.equal(await network.namespace(), '/proc/101/fd/5')
  const [words = []] = starts
  t.same(words.slice(words.indexOf('--api')), [
    ...['--api', '127.0.0.1', '61001'],
    ...['--relay', '127.0.0.1', '3001'],
  ])
})

t.test('whoever waits for the link runs when it is up, and not before', async (t) => {
  const { network, said, answer } = stage()
  await network.namespace()
  const order: string[] = []
  network.whenUp(() => order.push('at once'))
  t.same(order, ['at once'])
  network.takeDown()
  network.bringUp(() => order.push('up'))
  network.whenUp(() => order.push('then'))
  t.same([order, said], [['at once'], ['f', 't']])
  await answer()
  t.same(order, ['at once', 'up', 'then'])
  network.bringUp(() => order.push('was up'))
  t.same(order.at(-1), 'was up')
  t.same(said, ['f', 't'], 'nothing is asked for what is up')
})

t.test('when the process has ended nobody waits, and the next start has another', async (t) => {
  const { network, end, lost, starts } = stage()
  await network.namespace()
  let up = 0
  network.takeDown()
  network.bringUp(() => {
    up += 1
  })
  await end()
  t.same([up, lost()], [1, 1])
  network.takeDown()
  network.bringUp(() => {
    up += 1
  })
  t.equal(up, 2)
  t.equal(await network.namespace(), '/proc/102/fd/5')
  t.equal(starts.length, 2)
})

t.test('one that is closed has not been lost', async (t) => {
  const { network, end, lost } = stage()
  await network.namespace()
  const closed = network.close()
  await turn()
  await end()
  await closed
  t.equal(lost(), 0)
})

t.test('what could not be done is said, and can be tried again', async (t) => {
  const helper = findHelper(repositoryRoot)
  if (helper === undefined) throw new Error('there is a helper')
  let relay = { address: 'nowhere', port: 1 }
  const network = new Network({
    addresses: { ...trialLink(process.pid), interface: `lemut${process.pid.toString(36)}` },
    runtimeApi: undefined,
    relays: () => [relay],
    launch: (words, output) => launchNetwork({ helper, spawner: undefined }, words, output),
    onLost: () => {},
  })
  await t.rejects(network.namespace(), { message: /network: nowhere: EINVAL$/ })
  relay = { address: '127.0.0.1', port: 1 }
  t.match(await network.namespace(), /^\/proc\/\d+\/fd\/5$/)
  await network.close()
})
