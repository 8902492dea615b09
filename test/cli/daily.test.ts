// A day's commands against a real emulator of this process: variables with their sources, stories, lists, completion.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { candidates } from '../../src/cli/completion.js'
import { main } from '../../src/cli/main.js'
import { startDaemon } from '../../src/index.js'
import { temporaryFolder } from '../support/in-process.js'
import { mode } from '../support/modes.js'
import { stage } from './stage.js'

const template = `
Transform: AWS::Serverless-2016-10-31
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: orders
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: src
      MemorySize: 1769
      Environment: { Variables: { TABLE: orders, DB_PASSWORD: hunter2, LEVEL: info } }
      Events:
        Get: { Type: Api, Properties: { Path: '/orders/{id}', Method: get } }
        Nightly: { Type: Schedule, Properties: { Schedule: rate(1 day), Name: nightly } }
`

t.test('what a developer asks of a running emulator is answered', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'src'))
  writeFileSync(join(folder, 'template.yaml'), template)
  writeFileSync(
    join(folder, 'src/index.js'),
    `exports.handler = async (event) => {
      if (event.fail) throw new Error('as asked')
      return { statusCode: 201, body: 'made' }
    }`,
  )
  const stateDirectory = join(folder, '.state')
  const emulator = await startDaemon({
    path: folder,
    lambdaPort: 0,
    httpPort: 0,
    stateDirectory,
    region: 'eu-west-1',
    variables: [{ source: '--env', common: { LEVEL: 'debug' }, byFunction: {} }],
    ...(mode.freeze === undefined ? {} : { freeze: mode.freeze }),
  })
  t.teardown(() => emulator.stop())
  const httpUrl = emulator.httpUrl
  const run = async (...words: string[]) => {
    const terminal = stage({ variables: { LAMBDA_EMU_STATE_DIR: stateDirectory } })
    const code = await main(words, terminal)
    return { code, out: terminal.out(), err: terminal.err() }
  }

  const lines = await run('env', '--shell', 'sh')
  t.equal(lines.code, 0, lines.err)
  t.match(lines.out, `export AWS_ENDPOINT_URL_LAMBDA='${emulator.lambdaUrl}'\n`)
  t.match(lines.out, `export AWS_REGION='eu-west-1'\n`)
  t.match(lines.out, `export LAMBDA_EMU_HTTP_URL='${httpUrl}'\n`)

  const own = await run('env', 'orders')
  t.match(own.out, /^DB_PASSWORD +\*{8} +template$/m)
  t.match(own.out, /^LEVEL +debug +--env$/m)
  t.match(own.out, /^TABLE +orders +template$/m)
  t.match(own.out, /^_HANDLER +index\.handler +Lambda$/m)
  t.match((await run('env', 'orders', '--reveal')).out, /^DB_PASSWORD +hunter2 +template$/m)

  const listed = await run('list')
  t.match(listed.out, /^ {4}GET {2}\/orders\/\{id\} → orders$/m)
  t.match(listed.out, /^ {4}nightly {3}rate\(1 day\) → orders$/m)
  t.match((await run('status')).out, new RegExp(`^ {2}HTTP +${httpUrl}$`, 'm'))

  const answer = await fetch(`${httpUrl}/Prod/orders/7`)
  t.same([answer.status, await answer.text()], [201, 'made'])
  const requestId = answer.headers.get('x-amzn-requestid') ?? ''
  const failed = await run('invoke', 'orders', '{"fail":true}', '--no-log-tail')
  t.equal(failed.code, 1)
  t.equal(failed.err, 'Error: as asked\n')

  const story = await run('explain', requestId)
  t.equal(story.code, 0, story.err)
  for (const line of [
    /^request [0-9a-f-]{36} to orders: ok$/m,
    /GET \/Prod\/orders\/7 came in for API ServerlessRestApi$/m,
    /e1 was started for it: a cold start, because orders had no environment$/m,
    /its init phase took \d/m,
    /the client had status 201 after \d/m,
    /REPORT RequestId: /m,
  ]) {
    t.match(story.out, line)
  }
  t.equal((await run('explain', requestId.slice(0, 8))).out, story.out)
  t.match((await run('explain', 'e1')).out, /^environment e1 of orders\n.*error in \d/s)
  t.match(
    (await run('explain', 'ServerlessRestApi')).out,
    /a REST API .*\/orders\/\{id\} → orders/s,
  )

  // One request leaves some ten records behind; what was before hundreds of them is not forgotten.
  for (let calls = 0; calls < 150; calls += 1) {
    await (await fetch(`${httpUrl}/Prod/orders/${calls}`)).text()
  }
  t.equal((await run('explain', requestId)).code, 0)

  const given = { json: false, quiet: false, stateDir: stateDirectory }
  t.same(await candidates(['invoke', 'o'], given, stage()), ['orders'])
  t.same(await candidates(['freeze', ''], given, stage()), ['e1'])
})
