// startEmulator as a test of somebody's uses it: invoke, logs, environments, waiting, and nothing left when it stops.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { type EmulatorOptions, type LibraryEmulator, startEmulator } from '../../src/index.js'
import { buildFolder } from '../support/daemon.js'
import { temporaryFolder, type WrittenFunction, writeProject } from '../support/in-process.js'
import { mode } from '../support/modes.js'

t.setTimeout(400_000)

// Other tests make folders of the same kind at the same time.
const ownTmp = mkdtempSync(join(tmpdir(), 'lambda-emu-library-'))
process.env.TMPDIR = ownTmp
t.teardown(() => rmSync(ownTmp, { recursive: true, force: true }))

const hello: WrittenFunction = {
  files: {
    'index.js': `
      exports.handler = async (event, context) => {
        console.log('hello', event.name ?? 'nobody')
        if (event.fail) throw new TypeError(event.fail)
        return { hello: event.name, client: context.clientContext?.custom, event }
      }`,
  },
}

const sleeper: WrittenFunction = {
  timeoutSeconds: 1,
  files: { 'index.js': 'exports.handler = () => new Promise((r) => setTimeout(r, 60_000))' },
}

async function start(t: Test, options: EmulatorOptions = {}): Promise<LibraryEmulator> {
  const folder = temporaryFolder(t)
  writeProject(folder, { hello, sleeper })
  const freeze = mode.freeze === undefined ? {} : { freeze: mode.freeze }
  const emulator = await startEmulator({ path: folder, ...freeze, ...options })
  t.teardown(() => emulator.stop())
  return emulator
}

t.test('an invocation tells its answer, its log and its figures', async (t) => {
  const emulator = await start(t)
  const answer = await emulator.invoke('hello', { name: 'Ada' })
  const { log, report, requestId } = answer
  t.match(answer, { statusCode: 200, payload: { hello: 'Ada' } })
  t.notOk('functionError' in answer)
  const lines = log.split('\n')
  t.equal(lines[0], `START RequestId: ${requestId} Version: $LATEST`)
  t.match(lines[1], /INFO\thello Ada$/)
  t.match(lines.at(-1), `REPORT RequestId: ${requestId}`)
  t.equal(lines.length, 4)
  t.match(report, { memorySizeMb: 1769, billedDurationMs: Number, maxMemoryUsedMb: Number })
  t.ok((report?.durationMs ?? 0) > 0)
  t.ok((report?.initDurationMs ?? 0) > 0, 'a cold start')
  const second = await emulator.invoke('hello')
  t.match(second.payload, { event: {} }, 'without a payload the event is {}')
  t.notOk('initDurationMs' in (second.report ?? {}), 'a warm one')
})

t.test('many invocations at once each have their own log', async (t) => {
  const emulator = await start(t)
  const names = Array.from({ length: 12 }, (_, index) => `name-${index}`)
  const answers = await Promise.all(names.map((name) => emulator.invoke('hello', { name })))
  for (const [index, { log, requestId }] of answers.entries()) {
    t.match(log.match(/hello name-\d+/g), [`hello name-${index}`])
    t.equal(log.match(new RegExp(`^(START|END|REPORT) RequestId: ${requestId}`, 'gm'))?.length, 3)
  }
})

t.test('what the function does wrong is an answer, not a rejection', async (t) => {
  const emulator = await start(t)
  const failed = await emulator.invoke('hello', { fail: 'on purpose' })
  t.match(failed, {
    statusCode: 200,
    functionError: 'Unhandled',
    payload: { errorType: 'TypeError', errorMessage: 'on purpose' },
  })
  t.match(failed.log, 'on purpose')
  const late = await emulator.invoke('sleeper')
  t.match(late, {
    functionError: 'Unhandled',
    payload: { errorMessage: /Task timed out after 1.00 seconds/ },
    report: { status: 'timeout', memorySizeMb: 1769 },
  })
})

t.test('with logTail it answers as AWS does, with the last 4 KB', async (t) => {
  const emulator = await start(t)
  const { log, report, requestId } = await emulator.invoke('hello', {}, { logTail: true })
  t.match(log, new RegExp(`^START RequestId: ${requestId} Version: \\$LATEST\\n`))
  t.match(log, /REPORT .*\n$/)
  t.match(report, { memorySizeMb: 1769 })
})

t.test('a client context reaches the function', async (t) => {
  const emulator = await start(t)
  const clientContext = { custom: { tried: 'yes' } }
  const { payload } = await emulator.invoke('hello', {}, { clientContext })
  t.match(payload, { client: { tried: 'yes' } })
})

