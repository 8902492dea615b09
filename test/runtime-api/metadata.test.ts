// The metadata endpoint over HTTP: who is told what, and the zone of each region.

import t from 'tap'
import { firstZoneOf, metadataPath } from '../../src/runtime-api/metadata.js'
import { metadataToken, open } from './open-channel.js'

t.test('whoever has the token is told the availability zone', async (t) => {
  const { call, events } = await open(t, false)
  const authorization = `Bearer ${metadataToken}`
  for (const path of [metadataPath, `${metadataPath}?any`]) {
    const { status, headers, body } = await call('GET', path, undefined, { authorization })
    t.equal(status, 200)
    t.equal(headers['content-type'], 'application/json')
    t.equal(headers['cache-control'], 'private, max-age=43200, immutable')
    t.equal(body, '{"AvailabilityZoneID":"euw1-az1"}')
  }
  t.same(events, [], 'it is no event of the runtime')
})

t.test('without the token, or by another method, nobody is', async (t) => {
  const { call } = await open(t, false)
  const refused = [undefined, metadataToken, 'Bearer ', 'Bearer other', `bearer ${metadataToken}`]
  for (const authorization of refused) {
    const headers = authorization === undefined ? {} : { authorization }
    const { status, body } = await call('GET', metadataPath, undefined, headers)
    t.same([status, body], [401, ''], `${authorization}`)
  }
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const headers = { authorization: `Bearer ${metadataToken}` }
    const { status, body } = await call(method, metadataPath, 'x', headers)
    t.same([status, body], [405, ''], method)
  }
  t.equal((await call('GET', '/2026-01-15/metadata')).status, 404)
})

t.test('the zone is named as AWS names those of the region', async (t) => {
  const zones = {
    'us-east-1': 'use1-az1',
    'us-west-2': 'usw2-az1',
    'eu-central-1': 'euc1-az1',
    'eu-west-3': 'euw3-az1',
    'ap-northeast-1': 'apne1-az1',
    'ap-southeast-2': 'apse2-az1',
    'ap-south-1': 'aps1-az1',
    'ca-central-1': 'cac1-az1',
    'sa-east-1': 'sae1-az1',
    'us-gov-west-1': 'usgw1-az1',
  }
  for (const [region, zone] of Object.entries(zones)) t.equal(firstZoneOf(region), zone)
})
