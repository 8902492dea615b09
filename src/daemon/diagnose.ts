// What `lambda-emu doctor` shows: every ability tried as the daemon would try it, and the facts that advice depends on.

import { existsSync, rmdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { prepareStateDirectory, stateRoot } from '../admin/daemon-file.js'
import type { Diagnosis, HelperReport, Obstacle, PortReport } from '../admin/diagnosis.js'
import { packageRoot, packageVersion } from '../admin/package-root.js'
import { detect } from '../cgroups/detect.js'
import { systemKernel } from '../clock/kernel.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { portHolder } from '../http/port-holder.js'
import { type Findings, findAbilities } from '../sandbox/abilities.js'
import { findHelper, helperVariable } from '../sandbox/helper.js'
import { describeMachine } from './machine.js'
import { memoryBudgetOf } from './memory-budget.js'

type Variables = Readonly<Record<string, string | undefined>>

/** Of HTTP functions and of the Lambda API, unless options say otherwise. */
const defaultPorts = [3000, 3001]

/** Tries everything and keeps nothing. About 100 ms. */
export async function diagnoseMachine(
  variables: Variables,
  stateDirectory: string | undefined,
): Promise<Diagnosis> {
  const support = detect()
  const helper = findHelper(packageRoot)
  const [{ abilities, findings }, machine, ports, loopback] = await Promise.all([
    findAbilities({ helper, support, timers: systemKernel, variables }),
    describeMachine(support, variables),
    Promise.all(defaultPorts.map(reportPort)),
    listenProblem(0),
  ])
  const where = stateDirectory ?? stateRoot(variables)
  const obstacles = [stateProblem(where), loopbackProblem(loopback)]
  return {
    version: packageVersion(),
    abilities,
    probes: 'probes' in findings.probe ? findings.probe.probes : {},
    helper: reportHelper(helper, findings, variables),
    machine,
    memoryBudgetMb: memoryBudgetOf({}, machine.memoryAvailableMb),
    ports,
    obstacles: obstacles.filter((each) => each !== undefined),
  }
}

function reportHelper(
  helper: string | undefined,
  { probe }: Findings,
  variables: Variables,
): HelperReport {
  const named = variables[helperVariable]
  const sources = ['native/helper.c', 'scripts/build-helper.js', 'tsconfig.json']
  return {
    path: helper ?? named ?? null,
    problem: 'refused' in probe ? probe.refused : '',
    named: named !== undefined,
    canBeBuilt: sources.every((name) => existsSync(join(packageRoot, name))),
  }
}

async function reportPort(port: number): Promise<PortReport> {
  const reason = await listenProblem(port)
  if (reason !== 'EADDRINUSE') return { port, taken: reason }
  const holder = portHolder(port)
  return { port, taken: `in use${holder ? ` by ${holder.command} (pid ${holder.pid})` : ''}` }
}

/** Why nobody can listen on that loopback port, as an errno name; empty when one can. */
function listenProblem(port: number): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve('')))
  })
}

function loopbackProblem(reason: string): Obstacle | undefined {
  if (reason === '') return undefined
  const message = `nothing can listen on 127.0.0.1: ${reason}`
  return {
    code: 'EMU_LOOPBACK',
    message,
    hint: 'bring up the loopback interface: ip link set lo up',
  }
}

/** Makes a folder below it, as each project has one, and takes away all that was not there before. */
function stateProblem(where: string): Obstacle | undefined {
  const folder = join(resolve(where), `doctor-${process.pid}`)
  const made = missingFolders(folder)
  try {
    prepareStateDirectory(folder)
    for (const each of made) rmdirSync(each)
    return undefined
  } catch (error) {
    if (!(error instanceof EmulatorError)) throw error
    const { code, message, hint } = error
    return { code, message, hint }
  }
}

/** Deepest first. */
function missingFolders(folder: string): readonly string[] {
  return existsSync(folder) ? [] : [folder, ...missingFolders(dirname(folder))]
}
