// Which API a request reaches, and the address that status prints for each.

import t from 'tap'
import { addressesOf, locate } from '../../src/gateway/addressing.js'
import { httpApi, lambda, openGateway, restApi } from './stage.js'

const shop = restApi({ '/{proxy+}': { ANY: lambda() } })
const shop2 = restApi({ '/{proxy+}': { ANY: lambda() } }, { id: 'b2b2b2b2b2', logicalId: 'Shop2' })
const web = httpApi({ $default: 'echo' })
const web2 = httpApi({ $default: 'echo' }, { id: 'w2w2w2w2w2', logicalId: 'Web2' })
const dev = httpApi({ $default: 'echo' }, { id: 'd1d1d1d1d1', logicalId: 'Dev', stageName: 'dev' })

interface Row {
  readonly name: string
  readonly apis: readonly (typeof shop | typeof web)[]
  readonly path: string
  readonly host?: string
  readonly stagePath?: boolean
  /** Logical id and both paths, or what it is in place of an API. */
  readonly is: string
}

const table: readonly Row[] = [
  { name: 'the stage', apis: [shop, web], path: '/Prod/x', is: 'Shop /x /Prod/x' },
  { name: 'no stage: the $default', apis: [shop, web], path: '/x', is: 'Web /x /x' },
  { name: 'the root', apis: [shop, web], path: '/', is: 'Web / /' },
  {
    name: 'a named stage of an HTTP API',
    apis: [shop, dev, web],
    path: '/dev/x',
    is: 'Dev /x /dev/x',
  },
  { name: 'a named stage alone', apis: [dev], path: '/dev', is: 'Dev / /dev' },
  { name: 'a stage name that goes on', apis: [dev], path: '/develop', is: 'nothing' },
  { name: 'letter case counts', apis: [shop], path: '/prod/x', is: 'nothing' },
  { name: 'no stage and no $default', apis: [shop], path: '/x', is: 'nothing' },
  { name: 'no APIs', apis: [], path: '/x', is: 'nothing' },
  { name: 'two with one stage name', apis: [shop, shop2], path: '/Prod/x', is: 'collision' },
  { name: 'two $default', apis: [web, web2], path: '/x', is: 'collision' },
  {
    name: 'the host',
    apis: [shop, shop2],
    host: 'b2b2b2b2b2.execute-api.localhost',
    path: '/Prod/x',
    is: 'Shop2 /x /Prod/x',
  },
  {
    name: 'the host with a port, in capitals',
    apis: [shop, shop2],
    host: 'B2B2B2B2B2.Execute-Api.localhost:3000',
    path: '/Prod/x',
    is: 'Shop2 /x /Prod/x',
  },
  {
    name: 'the host of a $default',
    apis: [web, web2],
    host: 'w2w2w2w2w2.execute-api.localhost',
    path: '/x',
    is: 'Web2 /x /x',
  },
  {
    name: 'the host and another stage',
    apis: [shop],
    host: 'a1b2c3d4e5.execute-api.localhost',
    path: '/x',
    is: 'no-stage',
  },
  {
    name: 'the host of nobody',
    apis: [shop],
    host: 'zzzzzzzzzz.execute-api.localhost',
    path: '/Prod/x',
    is: 'nothing',
  },
  {
    name: 'the named path',
    apis: [shop, shop2],
    path: '/_apis/b2b2b2b2b2/Prod/x//y/',
    is: 'Shop2 /x//y/ /Prod/x//y/',
  },
  {
    name: 'the named path of a stage alone',
    apis: [shop],
    path: '/_apis/a1b2c3d4e5/Prod',
    is: 'Shop / /Prod',
  },
  {
    name: 'the named path of a $default',
    apis: [web, web2],
    path: '/_apis/w2w2w2w2w2/$default/x',
    is: 'Web2 /x /x',
  },
  { name: 'the same, encoded', apis: [web], path: '/_apis/h9g8f7e6d5/%24default', is: 'Web / /' },
  {
    name: 'the named path and another stage',
    apis: [shop],
    path: '/_apis/a1b2c3d4e5/dev/x',
    is: 'no-stage',
  },
  { name: 'the named path of nobody', apis: [shop, web], path: '/_apis/zzz/Prod/x', is: 'nothing' },
  { name: 'no stage path', apis: [shop], path: '/x', stagePath: false, is: 'Shop /x /x' },
  {
    name: 'no stage path: the stage is a segment like any other',
    apis: [shop],
    path: '/Prod/x',
    stagePath: false,
    is: 'Shop /Prod/x /Prod/x',
  },
  {
    name: 'no stage path, by host',
    apis: [shop, web],
    host: 'a1b2c3d4e5.execute-api.localhost',
    path: '/x',
    stagePath: false,
    is: 'Shop /x /x',
  },
  {
    name: 'no stage path beside a $default',
    apis: [shop, web],
    path: '/x',
    stagePath: false,
    is: 'collision',
  },
  {
    name: 'no stage path: the named path has it all the same',
    apis: [shop, web],
    path: '/_apis/a1b2c3d4e5/Prod/x',
    stagePath: false,
    is: 'Shop /x /Prod/x',
  },
]

