// npm run bench:peers — lambda-emu beside the tools that npm and PyPI have for the same work, with the same functions, each in a
// network namespace of its own. It needs root, for the namespaces; not a part of CI, because it installs much.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import type { Facts } from './facts.js'
import { install } from './install.js'
import type { Figures } from './measure.js'
import { endAll, networkOf } from './processes.js'
import { disturbance, type Findings, factTable, figureTable, markdown, plain } from './table.js'
import type { Tool } from './tool.js'
import { tools } from './tools/index.js'

const usage = `npm run bench:peers -- [--smoke] [--json | --markdown] [--rounds N] [--tools NAME,NAME] [--lock FILE]
  --smoke      one small round, to see that everything runs
  --json       every figure of every round
  --markdown   the tables as a page has them
  --show       what the last run found, also when it was broken off; measures nothing
  --lock FILE  take this lock (flock) around each piece, where others measure too`

interface Options {
  readonly smoke: boolean
  readonly show: boolean
  readonly rounds: number
  readonly names: readonly string[]
  readonly lock: string | undefined
  readonly form: 'plain' | 'json' | 'markdown'
}

function options(): Options {
  const { values } = parseArgs({
    options: {
      smoke: { type: 'boolean', default: false },
      show: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      tools: { type: 'string' },
      lock: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(usage)
    process.exit(0)
  }
  const rounds = Number(values.rounds ?? (values.smoke ? 1 : 5))
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds wants a whole number')
  const names = values.tools?.split(',') ?? tools.map((tool) => tool.name)
  const unknown = names.find((name) => !tools.some((tool) => tool.name === name))
  if (unknown) throw new Error(`there is no ${unknown}; there are ${tools.map((t) => t.name)}`)
  const form = values.json ? 'json' : values.markdown ? 'markdown' : 'plain'
  return { smoke: values.smoke, show: values.show, rounds, names, lock: values.lock, form }
}

const cache = process.env.XDG_CACHE_HOME
  ? join(process.env.XDG_CACHE_HOME, 'lambda-emu-peers')
  : join(import.meta.dirname, '../../../.cache/peers')

const say = (text: string) => process.stderr.write(`${text}\n`)

/** Certificates of a proxy cost every Node process 70 ms at its start; the tools need none, without a network. */
function measuredVariables(): Record<string, string> {
  const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...variables } = process.env
  const secret = `${process.pid}-${Math.random()}`
  return { ...(variables as Record<string, string>), PEERS_SECRET: secret }
}

/** Runs one piece of one tool inside a new network namespace, and ends whatever it left there. */
async function inside<Result>(piece: string, findings: Findings, given: Options): Promise<Result> {
  const own = join(cache, findings.tool.name.replaceAll('/', '-'))
  const effort = given.smoke ? 'smoke' : 'full'
  const machine = networkOf('self') ?? ''
  const program = [process.execPath, join(import.meta.dirname, 'inside.js')]
  const folders = [join(own, 'installed'), join(own, 'project')]
  const words = [piece, findings.tool.name, effort, ...folders, machine]
  const command = ['unshare', '--net', '--', ...program, ...words]
  if (given.lock) command.unshift('flock', piece === 'timeouts' ? '-s' : '-x', given.lock)
  const [file = '', ...args] = command
  const child = execa(file, args, {
    env: measuredVariables(),
    extendEnv: false,
    stdin: 'pipe',
    stderr: 'inherit',
    reject: false,
    buffer: false,
  })
  let network = ''
  let answer: { result?: Result; error?: string } = { error: 'it ended without an answer' }
  for await (const line of createInterface({ input: child.stdout })) {
    if (network) answer = JSON.parse(line)
    else network = line
  }
  await child
  if (network) await endAll({ own: network, machine }, [])
  if (answer.result === undefined) throw new Error(answer.error)
  return answer.result
}

/** What a run found, as it is kept after every piece and as `--json` prints it. */
interface Kept {
  readonly machine: string
  readonly smoke: boolean
  readonly findings: readonly KeptFindings[]
}

type KeptFindings = Pick<Findings, 'rounds' | 'facts' | 'failures'> &
  Pick<Tool, 'name' | 'version' | 'options'>

const keptFile = join(cache, 'latest.json')

async function keep(all: readonly Findings[], given: Options): Promise<Kept> {
  const findings = all.map(({ tool, rounds, facts, failures }) => {
    const { name, version, options: how } = tool
    return { name, version, options: how, rounds, facts, failures }
  })
  const kept = { machine: await machineText(all), smoke: given.smoke, findings }
  writeFileSync(keptFile, `${JSON.stringify(kept, null, 2)}\n`)
  return kept
}

function lastRun(): Kept {
  return JSON.parse(readFileSync(keptFile, 'utf8')) as Kept
}

/** Runs a piece; a failure is told and kept, and the others go on. */
async function attempt(findings: Findings, what: string, run: () => Promise<void>): Promise<void> {
  say(`${findings.tool.name}: ${what}`)
  try {
    await run()
  } catch (error) {
    const text = error instanceof Error ? error.message : `${error}`
    findings.failures.push(`${findings.tool.name}, ${what}: ${text}`)
    say(`  failed: ${text}`)
  }
}

async function compare(given: Options): Promise<Findings[]> {
  const all: Findings[] = tools
    .filter((tool) => given.names.includes(tool.name))
    .map((tool) => ({ tool, rounds: [], facts: {}, failures: [] }))
  for (const findings of all) {
    const folder = join(cache, findings.tool.name.replaceAll('/', '-'), 'installed')
    await attempt(findings, 'install', () => install(findings.tool, folder, say))
  }
  const installed = all.filter((findings) => findings.failures.length === 0)
  for (let round = 1; round <= given.rounds; round += 1) {
    const inTurn = round % 2 ? installed : installed.toReversed()
    for (const findings of inTurn) {
      await attempt(findings, `round ${round}`, async () => {
        findings.rounds.push(await inside<Figures>('figures', findings, given))
      })
      await keep(all, given)
    }
  }
  for (const findings of installed) {
    for (const piece of ['limits', 'timeouts']) {
      await attempt(findings, piece, async () => {
        findings.facts = { ...findings.facts, ...(await inside<Facts>(piece, findings, given)) }
      })
    }
  }
  return all
}

async function machineText(all: readonly Findings[]): Promise<string> {
  const python = await execa('python3', ['--version'])
  const date = new Date().toISOString().slice(0, 10)
  const cores = `${cpus().length} cores (${cpus()[0]?.model.trim()})`
  const rounds = Math.min(...all.map((findings) => findings.rounds.length))
  return `${date}, ${cores}, Linux ${release()}, Node ${process.versions.node}, ${python.stdout}; interleaved rounds: ${rounds}; medians. Memory is that of all processes, files that they share counted once. Functions have 1,769 MB.`
}

function print(kept: Kept, given: Options): void {
  if (given.form === 'json') {
    console.log(JSON.stringify(kept, null, 2))
    return
  }
  const all = kept.findings.flatMap((findings) => {
    const tool = tools.find((one) => one.name === findings.name)
    return tool ? [{ ...findings, tool }] : []
  })
  const notes: string[] = []
  const form = given.form === 'markdown' ? markdown : plain
  console.log([kept.machine, disturbance(all) ?? []].flat().join('\n'))
  console.log(`\n${form(figureTable(all, notes))}\n\n${form(factTable(all, notes))}\n`)
  for (const [at, note] of notes.entries()) console.log(`(${at + 1}) ${note}`)
  for (const { tool } of all) {
    const warm = tool.limits.warmNote ? `; ${tool.limits.warmNote}` : ''
    console.log(`- ${tool.name} ${tool.version}: ${tool.options}${warm}`)
  }
}

async function measured(given: Options): Promise<Kept> {
  if (process.getuid?.() !== 0) {
    throw new Error('run it as root: every tool gets a network of its own')
  }
  mkdirSync(cache, { recursive: true })
  return await keep(await compare(given), given)
}

const given = options()
const kept = given.show ? lastRun() : await measured(given)
print(kept, given)
const failures = kept.findings.flatMap((findings) => findings.failures)
for (const failure of failures) say(`FAILED ${failure}`)
process.exit(failures.length === 0 ? 0 : 1)
