// kill -9 of a daemon at the very steps of its start, each as soon as it shows on the machine: nothing of it is left after 2 s.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { detect } from '../../src/cgroups/detect.js'
import { namespaceMark } from '../../src/cgroups/namespace-mark.js'
import {
  identityOf,
  isAlive,
  type ProcessIdentity,
  subtreeName,
} from '../../src/sandbox/identity.js'
import { nowMs, type StartingDaemon } from '../support/daemon.js'
import { temporaryFolder } from '../support/functions.js'
import { loadedProject } from './load.js'
import { nameOf } from './machine.js'
import { endAfter, type Place, start } from './moments.js'
import { Traces } from './traces.js'

// Only against hanging.
t.setTimeout(400_000)

const support = detect()
const roots = [
  ...new Set(
    [support.v2, ...Object.values(support.v1)].flatMap((hierarchy) => hierarchy?.root ?? []),
  ),
]
const freezers = { v2: support.v2?.root ?? '', v1: support.v1.freezer?.root ?? '' }
const TRIES_MAX = 20

type Step = (daemon: ProcessIdentity, freeze: 'v2' | 'v1') => boolean

/** The group in which a freezer is tried. */
function probeGroup({ pid, startTime }: ProcessIdentity, freeze: 'v2' | 'v1'): string {
  return join(freezers[freeze], `lambda-emu-probe-${pid}-${startTime}${namespaceMark()}`)
}

function textOr(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // It is not there yet.
    return ''
  }
}

const steps: Readonly<Record<string, Step>> = {
  'a group to try the freezer is there': (daemon, freeze) => existsSync(probeGroup(daemon, freeze)),
  'a process is in it': (daemon, freeze) =>
    textOr(join(probeGroup(daemon, freeze), 'cgroup.procs')) !== '',
  'the process in it is frozen': (daemon, freeze) =>
    /frozen 1|FROZEN/.test(
      textOr(join(probeGroup(daemon, freeze), freeze === 'v2' ? 'cgroup.events' : 'freezer.state')),
    ),
  'the folders for its groups are there': (daemon) =>
    roots.some((root) => existsSync(join(root, subtreeName(daemon)))),
  'its first child is there': ({ pid }) => childrenOf(pid).length > 0,
  'its guardian is there': ({ pid }) =>
    childrenOf(pid).some((child) => nameOf(Number(child)) === 'lambda-emu-guar'),
}

function childrenOf(pid: number): string[] {
  return textOr(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean)
}

for (const [step, isReached] of Object.entries(steps)) {
  t.test(`a kill -9 when ${step} leaves nothing`, async (t) => {
    const mark = `start-${process.pid}-${nowMs()}`
    const stateDirectory = temporaryFolder(t)
    const traces = new Traces({ stateDirectory, mark })
    const project = loadedProject(t, mark)
    const place: Place = { project, stateDirectory, mark, traces, startMs: 0 }
    let current: StartingDaemon | undefined
    endAfter(t, () => current)
    for (const freeze of ['v2', 'v1'] as const) {
      for (let tries = 1; ; tries += 1) {
        current = start(place, freeze)
        if (reaches(current.pid, place, (daemon) => isReached(daemon, freeze))) break
        // It went by between two looks: this daemon is at work already.
        if (tries === TRIES_MAX) throw new Error(`${step}: never seen`)
        await (await current.ready).kill9()
        await traces.gone(nowMs())
      }
      const killedAtMs = nowMs()
      process.kill(current.pid, 'SIGKILL')
      const { left, tookMs } = await traces.gone(killedAtMs)
      t.same(left, [], `${freeze}: gone in ${tookMs.toFixed(0)} ms`)
      await current.exited
    }
  })
}

/** Looks without a pause, and for nothing else, until the step is reached; false when the daemon is ready before. */
function reaches(
  pid: number,
  { stateDirectory }: Place,
  isReached: (daemon: ProcessIdentity) => boolean,
): boolean {
  const daemon = identityOf(pid)
  if (daemon === undefined) throw new Error('it was just started')
  for (let looks = 1; ; looks += 1) {
    if (isReached(daemon)) return true
    if (looks % 100 !== 0) continue
    if (!isAlive(daemon)) throw new Error('the daemon has ended by itself')
    const told = textOr(join(stateDirectory, 'daemon.json'))
    if (told.includes(`"pid": ${pid},`) && told.includes('"adminUrl": "http')) return false
  }
}
