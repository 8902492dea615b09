// Wires everything and does nothing else.

import { systemChance } from '../clock/kernel.js'
import { projectFolder } from '../config/load.js'
import type { LoadedProject } from '../config/loaded.js'
import { createGuard, type Guard } from '../http/guard.js'
import { portRange } from '../http/port-range.js'
import { createServer, loopbackAddress } from '../http/server.js'
import { type CodeStore, openCodeStore } from '../packages/code-store.js'
import { createLogPipes } from '../sandbox/log-pipe.js'
import { lambdaHandlers } from '../services/lambda/handlers.js'
import { serveAdmin } from './admin-routes.js'
import { chosenProfile, type ProfiledOptions } from './chosen-profile.js'
import { clockOptionsOf, createEngine, type Engine } from './engine.js'
import { codeUrlOf, createLambdaServer } from './lambda-server.js'
import { Lifetime } from './lifetime.js'
import { memoryBudgetOf } from './memory-budget.js'
import { openSandboxes } from './sandboxes.js'
import { loadProject, serveProject } from './served-project.js'
import { claimStateDirectory, type StateDirectoryClaim } from './state-directory.js'
import type { SummaryParts } from './summaries.js'

/** @throws EmulatorError; then nothing is left behind. */
export async function compose(options: ProfiledOptions): Promise<Lifetime> {
  const region = options.region ?? 'us-east-1'
  const accountId = options.accountId ?? '000000000000'
  const host = loopbackAddress(options.host ?? '127.0.0.1')
  const claim = claimStateDirectory(options, await projectFolder(options.path))
  try {
    const { stateDirectory } = claim
    const loaded = await loadProject(options, { region, accountId, stateDirectory })
    return await wire({ options, region, accountId, host, loaded, claim })
  } catch (error) {
    claim.release()
    throw error
  }
}

interface Wish {
  readonly options: ProfiledOptions
  readonly region: string
  readonly accountId: string
  readonly host: string
  readonly loaded: LoadedProject
  readonly claim: StateDirectoryClaim
}

async function wire(wish: Wish): Promise<Lifetime> {
  const { options, host, loaded, claim } = wish
  const { stateDirectory } = claim
  const cpuAllotted = options.cpu ?? true
  const ownUrls = () => [lifetime.lambdaUrl, lifetime.httpUrl]
  const { sandboxes, warnings: ofMachine } = await openSandboxes(options, stateDirectory, ownUrls)
  const codeStore = await openCodeStore(stateDirectory)
  const ports = portRange(Number.parseInt(systemChance.hex(8), 16) / 2 ** 32)
  const pipes = createLogPipes({ stateDirectory, newToken: () => systemChance.hex(32) })
  const engine = createEngine({
    profile: chosenProfile(options),
    clock: clockOptionsOf(options),
    whenCurrent: (run) => served.project.whenCurrent(run),
    sandboxes,
    pipes,
    host,
    ports,
    memoryBudgetMb: memoryBudgetOf(options),
    cpuAllotted,
    lambdaEndpointUrl: () => lifetime.lambdaUrl,
    runtimeChannel: options.runtimeChannel ?? 'frames',
    onBug: (error) => lifetime.bug(error),
  })
  const warnings = [...loaded.warnings, ...ofMachine]
  const served = serveProject({
    ...wish,
    stateDirectory,
    engine,
    sandboxes,
    codeStore,
    warn: (warning) => warnings.push(warning),
    reportBug: (error) => lifetime.bug(error),
  })
  const guard = createGuard()
  const lambdaApp = lambdaServer(wish, { engine, codeStore, guard, lifetime: () => lifetime })
  const adminApp = createServer({ guard })
  const token = systemChance.hex(48)
  const summary: SummaryParts = {
    engine,
    sandboxes,
    wantedFreezer: options.freeze ?? null,
    isolation: options.isolation ?? 'standard',
    cpuAllotted,
    served,
    profileName: engine.profile.name,
    lambdaUrl: () => lifetime.lambdaUrl,
    startedAtMs: engine.clock.nowMs(),
  }
  serveAdmin(adminApp, { token, summary, stop: () => void lifetime.stop() })
  const lifetime = new Lifetime({
    sandboxes,
    pipes,
    claim,
    lambdaApp,
    adminApp,
    summary,
    token,
    warnings,
    source: { path: loaded.sourcePath, suggestions: loaded.suggestions },
    ports,
  })
  try {
    await served.project.start()
    await lifetime.listen(host, options.lambdaPort ?? 3001)
    // Looked for ahead of the first invocation, and after the start.
    for (const { definition } of engine.functions.all()) void engine.programs.find(definition)
  } catch (error) {
    await lifetime.stop()
    throw error
  }
  return lifetime
}

interface ServerParts {
  readonly engine: Engine
  readonly codeStore: CodeStore
  readonly guard: Guard
  readonly lifetime: () => Lifetime
}

function lambdaServer(wish: Wish, { engine, codeStore, guard, lifetime }: ServerParts) {
  return createLambdaServer({
    guard,
    codeStore,
    accountId: wish.accountId,
    region: wish.region,
    newRequestId: () => engine.invoker.newRequestId(),
    reportBug: (error) => lifetime().bug(error),
    handlers: lambdaHandlers({
      functions: engine.functions,
      codeStore,
      invoker: engine.invoker,
      events: engine.events,
      profile: engine.profile,
      whileInTransition: 'wait',
      codeLocation: (record) => codeUrlOf(record, () => lifetime().lambdaUrl),
    }),
  })
}
