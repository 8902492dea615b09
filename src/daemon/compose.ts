// Wires everything and does nothing else.

import type { Emulator, EmulatorOptions, Warning } from '../admin/contract.js'
import { packageVersion } from '../admin/package-root.js'
import { detect } from '../cgroups/detect.js'
import { systemChance, systemKernel } from '../clock/kernel.js'
import { load } from '../config/load.js'
import type { LoadedProject } from '../config/loaded.js'
import { createGuard, type Guard } from '../http/guard.js'
import { createServer, loopbackAddress } from '../http/server.js'
import { type CodeStore, openCodeStore } from '../packages/code-store.js'
import { localProfile } from '../profile/profile.js'
import { createSandboxFactory } from '../sandbox/factory.js'
import { createLogPipes } from '../sandbox/log-pipe.js'
import { sweep } from '../sandbox/sweep.js'
import { lambdaHandlers } from '../services/lambda/handlers.js'
import { serveAdmin } from './admin-routes.js'
import { defineFunctions } from './define-functions.js'
import { createEngine, type Engine } from './engine.js'
import { codePathOf, createLambdaServer } from './lambda-server.js'
import { Lifetime } from './lifetime.js'
import { claimStateDirectory, type StateDirectoryClaim } from './state-directory.js'
import type { SummaryParts } from './summaries.js'

/** @throws EmulatorError; then nothing is left behind. */
export async function compose(options: EmulatorOptions): Promise<Emulator> {
  const region = options.region ?? 'us-east-1'
  const accountId = options.accountId ?? '000000000000'
  const host = loopbackAddress(options.host ?? '127.0.0.1')
  const project = await load(options.path, { region, accountId })
  const claim = claimStateDirectory(options, project.project)
  try {
    return await wire({ options, region, accountId, host, project, claim })
  } catch (error) {
    claim.release()
    throw error
  }
}

interface Wish {
  readonly options: EmulatorOptions
  readonly region: string
  readonly accountId: string
  readonly host: string
  readonly project: LoadedProject
  readonly claim: StateDirectoryClaim
}

async function wire(wish: Wish): Promise<Emulator> {
  const { options, region, accountId, host, project, claim } = wish
  const { stateDirectory } = claim
  const timers = systemKernel
  const support = detect()
  const swept = await sweep({ stateDirectory, support, timers })
  const codeStore = await openCodeStore(stateDirectory)
  const { freeze } = options
  const sandboxes = await createSandboxFactory({ stateDirectory, freeze, timers, support })
  const pipes = createLogPipes({ stateDirectory, newToken: () => systemChance.hex(32) })
  const engine = createEngine({
    profile: localProfile,
    sandboxes,
    pipes,
    host,
    lambdaEndpointUrl: () => lifetime.lambdaUrl,
    onBug: (error) => lifetime.bug(error),
  })
  const guard = createGuard()
  const lambdaApp = lambdaServer(wish, { engine, codeStore, guard, lifetime: () => lifetime })
  const adminApp = createServer({ guard })
  const token = systemChance.hex(48)
  const summary: SummaryParts = {
    engine,
    sandboxes,
    wantedFreezer: options.freeze ?? null,
    project: project.project,
    profileName: localProfile.name,
    version: packageVersion(),
    lambdaUrl: () => lifetime.lambdaUrl,
    startedAtMs: engine.clock.nowMs(),
  }
  serveAdmin(adminApp, { token, summary, stop: () => void lifetime.stop() })
  const warnings = [...project.warnings, ...swept.problems.map(sweepWarning)]
  const lifetime = new Lifetime({
    sandboxes,
    pipes,
    claim,
    lambdaApp,
    adminApp,
    summary,
    token,
    warnings,
  })
  try {
    const { functions, programs } = engine
    await defineFunctions(project, { functions, programs, codeStore, accountId, region })
    await lifetime.listen(host, options.lambdaPort ?? 3001)
    // Looked for ahead of the first invocation, and after the start.
    for (const { definition } of functions.all()) void programs.find(definition)
  } catch (error) {
    await lifetime.stop()
    throw error
  }
  return lifetime
}

function sweepWarning(problem: string): Warning {
  return { code: 'W_SWEEP', property: 'what an earlier daemon left', message: problem }
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
      profile: localProfile,
      whileInTransition: 'wait',
      codeLocation: (record) => {
        const path = codePathOf(record)
        return path === undefined ? undefined : `${lifetime().lambdaUrl}${path}`
      },
    }),
  })
}
