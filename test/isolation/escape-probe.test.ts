// The escape probe: one function that tries everything to get out, at every level, and the table of what it was refused.

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { emulatorPorts } from '../../src/http/port-range.js'
import {
  canary,
  copyCode,
  describeFunctions,
  type HomeOfUser,
  homeOfUser,
  type Level,
  levels,
  listenAbstract,
  listeningPorts,
  listenOn,
  type Started,
  startAt,
} from './levels.js'
import { attempts, checkDocument, type Outcome, type Told, tableOf } from './verdicts.js'

// Sixty thousand connections at each level, and more: some 20 s each on a quiet machine.
t.setTimeout(600_000)
const told: Told = {}

for (const level of levels) {
  t.test(`at the level "${level.title}" every attempt ends as the table says`, async (t) => {
    const arranged = await arrange(t, level)
    const found = await probe(arranged)
    told[level.name] = found
    for (const { id, expected } of attempts) {
      const outcome = found[id]
      t.equal(outcome?.verdict, expected(level.name), `${id}: ${outcome?.how}`)
    }
    await arranged.daemon.invoke('neighbour', { do: 'echo' })
  })
}

t.test('the table of verdicts is the one in docs/isolation.md', async (t) => {
  const table = tableOf(told)
  process.stdout.write(`${table.replace(/^/gm, '# ')}\n`)
  t.ok(checkDocument(table), 'LAMBDA_EMU_WRITE_DOCS=1 writes it there')
})

interface Arranged {
  readonly level: Level
  readonly home: HomeOfUser
  readonly daemon: Started
  /** What the probing functions are told. */
  readonly event: Readonly<Record<string, unknown>> & { readonly hostFolder: string }
}

/** A daemon whose user has secrets, a neighbour with a secret, and only then the function that probes. */
async function arrange(t: Test, level: Level): Promise<Arranged> {
  const home = await homeOfUser(t, level.userId)
  const hostFolder = mkdtempSync(join(home.folder, 'kept-'))
  writeFileSync(join(hostFolder, 'kept'), canary)
  const runFolder = mkdtempSync('/run/lambda-emu-isolation-')
  t.teardown(() => rmSync(runFolder, { recursive: true, force: true }))
  chmodSync(runFolder, 0o755)
  const hostSocket = join(runFolder, 'docker.sock')
  await listenOn(t, hostSocket)
  await listenAbstract(t, `${canary}-${level.name}-host`)
  writeFunctions(home, level)
  const daemon = await startAt(t, { home, level })
  const abstractName = `${canary}-${level.name}-neighbour`
  await daemon.invoke('neighbour', { do: 'begin', canary, abstractName })
  const [neighbour] = await daemon.admin.environments()
  const { lambdaUrl, adminUrl } = daemon
  const apart = [lambdaUrl, adminUrl].map((url) => Number(new URL(url).port))
  const event = {
    canary,
    open: level.name === 'none',
    daemonPid: daemon.pid,
    otherPid: neighbour?.pids.at(-1),
    otherFunction: 'neighbour',
    otherTmp: neighbour?.tmpFolder,
    credentials: home.credentials,
    agentSocket: home.agentSocket,
    stateDirectory: home.stateDirectory,
    hostSocket,
    hostFolder,
    abstractNames: [`${canary}-${level.name}-host`, abstractName],
    foreignPorts: listeningPorts(daemon.pid).filter((port) => !apart.includes(port)),
    adminPort: apart[1],
    ports: [emulatorPorts.first, emulatorPorts.last],
    setuidProgram: join(level.name === 'none' ? `${home.project}/probe` : '/var/task', 'id'),
  }
  return { level, home, daemon, event }
}

function writeFunctions(home: HomeOfUser, { userId }: Level): void {
  copyCode(
    join(home.project, 'probe'),
    ['app.py', 'belongings.py', 'network.py', 'raw.py', 'walls.py', 'index.mjs'].map(
      (name) => `probe/${name}`,
    ),
  )
  copyCode(join(home.project, 'neighbour'), ['neighbour/app.py'])
  const python = { runtime: 'python3.12', handler: 'app.handler', code: './probe' }
  const node = { runtime: 'nodejs22.x', handler: 'index.handler', code: './probe' }
  const functions = {
    neighbour: { ...python, code: './neighbour', timeoutSeconds: 3 },
    'probe-python': { ...python, timeoutSeconds: 300 },
    'probe-node': { ...node, timeoutSeconds: 60 },
  }
  describeFunctions(home, functions, userId)
  const program = join(home.project, 'probe/id')
  copyFileSync('/usr/bin/id', program)
  chmodSync(program, 0o4755)
}

