// What a kept connection meets after a thaw when its peer hung up in the freeze: every client, either ending, every order of
// thaw and event. Real freezes, real sockets. A cell with one outcome is certain; of the others the counts are told, and
// docs/freezing.md has them: LAMBDA_EMU_ROUNDS=50 node scripts/run-tests.js thaw-connections

import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { until } from '../support/daemon.js'
import { type RunningEmulator, startWith, type WrittenFunction } from '../support/in-process.js'
import { atRest } from './at-rest.js'
import {
  type ClientEnd,
  closeWait,
  type Ending,
  holds,
  type KeepAliveServer,
  keepAliveServer,
} from './keep-alive-server.js'

// Only against hanging.
t.setTimeout(110_000)

/** How often each cell is tried. */
const rounds = Number(process.env.LAMBDA_EMU_ROUNDS ?? 5)

const nodeClients = `
const http = require('node:http'), net = require('node:net')
const agent = new http.Agent({ keepAlive: true })
const body = { GET: undefined, POST: 'body' }

const byAgent = ({ port, method }, signal) => new Promise((resolve) => {
  const request = http.request({ host: '127.0.0.1', port, agent, method, signal })
  request.on('error', ({ code, message }) => resolve(code + ' ' + message + (request.reusedSocket ? ', reused' : '')))
  request.on('response', (answer) => {
    let text = ''
    answer.setEncoding('latin1').on('data', (piece) => { text += piece }).on('end', () => resolve(Number(text)))
  })
  request.end(body[method])
})

const byFetch = async ({ port, method }, signal) => {
  try {
    const answer = await fetch('http://127.0.0.1:' + port, { method, body: body[method], signal })
    return Number(await answer.text())
  } catch ({ message, cause }) {
    return message + ': ' + cause?.code + ' ' + cause?.message
  }
}

let kept
const byHand = ({ port }) => new Promise((resolve) => {
  if (kept === undefined) {
    kept = { socket: net.connect(port, '127.0.0.1') }
    const mine = kept
    mine.socket.on('error', ({ code }) => { mine.failure = code })
  }
  const { socket, failure } = kept
  const end = (outcome) => {
    socket.destroy()
    kept = undefined
    resolve(outcome)
  }
  if (failure !== undefined) return end('event ' + failure)
  const answered = (data) => {
    socket.off('close', closed)
    resolve(Number(String(data).split('\\r\\n\\r\\n')[1]))
  }
  const closed = () => end('closed')
  socket.once('data', answered).once('close', closed)
  socket.write('GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n', (error) => {
    if (error) end(error.code + ' ' + error.message)
  })
})

// Its code runs on after the answer, and in the very turn that the event came in: the freeze comes before it has asked the kernel again
// what is new, which then tells of the next event before it tells of the connection's end.
const busy = async () => {
  const goOn = async () => {
    for (let turn = 0; turn < 50; turn += 1) await undefined
    setImmediate(() => { for (const endMs = Date.now() + 100; Date.now() < endMs; ); })
  }
  goOn()
}
// What reads a connection of the pool while nobody uses it.
const reader = () => Object.values(agent.freeSockets)[0][0]._handle.onread.name

const clients = { byAgent, byFetch, byHand, busy, reader }
exports.handler = async (event) => {
  const stop = new AbortController()
  let timer
  const late = new Promise((resolve) => { timer = setTimeout(resolve, 3000, 'hung') })
  const outcome = await Promise.race([clients[event.client](event, stop.signal), late])
  clearTimeout(timer)
  if (outcome === 'hung') stop.abort()
  return outcome
}
`

const pythonClients = `
import http.client, socket
connection = None

def by_client(port):
    global connection
    connection = connection or http.client.HTTPConnection('127.0.0.1', port, timeout=3)
    try:
        connection.request('GET', '/')
        return int(connection.getresponse().read())
    except Exception as error:
        connection = None
        return type(error).__name__

def by_hand(port):
    global connection
    connection = connection or socket.create_connection(('127.0.0.1', port), timeout=3)
    told = []
    for attempt in range(2):
        try:
            connection.sendall(b'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')
            told.append('sent')
            read = connection.recv(1000)
            if read:
                return int(read.split(b'\\r\\n\\r\\n')[1])
            told.append('end')
        except OSError as error:
            told.append(type(error).__name__)
    connection.close()
    connection = None
    return ', '.join(told)

def handler(event, context):
    return globals()[event['client']](event['port'])
`