for (const row of table) {
  t.test(`addressed by ${row.name}`, async (t) => {
    const { host = 'localhost:3000', stagePath = true } = row
    const found = locate(row.apis, { host, path: row.path }, stagePath)
    const words =
      found.is === 'api' ? `${found.api.logicalId} ${found.path} ${found.fullPath}` : found.is
    t.equal(words, row.is)
  })
}

t.test('each API has the shortest address that is its alone', async (t) => {
  const base = 'http://127.0.0.1:3000'
  t.same(Object.fromEntries(addressesOf([shop, web, dev], base, true)), {
    a1b2c3d4e5: `${base}/Prod`,
    h9g8f7e6d5: base,
    d1d1d1d1d1: `${base}/dev`,
  })
  t.same(Object.fromEntries(addressesOf([shop, shop2, web, web2], base, true)), {
    a1b2c3d4e5: `${base}/_apis/a1b2c3d4e5/Prod`,
    b2b2b2b2b2: `${base}/_apis/b2b2b2b2b2/Prod`,
    h9g8f7e6d5: `${base}/_apis/h9g8f7e6d5/$default`,
    w2w2w2w2w2: `${base}/_apis/w2w2w2w2w2/$default`,
  })
  t.same([...addressesOf([shop], base, false).values()], [base])
})

t.test('every printed address reaches its API', async (t) => {
  const apis = [shop, shop2, web, web2, dev]
  for (const stagePath of [true, false]) {
    const stage = await openGateway(t, { apis, stagePath })
    for (const [id, url] of addressesOf(apis, `http://127.0.0.1:${stage.port}`, stagePath)) {
      const reply = await stage.send({ target: `${url}/x`, headers: { Host: 'localhost' } })
      t.equal(JSON.parse(reply.text).requestContext.apiId, id, url)
    }
  }
})

t.test('a collision is 404 with the addresses of both, and nothing is invoked', async (t) => {
  const stage = await openGateway(t, { apis: [shop, shop2] })
  const reply = await stage.send({ target: '/Prod/x' })
  t.equal(reply.status, 404)
  t.same(JSON.parse(reply.text), {
    message: '2 APIs are at this address: ask for one of them by its own',
    addresses: [
      { api: 'Shop', url: `http://localhost:${stage.port}/_apis/a1b2c3d4e5/Prod` },
      { api: 'Shop2', url: `http://localhost:${stage.port}/_apis/b2b2b2b2b2/Prod` },
    ],
  })
  t.same(stage.events, [])
})

t.test('an unknown address is 404 where there are HTTP APIs alone', async (t) => {
  const stage = await openGateway(t, { apis: [dev] })
  const reply = await stage.send({ target: '/x' })
  t.equal(reply.status, 404)
  t.same(JSON.parse(reply.text), { message: 'Not Found' })
})

t.test('APIs that are served anew count from the next request on', async (t) => {
  const stage = await openGateway(t, { apis: [web] })
  t.equal((await stage.send({ target: '/Prod/x' })).status, 200)
  stage.serve([shop])
  await stage.send({ target: '/Prod/x' })
  t.same(
    stage.events.map((event) => event.requestContext.apiId),
    ['h9g8f7e6d5', 'a1b2c3d4e5'],
  )
})
