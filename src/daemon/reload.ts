// A project as it is served: what was loaded, what has been deployed of it, and how a change of its files gets there.

import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Warning } from '../admin/contract.js'
import type { Clock } from '../clock/clock.js'
import { type Kernel, processUptimeMs } from '../clock/kernel.js'
import type { LoadedFunction, LoadedProject } from '../config/loaded.js'
import type { ApiDefinition, ScheduleDefinition } from '../domain/api.js'
import { EmulatorError } from '../domain/emulator-error.js'
import type { Journal } from '../journal/journal.js'
import { openSnapshots, type Snapshots } from '../packages/snapshots.js'
import { ownIdentity } from '../sandbox/identity.js'
import { snapshotsFolder } from '../sandbox/sweep.js'
import { Gathering } from '../watch/gathering.js'
import type { ProjectChange, ProjectWatch, WatchWish } from '../watch/project-watch.js'
import {
  type CodeSource,
  codeInPlace,
  type DefineParts,
  definitionOf,
  type WantedFunction,
} from './define-functions.js'
import { foldersBeside, isFolder, WatchedCode } from './watched-code.js'

export interface ProjectParts extends DefineParts {
  readonly journal: Journal
  readonly clock: Clock
  /** Loads the project anew. @throws EmulatorError for whatever is wrong with it. */
  readonly load: () => Promise<LoadedProject>
  /** Undefined: files are looked at when somebody asks for it. */
  readonly watching: WatchingParts | undefined
  /** The HTTP APIs to be served from now on. Called once at the start, then when they change. */
  readonly serveApis: (apis: readonly ApiDefinition[]) => Promise<void>
  /** As `serveApis`. */
  readonly runSchedules: (schedules: readonly ScheduleDefinition[]) => void
  /** Each warning once. */
  readonly warn: (warning: Warning) => void
  readonly reportBug: (error: unknown) => void
}

export interface WatchingParts {
  readonly kernel: Kernel
  readonly stateDirectory: string
  /** Where functions see their code: at /var/task, or, without a root of their own, where it lies. */
  readonly seenAt: 'task' | 'own'
  /** Code folders of the environments that there are. */
  readonly codeInUse: () => Iterable<string>
}

/** What is there only while files are watched. */
interface Watching {
  readonly kernel: Kernel
  readonly code: WatchedCode
  readonly snapshots: Snapshots
  watch: ProjectWatch | undefined
  readonly gathering: Gathering
  readonly stopListening: () => void
}

/** What a folder is searched for, and what `sam build` makes of it: whichever comes, the project may be another. */
const sourcePlaces = [
  'template.yaml',
  'template.yml',
  'template.json',
  'lambda-emu.json',
  join('.aws-sam', 'build', 'template.yaml'),
]

interface Deployed {
  readonly wanted: WantedFunction
  /** Equal for what is the same to the function. */
  readonly state: string
}

export class Project {
  readonly #parts: ProjectParts
  readonly #deployed = new Map<string, Deployed>()
  readonly #warned = new Set<string>()
  /** What is wrong with a function now, as it was told. */
  readonly #told = new Map<string, string>()
  #loaded: LoadedProject
  /** What is wrong with the source since it was last loaded; any change may have mended it. */
  #broken: string | undefined
  #watching: Watching | undefined
  #covered = ''
  #changes: ProjectChange[] = []
  #sinceMs = 0
  /** Changes are counted: those that have been seen, and those that are served. */
  #seen = 0
  #served = 0
  #round: Promise<void> = Promise.resolve()
  #waiting: (() => void)[] = []
  #closed = false

  constructor(parts: ProjectParts, loaded: LoadedProject) {
    this.#parts = parts
    this.#loaded = loaded
  }

  /** As it was last loaded without an error. */
  get loaded(): LoadedProject {
    return this.#loaded
  }

