// When a function's time is over: the answer comes at once, its processes are gone, and what it wrote is kept.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import t from 'tap'
import { createAdminClient } from '../../src/admin/client.js'
import { isDead, readProcess } from '../../src/procfs/process.js'
import { until } from '../support/daemon.js'
import { startWith, type WrittenFunction } from '../support/in-process.js'

const node = (code: string, more: Partial<WrittenFunction> = {}): WrittenFunction => ({
  files: { 'index.js': code },
  ...more,
})
const python = (code: string, more: Partial<WrittenFunction> = {}): WrittenFunction => ({
  runtime: 'python3.12',
  files: { 'app.py': code },
  ...more,
})

/** How long a request takes that a server in a process of its own answers by a timer, on this machine and now. */
async function bareAnswerMs(timerMs: number): Promise<number> {
  const program = `require('node:http')
    .createServer((_, response) => setTimeout(() => response.end(), ${timerMs}))
    .listen(0, '127.0.0.1', function () { console.log(this.address().port) })`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const [port] = (await once(child.stdout, 'data')) as [Buffer]
    const startedAtMs = performance.now()
    const [response] = await once(get(`http://127.0.0.1:${Number(port)}`), 'response')
    await once(response.resume(), 'end')
    return performance.now() - startedAtMs
  } finally {
    child.kill()
  }
}

t.test(
  'a timeout is answered in time, kills the tree, keeps /tmp, and the next invoke works',
  async (t) => {
    const slow = `
    const fs = require('fs'), os = require('os'), path = require('path')
    const file = path.join(os.tmpdir(), 'note')
    let number = 0
    exports.handler = async (event) => {
      if (event.hang) { const child = require('child_process').spawn('sleep', ['600'], { detached: true, stdio: 'ignore' }); child.unref(); await new Promise(() => setInterval(() => {}, 1000)) }
      if (event.write) { fs.writeFileSync(file, event.write); number = 42 }
      return { note: fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : null, number }
    }`
    const emu = await startWith(t, { slow: node(slow, { timeoutSeconds: 3 }) })
    const first = JSON.parse((await emu.invoke('slow', { write: 'kept' })).text)
    t.match(first, { note: 'kept', number: 42 })
    const killed = new Promise<number>((resolve) => {
      emu.emulator.onJournal((record) => {
        if (record.kind === 'environment.phase' && record.to === 'dormant')
          resolve(performance.now())
      })
    })
    const hanging = emu.invoke('slow', { hang: true }, { tail: true })
    const reference = bareAnswerMs(3_000)
    const admin = createAdminClient({
      adminUrl: emu.emulator.adminUrl,
      token: emu.emulator.adminToken,
    })
    const pids = async () => (await admin.environments()).flatMap((each) => each.pids)
    await until('the runtime and its child run', async () => (await pids()).length === 2)
    const before = await pids()
    const timedOut = await hanging
    const tookMs = timedOut.endedAtMs - timedOut.startedAtMs
    const referenceMs = await reference
    const figures = `answered after ${tookMs.toFixed(1)} ms, a bare server after ${referenceMs.toFixed(1)} ms`
    t.ok(tookMs >= 3_000 && tookMs <= Math.max(3_000, referenceMs) + 100, figures)
    const killedMs = (await killed) - timedOut.startedAtMs
    t.ok(killedMs <= Math.max(3_000, referenceMs) + 100, 'killed within 100 ms of the timeout')
    t.equal(timedOut.status, 200)
    t.equal(timedOut.functionError, 'Unhandled')
    t.same(JSON.parse(timedOut.text), {
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${timedOut.requestId} Error: Task timed out after 3.00 seconds`,
    })
    t.match(timedOut.tail, /REPORT .*Billed Duration: 30\d\d ms.*\tStatus: timeout\t\n$/)
    const after = JSON.parse((await emu.invoke('slow', {})).text)
    t.match(after, { note: 'kept', number: 0 }, '/tmp is kept, memory is not')
    const alive = before.filter((pid) => !isDead(readProcess(pid)))
    t.same(alive, [], 'the old process is gone, and what it had started in a session of its own')
  },
)

t.test('a Python function is timed out too, in its own sleep', async (t) => {
  const emu = await startWith(t, {
    slow: python('import time\ndef handler(e, c):\n    time.sleep(60)\n', { timeoutSeconds: 1 }),
  })
  const invoked = await emu.invoke('slow', {}, { tail: true })
  const { text, tail, requestId, startedAtMs, endedAtMs } = invoked
  t.match(JSON.parse(text), {
    errorType: 'Sandbox.Timedout',
    errorMessage: `RequestId: ${requestId} Error: Task timed out after 1.00 seconds`,
  })
  // The limit begins when the environment is initialized.
  const initMs = Number(/Init Duration: ([\d.]+) ms/.exec(tail)?.[1])
  t.ok(endedAtMs - startedAtMs - initMs < 3_000, `after an init of ${initMs} ms`)
})
