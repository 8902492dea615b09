// The spawner: what it starts runs as if the daemon had forked it, its ends are told on, and nothing outlives it.

import { closeSync, constants, openSync } from 'node:fs'
import t, { type Test } from 'tap'
import { isDead, readProcess } from '../../src/procfs/process.js'
import { findHelper } from '../../src/sandbox/helper.js'
import { createLogPipes } from '../../src/sandbox/log-pipe.js'
import { type Spawner, SpawnerFailure, startSpawner } from '../../src/sandbox/spawner.js'
import { keepSpawner } from '../../src/sandbox/spawner-keeper.js'
import { repositoryRoot } from '../support/paths.js'
import { kernelTimers, newToken, temporaryFolder, until } from './real-sandbox.js'

const helper = findHelper(repositoryRoot) ?? ''

interface Arranged {
  readonly spawner: Spawner
  readonly run: Run
  readonly text: () => string
  readonly output: number
}

async function arrange(t: Test): Promise<Arranged> {
  const spawner = await startSpawner({ helper })
  t.teardown(() => spawner.close())
  const pipes = createLogPipes({ stateDirectory: temporaryFolder(t), newToken, batch: 1 })
  const pipe = await pipes.open()
  t.teardown(async () => {
    pipe.close()
    await pipes.close()
  })
  let text = ''
  pipe.onData((bytes) => {
    text += bytes.toString('latin1')
  })
  const run: Run = (script, env = {}) =>
    spawner.start({
      words: ['--parent', String(spawner.pid), '--', '/bin/sh', '-c', script],
      env: { PATH: '/usr/bin:/bin', ...env },
      output: pipe.childFd,
      channel: false,
    })
  return { spawner, run, text: () => text, output: pipe.childFd }
}

type Run = (script: string, env?: Record<string, string>) => ReturnType<Spawner['start']>

t.test('a program has the given variables and no others, and its exit code is told', async (t) => {
  const { run, text } = await arrange(t)
  const started = await run('env | sort; exit 7', { WORD: 'one\ntwo = drei ü' })
  t.equal(await started.told, '', 'it runs')
  t.same(await started.exited, { code: 7, signal: null })
  await until('its output is read', () => text().includes('WORD='))
  t.equal(
    Buffer.from(text(), 'latin1').toString(),
    'PATH=/usr/bin:/bin\nPWD=/\nWORD=one\ntwo = drei ü\n',
  )
})

t.test('a program has its three standard descriptors and nothing else of anybody', async (t) => {
  const { run, text } = await arrange(t)
  const started = await run('ls -1 /proc/$$/fd; readlink /proc/$$/fd/0; echo >&2 end')
  await started.exited
  await until('its output is read', () => text().includes('end\n'))
  t.equal(text(), '0\n1\n2\n/dev/null\nend\n')
})

t.test('an end by a signal is told as one, also when it is asked for', async (t) => {
  const { run } = await arrange(t)
  t.same(await (await run('kill -TERM $$')).exited, { code: null, signal: 'SIGTERM' })
  const started = await run('exec sleep 1000')
  started.kill()
  t.same(await started.exited, { code: null, signal: 'SIGKILL' })
  started.kill()
})

t.test('what cannot be started says why', async (t) => {
  const { spawner, run } = await arrange(t)
  const parent = ['--parent', String(spawner.pid)]
  const output = openSync('/dev/null', 'w')
  t.teardown(() => closeSync(output))
  const started = await spawner.start({
    words: [...parent, '--', '/no/such'],
    env: {},
    channel: false,
    output,
  })
  t.match(await started.told, /^\/no\/such 2$/)
  t.equal((await started.exited).code, 125)
  t.same(await (await run('exit 0')).exited, { code: 0, signal: null }, 'and the next one runs')
  const nowhere = spawner.start({
    words: [...parent, '--', '/bin/true'],
    env: {},
    channel: false,
    output: 9999,
  })
  await t.rejects(nowhere, SpawnerFailure)
  await t.rejects(run('a\0b'), /NUL/)
})

t.test('a hundred programs at once are told apart', async (t) => {
  const { run } = await arrange(t)
  const codes = Array.from({ length: 100 }, (_, number) => number)
  const ended = await Promise.all(codes.map(async (code) => (await run(`exit ${code}`)).exited))
  t.same(
    ended.map(({ code }) => code),
    codes,
  )
})