t.test('an event is accepted, and its end can be waited for', async (t) => {
  const emulator = await start(t)
  const answer = await emulator.invoke('hello', { name: 'later' }, { type: 'Event' })
  t.match(answer, { statusCode: 202, payload: undefined, log: '' })
  const ended = await emulator.waitFor(
    'invocation.ended',
    ({ requestId }) => requestId === answer.requestId,
  )
  t.match(ended, { status: 'ok', type: 'Event', functionName: 'hello' })
  const again = await emulator.waitFor('invocation.ended')
  t.equal(again.sequence, ended.sequence, 'what has happened already counts')
  const next = emulator.waitFor('invocation.ended', undefined, { after: ended })
  const { requestId } = await emulator.invoke('hello')
  t.equal((await next).requestId, requestId)
})

t.test('what AWS would refuse has the status and body of AWS', async (t) => {
  const emulator = await start(t)
  const large = await emulator.invoke('hello', 'x'.repeat(6_291_456))
  t.match(large, { statusCode: 413, payload: { message: /smaller than 6291456 bytes/ }, log: '' })
  const event = await emulator.invoke('hello', 'x'.repeat(1_048_576), { type: 'Event' })
  t.equal(event.statusCode, 413)
})

t.test('a name that is nobody’s, and a payload that JSON cannot say, are refused', async (t) => {
  const emulator = await start(t)
  await t.rejects(emulator.invoke('helo'), { code: 'EMU_FUNCTION_NOT_FOUND', message: /helo/ })
  await t.rejects(emulator.invoke('hello', 1n), { code: 'EMU_PAYLOAD_INVALID', message: /BigInt/ })
  await t.rejects(
    emulator.invoke('hello', () => 1),
    { code: 'EMU_PAYLOAD_INVALID' },
  )
  t.match(await emulator.invoke('hello', null).catch((error) => error), { statusCode: 200 })
})

t.test('logs tell of one function or of all', async (t) => {
  const emulator = await start(t)
  await emulator.invoke('hello', { name: 'Ada' })
  await emulator.invoke('sleeper')
  const own = emulator.logs('hello')
  t.ok(own.every(({ functionName }) => functionName === 'hello'))
  t.ok(own.some(({ message }) => message.includes('hello Ada')))
  t.ok(emulator.logs().some(({ functionName }) => functionName === 'sleeper'))
  t.same(emulator.logs('nobody'), [])
})

t.test(
  'an environment is thawed, frozen and expired by hand, and each has happened then',
  async (t) => {
    const emulator = await start(t)
    await emulator.invoke('hello')
    await emulator.waitFor('environment.suspension', ({ to }) => to === 'frozen')
    const [environment] = emulator.environments()
    const id = environment?.id ?? ''
    t.match(environment, { functionName: 'hello', phase: 'ready', suspension: 'frozen' })
    t.match(await emulator.thaw(id), { id, suspension: 'running' })
    t.match(await emulator.freeze(id), { id, suspension: 'frozen' })
    await t.rejects(emulator.freeze(id), { code: 'EMU_ENVIRONMENT_STATE' })
    await emulator.expire(id)
    t.same(emulator.environments(), [])
    t.notOk(environment?.pids.some((pid) => existsSync(`/proc/${pid}/exe`)))
    await t.rejects(emulator.expire(id), { code: 'EMU_ENVIRONMENT_NOT_FOUND' })
  },
)

t.test('waiting in vain ends with a sentence, and so does the emulator’s end', async (t) => {
  const emulator = await start(t)
  await t.rejects(
    emulator.waitFor('invocation.ended', () => true, { timeoutMs: 20 }),
    {
      code: 'EMU_LIBRARY_USE',
      message: /waited in vain for a record invocation.ended: it did not come within 20 ms/,
    },
  )
  const broken = emulator.waitFor('invocation.ended', () => {
    throw new RangeError('of the test')
  })
  broken.catch(() => undefined)
  const waiting = emulator.waitFor('never', undefined, { timeoutMs: 60_000 })
  waiting.catch(() => undefined)
  await emulator.invoke('hello')
  await t.rejects(broken, { name: 'RangeError' }, 'what a test throws is the test’s own')
  await emulator.stop()
  await t.rejects(waiting, { message: /before the emulator stopped/ })
})

