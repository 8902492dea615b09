// The state directory: who may see it, and how a dead daemon is told from a living one.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  claimDaemonFile,
  type DaemonFile,
  findDaemon,
  prepareStateDirectory,
  processStartTime,
  readDaemonFile,
  removeDaemonFile,
  stateDirectoryOf,
  stateRoot,
  writeDaemonFile,
} from '../../src/admin/daemon-file.js'

function folder(t: Test): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'lambda-emu-state-')))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function ownFile(project: string): DaemonFile {
  return {
    pid: process.pid,
    startTime: processStartTime(process.pid) ?? '',
    adminUrl: 'http://127.0.0.1:1',
    token: 'token',
    lambdaUrl: 'http://127.0.0.1:2',
    project,
  }
}

t.test('the state directory is below XDG_STATE_HOME, else below the home folder', async (t) => {
  t.equal(stateRoot({ XDG_STATE_HOME: '/state', HOME: '/home/me' }), '/state/lambda-emu')
  t.equal(stateRoot({ HOME: '/home/me' }), '/home/me/.local/state/lambda-emu')
  t.equal(
    stateRoot({ XDG_STATE_HOME: 'relative', HOME: '/home/me' }),
    '/home/me/.local/state/lambda-emu',
  )
  t.equal(
    stateDirectoryOf('/does/not/exist', { XDG_STATE_HOME: '/state' }),
    '/state/lambda-emu/c7fc017cc216714b',
  )
})

t.test('a folder and a link to it are one project', async (t) => {
  const root = folder(t)
  mkdirSync(join(root, 'real'))
  symlinkSync(join(root, 'real'), join(root, 'link'))
  const variables = { XDG_STATE_HOME: root }
  t.equal(
    stateDirectoryOf(join(root, 'link'), variables),
    stateDirectoryOf(join(root, 'real'), variables),
  )
})

t.test('a template and its folder are one project, found from the folders below too', async (t) => {
  const root = folder(t)
  const variables = { XDG_STATE_HOME: join(root, 'state') }
  mkdirSync(join(root, 'app/src'), { recursive: true })
  const template = join(root, 'app/template.yaml')
  writeFileSync(template, '')
  const directory = stateDirectoryOf(template, variables)
  t.equal(directory, stateDirectoryOf(join(root, 'app'), variables))
  prepareStateDirectory(directory)
  writeDaemonFile(directory, ownFile(template))
  const found = findDaemon({ workingFolder: join(root, 'app/src'), variables })
  t.equal(found.directory, directory)
})

t.test('only this user may read the directory and the file', async (t) => {
  const directory = join(folder(t), 'a/b')
  prepareStateDirectory(directory)
  writeDaemonFile(directory, ownFile('/project'))
  t.equal(statSync(directory).mode & 0o777, 0o700)
  t.equal(statSync(join(directory, 'daemon.json')).mode & 0o777, 0o600)
  t.same(readdirSync(directory), ['daemon.json'])
})

t.test('a directory that was open to others is closed', async (t) => {
  const directory = join(folder(t), 'open')
  mkdirSync(directory, { mode: 0o777 })
  prepareStateDirectory(directory)
  t.equal(statSync(directory).mode & 0o777, 0o700)
})

t.test('a state directory that is a file has a code of its own', async (t) => {
  const path = join(folder(t), 'file')
  writeFileSync(path, '')
  t.throws(() => prepareStateDirectory(path), { code: 'EMU_STATE_DIRECTORY', exitCode: 3 })
})

t.test('what was written is read back, and the writer is alive', async (t) => {
  const directory = folder(t)
  t.same(readDaemonFile(directory), { is: 'none' })
  const file = ownFile('/project')
  writeDaemonFile(directory, file)
  t.same(readDaemonFile(directory), { is: 'alive', file })
})

t.test('a daemon whose pid has been given to another process is dead', async (t) => {
  const directory = folder(t)
  const file = { ...ownFile('/project'), startTime: '1' }
  writeDaemonFile(directory, file)
  t.same(readDaemonFile(directory), { is: 'dead', file })
})

t.test('a daemon that was killed is dead, and its file may be replaced', async (t) => {
  const directory = folder(t)
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'])
  const pid = child.pid ?? 0
  const file = { ...ownFile('/project'), pid, startTime: processStartTime(pid) ?? '' }
  writeDaemonFile(directory, file)
  t.same(readDaemonFile(directory), { is: 'alive', file })
  t.throws(() => writeDaemonFile(directory, ownFile('/other')), {
    code: 'EMU_DAEMON_RUNNING',
    message: `a daemon (pid ${pid}) is already running for /project`,
  })
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.same(readDaemonFile(directory), { is: 'dead', file })
  writeDaemonFile(directory, ownFile('/other'))
  t.equal(readDaemonFile(directory).is, 'alive')
})

t.test('a file that no daemon wrote counts as none', async (t) => {
  const directory = folder(t)
  for (const text of ['', '{', '[]', 'null', '{"pid":"1"}', '{"pid":1,"startTime":"2"}']) {
    writeFileSync(join(directory, 'daemon.json'), text)
    t.same(readDaemonFile(directory), { is: 'none' }, text)
  }
})

