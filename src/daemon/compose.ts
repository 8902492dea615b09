// Wires everything and does nothing else.

import { join } from 'node:path'
import type { Emulator, EmulatorOptions } from '../admin/contract.js'
import { runtimeVersionArn } from '../aws/runtime-version.js'
import { detect } from '../cgroups/detect.js'
import { EmulatorClock } from '../clock/emulator-clock.js'
import { systemChance, systemKernel } from '../clock/kernel.js'
import { load } from '../config/load.js'
import { assert } from '../domain/assert.js'
import type { GenerationId } from '../domain/brand.js'
import type { Generation } from '../domain/function.js'
import { MemoryEventQueue } from '../event-queue/memory-event-queue.js'
import { FreezeGrace } from '../host/freeze-grace.js'
import { programs } from '../host/programs.js'
import { RealHost } from '../host/real.js'
import { Runner } from '../host/runner.js'
import { createGuard } from '../http/guard.js'
import { createServer, loopbackAddress } from '../http/server.js'
import { LocalInvoker } from '../invoke/local-invoker.js'
import { PayloadStore } from '../invoke/payloads.js'
import { Journal } from '../journal/journal.js'
import { InvocationTails } from '../logs/invocation-tails.js'
import { LogStore } from '../logs/log-store.js'
import { openCodeStore } from '../packages/code-store.js'
import { initialState } from '../placement/state.js'
import { localProfile } from '../profile/profile.js'
import { createSandboxFactory } from '../sandbox/factory.js'
import { createLogPipes } from '../sandbox/log-pipe.js'
import { sweep } from '../sandbox/sweep.js'
import { functionStore } from '../services/lambda/functions.js'
import { lambdaHandlers } from '../services/lambda/handlers.js'
import { serveAdmin } from './admin-routes.js'
import { defineFunctions } from './define-functions.js'
import { codePathOf, createLambdaServer } from './lambda-server.js'
import { Lifetime } from './lifetime.js'
import { packageRoot, packageVersion } from './package-root.js'
import { claimStateDirectory } from './state-directory.js'
import { nameOf, type SummaryParts } from './summaries.js'

export async function compose(options: EmulatorOptions): Promise<Emulator> {
  const region = options.region ?? 'us-east-1'
  const accountId = options.accountId ?? '000000000000'
  const host = loopbackAddress(options.host ?? '127.0.0.1')
  const profile = localProfile
  const project = await load(options.path, { region, accountId })
  const claim = claimStateDirectory(options, project.project)
  const { stateDirectory } = claim
  const timers = systemKernel
  const support = detect()
  await sweep({ stateDirectory, support, timers })
  const [sandboxes, codeStore] = await Promise.all([
    createSandboxFactory({ stateDirectory, freeze: options.freeze, timers, support }),
    openCodeStore(stateDirectory),
  ])
  const pipes = createLogPipes({ stateDirectory, newToken: () => systemChance.hex(32) })

  const clock = new EmulatorClock({ mode: 'real' })
  const journal = new Journal(clock)
  const logs = new LogStore()
  const tails = new InvocationTails()
  const payloads = new PayloadStore()
  const runtimesFolder = join(packageRoot, 'runtimes')
  const generations = new Map<GenerationId, Generation>()
  const found = programs(runtimesFolder)
  const realHost = new RealHost({
    clock,
    timers,
    sandboxes,
    pipes,
    grace: new FreezeGrace(profile.freezeGraceMs.value, timers),
    programs: found,
    payloads,
    logs,
    tails,
    journal,
    host,
    newStreamId: () => systemChance.hex(32),
    runtimeVersionArn: ({ definition }) => runtimeVersionArn(definition.region, definition.runtime),
    runtimesFolder,
    lambdaEndpointUrl: () => lifetime.lambdaUrl,
    generationOf: (id) => {
      const generation = generations.get(id)
      assert(generation !== undefined, `generation ${id} has been deployed`)
      return generation
    },
  })
  const figures = {
    initLimitMs: profile.initLimitMs.value,
    idleLifeMs: profile.idleLifeMs.value,
    settleWaitMs: profile.settleWaitMs.value,
    resetWaitMs: profile.resetWaitMs.value,
    suspendable: sandboxes.backend !== 'none',
  }
  const state = initialState(figures, profile.accountConcurrency.value)
  const runner = new Runner({ clock, host: realHost, journal, state, onBug: (e) => lifetime.bug(e) })
  const invoker = new LocalInvoker({
    clock,
    chance: systemChance,
    payloads,
    tails,
    submit: (invocation, answered) => runner.submit(invocation, answered),
  })
  const events = new MemoryEventQueue({
    clock,
    invoker,
    journal,
    nameOf,
    figures: {
      retryDelaysMs: profile.retryDelaysMs.value,
      throttleBackoffMs: profile.throttleBackoffMs.value,
      maximumEventAgeMs: profile.maximumEventAgeMs.value,
    },
  })
  const functions = functionStore({
    clock,
    newRevisionId: () => systemChance.uuid(),
    transitionMs: 0,
    listener: {
      onDeployed: ({ generation, replaces }) => {
        generations.set(generation.id, generation)
        const { functionArn, timeoutSeconds } = generation.definition
        runner.post({
          on: 'deployed',
          generation: { id: generation.id, functionArn, timeoutMs: timeoutSeconds * 1000 },
          ...(replaces === undefined ? {} : { replaces: replaces.id }),
        })
      },
      onDeleted: ({ generation }) => runner.post({ on: 'deleted', generation: generation.id }),
    },
  })
  const guard = createGuard()
  const lambdaApp = createLambdaServer({
    guard,
    codeStore,
    accountId,
    region,
    newRequestId: () => invoker.newRequestId(),
    reportBug: (error) => lifetime.bug(error),
    handlers: lambdaHandlers({
      functions,
      codeStore,
      invoker,
      events,
      profile,
      whileInTransition: 'wait',
      codeLocation: (record) => {
        const path = codePathOf(record)
        return path === undefined ? undefined : `${lifetime.lambdaUrl}${path}`
      },
    }),
  })
  const adminApp = createServer({ guard })
  const token = systemChance.hex(48)
  const summary: SummaryParts = {
    clock,
    host: realHost,
    placement: state,
    functions,
    events,
    invoker,
    sandboxes,
    wantedFreezer: options.freeze ?? null,
    project: project.sourcePath ?? project.project,
    profileName: profile.name,
    version: packageVersion(),
    lambdaUrl: () => lifetime.lambdaUrl,
    startedAtMs: clock.nowMs(),
  }
  serveAdmin(adminApp, { token, summary, runner, logs, journal, stop: () => void lifetime.stop() })
  const lifetime = new Lifetime({
    clock,
    journal,
    logs,
    runner,
    sandboxes,
    pipes,
    claim,
    lambdaApp,
    adminApp,
    summary,
    token,
    warnings: project.warnings,
  })
  try {
    await defineFunctions(project, { functions, codeStore, programs: found, accountId, region })
    await lifetime.listen(host, options.lambdaPort ?? 3001)
  } catch (error) {
    await lifetime.stop()
    throw error
  }
  return lifetime
}
