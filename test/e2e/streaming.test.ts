// InvokeWithResponseStream over both ways to the Runtime API, read by the real SDK: what comes, when it comes, and how it ends.

import t from 'tap'
import { inWords, stage } from './streaming-stage.js'

// Only against hanging.
t.setTimeout(300_000)

const truncated = (exit: string) => ({
  ErrorCode: 'Runtime.TruncatedResponse',
  details: { errorType: 'Runtime.ExitError', errorMessage: new RegExp(`Error: ${exit}$`) },
})

for (const channel of ['frames', 'http'] as const) {
  t.test(`over ${channel}`, async (t) => {
    const on = await stage(t, channel)
    await t.test('what is written comes piece by piece, and InvokeComplete last', async (t) => {
      for (const name of ['node22', 'node24']) {
        const { answer, text, chunks, complete } = await on.read(name, { pieces: ['one ', 'two'] })
        t.equal(answer.StatusCode, 200)
        t.equal(answer.ExecutedVersion, '$LATEST')
        t.equal(answer.ResponseStreamContentType, 'application/vnd.amazon.eventstream')
        t.equal(text, 'one two')
        t.ok(chunks.length >= 1)
        t.same(complete, {})
        const tail = await on.read(name, { pieces: ['x'] }, { LogType: 'Tail' })
        const { LogResult, ...rest } = tail.complete as { LogResult: string }
        t.same(rest, {})
        t.match(
          Buffer.from(LogResult, 'base64').toString(),
          /^START .*written to the end\n.*REPORT /s,
        )
        t.same(await on.read(name, {}).then(({ text, complete }) => [text, complete]), ['', {}])
      }
      const raw = await on.raw('node22', { pieces: ['{}'], contentType: 'text/x' })
      t.equal(raw.headers['content-type'], 'application/vnd.amazon.eventstream')
      t.equal(raw.headers['x-amzn-remapped-content-type'], 'text/x')
      t.equal(raw.headers['x-amz-executed-version'], '$LATEST')
      raw.resume()
    })

    await t.test('the first byte is there before the function goes on', async (t) => {
      for (const name of ['node22', 'node24']) {
        const event = { pieces: ['first'], wait: 'after', gate: on.gate.url }
        const stream = await on.begin(name, event)
        const events = stream.EventStream?.[Symbol.asyncIterator]()
        const first = await events?.next()
        t.equal(Buffer.from(first?.value.PayloadChunk.Payload).toString(), 'first')
        await on.gate.arrived()
        on.gate.open()
        t.same((await events?.next())?.value, { InvokeComplete: {} })
      }
    })

    await t.test("an error after the first byte is InvokeComplete's", async (t) => {
      await on.afresh()
      for (const name of ['node22', 'node24']) {
        const { text, complete } = await on.read(name, { pieces: ['so far'], last: 'throw' })
        t.equal(text, 'so far')
        t.match(inWords(complete), {
          ErrorCode: 'TypeError',
          details: { errorType: 'TypeError', errorMessage: 'after the first byte' },
        })
        const before = await on.read(name, { last: 'throw-before' })
        t.equal(before.text, '')
        t.match(inWords(before.complete), {
          ErrorCode: 'TypeError',
          details: { errorMessage: 'before the first byte' },
        })
        t.same((await on.read(name, { pieces: ['next'] })).complete, {}, 'the next one is served')
      }
      const ended = await on.ended(6)
      t.same(
        ended.map((record) => record.status),
        ['error', 'error', 'ok', 'error', 'error', 'ok'],
      )
      t.match(ended[0], { errorType: 'TypeError', errorMessage: 'after the first byte' })
    })

    await t.test('a process that ends in the middle truncates the response', async (t) => {
      for (const name of ['node22', 'node24']) {
        const exited = await on.read(name, { pieces: ['half'], last: 'exit' })
        t.equal(exited.text, 'half')
        t.match(inWords(exited.complete), truncated('Runtime exited with error: exit status 3'))
        const killed = await on.read(name, { pieces: ['half'], last: 'kill' }, { LogType: 'Tail' })
        t.equal(killed.text, 'half')
        const { LogResult, ...rest } = killed.complete as { LogResult: string }
        t.match(inWords(rest), truncated('Runtime exited with error: signal: killed'))
        const log = Buffer.from(LogResult, 'base64').toString()
        t.match(log, /REPORT .*Status: error\tError Type: Runtime.ExitError\t\n$/)
        t.equal((await on.read(name, { pieces: ['again'] })).text, 'again')
      }
    })

    await t.test('a timeout in the middle ends the response', async (t) => {
      const { text, complete } = await on.read('short', { pieces: ['half'], last: 'hang' })
      t.equal(text, 'half')
      t.match(inWords(complete), {
        ErrorCode: 'Sandbox.Timedout',
        details: { errorMessage: /Task timed out after 1.00 seconds$/ },
      })
      const before = await on.read('short', { wait: 'before', gate: on.gate.url })
      t.match(JSON.parse(before.text), { errorType: 'Sandbox.Timedout' })
      t.match(inWords(before.complete), {
        ErrorCode: 'Unhandled',
        details: { errorMessage: /Task timed out after 1.00 seconds$/ },
      })
      t.equal((await on.read('short', { pieces: ['again'] })).text, 'again')
    })

    await t.test('a function that does not stream answers in one chunk', async (t) => {
      for (const name of ['plain', 'python']) {
        const { text, chunks, complete } = await on.read(name, {})
        t.same(JSON.parse(text), { [name]: true })
        t.equal(chunks.length, 1)
        t.same(complete, {})
      }
      const failed = await on.read('plain', { last: 'throw' })
      t.match(JSON.parse(failed.text), { errorType: 'TypeError', errorMessage: 'no stream at all' })
      t.match(inWords(failed.complete), {
        ErrorCode: 'Unhandled',
        details: { errorType: 'TypeError', errorMessage: 'no stream at all' },
      })
      t.equal(
        (await on.raw('plain', {})).headers['x-amzn-remapped-content-type'],
        'application/json',
      )
      const gathered = await on.daemon.invoke('node22', { pieces: ['{"a"', ':1}'] })
      t.same(gathered.body, { a: 1 }, 'one that streams is gathered for Invoke')
    })

    await t.test('who does not read holds up the function, and nothing is lost', async (t) => {
      await on.afresh()
      const bytes = 50_000_000
      const raw = await on.raw('node22', { bytes })
      raw.pause()
      const blocked = await on.logged(/blocked at (\d+)/)
      t.ok(Number(blocked[1]) < 16_000_000, `it waits after ${blocked[1]} bytes`)
      t.equal((await on.rest(raw)).payloadBytes, bytes)
      await on.logged(/written to the end/)
    })

    await t.test('who leaves does not stop the function', async (t) => {
      await on.afresh()
      const raw = await on.raw('node22', {
        pieces: ['first'],
        wait: 'after',
        gate: on.gate.url,
        bytes: 5_000_000,
      })
      raw.destroy()
      await on.gate.arrived()
      on.gate.open()
      await on.logged(/written to the end/)
      const leaving = on.abandon('node22', { wait: 'before', gate: on.gate.url, bytes: 5_000_000 })
      await on.gate.arrived()
      await leaving()
      on.gate.open()
      await on.logged(/written to the end/, 2)
      t.equal((await on.read('node22', { pieces: ['next'] })).text, 'next')
      const ended = await on.ended(3)
      t.same(new Set(ended.map(({ env }) => env)).size, 1, 'one environment served all')
      t.same(
        ended.map(({ status }) => status),
        ['ok', 'ok', 'ok'],
      )
    })
    await t.test('requests that cannot run get ordinary errors', async (t) => {
      await on.afresh()
      await t.rejects(on.read('missing', {}), { name: 'ResourceNotFoundException' })
      await t.rejects(on.begin('node22', {}, { Payload: Buffer.from('{') }), {
        name: 'InvalidRequestContentException',
      })
      const dry = await on.begin('node22', {}, { InvocationType: 'DryRun' })
      t.equal(dry.StatusCode, 204)
      t.same(await on.ended(0), [])
    })

    await t.test(
      'a client that does not read does not keep the emulator from stopping',
      async (t) => {
        await on.afresh()
        const raw = await on.raw('node22', { bytes: 50_000_000 })
        raw.on('error', () => {})
        await on.logged(/blocked at/)
        t.equal(await on.daemon.stop(), 0)
      },
    )
  })
}
