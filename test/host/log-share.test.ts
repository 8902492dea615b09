// The share of the daemon's time that output gets, with a clock that only the test moves.

import t from 'tap'
import { LogShare, type Pausable } from '../../src/host/log-share.js'

/** Time that passes only by work and by waiting for the next timer. */
function arrange() {
  let nowMs = 0
  const due: { readonly atMs: number; readonly run: () => void }[] = []
  const share = new LogShare({
    monotonicMs: () => nowMs,
    timers: {
      after(durationMs, run) {
        due.push({ atMs: nowMs + durationMs, run })
        return () => {}
      },
      sleep: async () => {},
    },
  })
  return {
    share,
    nowMs: () => nowMs,
    pass: (ms: number) => {
      nowMs += ms
    },
    /** False when nobody waits for anything. */
    next: () => {
      const timer = due.shift()
      if (timer === undefined) return false
      nowMs = Math.max(nowMs, timer.atMs)
      timer.run()
      return true
    },
  }
}

function reader(): Pausable & { paused: boolean; pieces: number } {
  return {
    paused: false,
    pieces: 0,
    pause() {
      this.paused = true
    },
    resume() {
      this.paused = false
    },
  }
}

t.test('whoever never stops writing gets a quarter of the time', async (t) => {
  const { share, pass, next, nowMs } = arrange()
  const writer = reader()
  let workedMs = 0
  while (nowMs() < 100_000) {
    if (writer.paused) t.equal(next(), true, 'it is resumed some time')
    else
      share.take(writer, () => {
        workedMs += 2
        pass(2)
      })
  }
  const part = workedMs / nowMs()
  t.ok(Math.abs(part - 0.25) < 0.01, `${part} of the time`)
})

t.test('what comes at once after a silence is read at once', async (t) => {
  const { share, pass } = arrange()
  const writer = reader()
  const burst = () => {
    let readMs = 0
    while (!writer.paused && readMs < 1_000) {
      share.take(writer, () => pass(1))
      readMs += 1
    }
    return readMs
  }
  const first = burst()
  t.ok(first >= 50 && first < 70, `${first} ms of it`)
  writer.resume()
  pass(1_000)
  t.equal(burst(), first, 'a second of silence saves up as much again, and no more')
})

t.test('who writes little never waits', async (t) => {
  const { share, pass } = arrange()
  const writer = reader()
  for (let line = 0; line < 1_000; line += 1) {
    share.take(writer, () => pass(1))
    t.equal(writer.paused, false)
    pass(4)
  }
})

t.test('many who never stop share what one would have', async (t) => {
  const { share, pass, next, nowMs } = arrange()
  const writers = Array.from({ length: 10 }, reader)
  let workedMs = 0
  while (nowMs() < 100_000) {
    const running = writers.filter(({ paused }) => !paused)
    if (running.length === 0) t.equal(next(), true, 'somebody is resumed some time')
    for (const writer of running)
      share.take(writer, () => {
        writer.pieces += 1
        workedMs += 2
        pass(2)
      })
  }
  const part = workedMs / nowMs()
  t.ok(Math.abs(part - 0.25) < 0.02, `${part} of the time`)
  const pieces = writers.map((writer) => writer.pieces)
  t.ok(Math.min(...pieces) > Math.max(...pieces) * 0.8, `each as much: ${pieces.join(' ')}`)
})
