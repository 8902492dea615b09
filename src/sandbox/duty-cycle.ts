// CPU time in proportion to memory where no control group can limit it: stop the tree when its share is used up, continue it later.

import type { KernelTimers, Release } from '../clock/clock.js'
import { assert } from '../domain/assert.js'

/**
 * What a bucket holds when full, in milliseconds of its share: an environment that waited may use that much at once.
 * Source: measured; shares of .0721 to .0744 for .0724, where 20 ms cycles lose too much to timers of 1 ms.
 */
export const dutyCycleMs = 50

/** No smaller share is kept: timers of 1 ms gave environments at 3 % three times that. Source: measured. */
export const dutyShareMin = 0.05

/** A spinning thread can use up what is left no sooner than that, and schedulers count no finer. */
const CHECK_MS_MIN = 2
/** While the tree waits for something, it is looked at ever less often (each look wakes the daemon); a burst after that is a debt like any other. */
const CHECK_MS_MAX = 25
/** Less than this in one look is waiting, not working. */
const IDLE_US = 200
/** A stop shorter than this costs more than it takes away. */
const STOPPED_MS_MIN = 4
/** Readings lag by up to one scheduler tick for each thread that runs. */
const READING_SLACK_US = 20_000

export interface DutyCyclesOptions {
  readonly timers: KernelTimers
  /** Time that never jumps; milliseconds with fractions. */
  readonly monotonicMs: () => number
  /** CPUs that this machine lets a process use. */
  readonly cpus: number
}

export interface DutyCycleOptions {
  /** In CPUs: 128 MB is 128 / 1769. Below `dutyShareMin` it is taken as that. */
  readonly share: number
  /** CPU time of the whole tree, never falling, finer than 5 ms. Microseconds. */
  readonly cpuUs: () => number
  /** Called in turn, `stop` first. What they do must not undo a freeze: see `Holds`. */
  readonly stop: () => void
  readonly continue: () => void
}

/**
 * The bucket of one environment. It fills with real time, running or not, and never above one cycle's worth;
 * what was used too much is a debt, and a freeze forgives none of it.
 */
export interface DutyCycle {
  /**
   * After init, and before every thaw: from now on CPU time counts. When there is a debt the tree is stopped
   * before this returns, so that the thaw hands nothing out.
   */
  run(): void
  /** After every freeze. Looks once more a moment later, then costs nothing. A stopped tree stays stopped. */
  rest(): void
  /** After a kill, and before init: forgets the debt and holds nothing. `run` starts it anew. */
  end(): void
  /** Whether it holds the tree stopped now. */
  readonly stopped: boolean
}

/** All environments share one timer, armed for whichever is due first. */
export class DutyCycles {
  private readonly options: DutyCyclesOptions
  private readonly due = new Map<Bucket, number>()
  private armedForMs = Number.POSITIVE_INFINITY
  private cancel: Release = () => {}

  constructor(options: DutyCyclesOptions) {
    assert(options.cpus >= 1, 'there is a CPU')
    this.options = options
  }

  /** Nothing happens until `run`. */
  make(options: DutyCycleOptions): DutyCycle {
    const { cpus, monotonicMs } = this.options
    return new Bucket(options, {
      cpus,
      monotonicMs,
      wake: (bucket, atMs) => this.wake(bucket, atMs),
    })
  }

  private wake(bucket: Bucket, atMs: number | undefined): void {
    if (atMs === undefined) this.due.delete(bucket)
    else this.due.set(bucket, atMs)
    if (this.due.size === 0) this.disarm()
    else if (atMs !== undefined && atMs < this.armedForMs) this.armFor(atMs)
  }

  private disarm(): void {
    this.cancel()
    this.cancel = () => {}
    if (this.armedForMs !== Number.NEGATIVE_INFINITY) this.armedForMs = Number.POSITIVE_INFINITY
  }

  private armFor(atMs: number): void {
    this.cancel()
    this.armedForMs = atMs
    const delayMs = Math.max(1, Math.ceil(atMs - this.options.monotonicMs()))
    this.cancel = this.options.timers.after(delayMs, () => this.tick())
  }

  private tick(): void {
    // Whoever is due within the finest timer there is would only cost another one.
    const untilMs = this.options.monotonicMs() + 1
    const now = [...this.due].filter(([, atMs]) => atMs < untilMs).map(([bucket]) => bucket)
    for (const bucket of now) this.due.delete(bucket)
    // Nothing is armed for each of them on the way.
    this.armedForMs = Number.NEGATIVE_INFINITY
    for (const bucket of now) bucket.check()
    this.armedForMs = Number.POSITIVE_INFINITY
    if (this.due.size > 0) this.armFor(Math.min(...this.due.values()))
  }
}

