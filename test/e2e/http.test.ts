// HTTP APIs of a SAM template, served by the real daemon: cold and warm, side by side, late, failing, at every address.

import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ApiSummary, HttpEnded, InvocationEnded, Status } from '../../src/admin/contract.js'
import { type Daemon, startDaemon, until } from '../support/daemon.js'
import { temporaryFolder } from '../support/functions.js'
import { ask, type HeaderList, type RawAnswer, valuesOf } from '../support/raw-http.js'

// Only against hanging.
t.setTimeout(400_000)

const template = `
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: nodejs22.x
    CodeUri: code
    MemorySize: 1769
Resources:
  Shop:
    Type: AWS::Serverless::Api
    Properties:
      StageName: Prod
      Cors: "'https://shop.example'"
  Desk:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration:
        AllowOrigins: [https://desk.example]
        AllowMethods: [GET, PUT]
        AllowHeaders: [x-own]
        MaxAge: 60
  Other:
    Type: AWS::Serverless::HttpApi
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.hello
      Events:
        Rest: {Type: Api, Properties: {RestApiId: !Ref Shop, Path: '/hello/{name}', Method: get}}
        Http: {Type: HttpApi, Properties: {ApiId: !Ref Desk, Path: '/hello/{name}', Method: get}}
        Other: {Type: HttpApi, Properties: {ApiId: !Ref Other, Path: '/hello/{name}', Method: get}}
  Waits:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.waits
      Timeout: 28
      Events:
        Rest: {Type: Api, Properties: {RestApiId: !Ref Shop, Path: /waits, Method: post}}
  Fails:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.fails
      Events:
        Rest: {Type: Api, Properties: {RestApiId: !Ref Shop, Path: /fails, Method: any}}
        Http: {Type: HttpApi, Properties: {ApiId: !Ref Desk, Path: /fails, Method: any}}
  Late:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.late
      Timeout: 1
      Events:
        Rest: {Type: Api, Properties: {RestApiId: !Ref Shop, Path: /late, Method: get}}
        Http: {Type: HttpApi, Properties: {ApiId: !Ref Desk, Path: /late, Method: get}}
  Patient:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.late
      Timeout: 3
      Events:
        Rest: {Type: Api, Properties: {RestApiId: !Ref Shop, Path: /patient, Method: get, TimeoutInMillis: 500}}
        Http: {Type: HttpApi, Properties: {ApiId: !Ref Desk, Path: /patient, Method: get, TimeoutInMillis: 500}}
`

const code = `
let calls = 0
exports.hello = async (event) => {
  calls += 1
  return {
    statusCode: 200,
    headers: { 'X-Calls': String(calls), 'Access-Control-Allow-Origin': 'https://from-the-function.example' },
    body: JSON.stringify([event.version ?? '1.0', event.pathParameters.name]),
  }
}
exports.waits = async (event) => {
  // Until all of them have come.
  const gate = require('node:net').connect(Number(event.queryStringParameters.gate), '127.0.0.1')
  await require('node:events').once(gate, 'close')
  return { statusCode: 201, body: event.body + ' ' + process.env.AWS_LAMBDA_LOG_STREAM_NAME }
}
exports.fails = async () => { throw new Error('on purpose') }
exports.late = () => new Promise((resolve) => setTimeout(resolve, 60_000))
`

interface Stage {
  readonly daemon: Daemon
  readonly status: Status
  readonly port: number
  api(logicalId: string): ApiSummary
  /** By Host. */
  get(logicalId: string, target: string, headers?: HeaderList): Promise<RawAnswer>
}

async function stage(t: Test): Promise<Stage> {
  const project = temporaryFolder(t)
  mkdirSync(join(project, 'code'))
  writeFileSync(join(project, 'template.yaml'), template)
  writeFileSync(join(project, 'code/index.js'), code)
  const daemon = await startDaemon(t, {
    project,
    stateDirectory: temporaryFolder(t),
    variables: { LAMBDA_EMU_HTTP_PORT: '0' },
  })
  t.same(daemon.warnings, [])
  const status = await daemon.admin.status()
  const port = Number(new URL(status.httpUrl ?? '').port)
  const api = (logicalId: string) => {
    const found = status.apis.find((each) => each.logicalId === logicalId)
    if (found === undefined) throw new Error(`there is no API ${logicalId}`)
    return found
  }
  const get = (logicalId: string, target: string, headers: HeaderList = []) =>
    ask(port, {
      method: 'GET',
      target,
      headers: [['Host', hostOf(api(logicalId), port)], ...headers],
    })
  return { daemon, status, port, api, get }
}

function hostOf({ id }: ApiSummary, port: number): string {
  return `${id}.execute-api.localhost:${port}`
}