const node = { files: { 'index.js': nodeClients } }
const node24 = { ...node, runtime: 'nodejs24.x' }
const python = { files: { 'app.py': pythonClients }, runtime: 'python3.12' }

/**
 * When the event comes. `queued`: before the thaw, as always. `busy`: the same, and the freeze came while code ran on after an answer.
 * `after N ms`: that long after a thaw by hand. `noticed`: after such a thaw, once the client has closed its end.
 * `running`: the same, and the peer hung up when it ran already.
 */
const orders = {
  queued: 'queued',
  busy: 'racing',
  'after 0 ms': 'racing',
  'after 1 ms': 'racing',
  'after 5 ms': 'racing',
  noticed: 'seen',
  running: 'seen',
} as const
type Order = keyof typeof orders

/** All that may come out of an ending. */
type Outcomes = Readonly<Record<(typeof orders)[Order], readonly string[]>>

interface Client {
  readonly name: string
  readonly made: WrittenFunction
  readonly event: { readonly client: string; readonly method?: 'GET' | 'POST' }
  /** It looks after its connections between requests, so that it notices what happens to them. */
  readonly looks: boolean
  readonly outcomes: Readonly<Record<Ending, Outcomes>>
}

const always = (outcome: string): Outcomes => ({
  queued: [outcome],
  racing: [outcome],
  seen: [outcome],
})
/** It never fails where there was time to notice. */
const unless = (...failures: readonly string[]): Outcomes => ({
  queued: ['ok', ...failures],
  racing: ['ok', ...failures],
  seen: ['ok'],
})

const hungUp = 'ECONNRESET socket hang up, reused'
const agentReset = ['ECONNRESET write ECONNRESET, reused', 'ECONNRESET read ECONNRESET, reused']
const agentOutcomes = {
  // The pool takes a connection out when it is closed, which is some turns after its end was read.
  FIN: { queued: [hungUp], racing: ['ok', hungUp], seen: ['ok'] },
  RST: unless(hungUp, ...agentReset),
}
const guardedOutcomes = { FIN: unless(hungUp), RST: unless(hungUp, ...agentReset) }
const fetchOutcomes = {
  FIN: unless('hung', 'fetch failed: UND_ERR_SOCKET other side closed'),
  RST: unless(
    'fetch failed: ECONNRESET read ECONNRESET',
    'fetch failed: ECONNRESET write ECONNRESET',
  ),
}
const ended = 'EPIPE This socket has been ended by the other party'
const rawOutcomes = {
  FIN: { queued: [ended, 'closed'], racing: [ended, 'closed'], seen: [ended] },
  RST: {
    queued: ['event ECONNRESET', 'ECONNRESET write ECONNRESET'],
    racing: ['event ECONNRESET', 'ECONNRESET write ECONNRESET'],
    seen: ['event ECONNRESET'],
  },
}

/** @param guarded the http.Agent of this Node destroys what it reads anything from while nobody uses it. */
function clientsOf(guarded: boolean): readonly Client[] {
  const agent = { looks: true, outcomes: guarded ? guardedOutcomes : agentOutcomes }
  const fetched = { looks: true, made: node, outcomes: fetchOutcomes }
  return [
    { name: 'agentGet', made: node, event: { client: 'byAgent', method: 'GET' }, ...agent },
    { name: 'agentPost', made: node, event: { client: 'byAgent', method: 'POST' }, ...agent },
    { name: 'agentGet24', made: node24, event: { client: 'byAgent', method: 'GET' }, ...agent },
    { name: 'fetchGet', event: { client: 'byFetch', method: 'GET' }, ...fetched },
    { name: 'fetchPost', event: { client: 'byFetch', method: 'POST' }, ...fetched },
    {
      name: 'nodeRaw',
      made: node,
      event: { client: 'byHand' },
      looks: true,
      outcomes: rawOutcomes,
    },
    {
      name: 'pythonHttp',
      made: python,
      event: { client: 'by_client' },
      looks: false,
      outcomes: { FIN: always('RemoteDisconnected'), RST: always('ConnectionResetError') },
    },
    {
      name: 'pythonRaw',
      made: python,
      event: { client: 'by_hand' },
      looks: false,
      outcomes: {
        FIN: always('sent, end, BrokenPipeError'),
        RST: always('ConnectionResetError, BrokenPipeError'),
      },
    },
  ]
}

