// The escape probe's Node half: what needs no raw call, with Node's own means; a second opinion to app.py's.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'

const pids = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name))

function anyOf(tries) {
  const reasons = new Set()
  for (const attempt of tries) {
    try {
      const got = attempt()
      if (got) return got
    } catch (error) {
      reasons.add(error.code ?? error.message)
    }
  }
  throw new Error([...reasons].join('; ') || 'nothing there')
}

const attempts = {
  'daemon-variables': ({ canary }) =>
    anyOf(
      pids()
        .filter((pid) => Number(pid) !== process.pid)
        .map((pid) => () => readFileSync(`/proc/${pid}/environ`, 'latin1').includes(canary)),
    ),
  'home-credentials': ({ credentials, canary }) =>
    anyOf([() => readFileSync(credentials, 'utf8').includes(canary)]),
  shadow: () => anyOf([() => readFileSync('/etc/shadow', 'utf8')]),
  'state-directory': ({ stateDirectory }) =>
    anyOf([() => readFileSync(`${stateDirectory}/daemon.json`, 'utf8')]),
  'other-tmp': ({ otherTmp, canary }) =>
    anyOf(
      [`${otherTmp}/canary`, '/tmp/canary'].map(
        (path) => () => readFileSync(path, 'utf8').includes(canary),
      ),
    ),
  'write-outside': ({ hostFolder }) =>
    anyOf(
      [
        hostFolder,
        '/',
        '/home',
        '/root',
        '/var',
        '/var/run',
        '/usr',
        '/opt',
        '/dev/shm',
        '/etc',
        '/var/tmp',
      ].map((folder) => () => {
        if (folder !== hostFolder && hostFolder !== '' && readable(hostFolder))
          throw new Error('not tried')
        writeFileSync(`${folder}/.lambda-emu-probe`, '')
        return folder
      }),
    ),
  'write-code': () =>
    anyOf([
      () => {
        const path = `${process.env.LAMBDA_TASK_ROOT}/.lambda-emu-probe-${process.pid}`
        mkdirSync(path)
        return path
      },
    ]),
  'signal-others': ({ daemonPid, open }) =>
    anyOf([() => process.kill(daemonPid, open ? 0 : 'SIGKILL')]),
  'inherited-descriptors': ({ stateDirectory }) =>
    anyOf([
      () =>
        descriptors.find((link) => link.startsWith(stateDirectory) && !link.includes('/pipes/')),
    ]),
  'setuid-programs': ({ setuidProgram }) =>
    anyOf([() => spawnSync(setuidProgram, ['-u'], { encoding: 'utf8' }).stdout?.trim() === '0']),
  'other-runtime-api': async ({ foreignPorts }) => {
    const answers = []
    for (const port of foreignPorts)
      for (const host of ['127.0.0.1', '127.0.0.2', '::1', '::ffff:127.0.0.1', 'localhost'])
        answers.push(await ping(host, port, `127.0.0.1:${port}`))
    return anyOf(
      answers.map((answer) => () => {
        if (/^HTTP\/1.1 200/.test(answer)) return answer
        throw new Error(answer.split('\r\n')[0])
      }),
    )
  },
}

function readable(folder) {
  try {
    return readdirSync(folder) !== undefined
  } catch {
    return false
  }
}

function ping(host, port, name) {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port })
    let text = ''
    socket.on('error', (error) => resolve(error.code))
    socket.on('data', (bytes) => {
      text += bytes
    })
    socket.on('close', () => resolve(text))
    socket.end(`GET /ping HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`)
  })
}

const descriptors = readdirSync('/proc/self/fd').flatMap((fd) => {
  try {
    return [readlinkSync(`/proc/self/fd/${fd}`)]
  } catch {
    return []
  }
})

export async function handler(event) {
  const told = {}
  for (const [name, attempt] of Object.entries(attempts)) {
    try {
      told[name] = { verdict: 'allowed', how: `Node: ${String(await attempt(event)).slice(0, 60)}` }
    } catch (error) {
      told[name] = { verdict: 'refused', how: error.code ?? error.message }
    }
  }
  return told
}