t.test('a daemon removes its own file and nobody else’s', async (t) => {
  const directory = folder(t)
  writeDaemonFile(directory, ownFile('/project'))
  removeDaemonFile(directory, process.pid + 1)
  t.match(readFileSync(join(directory, 'daemon.json'), 'utf8'), /"token"/)
  removeDaemonFile(directory, process.pid)
  t.same(readdirSync(directory), [])
})

t.test(
  'a command finds the daemon of its folder, of a folder above, or of the only one below',
  async (t) => {
    const root = folder(t)
    const variables = { XDG_STATE_HOME: join(root, 'state') }
    for (const name of ['app/one/src', 'app/two', 'other']) {
      mkdirSync(join(root, name), { recursive: true })
    }
    const run = (name: string) => {
      const directory = stateDirectoryOf(join(root, name), variables)
      prepareStateDirectory(directory)
      writeDaemonFile(directory, ownFile(join(root, name)))
    }
    const find = (name: string) =>
      findDaemon({ workingFolder: join(root, name), variables }).file.project
    t.throws(() => find('other'), {
      code: 'EMU_DAEMON_NOT_RUNNING',
      message: `no daemon is running for ${root}/other`,
    })
    run('app/one')
    t.equal(find('app/one'), join(root, 'app/one'))
    t.equal(find('app/one/src'), join(root, 'app/one'))
    t.equal(find('app'), join(root, 'app/one'))
    t.throws(() => find('other'), {
      message: `no daemon is running for ${root}/other (there are ones for ${root}/app/one)`,
    })
    run('app/two')
    t.throws(() => find('app'), { code: 'EMU_DAEMON_NOT_RUNNING' })
    run('app')
    t.equal(find('app/one'), join(root, 'app/one'))
    t.equal(find('app'), join(root, 'app'))
  },
)

t.test('with --state-dir only that directory counts', async (t) => {
  const root = folder(t)
  writeDaemonFile(root, ownFile('/project'))
  const from = { workingFolder: tmpdir(), variables: { XDG_STATE_HOME: join(root, 'none') } }
  t.equal(findDaemon({ ...from, stateDirectory: root }).file.project, '/project')
  t.throws(() => findDaemon({ ...from, stateDirectory: join(root, 'empty') }), {
    code: 'EMU_DAEMON_NOT_RUNNING',
  })
})

t.test('of several daemons that claim one directory at once, exactly one wins', async (t) => {
  const directory = folder(t)
  const dead = { ...ownFile('/project'), pid: 2 ** 22 + 1, startTime: '1' }
  writeFileSync(join(directory, 'daemon.json'), JSON.stringify(dead))
  const module = new URL('../../src/admin/daemon-file.js', import.meta.url).href
  const claim = `
    const { claimDaemonFile, processStartTime } = await import(process.argv[1])
    process.stdin.once('data', () => {
      const { pid } = process
      const file = { pid, startTime: processStartTime(pid), adminUrl: '', token: '', lambdaUrl: '', project: '/project' }
      try { claimDaemonFile(process.argv[2], file); process.stdout.write('won ') }
      catch (error) { process.stdout.write(error.code + ' ') }
    })
    process.stdin.once('end', () => process.exit())
    process.stdout.write('ready ')`
  const children = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', claim, module, directory], {
      stdio: ['pipe', 'pipe', 'inherit'],
    }),
  )
  t.teardown(() => {
    for (const child of children) child.kill()
  })
  const said = children.map(() => '')
  const waiting = new Set<() => void>()
  for (const [index, child] of children.entries())
    child.stdout.on('data', (chunk: Buffer) => {
      said[index] += chunk.toString()
      for (const look of waiting) look()
    })
  const heard = (words: number): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (said.some((text) => text.split(' ').length <= words)) return
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })
  await heard(1)
  for (const child of children) child.stdin.write('go')
  await heard(2)
  const verdicts = said.map((text) => text.split(' ')[1])
  t.equal(verdicts.filter((verdict) => verdict === 'won').length, 1, verdicts.join(', '))
  t.equal(verdicts.filter((verdict) => verdict === 'EMU_DAEMON_RUNNING').length, 5)
  const winner = children[verdicts.indexOf('won')]
  t.match(readDaemonFile(directory), { is: 'alive', file: { pid: winner?.pid } })
  t.same(readdirSync(directory), ['daemon.json'], 'no other file is left')
})

t.test(
  'what killed daemons left half done is removed by the next one, what a living one writes is not',
  async (t) => {
    const directory = folder(t)
    const gone = spawnSync(process.execPath, ['-e', '0']).pid
    for (const pid of [gone, process.ppid])
      writeFileSync(join(directory, `daemon.json.${pid}`), '{')
    claimDaemonFile(directory, ownFile('/project'))
    t.same(readdirSync(directory).sort(), ['daemon.json', `daemon.json.${process.ppid}`])
  },
)

t.test('a claim that comes too late leaves nothing of its own', async (t) => {
  const directory = folder(t)
  const other = { ...ownFile('/project'), pid: process.ppid }
  const alive = { ...other, startTime: processStartTime(process.ppid) ?? '' }
  writeFileSync(join(directory, 'daemon.json'), JSON.stringify(alive))
  t.throws(() => claimDaemonFile(directory, ownFile('/project')), { code: 'EMU_DAEMON_RUNNING' })
  t.same(readdirSync(directory), ['daemon.json'])
})