t.test('a request of more bytes than a socket holds arrives whole', async (t) => {
  const { run, text } = await arrange(t)
  const more = Object.fromEntries(
    Array.from({ length: 20 }, (_, at) => [`V${at}`, 'x'.repeat(50_000)]),
  )
  const started = await run('env | wc -c', more)
  t.same(await started.exited, { code: 0, signal: null })
  await until('its output is read', () => text().endsWith('\n'))
  t.ok(Number(text()) > 1_000_000, text())
})

t.test(
  'a killed spawner takes along what it started, and whoever waits for that learns of it',
  async (t) => {
    const { spawner, run } = await arrange(t)
    const started = await run('exec sleep 1000')
    await started.told
    process.kill(spawner.pid, 'SIGKILL')
    t.same(await started.exited, { code: null, signal: 'SIGKILL' })
    await spawner.ended
    await until('nothing is left', () => isDead(readProcess(started.pid)))
    await t.rejects(run('exit 0'), SpawnerFailure)
  },
)

t.test(
  'ordinary signals to all of a service do not end the spawner before the daemon',
  async (t) => {
    const { spawner, run } = await arrange(t)
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const)
      process.kill(spawner.pid, signal)
    const started = await run('kill -HUP $$')
    t.same(
      await started.exited,
      { code: null, signal: 'SIGHUP' },
      'and are not ignored by programs',
    )
  },
)

t.test('what is no spawner is found out at the start', async (t) => {
  await t.rejects(startSpawner({ helper: '/bin/false' }), /ended with 1/)
  await t.rejects(startSpawner({ helper: '/no/such/helper' }), /ENOENT/)
  const keeper = await keepSpawner({
    helper: '/bin/false',
    timers: kernelTimers,
    readyWithinMs: 5_000,
  })
  t.equal(keeper.current, undefined)
  await keeper.close()
})

t.test('a spawner that is lost is replaced, a few times', async (t) => {
  const keeper = await keepSpawner({ helper, timers: kernelTimers, readyWithinMs: 5_000 })
  t.teardown(() => keeper.close())
  const seen = new Set<number>()
  for (let round = 1; round <= 3; round += 1) {
    await until('there is one', () => keeper.current !== undefined)
    const { pid } = keeper.current as Spawner
    seen.add(pid)
    process.kill(pid, 'SIGKILL')
    await until('it is known to be lost', () => keeper.current?.pid !== pid)
  }
  t.equal(seen.size, 3)
  t.equal(keeper.current, undefined)
})

t.test('a log pipe without a reader does not hold the spawner up', async (t) => {
  const { spawner, run } = await arrange(t)
  const folder = temporaryFolder(t)
  const pipes = createLogPipes({ stateDirectory: folder, newToken, batch: 1 })
  t.teardown(() => pipes.close())
  const pipe = await pipes.open()
  const path = `/proc/self/fd/${pipe.childFd}`
  const writer = openSync(path, constants.O_WRONLY)
  t.teardown(() => closeSync(writer))
  pipe.close()
  await t.rejects(
    spawner.start({ words: ['--', '/bin/true'], env: {}, channel: false, output: writer }),
    SpawnerFailure,
  )
  t.same(await (await run('exit 3')).exited, { code: 3, signal: null })
})

t.test('a channel reaches the program as descriptor 3, and its other end the daemon', async (t) => {
  const { spawner, text: written, output } = await arrange(t)
  const parent = ['--channel', '--parent', String(spawner.pid)]
  const script = 'ls -1 /proc/$$/fd; read -r word <&3; echo $word >&3'
  const asked = Array.from({ length: 20 }, async (_, number) => {
    const words = [...parent, '--', '/bin/sh', '-c', script]
    const started = await spawner.start({
      words,
      env: { PATH: '/usr/bin:/bin' },
      channel: true,
      output,
    })
    const { channel } = started
    if (channel === undefined) throw new Error('it was asked for')
    let text = ''
    channel.setEncoding('utf8')
    channel.on('data', (more: string) => {
      text += more
    })
    const closed = new Promise((resolve) => channel.once('close', resolve))
    channel.write(`word ${number}\n`)
    t.same(await started.exited, { code: 0, signal: null })
    await closed
    return text
  })
  const answers = await Promise.all(asked)
  t.same(
    answers,
    answers.map((_, number) => `word ${number}\n`),
  )
  const descriptors = '0\n1\n2\n3\n'.repeat(answers.length)
  await until('all is read', () => written().length >= descriptors.length)
  t.equal(written(), descriptors, 'and it has no other')
})