  /**
   * Deploys the project for the first time. All functions are checked before the first is defined.
   * @throws EmulatorError as `definitionOf`, or EMU_PORT_IN_USE; then `close` is still to be called.
   */
  async start(): Promise<void> {
    if (this.#parts.watching !== undefined) await this.#prepareToWatch(this.#parts.watching)
    const source = this.#source()
    const wanted = await Promise.all(
      this.#loaded.functions.map((loaded) => this.#definitionOf(loaded, source)),
    )
    for (const each of wanted) await this.#deploy(each)
    this.#tellWarnings(wanted)
    this.#parts.runSchedules(this.#loaded.schedules)
    await this.#parts.serveApis(this.#loaded.apis)
  }

  async #prepareToWatch({ kernel, stateDirectory, seenAt, codeInUse }: WatchingParts) {
    const { clock, codeStore, layers, journal } = this.#parts
    const kernelNowMs = () => kernel.nowMs()
    const { pid, startTime } = ownIdentity()
    const snapshots = await openSnapshots({
      stateDirectory,
      root: snapshotsFolder(stateDirectory),
      owner: `${pid}-${startTime}`,
      seenAt,
      kernelNowMs,
    })
    this.#watching = {
      kernel,
      snapshots,
      code: new WatchedCode({ codeStore, layers, snapshots, stateDirectory }),
      watch: undefined,
      gathering: new Gathering({
        timers: kernel,
        monotonicMs: () => clock.monotonicMs(),
        over: () => this.#startRound(),
      }),
      stopListening: journal.listen(({ kind, to }) => {
        if (kind !== 'environment.phase' || to !== 'gone') return
        kernel.nextTurn(() => void snapshots.removeUnused(this.#codeInUse(codeInUse)))
      }),
    }
  }

  /**
   * Begins to watch, once the emulator is ready: a watch costs more than all the rest of a start. Who calls meanwhile
   * waits for it, and what was saved since the start is looked at again. Does nothing where nothing is to be watched.
   */
  watch(): void {
    const { watching } = this.#parts
    if (watching === undefined || this.#closed) return
    this.#seen += 1
    const sinceMs = this.#parts.clock.monotonicMs()
    this.#round = this.#round
      .then(() => this.#beginToWatch(watching))
      .then(() => this.#serve(sinceMs))
      .catch(this.#parts.reportBug)
  }

  async #beginToWatch({ kernel, stateDirectory }: WatchingParts): Promise<void> {
    // Who does not watch need not load the watcher.
    const { ProjectWatch } = await import('../watch/project-watch.js')
    if (this.#watching === undefined || this.#closed) return
    this.#watching.watch = new ProjectWatch({
      timers: kernel,
      stateDirectory,
      changed: (change) => this.#changed(change),
      polls: (reason) => this.#warnOfPolling(reason),
    })
    // Watched before it is read again.
    await this.#cover()
    this.#watching.code.forgetPackages()
    const sinceMs = kernel.nowMs() - processUptimeMs()
    for (const path of this.#sources()) {
      const savedMs = statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0
      if (savedMs >= sinceMs) this.#changes.push({ of: path, path, installing: false })
    }
  }

  /**
   * Runs `run` when whatever was saved before this call is served, or has been told to be wrong. The kernel queues the
   * event of a change while the file is being written; so once the event loop has asked the kernel anew, which is
   * between the next two turns, every change is known that is older than the call. Costs these turns while files are
   * watched, and nothing otherwise.
   */
  whenCurrent(run: () => void): void {
    const watching = this.#watching
    if (watching === undefined) return run()
    const { kernel, watch } = watching
    kernel.nextTurn(() =>
      kernel.nextTurn(() => {
        watch?.look()
        if (this.#served >= this.#seen || this.#closed) return run()
        void this.#settled(this.#seen).then(run)
      }),
    )
  }

  async #settled(upTo: number): Promise<void> {
    while (this.#served < upTo && !this.#closed) {
      this.#watching?.gathering.hurry()
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Loads everything anew and serves what has changed; what is wrong is told in the journal. */
  async reload(): Promise<void> {
    this.#seen += 1
    this.#sinceMs = this.#parts.clock.monotonicMs()
    this.#watching?.code.forgetAll()
    for (const of of this.#sources()) this.#changes.push({ of, path: of, installing: false })
    const upTo = this.#seen
    this.#startRound()
    while (this.#served < upTo && !this.#closed) await this.#round
  }

  async close(): Promise<void> {
    this.#closed = true
    const { watch, gathering, snapshots, stopListening } = this.#watching ?? {}
    stopListening?.()
    gathering?.close()
    watch?.close()
    this.#release()
    await this.#round
    await snapshots?.close()
  }

  #changed(change: ProjectChange): void {
    if (this.#closed) return
    this.#seen += 1
    this.#changes.push(change)
    this.#watching?.code.forget(change.of, change)
    this.#watching?.gathering.note(change.path, change.installing)
    this.#sinceMs = this.#watching?.gathering.sinceMs ?? this.#sinceMs
  }

  #startRound(): void {
    const sinceMs = this.#sinceMs
    this.#round = this.#round.then(() => this.#serve(sinceMs)).catch(this.#parts.reportBug)
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** One round: everything that has been seen until now is served when it ends. */
  async #serve(sinceMs: number): Promise<void> {
    if (this.#closed) return
    const upTo = this.#seen
    const changes = this.#changes
    this.#changes = []
    try {
      await this.#takeOver(changes, sinceMs)
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#served = upTo
      this.#release()
    }
    const { watching } = this.#parts
    if (watching === undefined) return
    await this.#watching?.snapshots.removeUnused(this.#codeInUse(watching.codeInUse))
  }

  async #takeOver(changes: readonly ProjectChange[], sinceMs: number): Promise<void> {
    const changed = new Set(changes.map(({ of }) => of))
    const before = this.#loaded
    const sources = this.#sources()
    const touched = sources.some((source) => changed.has(source))
    if (touched || this.#broken !== undefined) await this.#load(touched)
    await this.#cover()
    const names = await this.#deployChanged(changed)
    const apis = await this.#swapApis(before)
    if (names.added.length + names.changed.length + names.removed.length > 0 || apis) {
      const tookMs = Math.round(this.#parts.clock.monotonicMs() - sinceMs)
      this.#parts.journal.append({ kind: 'project.reloaded', ...names, apis, tookMs })
    }
    // What is beside the new code is known only now.
    await this.#cover(true)
  }

  async #load(touched: boolean): Promise<void> {
    const wasBroken = this.#broken
    try {
      this.#loaded = await this.#parts.load()
      this.#broken = undefined
    } catch (error) {
      this.#broken = error instanceof Error ? error.message : String(error)
      // What nobody touched and is still wrong has been told.
      if (touched || this.#broken !== wasBroken) this.#failed(error)
    }
  }

  async #deployChanged(changed: ReadonlySet<string>) {
    const names = { changed: [] as string[], added: [] as string[], removed: [] as string[] }
    const source = this.#source()
    const ready = await Promise.all(
      this.#loaded.functions.map((loaded) => this.#prepare(loaded, source, changed)),
    )
    for (const wanted of ready) {
      if (wanted === undefined) continue
      const { functionName } = wanted.definition
      const isNew = !this.#deployed.has(functionName)
      if (await this.#deploy(wanted)) (isNew ? names.added : names.changed).push(functionName)
    }
    const { accountId, region, functions } = this.#parts
    const wished = new Set(this.#loaded.functions.map(({ functionName }) => functionName))
    for (const functionName of [...this.#deployed.keys()]) {
      if (wished.has(functionName)) continue
      this.#deployed.delete(functionName)
      functions.delete({ accountId, region, functionName })
      names.removed.push(functionName)
    }
    this.#tellWarnings(ready.flatMap((wanted) => wanted ?? []))
    return names
  }

  /** Undefined when something is wrong with it: what was served of it is served on. */
  async #prepare(
    loaded: LoadedFunction,
    source: CodeSource,
    changed: ReadonlySet<string>,
  ): Promise<WantedFunction | undefined> {
    const { functionName, codePath } = loaded
    try {
      const wanted = await this.#definitionOf(loaded, source)
      this.#told.delete(functionName)
      return wanted
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      // Said once; and again when it was touched and is still wrong.
      if (this.#told.get(functionName) !== message || changed.has(codePath)) this.#failed(error)
      this.#told.set(functionName, message)
      return undefined
    }
  }

  /** Whether it is another state of the function than the one before. */
  async #deploy(wanted: WantedFunction): Promise<boolean> {
    const { definition, recordedOnly } = wanted
    const stamp = (await this.#watching?.code.stampOf(wanted)) ?? []
    const state = JSON.stringify([definition, recordedOnly, stamp])
    const before = this.#deployed.get(definition.functionName)
    this.#deployed.set(definition.functionName, { wanted, state })
    if (before?.state === state) return false
    this.#parts.functions.define(definition, recordedOnly)
    return true
  }

  async #swapApis(before: LoadedProject): Promise<boolean> {
    const { apis, schedules } = this.#loaded
    const otherApis = JSON.stringify(apis) !== JSON.stringify(before.apis)
    const otherSchedules = JSON.stringify(schedules) !== JSON.stringify(before.schedules)
    if (otherSchedules) this.#parts.runSchedules(schedules)
    if (otherApis) await this.#parts.serveApis(apis)
    return otherApis || otherSchedules
  }

  /** @throws whatever is nobody's mistake but ours. */
  #failed(error: unknown): void {
    const { journal } = this.#parts
    const kind = 'project.reload-failed'
    if (error instanceof EmulatorError) {
      const { code, message, hint } = error
      journal.append({ kind, code, message, hint })
    } else if (isSystemError(error)) {
      const hint = 'what was served before is served on; save again once it is right'
      journal.append({ kind, code: error.code, message: error.message, hint })
    } else throw error
  }

  #definitionOf(loaded: LoadedFunction, source: CodeSource): Promise<WantedFunction> {
    const layers = this.#watching?.code ?? this.#parts.layers
    return definitionOf(loaded, { ...this.#parts, layers }, source)
  }

  #source(): CodeSource {
    return this.#watching?.code ?? codeInPlace(this.#parts)
  }

  /** Files by which the project itself is another. */
  #sources(): readonly string[] {
    const { project, sources } = this.#loaded
    return [...new Set([...sources, ...sourcePlaces.map((place) => join(project, place))])]
  }

  async #cover(again = false): Promise<void> {
    const watch = this.#watching?.watch
    if (watch === undefined) return
    const wish = this.#wish()
    const text = JSON.stringify(wish)
    // A round covers what it begins with; what it has found beside that is seldom more.
    if (again && text === this.#covered) return
    this.#covered = text
    await watch.cover(wish)
  }

  #wish(): WatchWish {
    const code = this.#loaded.functions.flatMap(({ codePath, layers }) => [
      codePath,
      ...layers.filter((layer) => layer.startsWith('/')),
    ])
    const beside = [...this.#deployed.values()].flatMap(({ wanted }) => foldersBeside(wanted))
    const paths = [...new Set([...code, ...beside])]
    // What is not there now may come back as either; its parent is watched in both cases.
    const folders = paths.filter(isFolder)
    return { folders, files: [...this.#sources(), ...paths.filter((path) => !isFolder(path))] }
  }

  #codeInUse(ofEnvironments: () => Iterable<string>): ReadonlySet<string> {
    const inUse = new Set(ofEnvironments())
    for (const { definition, generation } of this.#parts.functions.all()) {
      inUse.add(definition.code.folder)
      if (generation !== undefined) inUse.add(generation.definition.code.folder)
    }
    return inUse
  }

  #tellWarnings(wanted: readonly WantedFunction[]): void {
    const ofCode = this.#watching?.code.warningsOf(this.#loaded.functions) ?? []
    for (const warning of [...wanted.flatMap(({ warnings }) => warnings), ...ofCode])
      this.#warn(warning)
  }

  #warnOfPolling(reason: string): void {
    const message = `files are looked at every half second, and at every request: ${reason}`
    this.#warn({ code: 'W_WATCH_LIMIT', property: 'watch', message })
  }

  #warn(warning: Warning): void {
    const text = JSON.stringify(warning)
    if (this.#warned.has(text)) return
    this.#warned.add(text)
    this.#parts.warn(warning)
  }
}

/** An error of the file system: what stands in the way is the machine's, or a file's that comes and goes. */
function isSystemError(error: unknown): error is NodeJS.ErrnoException & { readonly code: string } {
  return (
    error instanceof Error &&
    'syscall' in error &&
    typeof (error as NodeJS.ErrnoException).code === 'string'
  )
}
