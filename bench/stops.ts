// npm run bench:stops: a daemon profiled while it is called, and its CPU time by the stops of an invoke (docs/performance.md).

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDaemon, temporaryFolder } from './daemon.js'
import { nodeEcho } from './functions.js'
import { event } from './group.js'
import { startLoad } from './load/load.js'
import { repositoryRoot } from './places.js'
import { type CpuProfile, type Stop, stopsOf } from './profile-stops.js'
import { Scope } from './scope.js'

const warmUpCalls = 30_000
const calls = 20_000
const sampleEveryUs = 200

/** The program module by module: the bundle has the same code, and no names of files. */
const unbundled = `
import { setTimeout as sleep } from 'node:timers/promises'
import { main, processTerminal } from ${JSON.stringify(join(repositoryRoot, 'dist/src/cli/main.js'))}
process.exitCode = await main(process.argv.slice(1), processTerminal({ sleep }))
`

async function profiled(scope: Scope, connections: number): Promise<readonly Stop[]> {
  const folder = temporaryFolder(scope)
  const profiling = [
    '--cpu-prof',
    `--cpu-prof-dir=${folder}`,
    `--cpu-prof-interval=${sampleEveryUs}`,
  ]
  const by = [...profiling, '--input-type=module', '-e', unbundled]
  const startedMs = performance.now()
  const daemon = await startDaemon(scope, { functions: { node: nodeEcho }, output: 'json', by })
  const load = startLoad()
  scope.add(() => load.close())
  const target = daemon.target('node', event, event)
  await load.calls({ target, connections, calls: warmUpCalls / connections })
  const sinceMs = performance.now() - startedMs
  await load.calls({ target, connections, calls: calls / connections })
  await daemon.stop()
  const file = readdirSync(folder).find((name) => name.endsWith('.cpuprofile'))
  if (file === undefined) throw new Error('Node wrote no profile')
  const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as CpuProfile
  return stopsOf(profile, sinceMs, calls)
}

function print(connections: number, stops: readonly Stop[]): void {
  const lines = stops.map(
    ({ stop, codeUs, kernelUs }) =>
      `${codeUs.toFixed(1).padStart(8)} ${kernelUs.toFixed(1).padStart(8)}  ${stop}`,
  )
  const sum = stops.reduce((total, { codeUs, kernelUs }) => total + codeUs + kernelUs, 0)
  const head = `${connections} connection${connections === 1 ? '' : 's'}: ${sum.toFixed(0)} µs of the daemon's CPU time a call`
  process.stdout.write(`${head}\n    code   kernel  µs a call\n${lines.join('\n')}\n\n`)
}

delete process.env.NODE_EXTRA_CA_CERTS
const scope = new Scope()
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void scope.close().finally(() => process.exit(130)))
try {
  for (const connections of [1, 16]) print(connections, await profiled(scope, connections))
} finally {
  await scope.close()
}
