// The program on a real terminal: keys without echo, colours, and the terminal as it was when it has ended, however that came.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { buildFolder } from '../support/daemon.js'
import { temporaryFolder, writeProject } from '../support/in-process.js'

const program = `
const { setTimeout: sleep } = await import('node:timers/promises')
const [main, ...words] = process.argv.slice(1)
const cli = await import(main)
process.exitCode = await cli.main(words, cli.processTerminal({ sleep }))`
const main = pathToFileURL(join(buildFolder, 'src/cli/main.js')).href

// A terminal with a child of its own session on it. Each step waits for a text, or until keys are heard
// one by one, then presses keys or sends a signal.
const terminal = `
import fcntl, json, os, pty, re, select, signal, struct, subprocess, sys, termios, time
asked = json.loads(sys.argv[1])
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 100, 0, 0))
before = termios.tcgetattr(slave)
child = subprocess.Popen(asked['command'], cwd=asked['cwd'], env=asked['env'], stdin=slave, stdout=slave,
  stderr=slave, start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
text = ''
def read(seconds):
  global text
  ready, _, _ = select.select([master], [], [], seconds)
  if ready: text += os.read(master, 65536).decode('utf-8', 'replace')
  return bool(ready)
def keyed(): return not (termios.tcgetattr(slave)[3] & (termios.ICANON | termios.ECHO))
def reached(expected, seen):
  if expected == '@keyed': return keyed()
  return re.search(expected, seen)
raw = []
for expected, press in asked['steps']:
  start = len(text)
  until = time.monotonic() + 20
  while not reached(expected, text[start:] if raw else text):
    read(0.01)
    if time.monotonic() > until:
      child.kill()
      raise SystemExit('did not see ' + expected + ' in ' + text)
  raw.append(keyed())
  if press.startswith('SIG'): os.kill(child.pid, getattr(signal, press))
  else: os.write(master, press.encode())
until = time.monotonic() + 20
while child.poll() is None:
  read(0.05)
  if time.monotonic() > until:
    child.kill()
    raise SystemExit('it did not end: ' + text)
while read(0): pass
print(json.dumps({'text': text, 'code': child.returncode, 'raw': raw, 'restored': termios.tcgetattr(slave)[3] == before[3]}))
`

const ESC = '\u001b'

interface Seen {
  readonly text: string
  readonly code: number
  readonly raw: readonly boolean[]
  readonly restored: boolean
}

function play(
  t: Test,
  steps: readonly (readonly [string, string])[],
  given: {
    readonly words?: readonly string[]
    readonly variables?: Record<string, string>
    readonly around?: readonly string[]
  } = {},
): Promise<Seen> {
  const folder = temporaryFolder(t)
  const text = 'exports.handler = async () => (console.log("called"), 42)'
  writeProject(folder, { hello: { files: { 'index.js': text } } })
  const words = given.words ?? ['start', '.', '--lambda-port', '0', '--http-port', '0']
  const { NO_COLOR: _, NODE_EXTRA_CA_CERTS: __, ...own } = process.env
  const asked = {
    command: [
      ...(given.around ?? []),
      process.execPath,
      '--input-type=module',
      '-e',
      program,
      '--',
      main,
      ...words,
    ],
    cwd: folder,
    env: {
      ...own,
      TERM: 'xterm-256color',
      XDG_STATE_HOME: join(folder, '.xdg'),
      ...given.variables,
    },
    steps,
  }
  return new Promise((resolve, reject) => {
    execFile('python3', ['-c', terminal, JSON.stringify(asked)], (error, stdout, stderr) => {
      if (error !== null) reject(new Error(stderr))
      else resolve(JSON.parse(stdout))
    })
  })
}

t.test('keys act at once, unechoed, and the terminal is given back', async (t) => {
  const { text, code, raw, restored } = await play(t, [
    ['Ctrl-C stops it', 'i'],
    ['hello answered 42', 'l'],
    ['FUNCTION', 'e'],
    ['e1 .*ready', 'q'],
  ])
  t.equal(code, 0)
  t.same(raw, [true, true, true, true], 'no line, no echo')
  t.ok(restored)
  t.ok(text.includes(`${ESC}[1mlambda-emu `), 'in colour')
  t.match(text, /│.*called\r\n/)
  t.match(text, /\r\nstopped\r\n$/)
})

t.test('Ctrl-C, a second Ctrl-C and SIGTERM give the terminal back, too', async (t) => {
  const once = await play(t, [['Ctrl-C stops it', '\u0003']])
  t.match(once, { code: 0, restored: true })
  const twice = await play(t, [['Ctrl-C stops it', '\u0003\u0003']])
  t.match(twice, { code: 130, restored: true })
  const ended = await play(t, [['Ctrl-C stops it', 'SIGTERM']])
  t.match(ended, { code: 0, restored: true })
})

// Nobody can stop a program that no shell of its session has started.
const shell = 'set -m; "$@"; echo the shell reads; read line; fg; exit $?'

t.test('Ctrl-Z lets go of the keyboard until the program goes on', async (t) => {
  const seen = await play(
    t,
    [
      ['Ctrl-C stops it', '?'],
      ['\\[q\\]', '\u001a'],
      // Not a key of the program's: the shell asks for it before it brings the program back.
      ['the shell reads', '\n'],
      ['@keyed', '?'],
      ['\\[q\\]', 'q'],
    ],
    { around: ['sh', '-c', shell, 'sh'] },
  )
  t.match(seen, { code: 0, restored: true })
})

t.test('NO_COLOR is heeded, and exec leaves the keyboard to its command', async (t) => {
  const plain = await play(t, [['Ctrl-C stops it', 'q']], { variables: { NO_COLOR: '1' } })
  t.notOk(plain.text.includes(ESC))
  t.match(plain.text, /\[i\] invoke/)
  const words = ['exec', '--', 'sh', '-c', 'echo say; read word; echo "said $word"; exit 5']
  const seen = await play(t, [['say', 'hi\n']], { words })
  t.match(seen, { code: 5, raw: [false], restored: true, text: /said hi/ })
  const stopped = await play(t, [['say', '\u0003']], { words })
  t.match(stopped, { code: 130, restored: true })
})
