// Functions that keep sockets over a freeze, servers of the host that hang up meanwhile, and what is left of networks.

import { readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { isDead, readProcess } from '../../src/procfs/process.js'
import { until } from '../support/daemon.js'
import type { RunningEmulator } from '../support/in-process.js'

export interface SocketState {
  /** As the kernel calls it. */
  readonly state: string
  readonly sent: string
  readonly then: string
}

/** What its event names, and otherwise the name. */
export const pythonSource = `
import hashlib, os, socket, threading, time, urllib.error, urllib.request
kept = {}
names = {'01': 'ESTABLISHED', '08': 'CLOSE_WAIT'}
def gateway():
    for line in open('/proc/self/net/route').read().splitlines()[1:]:
        word = line.split()
        if word[1] == '00000000':
            return socket.inet_ntoa(bytes.fromhex(word[2])[::-1])
def state_of(sock):
    inode = str(os.fstat(sock.fileno()).st_ino)
    for line in open('/proc/self/net/tcp').read().splitlines()[1:]:
        word = line.split()
        if word[9] == inode:
            return names.get(word[3], word[3])
    return 'gone'
def attempt(what):
    try:
        return what()
    except Exception as error:
        return type(error).__name__
def use(sock):
    state = state_of(sock)
    sent = attempt(lambda: sock.sendall(b'again') or 'sent')
    sock.settimeout(20)
    then = attempt(lambda: sock.recv(100).decode() or 'end')
    return {'state': state, 'sent': sent, 'then': then}
def hear(sock):
    sock.setblocking(False)
    first = attempt(lambda: sock.recv(100).decode())
    sock.settimeout(30)
    return [first, attempt(lambda: sock.recv(100).decode())]
def reach(host, port):
    def ask():
        with socket.create_connection((host, port), 2) as sock:
            sock.sendall(b'GET /ping HTTP/1.1\\r\\nHost: ' + ('%s:%d' % (host, port)).encode() + b'\\r\\n\\r\\n')
            return sock.recv(12).decode()
    return attempt(ask)
def pump(port, size, connections):
    ends = [None] * connections
    def one(at):
        data = hashlib.shake_128(bytes([at])).digest(size)
        got = hashlib.sha256()
        with socket.create_connection(('127.0.0.1', port), 20) as sock:
            def send():
                sock.sendall(data)
                # Its answer comes all the same, to the end.
                sock.shutdown(socket.SHUT_WR)
            sender = threading.Thread(target=send)
            sender.start()
            # The peer has to wait for this reader.
            time.sleep(0.2)
            while piece := sock.recv(1 << 16):
                got.update(piece)
            sender.join()
        ends[at] = got.digest() == hashlib.sha256(data).digest()
    threads = [threading.Thread(target=one, args=[at]) for at in range(connections)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return ends.count(True)
def answer_all(server):
    while True:
        sock, _ = server.accept()
        sock.sendall(('I am ' + os.environ['AWS_LAMBDA_LOG_STREAM_NAME']).encode())
        sock.close()
def handler(event, context):
    what = event['what']
    if what == 'connect':
        for name, port in event['ports'].items():
            host = gateway() if name == 'direct' else '127.0.0.1'
            sock = socket.create_connection((host, port), 5)
            sock.sendall(b'first')
            kept[name] = sock
        return {name: sock.recv(100).decode() for name, sock in kept.items()}
    if what == 'use':
        return {name: use(sock) for name, sock in kept.items()}
    if what == 'hear':
        return {name: hear(sock) for name, sock in kept.items()}
    if what == 'listen':
        server = socket.create_server(('0.0.0.0', event['port']))
        threading.Thread(target=answer_all, args=[server], daemon=True).start()
        time.sleep(event['sleepMs'] / 1000)
        with socket.create_connection(('127.0.0.1', event['port']), 5) as sock:
            return [sock.recv(200).decode(), 'I am ' + context.log_stream_name]
    if what == 'reach':
        return {'%s:%d' % (host, port): reach(host, port)
                for port in event['ports'] for host in ['127.0.0.1', gateway()]}
    if what == 'pump':
        return pump(event['port'], event['bytes'], event['connections'])
    if what == 'api':
        url = os.environ['AWS_ENDPOINT_URL_LAMBDA'] + '/2015-03-31/functions/other/invocations'
        return urllib.request.urlopen(urllib.request.Request(url, data=b'{}', method='POST')).read().decode()
    return what
`

export interface EchoServer {
  readonly port: number
  /** Ends every connection with a FIN. */
  hangUp(): void
  /** Says that on every connection. */
  say(text: string): void
}

/** Answers what it gets, on one address of this machine or, with 0.0.0.0, on all. */
export async function echoServer(t: Test, host: string): Promise<EchoServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('data', (bytes) => socket.write(bytes))
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    hangUp: () => {
      for (const socket of sockets) socket.destroy()
    },
    say: (text) => {
      for (const socket of sockets) socket.write(text)
    },
  }
}

function allLinks(): string[] {
  return readdirSync('/sys/class/net').filter((name) => name.startsWith('lemu'))
}

/** Those of another emulator on this machine are not the test's. */
const ofOthers = { links: new Set(allLinks()), keepers: new Set(allKeepers()) }

/** Names of the links of environments that this machine has since the tests began. */
export function linksThere(): string[] {
  return allLinks().filter((name) => !ofOthers.links.has(name))
}

/** Whether something at the other end is up. */
export function stateOfLink(name: string): string {
  return readFileSync(`/sys/class/net/${name}/operstate`, 'latin1').trim()
}

/** Pids of the processes that keep networks, since the tests began. */
export function keepersThere(): number[] {
  return allKeepers().filter((pid) => !ofOthers.keepers.has(pid))
}

function allKeepers(): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid))
    .filter((pid) => {
      try {
        const name = readFileSync(`/proc/${pid}/comm`, 'latin1').trim()
        return name === 'lambda-emu-net' && !isDead(readProcess(pid))
      } catch {
        // It ended meanwhile.
        return false
      }
    })
}

export function allFrozen({ emulator }: RunningEmulator): Promise<void> {
  return until('every environment is frozen', async () =>
    (await emulator.environments()).every(({ suspension }) => suspension === 'frozen'),
  )
}