/** The record of the request, and of the invocation that it made. */
async function recordsOf(
  { daemon }: Stage,
  target: string,
): Promise<{ readonly http: HttpEnded; readonly invocation: InvocationEnded | undefined }> {
  const find = () =>
    daemon.journal.findLast((each) => each.kind === 'http.ended' && each.target === target)
  await until(`the journal has ${target}`, () => find() !== undefined)
  const http = find() as unknown as HttpEnded
  const ended = () =>
    daemon.journal.find(
      (each) => each.kind === 'invocation.ended' && each.requestId === http.requestId,
    )
  if (http.requestId !== undefined) {
    await until(`the journal has the invocation of ${target}`, () => ended() !== undefined)
  }
  return { http, invocation: ended() as unknown as InvocationEnded | undefined }
}

const json = ({ body }: RawAnswer) => JSON.parse(body.toString()) as unknown

t.test('HTTP APIs of a template', async (t) => {
  const world = await stage(t)
  const { port, status, api, get } = world

  await t.test('status tells of each API, its address and its routes', async (t) => {
    t.same(
      status.apis.map(({ logicalId, kind, stageName }) => [logicalId, kind, stageName]),
      [
        ['Shop', 'rest', 'Prod'],
        ['Desk', 'http', '$default'],
        ['Other', 'http', '$default'],
      ],
    )
    for (const each of status.apis) t.match(each.id, /^[a-z0-9]{10}$/)
    t.equal(api('Shop').url, `${status.httpUrl}/Prod`)
    t.equal(api('Desk').url, `${status.httpUrl}/_apis/${api('Desk').id}/$default`)
    const [shop, desk] = [api('Shop').routes, api('Desk').routes]
    t.ok(shop.some((each) => each.path === '/hello/{name}' && each.method === 'GET'))
    t.ok(desk.some((each) => each.path === '/hello/{name}' && each.method === 'GET'))
  })

  await t.test('the first request starts an environment, the next one finds it', async (t) => {
    const cold = await get('Shop', '/Prod/hello/cold?a=b')
    t.equal(cold.status, 200)
    t.same([json(cold), valuesOf(cold, 'x-calls')], [['1.0', 'cold'], ['1']])
    const warm = await get('Desk', '/hello/warm')
    t.same([json(warm), valuesOf(warm, 'x-calls')], [['2.0', 'warm'], ['2']])
    const { http, invocation } = await recordsOf(world, '/Prod/hello/cold?a=b')
    t.match(http, {
      method: 'GET',
      status: 200,
      api: 'Shop',
      functionName: /Hello/,
      requestId: /^[0-9a-f-]{36}$/,
      durationMs: Number,
    })
    t.ok(http.durationMs > 0)
    t.match(invocation, { functionName: http.functionName, origin: 'rest-api', cold: true })
    const second = await recordsOf(world, '/hello/warm')
    t.equal(second.http.api, 'Desk')
    t.match(second.invocation, { origin: 'http-api', cold: false })
  })

  await t.test('an API is reached at each of its addresses', async (t) => {
    const at = (host: string, target: string) =>
      ask(port, { method: 'GET', target, headers: [['Host', host]] })
    const [shop, desk] = [api('Shop'), api('Desk')]
    const local = `localhost:${port}`
    t.same(json(await at(local, '/Prod/hello/a')), ['1.0', 'a'], 'by its stage')
    t.same(json(await at(local, `/_apis/${shop.id}/Prod/hello/b`)), ['1.0', 'b'], 'by its path')
    t.same(json(await at(hostOf(shop, port), '/Prod/hello/c')), ['1.0', 'c'], 'by its host')
    t.same(json(await at(local, `/_apis/${desk.id}/$default/hello/d`)), ['2.0', 'd'], 'by its path')
    t.same(json(await at(hostOf(desk, port), '/hello/e')), ['2.0', 'e'], 'by its host')
    for (const each of status.apis) {
      const { pathname } = new URL(`${each.url}/hello/f`)
      t.equal((await at(local, pathname)).status, 200, `${each.url} is its own`)
    }
    t.equal((await at(hostOf(shop, port), '/hello/g')).status, 403, 'not without its stage')
    t.equal((await at('evil.example', '/Prod/hello/h')).status, 403, 'not under another name')
  })

  await t.test('an address that two APIs share is an error that prints their own', async (t) => {
    const answer = await ask(port, {
      method: 'GET',
      target: '/hello/x',
      headers: [['Host', `127.0.0.1:${port}`]],
    })
    t.equal(answer.status, 404)
    const text = answer.body.toString()
    for (const name of ['Desk', 'Other'])
      t.ok(text.includes(`/_apis/${api(name).id}/$default`), name)
    const { http } = await recordsOf(world, '/hello/x')
    t.equal(http.functionName, undefined)
    t.match(http.why, /.+/)
  })

  await t.test('what is not there is answered as each kind of API does', async (t) => {
    const rest = await get('Shop', '/Prod/nowhere')
    t.same([rest.status, json(rest)], [403, { message: 'Missing Authentication Token' }])
    t.same(valuesOf(rest, 'x-amzn-errortype'), ['MissingAuthenticationTokenException'])
    const http = await get('Desk', '/nowhere')
    t.same([http.status, json(http)], [404, { message: 'Not Found' }])
    const { http: record } = await recordsOf(world, '/nowhere')
    t.match(record, { status: 404, api: 'Desk', why: /.+/ })
    t.equal(record.requestId, undefined, 'nothing was invoked')
  })

  await t.test('a function that fails is 502 behind REST and 500 behind HTTP', async (t) => {
    const rest = await get('Shop', '/Prod/fails')
    t.same([rest.status, json(rest)], [502, { message: 'Internal server error' }])
    const http = await get('Desk', '/fails')
    t.same([http.status, json(http)], [500, { message: 'Internal Server Error' }])
    const { http: record, invocation } = await recordsOf(world, '/Prod/fails')
    t.match(record, { status: 502, functionName: /Fails/, why: /.+/ })
    t.equal(invocation?.requestId, record.requestId)
  })

  await t.test('a function that times out is 502 behind REST and 500 behind HTTP', async (t) => {
    const [rest, http] = await Promise.all([get('Shop', '/Prod/late'), get('Desk', '/late')])
    t.same([rest.status, json(rest)], [502, { message: 'Internal server error' }])
    t.same([http.status, json(http)], [500, { message: 'Internal Server Error' }])
    const { invocation } = await recordsOf(world, '/Prod/late')
    t.equal(invocation?.functionName, (await recordsOf(world, '/late')).http.functionName)
  })

  await t.test('a function later than its API waits is 504 or 503, and goes on', async (t) => {
    const [rest, http] = await Promise.all([get('Shop', '/Prod/patient'), get('Desk', '/patient')])
    t.same([rest.status, json(rest)], [504, { message: 'Endpoint request timed out' }])
    t.same([http.status, json(http)], [503, { message: 'Service Unavailable' }])
    const { http: record, invocation } = await recordsOf(world, '/Prod/patient')
    t.ok(record.durationMs >= 500 && record.durationMs < 2_500, `${record.durationMs} ms`)
    t.equal(invocation?.requestId, record.requestId, 'it ended by itself, after the answer')
  })

  await t.test('twenty requests at once are served side by side', async (t) => {
    const numbers = Array.from({ length: 20 }, (_, index) => index)
    const arrived: Socket[] = []
    const gate = createServer((socket) => {
      if (arrived.push(socket) < numbers.length) return
      for (const each of arrived) each.destroy()
    })
    gate.listen(0, '127.0.0.1')
    await once(gate, 'listening')
    t.teardown(() => gate.close())
    const gatePort = (gate.address() as AddressInfo).port
    const answers = await Promise.all(
      numbers.map((index) =>
        ask(port, {
          method: 'POST',
          target: `/Prod/waits?gate=${gatePort}&${index}`,
          headers: [
            ['Host', hostOf(api('Shop'), port)],
            ['Content-Type', 'text/plain'],
            ['Content-Length', String(String(index).length)],
          ],
          body: Buffer.from(String(index)),
        }),
      ),
    )
    const told = answers.map(({ status, body }) => [status, ...body.toString().split(' ')])
    t.same(
      told.map(([code, number]) => [code, number]),
      numbers.map((index) => [201, String(index)]),
      'each has its own answer',
    )
    const environments = new Set(told.map(([, , name]) => name))
    t.equal(environments.size, 20, 'each in an environment of its own')
  })

  await t.test('CORS is the API’s own business', async (t) => {
    const preflight = (logicalId: string, target: string, origin: string) =>
      ask(port, {
        method: 'OPTIONS',
        target,
        headers: [
          ['Host', hostOf(api(logicalId), port)],
          ['Origin', origin],
          ['Access-Control-Request-Method', 'GET'],
          ['Access-Control-Request-Headers', 'x-own'],
        ],
      })
    const desk = await preflight('Desk', '/hello/x', 'https://desk.example')
    t.equal(desk.status, 204)
    t.same(valuesOf(desk, 'access-control-allow-origin'), ['https://desk.example'])
    t.same(valuesOf(desk, 'access-control-max-age'), ['60'])
    const shop = await preflight('Shop', '/Prod/hello/x', 'https://shop.example')
    t.equal(shop.status, 200)
    t.same(valuesOf(shop, 'access-control-allow-origin'), ['https://shop.example'])
    const other = await preflight('Other', '/hello/x', 'https://desk.example')
    t.same(valuesOf(other, 'access-control-allow-origin'), [], 'nothing is added unasked')
    const origin: HeaderList = [['Origin', 'https://desk.example']]
    t.same(
      valuesOf(await get('Desk', '/hello/x', origin), 'access-control-allow-origin'),
      ['https://desk.example'],
      'an HTTP API replaces the function’s own',
    )
    t.same(
      valuesOf(await get('Shop', '/Prod/hello/x', origin), 'access-control-allow-origin'),
      ['https://from-the-function.example'],
      'a REST API passes the function’s own on',
    )
  })
})