interface Cell {
  readonly ending: Ending
  readonly order: Order
}

/** One round of a cell: what the request after the end gave. */
async function outcomeOf(
  emu: RunningEmulator,
  { name, event, looks }: Client,
  { port, hangUp }: KeepAliveServer,
  { ending, order }: Cell,
): Promise<string> {
  const { emulator } = emu
  const ask = async () => (await emulator.invoke(name, { ...event, port })).payload
  const first = await ask()
  const second = await ask()
  if (typeof first !== 'number' || second !== first + 1)
    throw new Error(`${name} keeps no connection: ${first}, ${second}`)
  if (order === 'busy') await emulator.invoke(name, { client: 'busy' })
  const { id, pids } = await atRest(emu, name)
  if (order === 'running') await emulator.thaw(id)
  const ends = await hangUp(ending)
  if (order !== 'running') {
    const state = ending === 'FIN' ? closeWait : undefined
    if (ends.some((end) => end.state !== state) || ends.length !== 1)
      throw new Error(`${name} did not stand still: ${JSON.stringify(ends)}`)
    if (order !== 'queued' && order !== 'busy') await emulator.thaw(id)
  }
  if (order.startsWith('after')) await sleep(Number(order.split(' ')[1]))
  if (orders[order] === 'seen' && looks) await noticed(pids, ends)
  const outcome = await ask()
  if (outcome === second + 1) throw new Error(`${name} used a connection that had ended`)
  return outcome === 1 ? 'ok' : `${outcome}`
}

async function noticed(pids: readonly number[], ends: readonly ClientEnd[]): Promise<void> {
  await until('the client closes its end', () => !ends.some((end) => holds(pids, end)))
}

/** The cells that say something of it: a client that does not look can be neither busy with it nor notice. */
function cellsOf({ looks }: Client): readonly Cell[] {
  const told = (Object.keys(orders) as Order[]).filter(
    (order) => looks || !['busy', 'noticed'].includes(order),
  )
  return (['FIN', 'RST'] as const).flatMap((ending) => told.map((order) => ({ ending, order })))
}

/** How this Node's http.Agent reads what nobody uses. Source: `freeSocketOnReadGuard` in its lib/_http_agent.js. */
async function isGuarded(t: Test): Promise<boolean> {
  const { port } = await keepAliveServer(t)
  const { emulator } = await startWith(t, { reader: node })
  await emulator.invoke('reader', { client: 'byAgent', method: 'GET', port })
  const { payload } = await emulator.invoke('reader', { client: 'reader' })
  t.ok(['onStreamRead', 'freeSocketOnReadGuard'].includes(`${payload}`), `read by ${payload}`)
  return payload === 'freeSocketOnReadGuard'
}

t.test('a connection that was closed in the freeze ends as its client has it', async (t) => {
  const clients = clientsOf(await isGuarded(t))
  const emu = await startWith(t, Object.fromEntries(clients.map(({ name, made }) => [name, made])))
  const counted = clients.map(async (client) => {
    const server = await keepAliveServer(t)
    const found: { cell: Cell; outcomes: string[] }[] = []
    for (const cell of cellsOf(client)) {
      const outcomes: string[] = []
      for (let round = 0; round < rounds; round += 1)
        outcomes.push(await outcomeOf(emu, client, server, cell))
      found.push({ cell, outcomes })
    }
    return { client, found }
  })
  for (const { client, found } of await Promise.all(counted)) {
    for (const { cell, outcomes } of found) {
      const expected = client.outcomes[cell.ending][orders[cell.order]]
      const name = `${client.name}, ${cell.ending}, ${cell.order}`
      const unexpected = outcomes.filter((outcome) => !expected.includes(outcome))
      t.same(unexpected, [], `${name}: ${expected.join(' | ')}`)
      if (expected.length > 1) t.comment(`${name}: ${counts(outcomes)}`)
    }
  }
  t.equal(emu.emulator.environments().length, clients.length, 'each in one environment')
})

function counts(outcomes: readonly string[]): string {
  const distinct = [...new Set(outcomes)]
  return distinct
    .map((each) => `${outcomes.filter((one) => one === each).length} × ${each}`)
    .join(', ')
}