async function probe({ level, daemon, event, home }: Arranged): Promise<Record<string, Outcome>> {
  const python = await daemon.invoke('probe-python', { ...event, do: 'probe' })
  const found = { ...(python as Record<string, Outcome>) }
  found['loopback-scan'] = scanned(daemon, found['loopback-scan'])
  const node = await daemon.invoke('probe-node', event)
  for (const [id, outcome] of Object.entries(node as Record<string, Outcome>)) {
    if (outcome.verdict !== 'refused' && found[id]?.verdict === 'refused') found[id] = outcome
  }
  const everybody = { ...event, do: 'kill-everybody' }
  found['kill-everybody'] = (await daemon.invoke('probe-python', everybody)) as Outcome
  found['stay-alive'] = await stayAlive({ level, daemon, event, home })
  found['spoil-tmp'] = await spoilTmp({ level, daemon, event, home })
  return found
}

/** Of this emulator only its own Runtime API may answer; other emulators of this machine may be less closed. */
function scanned({ pid }: Started, outcome: Outcome | undefined): Outcome {
  if (outcome?.verdict !== 'allowed') return { verdict: 'broken', how: `${outcome?.how}` }
  const own = listeningPorts(pid)
  const answering = (JSON.parse(outcome.how) as number[]).filter((port) => own.includes(port))
  const verdict = answering.length === 1 ? 'refused' : answering.length > 1 ? 'allowed' : 'broken'
  return { verdict, how: `${answering.length} answer, its own among them` }
}

/** Processes that want to outlive their environment are gone when it has ended. */
async function stayAlive({ daemon, event, level }: Arranged): Promise<Outcome> {
  const marker = `${canary}-${level.name}-marker`
  await daemon.invoke('probe-python', { ...event, do: 'outlive', marker })
  const before = await firstOf(() => marked(marker))
  if (before.length === 0) return { verdict: 'broken', how: 'nothing was started' }
  await expireAll(daemon, 'probe-python')
  const left = marked(marker)
  if (left.length > 0) return { verdict: 'allowed', how: `${left.length} processes live` }
  return { verdict: 'refused', how: 'no process of it is left' }
}

/** Live processes whose command line holds the text. */
function marked(marker: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      if (!/^\d+$/.test(pid) || /^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')))
        return false
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(marker)
    } catch {
      // It ended meanwhile.
      return false
    }
  })
}

/** What makes a folder hard to take away is taken away, and nothing that a link of it points to. */
async function spoilTmp({ daemon, event, level }: Arranged): Promise<Outcome> {
  await daemon.invoke('probe-python', { ...event, do: 'echo' }).catch(() => {})
  const own = (await daemon.admin.environments()).filter(
    ({ functionName }) => functionName === 'probe-python',
  )
  const tmp = own[0]?.tmpFolder
  if (tmp === undefined || own.length !== 1) return { verdict: 'broken', how: 'it has no /tmp' }
  const inside = level.name === 'none' ? tmp : '/tmp'
  await daemon.invoke('probe-python', { ...event, do: 'spoil', tmp: inside })
  await expireAll(daemon, 'probe-python')
  if (existsSync(tmp)) return { verdict: 'allowed', how: `${tmp} is still there` }
  const kept = readFileSync(join(event.hostFolder, 'kept'), 'utf8') === canary
  if (!kept) return { verdict: 'allowed', how: 'a link was followed' }
  return { verdict: 'refused', how: 'its /tmp is gone, and nothing else' }
}

async function expireAll(daemon: Started, functionName: string): Promise<void> {
  const isOwn = (each: { readonly functionName: string }) => each.functionName === functionName
  for (const { id } of (await daemon.admin.environments()).filter(isOwn))
    await daemon.admin.act('expire', id)
  await firstOf(async () => {
    const left = (await daemon.admin.environments()).filter(isOwn)
    return left.length === 0 ? ['gone'] : []
  })
}

/** Waits for something that another process decides; an empty list after 20 s. */
async function firstOf<Item>(look: () => Item[] | Promise<Item[]>): Promise<Item[]> {
  const untilMs = performance.now() + 20_000
  for (;;) {
    const found = await look()
    if (found.length > 0 || performance.now() > untilMs) return found
    await sleep(10)
  }
}