interface BucketSystem {
  readonly cpus: number
  readonly monotonicMs: () => number
  readonly wake: (bucket: Bucket, atMs: number | undefined) => void
}

class Bucket implements DutyCycle {
  stopped = false
  private readonly options: DutyCycleOptions
  private readonly system: BucketSystem
  private readonly share: number
  private readonly fullUs: number
  /** The tree is continued at this level, so that stop and go together last about one cycle. */
  private readonly enoughUs: number
  private tokensUs: number
  private filledAtMs = 0
  private readAtMs = 0
  private readUs: number | undefined
  private running = false
  private dueMs: number | undefined
  private idleMs = CHECK_MS_MIN
  /** CPUs that it used at the last look that found it working. */
  private speed = 1

  constructor(options: DutyCycleOptions, system: BucketSystem) {
    this.options = options
    this.system = system
    this.share = Math.max(options.share, dutyShareMin)
    this.fullUs = this.share * dutyCycleMs * 1000
    const cpusUsed = Math.ceil(this.share)
    const enoughMs = (dutyCycleMs * (cpusUsed - this.share)) / cpusUsed
    this.enoughUs = Math.min(this.fullUs, this.share * Math.max(enoughMs, STOPPED_MS_MIN) * 1000)
    this.tokensUs = this.fullUs
  }

  run(): void {
    // So much it cannot use.
    if (this.running || this.share >= this.system.cpus) return
    this.running = true
    const nowMs = this.system.monotonicMs()
    if (this.readUs === undefined) {
      this.readUs = this.options.cpuUs()
      this.readAtMs = nowMs
      this.filledAtMs = nowMs
    }
    this.fill(nowMs)
    this.idleMs = CHECK_MS_MIN
    this.decide(nowMs)
  }

  rest(): void {
    if (!this.running) return
    this.running = false
    // What it used up to the freeze is read when it surely stands still, off everybody's path.
    this.dueBy(this.system.monotonicMs() + CHECK_MS_MIN)
  }

  end(): void {
    this.running = false
    this.readUs = undefined
    this.tokensUs = this.fullUs
    this.dueMs = undefined
    this.system.wake(this, undefined)
    this.continue()
  }

  /** The shared timer's call. */
  check(): void {
    if (this.readUs === undefined) return
    const nowMs = this.system.monotonicMs()
    const lookedMs = nowMs - this.readAtMs
    this.dueMs = undefined
    const usedUs = this.spend(nowMs)
    this.fill(nowMs)
    if (usedUs >= IDLE_US && !this.stopped) this.speed = this.speedOf(usedUs / 1000, lookedMs)
    if (!this.running) {
      this.system.wake(this, undefined)
      return
    }
    this.idleMs = usedUs < IDLE_US ? Math.min(this.idleMs * 2, CHECK_MS_MAX) : CHECK_MS_MIN
    this.decide(nowMs)
  }

  private decide(nowMs: number): void {
    if (this.tokensUs <= 0 && !this.stopped) {
      this.stopped = true
      this.options.stop()
    } else if (this.stopped && this.tokensUs >= this.enoughUs) this.continue()
    const leftMs = this.tokensUs / 1000
    this.dueBy(
      this.stopped
        ? nowMs + Math.max(1, (this.enoughUs / 1000 - leftMs) / this.share)
        : nowMs + Math.max(this.idleMs, leftMs / this.speed),
    )
  }

  private continue(): void {
    if (!this.stopped) return
    this.stopped = false
    this.idleMs = CHECK_MS_MIN
    this.options.continue()
  }

  /** Never puts off what is due: calls shorter than a look would not be looked at. */
  private dueBy(atMs: number): void {
    this.dueMs = Math.min(this.dueMs ?? atMs, atMs)
    this.system.wake(this, this.dueMs)
  }

  private spend(nowMs: number): number {
    const beforeUs = this.readUs ?? 0
    this.readUs = this.options.cpuUs()
    // A process that joins with a past brings its whole time along; nobody can have used more than there was.
    const mostUs = (nowMs - this.readAtMs) * this.system.cpus * 1000 + READING_SLACK_US
    const usedUs = Math.min(Math.max(0, this.readUs - beforeUs), mostUs)
    this.readAtMs = nowMs
    this.tokensUs -= usedUs
    return usedUs
  }

  private speedOf(usedMs: number, lookedMs: number): number {
    return Math.min(Math.max(1, usedMs / Math.max(1, lookedMs)), this.system.cpus)
  }

  private fill(nowMs: number): void {
    const filledUs = this.tokensUs + (nowMs - this.filledAtMs) * this.share * 1000
    this.tokensUs = Math.min(this.fullUs, filledUs)
    this.filledAtMs = nowMs
  }
}
