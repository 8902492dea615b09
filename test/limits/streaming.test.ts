// Streams measured: how soon the first byte is with the client, and what 200 MB cost the daemon, over both ways to the Runtime API.

import { once } from 'node:events'
import { Agent } from 'node:http'
import t from 'tap'
import { inWords, residentPeakKb, stage } from '../e2e/streaming-stage.js'
import { nowMs } from '../support/daemon.js'

// Only against hanging.
t.setTimeout(300_000)

for (const channel of ['frames', 'http'] as const) {
  t.test(`over ${channel}`, async (t) => {
    const on = await stage(t, channel)
    await t.test('200 first bytes are there within 5 ms, and nearly all within 15', async (t) => {
      const agent = new Agent({ keepAlive: true })
      t.teardown(() => agent.destroy())
      const tookMs: number[] = []
      for (let n = 0; n < 220; n += 1) {
        const answer = await on.raw('node22', { stamp: true }, agent)
        const ended = once(answer, 'end')
        const [frame] = (await once(answer, 'data')) as [Buffer]
        const atMs = nowMs()
        // What the function has written follows a prelude of 12 bytes and the frame's headers.
        const written = frame.toString('latin1', 12 + frame.readUInt32BE(4))
        if (n >= 20) tookMs.push(atMs - Number.parseFloat(written))
        await ended
      }
      tookMs.sort((a, b) => a - b)
      t.equal(tookMs.length, 200)
      t.ok((tookMs[100] as number) <= 5, `half of them within ${tookMs[100]} ms`)
      t.ok((tookMs[190] as number) <= 15, `95 % of them within ${tookMs[190]} ms`)
    })

    await t.test(
      '200 MB go through in constant memory, and one byte more is the last',
      async (t) => {
        const limit = 209_715_200
        await on.read('node22', { bytes: 20_000_000 })
        const beforeKb = residentPeakKb(on.daemon.pid)
        const whole = await on.rest(await on.raw('node22', { bytes: limit }))
        t.equal(whole.payloadBytes, limit)
        t.same(whole.complete, {})
        const grownMb = (residentPeakKb(on.daemon.pid) - beforeKb) / 1024
        t.ok(grownMb <= 60, `the daemon grew by ${grownMb} MB`)
        const over = await on.rest(await on.raw('node22', { bytes: limit + 1_000_000 }))
        t.equal(over.payloadBytes, limit + 1)
        t.match(inWords(over.complete), {
          ErrorCode: 'Function.ResponseSizeTooLarge',
          details: { errorMessage: /\(209715200 bytes\)/ },
        })
      },
    )
  })
}