t.test('who waits for an answer when it stops gets one', async (t) => {
  const emulator = await start(t)
  await emulator.invoke('hello')
  const waiting = emulator.invoke('sleeper')
  await emulator.waitFor('environment.phase', ({ functionArn, to }) => {
    return functionArn.endsWith(':sleeper') && to === 'busy'
  })
  await emulator.stop()
  const stopping = { statusCode: 500, payload: { Message: 'lambda-emu is stopping' }, log: '' }
  t.match(await waiting, stopping)
  t.match(await emulator.invoke('hello'), stopping, 'and later ones are refused')
})

t.test('several run side by side in one process, and each leaves nothing', async (t) => {
  const before = ownFolders()
  const emulators = await Promise.all([start(t), start(t), start(t)])
  const urls = emulators.flatMap(({ lambdaUrl, adminUrl }) => [lambdaUrl, adminUrl])
  t.equal(new Set(urls).size, 6, 'each has ports of its own')
  t.equal(new Set(emulators.map(({ stateDirectory }) => stateDirectory)).size, 3)
  const answers = await Promise.all(
    emulators.map((emulator, index) => emulator.invoke('hello', { name: `of ${index}` })),
  )
  t.same(
    answers.map(({ payload }) => (payload as { hello: string }).hello),
    ['of 0', 'of 1', 'of 2'],
  )
  const pids = emulators.flatMap((emulator) => emulator.environments().flatMap(({ pids }) => pids))
  t.ok(pids.length >= 3)
  const [first, ...others] = emulators
  await first?.stop()
  t.match(await others[0]?.invoke('hello', { name: 'still' }), { payload: { hello: 'still' } })
  await Promise.all(others.map((emulator) => emulator.stop()))
  t.notOk(
    pids.some((pid) => existsSync(`/proc/${pid}/exe`)),
    'no process',
  )
  t.same(ownFolders(), before, 'no folder')
})

const template = `
Transform: AWS::Serverless-2016-10-31
Resources:
  Say:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: ./say
      Events:
        Any: { Type: HttpApi, Properties: { Method: get, Path: '/say/{what}' } }
`

t.test('HTTP APIs are on ports of their own too', async (t) => {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'template.yaml'), template)
  mkdirSync(join(folder, 'say'))
  writeFileSync(
    join(folder, 'say/index.js'),
    "exports.handler = async ({ pathParameters }) => ({ statusCode: 200, body: 'said ' + pathParameters.what })",
  )
  const emulators = await Promise.all([
    startEmulator({ path: folder }),
    startEmulator({ path: folder }),
  ])
  for (const emulator of emulators) t.teardown(() => emulator.stop())
  const urls = emulators.map(({ httpUrl }) => httpUrl)
  t.equal(new Set(urls).size, 2)
  for (const [index, url] of urls.entries()) {
    const answer = await fetch(`${url}/say/${index}`)
    t.same([answer.status, await answer.text()], [200, `said ${index}`])
  }
  const ended = await emulators[1]?.waitFor('http.ended')
  t.match(ended, { method: 'GET', target: '/say/1', status: 200 })
})

t.test('leaving its block stops it; so does a failed start', async (t) => {
  const folder = temporaryFolder(t)
  writeProject(folder, { hello })
  let stopped: Promise<void> | undefined
  let state = ''
  {
    await using emulator = await startEmulator({ path: folder })
    stopped = emulator.stopped
    state = emulator.stateDirectory
    t.ok(existsSync(state))
  }
  await stopped
  t.notOk(existsSync(state))
  const before = ownFolders()
  writeProject(folder, { broken: { ...hello, handler: 'missing.handler' } })
  await t.rejects(startEmulator({ path: folder }), { code: 'EMU_HANDLER_NOT_FOUND' })
  t.same(ownFolders(), before)
})

t.test('what a killed test left is removed by the next start', async (t) => {
  const folder = temporaryFolder(t)
  writeProject(folder, { hello })
  const library = pathToFileURL(join(buildFolder, 'src/index.js')).href
  const program = `
    const { startEmulator } = await import(${JSON.stringify(library)})
    const emulator = await startEmulator({ path: ${JSON.stringify(folder)} })
    await emulator.invoke('hello')
    console.log(emulator.stateDirectory)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout, 'data')
  const state = String(line).trim()
  t.ok(existsSync(state))
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  const unknown = mkdtempSync(join(dirname(state), 'lambda-emu-state-'))
  t.teardown(() => rmSync(unknown, { recursive: true }))
  await start(t)
  t.notOk(existsSync(state))
  t.ok(existsSync(unknown), 'one that may be about to be used is left alone')
})

function ownFolders(): string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('lambda-emu-state-'))
}
