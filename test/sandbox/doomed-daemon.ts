// A small daemon that a test kills: starts environments, freezes some, says so, and waits for its end.

import type { FreezerBackend } from '../../src/freezer/freezer.js'
import { createSandboxFactory } from '../../src/sandbox/factory.js'
import { createLogPipes } from '../../src/sandbox/log-pipe.js'
import { kernelTimers, newToken, plainWish } from './real-sandbox.js'

const [stateDirectory = '', freeze = 'v2', prefix = ''] = process.argv.slice(2)
const factory = await createSandboxFactory({
  stateDirectory,
  freeze: freeze as FreezerBackend,
  timers: kernelTimers,
  monotonicMs: () => performance.now(),
  variables: process.env,
})
const pipes = createLogPipes({ stateDirectory, newToken, batch: 3 })
const pipe = await pipes.open()

// A child of the session, one of another session, and one whose parent is gone.
const tree = `
import os, signal, time
signal.alarm(120)
if os.fork() == 0: os.setsid(); signal.alarm(120); time.sleep(1000)
if os.fork() == 0:
    if os.fork() == 0: os.setsid(); signal.alarm(120); time.sleep(1000)
    os._exit(0)
os.wait()
os.write(1, b'up\\n')
time.sleep(1000)`

const environments = ['running', 'frozen'].map(async (state) => {
  const logStreamName = `${prefix}-${state}`
  const sandbox = await factory.create(logStreamName, plainWish(logStreamName))
  return { state, logStreamName, sandbox }
})
let output = ''
pipe.onData((bytes) => {
  output += bytes.toString()
})
for (const { sandbox, logStreamName } of await Promise.all(environments)) {
  await sandbox.start({
    argv: ['python3', '-c', tree],
    cwd: '/',
    env: { PATH: '/usr/bin:/bin:/usr/local/bin', AWS_LAMBDA_LOG_STREAM_NAME: logStreamName },
    output: pipe.childFd,
  })
}
while (output !== 'up\nup\n') await kernelTimers.sleep(2)
for (const { state, sandbox } of await Promise.all(environments)) {
  if (state !== 'frozen') continue
  sandbox.freezer.freeze()
  while (sandbox.freezer.state() !== 'frozen') await kernelTimers.sleep(1)
}
process.stdout.write('ready\n')
setInterval(() => {}, 1000)
